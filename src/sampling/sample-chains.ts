/**
 * The no-U-turn sampler for many observations: many chains in lockstep on the whole line (chain.ts, tree.ts, warmup.ts,
 * lockstep.ts), and their convergence (convergence.ts).
 */
import { backendOf } from "../backends/select.ts";
import { expectRoom, readOptions } from "../checks/options.ts";
import { expectProblem } from "../problem/expect.ts";
import { withNoiseOf } from "../problem/observed.ts";
import type { Problem } from "../problem/problem.ts";
import { seenBy } from "../problem/seen.ts";
import type { Observation } from "../problem/set.ts";
import { rowsOfData } from "../problem/set-rows.ts";
import { groupOf, type Settings } from "./group.ts";
import { type Group, lockstep } from "./lockstep.ts";
import { type NutsOptions, nutsTable } from "./nuts-options.ts";
import { placesOf } from "./place.ts";
import { type SampledPosterior, sampledPosterior } from "./sampled.ts";
import { isPosterior } from "./start.ts";

const COLD_WARMUP = 500;
const WARM_WARMUP = 75;
const DENSE_UP_TO = 32;
/** With fewer draws in each chain, no diagnostics exist. */
const LEAST_DRAWS = 4;

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

/**
 * Samples the posteriors of all rows of y together. `poor`: whether the posteriors to start from are known to have poor weights.
 * @throws as `nuts` does.
 */
export async function sampleChains(
  problem: Problem,
  y: Observation | readonly Observation[],
  options: NutsOptions,
  poor = false,
): Promise<SampledPosterior[]> {
  expectProblem("nuts", problem);
  const settings = settingsOf(problem, options);
  const { chains, draws, warmup, maxDepth, seed, budget } = settings;
  const { signal, onProgress } = options;
  const observed = withNoiseOf("nuts", rowsOfData(problem, y), settings.noise);
  const { rows, problem: seen } = seenBy(problem, observed);
  signal?.throwIfAborted();
  const begun = performance.now();
  const places = await placesOf(seen, rows, settings, backendOf(options), poor);
  const groups = places.map((place, i) => groupOf(place, settings, chains, rows.length > 1 ? `y, row ${i + 1}` : ""));
  const left = budget * 1000 - (performance.now() - begun);
  const finished = await lockstep(groups, { signal, onProgress, budget: left });
  const seconds = (performance.now() - begun) / 1000;
  const evaluationsOf = (group: Group): number => group.chains.reduce((sum, c) => sum + c.evaluations, 0);
  const all = groups.reduce((sum, group) => sum + evaluationsOf(group), 0);
  const posteriors: SampledPosterior[] = [];
  for (const [i, group] of groups.entries()) {
    const done = group.chains.reduce((least, c) => Math.min(least, c.transitions - warmup), draws);
    if (!finished && done < LEAST_DRAWS)
      throw new Error(
        `nuts: expected at least ${LEAST_DRAWS} draws of each chain within the budget of ${budget} s, got ${Math.max(0, done)} of ${draws}; give more seconds${options.start === undefined ? ", or a start" : ""}`,
      );
    const share = seconds * (evaluationsOf(group) / all);
    posteriors.push(
      await sampledPosterior({
        executor: group.executor,
        problem,
        ...observed[i],
        row: rows[i],
        given: group.given,
        origin: places[i].origin,
        spent: places[i].spent,
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
