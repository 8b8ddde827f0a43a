/**
 * A guide is a conditional density q(z | y) that is learned. z are the parameters on the whole line, in units of the
 * prior's standard deviation; `density.ts` carries log-densities and draws to and from θ.
 */
import { mul } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";

export interface GuideSizes {
  /** Parameters. */
  readonly D: number;
  /** Features of the embedded data. */
  readonly E: number;
  /** For what a guide draws once and keeps, such as permutations. */
  readonly seed: number;
}

/** Simulations that a guide fits its frozen entries on. */
export interface FitData {
  /** Features (N, E) of noisy data, and the parameters (N, D) on the whole line, row by row. */
  readonly features: ArrayLike<number>;
  readonly z: ArrayLike<number>;
  /** Weights (N) with which the rows stand for draws of the prior; null: 1 each. */
  readonly weights: ArrayLike<number> | null;
}
/** Numbers of frozen entries by name, (rows, columns). */
export type Fitted = Readonly<
  Record<string, { readonly shape: readonly [number, number]; readonly data: Float32Array }>
>;

/**
 * Coordinates w = Cᵀ (z − m) about a Gaussian N(m, (C Cᵀ)⁻¹) that a solver finds for a datum, outside of the graph. Rows that
 * it answers are made by laplace/local.ts.
 */
export interface LocalCoordinates {
  /** Where the solver starts, (B, E) → (B, D). */
  readonly start: (features: Tensor) => Tensor;
  /** Columns of the rows that `encode` takes: [m (D), features (E), C packed]. */
  readonly width: number;
  /** The guide of w, which is what trains: its `encode` takes rows [m (D), features (E), log diag C (D), log |dw/dθ| (1)]. */
  readonly trained: TracedGuide;
  readonly trainedWidth: number;
}

export interface TracedGuide {
  /** All that depends on the data alone, (B, E) → (B, C): computed once an observation. */
  readonly encode: (features: Tensor) => Tensor;
  readonly contextSize: number;
  /** log q(z | y), exactly: (B, D), (B, C) → (B, 1). */
  readonly logProb: (z: Tensor, context: Tensor) => Tensor;
  /** z and its log-density from standard normal noise (B, D). */
  readonly sample: (noise: Tensor, context: Tensor) => { readonly z: Tensor; readonly logProb: Tensor };
  /** The noise that `sample` makes z of. */
  readonly invert: (z: Tensor, context: Tensor) => Tensor;
  /** Mean (B, D) and packed Cholesky factor of the covariance, where the guide has them in closed form. */
  readonly moments?: (context: Tensor) => { readonly mean: Tensor; readonly factor: Tensor };
  /** A centre (B, D) in closed form, where there is one without `moments`: the mean, whatever the shape about it. */
  readonly centre?: (context: Tensor) => Tensor;
  /** Numbers of the guide's frozen entries, where it has any: fitted once, before training. */
  readonly fit?: (data: FitData) => Fitted;
  /** Where a solver looks for coordinates of each datum's own first: `encode` then takes rows of its answers. */
  readonly local?: LocalCoordinates;
  /** Options that were not given but drawn from the seed: with them, `build` makes this guide again from any seed. */
  readonly drawn?: Readonly<Record<string, unknown>>;
}

export interface Guide {
  readonly name: string;
  /** Everything that `build` needs to make the same guide again; plain data. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly build: (sizes: GuideSizes) => TracedGuide;
}

/** softplus(x) = 1 at this x: scales start at the prior's. */
export const UNIT_SOFTPLUS = 0.5413248546129181;
/** Keeps triangular factors invertible in f32. */
export const LEAST_DIAGONAL = 1e-6;

/** Up to so many parameters the inverse of a random triangle is tame. */
const TAME = 8;

/** Entries below the diagonal of a (D, D) factor as a network gives them, scaled so that its inverse at the start does not grow as exp(D). */
export const offDiagonals = (raw: Tensor, D: number): Tensor => (D <= TAME ? raw : mul(raw, Math.sqrt(TAME / D)));

/** log density of standard normal noise without the quadratic term: −D/2 log 2π. */
export const normalConstant = (D: number): number => -0.9189385332046727 * D;
