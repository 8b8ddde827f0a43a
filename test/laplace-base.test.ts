// slow (12 s): trainings from modes that a solver finds
// Guides on Laplace's base: their start before training, the effect of training, and what they need and refuse.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Rows } from "../src/backends/backend.ts";
import { createExact } from "../src/backends/select.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { abs, exp, mul, square } from "../src/graph/build.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { linearGaussian, linearGaussianPosterior } from "../src/problems.ts";
import { localise, localProgram } from "../src/search/local-coordinates.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { load, toBytes } from "../src/store/store.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { bitsOf, outside, rejection, small } from "./helpers/maps.ts";
import { smallGuides } from "./helpers/small-guides.ts";

const kernels = "plain";
const guide = gaussian({ hidden: [16], base: "laplace" });
/** One update, too small to move anything: the guide as it starts. */
const untrained: TrainOptions = { guide, bank: 500, steps: 1, rate: 1e-12, batch: 8, heldOut: 64, seed: 1, kernels };

async function casesOf(problem: Problem, count: number, seed: number) {
  const { noisy, theta } = await simulate(problem, count, { seed, kernels });
  const rows = (flat: Rows, width: number): Rows[] =>
    Array.from({ length: count }, (_, i) => flat.slice(i * width, (i + 1) * width));
  return { y: rows(noisy, problem.M), theta: rows(theta, problem.D) };
}

/** Data that bend a third of a posterior sd within one: Laplace is good, and not exact. */
const bent = defineProblem({
  name: "bent",
  prior: normal([1, 2], [0.3, 0.5]),
  forward: (theta) => square(theta),
  noise: gaussianNoise([0.5, 1]),
});

/** Where θ is low its exponential hardly tells: posteriors are skewed. */
const skewed = defineProblem({
  name: "skewed",
  prior: normal([0, 0], 1),
  forward: (theta) => exp(theta),
  noise: gaussianNoise(0.3),
});

test("untrained it is the exact posterior of a linear model, whatever the bank", async () => {
  const map = await train(linearGaussian, untrained);
  const { y } = await casesOf(linearGaussian, 20, 77);
  const D = linearGaussian.D;
  for (const [i, posterior] of (await infer(map, y)).entries()) {
    const exact = linearGaussianPosterior(y[i]);
    const draws = await posterior.sample(64, { seed: i });
    const logQ = await posterior.logProb(draws);
    const factor = cholesky(exact.covariance, D);
    for (let s = 0; s < 64; s++) {
      // The data are single precision in the one and double in the other; ten squares of order 1, each rounded.
      const want = logNormal(draws.subarray(s * D, (s + 1) * D), exact.mean, factor);
      assert.ok(Math.abs(logQ[s] - want) < 1e-4, `${logQ[s]}, ${want}`);
    }
  }
});

function cholesky(a: Float64Array, D: number): Float64Array {
  const l = new Float64Array(D * D);
  for (let i = 0; i < D; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i * D + j];
      for (let k = 0; k < j; k++) sum -= l[i * D + k] * l[j * D + k];
      l[i * D + j] = i === j ? Math.sqrt(sum) : sum / l[j * D + j];
    }
  return l;
}
function logNormal(x: ArrayLike<number>, mean: ArrayLike<number>, l: Float64Array): number {
  const D = x.length;
  const w = new Float64Array(D);
  let sum = (-D / 2) * Math.log(2 * Math.PI);
  for (let i = 0; i < D; i++) {
    w[i] = x[i] - mean[i];
    for (let k = 0; k < i; k++) w[i] -= l[i * D + k] * w[k];
    w[i] /= l[i * D + i];
    sum -= w[i] ** 2 / 2 + Math.log(l[i * D + i]);
  }
  return sum;
}

test("untrained it is Laplace's approximation, within what three steps leave", async () => {
  for (const problem of [bent, small]) {
    const map = await train(problem, { ...untrained, bank: 4000 });
    const { y, theta } = await casesOf(problem, 30, 5);
    const modes = await laplace(problem, y, { starts: 1, kernels });
    const apart = await Promise.all(
      (await infer(map, y)).map(async (q, i) => (await q.logProb(theta[i]))[0] - (await modes[i].logProb(theta[i]))[0]),
    );
    apart.sort((a, b) => Math.abs(a) - Math.abs(b));
    assert.ok(Math.abs(apart[22]) < 0.05, `${problem.name}: three quarters within ${apart[22]} nats`);
  }
});

for (const on of Object.values(smallGuides({ width: 16, most: 6 }, { base: "laplace" }))) {
  test(`a ${on.name} guide learns how the posterior bends; it is saved, and read with its problem`, async () => {
    const start = await train(skewed, { ...untrained, guide: on, bank: 4000, heldOut: 1000 });
    const options = { ...untrained, guide: on, bank: 4000, heldOut: 1000, steps: 600, batch: 128, rate: 3e-3 };
    const map = await train(skewed, options);
    assert.is(map.spec.guide.options.base, "laplace");
    assert.ok(map.local);
    const [was, is] = [start, map].map((m) => m.spec.training.heldOut.best);
    assert.ok(is < was - 0.05, `held-out loss ${was}, trained ${is}`);
    // The held-out loss is −log q of the parameters: what inference answers for the same pairs, on average.
    const { y, theta } = await casesOf(skewed, 500, 6);
    const few = { draws: 16 }; // densities are asked for, not moments
    const losses = await Promise.all((await infer(map, y, few)).map(async (q, i) => -(await q.logProb(theta[i]))[0]));
    const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
    const error = Math.sqrt(losses.reduce((a, b) => a + (b - mean) ** 2, 0)) / losses.length;
    assert.ok(Math.abs(mean - is) < 4 * error, `${mean} ± ${error}, held-out ${is}`);

    const again = await load(toBytes(map), { kernels, problem: skewed });
    assert.is(bitsOf(again), bitsOf(map));
    const [a, b] = [await infer(map, y[0]), await infer(again, y[0])];
    const draws = await a.sample(20, { seed: 3 });
    assert.equal(await b.sample(20, { seed: 3 }), draws);
    assert.equal(await b.logProb(draws), await a.logProb(draws));
    // Alone and among others it is answered the same.
    assert.equal(await (await infer(map, y, few))[3].logProb(draws), await (await infer(map, y[3])).logProb(draws));
  });
}

