// Networks, principal components, and the scaling of data before they enter a guide.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { expectOption } from "../src/checks/options.ts";
import { input } from "../src/graph/build.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { atOnce } from "../src/host/yielding.ts";
import { leadingComponents } from "../src/nn/components.ts";
import { distances } from "../src/nn/distance.ts";
import { type Embedding, traceEmbedding } from "../src/nn/embedding.ts";
import { fitDistance } from "../src/nn/fit-distance.ts";
import { chooseEmbedding, fitEmbedding } from "../src/nn/fit-embedding.ts";
import { type ActivationName, activationName, activations, mlp } from "../src/nn/mlp.ts";
import { columnMeans, columnSds } from "../src/numbers/moments.ts";
import { principalComponents, symmetricEigen } from "../src/numbers/principal.ts";
import { normalAt } from "../src/numbers/random.ts";
import { draw, generator } from "./helpers/random.ts";
import { runGraph } from "./helpers/run.ts";

const close = (got: number, want: number, tolerance: number, what = ""): void =>
  assert.ok(Math.abs(got - want) <= tolerance, `${what}: expected ${want}, got ${got}`);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);

const scalar: Record<ActivationName, (x: number) => number> = {
  relu: (x) => Math.max(0, x),
  leakyRelu: (x) => (x > 0 ? x : 0.01 * x),
  tanh: Math.tanh,
  softplus: (x) => Math.log1p(Math.exp(x)),
  silu: (x) => x / (1 + Math.exp(-x)),
};

for (const activation of Object.keys(activations) as ActivationName[]) {
  test(`a network with ${activation} is h ← act(h W + b), linear at the end, plus its skip`, async () => {
    const next = generator(1);
    const entries = { "net.0": [3, 4], "net.1": [5, 3], "net.2": [4, 2], "net.skip": [2, 2] } as const;
    const range = { low: -1, high: 1 };
    const weights = Object.fromEntries(
      Object.entries(entries).map(([name, [r, c]]) => [name, draw(next, r * c, range)]),
    );
    const x = draw(next, 2 * 5, { low: -2, high: 2 });
    const net = mlp("net", [2, 4, 3, 2], { activation, skip: true });
    const { y } = await runGraph({ y: net(input("x", 2)) }, { weights, rows: 5, inputs: { x } });
    const layer = (h: number[], name: keyof typeof entries, bias: boolean): number[] => {
      const [rows, cols] = entries[name];
      const given = bias ? [...h, 1] : h;
      assert.is(given.length, rows);
      return Array.from({ length: cols }, (_, j) =>
        given.reduce((sum, v, i) => sum + v * weights[name][i * cols + j], 0),
      );
    };
    for (let row = 0; row < 5; row++) {
      const start = Array.from(x.subarray(2 * row, 2 * row + 2));
      const hidden = (["net.0", "net.1"] as const).reduce(
        (h, name) => layer(h, name, true).map(scalar[activation]),
        start,
      );
      const want = layer(hidden, "net.2", true).map((v, j) => v + layer(start, "net.skip", false)[j]);
      for (const [j, v] of want.entries()) close(y[2 * row + j], v, 1e-13, `row ${row}`);
    }
  });
}

test("networks start at U(−1/√I, 1/√I), the last layer scaled as asked for", () => {
  const y = mlp("net", [9, 16, 2], { activation: "relu", last: 0.1, skip: true })(input("x", 9));
  const inits: Record<string, number> = {};
  const collect = (t: Tensor): void => {
    if (t.op === "param") inits[t.attrs.name as string] = t.attrs.init as number;
    t.inputs.forEach(collect);
  };
  collect(y);
  assert.equal(Object.keys(inits).sort(), ["net.0", "net.1", "net.skip"]);
  close(inits["net.0"], 1 / 3, 1e-15);
  close(inits["net.1"], 0.1 / 4, 1e-15);
  close(inits["net.skip"], 0.1 / 3, 1e-15);
});

test("unknown activations are refused", () => {
  for (const name of ["gelu", "toString", undefined, 3]) {
    assert.throws(
      () => expectOption("net", "activation", activationName, name),
      /^net: expected activation to be one of "relu", "leakyRelu", "tanh", "softplus", "silu", got /,
    );
  }
});

