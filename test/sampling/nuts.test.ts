// slow (20 s): chains until their moments are right
// The sampler against posteriors known in closed form, by quadrature, or from exact draws.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Rows } from "../../src/backends/backend.ts";
import { ksOneSample, ksPerParameter } from "../../src/diagnostics/ks.ts";
import { gaussianNoise } from "../../src/distributions/noise/gaussian.ts";
import { normal } from "../../src/distributions/normal.ts";
import { product } from "../../src/distributions/product.ts";
import { truncatedNormal } from "../../src/distributions/truncated-normal.ts";
import { uniform } from "../../src/distributions/uniform.ts";
import { add, columns, concat, constant, div, exp, log, matmul, mul, square, sub } from "../../src/graph/build.ts";
import { laplace } from "../../src/infer/laplace.ts";
import { defineProblem } from "../../src/problem/define.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { banana, linearGaussian, linearGaussianPosterior } from "../../src/problems.ts";
import { nuts } from "../../src/sampling/nuts.ts";
import type { NutsOptions } from "../../src/sampling/nuts-options.ts";
import type { SampledPosterior } from "../../src/sampling/sampled.ts";
import { simulate } from "../../src/simulate/simulate.ts";
import { tellProcessorTime } from "../helpers/clock.ts";
import { rejection, small } from "../helpers/maps.ts";

const kernels = "plain";

async function dataOf(problem: Problem, count: number, seed: number): Promise<Float64Array[]> {
  const { noisy } = await simulate(problem, count, { seed, kernels });
  return Array.from({ length: count }, (_, i) => Float64Array.from(noisy.subarray(i * problem.M, (i + 1) * problem.M)));
}

/** What the distance of an empirical distribution of so many effective draws stays below in 999 of 1000 cases. */
const bound = (ess: number): number => 1.95 / Math.sqrt(ess);
const essOf = (p: SampledPosterior): number => Math.min(p.diagnostics.essBulk, p.draws.length / p.problem.D);

for (const metric of ["dense", "diagonal"] as const) {
  test(`a linear model with normal prior and noise has the moments of its closed form, metric ${metric}`, async () => {
    const [y] = await dataOf(linearGaussian, 1, 3);
    const p = await nuts(linearGaussian, y, { kernels, metric, draws: 1000 });
    const exact = linearGaussianPosterior(y);
    const D = linearGaussian.D;
    const { rHat, essBulk, essTail, divergences, treeDepth } = p.diagnostics;
    assert.ok(rHat < 1.01 && essBulk > 2000 && essTail > 2000, JSON.stringify({ rHat, essBulk, essTail }));
    assert.equal([divergences, treeDepth.shareAtMost, p.warning], [0, 0, undefined]);
    for (let i = 0; i < D; i++) {
      const sd = Math.sqrt(exact.covariance[i * D + i]);
      assert.ok(Math.abs(p.mean[i] - exact.mean[i]) < (4.5 * sd) / Math.sqrt(essOf(p)), `mean ${i}`);
      for (let j = 0; j <= i; j++) {
        const scale = sd * Math.sqrt(exact.covariance[j * D + j]);
        const off = Math.abs(p.covariance[i * D + j] - exact.covariance[i * D + j]);
        assert.ok(off < (4.5 * 1.5 * scale) / Math.sqrt(essTail), `covariance ${i}, ${j}`); // sd of a product ≤ √2 scale
      }
    }
    const ks = ksPerParameter(p.draws, (linearGaussian.exact as NonNullable<Problem["exact"]>)(y, 20_000, 5), D);
    assert.ok(Math.max(...ks) < bound(2000), `${ks}`);
    const evidence = await p.evidence();
    const laplaced = await laplace(linearGaussian, y, { kernels }); // exact here
    const error = Math.abs(evidence.logEvidence - laplaced.logEvidence);
    assert.ok(error < 4.5 * evidence.standardError && evidence.standardError < 0.02, `${error}`);
    const [q, r] = [await p.logProb(p.draws.slice(0, 50)), await laplaced.logProb(p.draws.slice(0, 50))];
    for (const [i, v] of q.entries())
      assert.ok(Math.abs(v - r[i] - (laplaced.logEvidence - evidence.logEvidence)) < 1e-4);
  });
}

