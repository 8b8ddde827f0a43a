// slow (9 s): corrections of wrong guides by weights and chains
// Correction: a wrong guide must end at the exact posterior or be flagged; an error says why a posterior cannot be corrected.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ksPerParameter, pool } from "../src/diagnostics/ks.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { add, mul, sqrt, square, sub, where } from "../src/graph/build.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { normalAt } from "../src/numbers/random.ts";
import { gaussianSummary, makePosterior, type Posterior } from "../src/posterior/posterior.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, linearGaussian, linearGaussianPosterior, rod } from "../src/problems.ts";
import { correct as correctSource } from "../src/sampling/correct.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { parseCsv } from "../src/store/csv.ts";
import { decodeNpy } from "../src/store/npy.ts";
import { load, toBytes } from "../src/store/store.ts";
import { train } from "../src/train/train.ts";
import { tellProcessorTime } from "./helpers/clock.ts";
import { outside, rejection, small } from "./helpers/maps.ts";

// The budget of chains is in seconds: of the processor here, so that it is as large on a busy machine.
test.after(tellProcessorTime());

const kernels = "plain";
const HALF_LOG_2PI = 0.9189385332046727;

async function dataOf(problem: Problem, count: number, seed: number): Promise<Float64Array[]> {
  const { noisy } = await simulate(problem, count, { seed, kernels });
  return Array.from({ length: count }, (_, i) => Float64Array.from(noisy.subarray(i * problem.M, (i + 1) * problem.M)));
}

/** Independent normals in place of a posterior: what a guide that went wrong answers. */
function guessed(problem: Problem, y: Float64Array, mean: Float64Array, sd: Float64Array): Posterior {
  const D = problem.D;
  const covariance = new Float64Array(D * D);
  for (let d = 0; d < D; d++) covariance[d * D + d] = sd[d] * sd[d];
  return makePosterior({
    prior: problem.prior,
    y,
    summary: gaussianSummary(mean, covariance),
    warning: undefined,
    draw: async (count, seed) =>
      Float32Array.from({ length: count * D }, (_, k) => {
        const [s, d] = [Math.floor(k / D), k % D];
        return mean[d] + sd[d] * normalAt(seed, 77, 0, s, d);
      }),
    density: async (theta, count) =>
      Float64Array.from({ length: count }, (_, s) => {
        let sum = 0;
        for (let d = 0; d < D; d++)
          sum -= 0.5 * ((theta[s * D + d] - mean[d]) / sd[d]) ** 2 + Math.log(sd[d]) + HALF_LOG_2PI;
        return sum;
      }),
  });
}
const correct = (problem: Problem, posterior: Posterior, options: object = {}) =>
  correctSource({ owner: problem.name, problem, D: problem.D, posterior, backend: { kernels } }, options);

/** Two parameters, both measured: the posterior is normal and independent, of mean y/2 and sd √½. */
const twice = defineProblem({
  name: "twice",
  prior: normal([0, 0], 1),
  forward: (t) => t,
  noise: gaussianNoise(1),
});
const at = Float64Array.of(0.6, -1);
const exactMean = Float64Array.of(0.3, -0.5);
const exactSd = new Float64Array(2).fill(Math.SQRT1_2);
const exactDraws = Float32Array.from(
  { length: 40_000 },
  (_, k) => exactMean[k % 2] + Math.SQRT1_2 * normalAt(4, 78, 0, k >> 1, k & 1),
);
const logEvidence = -2 * HALF_LOG_2PI - Math.log(2) - 0.25 * (0.36 + 1); // N(y; 0, 2)
const ksBound = 1.95 * Math.sqrt(1 / 1000 + 1 / 20_000);

