// slow (14 s): trainings until posteriors are those in closed form
// Short trainings on wasm, whose posteriors are compared with exact ones.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import { logNormal } from "../src/distributions/log-normal.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { normal } from "../src/distributions/normal.ts";
import { product } from "../src/distributions/product.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { concat, log, mul, slice } from "../src/graph/build.ts";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { spline } from "../src/guides/spline.ts";
import { infer } from "../src/infer/infer.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { banana, linearGaussian, linearGaussianPosterior } from "../src/problems.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { train } from "../src/train/train.ts";
import { divergence, type Moments } from "./helpers/divergence.ts";

const kernels = "plain";

for (const [objective, options] of [
  ["npe", { steps: 3000, batch: 512, rate: 1e-2 }],
  ["elbo", { steps: 1500, batch: 128, particles: 4, rate: 1e-2 }],
] as const) {
  test(`a Gaussian guide learns the posterior of a linear problem by ${objective}: less than 0.01 nats off on fresh data`, async () => {
    const map = await train(linearGaussian, {
      guide: gaussian({ hidden: [] }),
      objective,
      seed: 1,
      kernels,
      heldOut: 1024,
      ...options,
    });
    const { noisy } = await simulate(linearGaussian, 200, { seed: 77 });
    const data = Array.from({ length: 200 }, (_, i) => noisy.subarray(20 * i, 20 * (i + 1)));
    const posteriors = await infer(map, data);
    const nats = posteriors.map((q, i) => divergence(q, linearGaussianPosterior(data[i])));
    const mean = nats.reduce((a, b) => a + b, 0) / nats.length;
    assert.ok(mean >= 0 && mean < 1e-2, `${mean} nats`);
  });
}

/** Distribution functions of θ1 and θ2 of the banana's posterior given y, on a grid of [−6, 6]. */
function bananaMarginals(y: number): ((x: number) => number)[] {
  const n = 1200;
  const at = (i: number): number => -6 + (12 * (i + 0.5)) / n;
  const density = (a: number, b: number): number =>
    Math.exp(-0.5 * (a * a + b * b) - 0.5 * ((y - b - a * a) / 0.25) ** 2);
  const sums = [new Float64Array(n + 1), new Float64Array(n + 1)];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const p = density(at(i), at(j));
      sums[0][i + 1] += p;
      sums[1][j + 1] += p;
    }
  }
  return sums.map((mass) => {
    for (let i = 0; i < n; i++) mass[i + 1] += mass[i];
    return (x) => {
      const place = Math.min(Math.max(((x + 6) / 12) * n, 0), n - 1e-9);
      const cell = Math.floor(place);
      return (mass[cell] + (place - cell) * (mass[cell + 1] - mass[cell])) / mass[n];
    };
  });
}

for (const guide of [
  spline({ bins: 16, embedding: [32, 32], hidden: [32, 32] }),
  coupling({ blocks: 4, hidden: [32, 32], activation: "silu" }),
]) {
  test(`a ${guide.name} guide learns a curved posterior: its marginals are those of numerical integration`, async () => {
    const map = await train(banana, { guide, steps: 1500, batch: 256, seed: 1, rate: 5e-3, kernels });
    const count = 4000;
    const most = ksBound(count, 1e-3) + 0.04; // exact draws stay below 0.031; the rest is what a short training leaves
    for (const y of [-1, 0.5, 2]) {
      const draws = await (await infer(map, [y])).sample(count, { seed: 5 });
      bananaMarginals(y).forEach((cdf, d) => {
        const ks = ksOneSample(
          Float64Array.from({ length: count }, (_, s) => draws[2 * s + d]),
          cdf,
        );
        assert.ok(ks < most, `y = ${y}, parameter ${d + 1}: ${ks}`);
      });
    }
  });
}

test("bounded and positive parameters with heavy-tailed noise are learned, and every draw is in the support", async () => {
  const problem = defineProblem({
    name: "bounded",
    prior: product(uniform([-1, 2], [1, 5]), logNormal(0.3, 0.6)),
    forward: (theta) => concat(theta, mul(slice(theta, 0, 1), slice(theta, 2, 3)), log(slice(theta, 2, 3))),
    noise: studentNoise({ scale: 0.2, degrees: 3 }),
  });
  for (const [guide, objective] of [
    [spline({ bins: 8, embedding: [32], hidden: [32] }), "npe"],
    [gaussian({ hidden: [32] }), "elbo"],
  ] as const) {
    const map = await train(problem, {
      guide,
      objective,
      steps: 600,
      batch: 256,
      particles: 4,
      rate: 5e-3,
      kernels,
      heldOut: 512,
    });
    const data = [
      [0.3, 3, 1.5, 0.45, 0.4],
      [0.99, 4.9, 0.6, 0.6, -0.5],
      [-3, 9, 0.1, 5, 4],
    ];
    for (const posterior of await infer(map, data)) {
      const draws = await posterior.sample(3000);
      for (let s = 0; s < 3000; s++) {
        const [a, b, c] = draws.subarray(3 * s, 3 * s + 3);
        assert.ok(a >= -1 && a <= 1 && b >= 2 && b <= 5 && c > 0 && c < Infinity, `${a}, ${b}, ${c}`);
      }
      for (const p of [0.001, 0.999]) assert.ok(posterior.quantile(p)[1] >= 2 && posterior.quantile(p)[1] <= 5);
    }
    // The first datum is usual and precise: its posterior must have moved from the prior, whose sd are 0.58 and 0.87.
    const [{ mean, sd }] = await infer(map, data);
    assert.ok(
      Math.abs(mean[0] - 0.3) < 0.15 && Math.abs(mean[1] - 3) < 0.15 && Math.abs(mean[2] - 1.5) < 0.25,
      `${mean}`,
    );
    assert.ok(sd[0] < 0.4 && sd[1] < 0.5 && sd[2] < 0.5, `${sd}`);
  }
});

/** θ ~ N(0, 1) twice, y = (θ1, θ1 + θ2) plus noise of sd 0.5. */
const outside = (simulate: NonNullable<Problem["simulate"]>): Problem =>
  defineProblem({
    name: "outside",
    data: ["first", "sum"],
    prior: normal([0, 0], 1),
    noise: gaussianNoise(0.5),
    simulate,
  });
const model = (theta: Float64Array[]): number[][] => theta.map(([a, b]) => [a, a + b]);

for (const [how, problem] of [
  ["at once", outside(model)],
  [
    "asynchronously",
    outside(async (theta) => new Promise<number[][]>((resolve) => setTimeout(() => resolve(model(theta)), 5))),
  ],
] as const) {
  test(`a simulator that is a function, answering ${how}, is learned by NPE`, async () => {
    const map = await train(problem, {
      guide: gaussian({ hidden: [] }),
      steps: 1000,
      batch: 256,
      rate: 1e-2,
      bank: 20_000,
      seed: 3,
      kernels,
    });
    // Precision I + 4 AᵀA with A = (1 0; 1 1): (9 4; 4 5), covariance (5 −4; −4 9)/29, mean covariance · 4 Aᵀy.
    const [y1, y2] = [0.8, -0.4];
    const exact: Moments = {
      mean: Float64Array.of((4 * (5 * (y1 + y2) - 4 * y2)) / 29, (4 * (-4 * (y1 + y2) + 9 * y2)) / 29),
      covariance: Float64Array.of(5 / 29, -4 / 29, -4 / 29, 9 / 29),
    };
    const nats = divergence(await infer(map, [y1, y2]), exact);
    assert.ok(nats < 1e-2, `${nats} nats`);
    assert.is(map.spec.training.simulations, 20_000);
  });
}

test.run();
