/**
 * The no-U-turn sampler for many observations: many chains in lockstep on the whole line (chain.ts, tree.ts, warmup.ts,
 * lockstep.ts), and their convergence (convergence.ts).
 */
import type { Executor } from "../backends/backend.ts";
import { type BackendOptions, backendOf } from "../backends/select.ts";
import { expectRoom, readOptions, type SettingsOf } from "../checks/options.ts";
import type { InverseMap } from "../model/model.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { expectProblem } from "../problem/expect.ts";
import { checkData, type Problem } from "../problem/problem.ts";
import { Chain } from "./chain.ts";
import { contextsOf, guideSamplerOf, isFlow, mapOf } from "./guide-space.ts";
import { type Given, type Group, lockstep } from "./lockstep.ts";
import type { MetricKind } from "./metric.ts";
import { type NutsOptions, nutsTable } from "./nuts-options.ts";
import { samplerOf } from "./potential.ts";
import { type SampledPosterior, sampledPosterior } from "./sampled.ts";
import {
  expectSameData,
  fromNoise,
  fromPoints,
  fromPosterior,
  fromPrior,
  isPosterior,
  type Started,
  type StartRequest,
} from "./start.ts";
import { windowsOf } from "./warmup.ts";

const COLD_WARMUP = 500;
const WARM_WARMUP = 75;
const DENSE_UP_TO = 32;
/** With fewer draws in each chain, no diagnostics exist. */
const LEAST_DRAWS = 4;

type Settings = SettingsOf<typeof nutsTable> & { readonly warmup: number; readonly metric: MetricKind };

function settingsOf({ D }: Problem, options: NutsOptions): Settings {
  const settings = readOptions("nuts", nutsTable, options);
  const { start, chains, draws } = settings;
  expectRoom("nuts", "chains", chains, D);
  expectRoom("nuts", "draws", draws, D * chains);
  const warm = isPosterior(start) || (Array.isArray(start) && isPosterior(start[0]));
  const { warmup = warm ? WARM_WARMUP : COLD_WARMUP, metric = warm || D <= DENSE_UP_TO ? "dense" : "diagonal" } =
    settings;
  return { ...settings, warmup, metric };
}

/** The posteriors to start from, one for each observation; null if `start` is points or undefined. @throws on another number. */
function posteriorsOf(start: Settings["start"], count: number): readonly Posterior[] | null {
  const list = isPosterior(start) ? [start] : Array.isArray(start) && start.some(isPosterior) ? start : null;
  if (list === null) return null;
  if (list.length !== count || !list.every(isPosterior))
    throw new Error(`nuts: expected ${count} posteriors as start, one for each observation, got ${list.length}`);
  return list;
}

/** The map whose guide's noise the chains move in; null if they move in the parameters. */
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
  /** Inputs of the plans, one for each observation. */
  readonly given: readonly Given[];
  readonly start: (index: number, request: StartRequest) => Promise<Started>;
}

/** The space that the chains move in, and their starts. */
async function placeOf(
  problem: Problem,
  rows: readonly Float64Array[],
  settings: Settings,
  backend: BackendOptions,
): Promise<Place> {
  const { executor } = await samplerOf("nuts", problem, backend); // refuses a problem without a likelihood
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

/** Samples the posteriors of all rows of y together. @throws as `nuts` does. */
export async function sampleChains(
  problem: Problem,
  y: ArrayLike<number> | readonly ArrayLike<number>[],
  options: NutsOptions,
): Promise<SampledPosterior[]> {
  expectProblem("nuts", problem);
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
    const { z, metric: first, given: near, jump, again } = await start(i, request);
    const own = { ...settings, given: near, jump: settings.jumps ? jump : null, windows: windowsOf(warmup, near) };
    const made = Array.from({ length: chains }, (_, c) => {
      const at = z.subarray(c * problem.D, (c + 1) * problem.D);
      return new Chain(at, first, c, own);
    });
    groups.push({ given: given[i], chains: made, where: rows.length > 1 ? `y, row ${i + 1}` : "", again });
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
        `nuts: expected at least ${LEAST_DRAWS} draws of each chain within the budget of ${budget} s, got ${Math.max(0, done)} of ${draws}; give more seconds, or a start`,
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
  return posteriors;
}
