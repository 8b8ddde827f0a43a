// slow (7 s): trainings on bases of many parameters
// Guides on a linear base: their start before training, the effect of training, and their model files.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Rows } from "../src/backends/backend.ts";
import { dirichlet } from "../src/distributions/dirichlet.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { mul } from "../src/graph/build.ts";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { linearGaussian, linearGaussianPosterior } from "../src/problems.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { load, toBytes } from "../src/store/store.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { divergence } from "./helpers/divergence.ts";
import { bitsOf, rejection, small } from "./helpers/maps.ts";
import { smallGuides } from "./helpers/small-guides.ts";

const kernels = "plain";
const guide = gaussian({ hidden: [16], base: "linear" });
/** One update, too small to move anything: the guide as it starts. */
const untrained: TrainOptions = { guide, steps: 1, rate: 1e-12, batch: 8, heldOut: 64, seed: 1, kernels };

async function dataOf(problem: Problem, count: number, seed: number): Promise<Rows[]> {
  const { noisy } = await simulate(problem, count, { seed, kernels });
  return Array.from({ length: count }, (_, i) => noisy.slice(i * problem.M, (i + 1) * problem.M));
}

test("untrained it is the exact posterior of a linear model, but for the finite bank that it is fitted on", async () => {
  const map = await train(linearGaussian, { ...untrained, bank: 40_000 });
  const rows = await dataOf(linearGaussian, 50, 77);
  const posteriors = await infer(map, rows);
  const kl = posteriors.map((q, i) => divergence(q, linearGaussianPosterior(rows[i])));
  // Least squares on N rows: D (M + 1) / 2N = 2.6e-3 for the estimator and D (D + 1) / 4N = 7e-4 for the covariance.
  const mean = kl.reduce((a, b) => a + b, 0) / kl.length;
  assert.ok(mean < 1e-2 && mean > 0, `${mean}`);
});

const NARROW = 0.02;
const narrow = defineProblem({
  name: "narrow",
  prior: uniform(-1, [1, 3]),
  forward: (theta) => mul(theta, 1),
  noise: gaussianNoise(NARROW),
});

test("untrained on bounds, it is the exact posterior of linear data within a box, and stays in the box at its edges", async () => {
  const map = await train(narrow, { ...untrained, guide: gaussian({ hidden: [16], base: "bounded" }), bank: 20_000 });
  for (const y of [
    [0.3, -0.2],
    [-0.7, 2.4],
  ]) {
    // N(y, 0.02²), which the slope of the bounds takes to the line as a normal up to their bend, a share s / distance to the edge.
    const { mean, sd } = await infer(map, y);
    for (const d of [0, 1]) {
      assert.ok(Math.abs(mean[d] - y[d]) < 0.1 * NARROW, `${mean[d]}, not ${y[d]}`);
      assert.ok(Math.abs(sd[d] / NARROW - 1) < 0.1, `${sd[d]}`);
    }
  }
  const theta = await (await infer(map, [1.03, -1.1])).sample(1000);
  assert.ok(theta.every((x, i) => x > -1 && x < [1, 3][i % 2]));
  const again = await load(await toBytes(map), { kernels });
  assert.equal((await infer(again, [0.3, -0.2])).mean, (await infer(map, [0.3, -0.2])).mean);
});

test("where the prior has no bounds, the bounded base is the linear one", async () => {
  const [a, b] = [gaussian({ hidden: [4], base: "bounded" }), gaussian({ hidden: [4], base: "linear" })];
  const rows = await dataOf(small, 1, 3);
  const means = [];
  for (const on of [a, b]) means.push((await infer(await train(small, { ...untrained, guide: on }), rows[0])).mean);
  assert.equal(means[0], means[1]);
});

test("priors without bounds of each parameter, and missing data, are refused on the bounded base", async () => {
  const on = { ...untrained, guide: gaussian({ hidden: [4], base: "bounded" as const }) };
  const shares = defineProblem({
    name: "shares",
    prior: dirichlet([1, 1, 1]),
    forward: (theta) => theta,
    noise: gaussianNoise(NARROW),
  });
  assert.match(
    (await rejection(train(shares, on))).message,
    /^base "bounded": expected a prior with bounds of its own/,
  );
  const masked = train(narrow, { ...on, missing: "any" });
  assert.match((await rejection(masked)).message, /^base "bounded": expected complete data/);
});

test("training improves on the linear posterior where the model is not linear, and both objectives can", async () => {
  const before = await train(small, untrained);
  for (const objective of ["npe", "elbo"] as const) {
    const after = await train(small, { ...untrained, objective, steps: 600, batch: 128, rate: 5e-3, heldOut: 2048 });
    const rows = await dataOf(small, 300, 5);
    const theta = await simulate(small, 300, { seed: 5, kernels }).then((s) => s.theta);
    const score = async (map: typeof before): Promise<number> => {
      let sum = 0;
      for (const [i, q] of (await infer(map, rows)).entries())
        sum += (await q.logProb(theta.subarray(2 * i, 2 * i + 2)))[0] / rows.length;
      return sum;
    };
    const [was, is] = [await score(before), await score(after)];
    assert.ok(is > was + 0.03, `${objective}: mean log q of the truth ${was}, then ${is}`);
  }
});

