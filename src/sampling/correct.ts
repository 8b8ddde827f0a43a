/**
 * Correction of a learned or fitted posterior q(θ | y) to the exact posterior of its problem:
 *
 *   psis   importance weights p(y, θ) / q(θ | y) of draws of q, smoothed (psis.ts); systematic resampling makes draws of them
 *   nuts   chains that start at draws of q, or, where q is far off, at the modes of the posterior (nuts.ts, place.ts)
 *   auto   psis, then nuts if k̂ > 0.7 or the weights leave too few effective draws
 *
 * Weights cannot find a mode that q never draws, and k̂ does not detect this. Chains may find it.
 */
import type { Rows } from "../backends/backend.ts";
import { type BackendOptions, backendTable, withDefaults } from "../backends/select.ts";
import {
  abortSignal,
  expectRoom,
  type OptionsOf,
  oneOf,
  option,
  readOptions,
  type SettingsOf,
  seed,
  whole,
} from "../checks/options.ts";
import { isIncluded } from "../distributions/noise/model.ts";
import { exp } from "../numbers/math.ts";
import { makePosterior, type Posterior } from "../posterior/posterior.ts";
import { expectKnown } from "../problem/expect.ts";
import { lacksDensity, sourceOf, whyNoLikelihood } from "../problem/likelihood.ts";
import { type Problem, problemCheck } from "../problem/problem.ts";
import { seenBy } from "../problem/seen.ts";
import type { NutsDiagnostics } from "./diagnose.ts";
import { hasLikelihood, jointOf } from "./joint.ts";
import { nutsTable } from "./nuts-options.ts";
import { rowsOf } from "./picks.ts";
import { LARGEST_K, paretoSmooth, type SmoothedWeights } from "./psis.ts";
import { sampleChains } from "./sample-chains.ts";
import { resample, weightedSummary } from "./weighted.ts";

export const correctTable = {
  /** How to correct. "auto": importance weights, then chains if k̂ > 0.7 or fewer than a third of the draws, and than 700, are effective. */
  method: option(oneOf("auto", "psis", "nuts"), "auto", "how to correct"),
  /**
   * Draws that PSIS weights. Default: 2048, or fewer (at least 1024) for a forward model so expensive that 2048 would take tenths
   * of a second, and for a simulator, which is called once for each.
   */
  draws: option(whole(1)),
  /** Chains of NUTS. */
  chains: nutsTable.chains,
  /** Draws of each chain of NUTS. */
  drawsPerChain: nutsTable.draws,
  /** Seconds that NUTS may take. */
  budget: option(nutsTable.budget.check, 30),
  /** Seed of all random numbers. */
  seed: option(seed, 0),
  /** The problem whose posterior is wanted; by default the one that the map was trained on, or the parent of a surrogate. */
  problem: option(problemCheck),
  /** Stops the correction if it is aborted. */
  signal: option(abortSignal),
  /** Called with the progress of NUTS at intervals. */
  onProgress: nutsTable.onProgress,
  ...backendTable,
};
/** Options of `posterior.correct`. */
export type CorrectOptions = OptionsOf<typeof correctTable>;
/** How a posterior is corrected. */
export type CorrectionMethod = NonNullable<CorrectOptions["method"]>;
type Settings = SettingsOf<typeof correctTable>;

/** A posterior corrected by importance weights or by chains, with diagnostics. */
export interface CorrectedPosterior extends Posterior {
  /** The problem that it is the posterior of. */
  readonly problem: Problem;
  /** The method that made the draws. */
  readonly method: "psis" | "nuts";
  /** Shape of the tail of the importance weights; above 0.7 they are unreliable. Null if no weights were made. */
  readonly kHat: number | null;
  /** Effective number of draws: 1 / Σ w² of the weights, or the smallest bulk ESS of NUTS. */
  readonly ess: number;
  /** ESS / S of the weighted draws; 1 if q is the posterior. Null if no weights were made. */
  readonly efficiency: number | null;
  /** Draws of equal weight (S, D): resampled, or those of the chains. */
  readonly draws: Float32Array | Float64Array;
  /** Evaluations of the forward model. */
  readonly evaluations: number;
  readonly seconds: number;
  /** log p(y), estimated. */
  readonly logEvidence: number;
  /**
   * Faults of the original posterior that the weights show, in words: k̂ above 0.7, or an efficiency below 40 %. Undefined if there
   * are none, or no weights were made. `warning` is about the corrected draws.
   */
  readonly sourceWarning: string | undefined;
  /** Diagnostics of the chains; null for PSIS. */
  readonly diagnostics: NutsDiagnostics | null;
  /** The correction in words. */
  readonly note: string;
}