for (const [name, shift, scale] of [
  ["too wide by 2", 0, 2],
  ["too narrow by a fifth", 0, 0.8],
  ["off by half an sd", 0.5, 1],
] as const) {
  test(`a guide that is ${name} is corrected to the exact posterior by its weights`, async () => {
    const wrong = guessed(
      twice,
      at,
      exactMean.map((m, d) => m + shift * exactSd[d]),
      exactSd.map((s) => s * scale),
    );
    const before = ksPerParameter(await wrong.sample(1000), exactDraws, 2);
    assert.ok(Math.max(...before) > ksBound, `${before}`); // else nothing is shown
    const c = await correct(twice, wrong, { method: "psis", draws: 20_000 });
    assert.equal([c.method, c.warning, c.diagnostics, c.evaluations], ["psis", undefined, null, 20_000]);
    assert.ok((c.kHat as number) < 0.7 && c.ess > 4000 && c.ess < 20_000, `${c.kHat}, ${c.ess}`);
    assert.match(c.note, /^PSIS: 20000 draws weighted by the exact posterior, k̂ -?[\d.]+, ESS \d+$/);
    const error = 4.5 / Math.sqrt(c.ess);
    for (const d of [0, 1]) {
      assert.ok(Math.abs(c.mean[d] - exactMean[d]) < error * exactSd[d]);
      assert.ok(Math.abs(c.sd[d] / exactSd[d] - 1) < error, `${c.sd[d]}`);
      assert.ok(Math.abs(c.quantile(0.5)[d] - exactMean[d]) < 1.3 * error * exactSd[d]);
    }
    assert.ok(Math.abs(c.logEvidence - logEvidence) < error);
    const after = ksPerParameter(await c.sample(1000, { seed: 3 }), exactDraws, 2);
    assert.ok(Math.max(...after) < ksBound, `${after}`);
    assert.ok(Math.max(...ksPerParameter(c.draws, exactDraws, 2)) < 1.95 * Math.sqrt(1 / c.ess + 1 / 20_000));
    // log p(θ | y) in closed form.
    const [l] = await c.logProb([0.1, 0.2]);
    const closed = -2 * HALF_LOG_2PI + Math.log(2) - (0.2 * 0.2 + 0.7 * 0.7);
    assert.ok(Math.abs(l - closed) < error, `${l}, ${closed}`);
  });
}

for (const [name, forward] of [
  ["a sensor that reads 1 above 2 and 0 below", (t: Tensor) => where(sub(t, 2), 1, 0)],
  ["a forward model that is NaN below 2", (t: Tensor) => add(mul(sqrt(sub(t, 2)), 0), 1)],
  ["a sensor that overflows below 2", (t: Tensor) => where(sub(t, 2), 1, 1e300)],
] as const) {
  test(`draws that are impossible under ${name} have no weight`, async () => {
    const threshold = defineProblem({ name: "threshold", prior: normal([0], 1), forward, noise: gaussianNoise(0.01) });
    const y = Float64Array.of(1);
    const prior = guessed(threshold, y, Float64Array.of(0), Float64Array.of(1));
    const c = await correct(threshold, prior, { method: "psis", draws: 40_000 });
    // N(0, 1) above 2: mean φ(2)/Φ(−2) = 2.3732, sd .3376; the evidence is N(1; 1, .01) Φ(−2). A share of .0228 is above.
    assert.ok(Math.abs(c.ess / (40_000 * 0.02275) - 1) < 0.15, `${c.ess}`);
    assert.ok(Math.abs(c.mean[0] - 2.3732) < (4 * 0.3376) / Math.sqrt(c.ess), `${c.mean[0]}`);
    assert.ok(Math.abs(c.logEvidence - Math.log(0.0227501 / (0.01 * Math.sqrt(2 * Math.PI)))) < 4 / Math.sqrt(c.ess));
    assert.ok(c.quantile(0.001)[0] > 2 && Math.min(...c.draws) > 2, `${c.quantile(0.001)[0]}`);
    const few = await correct(threshold, prior, { method: "psis", draws: 1000 });
    assert.match(few.warning as string, /effective draws, below 100/);
  });
}

test("a guide that is a fifth as wide, and one that is far off, are flagged by k̂; auto goes to NUTS and says so", async () => {
  for (const [name, mean, sd] of [
    ["a fifth as wide", exactMean, exactSd.map((s) => s / 5)],
    ["far off", exactMean.map((m) => m + 5), exactSd],
  ] as const) {
    const wrong = guessed(twice, at, mean, sd);
    const weighed = await correct(twice, wrong, { method: "psis", draws: 4000 });
    assert.ok((weighed.kHat as number) > 0.7, `${name}: ${weighed.kHat}`);
    assert.match(weighed.warning ?? "", /^k̂ is [\d.]+, above 0.7: .* use method "nuts"/);
    const c = await correct(twice, wrong, { draws: 4000, seed: 2 });
    assert.is(c.method, "nuts");
    assert.match(
      c.note,
      /^PSIS: 4000 draws .*, k̂ [\d.]+, ESS \d+, which is unreliable, so NUTS: 8 chains of 500 draws, started at (draws of the posterior|the modes, because the posterior is far off), R̂ 1\.0\d\d, bulk ESS \d+$/,
    );
    assert.ok(c.diagnostics && c.diagnostics.rHat < 1.01 && c.ess === c.diagnostics.essBulk && c.warning === undefined);
    assert.match(
      c.sourceWarning ?? "",
      /^its importance weights show that the original posterior is inaccurate: k̂ is [\d.]+, above 0.7/,
    );
    assert.ok((c.kHat as number) > 0.7 && c.evaluations > 4000);
    assert.ok(Math.max(...ksPerParameter(c.draws, exactDraws, 2)) < 1.95 * Math.sqrt(1 / c.ess + 1 / 20_000), name);
    assert.ok(Math.abs(c.logEvidence - logEvidence) < 0.05);
  }
});