/** Rows (N, M) with known standard deviations along known, orthonormal axes. */
function known(N: number, M: number, sds: readonly number[]): { rows: Float64Array; axes: Float64Array[] } {
  const next = generator(M);
  const axes: Float64Array[] = [];
  while (axes.length < sds.length) {
    const v = draw(next, M, { low: -1, high: 1 });
    for (const a of axes) {
      const c = dot(a, v);
      for (let i = 0; i < M; i++) v[i] -= c * a[i];
    }
    const length = Math.sqrt(dot(v, v));
    axes.push(v.map((x) => x / length));
  }
  const rows = new Float64Array(N * M);
  for (let r = 0; r < N; r++) {
    sds.forEach((sd, k) => {
      const c = sd * normalAt(5, 0, 0, r, k);
      for (let i = 0; i < M; i++) rows[r * M + i] += c * axes[k][i] + (k === 0 ? 3 : 0);
    });
  }
  return { rows, axes };
}

test("eigenpairs of a symmetric matrix are orthonormal, in order, and make the matrix again", () => {
  const n = 7;
  const next = generator(4);
  const half = Array.from({ length: n }, () => draw(next, n, { low: -1, high: 1 }));
  const a = half.map((row, i) => row.map((v, j) => v + half[j][i]));
  const { values, vectors } = symmetricEigen(a);
  for (let i = 0; i < n; i++) {
    if (i > 0) assert.ok(values[i] <= values[i - 1]);
    for (let j = 0; j < n; j++) {
      close(dot(vectors[i], vectors[j]), i === j ? 1 : 0, 1e-12, `vectors ${i}, ${j}`);
      const made = Array.from(values).reduce((sum, v, k) => sum + v * vectors[k][i] * vectors[k][j], 0);
      close(made, a[i][j], 1e-12, `entry ${i}, ${j}`);
    }
  }
});

test("a matrix of zeros and one of equal eigenvalues are no trouble", () => {
  assert.equal(Array.from(symmetricEigen([new Float64Array(2), new Float64Array(2)]).values), [0, 0]);
  assert.equal(Array.from(symmetricEigen([Float64Array.of(2, 0), Float64Array.of(0, 2)]).values), [2, 2]);
});

for (const M of [6, 90]) {
  test(`principal components of ${M} columns are the axes of the data, by ${M > 64 ? "iteration" : "rotations"}`, () => {
    const sds = [4, 2, 1, 0.5];
    const { rows, axes } = known(4000, M, sds);
    const { mean, vectors, variances } = atOnce(principalComponents(rows, M, 3));
    assert.is(vectors.length, 3);
    assert.equal(Array.from(mean), Array.from(columnMeans(rows, M)));
    for (let k = 0; k < 3; k++) {
      // Of 4000 rows: a variance is off by √(2/4000) of itself (one standard error; 4.5 are allowed), an axis by
      // sd_j sd_k / (sd_k² − sd_j²) / √4000 along each other one, at most 0.011 here.
      close(variances[k] / sds[k] ** 2, 1, 4.5 * Math.sqrt(2 / 4000), `variance ${k}`);
      close(Math.abs(dot(vectors[k], axes[k])), 1, 3 * 0.05 ** 2, `axis ${k}`);
      for (let j = 0; j < 3; j++) close(dot(vectors[k], vectors[j]), j === k ? 1 : 0, 1e-10);
    }
  });
}

