/**
 * A guide in the coordinates of the best linear estimator of parameters in their own units, taken through the bounds of the prior.
 *
 * Where the prior has bounds, z = T(θ) is a bent image of the parameters, in which data y = θ + noise are no longer linear. There the
 * estimator of θ in its own units, m with errors of the sd s, is taken through the bounds:
 *
 *   w = L⁻¹ (z − T(m)) / J,   J = (T(m + s) − T(m − s)) / 2s   for each parameter,
 *
 * m and m ± s kept inside. Draws stay within the bounds, as those of every guide do.
 */
import { isLinear } from "../distributions/distribution.ts";
import { frameOf } from "../distributions/frame.ts";
import { add, clamp, concat, div, log, weight as makeWeight, mul, slice, sub, sumFeatures } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { GuideSizes, TracedGuide } from "./guide.ts";
import { type Build, fitBase, inCoordinates, type Linear, onLinearBase, shared } from "./linear-base.ts";

/** Estimates are kept this far inside of finite bounds, in prior sd: T and its slope are of order one there. */
const EDGE = 0.02;

/** The coordinates in which parameters within bounds are estimated in their own units. The head is T(m) (D), then J (D). */
function throughBounds(sizes: GuideSizes): Linear {
  const { D, prior, weight = makeWeight } = sizes;
  if (prior === undefined) throw new Error("internal: a guide of bounded parameters without their prior");
  if (prior.bijection !== undefined)
    throw new Error(
      `base "bounded": expected a prior with bounds of its own for each parameter, got "${prior.name}"; use base "linear"`,
    );
  const inner = shared(sizes);
  const { mean, sd } = prior;
  const spread = weight("base.sd", 1, D, { frozen: true });
  const [low, high] = [prior.low.map((x, d) => x + EDGE * sd[d]), prior.high.map((x, d) => x - EDGE * sd[d])];
  const { toGuide } = frameOf(prior);
  /** θ, kept inside, of parameters in prior sd about the mean. */
  const inside = (t: Tensor): Tensor => clamp(add(mul(t, sd), mean), low, high);
  const slopeOf = (head: Tensor): Tensor => slice(head, D, head.cols);
  return {
    head: (features) => {
      const theta = inside(inner.head(features));
      const t = div(sub(theta, mean), sd);
      const [above, below] = [inside(add(t, spread)), inside(sub(t, spread))];
      const slope = div(mul(sub(toGuide(above), toGuide(below)), sd), sub(above, below));
      return concat(toGuide(theta), slope);
    },
    headSize: 2 * D,
    whiten: (x, head) => inner.whiten(div(x, slopeOf(head)), head),
    colour: (w, head) => mul(inner.colour(w, head), slopeOf(head)),
    logDet: (head) => add(sumFeatures(log(slopeOf(head))), inner.logDet(head)),
  };
}

/** The same for parameters within bounds, where the prior has any. Its context starts with T(m) (B, D). */
export const onBoundedBase = (build: Build, sizes: GuideSizes): TracedGuide => {
  const { D, E, estimate, prior } = sizes;
  if (prior && isLinear(prior)) return onLinearBase(build, sizes); // there are no bounds
  if (estimate)
    throw new Error(
      'base "bounded": expected complete data with the noise of the problem, got a training with missing or noise; use base "linear"',
    );
  return inCoordinates(throughBounds(sizes), build, sizes, async (data) => {
    const fitted = await fitBase({ ...data, z: data.theta }, D, E);
    const colour = fitted["base.colour"].data; // row d is column d of L
    const sd = Float32Array.from({ length: D }, (_, i) => {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += colour[d * D + i] * colour[d * D + i];
      return Math.sqrt(sum);
    });
    return { ...fitted, "base.sd": { shape: [1, D], data: sd } };
  });
};
