/**
 * A guide is a conditional density q(z | y) that is learned. z are the parameters on the whole line, in prior standard deviations;
 * the frame (distributions/frame.ts) takes draws and log-densities to and from θ.
 */

import type { Distribution } from "../distributions/distribution.ts";
import { mul } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { MakeWeight } from "../nn/mlp.ts";
import { LOG_2PI } from "../numbers/math.ts";

/** Makes the guide that `trace` builds in the coordinates of a base a guide of z. */
export type OnBase = (trace: (sizes: GuideSizes) => TracedGuide, sizes: GuideSizes) => TracedGuide;

/** Sizes that a guide is built for. */
export interface GuideSizes {
  /** Number of parameters. */
  readonly D: number;
  /** Number of features of the embedded data. */
  readonly E: number;
  /**
   * Whether features are followed by the best linear estimate of z for the data that were observed (nn/observed.ts): m (D) and the packed
   * factor of its covariance. Bases stand on it, and fit nothing.
   */
  readonly estimate?: boolean;
  /** The prior, in whose units the base "bounded" estimates. */
  readonly prior?: Distribution;
  /** What makes a base that is not loaded with every guide (rare-bases.ts). */
  readonly onBase?: OnBase | undefined;
  /** Seed of whatever a guide draws once, such as permutations. */
  readonly seed: number;
  /** Makes the weights; a reader of files refuses those that its file does not hold, before anything is built from them. */
  readonly weight?: MakeWeight | undefined;
}

/** Simulations that a guide fits its frozen entries on. */
export interface FitData {
  /** Features of noisy data, (N, E), row by row. */
  readonly features: ArrayLike<number>;
  /** Parameters on the whole line, (N, D), row by row. */
  readonly z: ArrayLike<number>;
  /** Parameters in units of the prior's sd about its mean, (N, D), row by row. */
  readonly theta: ArrayLike<number>;
  /** Weights (N) that make the rows draws of the prior; null: 1 each. */
  readonly weights: ArrayLike<number> | null;
}
/** Frozen entries by name. */
export type Fitted = Readonly<
  Record<string, { readonly shape: readonly [number, number]; readonly data: Float32Array }>
>;

/**
 * Coordinates w = Cᵀ (z − m) about a Gaussian N(m, (C Cᵀ)⁻¹) that a solver finds for each observation, outside of the graph
 * (search/local-coordinates.ts).
 */
export interface LocalCoordinates {
  /** Points that the solver may start from, side by side, (B, E) → (B, K D). */
  readonly starts: (features: Tensor) => Tensor;
  /** Columns of the rows that `encode` takes: [m (D), features (E), C packed]. */
  readonly width: number;
  /** The guide of w, which is trained. Its `encode` takes rows [m (D), features (E), log diag C (D), log |dw/dθ| (1)]. */
  readonly trained: TracedGuide;
  /** Columns of those rows. */
  readonly trainedWidth: number;
}

/** A guide for certain sizes, as functions that build graphs. */
export interface TracedGuide {
  /** The context (B, C) of features (B, E): everything that depends on the data alone, computed once an observation. */
  readonly encode: (features: Tensor) => Tensor;
  /** Number C of columns of the context. */
  readonly contextSize: number;
  /** The exact log q(z | y): (B, D), (B, C) → (B, 1). */
  readonly logProb: (z: Tensor, context: Tensor) => Tensor;
  /** z (B, D) and its log-density (B, 1) from standard normal noise (B, D). */
  readonly sample: (noise: Tensor, context: Tensor) => { readonly z: Tensor; readonly logProb: Tensor };
  /** The inverse of `sample`: the noise (B, D) of z (B, D). */
  readonly invert: (z: Tensor, context: Tensor) => Tensor;
  /** Mean (B, D) and packed Cholesky factor of the covariance, where they have a closed form. */
  readonly moments?: (context: Tensor) => { readonly mean: Tensor; readonly factor: Tensor };
  /** The mean (B, D), where only the mean has a closed form. */
  readonly centre?: (context: Tensor) => Tensor;
  /** Fits the frozen entries of the guide, where it has any, once before training. */
  readonly fit?: (data: FitData) => Promise<Fitted>;
  /** Where a solver first finds coordinates for each observation; `encode` then takes rows of its results. */
  readonly local?: LocalCoordinates;
  /** Options that were drawn from the seed. With them, `build` makes the same guide from any seed. */
  readonly drawn?: Readonly<Record<string, unknown>>;
}

/** A guide, as `gaussian()` and the others return it. */
export interface Guide {
  /** Name of the guide. */
  readonly name: string;
  /** Everything that is needed to make the same guide again, as plain data: model files hold it. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Builds the guide for certain sizes. @throws where it cannot have them. */
  readonly build: (sizes: GuideSizes) => TracedGuide;
}

/** softplus(x) = 1 at this x, so that scales start at those of the prior. */
export const UNIT_SOFTPLUS = 0.5413248546129181;
/** Added to the diagonal of triangular factors, so that they are invertible in f32. */
export const LEAST_DIAGONAL = 1e-6;

/** Up to so many parameters the inverse of a random triangle has moderate entries. */
const TAME = 8;

/** Entries below the diagonal of a (D, D) factor, from the output of a network, scaled so that the initial inverse does not grow as exp(D). */
export const offDiagonals = (raw: Tensor, D: number): Tensor => (D <= TAME ? raw : mul(raw, Math.sqrt(TAME / D)));

/** The constant of a standard normal log-density in D dimensions: −D/2 log 2π. */
export const normalConstant = (D: number): number => -0.5 * LOG_2PI * D;
