/** Data of the page: one observation of the arm's end point and its posterior. */
import { fixed } from "../../src/report/text.ts";

/** A list of numbers per parameter, in the order base height, angle 1, angle 2, angle 3. */
export type PerParameter = ArrayLike<number>;

export interface Answer {
  /** A few words on where the end point is. */
  readonly title: string;
  /** Observed reach and height, m. */
  readonly y: ArrayLike<number>;
  /** The parameters that it was simulated from (4). */
  readonly truth: PerParameter;
  /** Draws of the learned posterior (S, 4) and of the exact one (S, 4), flat. */
  readonly learned: Float32Array | Float64Array;
  readonly exact: Float32Array | Float64Array;
  /** Learned posterior: mean, sd, 5 % and 95 % quantiles (4). */
  readonly mean: PerParameter;
  readonly sd: PerParameter;
  readonly low: PerParameter;
  readonly high: PerParameter;
  /** Says that the observation lies outside of what was simulated. */
  readonly warning: string | undefined;
  /** Two-sample Kolmogorov–Smirnov statistic of each parameter (4), learned against exact draws. */
  readonly ks: PerParameter;
  /** Mean distance, m, of the draws' end points from the true one. */
  readonly resimulation: { readonly learned: number; readonly exact: number };
}

/** Where the end point was observed. */
export const placeOf = ({ y }: Pick<Answer, "y">): string => `${fixed(y[0])} m out, ${fixed(y[1])} m up`;
