// slow (8 s): C2ST trains its classifiers
// KL, C2ST, re-simulation, predictive checks and ranks: values in closed form, seeds, refusals.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { c2st } from "../../src/diagnostics/c2st.ts";
import { gaussianKl, klDivergence, klFromDraws } from "../../src/diagnostics/kl.ts";
import { logLikelihoodQuantity } from "../../src/diagnostics/likelihood.ts";
import { checkReplications, predictiveCheck } from "../../src/diagnostics/predictive.ts";
import { rankTruths } from "../../src/diagnostics/ranks.ts";
import { resimulate, resimulationError } from "../../src/diagnostics/resimulation.ts";
import { normalAt } from "../../src/numbers/random.ts";
import { predict } from "../../src/simulate/predict.ts";
import { simulate } from "../../src/simulate/simulate.ts";
import { cases, fold, gaussianPosterior, linear, linearGuide } from "../helpers/guides.ts";
import { outside, rejection } from "../helpers/maps.ts";

const normals = (seed: number, count: number, width: number): Float64Array =>
  Float64Array.from({ length: count * width }, (_, i) => normalAt(seed, 5, 0, Math.floor(i / width), i % width));
const close = (got: number, want: number, tolerance: number, what = ""): void =>
  assert.ok(Math.abs(got - want) <= tolerance, `${what} ${got}, expected ${want}`);
const plain = { kernels: "plain" } as const;

// ---- KL
test("KL of two Gaussians is 0 of the same, and in one dimension the formula of the books", () => {
  const q = { mean: [1], covariance: [4] };
  close(gaussianKl(q, q), 0, 1e-15);
  close(gaussianKl(q, { mean: [0], covariance: [1] }), 0.5 * (4 + 1 - 1 - Math.log(4)), 1e-14);
  assert.throws(() => gaussianKl(q, { mean: [0, 0], covariance: [1] }), /two means of one length, got 1 and 2/);
  assert.throws(() => gaussianKl(q, { mean: [0], covariance: [-1] }), /positive definite covariance of p, got a pivot/);
  assert.throws(
    () => gaussianKl({ mean: [0, 1], covariance: [1] }, { mean: [0, 1], covariance: [1] }),
    /of q \(2, 2\)/,
  );
});

test("KL by draws is that in closed form, both ways, within four and a half standard errors", async () => {
  const [mean, y] = [Float64Array.of(0.3, -0.2), new Float64Array(1)];
  const q = gaussianPosterior(y, mean, Float64Array.of(0.5, 0.2, 0.2, 0.4));
  const p = gaussianPosterior(y, Float64Array.of(0, 0), Float64Array.of(1, -0.1, -0.1, 0.8));
  const there = await klDivergence(q, (t) => p.logProb(t), { draws: 20_000, seed: 3 });
  close(there.value, gaussianKl(q, p), 4.5 * there.standardError);
  assert.ok(there.standardError > 0 && there.standardError < 0.02 && there.draws === 20_000);
  const back = await klFromDraws(q, await p.sample(20_000, { seed: 4 }), (t) => p.logProb(t));
  close(back.value, gaussianKl(p, q), 4.5 * back.standardError);
  const none = await klDivergence(q, (t) => new Float64Array(t.length / 2).fill(Number.NEGATIVE_INFINITY));
  assert.ok(none.value === Number.POSITIVE_INFINITY && Number.isNaN(none.standardError));
  assert.match((await rejection(klDivergence(q, () => [1, 2]))).message, /expected 4096 log-densities, got 2/);
  assert.match(
    (await rejection(klDivergence(q, (t) => new Float64Array(t.length / 2).fill(NaN)))).message,
    /got .* and NaN/,
  );
  assert.match((await rejection(klDivergence(q, () => [], { draws: 1 }))).message, /draws to be a whole number of at/);
});

// ---- C2ST
test("a classifier finds the accuracy that there is to be found, and half where there is nothing", async () => {
  const [a, b] = [normals(1, 1000, 1), normals(2, 1000, 1)];
  const same = await c2st(a, b, 1);
  assert.ok(Math.abs(same.accuracy - 0.5) < 4 * same.standardError && same.pValue > 1e-3);
  close(same.standardError, Math.sqrt(0.25 / 2000), 1e-12);
  close(
    same.folds.reduce((s, f) => s + f / 5, 0),
    same.accuracy,
    0.01,
  );
  // Two unit normals one sd apart: Φ(1/2). Of these rows 4.5 sd of 2000 draws.
  const moved = await c2st(
    a,
    b.map((v) => v + 1),
    1,
  );
  close(moved.accuracy, 0.6915, 4.5 * Math.sqrt((0.6915 * 0.3085) / 2000));
  const apart = await c2st(
    a,
    b.map((v) => v + 100),
    1,
  );
  assert.is(apart.accuracy, 1);
});

