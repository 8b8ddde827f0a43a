/**
 * Neural posterior estimation, E_(θ,y) [−log q(θ | y)] (Papamakarios & Murray 2016). Where data are drawn from a proposal
 * p̃ that is not the prior, each pair is weighted by
 *
 *   w = [p(θ)/p̃(θ)] · [p̃(m)/p(m)],   m = m(y) the guide's detached mean, capped at WEIGHT_CAP:
 *
 * the second factor depends on y alone, so it does not move the optimum, and keeps weights near 1.
 */
import { add, detach, exp, minimum, mul, neg, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Objective, ObjectiveContext } from "./objective.ts";

const WEIGHT_CAP = 20;

export const npe: Objective = {
  name: "npe",
  loss: (context, theta, y) => {
    const { guide, frame, embed, problem } = context;
    const encoded = guide.encode(embed(y));
    const logQ = add(guide.logProb(frame.toGuide(theta), encoded), frame.logDet(theta));
    return problem.proposal === null ? neg(logQ) : neg(mul(weightOf(context, theta, encoded), logQ));
  },
};

function weightOf({ problem, guide, frame }: ObjectiveContext, theta: Tensor, encoded: Tensor): Tensor {
  const { prior, proposal } = problem;
  if (proposal === null) throw new Error("internal: weights without a proposal");
  const logRatio = (t: Tensor): Tensor => sub(prior.logDensity(t), proposal.logDensity(t));
  const moments = guide.moments?.(encoded);
  const log = moments ? sub(logRatio(theta), logRatio(frame.fromGuide(detach(moments.mean)))) : logRatio(theta);
  return detach(minimum(exp(log), WEIGHT_CAP));
}
