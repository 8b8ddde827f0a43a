/**
 * Posterior predictive checks (Gelman, Meng & Stern, Statistica Sinica 6 (1996); Gelman et al., Bayesian Data Analysis,
 * 3rd ed., §6.3): would the model, at parameters drawn from the posterior, produce an observation like y? For draws θ_s with
 * noise-free data c_s = f(θ_s) and replications y_s = c_s + noise, and a discrepancy T,
 *
 *   p = P(T(y_s, c_s) ≥ T(y, c_s)),   T = Σ_j ((y_j − c_j)/σ_j)² by default, with the noise sd σ of each draw,
 *
 * and for each component of the observation, P(y_sj ≤ y_j). Because the observation was used to find θ, p is nearer to ½ than a
 * uniform number, so a small p is at least as significant as it looks. The check detects a wrong model and a posterior in the wrong
 * place, but not a posterior of the wrong width.
 */

import { backendTable } from "../backends/select.ts";
import { expectFields, expectList } from "../checks/arguments.ts";
import { check, type OptionsOf, option, pickOptions, readOptions, seed, whole } from "../checks/options.ts";
import { flatRows, type Rows } from "../checks/rows.ts";
import { isIncluded } from "../distributions/noise/model.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { expectProblem } from "../problem/expect.ts";
import type { Problem } from "../problem/problem.ts";
import { problemAtScale } from "../problem/seen.ts";
import { meanRows, noiseSdRows } from "../simulate/noise-sd.ts";
import { predictTable, replicate } from "../simulate/predict.ts";
import { addNoise, centreOfData } from "../simulate/simulate.ts";
import { sdRows } from "./resimulation.ts";

/** T(y, c): the distance of an observation (M) from noise-free data (M). */
export type Discrepancy = (y: ArrayLike<number>, clean: ArrayLike<number>) => number;

const isDiscrepancies = (x: unknown): boolean =>
  typeof x === "object" && x !== null && Object.values(x).every((of) => typeof of === "function");

/** The result of a posterior predictive check. */
export interface PredictiveCheck {
  /** p of each discrepancy: (1 + number of replications at least as far)/(1 + S), so never 0. */
  readonly pValues: Readonly<Record<string, number>>;
  /** P(y_sj ≤ y_j) of each component (M), counted likewise; near 0 or 1 where the component is not explained, NaN where it is missing. */
  readonly tails: Float64Array;
  /**
   * The component that is explained least, and its p: 2 M times the smaller tail, at most 1 (Bonferroni). It cannot be below
   * 2 M/(1 + S), so many components need many draws.
   */
  readonly worst: { readonly datum: number; readonly pValue: number };
  /** Mean over draws of the default discrepancy, divided by M: about 1 for a good fit. NaN without noise sd. */
  readonly misfit: number;
}

/** Simulated data at parameters drawn from a posterior. */
export interface Replications {
  /** Data without noise and with it, (S, M) each. */
  readonly clean: Rows;
  readonly replicated: Rows;
  /** Mean of the data given the noise-free ones (S, M), where it is another than they are. */
  readonly mean?: Rows;
  /** Noise sd, one for all components, (M), or (S, M); without it, "chi-square" is left out. */
  readonly noiseSd?: number | ArrayLike<number>;
}

/**
 * Checks an observation y (M) against replications. `discrepancies` by name are computed beside "chi-square".
 * @throws when shapes do not fit, or a discrepancy is NaN.
 */