/** Fewer effective draws are too few to describe a distribution. */
const LEAST_ESS = 100;
/**
 * Effective draws, or this share of those weighted, above which chains would not tell more: 1000 draws are then about as far from
 * exact ones, by the statistic of Kolmogorov and Smirnov, as exact ones are.
 */
const ENOUGH_ESS = 700;
const ENOUGH_SHARE = 0.35;
/** k̂ up to which the variance of the weights is finite, so that more draws make up for a low efficiency; how many times as many. */
const FINITE_K = 0.5;
const MORE = 4;
/**
 * Efficiency below which q itself is called inaccurate. Over 300 simulated observations it is above .54 for the shipped models, and
 * below .33 for the same guides before training.
 */
const LEAST_EFFICIENCY = 0.4;

interface Target {
  readonly problem: Problem;
  /** Says why the target is a surrogate; else empty. */
  readonly remark: string;
}

/** The problem to correct to: the parent of a surrogate, if the parent has what the method needs. */
export function targetOf(given: Problem, has: (problem: Problem) => boolean): Target {
  let problem = given;
  while (problem.parent !== null && has(problem.parent)) problem = problem.parent;
  const { parent } = problem;
  const remark = parent === null ? "" : ` of the surrogate: "${parent.name}" itself has ${sourceOf(parent)}`;
  return { problem, remark };
}

/** Whether the likelihood has derivatives, which chains need. */
export const hasDerivatives = (problem: Problem): boolean => whyNoLikelihood(problem) === null;

/** The problem that a correction needs. @throws where there is none, or none with a likelihood. */
function problemFor({ owner, problem: known, D, posterior }: CorrectSource, given: Problem | undefined): Problem {
  const wanted = { problem: owner, D, M: posterior.y.length };
  const problem = expectKnown("correct", wanted, known, given);
  if (hasLikelihood(problem)) return problem;
  const included = isIncluded(problem.noise);
  const blind =
    !included && lacksDensity(problem) ? `noise "${problem.noise.name}" without logDensity` : sourceOf(problem);
  const source = included && problem.simulate !== null ? "noise: null, because its simulator adds the noise," : blind;
  throw new Error(
    `correct: expected a problem with a forward model or a simulator, and a noise model, got "${problem.name}", which has ${source} and so no likelihood, which weights and chains need`,
  );
}

export interface CorrectSource {
  /** Name and problem of the map that made the posterior. */
  readonly owner: string;
  readonly problem: Problem | null;
  /** Number of parameters. */
  readonly D: number;
  /** The moments of a posterior may cost draws: weights do not read them. */
  readonly posterior: Posterior;
  /** The first `count` draws (count, D) that moments are taken from, and log q of each where it is known; undefined for more than there are. */
  readonly drawn?: (count: number) => Promise<{ readonly theta: Rows; readonly logQ?: Rows } | undefined>;
  /** Computes the moments, which chains read. */
  readonly ready?: () => Promise<void>;
  readonly backend: BackendOptions;
}

/**
 * Corrects a posterior: its draws are asymptotically exact.
 * @throws if the problem is not known or has no likelihood; on invalid options; if no draw has a finite density in the exact
 * posterior; the signal's reason if it is aborted.
 */
