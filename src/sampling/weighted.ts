/**
 * Moments and quantiles of weighted draws, and systematic resampling to draws of equal weight (Kitagawa, JCGS 5 (1996)): a draw of
 * weight w is taken ⌊count w⌋ or ⌈count w⌉ times, so that no draw of a weight below 1/count is taken twice. Independent choices
 * would repeat draws by chance, and have a larger variance.
 */
import type { Rows } from "../backends/backend.ts";
import { weightedMoments } from "../numbers/moments.ts";
import { STREAMS, uniformAt } from "../numbers/random.ts";
import { symmetric } from "../numbers/triangles.ts";
import { checkedLevel, type Summary } from "../posterior/posterior.ts";
import { mix } from "./picks.ts";

/** Mean, covariance and quantiles of draws (S, D) with weights (S) that sum to 1. */
export function weightedSummary(theta: Rows, weights: Float64Array, D: number): Omit<Summary, "draws"> {
  const rowOf = (s: number, out: Float64Array): void => out.set(theta.subarray(s * D, (s + 1) * D));
  const { mean, covariance: biased, effective } = weightedMoments(weights.length, D, rowOf, (s) => weights[s]);
  // S/(S − 1) for equal weights; a single draw has no variance.
  const scale = effective > 1 ? effective / (effective - 1) : Number.NaN;
  const covariance = symmetric(biased.map((c) => scale * c));
  let sorted: ((p: number) => number)[] | undefined; // made at the first call
  return {
    mean,
    covariance,
    sd: mean.map((_, d) => Math.sqrt(covariance[d * D + d])),
    quantile: (p) => {
      checkedLevel(p);
      sorted ??= Array.from({ length: D }, (_, d) => quantileOf(theta, weights, D, d));
      return Float64Array.from(sorted, (of) => of(p));
    },
  };
}

/** Quantiles of one parameter: linear between the midpoints of the steps of the distribution function. */
function quantileOf(theta: Rows, weights: Float64Array, D: number, d: number): (p: number) => number {
  // A draw of weight 0 is impossible, so it has no influence on quantiles.
  const order = Uint32Array.from(weights, (_, s) => s)
    .filter((s) => weights[s] > 0)
    .sort((a, b) => theta[a * D + d] - theta[b * D + d]);
  const middles = new Float64Array(order.length);
  let sum = 0;
  for (const [i, s] of order.entries()) {
    middles[i] = sum + 0.5 * weights[s];
    sum += weights[s];
  }
  const at = (i: number): number => theta[order[i] * D + d];
  return (p) => {
    let [low, high] = [0, order.length - 1];
    if (p <= middles[low]) return at(low);
    if (p >= middles[high]) return at(high);
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (middles[middle] <= p) low = middle;
      else high = middle;
    }
    const width = middles[high] - middles[low];
    return width > 0 ? at(low) + ((p - middles[low]) / width) * (at(high) - at(low)) : at(low);
  };
}

/** Shuffled indices of `count` draws of equal weight; none has weight 0. */
export function resample(weights: Float64Array, count: number, seed: number): Uint32Array {
  const out = new Uint32Array(count);
  const shift = uniformAt(seed, STREAMS.picks, 0, 0, 0);
  const last = weights.findLastIndex((w) => w > 0); // the sum of all may be rounded below 1
  let s = weights.findIndex((w) => w > 0);
  let sum = weights[s];
  for (let i = 0; i < count; i++) {
    const u = (i + shift) / count;
    while (s < last && (sum < u || weights[s] === 0)) sum += weights[++s];
    out[i] = s;
  }
  return mix(out, seed);
}
