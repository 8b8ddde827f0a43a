/**
 * Bernoulli noise of independent data 0 and 1, binomial noise of one trial: y is 1 with the probability c, the noise-free datum,
 *
 *   log p(y|c) = Σ y log c + (1 − y) log(1 − c),   0 ≤ c ≤ 1,   with the Fisher information 1/(c(1 − c)) on c,
 *
 * or, of logits l = log(c/(1 − c)), any numbers,
 *
 *   log p(y|l) = Σ y l − log(1 + e^l),   with the information c(1 − c) on l.
 */
import { flag, type OptionsOf, option, readOptions } from "../../checks/options.ts";
import { abs, add, mul, neg, sigmoid, softplus, sqrt, sub, where } from "../../graph/build.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { uniformDraw } from "../draws.ts";
import { binomialInformation, binomialSd, logPowers, notProbability } from "./binomial.ts";
import { independent, minusInfinity, type Noise, notANumber } from "./noise.ts";

/** The options of `bernoulliNoise`. */
export const bernoulliTable = {
  /** Whether noise-free data are logits log(c/(1 − c)), any numbers, in place of probabilities c. */
  logits: option(flag, false),
};
/** Options of `bernoulliNoise`. */
export type BernoulliNoiseOptions = Partial<OptionsOf<typeof bernoulliTable>>;

/** Above 0 where y is neither 0 nor 1. */
const notBinary = (y: Tensor): Tensor => abs(sub(abs(sub(y, 0.5)), 0.5));

function ofProbabilities(): Noise {
  return independent({
    owner: "bernoulliNoise",
    name: "bernoulli",
    size: null,
    data: "counts",
    streams: 1,
    each: (y, p) => {
      const outside = notBinary(y);
      const value = logPowers(where(outside, 0, y), 1, p);
      return notANumber(notProbability(p), minusInfinity(outside, value));
    },
    draw: (p, stream) => notANumber(notProbability(p), oneBelow(p, stream)),
    sd: (p) => binomialSd(1, p),
    fisher: (p) => [{ of: p, weight: binomialInformation(1, p) }],
    spec: { name: "bernoulli", logits: false },
  });
}

/** 1 with probability p, else 0. */
function oneBelow(p: Tensor, stream: number): Tensor {
  const left = sub(p, uniformDraw(p.cols, stream, p.rows, p.dtype));
  const zero = abs(mul(left, 0)); // not −0; NaN where p is
  return where(left, add(zero, 1), zero);
}

function ofLogits(): Noise {
  const variance = (l: Tensor): Tensor => mul(sigmoid(l), sigmoid(neg(l)));
  return independent({
    owner: "bernoulliNoise",
    name: "bernoulli",
    size: null,
    data: "counts",
    streams: 1,
    each: (y, l) => {
      const outside = notBinary(y);
      return minusInfinity(outside, sub(mul(where(outside, 0, y), l), softplus(l)));
    },
    draw: (l, stream) => oneBelow(sigmoid(l), stream),
    sd: (l) => sqrt(variance(l)),
    mean: (l) => sigmoid(l),
    fisher: (l) => [{ of: l, weight: variance(l) }],
    spec: { name: "bernoulli", logits: true },
  });
}

/**
 * Bernoulli noise: data are 1 (yes) or 0 (no), and the noise-free datum is the probability of 1, or with `logits` the logarithm of
 * the odds, which may be any number. Where a probability is outside [0, 1], noise and density are NaN.
 * @throws unless logits is true or false.
 */
export function bernoulliNoise(options: BernoulliNoiseOptions = {}): Noise {
  const { logits } = readOptions("bernoulliNoise", bernoulliTable, options);
  return logits ? ofLogits() : ofProbabilities();
}
