/**
 * The Kullback–Leibler divergence, in nats,
 *
 *   KL(q ‖ p) = E_q [log q − log p]
 *
 * by draws of q, with its standard error, or in closed form for two Gaussians,
 *
 *   KL = ½ [tr(P⁻¹Q) + (p − q)ᵀP⁻¹(p − q) − D + log |P|/|Q|].
 *
 * With draws of a guide and the normalised exact density, a guide that lacks a mode is charged −log of the mass that it kept: 0.69
 * for a missing half, 0.01 for a missing hundredth. The other direction, with exact draws, detects small missing modes.
 */
import { expectFields } from "../checks/arguments.ts";
import { type OptionsOf, option, readOptions, seed, whole } from "../checks/options.ts";
import { flatRows, type Rows } from "../checks/rows.ts";
import { log } from "../numbers/math.ts";
import { meanOf, sumOfSquares, varianceOf } from "../numbers/moments.ts";
import { factorise, packed, solveLower, triIndex } from "../numbers/triangles.ts";
import type { Posterior } from "../posterior/posterior.ts";

/** An estimate of a divergence. */
export interface Divergence {
  /** In nats; infinite where a draw has density 0 under the other distribution. */
  readonly value: number;
  /** Standard error of the value; NaN for one draw, or an infinite value. Take more draws where it is not small beside the value. */
  readonly standardError: number;
  /** Number of draws. */
  readonly draws: number;
}

/** Log-densities (S) of parameters (S, D), row by row. */
export type LogDensity = (theta: Float64Array) => ArrayLike<number> | Promise<ArrayLike<number>>;

/** Mean and standard error of log a − log b over draws of a. */
function meanRatio(owner: string, a: ArrayLike<number>, b: ArrayLike<number>): Divergence {
  if (a.length !== b.length) throw new Error(`${owner}: expected ${a.length} log-densities, got ${b.length}`);
  const ratios = Float64Array.from(a, (v, s) => v - b[s]);
  const bad = ratios.findIndex((r) => Number.isNaN(r));
  if (bad >= 0) throw new Error(`${owner}: expected log-densities, got ${a[bad]} and ${b[bad]} for draw ${bad + 1}`);
  const S = ratios.length;
  return { value: meanOf(ratios), standardError: Math.sqrt(varianceOf(ratios) / S), draws: S };
}

export const klTable = {
  /** Draws of the posterior. */
  draws: option(whole(2), 4096),
  /** Seed of the draws. */
  seed: option(seed, 0),
};

/**
 * KL(posterior ‖ density) by draws of the posterior. `density` must be normalised: otherwise the value is off by the logarithm of
 * its integral, and only differences between posteriors are meaningful.
 * @throws when `density` answers another number of values, or a log-density is NaN.
 */
export async function klDivergence(
  posterior: Pick<Posterior, "sample" | "logProb">,
  density: LogDensity,
  options: OptionsOf<typeof klTable> = {},
): Promise<Divergence> {
  expectFields("klDivergence", "a posterior, as infer() returns it", posterior, "sample", "logProb");
  const { draws, seed } = readOptions("klDivergence", klTable, options);
  const theta = Float64Array.from(await posterior.sample(draws, { seed }));
  return meanRatio("klDivergence", await posterior.logProb(theta), await density(theta));
}

/**
 * KL(density ‖ posterior) by draws (S, D) of the density, for example of the exact posterior.
 * @throws when a length is no multiple of D, a number is not finite, or a log-density is NaN.
 */
export async function klFromDraws(
  posterior: Pick<Posterior, "logProb" | "mean">,
  draws: Rows,
  density: LogDensity,
): Promise<Divergence> {
  expectFields("klFromDraws", "a posterior, as infer() returns it", posterior, "logProb", "mean");
  const theta = flatRows("klFromDraws", "draws", draws, posterior.mean.length);
  return meanRatio("klFromDraws", await density(theta), await posterior.logProb(theta));
}

/** Moments of a Gaussian. */
export interface Moments {
  /** (D) */
  readonly mean: ArrayLike<number>;
  /** (D, D), row by row. */
  readonly covariance: ArrayLike<number>;
}

/** KL(q ‖ p) of two Gaussians. @throws unless shapes agree and both covariances are positive definite. */
export function gaussianKl(q: Moments, p: Moments): number {
  for (const moments of [q, p]) expectFields("gaussianKl", "{ mean, covariance }", moments, "mean", "covariance");
  const D = q.mean.length;
  if (p.mean.length !== D)
    throw new Error(`gaussianKl: expected two means of one length, got ${D} and ${p.mean.length}`);
  const [lq, lp] = [factor("q", q.covariance, D), factor("p", p.covariance, D)];
  const away = Float64Array.from({ length: D }, (_, i) => p.mean[i] - q.mean[i]);
  let sum = sumOfSquares(solveLower(lp, away)) - D;
  for (let j = 0; j < D; j++) {
    const column = Float64Array.from({ length: D }, (_, i) => (i < j ? 0 : lq[triIndex(i, j)]));
    sum += sumOfSquares(solveLower(lp, column));
    sum += 2 * (log(lp[triIndex(j, j)]) - log(lq[triIndex(j, j)]));
  }
  return sum / 2;
}

/** The packed Cholesky factor of a covariance (D, D). */
function factor(name: string, S: ArrayLike<number>, D: number): Float64Array {
  if (S.length !== D * D)
    throw new Error(`gaussianKl: expected covariance of ${name} (${D}, ${D}), got ${S.length} numbers`);
  const l = new Float64Array(packed(D));
  for (let i = 0, at = 0; i < D; i++) for (let j = 0; j <= i; j++, at++) l[at] = S[i * D + j];
  const bad = factorise(l);
  if (bad < 0) return l;
  throw new Error(
    `gaussianKl: expected a positive definite covariance of ${name}, got a pivot of ${l[triIndex(bad, bad)]} in row ${bad + 1}`,
  );
}