/** The distribution function of a density on (low, high), known up to a constant, by Simpson's rule. */
function cdfOf(density: (x: number) => number, low: number, high: number): (x: number) => number {
  const n = 20_000;
  const h = (high - low) / n;
  const sums = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) {
    const x = low + i * h;
    sums[i + 1] = sums[i] + (h / 6) * (density(x) + 4 * density(x + h / 2) + density(x + h));
  }
  return (x) => {
    const at = Math.min(n, Math.max(0, (x - low) / h));
    const i = Math.min(n - 1, Math.floor(at));
    return (sums[i] + (at - i) * (sums[i + 1] - sums[i])) / sums[n];
  };
}

test("priors with bounds are sampled up to their edges: posteriors as by quadrature", async () => {
  const noise = gaussianNoise(0.5);
  for (const [prior, density, low, high] of [
    [uniform(0, 2), () => 1, 0, 2],
    [truncatedNormal(0.5, 1, 0, 3), (x: number) => Math.exp(-0.5 * (x - 0.5) ** 2), 0, 3],
  ] as const) {
    const problem = defineProblem({ name: "bounded", prior, forward: (t) => square(t), noise });
    const p = await nuts(problem, [0.1], { kernels, draws: 1000 });
    const cdf = cdfOf((x) => density(x) * Math.exp(-0.5 * ((0.1 - x * x) / 0.5) ** 2), low, high);
    const { rHat, essBulk } = p.diagnostics;
    assert.ok(rHat < 1.01 && essBulk > 1000, `${rHat}, ${essBulk}`);
    assert.ok(p.draws.every((x) => x >= low && x <= high));
    const ks = ksOneSample(p.draws, cdf);
    assert.ok(ks < bound(essBulk), `${ks}, ${bound(essBulk)}`);
  }
});

/** θ ~ N(0, I) in 50 dimensions; differences of neighbours are measured: correlations of .9 and more. */
const chainOfFifty = defineProblem({
  name: "walk",
  prior: normal(new Float64Array(50), 1),
  forward: (theta) => {
    const D = 50;
    const difference = new Float64Array(D * (D - 1));
    for (let k = 0; k < D - 1; k++) {
      difference[k * (D - 1) + k] = -1;
      difference[(k + 1) * (D - 1) + k] = 1;
    }
    return matmul(theta, constant(difference, theta.dtype, D));
  },
  noise: gaussianNoise(0.2),
});

test("fifty correlated parameters have the covariance of the closed form", async () => {
  const D = 50;
  const y = new Float64Array(D - 1);
  const p = await nuts(chainOfFifty, y, { kernels, metric: "dense", chains: 4, draws: 500, warmup: 600 });
  const exact = await laplace(chainOfFifty, y, { kernels, starts: 1 }); // a linear model: exact
  const { rHat, essBulk } = p.diagnostics;
  assert.ok(rHat < 1.03 && essBulk > 500, `${rHat}, ${essBulk}`);
  for (let i = 0; i < D; i++) {
    assert.ok(Math.abs(p.mean[i]) < (5 * exact.sd[i]) / Math.sqrt(p.diagnostics.parameters[i].essBulk), `mean ${i}`);
    assert.ok(Math.abs(p.sd[i] / exact.sd[i] - 1) < 5 / Math.sqrt(2 * p.diagnostics.essTail), `sd ${i}`);
  }
});

test("the banana is sampled as its exact draws are, by all ways to start", async () => {
  const y = [-0.5];
  const exact = (banana.exact as NonNullable<Problem["exact"]>)(y, 20_000, 3);
  const start = await laplace(banana, y, { kernels });
  const all: [string, NutsOptions][] = [
    ["prior", { warmup: 500 }],
    ["a posterior", { start }],
    ["a posterior, without jumps", { start, jumps: false }],
    ["points", { start: Array.from({ length: 8 }, (_, c) => [c / 4 - 1, -1]) }],
  ];
  for (const [name, options] of all) {
    const p = await nuts(banana, y, { kernels, draws: 2500, targetAccept: 0.9, ...options });
    const ks = ksPerParameter(p.draws, exact, 2);
    const ess = p.diagnostics.essBulk;
    assert.ok(ess > 500 && p.diagnostics.rHat < 1.02, `${name}: ESS ${ess}`);
    assert.ok(Math.max(...ks) < bound(ess), `${name}: ${ks}, ESS ${ess}`);
    assert.is(p.diagnostics.jumps === null, !("start" in options) || name === "points" || options.jumps === false);
  }
});

