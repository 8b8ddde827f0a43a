/**
 * Posterior predictive checks (Gelman, Meng & Stern, Statistica Sinica 6 (1996); Gelman et al., Bayesian Data Analysis,
 * 3rd ed., §6.3): could data like y have come from the model at the parameters that are said to explain them? For draws θ_s
 * with data c_s = f(θ_s) and replications y_s = c_s + noise, and a discrepancy T,
 *
 *   p = P(T(y_s, c_s) ≥ T(y, c_s)),   T = Σ_j ((y_j − c_j)/σ_j)² by default,
 *
 * and for each datum, P(y_sj ≤ y_j). The data have been used to find θ, so p is nearer to ½ than a uniform number: small
 * ones mean what they say, or more. It sees a wrong model and a posterior in the wrong place, not one of the wrong width.
 */
import { type BackendOptions, backendNames } from "../backends/select.ts";
import { expectOptions, expectSeed } from "../checks/options.ts";
import type { Posterior } from "../posterior/posterior.ts";
import type { Problem } from "../problem/problem.ts";
import { addNoise, predict } from "../simulate/simulate.ts";
import { expectWhole, flatRows, type Rows } from "./arrays.ts";
import { sdOf } from "./resimulation.ts";

/** T(y, c): how far data (M) are from noise-free ones (M). Larger is farther. */
export type Discrepancy = (y: ArrayLike<number>, clean: ArrayLike<number>) => number;

export interface PredictiveCheck {
  /** p of each discrepancy, (1 + replications at least as far)/(1 + S): never 0. */
  readonly pValues: Readonly<Record<string, number>>;
  /** P(y_sj ≤ y_j) of each datum (M), so counted; near 0 or 1 where the datum is not explained. */
  readonly tails: Float64Array;
  /** p of the datum least explained: 2 M times its smaller tail, at most 1 (Bonferroni). Counted, so never below 2 M/(1 + S). */
  readonly worst: { readonly datum: number; readonly pValue: number };
  /** Mean over draws of the default discrepancy divided by M: about 1 where the fit is good. NaN where noise sd are not given. */
  readonly misfit: number;
}

export interface Replications {
  /** Data of drawn parameters, without noise and with it, (S, M) each. */
  readonly clean: Rows;
  readonly replicated: Rows;
  /** Of each datum, or of all. */
  readonly noiseSd?: number | ArrayLike<number>;
}

/** Checks data y (M) against replications. `discrepancies` by name, beside "chi-square". @throws when shapes do not fit. */
export function checkReplications(
  y: ArrayLike<number>,
  { clean: c, replicated: r, noiseSd }: Replications,
  discrepancies: Readonly<Record<string, Discrepancy>> = {},
): PredictiveCheck {
  const M = y.length;
  const owner = "checkReplications";
  const [clean, replicated] = [flatRows(owner, "clean", c, M), flatRows(owner, "replicated", r, M)];
  if (clean.length !== replicated.length)
    throw new Error(
      `${owner}: expected as many replicated data as clean ones, ${clean.length / M}, got ${replicated.length / M}`,
    );
  const sd = sdOf(owner, noiseSd, M);
  const chiSquare: Discrepancy = (data, from) => {
    let sum = 0;
    for (let j = 0; j < M; j++) sum += ((data[j] - from[j]) / sd[j]) ** 2;
    return sum;
  };
  const named: Record<string, Discrepancy> = noiseSd === undefined ? {} : { "chi-square": chiSquare };
  const S = clean.length / M;
  const pValues: Record<string, number> = {};
  for (const [name, of] of Object.entries({ ...named, ...discrepancies })) {
    let farther = 0;
    for (let s = 0; s < S; s++) {
      const from = clean.subarray(s * M, (s + 1) * M);
      const [own, given] = [of(replicated.subarray(s * M, (s + 1) * M), from), of(y, from)];
      if (Number.isNaN(own) || Number.isNaN(given))
        throw new Error(`${owner}: expected a number from "${name}", got NaN`);
      farther += Number(own >= given);
    }
    pValues[name] = (1 + farther) / (1 + S);
  }
  const tails = Float64Array.from({ length: M }, (_, j) => {
    let below = 0;
    for (let s = 0; s < S; s++)
      below += (Number(replicated[s * M + j] < y[j]) + Number(replicated[s * M + j] <= y[j])) / 2;
    return (0.5 + below) / (1 + S);
  });
  const smaller = tails.map((t) => Math.min(t, 1 - t) + 0.5 / (1 + S));
  const datum = smaller.reduce((best, t, j) => (t < smaller[best] ? j : best), 0);
  let misfit = 0;
  for (let s = 0; s < S; s++) misfit += chiSquare(y, clean.subarray(s * M, (s + 1) * M)) / (M * S);
  return { pValues, tails, worst: { datum, pValue: Math.min(1, 2 * M * smaller[datum]) }, misfit };
}

export interface PredictiveOptions extends BackendOptions {
  /** Draws S; default 1000. */
  readonly draws?: number;
  /** Default 0: of draws and noise. */
  readonly seed?: number;
  readonly discrepancies?: Readonly<Record<string, Discrepancy>>;
}

/** Step of the counter of noise: away from those of simulations. */
const STEP = -7;

/** Draws, replicates and checks. @throws for a problem without a forward model in ops. */
export async function predictiveCheck(
  problem: Problem,
  posterior: Pick<Posterior, "y" | "sample">,
  options: PredictiveOptions = {},
): Promise<PredictiveCheck> {
  expectOptions("predictiveCheck", options, ["draws", "seed", "discrepancies", ...backendNames]);
  const { draws = 1000, seed = 0, discrepancies, ...backend } = options;
  expectWhole("predictiveCheck", "draws", draws, 2);
  expectSeed("predictiveCheck", seed);
  const clean = await predict(problem, await posterior.sample(draws, { seed }), backend);
  const replicated = await addNoise(problem, Float32Array.from(clean), seed, STEP, backend);
  return checkReplications(posterior.y, { clean, replicated, noiseSd: problem.noise.sd }, discrepancies);
}