for (const on of Object.values(smallGuides({ width: 8, most: 4 }, { base: "linear" }))) {
  test(`a ${on.name} guide is saved with everything it was fitted on, and gives the same posteriors when read`, async () => {
    const map = await train(small, { ...untrained, guide: on, steps: 20, rate: 1e-3 });
    assert.is(map.spec.guide.options.base, "linear");
    for (const name of ["base.mean", "base.whiten", "base.colour", "base.logDet"]) assert.ok(name in map.tensors, name);
    const again = await load(await toBytes(map), { kernels });
    assert.is(bitsOf(again), bitsOf(map));
    const [y] = await dataOf(small, 1, 9);
    const [a, b] = [await infer(map, y), await infer(again, y)];
    assert.equal(b.covariance, a.covariance);
    assert.equal(await b.sample(20, { seed: 3 }), await a.sample(20, { seed: 3 }));
    assert.equal(await b.logProb([0, 1]), await a.logProb([0, 1]));
  });
}

test("a flow on it starts as the linear posterior, bends it, and is kept with the logarithms of the data", async () => {
  const flow = coupling({ blocks: 2, hidden: [16], activation: "silu", separate: false, base: "linear" });
  assert.equal(flow.options, { blocks: 2, hidden: [16], activation: "silu", separate: false, base: "linear" });
  assert.equal(Object.keys(coupling().options), ["blocks", "hidden", "activation"], "as in files of version 0.1");
  // Both start as one and the same Gaussian: their held-out losses are those of one density.
  const [start, straight] = [await train(small, { ...untrained, guide: flow }), await train(small, untrained)];
  const [a, b] = [start, straight].map((map) => map.spec.training.heldOut.best);
  assert.ok(Math.abs(a - b) < 1e-5, `${a}, ${b}`);
  const options: TrainOptions = { ...untrained, guide: flow, embedding: "log", steps: 400, batch: 128, rate: 5e-3 };
  const map = await train(small, options);
  assert.ok(map.spec.training.heldOut.best < a - 0.03, `${map.spec.training.heldOut.best}, untrained ${a}`);
  assert.equal(map.spec.embedding, { kind: "log", size: 2 * small.M });
  const again = await load(await toBytes(map), { kernels });
  assert.is(bitsOf(again), bitsOf(map));
  const [y] = await dataOf(small, 1, 9);
  const draws = await (await infer(map, y)).sample(20, { seed: 3 });
  assert.equal(await (await infer(again, y)).sample(20, { seed: 3 }), draws);
  assert.equal(await (await infer(again, y)).logProb(draws), await (await infer(map, y)).logProb(draws));
});

test("one seed gives the same base and weights, to the last bit; guides on the prior say nothing of one", async () => {
  const options = { ...untrained, steps: 30, rate: 1e-3 };
  assert.is(bitsOf(await train(small, options)), bitsOf(await train(small, options)));
  assert.not.ok("base" in gaussian({ hidden: [3] }).options);
  assert.not.ok("base" in gaussian({ hidden: [3], base: "prior" }).options);
});

test("within bounds the base is linear on the whole line, and densities stay densities", async () => {
  const problem = defineProblem({
    name: "box",
    prior: uniform([0.1], [0.3]),
    forward: (theta) => mul(theta, 1),
    noise: gaussianNoise(0.03),
  });
  const map = await train(problem, untrained);
  const posterior = await infer(map, [0.18]);
  const N = 2000;
  const grid = Float64Array.from({ length: N }, (_, i) => 0.1 + (0.2 * (i + 0.5)) / N);
  const density = await posterior.logProb(grid);
  const integral = density.reduce((sum, l) => sum + (Math.exp(l) * 0.2) / N, 0);
  assert.ok(Math.abs(integral - 1) < 1e-3, `${integral}`);
});

test("drawn from a proposal, the bank is weighed: the base is that of the prior", async () => {
  const make = (proposal: Problem["proposal"]): Problem =>
    defineProblem({
      name: "wide",
      prior: normal([0, 1], 0.5),
      proposal,
      forward: (theta) => mul(theta, [1, 2]),
      noise: gaussianNoise(0.4),
    });
  const y = [0.3, 1.5];
  const exact = await laplace(make(null), y, { kernels });
  const weighed = await infer(await train(make(uniform([-2, -1.5], [2, 3.5])), { ...untrained, bank: 60_000 }), y);
  for (let d = 0; d < 2; d++) {
    // 60,000 draws of which a third count; without weights the sd of the first would be .39 for .31.
    assert.ok(Math.abs(weighed.mean[d] - exact.mean[d]) < 0.02, `mean ${weighed.mean[d]}, ${exact.mean[d]}`);
    assert.ok(Math.abs(weighed.sd[d] / exact.sd[d] - 1) < 0.03, `sd ${weighed.sd[d]}, ${exact.sd[d]}`);
  }
});

test.run();
