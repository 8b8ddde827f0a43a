/**
 * Posteriors by the no-U-turn sampler: asymptotically exact draws of
 *
 *   p(θ | y) ∝ p(y | θ) p(θ),
 *
 * from many chains in lockstep on the whole line (chain.ts, tree.ts, warmup.ts, lockstep.ts), with what the chains tell of their
 * convergence (convergence.ts).
 */
import type { BackendOptions } from "../backends/select.ts";
import { expectCount, expectOptions, expectProblem, expectSeed } from "../checks.ts";
import { describe } from "../distributions/arguments.ts";
import type { Posterior } from "../posterior.ts";
import { checkData, isRows, type Problem } from "../problem.ts";
import { Chain } from "./chain.ts";
import { type Group, lockstep, type NutsProgress } from "./lockstep.ts";
import { type MetricKind, metricKinds } from "./metric.ts";
import { samplerOf } from "./potential.ts";
import { type SampledPosterior, sampledPosterior } from "./sampled.ts";
import { fromPoints, fromPosterior, fromPrior, isPosterior, type Start, type StartRequest } from "./start.ts";
import { windowsOf } from "./warmup.ts";

export interface NutsOptions extends BackendOptions {
  /** Default 8. Each draws the same numbers whatever others run beside it. */
  readonly chains?: number;
  /** Draws a chain, after the warm-up; default 500. */
  readonly draws?: number;
  /** Transitions that fit step size and metric, and are thrown away; default 500, and 150 from a posterior as `start`. */
  readonly warmup?: number;
  /**
   * Where chains start: a posterior of the same data that is near enough, such as `infer` or `laplace` answers, or a list of
   * them, one an observation; or points (chains, D) of θ. Default: draws of the prior. A posterior's covariance is the first metric.
   */
  readonly start?: Start | readonly Posterior[];
  /** Default "dense" up to 32 parameters, or from a posterior; else "diagonal". */
  readonly metric?: MetricKind;
  /** A trajectory is doubled so many times at most; default 10. */
  readonly maxDepth?: number;
  /** Mean acceptance that step sizes are fitted to; default 0.8. Larger takes smaller steps. */
  readonly targetAccept?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Seconds after which sampling ends with the draws that there are; default: none. */
  readonly budget?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: NutsProgress) => void;
}

const names = [
  "chains",
  "draws",
  "warmup",
  "start",
  "metric",
  "maxDepth",
  "targetAccept",
  "seed",
  "budget",
  "signal",
  "onProgress",
  "backend",
  "kernels",
] as const satisfies readonly (keyof NutsOptions)[];

const COLD_WARMUP = 500;
const WARM_WARMUP = 150;
const DENSE_UP_TO = 32;
const MOST_DEPTH = 20;

type Settings = Required<Omit<NutsOptions, "signal" | "onProgress" | "backend" | "kernels" | "start">> &
  Pick<NutsOptions, "start">;

function settingsOf({ D }: Problem, options: NutsOptions): Settings {
  const warm = isPosterior(options.start) || (Array.isArray(options.start) && isPosterior(options.start[0]));
  const settings = {
    chains: 8,
    draws: 500,
    warmup: warm ? WARM_WARMUP : COLD_WARMUP,
    metric: warm || D <= DENSE_UP_TO ? ("dense" as const) : ("diagonal" as const),
    maxDepth: 10,
    targetAccept: 0.8,
    seed: 0,
    budget: Number.POSITIVE_INFINITY,
    ...Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)),
  };
  const { chains, draws, warmup, metric, maxDepth, targetAccept, seed, budget } = settings;
  expectCount("nuts", "chains", chains, 1, D);
  expectCount("nuts", "draws a chain", draws, 4, D * chains);
  expectCount("nuts", "warmup", warmup, 0, 1);
  expectCount("nuts", "maxDepth", maxDepth, 1, 1);
  if (maxDepth > MOST_DEPTH) throw new Error(`nuts: expected maxDepth of at most ${MOST_DEPTH}, got ${maxDepth}`);
  expectSeed("nuts", seed);
  if (!metricKinds.includes(metric))
    throw new Error(`nuts: expected metric ${metricKinds.join(" or ")}, got ${describe(metric)}`);
  if (!(targetAccept > 0 && targetAccept < 1))
    throw new Error(`nuts: expected targetAccept between 0 and 1, got ${describe(targetAccept)}`);
  if (!(budget > 0)) throw new Error(`nuts: expected a budget of seconds above 0, got ${describe(budget)}`);
  return settings;
}

