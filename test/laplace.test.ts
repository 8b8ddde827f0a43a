// Laplace's approximation: exact for linear Gaussian problems, a mode with its curvature for others, warnings if it fails.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ksPerParameter, pool } from "../src/diagnostics/ks.ts";
import { frameOf } from "../src/distributions/frame.ts";
import { logNormal } from "../src/distributions/log-normal.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import type { Noise } from "../src/distributions/noise/noise.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { normal } from "../src/distributions/normal.ts";
import { product } from "../src/distributions/product.ts";
import { uniform } from "../src/distributions/uniform.ts";
import {
  add,
  columns,
  concat,
  constant,
  div,
  exp,
  input,
  log,
  matmul,
  mul,
  neg,
  square,
  sub,
} from "../src/graph/build.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { type LaplacePosterior, laplace } from "../src/infer/laplace.ts";
import { defineProblem } from "../src/problem/define.ts";
import { potential } from "../src/problem/likelihood.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, banana, linearGaussian, linearGaussianPosterior } from "../src/problems.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { parseCsv } from "../src/store/csv.ts";
import { decodeNpy } from "../src/store/npy.ts";
import { rejection, small } from "./helpers/maps.ts";
import { draw, generator } from "./helpers/random.ts";
import { runGraph } from "./helpers/run.ts";

const kernels = "plain";

async function dataOf(problem: Problem, count: number, seed: number): Promise<Float64Array[]> {
  const { noisy } = await simulate(problem, count, { seed, kernels });
  return Array.from({ length: count }, (_, i) => Float64Array.from(noisy.subarray(i * problem.M, (i + 1) * problem.M)));
}

/** Bounds of every kind, and a model that bends. */
const bounded = defineProblem({
  name: "bounded",
  prior: product(uniform(0, 2), logNormal(0, 0.5)),
  forward: (theta) => concat(theta, mul(columns(theta, [0]), columns(theta, [1]))),
  noise: gaussianNoise([0.2, 0.3, 0.2]),
});

/** log p(θ | y) + constant of the posterior's problem and data, at parameters (S, D). */
async function potentialAt({ problem, y }: LaplacePosterior, theta: Float64Array): Promise<Float64Array> {
  const rows = theta.length / problem.D;
  const inputs = { theta, y: Float64Array.from({ length: rows * y.length }, (_, i) => y[i % y.length]) };
  const [t, d] = [input("theta", problem.D, { dtype: "f64" }), input("y", problem.M, { dtype: "f64" })];
  return Float64Array.from((await runGraph({ value: potential(problem, t, d) }, { rows, inputs })).value);
}

test("for a linear model with normal prior and noise it is the exact posterior, evidence included", async () => {
  const rows = await dataOf(linearGaussian, 12, 3);
  const theta = draw(generator(5), linearGaussian.D, { low: -1, high: 1 });
  for (const curvature of ["gauss-newton", "newton"] as const) {
    const posteriors = await laplace(linearGaussian, rows, { kernels, curvature });
    for (const p of posteriors) {
      const exact = linearGaussianPosterior(p.y);
      for (const [i, m] of exact.mean.entries()) assert.ok(Math.abs(p.mean[i] - m) < 1e-10, `${p.mean[i]}, ${m}`);
      for (const [i, c] of exact.covariance.entries()) assert.ok(Math.abs(p.covariance[i] - c) < 1e-10);
      assert.ok(p.converged && p.warning === undefined && p.modes.length === 1 && p.modes[0].starts === 5);
      assert.is(p.draws, null);
      // log p(y) = log p(y, θ) − log p(θ | y) at any θ.
      const evidence = (await potentialAt(p, theta))[0] - (await p.logProb(theta))[0];
      assert.ok(Math.abs(p.logEvidence - evidence) < 1e-9, `${p.logEvidence}, ${evidence}`);
    }
  }
});

test("many rows give the same bits as each row alone", async () => {
  const rows = await dataOf(arm, 23, 4);
  const together = await laplace(arm, rows, { kernels });
  assert.is(together.length, 23);
  for (const i of [0, 9, 22]) {
    const alone = await laplace(arm, rows[i], { kernels });
    for (const key of ["mean", "covariance", "mode", "y"] as const) assert.equal(together[i][key], alone[key]);
    assert.is(together[i].iterations, alone.iterations);
    assert.is(together[i].warning, alone.warning);
    assert.equal(await together[i].sample(10, { seed: 3 }), await alone.sample(10, { seed: 3 }));
  }
  const [list] = await laplace(arm, [rows[0]], { kernels });
  assert.equal(list.mean, together[0].mean);
});

