/** The frozen entries of the distance "relations" (distance.ts), fitted on simulated data. */
import type { BackendOptions } from "../backends/select.ts";
import { inParts } from "../host/yielding.ts";
import { exp, log } from "../numbers/math.ts";
import { columnMeans, columnSds, covarianceOf, dot, orOne, sumOfSquares } from "../numbers/moments.ts";
import { PART_ROWS } from "../numbers/principal.ts";
import { diagonalOf, factorise, invert, packed, symmetric, triIndex } from "../numbers/triangles.ts";
import { leadingComponents } from "./components.ts";
import { constantChannels, unitOfConstant } from "./constant.ts";
import { bentOf, directionsOf } from "./distance.ts";

/** Variance in noise² from which a direction holds signal; where data include their noise, in units of the largest variance. */
const SIGNAL = 0.1;
const SOMETHING = 1e-6;
/** How exactly a relation is held, in standard deviations of a channel, and in roundings to single precision. */
const TOLERANCE = 1e-4;
const ROUNDING = 1 / (1 << 22);
/** Simulations for each number that relations are fitted to. */
const ROWS_PER_NUMBER = 10;
/** Simulations for medians and quantiles. */
const CALIBRATION = 4096;
/** Quantiles that T₁ … T₄ take to 2. Other noise and single channels are looked for harder than rare signals. */
const QUANTILES = [0.9995, 0.995, 0.99, 0.9995];
/** Each T counts as varying by so much at least. */
const LEAST_SCALE = 2;
/** Added to variances of 1: far above rounding, far below what TOLERANCE adds. */
const RIDGE = 1e-12;

/** Simulated data in their units, r (N, M), and their relations. */
interface Fit {
  readonly M: number;
  readonly r: Float64Array;
  /** What each channel of r may be off by, (M). */
  readonly tolerance: Float64Array;
  /** V, (K, M); rows of zeros are not used. */
  readonly vectors: readonly Float64Array[];
  /** 1 / sd of c where it is signal, 0 elsewhere, (K). */
  readonly perSignal: Float64Array;
  /** Directions whose products are used. */
  readonly bent: number;
  /** Variance outside of the directions. */
  readonly rest: number;
}

/** The entries by name: `clean` and `noisy` (N, M), the noise sd (M), and the values (M) of constant channels. */
export async function fitDistance(
  M: number,
  clean: Float32Array,
  noisy: Float32Array,
  noiseSd: Float64Array,
  constant = constantChannels(noisy, M),
  backend: BackendOptions = {},
): Promise<Record<string, Float32Array>> {
  const [K, N] = [directionsOf(M), clean.length / M];
  const mean = columnMeans(clean, M);
  const spreads = columnSds(noisy, M, columnMeans(noisy, M));
  const sd = noiseSd.map((s, j) => (constant[j] === null ? orOne(s || spreads[j]) : unitOfConstant(constant[j])));
  const within = noisy === clean || clean.every((v, i) => v === noisy[i]);
  const scaled = (rows: Float32Array): Float64Array => Float64Array.from(rows, (v, i) => (v - mean[i % M]) / sd[i % M]);
  const numbers = Math.max(1, Math.floor(N / ROWS_PER_NUMBER));
  const found = await leadingComponents(clean, M, Math.min(K, numbers), sd, mean, backend);
  const vectors = Array.from({ length: K }, (_, k) => found.vectors[k] ?? new Float64Array(M));
  const r = scaled(noisy);
  const least = within ? SOMETHING * found.variances[0] : SIGNAL;
  const c = await inParts(along(vectors, r, M));
  const spread = columnSds(c, K, columnMeans(c, K));
  const fit: Fit = {
    ...{ M, r, vectors },
    tolerance: sd.map((s, j) =>
      constant[j] === null ? (within ? TOLERANCE : 0) + (ROUNDING * Math.abs(mean[j])) / s : 1,
    ),
    perSignal: spread.map((s, k) => (found.variances[k] > least && s > 0 ? 1 / s : 0)),
    bent: [...Array(bentOf(M) + 1).keys()].findLast((b) => b === 0 || K + packed(b) <= numbers) as number,
    rest: within && K < M ? (sumOfSquares(r) - sumOfSquares(c)) / (N * (M - K)) : 1,
  };
  const relations = fitRelations(fit, c);
  const { perSpread, parts } = await inParts(measure(fit, c, relations));
  const scales = parts.map((values, i) => scaleOf(values, QUANTILES[i]));
  return {
    "distance.mean": Float32Array.from(mean),
    "distance.perNoise": Float32Array.from(sd, (s) => 1 / s),
    "distance.perSpread": Float32Array.from(perSpread),
    "distance.perSignal": Float32Array.from(fit.perSignal),
    "distance.directions": Float32Array.from({ length: M * K }, (_, i) => vectors[i % K][Math.floor(i / K)]),
    "distance.relations": Float32Array.from(relations),
    "distance.slope": Float32Array.from(scales, ([slope]) => slope),
    "distance.shift": Float32Array.from(scales, ([, shift]) => shift),
  };
}

/** c = Vᵀr of rows r (N, M), (N, K). */
function* along(vectors: readonly Float64Array[], r: Float64Array, M: number): Generator<void, Float64Array> {
  const K = vectors.length;
  const c = new Float64Array((r.length / M) * K);
  for (let n = 0; n * M < r.length; n++) {
    if (n % PART_ROWS === 0) yield;
    const row = r.subarray(n * M, (n + 1) * M);
    for (let k = 0; k < K; k++) c[n * K + k] = dot(vectors[k], row);
  }
  return c;
}