/** The start of one observation. */
async function startOf(start: Settings["start"], index: number, count: number, request: StartRequest) {
  if (start === undefined) return fromPrior(request);
  if (isPosterior(start)) {
    if (count > 1)
      throw new Error(`nuts: expected a list of ${count} posteriors as start, one an observation, got one posterior`);
    return fromPosterior(start, request);
  }
  const list = Array.isArray(start) && isPosterior(start[0]) ? start : null;
  if (list === null) return fromPoints(start as ArrayLike<number>, request);
  if (list.length !== count || !list.every(isPosterior))
    throw new Error(`nuts: expected ${count} posteriors as start, one an observation, got ${list.length}`);
  return fromPosterior(list[index], request);
}

/**
 * Posteriors of one measurement (M), or of many (a list of rows, all sampled together), by draws.
 * @throws for a problem without a forward model in ops; when a row of data has the wrong length or a number that is not finite;
 * when the density is not finite where a chain starts; on options that make no sense; the signal's reason when it is aborted.
 */
export function nuts(problem: Problem, y: ArrayLike<number>, options?: NutsOptions): Promise<SampledPosterior>;
export function nuts(
  problem: Problem,
  y: readonly ArrayLike<number>[],
  options?: NutsOptions,
): Promise<SampledPosterior[]>;
export async function nuts(
  problem: Problem,
  y: ArrayLike<number> | readonly ArrayLike<number>[],
  options: NutsOptions = {},
): Promise<SampledPosterior | SampledPosterior[]> {
  expectProblem("nuts", problem);
  expectOptions("nuts", options, names);
  const settings = settingsOf(problem, options);
  const { chains, draws, warmup, maxDepth, seed, budget, metric } = settings;
  const { signal, onProgress, backend, kernels } = options;
  const rows = checkData(problem, y);
  signal?.throwIfAborted();
  const begun = performance.now();
  const executor = await samplerOf("nuts", problem, { backend, kernels });
  const groups: Group[] = [];
  for (const [i, row] of rows.entries()) {
    const request = { executor, problem, y: row, chains, seed, metric };
    const { z, metric: first, given } = await startOf(settings.start, i, rows.length, request);
    const own = { ...settings, given, windows: windowsOf(warmup, given) };
    const made = Array.from({ length: chains }, (_, c) => {
      const at = z.subarray(c * problem.D, (c + 1) * problem.D);
      return new Chain(at, first, c, own);
    });
    groups.push({ y: row, chains: made, where: rows.length > 1 ? `y, row ${i + 1}` : "" });
  }
  const left = budget * 1000 - (performance.now() - begun);
  const finished = await lockstep(executor, groups, { signal, onProgress, budget: left });
  const seconds = (performance.now() - begun) / 1000;
  const evaluationsOf = (group: Group): number => group.chains.reduce((sum, c) => sum + c.evaluations, 0);
  const all = groups.reduce((sum, group) => sum + evaluationsOf(group), 0);
  const posteriors: SampledPosterior[] = [];
  for (const group of groups) {
    const done = group.chains.reduce((least, c) => Math.min(least, c.transitions - warmup), draws);
    if (!finished && done < LEAST_DRAWS)
      throw new Error(
        `nuts: expected at least ${LEAST_DRAWS} draws a chain within the budget of ${budget} s, got ${Math.max(0, done)} of ${draws}; give more seconds, or a start`,
      );
    const share = seconds * (evaluationsOf(group) / all);
    posteriors.push(
      await sampledPosterior({
        executor,
        problem,
        y: group.y,
        chains: group.chains,
        draws: done,
        asked: draws,
        warmup,
        maxDepth,
        seconds: share,
        seed,
      }),
    );
  }
  return isRows(y) ? posteriors : posteriors[0];
}

/** With fewer nothing can be said of the chains. */
const LEAST_DRAWS = 4;