export async function correct(source: CorrectSource, options: CorrectOptions = {}): Promise<CorrectedPosterior> {
  const settings = readOptions("correct", correctTable, options);
  const { method, signal } = settings;
  const problem = problemFor(source, settings.problem);
  if (settings.draws !== undefined) expectRoom("correct", "draws", settings.draws, source.D);
  signal?.throwIfAborted();
  const sampled = targetOf(problem, hasDerivatives);
  if (method === "nuts") return byNuts(source, sampled, settings, null);
  const target = targetOf(problem, hasLikelihood);
  const chains = hasDerivatives(sampled.problem);
  let weighed = await byPsis(source, target, settings, chains);
  if (method === "psis" || trusted(weighed.told)) return weighed.make();
  if (settings.draws === undefined && worthMore(weighed.told)) {
    weighed = await byPsis(source, target, { ...settings, draws: MORE * weighed.told.evaluations }, chains);
    if (trusted(weighed.told)) return weighed.make();
  }
  const { told, make } = weighed;
  if (!chains) return { ...make(), note: `${told.note}; chains need derivatives: "${problem.name}" has none` };
  try {
    return await byNuts(source, sampled, settings, told);
  } catch (error) {
    signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    return { ...make(), note: `${told.note}; NUTS failed: ${reason}` };
  }
}

/** Whether more draws are likely to give weights that are enough. */
const worthMore = ({ kHat, ess }: Told): boolean => (kHat as number) <= FINITE_K && MORE * ess >= ENOUGH_ESS;

const trusted = ({ kHat, ess, evaluations }: Told): boolean =>
  (kHat as number) <= LARGEST_K && ess >= Math.max(LEAST_ESS, Math.min(ENOUGH_ESS, ENOUGH_SHARE * evaluations));

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const showK = (k: number): string =>
  k === Number.NEGATIVE_INFINITY ? "−∞" : k === Number.POSITIVE_INFINITY ? "∞" : k.toFixed(2);

/** What weights tell beside the posterior, which may not exist: one draw has no variance. */
type Told = Omit<CorrectedPosterior, keyof Posterior>;
interface Weighed {
  readonly told: Told;
  /** @throws if one draw has all the weight. */
  readonly make: () => CorrectedPosterior;
}

/** Weights of draws θ (S, D) of q. */
async function byPsis(source: CorrectSource, target: Target, settings: Settings, chains: boolean): Promise<Weighed> {
  const { posterior } = source;
  const { problem, remark } = target;
  const { D, prior } = problem;
  const { y, scale } = posterior;
  const { seed } = settings;
  const begun = performance.now();
  const seen = seenBy(problem, [posterior]);
  const joint = await jointOf(seen.problem, seen.rows[0], withDefaults(source.backend, settings), settings);
  const count = settings.draws ?? joint.draws;
  const drawn = await source.drawn?.(count);
  const theta = drawn?.theta ?? (await posterior.sample(count, { seed }));
  const points = Float64Array.from(theta);
  const logP = await joint.of(points);
  const logQ = drawn?.logQ ?? (await posterior.logProb(points));
  const { logWeights, kHat, ess, logMean } = smooth(problem, logQ, logP);
  const weights = logWeights.map((l) => exp(l));
  const odd = Array.from(logP).filter(Number.isNaN).length;
  const without = odd === 0 ? "" : `; ${odd} of them have no density, because their data are not finite`;
  const told: Told = {
    problem,
    method: "psis",
    kHat,
    ess,
    efficiency: ess / count,
    evaluations: count,
    seconds: (performance.now() - begun) / 1000,
    logEvidence: logMean,
    sourceWarning: sourceWarning(kHat, ess / count),
    diagnostics: null,
    note: `PSIS: ${count} draws weighted by the exact posterior${remark}, k̂ ${showK(kHat)}, ESS ${ess.toFixed(0)}${without}`,
  };
  const make = (): CorrectedPosterior => {
    const summary = { ...weightedSummary(theta, weights, D), draws: null };
    if (Number.isNaN(summary.sd[0]))
      throw new Error(
        `correct: expected weights of more than one draw, got all of it on one of ${count}; ${chains ? 'use method "nuts"' : "train the guide longer"}`,
      );
    const common = makePosterior({
      owner: "correct",
      prior,
      y,
      scale,
      summary,
      warning: psisWarning(kHat, ess, posterior.warning, chains),
      draw: async (wanted, own) => rowsOf(theta, resample(weights, wanted, own), D),
      density: async (at) =>
        (await joint.of(at)).map((v) => (Number.isNaN(v) ? Number.NEGATIVE_INFINITY : v - logMean)),
    });
    return { ...common, ...told, draws: rowsOf(theta, resample(weights, count, seed), D) };
  };
  return { told, make };
}