test("a guide with its sd halved is flagged in ten dimensions; in two k̂ is near its threshold", async () => {
  // P(w > t) falls as t^(−1/k), k = 1 − ¼, in any dimension; in few of them a few thousand draws do not reach that far.
  let flagged = 0;
  const rows = await dataOf(linearGaussian, 20, 5);
  for (const y of rows) {
    const { mean, covariance } = linearGaussianPosterior(y);
    const sd = mean.map((_, d) => 0.5 * Math.sqrt(covariance[d * 11]));
    const c = await correct(linearGaussian, guessed(linearGaussian, y, mean, sd), { method: "psis" });
    flagged += Number((c.kHat as number) > 0.7 && c.warning !== undefined);
  }
  assert.is(flagged, 20);
  const c = await correct(
    twice,
    guessed(
      twice,
      at,
      exactMean,
      exactSd.map((s) => s / 2),
    ),
    { method: "psis" },
  );
  assert.ok((c.kHat as number) > 0.4, `${c.kHat}`);
});

test("a guide four times as wide has reliable weights, the efficiency of its formula, and a warning", async () => {
  const wide = guessed(
    twice,
    at,
    exactMean,
    exactSd.map((s) => 4 * s),
  );
  const c = await correct(twice, wide, { draws: 8000 });
  assert.ok(c.method === "psis" && (c.kHat as number) < 0.7, c.note);
  const kept = (2 * 16 - 1) / 16 ** 2; // (E w)² / E w² of N(0, 1) weighed for draws of N(0, s²), (2 s² − 1)^½ / s², squared
  assert.ok(Math.abs((c.efficiency as number) - kept) < 0.01, `${c.efficiency}`);
  assert.is(c.efficiency, c.ess / 8000);
  assert.is(
    c.sourceWarning,
    "its importance weights show that the original posterior is inaccurate: their efficiency is 12 %, below 40 %",
  );
  assert.is(c.warning, undefined); // its own draws are right
});

test("a guide that misses a mode is not seen by its weights: k̂ is small, and half of the posterior stays lost", async () => {
  const two = defineProblem({ name: "two", prior: normal(0, 1), forward: (t) => square(t), noise: gaussianNoise(0.1) });
  const y = Float64Array.of(1);
  const one = (await laplace(two, y, { kernels, starts: 1, seed: 3 })) as Posterior;
  const c = await correct(two, one, { method: "psis" });
  assert.ok((c.kHat as number) < 0.7 && c.warning === undefined, `${c.kHat}`);
  const sign = Math.sign(c.mean[0]);
  const lost = c.draws.filter((x) => Math.sign(x) !== sign).length / c.draws.length;
  assert.ok(lost < 0.001, `${lost}`); // by symmetry it should be ½
});

test("too few draws cause a warning, and a budget that is too short keeps the weights and says why", async () => {
  const wrong = guessed(
    twice,
    at,
    exactMean,
    exactSd.map((s) => s / 4),
  );
  const few = await correct(twice, wrong, { method: "psis", draws: 12 });
  assert.is(few.kHat, Number.POSITIVE_INFINITY);
  assert.match(few.warning ?? "", /^too few draws to tell .*; the weights leave \d+ effective draws, below 100/);
  const hurried = await correct(twice, wrong, { budget: 1e-9 });
  assert.is(hurried.method, "psis");
  assert.match(hurried.note, /NUTS failed: nuts: expected at least 4 draws of each chain within the budget/);
});

