/**
 * Autoregressive rational-quadratic spline flow (Durkan et al. 2019, §3; Papamakarios et al. 2017 for the factorisation):
 *
 *   q(z | y) = Π_d N(ε_d) dε_d/dz_d,   ε_d = spline((z_d − m_d) exp(−s_d)),
 *
 * the identity outside ±bound, with m_d, s_d and the spline's parameters from net_d(h(y), z_1…z_{d−1}). The shift and the
 * scale find a thin conditional, the spline gives it its shape. Densities cost one pass; draws invert one dimension
 * after another.
 */
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
import { type ActivationName, activations, checkActivation, mlp } from "../nn/mlp.ts";
import { type Base, baseOption, checkBase, onBase } from "./base.ts";
import {
  checkCount,
  checkOptions,
  checkWidths,
  type Guide,
  type GuideSizes,
  normalConstant,
  type TracedGuide,
} from "./guide.ts";

export interface SplineGuideOptions {
  /** Bins of each spline; default 24. */
  readonly bins?: number;
  /** Half the width of the interval that splines bend, after shift and scale; default 4. */
  readonly bound?: number;
  /** Widths of the network that embeds the data; default [64, 64, 64]. */
  readonly embedding?: readonly number[];
  /** Widths of the hidden layers of each conditioner; default [64, 64, 64]. */
  readonly hidden?: readonly number[];
  /** Default "silu". */
  readonly activation?: ActivationName;
  /** Whose coordinates z are: see base.ts; default "prior". */
  readonly base?: Base;
}

/**
 * The flow at the head of this file: modes, bends and edges, the most faithful guide for few parameters. One network a parameter:
 * a density costs all of them once, and so does a draw, but one after another.
 * @throws on options that make no sense.
 */
export function spline(options: SplineGuideOptions = {}): Guide {
  const { bins = 24, bound = 4, embedding = [64, 64, 64], hidden = [64, 64, 64] } = options;
  const { activation = "silu", base = "prior" } = options;
  checkOptions("spline", options, ["bins", "bound", "embedding", "hidden", "activation", "base"]);
  checkCount("spline.bins", bins, 2);
  if (bins > MAX_BINS) throw new Error(`spline.bins: expected at most ${MAX_BINS}, got ${bins}`);
  if (!(bound > 0 && bound < Infinity)) throw new Error(`spline.bound: expected a positive number, got ${bound}`);
  checkWidths("spline.embedding", embedding);
  checkWidths("spline.hidden", hidden);
  checkActivation("spline.activation", activation);
  checkBase("spline.base", base);
  const full = { bins, bound, embedding, hidden, activation };
  return {
    name: "spline",
    options: { ...full, ...baseOption(base) },
    build: (sizes) => onBase(base, (own) => build(own, full), sizes),
  };
}

/** The last layer starts small: splines start near the identity. */
const LAST_LAYER = 0.1;
/** Log-scales stay within ±4: no conditional is thinner than e⁻⁴ of the prior before the spline. */
const LARGEST_LOG_SCALE = 4;

function build({ D, E }: GuideSizes, o: Required<Omit<SplineGuideOptions, "base">>): TracedGuide {
  const { activation } = o;
  const C = o.embedding.length > 0 ? o.embedding[o.embedding.length - 1] : E;
  const embed = o.embedding.length > 0 ? mlp("embed", [E, ...o.embedding], { activation }) : null;
  const conditioners = Array.from({ length: D }, (_, d) =>
    mlp(`conditioner${d}`, [C + d, ...o.hidden, 2 + splineParams(o.bins)], { activation, last: LAST_LAYER }),
  );
  const parameters = (d: number, z: readonly Tensor[], context: Tensor) => {
    const raw = conditioners[d](concat(context, ...z.slice(0, d)));
    const logScale = mul(tanh(mul(slice(raw, 1, 2), 1 / LARGEST_LOG_SCALE)), LARGEST_LOG_SCALE);
    return { shift: slice(raw, 0, 1), logScale, bend: slice(raw, 2, raw.cols) };
  };
  const attrs = (inverse: boolean) => ({ bins: o.bins, bound: o.bound, inverse });
  const normalDensity = (noise: Tensor): Tensor => add(mul(sumFeatures(square(noise)), -0.5), normalConstant(D));

  const normalise = (z: Tensor, context: Tensor) => {
    const parts = split(z);
    const each = parts.map((_, d) => parameters(d, parts, context));
    const logScale = concat(...each.map((p) => p.logScale));
    const scaled = mul(sub(z, concat(...each.map((p) => p.shift))), exp(neg(logScale)));
    const out = splineOp(scaled, concat(...each.map((p) => p.bend)), attrs(false));
    return { noise: slice(out, 0, D), logDet: sumFeatures(sub(slice(out, D, 2 * D), logScale)) };
  };
  const sample = (noise: Tensor, context: Tensor) => {
    const z: Tensor[] = [];
    const logDets: Tensor[] = [];
    split(noise).forEach((e, d) => {
      const { shift, logScale, bend } = parameters(d, z, context);
      const out = splineOp(e, bend, attrs(true));
      z.push(add(mul(slice(out, 0, 1), exp(logScale)), shift));
      logDets.push(add(slice(out, 1, 2), logScale));
    });
    return { z: concat(...z), logDet: sumFeatures(concat(...logDets)) };
  };
  return {
    contextSize: C,
    encode: (features) => (embed === null ? features : activations[activation].apply(embed(features))),
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
