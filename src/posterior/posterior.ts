/**
 * The interface of every posterior: amortised (infer.ts), fitted to one observation (laplace.ts), sampled or corrected.
 */
import type { Rows } from "../backends/backend.ts";
import { expectOption, expectRoom, type OptionsOf, option, readOptions, seed, whole } from "../checks/options.ts";
import { flatRows } from "../checks/rows.ts";
import { type Distribution, isInside } from "../distributions/distribution.ts";
import { probit } from "../numbers/math.ts";
import { columnMeans, columnOf, covarianceOf, quantileOf } from "../numbers/moments.ts";
import { symmetric } from "../numbers/triangles.ts";
import { printed } from "./summary-text.ts";

export const sampleTable = {
  /** Seed of the draws. */
  seed: option(seed, 0),
};
/** Options of `posterior.sample`. */
export type SampleOptions = OptionsOf<typeof sampleTable>;

/** The posterior of one observation: summaries, draws and log-densities. */
export interface Posterior {
  /** The data (M), NaN where they are missing. */
  readonly y: Float64Array;
  /** The noise scale that was given for them, one number or M; undefined for the noise of the problem. */
  readonly scale?: ArrayLike<number> | undefined;
  /** (D) */
  readonly mean: Float64Array;
  /** (D), square roots of the diagonal of the covariance. */
  readonly sd: Float64Array;
  /** (D, D), row by row. */
  readonly covariance: Float64Array;
  /** Quantiles of each parameter (D). @throws unless 0 < p < 1. */
  quantile(p: number): Float64Array;
  /**
   * Draws (count, D), in single precision; in double where the prior lies so far from 0, beside its spread, that single precision
   * cannot hold them (spacing 2⁻²³ |mean| above 1e-4 of the sd of a parameter).
   */
  sample(count: number, options?: SampleOptions): Promise<Float32Array | Float64Array>;
  /** log q(θ | y) (S) of parameters (S, D), flat or row by row. */
  logProb(theta: ArrayLike<number> | readonly ArrayLike<number>[]): Promise<Float64Array>;
  /** The draws (S, D) that mean, covariance and quantiles were taken from; null where those are in closed form. */
  readonly draws: Float32Array | Float64Array | null;
  /** Says why the posterior is unreliable; undefined if no reason is known. */
  readonly warning: string | undefined;
}

export type Summary = Pick<Posterior, "mean" | "sd" | "covariance" | "quantile" | "draws">;

/** A summary that is computed when a part of it is first read. */
function summaryLater(compute: () => Summary): Summary {
  let known: Summary | undefined;
  const summary = (): Summary => (known ??= compute());
  return {
    get mean() {
      return summary().mean;
    },
    get sd() {
      return summary().sd;
    },
    get covariance() {
      return summary().covariance;
    },
    get draws() {
      return summary().draws;
    },
    quantile: (p) => summary().quantile(p),
  };
}

/** `object` with the properties of `more`. Unlike a spread, it does not read those that are computed when they are read. */
export const extended = <A extends object, B extends object>(object: A, more: B): A & B =>
  Object.defineProperties(object, Object.getOwnPropertyDescriptors(more)) as A & B;

export interface PosteriorParts {
  /** Opens the messages about answers that are not finite, such as "infer: y, row 2". */
  readonly owner?: string;
  readonly prior: Distribution;
  readonly y: Float64Array;
  readonly scale?: ArrayLike<number> | undefined;
  /** A function is called when a part of its summary is first read. */
  readonly summary: Summary | (() => Summary);
  readonly warning: string | undefined;
  /** Draws (count, D). */
  readonly draw: (count: number, seed: number) => Promise<Rows>;
  /** log q (S) of parameters (S, D) that may lie outside of the support. */
  readonly density: (theta: Float64Array, count: number) => Promise<Rows>;
}

/**
 * A posterior from the parts of its kind. Checks arguments, and makes the density 0 outside the support.
 * @throws if the summary is not finite; its functions throw if their answers are not.
 */
