/**
 * Where the chains of each observation move, and how they start there: in the parameters, or in the noise of a guide. A posterior
 * that was given to start from may be far off. Where its importance weights are poor, Laplace's approximation is found
 * (at-modes.ts), and chains start there in the parameters if its own weights are better than poor; where both are, short chains at
 * both places tell which is the faster (pilot.ts). Chains from a posterior that tells several modes start at all of them.
 */
import type { BackendOptions } from "../backends/select.ts";
import type { InverseMap } from "../model/model.ts";
import type { Posterior } from "../posterior/posterior.ts";
import type { Problem } from "../problem/problem.ts";
import { toldModes } from "../search/modes.ts";
import { atModes, WORTH } from "./at-modes.ts";
import type { Place, Settings } from "./group.ts";
import { contextsOf, guideSamplerOf, isFlow, mapOf } from "./guide-space.ts";
import type { Given } from "./lockstep.ts";
import { CHAINS, faster } from "./pilot.ts";
import { samplerOf } from "./potential.ts";
import {
  EFFECTIVE,
  expectSameData,
  fromNoise,
  fromPoints,
  fromPosterior,
  fromPrior,
  isPosterior,
  type Started,
  type StartRequest,
} from "./start.ts";

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

/** Where chains move without a choice, one observation at a time. */
async function ownPlaces(
  problem: Problem,
  rows: readonly Float64Array[],
  settings: Settings,
  backend: BackendOptions,
): Promise<(index: number) => Promise<Place>> {
  const { start, seed, metric } = settings;
  const posteriors = posteriorsOf(start, rows.length);
  const chains = posteriors === null ? settings.chains : Math.max(settings.chains, CHAINS); // the pilot's are the first
  for (const [i, posterior] of (posteriors ?? []).entries()) expectSameData(posterior, rows[i], problem);
  const map = flowOf(settings, posteriors, problem.D);
  const contexts = map && (await contextsOf(map, posteriors as readonly Posterior[], backend));
  const [origin, begin] =
    posteriors !== null
      ? (["posterior", (i: number, r: StartRequest) => (map ? fromNoise(r) : fromPosterior(posteriors[i], r))] as const)
      : start === undefined
        ? (["prior", (_: number, r: StartRequest) => fromPrior(r)] as const)
        : (["points", (_: number, r: StartRequest) => fromPoints(start as ArrayLike<number>, r)] as const);
  return async (i) => {
    const sampler = await (map ? guideSamplerOf(map, problem, backend) : samplerOf("nuts", problem, backend));
    const y = rows[i];
    const inputs: Given = contexts ? { y, context: contexts[i] } : { y };
    const { executor } = sampler;
    const started = await begin(i, { executor, problem, y, given: inputs, chains, seed, metric });
    return { ...started, D: problem.D, sampler, inputs, origin, spent: 0 };
  };
}

/** The places of all observations. `poor`: whether the posteriors to start from are known to have poor weights. */
export async function placesOf(
  problem: Problem,
  rows: readonly Float64Array[],
  settings: Settings,
  backend: BackendOptions,
  poor: boolean,
): Promise<Place[]> {
  const sampler = await samplerOf("nuts", problem, backend); // refuses a problem without a likelihood
  const own = await ownPlaces(problem, rows, settings, backend);
  const posteriors = settings.space !== "guide" ? posteriorsOf(settings.start, rows.length) : null;
  const places: Place[] = [];
  for (const [i, y] of rows.entries()) {
    if (posteriors === null) {
      places.push(await own(i));
      continue;
    }
    const { seed, metric } = settings;
    const chains = Math.max(settings.chains, CHAINS);
    const atLaplace = async (): Promise<Place | null> => {
      const request = { executor: sampler.executor, problem, y, given: { y }, chains, seed, metric };
      const started = await atModes(posteriors[i], request, backend);
      return started && { ...started, D: problem.D, sampler, inputs: { y }, origin: "laplace", spent: 0 };
    };
    const several = toldModes(posteriors[i], WORTH).length > 1;
    const atAll = several ? await atLaplace() : null;
    places.push(atAll ?? (await choosePlace(() => own(i), atLaplace, settings, poor)));
  }
  return places;
}

/** The own place where its weights are good; else that at the modes where its are; else the faster of the two. */
async function choosePlace(
  own: () => Promise<Place>,
  atLaplace: () => Promise<Place | null>,
  settings: Settings,
  poor: boolean,
): Promise<Place> {
  let refused: unknown;
  const attempt = (): Promise<Place | null> =>
    own().catch((error: unknown) => {
      refused = error;
      return null;
    });
  let first = poor ? null : await attempt();
  if (first !== null && isGood(first)) return first;
  const modes = await atLaplace();
  if (modes !== null && isGood(modes)) return modes;
  if (poor) first = await attempt();
  if (first !== null && modes !== null) return faster(modes, first, settings);
  const left = modes ?? first;
  if (left === null) throw refused;
  return left;
}

const isGood = ({ effective }: Started): boolean => effective !== null && effective >= EFFECTIVE;