test("components of long data are those of the exact decomposition, by any number of threads to the same bits", async () => {
  const [N, M, K] = [500, 100, 12];
  // Smooth fields whose amplitudes fall by a fifth each, in units of their own, about a mean that is large beside the last.
  const rows = new Float32Array(N * M);
  for (let r = 0; r < N; r++)
    for (let k = 0; k < 40; k++) {
      const c = 0.8 ** k * normalAt(5, 0, 0, r, k);
      for (let i = 0; i < M; i++)
        rows[r * M + i] += c * Math.sin(((k + 0.5) * Math.PI * (i + 0.5)) / M) + (k === 0 ? 7 : 0);
    }
  const unit = Float64Array.from({ length: M }, (_, i) => 1 + 0.5 * Math.sin(i));
  const mean = columnMeans(rows, M);
  const covariance = Array.from({ length: M }, () => new Float64Array(M));
  for (let r = 0; r < N; r++) {
    const off = Float64Array.from(mean, (m, i) => (rows[r * M + i] - m) / unit[i]);
    for (let i = 0; i < M; i++) for (let j = 0; j < M; j++) covariance[i][j] += (off[i] * off[j]) / N;
  }
  const exact = symmetricEigen(covariance);
  const found = await leadingComponents(rows, M, K, unit, undefined, { kernels: "plain" });
  assert.equal([found.vectors.length, found.variances.length], [K, K]);
  for (let i = 0; i < M; i++) close(found.mean[i], mean[i] / unit[i], 1e-6, "mean");
  // Residuals are 1e-3 of a variance or less: it is off by the square of that over the gap, of a third, to the next one, and by
  // roundings of f32, √(λ₁/λ) ≤ 12 of them. What of a direction is outside of the span of those found, by the residual over the gap.
  for (let k = 0; k < K; k++) {
    close(found.variances[k] / exact.values[k], 1, 1e-5, `variance ${k}`);
    if (k === K - 1) continue; // may be mixed with the first that is left out
    const inside = found.vectors.reduce((sum, v) => sum + dot(v, exact.vectors[k]) ** 2, 0);
    close(inside, 1, 1e-5, `direction ${k} in the span`);
    for (let j = 0; j < K; j++) close(dot(found.vectors[j], found.vectors[k]), j === k ? 1 : 0, 1e-10);
  }
  assert.equal(await leadingComponents(rows, M, K, unit, undefined, { kernels: "plain", threads: 2 }), found);
});

test("components of long data past their rank are orthonormal, with variance 0, and constant data have none", async () => {
  const M = 70;
  const { rows } = known(50, M, [2, 1]);
  const ones = new Float64Array(M).fill(1);
  const { vectors, variances } = await leadingComponents(Float32Array.from(rows), M, 4, ones);
  // The rows are rounded to f32: the rest is some 10⁻¹⁴ of the first variance.
  assert.ok(variances[1] > 0.1 && variances[2] < 1e-10 && variances[3] < 1e-10, `${variances}`);
  for (const [i, v] of vectors.entries()) for (const w of vectors.slice(0, i)) close(dot(v, w), 0, 1e-10);
  const none = await leadingComponents(new Float32Array(20 * M).fill(3.7), M, 2, ones);
  assert.equal(Array.from(none.variances), [0, 0]);
  for (const v of none.vectors) close(dot(v, v), 1, 1e-10);
});

test("components past the rank of the data are still orthonormal, with variance 0", () => {
  const { rows } = known(50, 70, [2, 1]);
  const { vectors, variances } = atOnce(principalComponents(rows, 70, 4));
  assert.ok(variances[2] < 1e-10 && variances[3] < 1e-10);
  for (const v of vectors) for (const x of v) assert.ok(Number.isFinite(x));
});

test("the embedding of data is chosen by their number, or by the option", () => {
  assert.equal(chooseEmbedding("auto", 64), { kind: "standardise", size: 64 });
  assert.equal(chooseEmbedding("auto", 65), { kind: "principal", size: 24 });
  assert.equal(chooseEmbedding("none", 600), { kind: "none", size: 600 });
  assert.equal(chooseEmbedding({ principal: 3 }, 4), { kind: "principal", size: 3 });
  assert.equal(chooseEmbedding("log", 4), { kind: "log", size: 8 });
  for (const principal of [0, 5, 1.5, Number.NaN]) {
    assert.throws(() => chooseEmbedding({ principal }, 4), /^embedding.principal: expected 1 to 4 components .*, got /);
  }
  assert.throws(
    () => chooseEmbedding("whiten" as never, 4),
    /^embedding: expected "auto", "none", "standardise", "log" or "root", or .*, got "whiten"$/,
  );
});

