/**
 * The Kullback–Leibler divergence, in nats,
 *
 *   KL(q ‖ p) = E_q [log q − log p]
 *
 * by draws of q, with its standard error, or in closed form for two Gaussians,
 *
 *   KL = ½ [tr(P⁻¹Q) + (p − q)ᵀP⁻¹(p − q) − D + log |P|/|Q|].
 *
 * With draws of a posterior guide and a normalised exact density, a mode that the guide lacks costs −log of the mass that it
 * kept: 0.69 for a half, 0.01 for a hundredth. The other direction, by exact draws, is what sees small modes.
 */
import { expectOptions, expectSeed } from "../checks/options.ts";
import { log } from "../numbers/math.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { expectWhole, flatRows, type Rows } from "./arrays.ts";

export interface Divergence {
  /** Nats; infinite where a draw of the first has no density under the second. */
  readonly value: number;
  /** Of the mean over draws. Where it is not small beside the value, more draws are needed. */
  readonly standardError: number;
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
  const value = ratios.reduce((sum, r) => sum + r / S, 0);
  if (!Number.isFinite(value)) return { value, standardError: Number.NaN, draws: S };
  const square = ratios.reduce((sum, r) => sum + (r - value) * (r - value), 0);
  return { value, standardError: Math.sqrt(square / (S * Math.max(S - 1, 1))), draws: S };
}

/**
 * KL(posterior ‖ density), by draws of the posterior. `density` must be normalised: else the value is off by the logarithm
 * of its integral, and only differences between posteriors mean something.
 */
export async function klDivergence(
  posterior: Pick<Posterior, "sample" | "logProb">,
  density: LogDensity,
  options: { readonly draws?: number; readonly seed?: number } = {},
): Promise<Divergence> {
  expectOptions("klDivergence", options, ["draws", "seed"]);
  const { draws: S = 4096, seed = 0 } = options;
  expectWhole("klDivergence", "draws", S, 2);
  expectSeed("klDivergence", seed);
  const draws = Float64Array.from(await posterior.sample(S, { seed }));
  return meanRatio("klDivergence", await posterior.logProb(draws), await density(draws));
}

/** KL(density ‖ posterior), by draws (S, D) of the density: of the exact posterior, say. */
export async function klFromDraws(
  posterior: Pick<Posterior, "logProb" | "mean">,
  draws: Rows,
  density: LogDensity,
): Promise<Divergence> {
  const theta = flatRows("klFromDraws", "draws", draws, posterior.mean.length);
  return meanRatio("klFromDraws", await density(theta), await posterior.logProb(theta));
}

export interface Moments {
  /** (D) */
  readonly mean: ArrayLike<number>;
  /** (D, D), row by row. */
  readonly covariance: ArrayLike<number>;
}

/** KL(q ‖ p) of two Gaussians. @throws unless shapes agree and both covariances are positive definite. */
export function gaussianKl(q: Moments, p: Moments): number {
  const D = q.mean.length;
  if (p.mean.length !== D)
    throw new Error(`gaussianKl: expected two means of one length, got ${D} and ${p.mean.length}`);
  const [lq, lp] = [factor("q", q.covariance, D), factor("p", p.covariance, D)];
  const solve = (b: number[]): number[] => {
    for (let i = 0; i < D; i++) {
      for (let k = 0; k < i; k++) b[i] -= lp[i][k] * b[k];
      b[i] /= lp[i][i];
    }
    return b;
  };
  let sum = solve(Array.from({ length: D }, (_, i) => p.mean[i] - q.mean[i])).reduce((s, x) => s + x * x, -D);
  for (let j = 0; j < D; j++) {
    sum += solve(lq.map((row) => row[j])).reduce((s, x) => s + x * x, 0);
    sum += 2 * (log(lp[j][j]) - log(lq[j][j]));
  }
  return sum / 2;
}

/** The lower Cholesky factor, row by row. */
function factor(name: string, S: ArrayLike<number>, D: number): number[][] {
  if (S.length !== D * D)
    throw new Error(`gaussianKl: expected covariance of ${name} (${D}, ${D}), got ${S.length} numbers`);
  const l = Array.from({ length: D }, () => new Array<number>(D).fill(0));
  for (let i = 0; i < D; i++) {
    for (let j = 0; j <= i; j++) {
      let s = S[i * D + j];
      for (let k = 0; k < j; k++) s -= l[i][k] * l[j][k];
      if (i === j && !(s > 0))
        throw new Error(
          `gaussianKl: expected a positive definite covariance of ${name}, got a pivot of ${s} in row ${i + 1}`,
        );
      l[i][j] = i === j ? Math.sqrt(s) : s / l[j][j];
    }
  }
  return l;
}
