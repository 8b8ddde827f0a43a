/**
 * Binomial noise of independent counts: y of n trials succeed, each with the probability c, the noise-free datum,
 *
 *   log p(y|c) = Σ log (n over y) + y log c + (n − y) log(1 − c),   y = 0 … n,   0 ≤ c ≤ 1.
 *
 * Its Fisher information on c is n/(c(1 − c)).
 */
import { type OptionsOf, readOptions, required } from "../../checks/options.ts";
import { add, div, lgamma, log, log1p, maximum, mul, neg, sqrt, sub, where } from "../../graph/build.ts";
import type { DType, Operand, Tensor } from "../../graph/tensor.ts";
import { binomialDraw } from "../count-draws.ts";
import {
  independent,
  leastOf,
  minusInfinity,
  type Noise,
  noiseParameter,
  notANumber,
  notCount,
  ofEach,
  plain,
  readParameter,
  TRIALS,
} from "./noise.ts";

/** The options of `binomialNoise`. */
export const binomialTable = {
  /** Number n of trials, a whole number: one for all data, M numbers, or a tensor (B, 1) or (B, M). */
  trials: required(noiseParameter),
};
/** Options of `binomialNoise`. */
export type BinomialNoiseOptions = OptionsOf<typeof binomialTable>;

/** −(1 − 2⁻²⁴) or −(1 − 2⁻⁵³), the numbers next to −1. */
const nextToMinus1 = (dtype: DType): number => (dtype === "f32" ? -0.9999999403953552 : -0.9999999999999999);
/** Above 0 where p is no probability. */
export const notProbability = (p: Tensor): Tensor => maximum(neg(p), sub(p, 1));

/** y log p + (n − y) log(1 − p), −∞ where either is impossible: y = 0 … n, p in [0, 1], and gradients finite at 0 and 1. */
export function logPowers(y: Tensor, n: Operand, p: Tensor): Tensor {
  const { dtype } = y;
  const failures = sub(n, y);
  const hits = where(y, mul(y, log(maximum(p, leastOf(dtype)))), 0);
  const misses = where(failures, mul(failures, log1p(maximum(neg(p), nextToMinus1(dtype)))), 0);
  const impossible = maximum(where(p, 0, y), where(sub(1, p), 0, failures));
  return minusInfinity(impossible, add(hits, misses));
}

/** The sd √(n p (1 − p)). */
export const binomialSd = (n: Operand, p: Tensor): Tensor => sqrt(mul(mul(p, sub(1, p)), n));
/** The Fisher information n/(p(1 − p)) on p. */
export const binomialInformation = (n: Operand, p: Tensor): Tensor =>
  div(n, maximum(mul(p, sub(1, p)), leastOf(p.dtype)));

/**
 * Binomial noise: data are counts of successes in `trials` trials, and the noise-free datum is the probability of success.
 * @throws unless trials are whole numbers from 1 to 2²⁴. Where a tensor of trials is none, or a probability is outside [0, 1], noise
 * and density are NaN.
 */
export function binomialNoise(options: BinomialNoiseOptions): Noise {
  const { trials } = readOptions("binomialNoise", binomialTable, options);
  const { numbers, operand: n, size } = readParameter("binomialNoise", "trials", trials, TRIALS);
  return independent({
    owner: "binomialNoise",
    name: "binomial",
    size,
    data: "counts",
    streams: 1,
    each: (y, p) => {
      const most = ofEach(n, p);
      const outside = maximum(notCount(y), sub(y, most));
      const count = where(outside, 0, y);
      const choices = sub(lgamma(add(most, 1)), add(lgamma(add(count, 1)), lgamma(add(sub(most, count), 1))));
      return notANumber(notProbability(p), minusInfinity(outside, add(choices, logPowers(count, most, p))));
    },
    draw: (p, stream) => binomialDraw(n, p, p.cols, stream, p.rows, p.dtype),
    sd: (p) => binomialSd(n, p),
    mean: (p) => mul(p, n),
    fisher: (p) => [{ of: p, weight: binomialInformation(n, p) }],
    spec: numbers === null ? null : { name: "binomial", trials: plain(numbers, size) },
  });
}
