/**
 * Full-rank Gaussian guide, arXiv 2305.20004 §3.2:
 *
 *   q(z | y) = N(m(y), L(y) Lᵀ(y)),  z = m + L ε,  log q = −½|L⁻¹(z − m)|² − Σ log L_dd − D/2 log 2π,
 *
 * where L is lower triangular with softplus on its diagonal. With `separate` there are the paper's three networks, one each for the
 * mean, the diagonal and the off-diagonal entries; else one trunk with a linear skip. With a base other than the prior (base.ts) the
 * guide is in its coordinates, where it starts as the standard normal.
 */
import { flag, type OptionsOf, option, type SettingsOf } from "../checks/options.ts";
import {
  add,
  columns,
  concat,
  log,
  mul,
  slice,
  softplus,
  square,
  sub,
  sumFeatures,
  triMul,
  triSolve,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { activationName, mlp, widths } from "../nn/mlp.ts";
import { packed } from "../numbers/triangles.ts";
import { baseTable, makeGuide } from "./base.ts";
import {
  type Guide,
  type GuideSizes,
  LEAST_DIAGONAL,
  normalConstant,
  offDiagonals,
  type TracedGuide,
  UNIT_SOFTPLUS,
} from "./guide.ts";

/** The options of `gaussian`. */
export const gaussianTable = {
  /** Widths of the hidden layers. */
  hidden: option(widths, [128, 128, 128]),
  /** Activation of the hidden layers. */
  activation: option(activationName, "silu"),
  /** Three networks, one each for the mean, the diagonal and the entries below it, instead of one. */
  separate: option(flag, false),
  ...baseTable,
};
/** Options of `gaussian`. */
export type GaussianOptions = OptionsOf<typeof gaussianTable>;

/**
 * q(z | y) = N(m(y), L(y) L(y)ᵀ) with a full lower triangle L, the guide of arXiv 2305.20004 §3: one mode, no bends. For any number
 * of parameters; where the prior lives on the whole line, mean and covariance are in closed form.
 * @throws on invalid options.
 */
export const gaussian = (options: GaussianOptions = {}): Guide =>
  makeGuide("gaussian", gaussianTable, options, traceGaussian);

function traceGaussian(
  { D, E, weight }: GuideSizes,
  { hidden, activation, separate, base }: SettingsOf<typeof gaussianTable>,
): TracedGuide {
  const off = packed(D) - D;
  const heads = (
    separate
      ? [
          ["mean", D],
          ["diagonal", D],
          ["offDiagonal", off],
        ]
      : [["trunk", D + packed(D)]]
  ) as [string, number][];
  const nets = heads
    .filter(([, outs]) => outs > 0)
    .map(([name, outs]) =>
      mlp(name, [E, ...hidden, outs], {
        activation,
        skip: !separate && hidden.length > 0,
        last: base === "prior" ? 1 : 0,
        weight,
      }),
    );
  // Row i of the packed triangle: off-diagonal entries (i, 0…i−1), which lie after the D diagonals, then diagonal i.
  const order = Array.from({ length: D }, (_, i) => [
    ...Array.from({ length: i }, (_, j) => D + packed(i - 1) + j),
    i,
  ]).flat();

  const encode = (features: Tensor): Tensor => {
    const raw = concat(...nets.map((net) => net(features)));
    const shift = separate && base === "prior" ? 0 : UNIT_SOFTPLUS;
    const diagonal = add(softplus(add(slice(raw, D, 2 * D), shift)), LEAST_DIAGONAL);
    const entries = off > 0 ? concat(diagonal, offDiagonals(slice(raw, 2 * D, raw.cols), D)) : diagonal;
    return concat(slice(raw, 0, D), columns(entries, order));
  };
  const mean = (context: Tensor): Tensor => slice(context, 0, D);
  const factor = (context: Tensor): Tensor => slice(context, D, context.cols);
  const density = (noise: Tensor, context: Tensor): Tensor => {
    const diagonal = columns(
      context,
      Array.from({ length: D }, (_, i) => D + packed(i + 1) - 1),
    );
    const quadratic = mul(sumFeatures(square(noise)), -0.5);
    return add(sub(quadratic, sumFeatures(log(diagonal))), normalConstant(D));
  };
  const invert = (z: Tensor, context: Tensor): Tensor => triSolve(factor(context), sub(z, mean(context)));
  return {
    contextSize: D + packed(D),
    encode,
    invert,
    logProb: (z, context) => density(invert(z, context), context),
    sample: (noise, context) => ({
      z: add(triMul(factor(context), noise), mean(context)),
      logProb: density(noise, context),
    }),
    moments: (context) => ({ mean: mean(context), factor: factor(context) }),
  };
}
