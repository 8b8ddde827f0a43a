/**
 * Weights w_1, …, w_K ≥ 0 of sum 1, by the first K − 1 of them. x_k = log w_k − log s_k, with s_k = 1 − w_1 − … − w_k what is left after
 * w_k, is the logit of the share that w_k takes of what was left before it, so that
 *
 *   w_k = S(x_k) Π_(j<k) S(−x_j),   S(x) = 1/(1 + e^−x),   log |dx/dw| = −Σ_(k≤K) log w_k,
 *
 * because the factors s_(k−1)/(w_k s_k) of the triangular Jacobian telescope. Shares of a Dirichlet variable are independent.
 */

import { describe } from "../checks/arguments.ts";
import { add, columns, concat, cumsum, exp, log, maximum, neg, softplus, sub, sumFeatures } from "../graph/build.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import type { Bijection } from "./bijection.ts";
import { expectBatch } from "./distribution.ts";

/** Half the spacing of numbers at 1, and the least normal number. */
const EPSILON = { f32: 5.9604644775390625e-8, f64: 1.1102230246251565e-16 };
const SMALLEST = { f32: 1.1754943508222875e-38, f64: 2.2250738585072014e-308 };

/** What a sum of K weights may exceed 1 by from rounding, in single precision, so that it survives casts. */
export const slackOf = (K: number): number => K * EPSILON.f32;

/** What is left after each of the weights (B, K − 1), at least what the sum's rounding may hide. */
const rests = (w: Tensor): Tensor => maximum(sub(1, cumsum(w)), (w.cols + 1) * EPSILON[w.dtype]);

/** log w_1, …, log w_K (B, K) of the first K − 1, kept finite at the edges. */
export const logWeights = (w: Tensor): Tensor => {
  const left = rests(w);
  return log(concat(maximum(w, SMALLEST[w.dtype]), columns(left, [w.cols - 1])));
};

/**
 * All K weights (B, K) of a simplex, from its K − 1 free entries (B, K − 1): the last one is 1 less their sum, and at least 0.
 * @throws unless it is a batch.
 */
export function simplexWeights(free: Tensor): Tensor {
  if (!isTensor(free) || free.kind !== "batch")
    throw new Error(`simplexWeights: expected entries (B, K − 1), got ${isTensor(free) ? show(free) : describe(free)}`);
  return concat(free, maximum(sub(1, sumFeatures(free)), 0));
}

/** The bijection of K − 1 free weights. */
export function simplexLine(owner: string, size: number): Bijection {
  const slack = slackOf(size + 1);
  const before = Array.from({ length: size }, (_, k) => k - 1); // −1 is a column of zeros
  return {
    size,
    low: new Float64Array(size),
    high: new Float64Array(size).fill(1),
    toReal: (theta) => {
      expectBatch(owner, "theta", theta, size);
      return sub(log(maximum(theta, SMALLEST[theta.dtype])), log(rests(theta)));
    },
    fromReal: (x) => {
      expectBatch(owner, "x", x, size);
      const left = columns(cumsum(softplus(x)), before); // −log of what is left before each
      return exp(neg(add(softplus(neg(x)), left)));
    },
    logDetToReal: (theta) => {
      expectBatch(owner, "theta", theta, size);
      return neg(sumFeatures(logWeights(theta)));
    },
    inside: (theta) => {
      let sum = 0;
      for (let k = 0; k < theta.length; k++) sum += theta[k];
      return sum <= 1 + slack;
    },
    bijection: { kind: "simplex", size },
  };
}
