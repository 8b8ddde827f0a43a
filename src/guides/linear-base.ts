/**
 * A guide in the coordinates of the best linear posterior of z from the features f of the data, fitted on simulations:
 *
 *   m(f) = z̄ + Kᵀ (f − f̄),   K = C_ff⁻¹ C_fz,   L Lᵀ = C_zz − C_zf C_ff⁻¹ C_fz   (Gauss–Markov; Kay, Estimation Theory, §12.3)
 *   w = L⁻¹ (z − m(f)),   log q(z | y) = log q_w(w | y) − log |L|.
 *
 * For rows of which data may be missing, m and L are those of what was observed, a matrix for each row (nn/observed.ts). In these
 * coordinates, a guide that starts at the standard normal starts as that posterior, and the rest to learn is of order one
 * in every direction, however narrow. L⁻¹ is one matrix for all data, so whitening is one product.
 */
import {
  add,
  columns,
  concat,
  dense,
  weight as makeWeight,
  matmul,
  mul,
  slice,
  sub,
  triMul,
  triSolve,
} from "../graph/build.ts";
import { logDet as logDetOf, packColumns } from "../graph/linear.ts";
import { columnOf, type Tensor } from "../graph/tensor.ts";
import { packed } from "../numbers/triangles.ts";
import type { FitData, Fitted, GuideSizes, TracedGuide } from "./guide.ts";

/** m(f) (B, D), as a dense layer of the features (B, E). */
export const traceEstimator = ({ D, E, weight = makeWeight }: GuideSizes): Tensor =>
  weight("base.mean", E + 1, D, { frozen: true });

/** L of w = L⁻¹ (z − m), as the matrix of a product with rows w. */
export const traceColour = ({ D, weight = makeWeight }: GuideSizes): Tensor =>
  weight("base.colour", D, D, { frozen: true });

/** Coordinates w = L⁻¹ (z − m): L is one matrix for all data, or one for each row, of which the context then holds it after m. */
export interface Linear {
  /** m (D), and L where each row has its own, of features and what follows them. */
  readonly head: (rows: Tensor) => Tensor;
  readonly headSize: number;
  /** L⁻¹ x, L x and log |L|, of the head. */
  readonly whiten: (x: Tensor, head: Tensor) => Tensor;
  readonly colour: (w: Tensor, head: Tensor) => Tensor;
  readonly logDet: (head: Tensor) => Tensor;
}

/** One L for all data. */
export function shared(sizes: GuideSizes): Linear {
  const { D, weight = makeWeight } = sizes;
  const estimator = traceEstimator(sizes);
  const whitening = weight("base.whiten", D, D, { frozen: true });
  const colouring = traceColour(sizes);
  const logDeterminant = weight("base.logDet", 1, 1, { frozen: true });
  return {
    head: (features) => dense(features, estimator),
    headSize: D,
    whiten: (x) => {
      const w = matmul(x, whitening);
      // The matrices are inverse to each other in single precision only; one step of refinement doubles the digits.
      return add(w, matmul(sub(x, matmul(w, colouring)), whitening));
    },
    colour: (w) => matmul(w, colouring),
    logDet: () => logDeterminant,
  };
}

/** The L of each row's own observed data, behind its features. */
function ofRows({ D, E }: GuideSizes): Linear {
  const factor = (head: Tensor): Tensor => slice(head, D, head.cols);
  return {
    head: (rows) => slice(rows, E, rows.cols),
    headSize: D + packed(D),
    whiten: (x, head) => triSolve(factor(head), x),
    colour: (w, head) => triMul(factor(head), w),
    logDet: (head) => mul(logDetOf(factor(head)), 0.5),
  };
}

export type Build = (sizes: GuideSizes) => TracedGuide;

/** Makes a guide of w a guide of z. Its context starts with m (B, D). */
export const onLinearBase = (build: Build, sizes: GuideSizes): TracedGuide =>
  inCoordinates(sizes.estimate ? ofRows(sizes) : shared(sizes), build, sizes, async (data) =>
    sizes.estimate ? {} : fitBase(data, sizes.D, sizes.E),
  );

/** A guide of w, in coordinates, as one of z. */
export function inCoordinates(
  { head, headSize, logDet, ...L }: Linear,
  build: Build,
  sizes: GuideSizes,
  fit: (data: FitData) => Promise<Fitted>,
): TracedGuide {
  const { D, E, estimate = false } = sizes;
  const core = build(sizes);
  const headOf = (context: Tensor): Tensor => slice(context, 0, headSize);
  const rest = (context: Tensor): Tensor => slice(context, headSize, context.cols);
  const whiten = (z: Tensor, context: Tensor): Tensor => L.whiten(sub(z, slice(context, 0, D)), headOf(context));
  const colour = (w: Tensor, context: Tensor): Tensor => add(L.colour(w, headOf(context)), slice(context, 0, D));
  const { moments, centre } = core;
  return {
    contextSize: headSize + core.contextSize,
    encode: (rows) => concat(head(rows), core.encode(slice(rows, 0, E))),
    invert: (z, context) => core.invert(whiten(z, context), rest(context)),
    logProb: (z, context) => sub(core.logProb(whiten(z, context), rest(context)), logDet(headOf(context))),
    sample: (noise, context) => {
      const drawn = core.sample(noise, rest(context));
      return { z: colour(drawn.z, context), logProb: sub(drawn.logProb, logDet(headOf(context))) };
    },
    ...(moments && {
      moments: (context: Tensor) => {
        const inner = moments(rest(context));
        // L T, column by column: D products with one matrix, only computed for the moments of a posterior.
        const product = Array.from({ length: D }, (_, c) =>
          L.colour(columns(inner.factor, columnOf(D, c)), headOf(context)),
        );
        return { mean: colour(inner.mean, context), factor: packColumns(product) };
      },
    }),
    ...(centre && { centre: (context: Tensor) => colour(centre(rest(context)), context) }),
    ...(core.drawn && { drawn: core.drawn }),
    ...(!estimate && { fit: async (data: FitData) => ({ ...(await core.fit?.(data)), ...(await fit(data)) }) }),
  };
}

/** Fits the base on simulations. A page that only infers does not load this. */
export const fitBase = async (data: FitData, D: number, E: number): Promise<Fitted> =>
  (await import("./fit-linear.ts")).fitLinear(data, D, E);