test("a classifier sees dependence, gives the same result for one seed, and takes samples of two sizes", async () => {
  const [a, b] = [normals(3, 600, 3), normals(4, 900, 3)];
  for (let r = 0; r < 900; r++) b[3 * r + 1] = 0.8 * b[3 * r] + 0.6 * b[3 * r + 1];
  const found = await c2st(a, b, 3, { seed: 9 });
  assert.ok(found.pValue < 1e-6);
  assert.equal(await c2st(a, b, 3, { seed: 9 }), found);
  assert.not.equal((await c2st(a, b, 3, { seed: 10 })).accuracy, found.accuracy);
  const sizes = await c2st(a, normals(5, 900, 3), 3);
  assert.ok(Math.abs(sizes.accuracy - 0.5) < 4 * sizes.standardError);
});

test("false alarms of a classifier are as many as stated", async () => {
  let small = 0;
  for (let i = 0; i < 60; i++)
    small += Number((await c2st(normals(100 + i, 100, 2), normals(200 + i, 100, 2), 2, { steps: 100 })).pValue < 0.1);
  // 10 % by the normal approximation: 6 of 60, and 4.5 standard deviations.
  assert.ok(small <= 6 + 4.5 * Math.sqrt(5.4), `${small} of 60`);
});

test("a classifier refuses what it cannot split, and numbers that are none", async () => {
  assert.match(
    (await rejection(c2st([1, 2, 3], [1, 2, 3, 4, 5], 1))).message,
    /at least 5 rows in each sample, one a fold, got 3/,
  );
  assert.match(
    (await rejection(c2st([1, Infinity], [1, 2], 1))).message,
    /expected finite numbers in a, got Infinity in row 2/,
  );
  assert.match((await rejection(c2st([1, 2, 3], [1, 2], 2))).message, /^c2st: expected a \(S, 2\), got 3 numbers$/);
  assert.match((await rejection(c2st([1], [1], 1, { layers: 3 } as never))).message, /expected options folds, seed/);
});

// ---- re-simulation
test("the re-simulation error is the mean distance of data, and their rms in noise sd", async () => {
  const error = resimulationError([3, 4, 0, 0], [0, 0], [1, 2]);
  close(error.distance, 2.5, 1e-15);
  close(error.rms, Math.sqrt((9 + 4) / 4), 1e-15);
  assert.ok(Number.isNaN(resimulationError([3, 4], [0, 0]).rms));
  assert.throws(() => resimulationError([1, 2, 3], [0, 0]), /expected clean data \(S, 2\), got 3 numbers/);
  assert.throws(() => resimulationError([1, 2], [0, 0], [1, 0]), /noise sd above 0, got 0 for component 2/);
  const { theta, noisy } = await simulate(fold, 1, { seed: 1 });
  const own = await resimulate(fold, [theta, theta], { theta }, plain);
  assert.is(own.distance, 0);
  const off = await resimulate(fold, theta, { y: noisy }, plain);
  const clean = await predict(fold, theta);
  close(off.distance, Math.hypot(noisy[0] - clean[0], noisy[1] - clean[1]), 1e-6);
  assert.match((await rejection(resimulate(fold, theta, { y: [1] }))).message, /one observation of 2 numbers, got 1/);
});

// ---- predictive checks
test("a predictive check counts replications that are farther, datum by datum and together", () => {
  const clean = [
    [0, 0],
    [0, 0],
    [0, 0],
  ];
  const replicated = [
    [1, 0],
    [2, 0],
    [3, 0],
  ];
  const largest = (data: ArrayLike<number>) => Math.max(data[0], data[1]);
  const check = checkReplications([2.5, 0], { clean, replicated, noiseSd: 1 }, { largest });
  assert.equal(check.pValues, { "chi-square": 0.5, largest: 0.5 });
  assert.equal([...check.tails], [2.5 / 4, 0.5]);
  close(check.misfit, 6.25 / 2, 1e-12);
  assert.is(check.worst.datum, 0);
  // Replications that are as far count as far.
  assert.equal(checkReplications([0, 0], { clean, replicated: clean, noiseSd: 1 }).pValues, { "chi-square": 1 });
  assert.equal(Object.keys(checkReplications([1, 1], { clean, replicated }).pValues), []);
  assert.throws(() => checkReplications([1, 1], { clean, replicated: [[1, 2]] }), /as many replicated data as clean/);
  assert.throws(
    () => checkReplications([1, 1], { clean, replicated }, { odd: () => NaN }),
    /a number from "odd", got NaN/,
  );
});

