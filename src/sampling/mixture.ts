/**
 * Mixtures of normal densities Σ_k w_k N(m_k, L_k L_kᵀ) on the whole line, which approximate a posterior: draws, and log densities up
 * to a constant.
 */
import { exp, log } from "../numbers/math.ts";
import { sumOfSquares } from "../numbers/moments.ts";
import { addTimes, diagonalOf, solveLower } from "../numbers/triangles.ts";
import type { Stream } from "./stream.ts";

/** A component; L is a packed triangle. */
export interface Component {
  readonly mean: Float64Array;
  readonly factor: Float64Array;
  /** log w − log |L| */
  readonly logHeight: number;
}
/** The components, whose weights sum to 1. */
export type Mixture = readonly Component[];

/** One normal density. */
export const normalOf = (mean: Float64Array, factor: Float64Array): Mixture => [
  { mean, factor, logHeight: -logDetOf(factor) },
];

/** log |L| */
export const logDetOf = (factor: Float64Array): number => diagonalOf(factor).reduce((sum, l) => sum + log(l), 0);

/** Writes a draw into z (D). */
export function drawMixture(mixture: Mixture, stream: Stream, z: Float64Array): void {
  const noise = new Float64Array(z.length);
  let left = mixture.length > 1 ? stream.uniform() : 0;
  let k = 0;
  for (; k < mixture.length - 1; k++) {
    left -= exp(mixture[k].logHeight + logDetOf(mixture[k].factor));
    if (left < 0) break;
  }
  stream.normals(noise);
  z.set(mixture[k].mean);
  addTimes(mixture[k].factor, noise, 1, z);
}

/** log Σ_k w_k |L_k|⁻¹ exp(−½ |L_k⁻¹(z − m_k)|²) */
export function logMixture(mixture: Mixture, z: Float64Array): number {
  const logs = mixture.map(({ mean, factor, logHeight }) => {
    const away = z.map((v, i) => v - mean[i]);
    return logHeight - 0.5 * sumOfSquares(solveLower(factor, away));
  });
  const top = logs.reduce((a, b) => Math.max(a, b));
  return logs.length === 1 ? top : top + log(logs.reduce((sum, l) => sum + exp(l - top), 0));
}
