/**
 * How far a datum lies from everything simulated. In noise standard deviations r = (y − ȳ)/σ; V the principal directions of
 * the clean data whose variance λ is more than a tenth of the noise's; c = Vᵀr, and e = r − Vc what no simulated signal
 * explains, each datum in its own spread. Three numbers look for three kinds of foreign data,
 *
 *   T₁ = Σ_k c_k²/(λ_k + 1)      a signal unlike those simulated
 *   T₂ = Σ_j e_j²                other noise, offsets, other physics
 *   T₃ = log Σ_j exp(½ e_j²)     a single datum that is off: nearly ½ max e², but for the max having no derivative
 *
 * and the distance is that of the worst, d = 1 + max_i (T_i − m_i)/(q_i − m_i), with medians m and 99.5 % quantiles q of
 * simulated data: 2 at one in two hundred. One sum over all directions, as there was before, is deaf to a sensor that is ten
 * noise sd off among 600. Data that hold their noise have all their directions in V, in their own variances.
 */
import {
  add,
  clamp,
  concat,
  dense,
  denseInputGrad,
  logSumExp,
  matmul,
  maximum,
  mul,
  slice,
  square,
  sub,
  sumFeatures,
  weight,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { exp, log } from "../numbers/math.ts";
import { columnMeans, columnSds, PART_ROWS, principalComponents } from "../numbers/principal.ts";

/** "whitened": |W (y − ȳ)|² with W whitening the simulated data, in model files written before there was another. */
export type DistanceKind = "whitened" | "residual";

/** Directions that a signal is looked for in, at most. */
const DIRECTIONS = 32;
/** Variance in noise² from which a direction holds signal, and below which a datum is all signal. */
const SIGNAL = 0.1;
const OWN_SPREAD = 0.05;
/** The same where noise is within the data, in units of the largest. */
const NOTHING = 1e-8;
/** Squares of larger numbers would not be finite in single precision. */
const LARGEST = 1e15;
/** Simulations that medians and quantiles are taken over. */
const CALIBRATION = 4096;
/** What stands for a number that there is none of: it is never the largest. */
const NEVER = -1e9;

const directionsOf = (M: number): number => Math.min(M, DIRECTIONS);

/** Distance (B, 1) of data (B, M) from the simulations. */
export const distances: Readonly<Record<DistanceKind, (M: number) => (y: Tensor) => Tensor>> = {
  whitened: (M) => {
    const whitening = weight("distance.whitening", M + 1, directionsOf(M), { frozen: true });
    return (y) => sumFeatures(square(dense(y, whitening)));
  },
  residual: (M) => {
    const row = (name: string, cols: number): Tensor => weight(`distance.${name}`, 1, cols, { frozen: true });
    const [mean, perNoise, perSpread] = [row("mean", M), row("perNoise", M), row("perSpread", M)];
    const [perSignal, slope, shift] = [row("perSignal", directionsOf(M)), row("slope", 3), row("shift", 3)];
    const directions = weight("distance.directions", M, directionsOf(M), { frozen: true });
    return (y) => {
      const r = clamp(mul(sub(y, mean), perNoise), -LARGEST, LARGEST);
      const c = matmul(r, directions);
      const e = square(mul(sub(r, denseInputGrad(c, directions, M)), perSpread)); // (B, M)
      const t = concat(sumFeatures(square(mul(c, perSignal))), sumFeatures(e), logSumExp(mul(e, 0.5)));
      const scaled = add(mul(t, slope), shift); // (B, 3)
      const [signal, residual, single] = [0, 1, 2].map((i) => slice(scaled, i, i + 1));
      return maximum(maximum(signal, residual), single);
    };
  },
};

/** The frozen entries of "residual" by name, fitted on simulated data: `clean` and `noisy` (N, M), and the noise sd (M). */
export function* fitDistance(
  M: number,
  clean: Float32Array,
  noisy: Float32Array,
  noiseSd: Float64Array,
): Generator<void, Record<string, Float32Array>> {
  const K = directionsOf(M);
  const sd = noiseSd.map((s) => (s > 0 ? s : 1));
  const within = noisy === clean || clean.every((v, i) => v === noisy[i]);
  const scaled = Float64Array.from(clean, (v, i) => v / sd[i % M]);
  const { mean, vectors, variances } = yield* principalComponents(scaled, M, K);
  const least = within ? NOTHING * variances[0] : SIGNAL;
  const isSignal = Array.from(variances, (v) => v > least);
  const directions = new Float32Array(M * K);
  vectors.forEach((v, k) => {
    if (isSignal[k]) for (let j = 0; j < M; j++) directions[j * K + k] = v[j];
  });
  const perSignal = Float32Array.from(variances, (v, k) => (isSignal[k] ? 1 / Math.sqrt(v + (within ? 0 : 1)) : 0));

  const N = Math.min(CALIBRATION, noisy.length / M);
  const residuals = new Float64Array(N * M);
  const inSignal = new Float64Array(N);
  const r = new Float64Array(M);
  for (let n = 0; n < N; n++) {
    if (n % PART_ROWS === 0) yield;
    for (let j = 0; j < M; j++) r[j] = noisy[n * M + j] / sd[j] - mean[j];
    residuals.set(r, n * M);
    vectors.forEach((v, k) => {
      if (!isSignal[k]) return;
      let c = 0;
      for (let j = 0; j < M; j++) c += v[j] * r[j];
      for (let j = 0; j < M; j++) residuals[n * M + j] -= c * v[j];
      inSignal[n] += c * perSignal[k] * (c * perSignal[k]);
    });
  }
  const spread = columnSds(residuals, M, columnMeans(residuals, M));
  const own = within ? Math.sqrt(NOTHING * variances[0]) : Math.sqrt(OWN_SPREAD);
  const perSpread = Float32Array.from(spread, (s) => (s > own ? 1 / s : 0));
  const [sums, singles] = [new Float64Array(N), new Float64Array(N)];
  for (let n = 0; n < N; n++) {
    if (n % PART_ROWS === 0) yield;
    const e = Float64Array.from(perSpread, (w, j) => residuals[n * M + j] * w * (residuals[n * M + j] * w));
    sums[n] = e.reduce((a, b) => a + b, 0);
    const largest = e.reduce((a, b) => Math.max(a, b), 0) / 2;
    singles[n] = largest + log(e.reduce((a, b) => a + exp(b / 2 - largest), 0));
  }
  const scales = [inSignal, sums, singles].map(scaleOf);
  return {
    "distance.mean": Float32Array.from(mean, (m, j) => m * sd[j]),
    "distance.perNoise": Float32Array.from(sd, (s) => 1 / s),
    "distance.perSpread": perSpread,
    "distance.perSignal": perSignal,
    "distance.directions": directions,
    "distance.slope": Float32Array.from(scales, ([slope]) => slope),
    "distance.shift": Float32Array.from(scales, ([, shift]) => shift),
  };
}

/** Takes the median of a number to 1 and its 99.5 % quantile to 2; one that does not vary is never the largest. */
function scaleOf(values: Float64Array): readonly [slope: number, shift: number] {
  const sorted = values.slice().sort();
  const at = (p: number): number => sorted[Math.round(p * (sorted.length - 1))];
  const [median, rare] = [at(0.5), at(0.995)];
  if (!(rare - median > 1e-6 * Math.abs(rare))) return [0, NEVER];
  return [1 / (rare - median), 1 - median / (rare - median)];
}
