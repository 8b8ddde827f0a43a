/**
 * The frame that guides work in: θ is carried to the whole line by the prior's transform and measured in prior standard
 * deviations,
 *
 *   z = (T(θ) − μ) / σ,   log q(θ) = log q(z) + log |det T′(θ)| − Σ log σ.
 */

import { add, div, mul, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { log } from "../numbers/math.ts";
import type { Distribution } from "./distribution.ts";

export interface Frame {
  toGuide(theta: Tensor): Tensor;
  fromGuide(z: Tensor): Tensor;
  /** log |dz/dθ| (B, 1). */
  logDet(theta: Tensor): Tensor;
}

/** The frame of a prior, or of the proposal that data are drawn from. */
export function frameOf(prior: Distribution): Frame {
  const { realMean, realSd } = prior;
  let constant = 0;
  for (const s of realSd) constant -= log(s);
  return {
    toGuide: (theta) => div(sub(prior.toReal(theta), realMean), realSd),
    fromGuide: (z) => prior.fromReal(add(mul(z, realSd), realMean)),
    logDet: (theta) => add(prior.logDetToReal(theta), constant),
  };
}
