/**
 * Which of two places chains move in faster: short chains at both, judged by the squared distance between successive draws θ in units
 * of their variance (Pasarica & Gelman, Statistica Sinica 20 (2010)), for each operation that they cost. The chains of the second
 * place may cost LONGER times as much as those of the first; those that take longer have lost.
 */
import type { Rows } from "../backends/backend.ts";
import { cost } from "../graph/plan.ts";
import { columnMeans, columnSds, orOne } from "../numbers/moments.ts";
import { groupOf, type Place, type Settings } from "./group.ts";
import { lockstep } from "./lockstep.ts";
import { SHARD_ROWS } from "./potential.ts";

/** Chains of a pilot, whatever the number of those to come, so that none of them depends on that. */
export const CHAINS = 4;
/** Transitions that fit the step, and that are measured. */
const WARMUP = 15;
const DRAWS = 15;
const LONGER = 2;

interface Measured {
  /** Draws θ, chain by chain; null where they did not come to an end. */
  readonly draws: Rows | null;
  readonly evaluations: number;
  /** Operations of them all. */
  readonly operations: number;
}

async function measure(place: Place, settings: Settings, operations: number): Promise<Measured> {
  const each = cost(place.sampler.program.plans.gradient, SHARD_ROWS).flops / SHARD_ROWS;
  const group = groupOf(place, { ...settings, warmup: WARMUP, draws: DRAWS }, CHAINS);
  const { signal } = settings;
  const ended = await lockstep([group], { signal, evaluations: operations / each }).catch((error: unknown) => {
    signal?.throwIfAborted();
    if (error instanceof Error && error.message.startsWith("nuts:")) return false; // no chain can start there
    throw error;
  });
  const evaluations = group.chains.reduce((sum, chain) => sum + chain.evaluations, 0);
  const spent = { evaluations, operations: evaluations * each };
  if (!ended) return { ...spent, draws: null };
  const { D } = place;
  const z = new Float64Array(CHAINS * DRAWS * D);
  for (const [c, { positions }] of group.chains.entries()) z.set(positions, c * DRAWS * D);
  const rows = CHAINS * DRAWS;
  const out = await group.executor.run("toTheta", { rows, repeat: rows, inputs: { ...group.given, z } });
  return { ...spent, draws: out.theta };
}

/** Mean squared distance of successive draws of a chain, in units of `sd`, for each operation. */
function speedOf({ draws, operations }: Measured, sd: Float64Array): number {
  if (draws === null) return 0;
  const D = sd.length;
  let sum = 0;
  for (let k = D; k < draws.length; k++) {
    const step = (draws[k] - draws[k - D]) / sd[k % D];
    if (Math.floor(k / D) % DRAWS > 0) sum += step * step;
  }
  return sum / operations;
}

/** The faster of two places; the first where the second is no faster. */
export async function faster(first: Place, second: Place, settings: Settings): Promise<Place> {
  const a = await measure(first, settings, Number.POSITIVE_INFINITY);
  const b = await measure(second, settings, LONGER * a.operations);
  const { D } = first;
  const all = Float64Array.from([...(a.draws ?? []), ...(b.draws ?? [])]);
  const sd = columnSds(all, D, columnMeans(all, D)).map(orOne);
  const spent = a.evaluations + b.evaluations;
  return { ...(speedOf(b, sd) > speedOf(a, sd) ? second : first), spent };
}
