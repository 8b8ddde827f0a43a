/**
 * What executors share of SOAP (Vyas et al. 2024, arXiv 2409.11321; assembly/soap.ts has the equations): which weights are matrices,
 * when their bases are refreshed, and where factors stand in the state.
 */
import type { Slab, SlabEntry } from "../graph/plan.ts";

/** Updates between two refreshes of a basis, from one gradient that enters the factors to the next, and the decay of factors then. */
export const REFRESH_EVERY = 10;
export const GATHER_EVERY = 2;
export const FACTOR_DECAY = 0.95;
/** At each of the first updates, all gradients enter and bases are refreshed. */
export const REFRESH_FIRST = 10;
/** A longer side has no factor: a refresh takes the cube of it, a step its square. */
const LONGEST_SIDE = 384;

/** A matrix of weights (rows, cols), and where its factors and bases start in the state's `factors`; undefined for none. */
export interface SoapMatrix {
  readonly entry: SlabEntry;
  readonly left: { readonly factor: number; readonly basis: number } | undefined;
  readonly right: { readonly factor: number; readonly basis: number } | undefined;
}

/** The matrices of a slab in its order, and the numbers of all factors and bases. Other entries are left to Adam. */
export function soapMatrices(slab: Slab): { readonly matrices: readonly SoapMatrix[]; readonly floats: number } {
  let floats = 0;
  const side = (n: number): SoapMatrix["left"] => {
    if (n < 2 || n > LONGEST_SIDE) return undefined;
    const factor = floats;
    floats += 2 * n * n;
    return { factor, basis: factor + n * n };
  };
  const matrices = slab.entries
    .filter(({ rows, cols }) => rows > 1 && cols > 1)
    .map((entry) => ({ entry, left: side(entry.rows), right: side(entry.cols) }))
    .filter(({ left, right }) => left || right);
  return { matrices, floats };
}

/** Factors of 0 and bases of unit vectors. */
export function freshFactors(slab: Slab): Float32Array {
  const { matrices, floats } = soapMatrices(slab);
  const out = new Float32Array(floats);
  const unit = (n: number, side: SoapMatrix["left"]): void => {
    for (let i = 0; side && i < n; i++) out[side.basis + i * (n + 1)] = 1;
  };
  for (const { entry, left, right } of matrices) {
    unit(entry.rows, left);
    unit(entry.cols, right);
  }
  return out;
}
