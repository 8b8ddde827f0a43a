/**
 * Pareto-smoothed importance sampling (Vehtari, Simpson, Gelman, Yao & Gabry, arXiv 1507.02646): the largest
 *
 *   T = ⌈min(S/5, 3 √S)⌉
 *
 * of S positive importance ratios are replaced by the quantiles (i − ½)/T of a generalised Pareto distribution, which is fitted to
 * their excess over the other ratios; none may exceed the largest original ratio. The shape k̂ says how many moments the ratios
 * have: up to 0.7 the estimates are reliable, above it they converge too slowly. The fit is that of Zhang & Stephens
 * (Technometrics 51 (2009)): a mean over a grid of b = −θ, weighted by the profile likelihood, with a prior that pulls k̂ towards ½
 * with the weight of ten observations. A ratio of 0 stays 0: its draw is impossible, so it is no part of the tail.
 */
import { expectList } from "../checks/arguments.ts";
import { exp, log, log1p } from "../numbers/math.ts";

/** Importance weights with a larger k̂ are unreliable. */
export const LARGEST_K = 0.7;
/** A tail of fewer ratios does not show its shape. */
const LEAST_TAIL = 5;
/** Ratios with a smaller relative difference count as equal: the difference is rounding, whose shape means nothing. */
const ROUNDING = 1e-8;
const PRIOR_SIZE = 10;
const PRIOR_SHAPE = 0.5;

export interface GeneralisedPareto {
  /** k of the tail P(x > t) ~ t^(−1/k). */
  readonly shape: number;
  /** σ */
  readonly scale: number;
}

/**
 * Fits P(X > x) = (1 + k x/σ)^(−1/k) to numbers (N) ≥ 0, the largest above 0.
 * @throws on an empty list, and on numbers that are negative or not finite.
 */
export function fitPareto(exceedances: ArrayLike<number>): GeneralisedPareto {
  const x = Float64Array.from(exceedances).sort();
  const N = x.length;
  const odd = x.find((v) => !(v >= 0 && v < Number.POSITIVE_INFINITY));
  if (N === 0 || odd !== undefined || !(x[N - 1] > 0))
    throw new Error(
      `fitPareto: expected finite numbers of at least 0, one of them above, got ${odd ?? "none above 0"}`,
    );
  const points = 30 + Math.floor(Math.sqrt(N));
  const quarter = x[Math.max(0, Math.floor(N / 4 + 0.5) - 1)] || x.find((v) => v > 0)!;
  const shapeOf = (theta: number): number => x.reduce((sum, v) => sum + log1p(-theta * v), 0) / N;
  const grid = Float64Array.from(
    { length: points },
    (_, j) => 1 / x[N - 1] + (1 - Math.sqrt(points / (j + 0.5))) / (3 * quarter),
  );
  const profile = grid.map((theta) => {
    const k = shapeOf(theta);
    const l = N * (log(-theta / k) - k - 1);
    return Number.isNaN(l) ? Number.NEGATIVE_INFINITY : l;
  });
  const top = profile.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let [sum, theta] = [0, 0];
  for (const [j, l] of profile.entries()) {
    const weight = exp(l - top);
    sum += weight;
    theta += weight * grid[j];
  }
  theta /= sum;
  const k = shapeOf(theta);
  return { shape: (N * k + PRIOR_SIZE * PRIOR_SHAPE) / (N + PRIOR_SIZE), scale: -k / theta };
}

/** Importance weights with a smoothed tail, and the diagnostics of the tail. */
export interface SmoothedWeights {
  /** Normalised log weights (S): their exponentials sum to 1. */
  readonly logWeights: Float64Array;
  /**
   * Shape of the tail; −∞ if the largest ratios are equal, so that there is no tail; ∞ if there are too few positive ratios to
   * tell.
   */
  readonly kHat: number;
  /** Effective number of draws, 1 / Σ w²; meaningful only if k̂ is small. */
  readonly ess: number;
  /** log of the mean ratio, which estimates log p(y) if the ratios are p(y, θ) / q(θ). */
  readonly logMean: number;
}

/**
 * Smooths log importance ratios (S); −∞ is a ratio of 0.
 * @throws on an empty list, on NaN and +∞, and if all are −∞.
 */
export function paretoSmooth(logRatios: ArrayLike<number>): SmoothedWeights {
  expectList("paretoSmooth", "log ratios", logRatios);
  const S = logRatios.length;
  const logs = Float64Array.from(logRatios);
  const odd = logs.findIndex((l) => !(l < Number.POSITIVE_INFINITY));
  if (odd >= 0) throw new Error(`paretoSmooth: expected log ratios below infinity, got ${logs[odd]} at index ${odd}`);
  const top = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (top === Number.NEGATIVE_INFINITY)
    throw new Error(`paretoSmooth: expected at least one ratio above 0, got ${S === 0 ? "no ratio" : `${S} of 0`}`);
  const weights = logs.map((l) => exp(l - top));
  const kHat = smoothTail(weights);
  // Normalise first: the quantiles of a heavy tail can be so far below the largest ratio that their squares underflow.
  const sum = weights.reduce((total, w) => total + w, 0);
  const logSum = log(sum);
  return {
    logWeights: weights.map((w) => log(w) - logSum),
    kHat,
    ess: 1 / weights.reduce((total, w) => total + (w / sum) * (w / sum), 0),
    logMean: top + logSum - log(S),
  };
}

/** Smooths the tail of the positive weights, which are at most 1, in place; returns k̂. */
function smoothTail(weights: Float64Array): number {
  const order = Uint32Array.from(weights, (_, i) => i)
    .filter((i) => weights[i] > 0)
    .sort((a, b) => weights[a] - weights[b]);
  const S = order.length;
  const T = Math.ceil(Math.min(S / 5, 3 * Math.sqrt(S)));
  if (T < LEAST_TAIL) return Number.POSITIVE_INFINITY;
  const cutoff = weights[order[S - T - 1]];
  const tail = order.subarray(S - T);
  if (1 - cutoff < ROUNDING) return Number.NEGATIVE_INFINITY;
  const { shape, scale } = fitPareto(Float64Array.from(tail, (i) => weights[i] - cutoff));
  if (!Number.isFinite(shape)) return Number.POSITIVE_INFINITY;
  for (let i = 0; i < T; i++) {
    const p = (i + 0.5) / T;
    weights[tail[i]] = Math.min(1, cutoff + paretoQuantile(p, shape, scale));
  }
  return shape;
}

/** σ ((1 − p)^−k − 1) / k */
function paretoQuantile(p: number, shape: number, scale: number): number {
  const t = -log1p(-p);
  return Math.abs(shape * t) < 1e-8 ? scale * t : (scale * (exp(shape * t) - 1)) / shape;
}