export function makePosterior({ owner, prior, y, scale, summary, warning, draw, density }: PosteriorParts): Posterior {
  const D = prior.size;
  const finite = (made: Summary): Summary => {
    for (const name of ["mean", "sd", "covariance", "draws"] as const) expectFinite(owner, name, made[name] ?? []);
    return made;
  };
  const read = typeof summary === "function" ? summaryLater(() => finite(summary())) : finite(summary);
  return extended(extended({ ...printed, y, ...(scale && { scale }) }, read), {
    warning,
    sample: async (count, options) => {
      expectOption("sample", "count", whole(1), count);
      expectRoom("sample", "count", count, D);
      return expectFinite(owner, "draws", await draw(count, readOptions("sample", sampleTable, options).seed));
    },
    logProb: async (theta) => {
      const flat = flatRows("logProb", "parameters", theta, D, true);
      const values = await density(flat, flat.length / D);
      // The map to the whole line moves a point outside the support to its edge.
      const { mean, sd } = prior;
      const some = (s: number, test: (x: number, d: number) => boolean): boolean =>
        flat.subarray(s * D, (s + 1) * D).some(test);
      const outside = (s: number): boolean => !isInside(prior, flat.subarray(s * D, (s + 1) * D));
      // Single precision overflows so far out, and the density there is 0.
      const far = (s: number): boolean => some(s, (x, d) => Math.abs(x - mean[d]) > FAR * sd[d]);
      const densities = Float64Array.from(values, (value, s) =>
        outside(s) || (Number.isNaN(value) && far(s)) ? Number.NEGATIVE_INFINITY : value,
      );
      expectFinite(owner, "log-densities", densities, (x) => x < Number.POSITIVE_INFINITY); // −∞ is no density
      return densities;
    },
  } satisfies Pick<Posterior, "warning" | "sample" | "logProb">);
}

/** The numbers of an answer. @throws if one of them is not finite: extreme data overflow, and damaged weights give NaN. */
export function expectFinite<T extends ArrayLike<number>>(
  owner = "posterior",
  what: string,
  values: T,
  test: (x: number) => boolean = Number.isFinite,
): T {
  let bad = 0;
  while (bad < values.length && test(values[bad])) bad++;
  if (bad === values.length) return values;
  throw new Error(
    `${owner}: expected finite ${what}, got ${values[bad]} at index ${bad}; the observation is too extreme for single precision, or the model is damaged`,
  );
}

/** Distance from the prior mean, in prior standard deviations, at which single precision may overflow. */
const FAR = 1e6;

/** @throws unless 0 < p < 1. */
export const checkedLevel = (p: number): number => {
  if (!(p > 0 && p < 1)) throw new Error(`quantile: expected a level between 0 and 1, got ${p}`);
  return p;
};

/** A Gaussian θ ~ N(mean, covariance), (D) and (D, D). */
export function gaussianSummary(mean: Float64Array, covariance: Float64Array): Summary {
  const D = mean.length;
  const sd = mean.map((_, d) => Math.sqrt(covariance[d * D + d]));
  return {
    mean,
    sd,
    covariance,
    draws: null,
    quantile: (p) => mean.map((v, d) => v + sd[d] * probit(checkedLevel(p))),
  };
}

/** Mean, covariance and quantiles of draws (S, D). */
export function drawnSummary(draws: Rows, D: number): Summary {
  const mean = columnMeans(draws, D);
  const covariance = symmetric(covarianceOf(draws, mean));
  let columns: Float64Array[] | undefined; // sorted at the first call
  return {
    mean,
    covariance,
    draws,
    sd: mean.map((_, d) => Math.sqrt(covariance[d * D + d])),
    quantile: (p) => {
      columns ??= Array.from({ length: D }, (_, d) => columnOf(draws, D, d).sort());
      return Float64Array.from(columns, (sorted) => quantileOf(sorted, checkedLevel(p)));
    },
  };
}
