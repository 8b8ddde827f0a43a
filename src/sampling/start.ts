/**
 * Starts of chains: draws of the prior, given points, or draws of an approximate posterior, such as a guide's. Such draws are
 * chosen by tempered importance weights,
 *
 *   w_i ∝ (p(y, θ_i) / q(θ_i))^β,   β the largest of 1, ½, ¼, … for which the effective number (Σ w)² / Σ w² is enough,
 *
 * so that chains start in modes in about the right proportions, and an inaccurate guide does not start all chains at one point.
 * The covariance of the posterior is the first metric.
 */
import type { Executor } from "../backends/backend.ts";
import { describe } from "../checks/arguments.ts";
import { isInside, supportText } from "../distributions/distribution.ts";
import { exp } from "../numbers/math.ts";
import { columnMeans, covarianceOf, sumOfSquares } from "../numbers/moments.ts";
import { STREAMS, uniformAt } from "../numbers/random.ts";
import { diagonalOf } from "../numbers/triangles.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { packRow } from "../problem/layout.ts";
import type { Problem } from "../problem/problem.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import type { Again, Given } from "./lockstep.ts";
import { factorOf, type Metric, type MetricKind, unitMetric } from "./metric.ts";
import { type Mixture, normalOf } from "./mixture.ts";
import { Stream } from "./stream.ts";

/** Draws of the posterior, which give the metric; the first CANDIDATES are candidates for starts. */
const DRAWS = 2048;
export const CANDIDATES = 512;
/** Effective number of candidates that β must leave. */
export const EFFECTIVE = 64;
const GOLDEN = 0.6180339887498949;

/** Points (chains, D), flat or row by row; or a posterior of the same data. */
export type Start = Posterior | ArrayLike<number> | readonly ArrayLike<number>[];

/** What chains start from. */
export type Origin = "prior" | "points" | "posterior" | "laplace";

export interface Started {
  /** (chains, D) on the whole line. */
  readonly z: Float64Array;
  readonly metric: Metric;
  /** Whether the metric is that of a posterior. */
  readonly given: boolean;
  /** Normal densities near that posterior; null without one. */
  readonly jump: Mixture | null;
  /** Effective number of the candidates by their importance weights, not tempered; null without a posterior. */
  readonly effective: number | null;
  /** Other points to start at, where the first are not finite; null where they were given. */
  readonly again: Again | null;
}

export interface StartRequest {
  readonly executor: Executor;
  readonly problem: Problem;
  readonly y: Float64Array;
  /** Inputs of the plans besides positions. */
  readonly given: Given;
  readonly chains: number;
  readonly seed: number;
  readonly metric: MetricKind;
}

export const isPosterior = (start: unknown): start is Posterior =>
  typeof start === "object" && start !== null && "sample" in start && "logProb" in start;

/** Draws of the prior, (chains, D). */
export async function fromPrior({ executor, problem: { D }, chains, seed, metric }: StartRequest): Promise<Started> {
  const draw = async (rows: number, step: number): Promise<Float64Array> =>
    (await executor.run("starts", { rows, seed, step })).z as Float64Array;
  const again: Again = async (c, tries) =>
    (await draw(c + 1, SIMULATION_STEPS.restarts - tries)).slice(c * D, (c + 1) * D);
  const z = await draw(chains, SIMULATION_STEPS.starts);
  return { z, metric: unitMetric(metric, D), given: false, jump: null, effective: null, again };
}

/** Points that are given. @throws unless they are `chains` finite points within the prior's support. */
export async function fromPoints(
  points: ArrayLike<number> | readonly ArrayLike<number>[],
  { executor, problem: { D, prior }, chains, metric }: StartRequest,
): Promise<Started> {
  const expected = `nuts: expected start to be a posterior or ${chains} points (${chains}, ${D}), one for each chain`;
  if (typeof points !== "object" || points === null || !("length" in points))
    throw new Error(`${expected}, got ${describe(points)}`);
  const rows = typeof points[0] === "object" ? (points as readonly ArrayLike<number>[]) : [points];
  const odd = rows.length > 1 || chains === 1 ? rows.findIndex((row) => row?.length !== D) : -1;
  if (odd >= 0)
    throw new Error(`${expected}, got ${rows[odd]?.length ?? describe(rows[odd])} numbers in row ${odd + 1}`);
  const theta = Float64Array.from(rows.flatMap((row) => Array.from(row as ArrayLike<number>)));
  if (theta.length !== chains * D) throw new Error(`${expected}, got ${theta.length} numbers`);
  for (let c = 0; c < chains; c++) {
    const point = theta.subarray(c * D, (c + 1) * D);
    if (point.every(Number.isFinite) && isInside(prior, point)) continue;
    const odd = point.findIndex((x, d) => !(Number.isFinite(x) && x >= prior.low[d] && x <= prior.high[d]));
    const [d, got] = odd < 0 ? [0, `[${point.join(", ")}]`] : [odd, `${point[odd]}`];
    throw new Error(
      `nuts: expected start within the support of the prior, ${supportText(prior, d)}, got ${got} for chain ${c + 1}`,
    );
  }
  const { z } = await executor.run("toLine", { rows: chains, inputs: { theta } });
  return {
    z: z as Float64Array,
    metric: unitMetric(metric, D),
    given: false,
    jump: null,
    effective: null,
    again: null,
  };
}

/** Mean and covariance of rows (N, D), as a metric and as a density. @throws if the rows do not span the space. */
function fit(rows: Float64Array, D: number, kind: MetricKind): { readonly metric: Metric; readonly jump: Mixture } {
  const mean = columnMeans(rows, D);
  const covariance = covarianceOf(rows, mean);
  const dense: Metric = { kind: "dense", covariance };
  const factor = factorOf(dense);
  if (factor === null)
    throw new Error(
      "nuts: expected start to be a posterior whose draws span all parameters, got draws that do not; leave start out",
    );
  const diagonal = diagonalOf(covariance);
  return { metric: kind === "dense" ? dense : { kind, covariance: diagonal }, jump: normalOf(mean, factor) };
}

