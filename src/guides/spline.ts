/**
 * Autoregressive rational-quadratic spline flow (Durkan et al. 2019, §3; Papamakarios et al. 2017 for the factorisation):
 *
 *   q(z | y) = Π_d N(ε_d) dε_d/dz_d,   ε_d = spline((z_d − m_d) exp(−s_d)),
 *
 * the identity outside ±bound, with m_d, s_d and the spline's parameters from net_d(h(y), z_1…z_{d−1}). The shift and the scale
 * find a thin conditional; the spline gives it its shape. A density costs one pass; a draw inverts one dimension after another.
 * The networks are those of conditioners.ts.
 */
import { type OptionsOf, oneOf, option, positive, type SettingsOf, whole } from "../checks/options.ts";
import {
  add,
  concat,
  exp,
  mul,
  neg,
  slice,
  spline as splineOp,
  split,
  square,
  sub,
  sumFeatures,
  tanh,
} from "../graph/build.ts";
import { MAX_BINS, splineParams } from "../graph/spline-rules.ts";
import type { Tensor } from "../graph/tensor.ts";
import { activationName, activations, mlp, widths } from "../nn/mlp.ts";
import { baseTable, makeGuide } from "./base.ts";
import { conditioners } from "./conditioners.ts";
import { type Guide, type GuideSizes, normalConstant, type TracedGuide } from "./guide.ts";

/** The options of `spline`. */
export const splineTable = {
  /** Bins of each spline. */
  bins: option(whole(2, MAX_BINS), 24),
  /** Half the width of the interval that splines bend, after shift and scale. */
  bound: option(positive, 4),
  /** Widths of the network that embeds the data. */
  embedding: option(widths, [64, 64, 64]),
  /** Widths of the hidden layers of each conditioner. */
  hidden: option(widths, [64, 64, 64]),
  /**
   * "separate": one network a parameter; "shared": one for all but its first layer, at a fraction of the time for many
   * parameters. With "shared" there must be hidden layers.
   */
  conditioners: option(oneOf(...(Object.keys(conditioners) as (keyof typeof conditioners)[])), "separate"),
  /** Activation of the hidden layers. */
  activation: option(activationName, "silu"),
  ...baseTable,
};
/** Options of `spline`. */
export type SplineGuideOptions = OptionsOf<typeof splineTable>;

/**
 * An autoregressive rational-quadratic spline flow (Durkan et al. 2019): modes, bends and edges, the most faithful guide for few
 * parameters. There is one network a parameter, or one for all (`conditioners`): a density evaluates all conditionals at once, a draw
 * one after another.
 * @throws on invalid options.
 */
export const spline = (options: SplineGuideOptions = {}): Guide =>
  makeGuide("spline", splineTable, options, traceSpline, ["conditioners"]);

/** Factor of the initial last layer, so that splines start near the identity. */
const LAST_LAYER = 0.1;
/** Log-scales stay within ±4, so that before the spline no conditional is thinner than e⁻⁴ of the prior. */
const LARGEST_LOG_SCALE = 4;

function traceSpline({ D, E, weight }: GuideSizes, o: SettingsOf<typeof splineTable>): TracedGuide {
  const { activation } = o;
  if (o.conditioners === "shared" && o.hidden.length === 0)
    throw new Error('spline: expected hidden layers for conditioners "shared", got none; use "separate"');
  const C = o.embedding.length > 0 ? o.embedding[o.embedding.length - 1] : E;
  const embed = o.embedding.length > 0 ? mlp("embed", [E, ...o.embedding], { activation, weight }) : null;
  const sizes = { D, C, hidden: o.hidden, bend: splineParams(o.bins) };
  const nets = conditioners[o.conditioners](sizes, { activation, last: LAST_LAYER, weight });
  const limited = (raw: Tensor): Tensor => mul(tanh(mul(raw, 1 / LARGEST_LOG_SCALE)), LARGEST_LOG_SCALE);
  const attrs = (inverse: boolean) => ({ bins: o.bins, bound: o.bound, inverse });
  const normalDensity = (noise: Tensor): Tensor => add(mul(sumFeatures(square(noise)), -0.5), normalConstant(D));

  const normalise = (z: Tensor, context: Tensor) => {
    const { shift, bend, ...raw } = nets.all(z, context);
    const logScale = limited(raw.logScale);
    const out = splineOp(mul(sub(z, shift), exp(neg(logScale))), bend, attrs(false));
    return { noise: slice(out, 0, D), logDet: sumFeatures(sub(slice(out, D, 2 * D), logScale)) };
  };
  const sample = (noise: Tensor, context: Tensor) => {
    const z: Tensor[] = [];
    const logDets: Tensor[] = [];
    split(noise).forEach((e, d) => {
      const { shift, bend, ...raw } = nets.one(d, z, context);
      const logScale = limited(raw.logScale);
      const out = splineOp(e, bend, attrs(true));
      z.push(add(mul(slice(out, 0, 1), exp(logScale)), shift));
      logDets.push(add(slice(out, 1, 2), logScale));
    });
    return { z: concat(...z), logDet: sumFeatures(concat(...logDets)) };
  };
  return {
    contextSize: nets.contextSize,
    encode: (features) => nets.encode(embed === null ? features : activations[activation].apply(embed(features))),
    invert: (z, context) => normalise(z, context).noise,
    logProb: (z, context) => {
      const { noise, logDet } = normalise(z, context);
      return add(normalDensity(noise), logDet);
    },
    sample: (noise, context) => {
      const { z, logDet } = sample(noise, context);
      return { z, logProb: sub(normalDensity(noise), logDet) }; // logDet is that of noise → z
    },
  };
}
