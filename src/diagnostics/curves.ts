/**
 * Tests of ranks whose distribution is known for exact posteriors: the observed share of ranks at or below each level beside the
 * expected share, with bands for the whole curve (bands.ts). Simulation-based calibration, expected coverage and TARP are each this
 * test, with their own ranks.
 *
 *   the rank r of a true parameter among L draws is uniform on 0 … L:        P(r ≤ j) = (j + 1)/(L + 1)
 *   the smallest central interval that contains it has |2r − L| draws inside: two ranks for each size, but one for 0
 */
import { type Chain, chainPValue, makeChain, simultaneousBounds } from "./bands.ts";

/** Observed shares of ranks at K levels, beside the expected ones. */
export interface Curve {
  readonly name: string;
  /** Expected shares (K). */
  readonly expected: Float64Array;
  /** Observed shares (K). */
  readonly observed: Float64Array;
  /** Bands that the whole of `observed` keeps with probability at least 1 − alpha if the posterior is exact (K). */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Probability, if the posterior is exact, of a curve that deviates as far at any level. */
  readonly pValue: number;
  /** Probability, at most, that the curve of an exact posterior fails. */
  readonly alpha: number;
  readonly passed: boolean;
}

/** A distribution of ranks. */
export interface Law {
  /** Values at which a curve is evaluated, and the probability of a value at or below each (K). */
  readonly at: Int32Array;
  readonly expected: Float64Array;
}

/** Largest number of levels of a curve. */
const LEVELS = 100;

/** At most LEVELS of the values with their probabilities, evenly spread; not the last, whose probability is 1. */
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

/** The distribution of |2r − L| for r uniform on 0 … L. */
export function centralLaw(L: number): Law {
  const at = Array.from({ length: Math.floor(L / 2) + 1 }, (_, i) => (L % 2) + 2 * i);
  return thin(
    at,
    at.map((size) => (size + 1) / (L + 1)),
  );
}

/** Judges Q lists of values, (N) each, by one law, each at level alpha/Q. */
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
