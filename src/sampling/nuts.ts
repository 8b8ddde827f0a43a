/**
 * Posteriors by the no-U-turn sampler: asymptotically exact draws of
 *
 *   p(θ | y) ∝ p(y | θ) p(θ),
 *
 * from many chains in lockstep on the whole line (chain.ts, tree.ts, warmup.ts, lockstep.ts), with what the chains tell of their
 * convergence (convergence.ts).
 */
import type { Executor } from "../backends/backend.ts";
import { type BackendOptions, backendNames, backendOf } from "../backends/select.ts";
import { describe } from "../checks/arguments.ts";
import { expectCount, expectOptions, expectSeed } from "../checks/options.ts";
import type { InverseMap } from "../model/model.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { expectProblem } from "../problem/expect.ts";
import { checkData, isRows, type Problem } from "../problem/problem.ts";
import { Chain } from "./chain.ts";
import { contextsOf, guideSamplerOf, isFlow, mapOf } from "./guide-space.ts";
import { type Given, type Group, lockstep, type NutsProgress } from "./lockstep.ts";
import { type MetricKind, metricKinds } from "./metric.ts";
import { samplerOf } from "./potential.ts";
import { type SampledPosterior, sampledPosterior } from "./sampled.ts";
import {
  expectSameData,
  fromNoise,
  fromPoints,
  fromPosterior,
  fromPrior,
  isPosterior,
  type Start,
  type Started,
  type StartRequest,
} from "./start.ts";
import { windowsOf } from "./warmup.ts";

export type Space = "auto" | "parameters" | "guide";
const spaces: readonly Space[] = ["auto", "parameters", "guide"];

export interface NutsOptions extends BackendOptions {
  /** Default 8. Each draws the same numbers whatever others run beside it. */
  readonly chains?: number;
  /** Draws a chain, after the warm-up; default 500. */
  readonly draws?: number;
  /** Transitions that fit step size and metric, and are thrown away; default 500, and 75 from a posterior as `start`. */
  readonly warmup?: number;
  /**
   * Where chains start: a posterior of the same data that is near enough, such as `infer` or `laplace` answers, or a list of
   * them, one an observation; or points (chains, D) of θ. Default: draws of the prior. A posterior's covariance is the first metric.
   */
  readonly start?: Start | readonly Posterior[];
  /**
   * What chains move in. Default "auto": the noise of the guide, where `start` is of a map whose guide is a flow, and in which the
   * posterior is nearly normal; else the parameters, carried to the whole line.
   */
  readonly space?: Space;
  /**
   * Whether a transition begins with a jump to a draw of the normal density that is nearest to `start`, or of the guide where the
   * chains move in its noise. Default true where `start` is a posterior; without one there are none.
   */
  readonly jumps?: boolean;
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
  "space",
  "jumps",
  "metric",
  "maxDepth",
  "targetAccept",
  "seed",
  "budget",
  "signal",
  "onProgress",
  ...backendNames,
] as const satisfies readonly (keyof NutsOptions)[];

const COLD_WARMUP = 500;
const WARM_WARMUP = 75;
const DENSE_UP_TO = 32;
const MOST_DEPTH = 20;

type Settings = Required<Omit<NutsOptions, "signal" | "onProgress" | keyof BackendOptions | "start">> &
  Pick<NutsOptions, "start">;