test("a posterior of a map and one by Laplace correct themselves; a second correction compiles nothing", async () => {
  const map = await train(linearGaussian, { guide: "gaussian", steps: 60, seed: 1, kernels });
  const [y] = await dataOf(linearGaussian, 1, 8);
  const p = await infer(map, y, { kernels });
  const first = await p.correct();
  const second = await p.correct({ method: "nuts", chains: 4, drawsPerChain: 400 });
  const exact = linearGaussianPosterior(y);
  for (const c of [first, second]) {
    assert.is(c.problem, linearGaussian);
    if (c.method === "psis") continue;
    assert.ok(c.diagnostics && c.diagnostics.rHat < 1.015, `${c.diagnostics?.rHat}`);
    for (const [d, m] of exact.mean.entries())
      assert.ok(Math.abs(c.mean[d] - m) < (4.5 * c.sd[d]) / Math.sqrt(Math.min(c.ess, 1600)), `${d}`);
  }
  assert.is(second.kHat, null);
  const laplaced = await laplace(linearGaussian, y, { kernels });
  const c = await laplaced.correct(); // exact already: all weights are equal, but for rounding
  assert.ok(c.method === "psis" && c.ess > 2047 && Math.abs(c.logEvidence - laplaced.logEvidence) < 1e-4);
  assert.equal(await c.sample(20, { seed: 5 }), await (await laplaced.correct()).sample(20, { seed: 5 }));
});

test("a flow's noise is a space to sample in: draws are those of the exact posterior, one by one seed", async () => {
  const map = await train(small, { guide: "spline", steps: 300, batch: 128, seed: 2, kernels });
  const [y] = await dataOf(small, 1, 6);
  const p = await infer(map, y, { kernels, draws: 64 });
  const c = await p.correct({ method: "nuts", drawsPerChain: 1000 });
  assert.ok(c.diagnostics !== null && (c.diagnostics.jumps ?? 0) > 0.2 && c.diagnostics.rHat < 1.01);
  const weights = await (await laplace(small, y, { kernels })).correct({ method: "psis", draws: 40_000 });
  assert.ok((weights.kHat as number) < 0.7);
  const ks = ksPerParameter(c.draws, weights.draws, 2);
  assert.ok(Math.max(...ks) < 1.95 * Math.sqrt(1 / Math.min(c.ess, 8000) + 1 / weights.ess), `${ks}`);
  assert.ok(Math.abs(c.logEvidence - weights.logEvidence) < 0.02);
  assert.equal(
    (await p.correct({ method: "nuts", drawsPerChain: 50 })).draws,
    (await p.correct({ method: "nuts", drawsPerChain: 50 })).draws,
  );
});

test("a posterior that cannot be corrected says why, and what to do", async () => {
  const simulated = outside((rows) => rows.map(() => new Float64Array(3)), { noise: null });
  const y = new Float64Array(3);
  const guess = (problem: Problem): Posterior => guessed(problem, y, new Float64Array(2), new Float64Array(2).fill(1));
  assert.match(
    (await rejection(correct(simulated, guess(simulated)))).message,
    /^correct: expected a problem with a forward model or a simulator, and a noise model, got "outside", which has noise: null, /,
  );
  const map = await train(small, { guide: "gaussian", steps: 2, batch: 64, heldOut: 64, kernels });
  const loaded = await infer(await load(toBytes(map), { kernels }), y);
  assert.match(
    (await rejection(loaded.correct())).message,
    /^correct: expected the problem that "small" was trained on, which a model file does not hold; use load\(file, \{ problem \}\)/,
  );
  assert.is((await loaded.correct({ problem: small, method: "psis", draws: 100 })).problem, small);
  assert.match(
    (await rejection(loaded.correct({ problem: linearGaussian }))).message,
    /^correct: expected a problem of 2 parameters and 3 data, got "linear-gaussian" of 10 and 20/,
  );
  for (const [options, message] of [
    [{ method: "mcmc" }, /^correct: expected method to be one of "auto", "psis", "nuts", got "mcmc"/],
    [{ draws: 0 }, /^correct: expected draws to be a whole number of at least 1, got 0/],
    [{ budget: -1 }, /^correct: expected budget to be a number of seconds above 0, got -1/],
    [{ seed: "a" }, /^correct: expected seed to be a whole number, got "a"/],
    [{ steps: 3 }, /^correct: expected options .*; got "steps"/],
  ] as const)
    assert.match((await rejection(correct(small, guess(small), options))).message, message);
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  assert.is((await rejection(correct(small, guess(small), { signal: controller.signal }))).message, "enough");
});