/** Smoothed weights of draws by their log densities; a draw whose density is 0 or not a number has weight 0. */
function smooth({ name }: Problem, logQ: Rows, logP: Rows): SmoothedWeights {
  const ratios = Float64Array.from(logQ, (q, s) =>
    Number.isFinite(logP[s]) && Number.isFinite(q) ? logP[s] - q : -Infinity,
  );
  if (ratios.every((r) => r === -Infinity))
    throw new Error(
      `correct: expected a finite density of "${name}" at one of ${ratios.length} draws of the posterior, got none; check the forward model there`,
    );
  return paretoSmooth(ratios);
}

function psisWarning(kHat: number, ess: number, before: string | undefined, chains: boolean): string | undefined {
  const reasons: string[] = [];
  const instead = chains ? 'method "nuts"' : "a guide that is trained longer";
  if (!(kHat <= LARGEST_K))
    reasons.push(
      kHat === Number.POSITIVE_INFINITY
        ? `too few draws to tell whether their weights are reliable: take more, or use ${instead}`
        : `k̂ is ${showK(kHat)}, above ${LARGEST_K}: the draws are too far from the posterior for weights; use ${instead}`,
    );
  if (ess < LEAST_ESS) reasons.push(`the weights leave ${ess.toFixed(0)} effective draws, below ${LEAST_ESS}`);
  if (before !== undefined) reasons.push(before); // weights cannot correct for draws that are missing
  return reasons.length > 0 ? reasons.join("; ") : undefined;
}

function sourceWarning(kHat: number, efficiency: number): string | undefined {
  const [tail, few] = [!(kHat <= LARGEST_K), efficiency < LEAST_EFFICIENCY];
  if (!tail && !few) return undefined;
  const told = [
    ...(tail ? [`k̂ is ${showK(kHat)}, above ${LARGEST_K}`] : []),
    ...(few ? [`their efficiency is ${percent(efficiency)}, below ${percent(LEAST_EFFICIENCY)}`] : []),
  ];
  return `its importance weights show that the original posterior is inaccurate: ${told.join("; ")}`;
}

/** Chains. `weighed`: the result of PSIS, if it came first. */
async function byNuts(
  source: CorrectSource,
  { problem, remark }: Target,
  settings: Settings,
  weighed: Told | null,
): Promise<CorrectedPosterior> {
  const { posterior } = source;
  const { chains, drawsPerChain, budget, seed, signal, onProgress } = settings;
  const begun = performance.now();
  const options = {
    ...withDefaults(source.backend, settings),
    chains,
    draws: drawsPerChain,
    budget,
    seed,
    signal,
    onProgress,
    ...(posterior.scale && { noise: { scale: posterior.scale } }),
  };
  await source.ready?.();
  const [sampled] = await sampleChains(problem, posterior.y, { ...options, start: posterior }, weighed !== null);
  const { logEvidence } = await sampled.evidence();
  const { diagnostics } = sampled;
  const before = weighed === null ? "" : `${weighed.note}, which is unreliable, so `;
  const where =
    diagnostics.origin === "laplace" ? "the modes, because the posterior is far off" : "draws of the posterior";
  const told = `R̂ ${diagnostics.rHat.toFixed(3)}, bulk ESS ${diagnostics.essBulk.toFixed(0)}`;
  return {
    ...sampled,
    method: "nuts",
    kHat: weighed === null ? null : weighed.kHat,
    ess: diagnostics.essBulk,
    efficiency: weighed === null ? null : weighed.efficiency,
    evaluations: diagnostics.evaluations + (weighed === null ? 0 : weighed.evaluations),
    seconds: (performance.now() - begun) / 1000 + (weighed === null ? 0 : weighed.seconds),
    logEvidence,
    warning: weighed === null || weighed.problem === problem ? sampled.warning : ofSurrogate(weighed.problem, sampled),
    sourceWarning: weighed === null ? undefined : weighed.sourceWarning,
    note: `${before}NUTS${remark}: ${sampled.chains.length} chains of ${diagnostics.draws} draws, started at ${where}, ${told}`,
  };
}

/** Weights say that the surrogate, or the guide, is off, and chains cannot tell which. */
const ofSurrogate = ({ name }: Problem, { warning }: Posterior): string =>
  `the draws are of the surrogate, because "${name}" itself has no derivatives, and weights by "${name}" do not confirm it${warning === undefined ? "" : `; ${warning}`}`;