/** Clean data of rank 2 with noise of its own sd a channel, and the features and distances they are given. */
async function embed(embedding: Embedding, M: number) {
  const N = 3000;
  const { rows } = known(N, M, [5, 2]);
  const clean = Float32Array.from(rows);
  const sd = Float64Array.from({ length: M }, (_, j) => 0.1 + 0.02 * j);
  const noisy = clean.map((v, i) => v + sd[i % M] * normalAt(6, 1, 0, Math.floor(i / M), i % M));
  const weights = await fitEmbedding(embedding, M, clean, noisy, sd);
  const outputs = { features: traceEmbedding(embedding, M)(input("y", M)) };
  const out = await runGraph(outputs, { weights, rows: N, inputs: { y: noisy } });
  return { N, ...out } as { N: number; features: Float64Array };
}

test("standardised data have mean 0 and standard deviation 1, channel by channel", async () => {
  const { features } = await embed(chooseEmbedding("auto", 5), 5);
  const mean = columnMeans(features, 5);
  for (const m of mean) close(m, 0, 1e-5); // scalers are f32
  for (const s of columnSds(features, 5, mean)) close(s, 1, 1e-5);
});

test("projected data have variance 1, noise included, and are uncorrelated", async () => {
  const { features, N } = await embed({ kind: "principal", size: 2 }, 80);
  const mean = columnMeans(features, 2);
  for (const m of mean) close(m, 0, 5 / Math.sqrt(N));
  let product = 0;
  for (let r = 0; r < N; r++) product += (features[2 * r] * features[2 * r + 1]) / N;
  close(product, 0, 5 / Math.sqrt(N), "correlation");
  for (const s of columnSds(features, 2, mean)) close(s, 1, 5 / Math.sqrt(N));
});

test("heavy-tailed data are scaled by their bulk, outliers end at 10, and numbers that are not finite stay so", async () => {
  const [N, M] = [4000, 1];
  // Cauchy quantiles about 3 with scale 0.5: median 3, interquartile range 1; their sd says nothing.
  const noisy = Float32Array.from({ length: N }, (_, i) => 3 + 0.5 * Math.tan(Math.PI * ((i + 0.5) / N - 0.5)));
  const weights = await fitEmbedding({ kind: "standardise", size: M }, M, noisy, noisy, new Float64Array(M));
  close(weights["embedding.mean"][0], 3, 1e-3, "median");
  close(weights["embedding.sd"][0], 1 / 1.3489795, 1e-3, "spread");
  const outputs = { features: traceEmbedding({ kind: "standardise", size: M }, M)(input("y", M)) };
  const y = Float64Array.of(3, 1e6, -1e6, Number.POSITIVE_INFINITY, Number.NaN);
  const { features } = await runGraph(outputs, { weights, rows: y.length, inputs: { y } });
  close(features[0], 0, 2e-3);
  assert.equal(Array.from(features.slice(1, 3)), [10, -10]);
  assert.ok(Number.isNaN(features[3]) && Number.isNaN(features[4]));
});

test("counts enter by their standardised roots, whose spread does not grow with the mean, and odd counts stay finite", async () => {
  assert.equal(chooseEmbedding("auto", 3, "counts"), { kind: "root", size: 3 });
  assert.equal(chooseEmbedding("auto", 3, "positive"), { kind: "log", size: 6 });
  assert.equal(chooseEmbedding("auto", 3, "unit"), { kind: "standardise", size: 3 });
  assert.equal(chooseEmbedding("auto", 65, "counts"), { kind: "principal", size: 24 });
  assert.equal(chooseEmbedding("standardise", 3, "counts"), { kind: "standardise", size: 3 });
  const N = 2000;
  const noisy = Float32Array.from({ length: N }, (_, i) => (i % 50) ** 2);
  const weights = await fitEmbedding({ kind: "root", size: 1 }, 1, noisy, noisy, Float64Array.of(1));
  const outputs = { features: traceEmbedding({ kind: "root", size: 1 }, 1)(input("y", 1)) };
  const { features } = await runGraph(outputs, { weights, rows: N, inputs: { y: noisy } });
  close(columnMeans(features, 1)[0], 0, 1e-5);
  close(columnSds(features, 1, columnMeans(features, 1))[0], 1, 1e-5);
  const { "embedding.mean": m, "embedding.sd": s } = weights;
  const y = Float64Array.of(0, 1, 10_000, -1, Number.POSITIVE_INFINITY, Number.NaN);
  const seen = (await runGraph(outputs, { weights, rows: y.length, inputs: { y } })).features;
  [0, 1, 10_000].forEach((v, i) => {
    close(seen[i] * s[0] + m[0], Math.sqrt(v + 0.375), 1e-4 * Math.sqrt(v + 1));
  });
  close(seen[3] * s[0] + m[0], 0, 1e-5);
  assert.ok(Number.isNaN(seen[4]) && Number.isNaN(seen[5]));
});