test("a surrogate's posterior is corrected to that of the problem itself", async () => {
  const surrogate = defineProblem({
    name: "twice-surrogate",
    prior: twice.prior,
    forward: (t) => t,
    noise: twice.noise,
    parent: twice,
  });
  const c = await correct(surrogate, guessed(surrogate, at, exactMean, exactSd), { method: "psis" });
  assert.is(c.problem, twice);
  const simulated = outside((rows) => rows.map(() => new Float64Array(3)));
  const stands = defineProblem({
    name: "outside-surrogate",
    prior: small.prior,
    forward: small.forward,
    noise: small.noise,
    parent: simulated,
  });
  const mean = new Float64Array(2);
  const d = await correct(
    stands,
    guessed(
      stands,
      new Float64Array(3),
      mean,
      mean.map(() => 1),
    ),
    { method: "nuts", chains: 2, drawsPerChain: 10 },
  );
  assert.is(d.problem, stands);
  assert.match(d.note, /NUTS of the surrogate: "outside" itself has only simulate\(\): /);
});

test("an undertrained guide of the arm is corrected to exact posteriors of the reference observations, or flagged", async () => {
  const folder = fileURLToPath(new URL("../../shared/reference/arm", import.meta.url));
  if (!existsSync(folder)) {
    console.log("SKIP the reference observations of the arm are not here");
    return;
  }
  const { rows } = parseCsv(readFileSync(`${folder}/y.csv`, "utf8"));
  const { shape, data } = decodeNpy(new Uint8Array(readFileSync(`${folder}/exact.npy`)));
  const map = await train(arm, { guide: "spline", steps: 1000, batch: 256, rate: 4e-3, seed: 1, kernels });
  const [before, after]: [number[], number[]] = [[], []];
  const methods: string[] = [];
  for (const [i, p] of (await infer(map, rows.slice(0, 4), { kernels })).entries()) {
    const exact = Float32Array.from(data.subarray(i * shape[1] * 4, i * shape[1] * 4 + 4000));
    const c = await p.correct();
    methods.push(c.warning === undefined ? c.method : `${c.method}, flagged`);
    for (const seed of [11, 12, 13]) {
      before.push(...ksPerParameter(await p.sample(1000, { seed }), exact, 4));
      if (c.warning === undefined) after.push(...ksPerParameter(await c.sample(1000, { seed }), exact, 4));
    }
  }
  const told = `${pool(before).mean.toFixed(4)} before, ${pool(after).mean.toFixed(4)} after (${methods.join("; ")})`;
  console.log(`arm: pooled KS of 4 observations, ${told}`);
  assert.ok(pool(after).mean < 0.05, told); // .039 for two samples of one distribution, 16 of which scatter by a tenth
  assert.ok(methods.filter((m) => m.endsWith("flagged")).length <= 1, told);
});

test("Laplace's posteriors of the rod's reference observations, corrected, are those of the exact ones", async () => {
  const folder = fileURLToPath(new URL("../../shared/reference/rod", import.meta.url));
  if (!existsSync(folder)) {
    console.log("SKIP the reference observations of the rod are not here");
    return;
  }
  const { rows } = parseCsv(readFileSync(`${folder}/y.csv`, "utf8"));
  const { shape, data } = decodeNpy(new Uint8Array(readFileSync(`${folder}/exact.npy`)));
  const statistics: Record<string, number[]> = { psis: [], nuts: [] };
  for (const [i, p] of (await laplace(rod, rows.slice(0, 10), { kernels })).entries()) {
    const exact = Float32Array.from(data.subarray(i * shape[1] * 5, i * shape[1] * 5 + 5000));
    for (const method of ["psis", "nuts"] as const) {
      const c = await p.correct({ method });
      if (c.diagnostics) assert.ok(c.diagnostics.rHat <= 1.01, `${i}: ${c.diagnostics.rHat}`);
      for (const seed of [11, 12, 13])
        statistics[method].push(...ksPerParameter(await c.sample(1000, { seed }), exact, 5));
    }
  }
  const means = Object.entries(statistics).map(([method, s]) => `${method} ${pool(s).mean.toFixed(4)}`);
  console.log(`rod: pooled KS of 10 observations, ${means.join(", ")}`);
  for (const s of Object.values(statistics)) assert.ok(pool(s).mean < 0.045, means.join(", "));
});

test.run();