for (const [problem, options] of [
  [arm, {}],
  [banana, {}],
  [bounded, {}],
  [bounded, { curvature: "newton" }],
  [banana, { curvature: "newton" }],
] as const) {
  test(`the searches of ${problem.name} end in modes, ${JSON.stringify(options)}`, async () => {
    const { D, prior } = problem;
    const frame = frameOf(prior);
    const t = input("theta", D, { dtype: "f64" });
    const z = input("z", D, { dtype: "f64" });
    for (const p of await laplace(problem, await dataOf(problem, 20, 6), { kernels, ...options })) {
      assert.ok(p.converged, `${p.y}: ${p.iterations} iterations`);
      const { z: at } = await runGraph({ z: frame.toGuide(t) }, { rows: 1, inputs: { theta: p.mode } });
      // The density in z falls in all directions, but for what a step of 0.01 can gain where the mode is 1e-4 sd away.
      const points = [
        at,
        ...[1, -1].flatMap((s) => Array.from({ length: D }, (_, d) => at.map((v, k) => v + (k === d ? s * 0.01 : 0)))),
      ];
      const inputs = { z: Float64Array.from(points.flatMap((v) => Array.from(v))) };
      const { theta, log: logDet } = await runGraph(
        { theta: frame.fromGuide(z), log: frame.logDet(frame.fromGuide(z)) },
        { rows: points.length, inputs },
      );
      const values = await potentialAt(p, Float64Array.from(theta));
      const inZ = values.map((v, i) => v - logDet[i]);
      for (let i = 1; i < inZ.length; i++)
        assert.ok(inZ[i] < inZ[0] + 2e-6, `${p.y}, direction ${i}: ${inZ[i] - inZ[0]}`);
    }
  });
}

test("draws, moments, quantiles and log-densities belong together, within bounds and without", async () => {
  for (const problem of [small, bounded]) {
    const [y] = await dataOf(problem, 1, 8);
    const p = await laplace(problem, y, { kernels });
    const S = 20_000;
    const draws = await p.sample(S, { seed: 4 });
    assert.instance(draws, Float32Array);
    const { low, high } = problem.prior;
    assert.ok(draws.every((v, k) => v >= low[k % 2] && v <= high[k % 2]));
    const n = p.draws === null ? S : 1 / (1 / S + 1 / 4096); // moments within bounds are those of 4096 draws
    assert.is(p.draws === null, problem === small);
    for (let d = 0; d < 2; d++) {
      const column = Array.from({ length: S }, (_, s) => draws[2 * s + d]);
      const mean = column.reduce((a, b) => a + b, 0) / S;
      assert.ok(Math.abs(mean - p.mean[d]) < (4.5 * p.sd[d]) / Math.sqrt(n), `mean ${d}`); // 4.5 standard errors
      const sd = Math.sqrt(column.reduce((a, b) => a + (b - mean) ** 2, 0) / S);
      assert.ok(Math.abs(sd / p.sd[d] - 1) < 4.5 / Math.sqrt(n), `sd ${d}`);
      for (const level of [0.05, 0.5, 0.9]) {
        const below = column.filter((v) => v <= p.quantile(level)[d]).length / S;
        assert.ok(Math.abs(below - level) < 4.5 * Math.sqrt((level * (1 - level)) / n), `quantile ${level} of ${d}`);
      }
    }
    const side = 300;
    const from = p.mean.map((m, d) => Math.max(low[d], m - 9 * p.sd[d]));
    const width = p.mean.map((m, d) => Math.min(high[d], m + 9 * p.sd[d]) - from[d]);
    const grid = new Float64Array(2 * side * side);
    for (let k = 0; k < side * side; k++) {
      grid[2 * k] = from[0] + (width[0] * ((k % side) + 0.5)) / side;
      grid[2 * k + 1] = from[1] + (width[1] * (Math.floor(k / side) + 0.5)) / side;
    }
    const density = await p.logProb(grid);
    const integral = (density.reduce((sum, l) => sum + Math.exp(l), 0) * width[0] * width[1]) / side ** 2;
    assert.ok(Math.abs(integral - 1) < 1e-3, `${integral}`); // the midpoint rule, smooth but for edges of the support
  }
  const outside = await (await laplace(bounded, [1, 1, 1], { kernels })).logProb([
    [1, 1],
    [2.1, 1],
    [1, -0.1],
  ]);
  assert.equal(Array.from(outside, Number.isFinite), [true, false, false]);
});