test("the search starts at the point where the density is highest, in whatever order points come", async () => {
  // θ² = 1 with the prior's centre at 0.2: the mode near −1 is the lower one, and steps from −0.9 end in it.
  const two = defineProblem({
    name: "two",
    prior: normal(0.2, 1),
    forward: (theta) => square(theta),
    noise: gaussianNoise(0.1),
  });
  const executor = await createExact(localProgram(two), { kernels });
  const ends: number[] = [];
  const y = [1, 1, 1];
  // In prior standard deviations from the centre. 1e200 has no density.
  const starts = [-1.1, -1.1, -1.1, 0.75, 0.75, -1.1, 1e200, -1.1, 0.75];
  await localise(executor, { D: 1, M: 1, starts, y }, (_, local) => ends.push(0.2 + (local?.z[0] ?? Number.NaN)));
  executor.dispose();
  // θ³ − θ + 0.005 (θ − 0.2) = 0: modes within 0.005 of ±1, to which the last step comes to a hundredth.
  const want = [-1, 1, 1];
  for (const [i, end] of ends.entries()) assert.ok(Math.abs(end - want[i]) < 0.01, `${ends}`);
});

test("simulations whose mode the search does not find are left out, and an inference that does not find it warns", async () => {
  // |θ| = y < 0 has its mode at the kink, where no step ends: about one simulation in fifty.
  const kink = defineProblem({
    name: "kink",
    prior: normal(1.5, 1),
    forward: (theta) => abs(theta),
    noise: gaussianNoise(0.2),
  });
  const warnings: string[] = [];
  const map = await train(kink, { ...untrained, onWarning: (w) => warnings.push(w) });
  const left = /^(\d+) of 564 simulations have a posterior whose mode is not found/.exec(warnings.join("\n"));
  assert.ok(left !== null && Number(left[1]) > 0, warnings.join("\n"));
  const [fails, works] = await infer(map, [[-0.3], [1.5]]);
  assert.match(fails.warning ?? "", /^the search for the mode that the guide starts from did not converge/);
  assert.is(works.warning, undefined);
});

test("within bounds it is Laplace on the whole line, and densities stay densities", async () => {
  const problem = defineProblem({
    name: "box",
    prior: uniform([0.1], [0.3]),
    forward: (theta) => mul(theta, 1),
    noise: gaussianNoise(0.03),
  });
  const map = await train(problem, untrained);
  const N = 2000;
  const grid = Float64Array.from({ length: N }, (_, i) => 0.1 + (0.2 * (i + 0.5)) / N);
  const density = await (await infer(map, [0.18])).logProb(grid);
  const integral = density.reduce((sum, l) => sum + (Math.exp(l) * 0.2) / N, 0);
  assert.ok(Math.abs(integral - 1) < 1e-3, `${integral}`);
});

test("one seed gives the same weights, to the last bit; progress tells of modes; an abort ends the search", async () => {
  const stages = new Set<string>();
  const options: TrainOptions = { ...untrained, steps: 30, rate: 1e-3 };
  const first = await train(small, { ...options, onSimulate: (p) => stages.add(p.stage ?? "simulate") });
  assert.is(bitsOf(first), bitsOf(await train(small, options)));
  const controller = new AbortController();
  controller.abort();
  const stopped = await rejection(train(small, { ...options, signal: controller.signal }));
  assert.is(stopped.name, "SimulationStopped");
});

test("it says what it needs: the problem to infer; derivatives, the prior and npe to train", async () => {
  const map = await load(toBytes(await train(small, untrained)), { kernels });
  const y = [0, 0, 0];
  const without = await rejection(infer(map, y));
  assert.match(
    without.message,
    /^infer: expected the problem beside this model, .* load\(file, \{ problem \}\) with "small"$/,
  );
  const wide = defineProblem({ ...specOf(small), proposal: normal([0.5, -1], [2, 4]) });
  const refused: readonly [Problem, TrainOptions, RegExp][] = [
    [small, { objective: "elbo" }, /^base "laplace": expected objective "npe", got "elbo"$/],
    [small, { bank: 0 }, /^base "laplace": expected a bank of at least 1 simulation, got 0$/],
    [wide, {}, /^base "laplace": expected data drawn from the prior, and "small" has a proposal; use base "linear"$/],
    [
      outside(async (theta) => theta.map(() => [0, 0, 0])) as Problem,
      {},
      /^base "laplace": expected a forward model written with ops, and "outside" has only simulate\(\); use base "linear"$/,
    ],
  ];
  for (const [problem, options, message] of refused)
    assert.match((await rejection(train(problem, { ...untrained, ...options }))).message, message);
});

const specOf = ({ name, prior, forward, noise }: Problem) => ({ name, prior, forward, noise });

test.run();