/** Cumulative sums of the tempered weights, which end at 1, and the effective number without tempering. @throws if no density is finite. */
function temper(given: Float64Array): { readonly sums: Float64Array; readonly effective: number } {
  const logWeights = given.map((l) => (Number.isFinite(l) ? l : Number.NEGATIVE_INFINITY));
  const most = logWeights.reduce((a, b) => Math.max(a, b));
  if (!Number.isFinite(most))
    throw new Error(
      `nuts: expected a finite posterior density at one of ${given.length} draws of start, got none; leave start out, or check the forward model there`,
    );
  let effective = 0;
  for (let beta = 1; ; beta /= 2) {
    const weights = logWeights.map((l) => exp(beta * (l - most)));
    let sum = 0;
    let squares = 0;
    for (const w of weights) {
      sum += w;
      squares += w * w;
    }
    if (beta === 1) effective = (sum * sum) / squares;
    const finite = weights.reduce((n, w) => n + Number(w > 0), 0);
    if ((sum * sum) / squares < Math.min(EFFECTIVE, finite / 2)) continue;
    let done = 0;
    return { sums: weights.map((w) => (done += w) / sum), effective };
  }
}

/** @throws unless the posterior is of the same data. */
export function expectSameData(start: Posterior, row: Float64Array, { D, layout }: Problem): void {
  const { M, mask, scale } = layout;
  const { y } = start;
  const fits =
    y?.length === M &&
    (mask || !y.some(Number.isNaN)) &&
    (scale !== 0 || start.scale === undefined || Array.from(start.scale).every((s) => s === 1));
  if (start.mean?.length !== D || !fits || packRow(layout, start).some((v, i) => v !== row[i]))
    throw new Error("nuts: expected start to be a posterior of the same data, got one of other data");
}

/** Points for chains among candidates (N, D), by their log weights. */
export function choose(
  { z: candidates, logWeights }: Candidates,
  { problem: { D }, chains, seed }: StartRequest,
): Pick<Started, "z" | "again" | "effective"> {
  const { sums, effective } = temper(logWeights);
  // This sequence is even at any length, so the start of a chain does not depend on the number of chains.
  const pick = (c: number, tries: number): Float64Array => {
    const u = (uniformAt(seed, STREAMS.picks, tries, 0, 0) + c * GOLDEN) % 1;
    const found = sums.findIndex((s) => s >= u);
    const i = found < 0 ? sums.length - 1 : found; // the last sum may be rounded below 1
    return candidates.slice(i * D, (i + 1) * D);
  };
  const z = new Float64Array(chains * D);
  for (let c = 0; c < chains; c++) z.set(pick(c, 0), c * D);
  const again: Again = async (c, tries) => pick(c, tries);
  return { z, again, effective };
}

/** Draws that starts are chosen among. */
export interface Candidates {
  /** (N, D) */
  readonly z: Float64Array;
  readonly logWeights: Float64Array;
}

/** The first `CANDIDATES` of the draws, or the next ones where the density is finite at none of them. */
async function candidatesOf(part: (from: number) => Promise<Candidates>): Promise<Candidates> {
  for (let from = 0; ; from += CANDIDATES) {
    const found = await part(from);
    if (from + CANDIDATES >= DRAWS || found.logWeights.some(Number.isFinite)) return found;
  }
}

/** Starts from an approximate posterior. @throws if it is of other data, or no density is finite. */
export async function fromPosterior(start: Posterior, request: StartRequest): Promise<Started> {
  const { executor, problem, y, given, seed, metric } = request;
  const { D } = problem;
  expectSameData(start, y, request.problem);
  const theta = Float64Array.from(await start.sample(DRAWS, { seed }));
  const { z: line, logDet } = await executor.run("toLine", { rows: DRAWS, inputs: { theta } });
  const rows = line as Float64Array;
  const candidates = await candidatesOf(async (from) => {
    const some = rows.subarray(from * D, (from + CANDIDATES) * D);
    const inputs = { ...given, z: some };
    const { value } = await executor.run("density", { rows: CANDIDATES, repeat: CANDIDATES, inputs });
    const logQ = await start.logProb(theta.subarray(from * D, (from + CANDIDATES) * D));
    return { z: some, logWeights: logQ.map((q, i) => value[i] - (q - logDet[from + i])) };
  });
  return { ...choose(candidates, request), ...fit(rows, D, metric), given: true };
}

/** The same in the noise of a guide (guide-space.ts). */
export async function fromNoise(request: StartRequest): Promise<Started> {
  const { executor, problem, given, seed, metric } = request;
  const { D } = problem;
  const stream = new Stream(seed, STREAMS.posterior, 0);
  const candidates = await candidatesOf(async (from) => {
    const some = new Float64Array(CANDIDATES * D);
    for (let i = 0; i < CANDIDATES; i++) {
      stream.goTo(from + i);
      stream.normals(some.subarray(i * D, (i + 1) * D));
    }
    const inputs = { ...given, z: some };
    const { value } = await executor.run("density", { rows: CANDIDATES, repeat: CANDIDATES, inputs });
    const squares = (i: number): number => sumOfSquares(some.subarray(i * D, (i + 1) * D));
    return { z: some, logWeights: Float64Array.from(value, (v, i) => v + 0.5 * squares(i)) };
  });
  const jump = normalOf(new Float64Array(D), unitMetric("dense", D).covariance);
  return { ...choose(candidates, request), metric: unitMetric(metric, D), given: true, jump };
}
