/** The best linear estimator of parameters from features, and the factor of its errors, from simulations, in f64 (linear-base.ts). */
import { log } from "../numbers/math.ts";
import { weightedMoments } from "../numbers/moments.ts";
import { factorise, packed, solveLower, solveTransposed, triIndex } from "../numbers/triangles.ts";
import type { FitData, Fitted } from "./guide.ts";

/** Added to variances, relative to each and to 1, because features may be constant and parameters known to rounding. */
const RIDGE = 1e-8;

/** The frozen entries of the base. @throws where the covariance is not positive definite. */
export function fitLinear({ features, z, weights }: FitData, D: number, E: number): Fitted {
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