test("data that are positive by kind enter with their logarithms", async () => {
  const clean = Float32Array.from({ length: 4000 }, (_, i) => Math.exp(2 * normalAt(4, 1, 0, i, 0)));
  const weights = await fitEmbedding({ kind: "log", size: 2 }, 1, clean, clean, Float64Array.of(3), [null], "positive");
  const outputs = { features: traceEmbedding({ kind: "log", size: 2 }, 1)(input("y", 1)) };
  const y = Float64Array.of(0.05, 0.5, 5, 50);
  const { features } = await runGraph(outputs, { weights, rows: 4, inputs: { y } });
  const { "embedding.mean": m, "embedding.sd": s, "embedding.scale": scale } = weights;
  // asinh x − log 2x is below x⁻²/4, and the least of 4000 is some e^−7.
  for (const i of [0, 1, 2, 3]) {
    const x = y[i] / scale[0];
    close(features[2 * i + 1] * s[1] + m[1], Math.log(2 * x), 1 / (4 * x * x) + 1e-5);
  }
});

test("data with their logarithms: both standardised, a straight line below the noise, odd, and finite as far as f32 goes", async () => {
  const [N, sd] = [4000, 0.01];
  const clean = Float32Array.from({ length: N }, (_, i) => Math.exp(0.4 * normalAt(4, 1, 0, i, 0)));
  const noisy = clean.map((v, i) => v + sd * normalAt(4, 2, 0, i, 0));
  for (const noiseSd of [Float64Array.of(sd), Float64Array.of(0)]) {
    const weights = await fitEmbedding({ kind: "log", size: 2 }, 1, clean, noisy, noiseSd);
    const outputs = { features: traceEmbedding({ kind: "log", size: 2 }, 1)(input("y", 1)) };
    const { features } = await runGraph(outputs, { weights, rows: N, inputs: { y: noisy } });
    const mean = columnMeans(features, 2);
    for (const m of mean) close(m, 0, 1e-5);
    for (const s of columnSds(features, 2, mean)) close(s, 1, 1e-5);
    const y = Float64Array.of(1e-4, -1e-4, 0, 3, -3, 1e30, -1e30, Number.POSITIVE_INFINITY, Number.NaN);
    const odd = (await runGraph(outputs, { weights, rows: y.length, inputs: { y } })).features;
    const { "embedding.mean": m, "embedding.sd": s, "embedding.scale": scale } = weights;
    const back = (i: number): number => odd[2 * i + 1] * s[1] + m[1];
    for (const i of [0, 1, 2, 3]) close(back(i), Math.asinh(y[i] / scale[0]), 2e-6);
    assert.ok(odd.slice(0, 10).every(Number.isFinite) && Math.abs(odd[9]) <= 10);
    for (const i of [5, 6]) assert.ok(Math.abs(odd[2 * i]) === 10 && Math.abs(odd[2 * i + 1]) === 10, `${odd}`);
    assert.ok([7, 8].every((i) => Number.isNaN(odd[2 * i]) && Number.isNaN(odd[2 * i + 1])));
  }
  // Known noise: a datum of 4 sd has the logarithm of 1. Unknown: a tenth of the spread stands for it.
  const known = await fitEmbedding({ kind: "log", size: 2 }, 1, clean, noisy, Float64Array.of(sd));
  close(known["embedding.scale"][0], 4 * sd, 1e-8);
});

