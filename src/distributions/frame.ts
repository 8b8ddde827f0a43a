/**
 * The frame of guides: the prior's transform takes θ to the whole line, where it is measured in prior standard deviations,
 *
 *   z = (T(θ) − μ) / σ,   log q(θ) = log q(z) + log |det T′(θ)| − Σ log σ.
 */

import { add, div, mul, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { log } from "../numbers/math.ts";
import type { Distribution } from "./distribution.ts";

/** Maps between parameters θ and the coordinates z of guides. */
export interface Frame {
  toGuide(theta: Tensor): Tensor;
  fromGuide(z: Tensor): Tensor;
  /** log |dz/dθ| (B, 1). */
  logDet(theta: Tensor): Tensor;
}

/** The frame of a distribution. */
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
