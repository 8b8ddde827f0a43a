// Smoothing of importance weights: tails of known shape, and weights without a tail.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normalAt, uniformAt } from "../../src/numbers/random.ts";
import { fitPareto, paretoSmooth } from "../../src/sampling/psis.ts";
import { resample, weightedSummary } from "../../src/sampling/weighted.ts";

const uniformsOf = (seed: number, n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => uniformAt(seed, 5, 0, i, 0));
const normalsOf = (seed: number, n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => normalAt(seed, 5, 0, i, 0));
const sumOf = (x: Float64Array): number => x.reduce((a, b) => a + b, 0);

test("the shape and scale of generalised Pareto samples are recovered", () => {
  for (const k of [-0.3, 0.2, 0.7, 1.5]) {
    const x = uniformsOf(3, 4000).map((u) => (2 * (u ** -k - 1)) / k);
    const { shape, scale } = fitPareto(x);
    // The standard error of k is (1 + k)/√N; the prior of ten at ½ moves it by a fraction of that.
    assert.ok(Math.abs(shape - k) < (4 * (1 + k)) / Math.sqrt(4000) + 0.005, `k ${k}: ${shape}`);
    assert.ok(Math.abs(scale / 2 - 1) < 0.1, `σ: ${scale}`);
  }
});

test("k̂ measures the tail of the ratios: for a proposal that is too narrow it follows the formula", () => {
  // N(0, 1) weighed for draws of N(0, s²): P(w > t) ~ t^(−1/k), k = 1 − s² for s < 1; no heavy tail for s > 1.
  const S = 20_000;
  for (const [s, low, high] of [
    [0.4, 0.7, 1.1],
    [0.75, 0.3, 0.65],
    [1.5, Number.NEGATIVE_INFINITY, 0.2],
  ] as const) {
    const x = normalsOf(7, S).map((v) => s * v);
    const { kHat, ess, logWeights } = paretoSmooth(x.map((v) => -0.5 * v * v + (0.5 * v * v) / (s * s)));
    assert.ok(kHat > low && kHat < high, `sd ${s}: k̂ ${kHat}`);
    assert.ok(Math.abs(sumOf(logWeights.map(Math.exp)) - 1) < 1e-12);
    assert.ok(ess > 1 && ess <= S);
  }
});

test("smoothed weights estimate a lognormal's mean, and never exceed the largest raw one", () => {
  const raw = normalsOf(8, 4000); // log ratios N(0, 1): mean e^½
  const { logMean, logWeights, kHat } = paretoSmooth(raw);
  assert.ok(Math.abs(logMean - 0.5) < 4 * Math.sqrt((Math.E - 1) / 4000), `${logMean}`);
  assert.ok(kHat < 0.7);
  const logSum = logMean + Math.log(4000);
  assert.ok(Math.max(...logWeights) + logSum <= Math.max(...raw) + 1e-12);
  // Order is kept, and below the tail nothing is touched.
  const order = Array.from(raw, (_, i) => i).sort((a, b) => raw[a] - raw[b]);
  for (const [i, s] of order.entries()) {
    if (i > 0) assert.ok(logWeights[s] >= logWeights[order[i - 1]] - 1e-12);
    if (i < 3800) assert.ok(Math.abs(logWeights[s] + logSum - raw[s]) < 1e-9);
  }
  const shifted = paretoSmooth(raw.map((l) => l - 5000)); // an unknown constant changes nothing else
  assert.ok(Math.abs(shifted.kHat - kHat) < 1e-9 && Math.abs(shifted.logMean + 5000 - logMean) < 1e-9);
});

test("equal ratios have no tail, and too few draws tell nothing of it", () => {
  const equal = paretoSmooth(new Float64Array(500).fill(-3));
  assert.equal([equal.kHat, Math.round(equal.ess)], [Number.NEGATIVE_INFINITY, 500]);
  assert.ok(Math.abs(equal.logMean + 3) < 1e-12);
  const rounded = paretoSmooth(uniformsOf(2, 500).map((u) => -3 + 1e-12 / u));
  assert.is(rounded.kHat, Number.NEGATIVE_INFINITY);
  assert.is(paretoSmooth([0, 1, 2, 0.5]).kHat, Number.POSITIVE_INFINITY);
  assert.is(paretoSmooth([0]).ess, 1);
  // Three draws have all the weight.
  const few = paretoSmooth(Float64Array.from({ length: 1000 }, (_, i) => (i < 3 ? 0 : Number.NEGATIVE_INFINITY)));
  assert.is(few.kHat, Number.POSITIVE_INFINITY);
  assert.ok(Math.abs(few.ess - 3) < 1e-9);
});

