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
import { log } from "../numbers/math.ts";
import { weightedMoments } from "../numbers/moments.ts";
import { factorise, packed, solveLower, solveTransposed, triIndex } from "../numbers/triangles.ts";
import type { FitData, Fitted, GuideSizes, TracedGuide } from "./guide.ts";

/** Added to variances, relative to each and to 1, because features may be constant and parameters known to rounding. */
const RIDGE = 1e-8;

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
    fit: (data) => ({ ...core.fit?.(data), ...fitBase(data, D, E) }),
  };
}

/** Fits the estimator and the factor of its errors, in f64. */
export function fitBase({ features, z, weights }: FitData, D: number, E: number): Fitted {
  const F = E + D;
  const weightOf = (n: number): number => (weights === null ? 1 : Number.isFinite(weights[n]) ? weights[n] : 0);
  const rowOf = (n: number, out: Float64Array): void => {
    for (let i = 0; i < E; i++) out[i] = features[n * E + i];
    for (let i = 0; i < D; i++) out[E + i] = z[n * D + i];
  };
  const { mean, covariance: c, effective } = weightedMoments(z.length / D, F, rowOf, weightOf);
  for (let i = 0; i < F; i++) c[triIndex(i, i)] += RIDGE * (1 + c[triIndex(i, i)]);
  // One factorisation gives everything: [A 0; B L] [A 0; B L]ᵀ is this covariance where A Aᵀ = C_ff, B = C_zf A⁻ᵀ, and L Lᵀ is
  // what the features leave of C_zz.
  const bad = factorise(c);
  if (bad >= 0)
    throw new Error(
      `base "linear": expected a positive definite covariance of features and parameters, got a pivot of ${c[triIndex(bad, bad)]}`,
    );
  const L = new Float64Array(packed(D));
  for (let i = 0, at = 0; i < D; i++) for (let j = 0; j <= i; j++, at++) L[at] = c[triIndex(E + i, E + j)];
  // E degrees of freedom went into the estimator.
  const widen = Math.sqrt(effective / Math.max(effective - E - 1, 1));
  const K = new Float32Array((E + 1) * D);
  const [whiten, colour] = [new Float32Array(D * D), new Float32Array(D * D)];
  let logDet = 0;
  for (let d = 0; d < D; d++) {
    // Row d of B; Kᵀ = B A⁻¹, A the beginning of the packed factor.
    const k = solveTransposed(c, c.slice(triIndex(E + d, 0), triIndex(E + d, E)));
    let bias = mean[E + d];
    for (let i = E - 1; i >= 0; i--) {
      K[i * D + d] = k[i];
      bias -= k[i] * mean[i];
    }
    K[E * D + d] = bias;
    // Column d of L, and of L⁻¹.
    const inverse = new Float64Array(D);
    inverse[d] = 1;
    solveLower(L, inverse);
    for (let i = d; i < D; i++) {
      colour[d * D + i] = L[triIndex(i, d)] * widen;
      whiten[d * D + i] = inverse[i] / widen;
    }
    logDet += log(colour[d * D + d]); // of the matrix as it is kept
  }
  return {
    "base.mean": { shape: [E + 1, D], data: K },
    "base.whiten": { shape: [D, D], data: whiten },
    "base.colour": { shape: [D, D], data: colour },
    "base.logDet": { shape: [1, 1], data: Float32Array.of(logDet) },
  };
}