test("Student's noise is weighed by its information: an outlier moves the mode little, and many degrees are normal", async () => {
  const make = (noise: Noise): Problem =>
    defineProblem({ name: "repeated", prior: normal(0, 1), forward: (t) => concat(t, t, t, t, t), noise });
  const y = [0.5, 0.6, 0.4, 0.5, 9];
  const robust = await laplace(make(studentNoise({ scale: 0.1, degrees: 3 })), y, { kernels });
  assert.ok(robust.converged && Math.abs(robust.mean[0] - 0.5) < 0.1, `${robust.mean[0]}`);
  // The information of five data, and of the prior.
  assert.ok(Math.abs(robust.sd[0] ** -2 - (5 * 4) / (6 * 0.01) - 1) < 1e-9);
  const [at, above, below] = await potentialAt(
    robust,
    Float64Array.of(robust.mode[0], robust.mode[0] + 1e-3, robust.mode[0] - 1e-3),
  );
  assert.ok(at > above && at > below);
  const heavy = await laplace(make(studentNoise({ scale: 0.1, degrees: 1e9 })), y, { kernels });
  const plain = await laplace(make(gaussianNoise(0.1)), y, { kernels });
  assert.ok(Math.abs(heavy.mean[0] - plain.mean[0]) < 1e-4 && Math.abs(heavy.sd[0] - plain.sd[0]) < 1e-6);
});

test("all modes that searches end in are listed, and a warning says when others have mass", async () => {
  const two = await laplace(banana, [3], { starts: 12, kernels });
  assert.is(two.modes.length, 2);
  assert.is(two.modes[0].starts + two.modes[1].starts, 12);
  assert.ok(Math.abs(two.modes[0].theta[0] + two.modes[1].theta[0]) < 1e-3); // one on each leg of the parabola
  assert.ok(Math.abs(two.modes[0].logMass - two.modes[1].logMass) < 1e-3);
  assert.match(two.warning ?? "", /^of 2 modes found the one with 50 % of their mass is described$/);
  const one = await laplace(banana, [-2], { starts: 12, kernels });
  assert.equal([one.modes.length, one.modes[0].starts, one.warning], [1, 12, undefined]);
});

test("a search that is cut short says so, and how far it was", async () => {
  const p = await laplace(arm, [1.2, 0.8], { iterations: 2, starts: 1, kernels });
  assert.is(p.converged, false);
  assert.is(p.iterations, 2);
  assert.match(
    p.warning ?? "",
    /^the search for the mode did not converge in 2 iterations: it ended [\d.e+-]+ posterior standard/,
  );
  assert.ok([...p.mean, ...p.covariance].every(Number.isFinite));
});

test("where the curvature is not positive definite a warning says so, and Newton's is then asked for", async () => {
  // A prior of two wells, between which the bend of the model holds the mode: U = −½ (1 + θ²)² + ½ θ² − ¼ θ⁴.
  const wells = {
    ...normal([0], 1),
    logDensity: (t: Tensor) => sub(mul(square(t), 0.5), mul(square(square(t)), 0.25)),
  };
  const problem = defineProblem({ name: "wells", prior: wells, forward: square, noise: gaussianNoise(1) });
  const p = await laplace(problem, [-1], { kernels });
  assert.match(p.warning ?? "", /the curvature is not positive definite there: widths are those of a damped one/);
  assert.ok(p.sd[0] > 0 && Math.abs(p.mean[0]) < 1e-3);
  const better = await laplace(problem, [-1], { kernels, curvature: "newton" });
  assert.ok(better.converged && better.warning === undefined);
  assert.ok(Math.abs(better.mode[0]) < 1e-6 && Math.abs(better.sd[0] - 1) < 1e-6); // −U″ = 2 − 1
});

test("a start at which the density is not finite is left out; when all are, the row is named", async () => {
  const half = defineProblem({
    name: "half",
    prior: normal([0], 1),
    forward: (theta) => log(theta), // NaN for half of the prior
    noise: gaussianNoise(0.1),
  });
  const p = await laplace(half, [-0.5], { starts: 12, kernels });
  assert.ok(p.converged && Math.abs(p.mode[0] - Math.exp(-0.5)) < 0.05);
  const never = defineProblem({
    name: "never",
    prior: normal([0], 1),
    forward: (theta) => log(sub(-1, square(theta))),
    noise: gaussianNoise(0.1),
  });
  const error = await rejection(laplace(never, [[1], [2]], { kernels }));
  assert.match(
    error.message,
    /^laplace: expected a finite posterior density at one of 5 starts, got none for y, row 1; check "never"/,
  );
});