test("data without an embedding enter as they are", async () => {
  const y = input("y", 3);
  assert.is(traceEmbedding(chooseEmbedding("none", 3), 3)(y), y);
});

type Change = (row: Float64Array, sd: Float64Array) => void;

/** Simulations with a signal in two directions: answers the distances of fresh ones, each row changed by `change`. */
async function distancesFor(M: number): Promise<(change: Change) => Promise<Float64Array>> {
  const N = 2000;
  const { rows } = known(N, M, [5, 2]);
  const sd = Float64Array.from({ length: M }, (_, j) => 0.1 + 0.02 * j);
  const noise = (stream: number) => (v: number, i: number) =>
    v + sd[i % M] * normalAt(6, stream, 0, Math.floor(i / M), i % M);
  const clean = Float32Array.from(rows);
  const weights = await fitDistance(M, clean, clean.map(noise(1)), sd);
  const fresh = Float64Array.from(clean, noise(2));
  return async (change) => {
    const y = fresh.slice();
    for (let r = 0; r < N; r++) change(y.subarray(r * M, (r + 1) * M), sd);
    const outputs = { distance: distances.relations(M)(input("y", M)) };
    return (await runGraph(outputs, { weights, rows: N, inputs: { y } })).distance as Float64Array;
  };
}

const shareAbove = (d: Float64Array, limit: number): number => d.filter((v) => v > limit).length / d.length;

const foreign: Readonly<Record<string, Change>> = {
  "a datum off by 10 noise sd": (row, sd) => (row[row.length - 1] += 10 * sd[row.length - 1]),
  "a datum without bounds": (row) => (row[0] = 3e38),
  "all data off by 5 noise sd": (row, sd) => row.set(row.map((v, j) => v + 5 * sd[j] * (j % 2 ? 1 : -1))),
  "a signal far too large": (row) => row.set(row.map((v) => (v > 0 ? 50 : -50))),
};

for (const M of [5, 80]) {
  test(`the distance tells data that are foreign from those that are not, of ${M} data`, async () => {
    const measure = await distancesFor(M);
    const usual = await measure(() => {});
    // Three numbers, each above 2 with probability 0.005, itself known from 2000 of them: 4.5 standard errors.
    assert.ok(shareAbove(usual, 2) < 0.015 + 4.5 * Math.sqrt((2 * 0.015) / 2000), `${shareAbove(usual, 2)}`);
    assert.ok(shareAbove(usual, 2) > 0.001);
    assert.ok(shareAbove(usual, 1) > 0.5 && usual.every((v) => v > -1));
    for (const [what, change] of Object.entries(foreign)) {
      const d = await measure(change);
      assert.ok(shareAbove(d, 2) > 0.98 && d.every(Number.isFinite), `${what}: ${shareAbove(d, 2)}`);
    }
  });
}

test("the distance of old model files, by whitening, can be traced still", async () => {
  const weights = { "distance.whitening": Float32Array.of(2, 0, 0, 0.5, 1, -1) }; // (M + 1, 2)
  const { distance } = await runGraph(
    { distance: distances.whitened(2)(input("y", 2)) },
    { weights, rows: 1, inputs: { y: [3, 4] } },
  );
  close(distance[0], 7 * 7 + 1, 1e-12);
});

test("a datum that never changes divides nothing by zero", async () => {
  const N = 200;
  const clean = Float32Array.from({ length: 2 * N }, (_, i) => (i % 2 ? 7 : normalAt(1, 0, 0, i, 0)));
  for (const option of ["standardise", "log", { principal: 2 }] as const) {
    const embedding = chooseEmbedding(option, 2);
    const none = new Float64Array(2);
    const weights = {
      ...(await fitEmbedding(embedding, 2, clean, clean, none)),
      ...(await fitDistance(2, clean, clean, none)),
    };
    const y = input("y", 2);
    const outputs = { features: traceEmbedding(embedding, 2)(y), distance: distances.relations(2)(y) };
    const out = await runGraph(outputs, { weights, rows: N, inputs: { y: clean } });
    for (const values of Object.values(out)) for (const v of values) assert.ok(Number.isFinite(v));
  }
});

test.run();
