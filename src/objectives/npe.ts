/**
 * Neural posterior estimation, E_(θ,y) [−log q(θ | y)] (Papamakarios & Murray 2016). Where data are drawn from a proposal
 * p̃ that is not the prior, each pair is weighted by
 *
 *   w = [p(θ)/p̃(θ)] · [p̃(m)/p(m)],   m = m(y) the guide's detached centre, capped at WEIGHT_CAP:
 *
 * the second factor depends on y alone, so it does not move the optimum, and keeps weights near 1. It changes with the
 * guide, though, so held-out losses leave it out: E_p̃ [p(θ)/p̃(θ) · −log q] is the loss under the prior.
 */
import { add, clamp, detach, exp, minimum, mul, neg, ones, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Problem } from "../problem/problem.ts";
import type { Objective, ObjectiveContext } from "./objective.ts";

const WEIGHT_CAP = 20;

export const npe: Objective = {
  name: "npe",
  loss: (context, theta, y) => {
    const encoded = context.guide.encode(context.embed(y));
    const logQ = logDensity(context, theta, encoded);
    return neg(context.problem.proposal === null ? logQ : mul(weightOf(context, theta, encoded), logQ));
  },
  heldOut: (context, theta, y) => {
    const logQ = logDensity(context, theta, context.guide.encode(context.embed(y)));
    return neg(context.problem.proposal === null ? logQ : mul(exp(logRatioOf(context.problem)(theta)), logQ));
  },
};

const logDensity = ({ guide, frame }: ObjectiveContext, theta: Tensor, encoded: Tensor): Tensor =>
  add(guide.logProb(frame.toGuide(theta), encoded), frame.logDet(theta));

/** log p(θ)/p̃(θ) */
const logRatioOf = ({ prior, proposal }: Problem): ((theta: Tensor) => Tensor) => {
  if (proposal === null) throw new Error("internal: weights without a proposal");
  return (theta) => sub(prior.logDensity(theta), proposal.logDensity(theta));
};

function weightOf({ problem, guide, frame }: ObjectiveContext, theta: Tensor, encoded: Tensor): Tensor {
  const logRatio = logRatioOf(problem);
  const data = problem.proposal ?? problem.prior;
  // Early in training the centre may lie where no data are drawn: it counts as the nearest point where they are.
  const centre = clamp(frame.fromGuide(detach(centreOf(guide, problem.D, encoded))), data.low, data.high);
  const log = sub(logRatio(theta), logRatio(centre));
  return detach(minimum(exp(log), WEIGHT_CAP));
}

/** The mean where the guide has it in closed form; else what it makes of no noise, a median of a kind. (B, D) */
function centreOf(guide: ObjectiveContext["guide"], D: number, encoded: Tensor): Tensor {
  const closed = guide.centre?.(encoded) ?? guide.moments?.(encoded).mean;
  return closed ?? guide.sample(mul(ones(encoded.dtype), new Float64Array(D)), encoded).z;
}
