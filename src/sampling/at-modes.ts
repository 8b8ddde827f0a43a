/**
 * Starts of chains at the modes of a posterior, found by Gauss and Newton's steps (search/) from draws of the prior and of the
 * approximate posterior that was given: where that one is far off, Laplace's approximation
 *
 *   g(z) = Σ_k w_k N(z; z_k, H_k⁻¹),   w_k ∝ exp U(z_k) |H_k|^−½
 *
 * is nearer at a small part of the cost of the chains. Modes that the posterior tells, as Laplace's does, are among them. Its draws are chosen as those of any posterior (start.ts), the metric is that
 * of the mode with the most mass, and jumps go to draws of it.
 */
import { cachedBy, cachedByBackend } from "../backends/executor-cache.ts";
import { type BackendOptions, createExact } from "../backends/select.ts";
import { exp, log } from "../numbers/math.ts";
import { STREAMS } from "../numbers/random.ts";
import { diagonalOf, invert } from "../numbers/triangles.ts";
import type { Posterior } from "../posterior/posterior.ts";
import type { Problem } from "../problem/problem.ts";
import { workOf } from "../problem/work.ts";
import { type Climb, climb } from "../search/climb.ts";
import { localProgram } from "../search/local-coordinates.ts";
import { massOf, rank, toldModes } from "../search/modes.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import { factorOf } from "./metric.ts";
import { type Component, drawMixture, logDetOf, logMixture, type Mixture } from "./mixture.ts";
import { CANDIDATES, choose, type Started, type StartRequest } from "./start.ts";
import { Stream } from "./stream.ts";

/** Searches that start at draws of the prior, and of the posterior. */
const SEARCHES = 4;
const MOST_STEPS = 50;
/** Modes of a smaller share of the mass of the first are left out. */
export const WORTH = 1e-4;

const searcherOf = cachedBy((problem: Problem) =>
  cachedByBackend(async (options: BackendOptions) => ({
    executor: await createExact(localProgram(workOf(problem)), options),
  })),
);

interface Modes {
  readonly mixture: Mixture;
  /** Of the mode with the most mass, packed. */
  readonly covariance: Float64Array;
}

/** Normal densities at the modes among the ends of searches; null where the density was finite at none. */
function modesOf(ends: readonly Climb[], problem: Problem): Modes | null {
  if (!ends.some(({ value, logDet }) => Number.isFinite(value) && Number.isFinite(logDet))) return null;
  const { modes } = rank(ends, problem, "y");
  const most = massOf(modes[0].at);
  const kept = modes.map(({ at }) => ({ at, share: exp(massOf(at) - most) })).filter(({ share }) => share > WORTH);
  const sum = kept.reduce((total, { share }) => total + share, 0);
  const mixture: Component[] = [];
  for (const { at, share } of kept) {
    const factor = factorOf({ kind: "dense", covariance: invert(at.factor) });
    if (factor === null) return null;
    mixture.push({ mean: at.z, factor, logHeight: log(share / sum) - logDetOf(factor) });
  }
  return { mixture, covariance: invert(modes[0].at.factor) };
}

/** Starts at the modes; null where none is found, because the density is finite at no start. */
export async function atModes(
  start: Posterior,
  request: StartRequest,
  backend: BackendOptions,
): Promise<Started | null> {
  const { executor, problem, y, given, seed, metric } = request;
  const { D } = problem;
  const drawn = await executor.run("starts", { rows: SEARCHES, seed, step: SIMULATION_STEPS.starts });
  const told = toldModes(start, WORTH).flatMap((mode) => Array.from(mode.theta));
  const theta = Float64Array.from([...(await start.sample(SEARCHES, { seed })), ...told]);
  const { z: near } = await executor.run("toLine", { rows: theta.length / D, inputs: { theta } });
  const starts = [drawn.z, near].flatMap((rows) =>
    Array.from({ length: rows.length / D }, (_, i) => Float64Array.from(rows.subarray(i * D, (i + 1) * D))),
  );
  const searcher = await searcherOf(problem)(backend);
  const data = starts.map(() => y);
  const ends = await climb(searcher.executor, "step", starts, data, MOST_STEPS);
  const modes = modesOf(ends, problem);
  if (modes === null) return null;
  const { mixture, covariance } = modes;
  const z = new Float64Array(CANDIDATES * D);
  const stream = new Stream(seed, STREAMS.posterior, 1);
  const logG = Float64Array.from({ length: CANDIDATES }, (_, i) => {
    const row = z.subarray(i * D, (i + 1) * D);
    stream.goTo(i);
    drawMixture(mixture, stream, row);
    return logMixture(mixture, row);
  });
  const { value } = await executor.run("density", { rows: CANDIDATES, repeat: CANDIDATES, inputs: { ...given, z } });
  const logWeights = logG.map((g, i) => value[i] - g);
  if (!logWeights.some(Number.isFinite)) return null;
  const first = metric === "dense" ? covariance : diagonalOf(covariance);
  return {
    ...choose({ z, logWeights }, request),
    metric: { kind: metric, covariance: first },
    given: true,
    jump: mixture,
  };
}
