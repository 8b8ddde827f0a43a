/**
 * Half-lines far from their end: x = log(θ + s) − log s = log(1 + θ/s) for θ > −s, entry by entry. Near θ = 0 it keeps the digits that
 * log(θ + s) would lose beside log s.
 */
import { add, div, log1p, maximum, mul, neg, sub, sumFeatures, tanh } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { log } from "../numbers/math.ts";
import type { Bijection } from "./bijection.ts";
import { expectBatch } from "./distribution.ts";

/** exp(x) − 1 for |x| < 1. */
function expm1(x: Tensor): Tensor {
  const t = tanh(mul(x, 0.5));
  return div(mul(t, 2), sub(1, t));
}

/** The bijection of entries above −s. */
export function nearLine(owner: string, s: Float64Array): Bijection {
  const size = s.length;
  const volume = s.reduce((sum, x) => sum + log(x), 0);
  const toReal = (theta: Tensor): Tensor => {
    expectBatch(owner, "theta", theta, size);
    return log1p(
      maximum(div(theta, s), theta.dtype === "f32" ? -1 + 5.9604644775390625e-8 : -1 + 1.1102230246251565e-16),
    );
  };
  return {
    size,
    low: s.map((x) => -x),
    high: new Float64Array(size).fill(Infinity),
    toReal,
    fromReal: (x) => mul(expm1(x), s),
    logDetToReal: (theta) => neg(add(sumFeatures(toReal(theta)), volume)),
    bijection: { kind: "near", scale: Array.from(s) },
  };
}
