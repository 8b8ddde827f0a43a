/**
 * A guide in the coordinates of the best linear posterior of z from the features f of the data, fitted on simulations:
 *
 *   m(f) = z̄ + Kᵀ (f − f̄),   K = C_ff⁻¹ C_fz,   L Lᵀ = C_zz − C_zf C_ff⁻¹ C_fz   (Gauss–Markov; Kay, Estimation Theory, §12.3)
 *   w = L⁻¹ (z − m(f)),   log q(z | y) = log q_w(w | y) − log |L|.
 *
 * In these coordinates, a guide that starts at the standard normal starts as that posterior, and the rest to learn is of order one
 * in every direction, however narrow. L⁻¹ is one matrix for all data, so whitening is one product.
 */
import { add, columns, concat, dense, weight as makeWeight, matmul, slice, sub } from "../graph/build.ts";
import { packColumns } from "../graph/linear.ts";
import { columnOf, type Tensor } from "../graph/tensor.ts";
import type { FitData, Fitted, GuideSizes, TracedGuide } from "./guide.ts";

/** m(f) (B, D), as a dense layer of the features (B, E). */
export const traceEstimator = ({ D, E, weight = makeWeight }: GuideSizes): Tensor =>
  weight("base.mean", E + 1, D, { frozen: true });

/** Makes a guide of w a guide of z. Its context starts with m(f) (B, D). */
export function onLinearBase(build: (sizes: GuideSizes) => TracedGuide, sizes: GuideSizes): TracedGuide {
  const { D, E, weight = makeWeight } = sizes;
  const core = build(sizes);
  const estimator = traceEstimator(sizes);
  const whitening = weight("base.whiten", D, D, { frozen: true });
  const colouring = weight("base.colour", D, D, { frozen: true });
  const logDet = weight("base.logDet", 1, 1, { frozen: true });
  const mean = (context: Tensor): Tensor => slice(context, 0, D);
  const rest = (context: Tensor): Tensor => slice(context, D, context.cols);
  const whiten = (z: Tensor, context: Tensor): Tensor => {
    const off = sub(z, mean(context));
    const w = matmul(off, whitening);
    // The matrices are inverse to each other in single precision only; one step of refinement doubles the digits.
    return add(w, matmul(sub(off, matmul(w, colouring)), whitening));
  };
  const colour = (w: Tensor, context: Tensor): Tensor => add(matmul(w, colouring), mean(context));
  const { moments, centre } = core;
  return {
    contextSize: D + core.contextSize,
    encode: (features) => concat(dense(features, estimator), core.encode(features)),
    invert: (z, context) => core.invert(whiten(z, context), rest(context)),
    logProb: (z, context) => sub(core.logProb(whiten(z, context), rest(context)), logDet),
    sample: (noise, context) => {
      const drawn = core.sample(noise, rest(context));
      return { z: colour(drawn.z, context), logProb: sub(drawn.logProb, logDet) };
    },
    ...(moments && {
      moments: (context: Tensor) => {
        const inner = moments(rest(context));
        // L T, column by column: D products with one matrix, only computed for the moments of a posterior.
        const product = Array.from({ length: D }, (_, c) => matmul(columns(inner.factor, columnOf(D, c)), colouring));
        return { mean: colour(inner.mean, context), factor: packColumns(product) };
      },
    }),
    ...(centre && { centre: (context: Tensor) => colour(centre(rest(context)), context) }),
    ...(core.drawn && { drawn: core.drawn }),
    fit: async (data) => ({ ...(await core.fit?.(data)), ...(await fitBase(data, D, E)) }),
  };
}

/** Fits the base on simulations. A page that only infers does not load this. */
export const fitBase = async (data: FitData, D: number, E: number): Promise<Fitted> =>
  (await import("./fit-linear.ts")).fitLinear(data, D, E);