test("R̂ flags chains that are apart, and the warning says so", async () => {
  const two = defineProblem({
    name: "two",
    prior: normal(0, 1),
    forward: (t) => square(t),
    noise: gaussianNoise(0.01),
  });
  const p = await nuts(two, [1], { kernels, chains: 4, start: [[1], [1], [-1], [-1]], warmup: 200, draws: 200 });
  assert.ok(p.diagnostics.rHat > 1.5 && p.diagnostics.essBulk < 20);
  assert.match(p.warning ?? "", /^the chains do not agree: R̂ of θ1 is [\d.]+, above 1.01: .*the bulk ESS of θ1 is/);
});

test("divergences are counted and cause a warning, as in a funnel", async () => {
  // log sd ~ N(0, 3), x ~ N(0, sd): no data tell of them.
  const funnel = defineProblem({
    name: "funnel",
    prior: normal([0, 0], [3, 1]),
    forward: (t) => mul(columns(t, [1]), exp(mul(columns(t, [0]), -1))),
    noise: gaussianNoise(0.1),
  });
  const p = await nuts(funnel, [1], { kernels, draws: 300, maxDepth: 6 });
  assert.ok(p.diagnostics.divergences > 0);
  assert.match(p.warning ?? "", /\d+ of 2400 trajectories diverged: .* raise targetAccept/);
});

test("a chain is the same, whatever chains and observations run with it", async () => {
  const rows = await dataOf(small, 5, 4);
  const options = { kernels, warmup: 60, draws: 40, seed: 9 } as const;
  const together = await nuts(small, rows, { ...options, chains: 5 });
  for (const i of [0, 4]) {
    const alone = await nuts(small, rows[i], { ...options, chains: 3 });
    for (const c of [0, 1, 2]) assert.equal(alone.chains[c], together[i].chains[c]);
    assert.is(alone.diagnostics.steps[1], together[i].diagnostics.steps[1]);
  }
  const start = await laplace(small, rows, { kernels });
  const warm = await nuts(small, rows, { ...options, start, chains: 5 });
  const alone = await nuts(small, rows[2], { ...options, start: start[2], chains: 2 });
  for (const c of [0, 1]) assert.equal(alone.chains[c], warm[2].chains[c]);
  assert.not.equal(warm[2].chains[0], together[2].chains[0]);
  const again = await nuts(small, rows[0], { ...options, chains: 3, seed: 10 });
  assert.not.equal(again.chains[0], together[0].chains[0]);
});

test("draws are given without repeats until all are, and their subsets follow a seed", async () => {
  const p = await nuts(small, [0.5, -1, 0.1], { kernels, chains: 4, warmup: 50, draws: 50 });
  const keys = (draws: Rows): string[] =>
    Array.from({ length: draws.length / 2 }, (_, s) => `${draws[2 * s]} ${draws[2 * s + 1]}`);
  const all = new Map(keys(p.draws).map((k) => [k, 0]));
  const distinct = all.size; // a draw may stay where it was
  assert.is(new Set(keys(await p.sample(200, { seed: 3 }))).size, distinct);
  const twice = keys(await p.sample(450, { seed: 3 }));
  for (const k of twice) all.set(k, (all.get(k) as number) + 1);
  assert.ok([...all.values()].every((n) => n >= 2));
  assert.equal(await p.sample(50, { seed: 4 }), await p.sample(50, { seed: 4 }));
  assert.not.equal(await p.sample(50, { seed: 4 }), await p.sample(50, { seed: 5 }));
  assert.is(p.chains.length, 4);
  assert.equal(p.chains[1], p.draws.subarray(100, 200));
});

test("the sampler is calibrated: ranks of the true parameters among its draws are uniform", async () => {
  // A nonlinear problem with a bounded parameter; 480 observations at once, ranks among 15 thinned draws: 16 bins of 30.
  const problem = defineProblem({
    name: "calibrated",
    prior: product(uniform(0, 1), normal(0, 1)),
    forward: (t) => {
      const [a, b] = [columns(t, [0]), columns(t, [1])];
      return concat(mul(a, b), add(log(add(a, 0.1)), mul(b, 0.2)));
    },
    noise: gaussianNoise([0.3, 0.4]),
  });
  const N = 480;
  const { theta, noisy } = await simulate(problem, N, { seed: 17, kernels });
  const rows = Array.from({ length: N }, (_, i) => Float64Array.from(noisy.subarray(2 * i, 2 * i + 2)));
  const posteriors = await nuts(problem, rows, { kernels, chains: 4, warmup: 150, draws: 60, seed: 5 });
  for (const d of [0, 1]) {
    const counts = new Float64Array(16);
    for (const [i, p] of posteriors.entries()) {
      const draws = await p.sample(15, { seed: i });
      let rank = 0;
      for (let s = 0; s < 15; s++) rank += Number(draws[2 * s + d] < theta[2 * i + d]);
      counts[rank]++;
    }
    const chi = counts.reduce((sum, n) => sum + (n - 30) ** 2 / 30, 0);
    assert.ok(chi < 37.7, `parameter ${d + 1}: χ² ${chi}, ${counts}`); // 15 degrees: exceeded by one in 1000
  }
});

