/**
 * Bands that contain the whole empirical distribution function of N independent numbers, with a probability that is computed, not
 * approximated (Säilynoja, Bürkner & Vehtari, Statistics and Computing 32 (2022), arXiv 2103.10522, §2.3). Let F_k be the known
 * probability of a number at or below the k-th point, and X_k the count of such numbers. Then
 *
 *   X_k ~ Binomial(N, F_k),   X_(k+1) − X_k | X_k ~ Binomial(N − X_k, (F_(k+1) − F_k)/(1 − F_k)),
 *
 * is a Markov chain, so P(every X_k within its bounds) is a sum carried from point to point. Each point has the interval between two
 * binomial tails of γ/2, with the largest γ for which all intervals hold together with probability 1 − α. Because counts are whole,
 * the bands are slightly wide: the probability of leaving them is at most α.
 */
import { number, option } from "../checks/options.ts";
import { exp, log } from "../numbers/math.ts";
import { binomialPmf, binomialTails, logFactorials } from "./special.ts";

/** The option `alpha` of tests: the probability of a false alarm, at most. */
export const alphaTable = {
  /** Probability, at most, that the exact posterior fails. */
  alpha: option(
    number("a number between 0 and 1", (x) => x > 0 && x < 1),
    0.01,
  ),
};

/** The least and the largest count at each point. */
export interface Bounds {
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/** The chain of counts of N numbers at K points, with the quantities that are computed once. */
export interface Chain {
  readonly N: number;
  /** F (K), ascending, in (0, 1). */
  readonly law: ArrayLike<number>;
  /** log k! for k = 0 … N. */
  readonly logs: Float64Array;
  /** P(X_k ≤ c) and P(X_k ≥ c), c = 0 … N. */
  readonly tails: readonly { readonly below: Float64Array; readonly above: Float64Array }[];
}

/** @throws unless F ascends within (0, 1). */
export function makeChain(N: number, law: ArrayLike<number>): Chain {
  const levels = Array.from(law);
  const odd = levels.findIndex((f, k) => !(f > 0 && f < 1) || (k > 0 && f <= levels[k - 1]));
  if (odd >= 0) throw new Error(`internal: chain: expected probabilities that ascend in (0, 1), got ${levels[odd]}`);
  const logs = logFactorials(N);
  return { N, law, logs, tails: levels.map((f) => binomialTails(N, f, logs)) };
}

/** The interval of counts at each point whose two tails are both above γ/2. */
export function boundsAt({ N, tails }: Chain, gamma: number): Bounds {
  const low = new Int32Array(tails.length);
  const high = new Int32Array(tails.length).fill(N);
  tails.forEach(({ below, above }, k) => {
    while (low[k] < N && !(below[low[k]] > gamma / 2)) low[k]++;
    while (high[k] > 0 && !(above[high[k]] > gamma / 2)) high[k]--;
  });
  return { low, high };
}

/** Probabilities below this, which do not change a sum of 1, are omitted. */
const NEGLIGIBLE = 1e-17;

/** P(low_k ≤ X_k ≤ high_k at every point k). */
export function probabilityWithin({ N, law, logs }: Chain, { low, high }: Bounds): number {
  let [from, weights] = [0, Float64Array.of(1)]; // P(X_k = from + i, within the bounds so far)
  for (let k = 0; k < law.length; k++) {
    const before = k === 0 ? 0 : law[k - 1];
    const share = (law[k] - before) / (1 - before);
    const next = new Float64Array(Math.max(0, high[k] - low[k] + 1));
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] < NEGLIGIBLE) continue;
      const x = from + i;
      const [mean, reach] = [(N - x) * share, 9 + 9 * Math.sqrt((N - x) * share * (1 - share))];
      const first = Math.max(low[k], x, Math.floor(x + mean - reach));
      const last = Math.min(high[k], Math.ceil(x + mean + reach));
      const steps = binomialPmf(N - x, share, first - x, last - x, logs);
      for (let j = 0; j < steps.length; j++) next[first - low[k] + j] += weights[i] * steps[j];
    }
    [from, weights] = [low[k], next];
  }
  return weights.reduce((a, b) => a + b, 0);
}

/** Relative accuracy of the probability of leaving the bands, and the largest number of attempts to reach it. */
const NEAR = 0.002;
const ATTEMPTS = 16;

/** The narrowest bounds, with one γ for all points, that all counts keep together with probability at least 1 − alpha. */
export function simultaneousBounds(chain: Chain, alpha: number): Bounds {
  // log γ by false position with halving (Illinois), between Bonferroni's γ, which always suffices, and α itself.
  const excess = (at: number): number =>
    log(Math.max(1e-12, 1 - probabilityWithin(chain, boundsAt(chain, exp(at)))) / alpha);
  let [enough, over] = [log(alpha / chain.law.length), log(alpha)];
  let [below, above] = [excess(enough), excess(over)];
  for (let n = 0, side = 0; n < ATTEMPTS && below < -NEAR && above > 0; n++) {
    const middle = n % 4 === 3 ? (enough + over) / 2 : (enough * above - over * below) / (above - below);
    const found = excess(middle);
    if (found <= 0) {
      [enough, below] = [middle, found];
      if (side === 1) above /= 2;
      side = 1;
    } else {
      [over, above] = [middle, found];
      if (side === -1) below /= 2;
      side = -1;
    }
  }
  return boundsAt(chain, exp(above > 0 ? enough : over));
}

/** Probability, under the law, that a count at any point lies as far out as the farthest of these counts (K). */
export function chainPValue(chain: Chain, counts: ArrayLike<number>): number {
  let gamma = 1;
  chain.tails.forEach(({ below, above }, k) => {
    gamma = Math.min(gamma, 2 * below[counts[k]], 2 * above[counts[k]]);
  });
  // At this γ the farthest count lies just outside.
  return Math.min(1, Math.max(0, 1 - probabilityWithin(chain, boundsAt(chain, gamma))));
}