/** (c, q) of a row of c. */
function withProducts({ perSignal, M }: Fit, c: Float64Array, out: Float64Array): Float64Array {
  out.set(c);
  for (let i = 0, at = c.length; i < bentOf(M); i++)
    for (let j = 0; j <= i; j++, at++) out[at] = c[i] * perSignal[i] * (c[j] * perSignal[j]);
  return out;
}

/** The layer (size + 1, size) from (c, q) to what the others tell of c, and to f. */
function fitRelations(fit: Fit, c: Float64Array): Float64Array {
  const { M, vectors, tolerance, perSignal, bent, rest } = fit;
  const [K, all] = [directionsOf(M), bentOf(M)];
  const size = K + packed(all);
  const x = new Float64Array((c.length / K) * size);
  for (let n = 0; n * K < c.length; n++)
    withProducts(fit, c.subarray(n * K, (n + 1) * K), x.subarray(n * size, (n + 1) * size));
  const mean = columnMeans(x, size);
  const matrix = c.length > K ? covarianceOf(x, mean) : new Float64Array(packed(size));
  const off = vectors.map((v) => sumOfSquares(v.map((w, j) => w * tolerance[j])));
  const relative = off.map((v, k) => v * perSignal[k] * perSignal[k]); // of a signal of sd 1
  for (let i = 0; i < all; i++) for (let j = 0; j <= i; j++) off.push(relative[i] + relative[j]);
  const used = (i: number): boolean => i < K + packed(bent);
  const per = diagonalOf(matrix).map((v, i) => (used(i) && v + off[i] > 0 ? 1 / Math.sqrt(v + off[i]) : 0));
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) matrix[triIndex(i, j)] *= per[i] * per[j];
    matrix[triIndex(i, i)] = 1 + RIDGE;
  }
  if (factorise(matrix) >= 0) throw new Error("internal: a covariance of data that is not positive");
  const precision = symmetric(invert(matrix));
  const layer = new Float64Array((size + 1) * size);
  for (let out = 0; out < size; out++) {
    const scale = out < K ? -rest * per[out] : 1 / Math.sqrt(precision[out * (size + 1)]);
    for (let i = 0; i < size; i++) {
      const weight = scale * precision[out * size + i] * per[i];
      layer[i * size + out] = weight + (out < K && i === out ? 1 : 0);
      layer[size * size + out] -= weight * mean[i];
    }
  }
  return layer;
}

/** 1 / spread of e by channel, and T₁ … T₄, of the first simulations. */
function* measure(
  fit: Fit,
  c: Float64Array,
  layer: Float64Array,
): Generator<void, { perSpread: Float64Array; parts: Float64Array[] }> {
  const { M, r, vectors, perSignal } = fit;
  const K = vectors.length;
  const size = K + packed(bentOf(M));
  const N = Math.min(CALIBRATION, r.length / M);
  const e = r.slice(0, N * M);
  const parts = Array.from({ length: 4 }, () => new Float64Array(N));
  const x = new Float64Array(size);
  for (let n = 0; n < N; n++) {
    if (n % PART_ROWS === 0) yield;
    withProducts(fit, c.subarray(n * K, (n + 1) * K), x);
    const told = layer.slice(size * size);
    for (let i = 0; i < size; i++) for (let o = 0; o < size; o++) told[o] += layer[i * size + o] * x[i];
    vectors.forEach((v, k) => {
      for (let j = 0; j < M; j++) e[n * M + j] -= told[k] * v[j];
    });
    parts[0][n] = sumOfSquares(perSignal.map((p, k) => p * x[k]));
    parts[3][n] = logSumHalfSquares(told.subarray(K));
  }
  yield;
  const spread = columnSds(e, M, columnMeans(e, M));
  const tolerated = toleratedBy(fit, layer, size);
  const perSpread = spread.map((s, j) => 1 / orOne(Math.sqrt(s * s + tolerated[j])));
  for (let n = 0; n < N; n++) {
    if (n % PART_ROWS === 0) yield;
    const row = perSpread.map((p, j) => p * e[n * M + j]);
    parts[1][n] = sumOfSquares(row);
    parts[2][n] = logSumHalfSquares(row);
  }
  return { perSpread, parts };
}

/** The variance of e by channel that tolerances make: e = (1 + W Vᵀ) r + …, W = −V (layer of c). */
function toleratedBy({ vectors, tolerance }: Fit, layer: Float64Array, size: number): Float64Array {
  const K = vectors.length;
  const between = vectors.map((a) =>
    vectors.map((b) => a.reduce((sum, v, j) => sum + v * tolerance[j] * (b[j] * tolerance[j]), 0)),
  );
  return tolerance.map((t, j) => {
    const w = vectors.map((_, k) => vectors.reduce((sum, v, l) => sum - v[j] * layer[k * size + l], 0));
    let sum = t * t;
    for (let k = 0; k < K; k++) sum += w[k] * (2 * t * t * vectors[k][j] + dot(between[k], w));
    return Math.max(0, sum);
  });
}

/** log Σ exp(½ x²) */
function logSumHalfSquares(x: Float64Array): number {
  const largest = x.reduce((a, b) => Math.max(a, b * b), 0) / 2;
  return largest + log(x.reduce((a, b) => a + exp((b * b) / 2 - largest), 0));
}

/** The affine map that takes the median of a number T to 1 and its quantile p to 2. */
function scaleOf(values: Float64Array, p: number): readonly [slope: number, shift: number] {
  const sorted = values.slice().sort();
  const at = (q: number): number => sorted[Math.round(q * (sorted.length - 1))];
  const slope = 1 / Math.max(at(p) - at(0.5), LEAST_SCALE);
  return [slope, 1 - at(0.5) * slope];
}
