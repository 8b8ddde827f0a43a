/**
 * Regions of parameters that posteriors of one observation leave open, and draws of the prior within them.
 *
 * A region is where the density of each of some posteriors is above a level of its own. Where the prior itself falls into it often enough,
 * draws of the prior that do are taken. Else walkers, which start at draws of the newest posterior, step by differences of each other
 * (ter Braak, Statistics and Computing 16 (2006)) and are kept within: their equilibrium is the prior restricted to the region.
 */
import { type BackendOptions, createExact } from "../backends/select.ts";
import { input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { log } from "../numbers/math.ts";
import { quantileOf } from "../numbers/moments.ts";
import { normalAt, STREAMS, uniformAt } from "../numbers/random.ts";
import type { Posterior } from "../posterior/posterior.ts";
import type { Problem } from "../problem/problem.ts";

/** Parameters at which the density of a posterior is above a level. */
export interface Part {
  readonly posterior: Pick<Posterior, "sample" | "logProb">;
  /** Of log q. */
  readonly level: number;
}

/** Draws that the level of a part is a quantile of. */
const LEVEL_DRAWS = 10_000;

/** The part that leaves out parameters of the probability `cut`, those of lowest density. */
export async function partOf(posterior: Part["posterior"], cut: number, seed: number): Promise<Part> {
  const density = await posterior.logProb(await posterior.sample(LEVEL_DRAWS, { seed }));
  return { posterior, level: quantileOf(density.sort(), cut) };
}

/** Which rows (S, D) lie in all parts; those that one leaves out are not asked of the others. */
export async function within(region: readonly Part[], theta: Float64Array, D: number): Promise<number[]> {
  let rows = Array.from({ length: theta.length / D }, (_, i) => i);
  for (const { posterior, level } of region.toReversed()) {
    if (rows.length === 0) break;
    const density = await posterior.logProb(takeRows(theta, rows, D));
    rows = rows.filter((_, i) => density[i] >= level);
  }
  return rows;
}

/** Some of the rows of a table. */
export function takeRows(table: Float64Array, rows: readonly number[], width: number): Float64Array {
  const out = new Float64Array(rows.length * width);
  for (const [i, row] of rows.entries()) out.set(table.subarray(row * width, (row + 1) * width), i * width);
  return out;
}

export interface RegionDraws {
  /** (count, D) */
  readonly theta: Float64Array;
  /** Share of draws of the prior within the region, as far as it was tried. */
  readonly accepted: number;
  /** "prior": draws of the prior that fell into it; "walkers". */
  readonly by: "prior" | "walkers";
}

const CANDIDATES = 16_384;
/** Draws of the prior after which it is judged, and the share of them in the region below which walkers take over. */
const TRIAL = 4 * CANDIDATES;
const LEAST_ACCEPTED = 2e-3;

/** Draws (count, D) of the prior of a problem within a region. */
export async function drawWithin(
  problem: Pick<Problem, "D" | "prior">,
  region: readonly Part[],
  { count, seed, ...backend }: BackendOptions & { readonly count: number; readonly seed: number },
): Promise<RegionDraws> {
  const { D, prior } = problem;
  const program = atOnce(
    compile({
      draw: { outputs: { theta: prior.draw(STREAMS.prior, "f64") } },
      density: { outputs: { logPrior: prior.logDensity(input("theta", D, { dtype: "f64" })) } },
    }),
  );
  const executor = await createExact(program, backend);
  try {
    const kept: number[] = [];
    let tried = 0;
    while (kept.length < count * D && (tried < TRIAL || kept.length / D >= LEAST_ACCEPTED * tried)) {
      const { theta } = await executor.run("draw", { rows: CANDIDATES, seed, step: tried / CANDIDATES });
      const drawn = Float64Array.from(theta);
      kept.push(...takeRows(drawn, await within(region, drawn, D), D));
      tried += CANDIDATES;
    }
    const accepted = kept.length / D / tried;
    if (kept.length >= count * D) return { theta: Float64Array.from(kept.slice(0, count * D)), accepted, by: "prior" };
    const logPrior = async (theta: Float64Array): Promise<ArrayLike<number>> =>
      (await executor.run("density", { rows: theta.length / D, inputs: { theta } })).logPrior;
    return { theta: await walk(region, logPrior, { D, count, seed }), accepted, by: "walkers" };
  } finally {
    executor.dispose();
  }
}

/** Steps of walkers; one in JUMP of them takes a whole difference, which leads from mode to mode. */
const STEPS = 200;
const JUMP = 10;
/** Relative noise of a step, which keeps walkers off a grid of their differences. */
const NOISE = 1e-4;
const LEAST_WALKERS = 200;

/** The prior restricted to a region, by walkers. */
async function walk(
  region: readonly Part[],
  logPrior: (theta: Float64Array) => Promise<ArrayLike<number>>,
  { D, count, seed }: { readonly D: number; readonly count: number; readonly seed: number },
): Promise<Float64Array> {
  const walkers = Math.max(count, LEAST_WALKERS);
  const at = await startsOf(region, walkers, D, seed);
  const density = Float64Array.from(await logPrior(at));
  const random = (step: number, i: number, column: number): number => uniformAt(seed, STREAMS.jump, step, i, column);
  const other = (u: number, i: number): number => (i + 1 + Math.floor(u * (walkers - 1))) % walkers;
  for (let step = 0; step < STEPS; step++) {
    const scale = step % JUMP === 0 ? 1 : 2.38 / Math.sqrt(2 * D);
    const proposed = Float64Array.from(at);
    for (let i = 0; i < walkers; i++) {
      const [a, b] = [other(random(step, i, 0), i), other(random(step, i, 1), i)];
      for (let d = 0; d < D; d++) {
        const difference = at[a * D + d] - at[b * D + d];
        proposed[i * D + d] += scale * difference * (1 + NOISE * normalAt(seed, STREAMS.momentum, step, i, d));
      }
    }
    const next = await logPrior(proposed);
    const open = Array.from({ length: walkers }, (_, i) => i).filter(
      (i) => next[i] > -Infinity && log(random(step, i, 2)) < next[i] - density[i],
    );
    for (const k of await within(region, takeRows(proposed, open, D), D)) {
      const i = open[k];
      at.set(proposed.subarray(i * D, (i + 1) * D), i * D);
      density[i] = next[i];
    }
  }
  return at.slice(0, count * D);
}

/** Draws of the newest posterior that lie in the region. */
async function startsOf(region: readonly Part[], count: number, D: number, seed: number): Promise<Float64Array> {
  const { posterior } = region[region.length - 1];
  const starts: number[] = [];
  for (let k = 0; starts.length < count * D && k < 10; k++) {
    const drawn = Float64Array.from(await posterior.sample(2 * count, { seed: (seed + k) >>> 0 }));
    starts.push(...takeRows(drawn, await within(region, drawn, D), D));
  }
  if (starts.length < count * D)
    throw new Error(
      "refine: expected draws of the posterior in what earlier rounds left open, got too few; raise simulations, or lower cut",
    );
  return Float64Array.from(starts.slice(0, count * D));
}