function settingsOf({ D }: Problem, options: NutsOptions): Settings {
  const warm = isPosterior(options.start) || (Array.isArray(options.start) && isPosterior(options.start[0]));
  const settings = {
    chains: 8,
    draws: 500,
    warmup: warm ? WARM_WARMUP : COLD_WARMUP,
    space: "auto" as const,
    jumps: true,
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
  if (typeof settings.jumps !== "boolean")
    throw new Error(`nuts: expected jumps to be true or false, got ${describe(settings.jumps)}`);
  if (!spaces.includes(settings.space))
    throw new Error(`nuts: expected space ${spaces.join(", ")}, got ${describe(settings.space)}`);
  if (!metricKinds.includes(metric))
    throw new Error(`nuts: expected metric ${metricKinds.join(" or ")}, got ${describe(metric)}`);
  if (!(targetAccept > 0 && targetAccept < 1))
    throw new Error(`nuts: expected targetAccept between 0 and 1, got ${describe(targetAccept)}`);
  if (!(budget > 0)) throw new Error(`nuts: expected a budget of seconds above 0, got ${describe(budget)}`);
  return settings;
}

/** Posteriors to start from, one an observation; null where points are given, or nothing. @throws on another number of them. */
function posteriorsOf(start: Settings["start"], count: number): readonly Posterior[] | null {
  const list = isPosterior(start) ? [start] : Array.isArray(start) && start.some(isPosterior) ? start : null;
  if (list === null) return null;
  if (list.length !== count || !list.every(isPosterior))
    throw new Error(`nuts: expected ${count} posteriors as start, one an observation, got ${list.length}`);
  return list;
}

/** The one map whose guide's noise the chains move in; null where they move in the parameters. */
function flowOf({ space }: Settings, posteriors: readonly Posterior[] | null, D: number): InverseMap | null {
  if (space === "parameters") return null;
  const map = posteriors === null ? null : mapOf(posteriors[0]);
  const one = map?.spec.D === D && posteriors?.every((posterior) => mapOf(posterior) === map);
  if (one && (space === "guide" || isFlow(map))) return map;
  if (space === "guide")
    throw new Error('nuts: expected start to be posteriors of one map for space "guide", got something else');
  return null;
}

interface Place {
  readonly executor: Executor;
  /** One of each observation. */
  readonly given: readonly Given[];
  readonly start: (index: number, request: StartRequest) => Promise<Started>;
}

/** Where the chains move, and how they start there. */
async function placeOf(
  problem: Problem,
  rows: readonly Float64Array[],
  settings: Settings,
  backend: BackendOptions,
): Promise<Place> {
  const { executor } = await samplerOf("nuts", problem, backend); // refuses what has no likelihood
  const posteriors = posteriorsOf(settings.start, rows.length);
  const map = flowOf(settings, posteriors, problem.D);
  if (map !== null) {
    for (const [i, row] of rows.entries()) expectSameData((posteriors as readonly Posterior[])[i], row, problem.D);
    const contexts = await contextsOf(map, rows, backend);
    const sampler = await guideSamplerOf(map, problem, backend);
    const given = rows.map((y, i) => ({ y, context: contexts[i] }));
    return { executor: sampler.executor, given, start: (_, request) => fromNoise(request) };
  }
  const given = rows.map((y) => ({ y }));
  const { start } = settings;
  if (posteriors !== null) return { executor, given, start: (i, request) => fromPosterior(posteriors[i], request) };
  if (start === undefined) return { executor, given, start: (_, request) => fromPrior(request) };
  return { executor, given, start: (_, request) => fromPoints(start as ArrayLike<number>, request) };
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
  const { signal, onProgress } = options;
  const rows = checkData(problem, y);
  signal?.throwIfAborted();
  const begun = performance.now();
  const { executor, given, start } = await placeOf(problem, rows, settings, backendOf(options));
  const groups: Group[] = [];
  for (const [i, row] of rows.entries()) {
    const request = { executor, problem, y: row, given: given[i], chains, seed, metric };
    const { z, metric: first, given: near, jump } = await start(i, request);
    const own = { ...settings, given: near, jump: settings.jumps ? jump : null, windows: windowsOf(warmup, near) };
    const made = Array.from({ length: chains }, (_, c) => {
      const at = z.subarray(c * problem.D, (c + 1) * problem.D);
      return new Chain(at, first, c, own);
    });
    groups.push({ given: given[i], chains: made, where: rows.length > 1 ? `y, row ${i + 1}` : "" });
  }
  const left = budget * 1000 - (performance.now() - begun);
  const finished = await lockstep(executor, groups, { signal, onProgress, budget: left });
  const seconds = (performance.now() - begun) / 1000;
  const evaluationsOf = (group: Group): number => group.chains.reduce((sum, c) => sum + c.evaluations, 0);
  const all = groups.reduce((sum, group) => sum + evaluationsOf(group), 0);
  const posteriors: SampledPosterior[] = [];
  for (const [i, group] of groups.entries()) {
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
        y: rows[i],
        given: given[i],
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