export function checkReplications(
  y: ArrayLike<number>,
  replications: Replications,
  discrepancies: Readonly<Record<string, Discrepancy>> = {},
): PredictiveCheck {
  const owner = "checkReplications";
  expectList(owner, "y", y);
  expectFields(owner, "{ clean, replicated, noiseSd }", replications, "clean", "replicated");
  const { clean: c, replicated: r, mean = c, noiseSd } = replications;
  const M = y.length;
  const [clean, replicated] = [flatRows(owner, "clean", c, M), flatRows(owner, "replicated", r, M)];
  if (clean.length !== replicated.length)
    throw new Error(
      `${owner}: expected as many replicated data as clean ones, ${clean.length / M}, got ${replicated.length / M}`,
    );
  const S = clean.length / M;
  const means = flatRows(owner, "mean", mean, M);
  const sd = sdRows(owner, noiseSd, S, M);
  /** The default discrepancy of data from row s. */
  const chiSquare = (data: ArrayLike<number>, s: number): number => {
    let sum = 0;
    for (let j = 0; j < M; j++) sum += ((data[j] - means[s * M + j]) / sd[s * M + j]) ** 2;
    return sum;
  };
  const own = Object.entries(discrepancies).map(
    ([name, of]) =>
      [name, (data: ArrayLike<number>, s: number) => of(data, clean.subarray(s * M, (s + 1) * M))] as const,
  );
  const named = noiseSd === undefined ? own : [["chi-square", chiSquare] as const, ...own];
  const pValues: Record<string, number> = {};
  for (const [name, of] of named) {
    let farther = 0;
    for (let s = 0; s < S; s++) {
      const [own, observed] = [of(replicated.subarray(s * M, (s + 1) * M), s), of(y, s)];
      if (Number.isNaN(own) || Number.isNaN(observed))
        throw new Error(`${owner}: expected a number from "${name}", got NaN`);
      farther += Number(own >= observed);
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
  for (let s = 0; s < S; s++) misfit += chiSquare(y, s) / (M * S);
  return { pValues, tails, worst: { datum, pValue: Math.min(1, 2 * M * smaller[datum]) }, misfit };
}

export const predictiveTable = {
  /** Draws of the posterior, S. */
  draws: option(whole(2), 1000),
  /** Seed of draws and noise. */
  seed: option(seed, 0),
  /** Discrepancies by name, beside "chi-square". */
  discrepancies: option(check<Readonly<Record<string, Discrepancy>>>("an object of functions", isDiscrepancies)),
  ...predictTable,
};
/** Options of `predictiveCheck`. */
export type PredictiveOptions = OptionsOf<typeof predictiveTable>;

/** Step of the random counter at which noise is drawn: none that simulations use. */
const STEP = -7;

/** Draws of a posterior, and simulated data there. */
export interface Replicated extends Replications {
  /** (S, D): fewer than asked for where failures are dropped. */
  readonly theta: Float64Array;
}

export type ReplicationOptions = Pick<PredictiveOptions, "draws" | "seed"> & Parameters<typeof replicate>[3];

/**
 * Draws from a posterior, and simulates its data again there. If the problem's noise is null each draw is simulated twice, and the
 * noise-free data then contain noise too. @throws for a problem that cannot be simulated; as `predict` does.
 */
export async function replicateData(
  owner: string,
  problem: Problem,
  posterior: Pick<Posterior, "y" | "scale" | "sample">,
  { draws = predictiveTable.draws.default, seed = predictiveTable.seed.default, ...own }: ReplicationOptions,
): Promise<Replicated> {
  const { noise } = problem;
  const included = isIncluded(noise);
  if (noise.lacks.includes("draw"))
    throw new Error(
      `${owner}: expected noise that can be drawn, got "${noise.name}" of "${problem.name}", which has only logDensity`,
    );
  const theta = await posterior.sample(draws, { seed });
  const [D, M] = [theta.length / draws, posterior.y.length];
  if (D !== problem.D || M !== problem.M)
    throw new Error(
      `${owner}: expected a posterior of ${problem.D} parameters and ${problem.M} data, got one of ${D} and ${M}`,
    );
  const drawn = await replicate(owner, problem, theta, own, included ? [seed, seed + 1] : [seed]);
  const [clean, again] = drawn.data;
  const kept = drawn.theta;
  if (included) return { theta: kept, clean, replicated: again };
  const backend = pickOptions(backendTable, own);
  const rows = { theta: kept, clean };
  const held = (await centreOfData(problem, rows, backend)) === null ? Float32Array.from(clean) : clean;
  const scaled = problemAtScale(problem, posterior.scale);
  const replicated = await addNoise(scaled, { theta: kept, clean: held }, seed, STEP, backend);
  const [mean, noiseSd] = [await meanRows(scaled, rows, backend), await noiseSdRows(scaled, rows, backend)];
  return { theta: kept, clean, replicated, mean, noiseSd };
}

/**
 * Draws from a posterior, replicates its observation by the forward model or the simulator, and checks it against the replications.
 * If the problem's noise is null each draw is simulated twice: once for y_s, and once for c_s, which then contains noise too.
 * @throws for a problem that has neither; as `predict` does.
 */
export async function predictiveCheck(
  problem: Problem,
  posterior: Pick<Posterior, "y" | "scale" | "sample">,
  options: PredictiveOptions = {},
): Promise<PredictiveCheck> {
  expectProblem("predictiveCheck", problem);
  expectFields("predictiveCheck", "a posterior, as infer() returns it", posterior, "y", "sample");
  const { discrepancies, ...own } = readOptions("predictiveCheck", predictiveTable, options);
  return checkObserved(posterior.y, await replicateData("predictiveCheck", problem, posterior, own), discrepancies);
}

/** The check of the data that were observed; tails are NaN where data (M) are missing. @throws where all are. */
function checkObserved(
  y: Float64Array,
  { clean, replicated, mean, noiseSd }: Replications,
  discrepancies: Readonly<Record<string, Discrepancy>> | undefined,
): PredictiveCheck {
  const seen = Array.from(y.keys()).filter((m) => !Number.isNaN(y[m]));
  if (seen.length === y.length) return checkReplications(y, { clean, replicated, mean, noiseSd }, discrepancies);
  if (seen.length === 0) throw new Error("predictiveCheck: expected an observation of at least one datum, got none");
  const pick = (rows: Rows | ArrayLike<number>): Float64Array => {
    const flat = flatRows("predictiveCheck", "data", rows as Rows, y.length);
    return Float64Array.from({ length: (flat.length / y.length) * seen.length }, (_, i) => {
      const row = Math.floor(i / seen.length);
      return flat[row * y.length + seen[i % seen.length]];
    });
  };
  const own = {
    ...{ clean: pick(clean), replicated: pick(replicated) },
    ...(mean !== undefined && { mean: pick(mean) }),
    ...(noiseSd !== undefined && { noiseSd: typeof noiseSd === "number" ? noiseSd : pick(noiseSd) }),
  };
  const check = checkReplications(
    Float64Array.from(seen, (m) => y[m]),
    own,
    discrepancies,
  );
  const tails = new Float64Array(y.length).fill(Number.NaN);
  for (const [i, m] of seen.entries()) tails[m] = check.tails[i];
  return { ...check, tails, worst: { ...check.worst, datum: seen[check.worst.datum] } };
}