test("a predictive check passes data of the model, and finds other noise, and the datum that is off", async () => {
  const { y } = await cases(linear, 40, 5);
  let low = 0;
  for (const datum of y) {
    const { pValues, misfit } = await predictiveCheck(linear, linearGuide("right", datum), { draws: 300, ...plain });
    low += Number(pValues["chi-square"] < 0.05);
    assert.ok(misfit > 0.3 && misfit < 3);
  }
  assert.ok(low <= 2 + 4.5 * Math.sqrt(2), `${low} of 40`);
  const loud = y[0].map((v, j) => v + 2 * normalAt(3, 3, 0, 0, j)); // noise of sd 0.5 and 2 more
  const check = await predictiveCheck(linear, linearGuide("right", loud), { draws: 300, ...plain });
  assert.ok(check.pValues["chi-square"] < 0.01 && check.misfit > 3);
  const glitch = y[1].map((v, j) => (j === 7 ? v + 6 : v));
  const off = await predictiveCheck(linear, linearGuide("right", glitch), { draws: 2000, ...plain });
  assert.ok(off.worst.datum === 7 && off.worst.pValue < 0.05, `${off.worst.datum} ${off.worst.pValue}`);
  const given = outside((rows) => rows.map(() => [0, 0, 0]));
  const refused = await rejection(predictiveCheck(given, linearGuide("right", y[0])));
  assert.match(
    refused.message,
    /^predictiveCheck: expected a posterior of 2 parameters and 3 data, got one of 10 and 20$/,
  );
});

// ---- ranks
test("ranks count the draws below the truth, those denser, and those nearer to the reference", async () => {
  const y = new Float64Array(1);
  const posteriors = [0, 1].map(() => gaussianPosterior(y, Float64Array.of(0), Float64Array.of(1)));
  const all = await rankTruths(posteriors, [-1e3, 1e3], { draws: 20, references: [[-1e4], [1e3]], names: ["x"] });
  assert.equal([...all.parameters[0].ranks], [0, 20]);
  assert.equal([...all.density], [20, 20]); // every draw is denser than a truth in the tails
  assert.equal([...all.distance], [0, 0]);
  assert.is(all.parameters[0].name, "x");
  const zero = await rankTruths(posteriors, [0, 0], { draws: 20 });
  assert.equal([...zero.density], [0, 0]);
  const tied = { name: "sign", of: (t: Float64Array) => t.map(() => 7) };
  const ranks = await rankTruths(Array(300).fill(posteriors[0]), new Float64Array(300), {
    draws: 9,
    quantities: [tied],
  });
  const counts = new Array(10).fill(0);
  for (const r of ranks.quantities[0].ranks) counts[r]++;
  assert.ok(
    counts.every((c) => Math.abs(c - 30) < 4.5 * Math.sqrt(27)),
    counts.join(),
  ); // equals are ordered at random
});

test("the log-likelihood that is ranked is that of the noise", async () => {
  const of = logLikelihoodQuantity(fold, plain);
  const value = await of.of(Float64Array.of(-1, 2, 0.5, 0), [1.3, 2]);
  const log = (a: number, b: number) => -0.5 * ((a * a + b * b) / 0.09) - 2 * Math.log(0.3) - Math.log(2 * Math.PI);
  close(value[0], log(0.3, 0), 1e-12);
  close(value[1], log(0.8, 2), 1e-11);
  assert.throws(() => logLikelihoodQuantity(outside((rows) => rows.map(() => [0, 0, 0]))), /which has no likelihood/);
});

test("ranks refuse counts that do not fit and NaN, and stop on a signal", async () => {
  const right = [linearGuide("right", new Float64Array(20))];
  const theta = new Float64Array(10);
  const message = async (...args: Parameters<typeof rankTruths>) => (await rejection(rankTruths(...args))).message;
  assert.match(await message([], theta), /^rankTruths: expected a list of posteriors/);
  assert.match(await message(right, new Float64Array(20)), /parameters of 1 cases, as many as posteriors, got 2/);
  assert.match(await message(right, [1, 2]), /expected theta \(S, 10\), got 2 numbers/);
  assert.match(await message(right, theta, { draws: 1 }), /draws to be a whole number of at least 2, got 1/);
  assert.match(await message(right, theta, { names: ["a"] }), /expected 10 names, got 1/);
  assert.match(await message(right, theta, { references: new Float64Array(20) }), /expected 1 references, got 2/);
  const few = { name: "few", of: () => [1] };
  assert.match(await message(right, theta, { quantities: [few] }), /expected 200 numbers from "few", got 1/);
  const broken = [{ ...right[0], logProb: async () => new Float64Array(200).fill(NaN) }];
  assert.match(await message(broken, theta), /expected log-densities, got NaN in case 1, draw 0/);
  const told: number[] = [];
  const stop = new AbortController();
  const many = [right[0], right[0], right[0]];
  const onProgress = (done: number) => {
    told.push(done);
    if (done === 2) stop.abort(new Error("enough"));
  };
  const error = await rejection(rankTruths(many, new Float64Array(30), { draws: 5, onProgress, signal: stop.signal }));
  assert.is(error, stop.signal.reason);
  assert.equal(told, [1, 2]);
});

test.run();