test("budget, signal and progress: work is reported, and a budget returns the draws so far", async () => {
  const slow = { kernels, draws: 200_000, chains: 2, warmup: 50 } as const;
  const restore = tellProcessorTime();
  const cut = await nuts(small, [0.5, -1, 0.1], { ...slow, budget: 0.3 }).finally(restore);
  assert.ok(cut.diagnostics.draws < 200_000 && cut.diagnostics.draws > 3);
  assert.match(cut.warning ?? "", /^the budget ran out after \d+ of 200000 draws of each chain/);
  assert.is(cut.draws.length, cut.diagnostics.draws * 2 * 2);
  const controller = new AbortController();
  let last = 0;
  const onProgress = ({ done, total, secondsLeft }: { done: number; total: number; secondsLeft: number }): void => {
    assert.ok(done >= last && total === 400_100 && secondsLeft >= 0);
    last = done;
    if (done > 100) controller.abort(new Error("enough"));
  };
  const stopped = await rejection(nuts(small, [0.5, -1, 0.1], { ...slow, onProgress, signal: controller.signal }));
  assert.is(stopped.message, "enough");
});

test("problems that cannot be sampled are refused, with what to do", async () => {
  const outside = defineProblem({
    name: "outside",
    prior: normal(0, 1),
    data: 1,
    noise: gaussianNoise(1),
    simulate: (t) => t,
  });
  assert.match(
    (await rejection(nuts(outside, [0]))).message,
    /^nuts: expected a problem with a forward model written with ops, got "outside", which has only simulate\(\)/,
  );
  const broken = defineProblem({
    name: "broken",
    prior: normal(0, 1),
    forward: (t) => log(sub(t, 1)),
    noise: gaussianNoise(1),
  });
  assert.match(
    (await rejection(nuts(broken, [0], { kernels, start: [[2], [0]], chains: 2 }))).message,
    /^nuts: expected a finite posterior density with a finite gradient at the start of chain 2, got NaN; give other points/,
  );
  const of = async (options: object): Promise<string> => (await rejection(nuts(small, [0, 0, 0], options))).message;
  for (const [options, message] of [
    [{ chains: 0 }, /^nuts: expected chains to be a whole number of at least 1, got 0/],
    [{ draws: 2 }, /^nuts: expected draws to be a whole number of at least 4, got 2/],
    [{ metric: "full" }, /^nuts: expected metric to be one of "diagonal", "dense", got "full"/],
    [{ space: "noise" }, /^nuts: expected space to be one of "auto", "parameters", "guide", got "noise"/],
    [{ space: "guide" }, /^nuts: expected start to be posteriors of one map for space "guide"/],
    [{ jumps: 1 }, /^nuts: expected jumps to be true or false/],
    [{ targetAccept: 1 }, /^nuts: expected targetAccept to be a number between 0 and 1, got 1/],
    [{ maxDepth: 21 }, /^nuts: expected maxDepth to be a whole number from 1 to 20, got 21/],
    [{ budget: 0 }, /^nuts: expected budget to be a number of seconds above 0, got 0/],
    [{ seed: 0.5 }, /^nuts: expected seed to be a whole number, got 0.5/],
    [{ sampels: 3 }, /^nuts: expected options .*; got "sampels"/],
    [
      { start: [1, 2, 3] },
      /^nuts: expected start to be a posterior or 8 points \(8, 2\), one for each chain, got 3 numbers/,
    ],
    [{ start: 3 }, /^nuts: expected start to be a posterior or 8 points/],
    [
      { start: await laplace(small, [1, 1, 1], { kernels }) },
      /^nuts: expected start to be a posterior of the same data/,
    ],
  ] as const)
    assert.match(await of(options), message);
  const far = defineProblem({ name: "box", prior: uniform(0, 1), forward: (t) => div(t, 2), noise: gaussianNoise(1) });
  assert.match(
    (await rejection(nuts(far, [0], { start: [[0.5], [2]], chains: 2 }))).message,
    /^nuts: expected start within the support of the prior, \[0, 1\], got 2 for chain 2/,
  );
  assert.match((await rejection(nuts(small, [0, 0]))).message, /^y: expected 3 numbers, got 2/);
});

test.run();