test("a ratio of 0 stays 0, and the tail is that of the positive ratios", () => {
  const S = 1000;
  for (const zero of [Number.NEGATIVE_INFINITY, -5000, -1e6]) {
    // 40 equal ratios among 1000: a share of .04, whatever the tail of 95 that all 1000 would have.
    const equal = paretoSmooth(Float64Array.from({ length: S }, (_, i) => (i % 25 === 0 ? 0 : zero)));
    assert.is(equal.kHat, Number.NEGATIVE_INFINITY);
    assert.ok(Math.abs(equal.ess - 40) < 1e-9 && Math.abs(equal.logMean - Math.log(0.04)) < 1e-12, `${equal.ess}`);
    for (const [i, w] of equal.logWeights.entries()) if (i % 25 > 0) assert.is(w, Number.NEGATIVE_INFINITY);
    // Zeros beside ratios with a tail change the mean alone.
    const raw = normalsOf(8, 400);
    const alone = paretoSmooth(raw);
    const beside = paretoSmooth(Float64Array.from({ length: S }, (_, i) => (i < 400 ? raw[i] : zero)));
    assert.is(beside.kHat, alone.kHat);
    assert.ok(Math.abs(beside.logMean - alone.logMean - Math.log(0.4)) < 1e-12);
  }
  const few = paretoSmooth(Float64Array.from({ length: S }, (_, i) => (i < 20 ? -i : Number.NEGATIVE_INFINITY)));
  assert.is(few.kHat, Number.POSITIVE_INFINITY); // 20 positive ratios have a tail of 4
});

test("draws of weight 0 are never resampled, and no quantile lies at them", () => {
  const weights = Float64Array.of(0, 0, 0.25, 0, 0.75, 0);
  const theta = Float32Array.of(-9, -8, 1, 5, 2, 9); // (6, 1)
  for (let seed = 0; seed < 20; seed++) {
    const picks = resample(weights, 8, seed);
    assert.equal([...picks].sort(), [2, 2, 4, 4, 4, 4, 4, 4]);
  }
  const { quantile } = weightedSummary(theta, weights, 1);
  assert.equal([quantile(0.001)[0], quantile(0.999)[0]], [1, 2]);
});

test("a tail so heavy that its quantiles underflow when squared has an effective size still", () => {
  // Draws of a guide that was never trained: hundreds of nats between one ratio and the next.
  const far = Float64Array.from({ length: 1000 }, (_, i) => -60 * (i + 1) ** 1.5);
  const { ess, kHat, logWeights } = paretoSmooth(far);
  assert.ok(kHat > 10, `k̂ ${kHat}`);
  assert.ok(ess >= 1 && ess < 100, `ESS ${ess}`);
  assert.ok(Math.abs(sumOf(logWeights.map(Math.exp)) - 1) < 1e-9);
});

test("arguments that are not lists of log ratios are refused", () => {
  assert.throws(() => paretoSmooth([]), /at least one ratio above 0, got no ratio/);
  assert.throws(() => paretoSmooth([0, Number.NaN]), /below infinity, got NaN at index 1/);
  assert.throws(() => paretoSmooth([Number.POSITIVE_INFINITY]), /below infinity, got Infinity at index 0/);
  assert.throws(() => paretoSmooth([-Infinity, -Infinity]), /above 0, got 2 of 0/);
  assert.throws(() => fitPareto([0, 0]), /fitPareto: expected finite numbers of at least 0, one of them above/);
});

test("systematic resampling takes each draw ⌊n w⌋ or ⌈n w⌉ times", () => {
  const raw = uniformsOf(9, 300).map((u) => u * u);
  const weights = raw.map((w) => w / sumOf(raw));
  for (const count of [50, 300, 1000]) {
    const times = new Float64Array(300);
    for (const s of resample(weights, count, 4)) times[s]++;
    assert.is(sumOf(times), count);
    for (const [s, t] of times.entries())
      assert.ok(
        t >= Math.floor(count * weights[s]) && t <= Math.ceil(count * weights[s]),
        `${t}, ${count * weights[s]}`,
      );
  }
});

test("moments and quantiles of weighted draws are those of draws repeated so often", () => {
  const counts = [1, 3, 2, 4];
  const theta = Float32Array.of(0.5, 2, -1, 0, 3, 1, 2, -2); // (4, 2)
  const weights = Float64Array.from(counts, (c) => c / 10);
  const { mean, covariance, quantile } = weightedSummary(theta, weights, 2);
  const rows = counts.flatMap((c, s) => Array.from({ length: c }, () => [theta[2 * s], theta[2 * s + 1]]));
  for (const d of [0, 1]) {
    const m = rows.reduce((sum, r) => sum + r[d], 0) / 10;
    assert.ok(Math.abs(mean[d] - m) < 1e-12);
    const square = rows.reduce((sum, r) => sum + (r[d] - m) ** 2, 0) / 10;
    assert.ok(Math.abs(covariance[3 * d] - square / (1 - 0.3)) < 1e-12); // Σ w² = 0.3
  }
  assert.equal(Array.from(quantile(0.99)), [3, 2]);
  assert.throws(() => quantile(1), /between 0 and 1/);
});

test.run();