const refused: readonly [string, () => Promise<unknown>, RegExp][] = [
  [
    "a problem with only a simulator",
    () =>
      laplace(
        defineProblem({
          name: "box",
          prior: normal([0], 1),
          data: 1,
          simulate: (t) => t.map(([x]) => [x]),
          noise: gaussianNoise(1),
        }),
        [1],
      ),
    /^laplace: expected a problem with a forward model written with ops, got "box", which has only simulate\(\).*train an inverse map/,
  ],
  ["a short observation", () => laplace(arm, [1]), /^y: expected 2 numbers, got 1$/],
  [
    "an infinite number in a row",
    () =>
      laplace(arm, [
        [1, 2],
        [1, Number.POSITIVE_INFINITY],
      ]),
    /^y, row 2: expected finite numbers, got Infinity in column 2$/,
  ],
  [
    "no starts",
    () => laplace(arm, [1, 1], { starts: 0 }),
    /^laplace: expected starts to be a whole number of at least 1, got 0$/,
  ],
  [
    "no iterations",
    () => laplace(arm, [1, 1], { iterations: 0 }),
    /^laplace: expected iterations to be a whole number of at least 1, got 0$/,
  ],
  [
    "an unknown curvature",
    () => laplace(arm, [1, 1], { curvature: "bfgs" as never }),
    /^laplace: expected curvature to be one of "gauss-newton", "newton", got "bfgs"$/,
  ],
  [
    "a misspelt option",
    () => laplace(arm, [1, 1], { start: 3 } as never),
    /^laplace: expected options starts, .*; got "start"$/,
  ],
  [
    "what is no problem",
    () => laplace({} as never, [1]),
    /^laplace: expected a problem, as defineProblem\(\) returns it, got/,
  ],
];
for (const [what, action, message] of refused) {
  test(`laplace refuses ${what}`, async () => assert.match((await rejection(action())).message, message));
}

/** The rod −(e^g u′)′ = 0, u(0) = 1, u(1) = 0: u(x) = 1 − ∫₀ˣ e^−g / ∫₀¹ e^−g by Simpson's rule on 160 intervals. */
const rod = ((): Problem => {
  const [D, n] = [5, 160];
  const basis = Float64Array.from({ length: D * (n + 1) }, (_, k) => {
    const frequency = (Math.floor(k / (n + 1)) + 0.5) * Math.PI;
    return (Math.SQRT2 * 1.5 * Math.sin((frequency * (k % (n + 1))) / n)) / frequency;
  });
  const ends = [...Array.from({ length: 9 }, (_, k) => 24 + 14 * k), n]; // sensors at 0.15 + 0.0875 k, in 160ths
  const weights = new Float64Array((n + 1) * ends.length);
  for (const [c, end] of ends.entries()) {
    for (let i = 0; i <= end; i++) weights[i * ends.length + c] = i === 0 || i === end ? 1 : i % 2 === 1 ? 4 : 2;
  }
  return defineProblem({
    name: "rod",
    prior: normal(new Float64Array(D), 1),
    forward: (theta) => {
      const g = matmul(theta, constant(basis, theta.dtype, D));
      const integrals = matmul(exp(neg(g)), constant(weights, theta.dtype, n + 1));
      return add(neg(div(columns(integrals, [0, 1, 2, 3, 4, 5, 6, 7, 8]), columns(integrals, [9]))), 1);
    },
    noise: gaussianNoise(0.015),
  });
})();

test("draws for the rod's reference observations are nearly those of the exact posteriors", async () => {
  const folder = fileURLToPath(new URL("../../shared/reference/rod", import.meta.url));
  if (!existsSync(folder)) {
    console.log("SKIP the reference observations of the rod are not here");
    return;
  }
  const { rows } = parseCsv(readFileSync(`${folder}/y.csv`, "utf8"));
  const { shape, data } = decodeNpy(new Uint8Array(readFileSync(`${folder}/exact.npy`)));
  const started = performance.now();
  const posteriors = await laplace(rod, rows, { kernels });
  const milliseconds = (performance.now() - started) / rows.length;
  const statistics: number[] = [];
  for (const [i, p] of posteriors.entries()) {
    assert.ok(p.converged);
    const at = i * shape[1] * 5;
    for (const seed of [11, 12, 13]) {
      const draws = await p.sample(1000, { seed });
      statistics.push(...ksPerParameter(draws, Float32Array.from(data.subarray(at, at + 5000)), 5));
    }
  }
  const { mean, median, max } = pool(statistics);
  console.log(
    `rod: pooled KS mean ${mean.toFixed(4)}, median ${median.toFixed(4)}, max ${max.toFixed(3)}; ${milliseconds.toFixed(2)} ms a datum`,
  );
  assert.ok(mean < 0.055, `${mean}`); // .039 for two samples of one distribution; the posteriors are not quite normal
});

test.run();
