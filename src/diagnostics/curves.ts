/**
 * Ranks whose law is known where all is well, held against it as a whole: the share at or below each level beside the share
 * that there should be, with bands for the whole curve (bands.ts). Calibration by simulation, expected coverage and TARP are
 * each this, with ranks of their own.
 *
 *   ranks r of a truth among L draws are uniform on 0 … L:        P(r ≤ j) = (j + 1)/(L + 1)
 *   central intervals that just hold it have |2r − L| draws in them: two ranks for each size, but one for 0
 */
import { type Chain, chainPValue, makeChain, simultaneousBounds } from "./bands.ts";

export interface Curve {
  readonly name: string;
  /** The share that there should be, at K levels. */
  readonly expected: Float64Array;
  /** The share that there is (K). */
  readonly observed: Float64Array;
  /** What all of `observed` stays within together, with probability 1 − alpha, where all is well (K). */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** How likely a curve is, where all is well, that leaves its law as far at any level. */
  readonly pValue: number;
  /** Probability that a right curve is rejected, at most. */
  readonly alpha: number;
  readonly passed: boolean;
}

export interface Law {
  /** Values at which a curve is read, and the probability of a value at or below each: (K). */
  readonly at: Int32Array;
  readonly expected: Float64Array;
}

/** Levels that a curve is read at, at most. */
const LEVELS = 100;

/** So many of the values (with their probabilities), evenly spread; the last, whose probability is 1, says nothing. */
function thin(at: readonly number[], expected: readonly number[]): Law {
  const count = Math.min(LEVELS, at.length - 1);
  const picked = Array.from({ length: count }, (_, k) => Math.floor(((k + 0.5) * (at.length - 1)) / count));
  return {
    at: Int32Array.from(picked, (i) => at[i]),
    expected: Float64Array.from(picked, (i) => expected[i]),
  };
}

/** Uniform on 0 … L. */
export function uniformLaw(L: number): Law {
  const at = Array.from({ length: L + 1 }, (_, j) => j);
  return thin(
    at,
    at.map((j) => (j + 1) / (L + 1)),
  );
}

/** Of |2r − L| for r uniform on 0 … L. */
export function centralLaw(L: number): Law {
  const at = Array.from({ length: Math.floor(L / 2) + 1 }, (_, i) => (L % 2) + 2 * i);
  return thin(
    at,
    at.map((size) => (size + 1) / (L + 1)),
  );
}

/** Judges many lists of N values, (N) each, by one law: each at its share alpha/Q of the probability of a false alarm. */
export function curvesOf(
  lists: readonly { readonly name: string; readonly values: ArrayLike<number> }[],
  law: Law,
  alpha: number,
): Curve[] {
  const N = lists[0].values.length;
  const chain: Chain = makeChain(N, law.expected);
  const own = alpha / lists.length;
  const bounds = simultaneousBounds(chain, own);
  const share = (counts: Int32Array): Float64Array => Float64Array.from(counts, (c) => c / N);
  return lists.map(({ name, values }) => {
    const sorted = Int32Array.from(values).sort();
    let below = 0;
    const counts = law.at.map((limit) => {
      while (below < N && sorted[below] <= limit) below++;
      return below;
    });
    return {
      name,
      expected: law.expected,
      observed: share(counts),
      low: share(bounds.low),
      high: share(bounds.high),
      pValue: chainPValue(chain, counts),
      alpha: own,
      passed: counts.every((c, k) => c >= bounds.low[k] && c <= bounds.high[k]),
    };
  });
}
