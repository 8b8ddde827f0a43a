/**
 * Where chains start: at draws of the prior, at points that are given, or at draws of a posterior that is near enough, such as
 * a guide's, chosen by their importance weights tempered to what the draws can bear,
 *
 *   w_i ∝ (p(y, θ_i) / q(θ_i))^β,   β the largest of 1, ½, ¼, … for which the effective number (Σ w)² / Σ w² is enough,
 *
 * so that modes are found in about the proportion that they have, and a guide that is far off does not send all chains to one
 * point. Its covariance is then the first metric.
 */
import type { Executor } from "../backends/backend.ts";
import { describe } from "../checks/arguments.ts";
import { packed } from "../graph/tensor.ts";
import { exp } from "../numbers/math.ts";
import { STREAMS, uniformAt } from "../numbers/random.ts";
import type { Posterior } from "../posterior/posterior.ts";
import type { Problem } from "../problem/problem.ts";
import { SIMULATION_STEPS } from "../simulate/simulate.ts";
import type { JumpDensity } from "./jump.ts";
import type { Given } from "./lockstep.ts";
import { factorOf, type Metric, type MetricKind, unitMetric } from "./metric.ts";
import { Stream } from "./stream.ts";

/** Draws of the posterior: as many make the metric; the first of them, whose density is asked, are candidates. */
const DRAWS = 2048;
const CANDIDATES = 512;
/** Candidates that starts are chosen from in effect. */
const EFFECTIVE = 64;
const GOLDEN = 0.6180339887498949;

/** Points (chains, D), flat or row by row; or a posterior of the same data. */
export type Start = Posterior | ArrayLike<number> | readonly ArrayLike<number>[];

export interface Started {
  /** (chains, D) on the whole line. */
  readonly z: Float64Array;
  readonly metric: Metric;
  /** Whether the metric is that of a posterior. */
  readonly given: boolean;
  /** The normal density nearest to that posterior; null without one. */
  readonly jump: JumpDensity | null;
}

export interface StartRequest {
  readonly executor: Executor;
  readonly problem: Problem;
  readonly y: Float64Array;
  /** What the plans need beside positions. */
  readonly given: Given;
  readonly chains: number;
  readonly seed: number;
  readonly metric: MetricKind;
}

export const isPosterior = (start: unknown): start is Posterior =>
  typeof start === "object" && start !== null && "sample" in start && "logProb" in start;

/** Draws of the prior, (chains, D). */
export async function fromPrior({ executor, problem, chains, seed, metric }: StartRequest): Promise<Started> {
  const { z } = await executor.run("starts", { rows: chains, seed, step: SIMULATION_STEPS.starts });
  return { z: z as Float64Array, metric: unitMetric(metric, problem.D), given: false, jump: null };
}

/** Points that are given. @throws unless they are `chains` finite points within the prior's support. */
export async function fromPoints(
  points: ArrayLike<number> | readonly ArrayLike<number>[],
  { executor, problem: { D, prior }, chains, metric }: StartRequest,
): Promise<Started> {
  const expected = `nuts: expected start to be a posterior or ${chains} points (${chains}, ${D}), one a chain`;
  if (typeof points !== "object" || points === null || !("length" in points))
    throw new Error(`${expected}, got ${describe(points)}`);
  const rows = typeof points[0] === "object" ? (points as readonly ArrayLike<number>[]) : [points];
  const odd = rows.length > 1 || chains === 1 ? rows.findIndex((row) => row?.length !== D) : -1;
  if (odd >= 0)
    throw new Error(`${expected}, got ${rows[odd]?.length ?? describe(rows[odd])} numbers in row ${odd + 1}`);
  const theta = Float64Array.from(rows.flatMap((row) => Array.from(row as ArrayLike<number>)));
  if (theta.length !== chains * D) throw new Error(`${expected}, got ${theta.length} numbers`);
  for (const [k, x] of theta.entries()) {
    const d = k % D;
    if (!Number.isFinite(x) || x < prior.low[d] || x > prior.high[d])
      throw new Error(
        `nuts: expected start within the support of the prior, [${prior.low[d]}, ${prior.high[d]}], got ${x} for chain ${Math.floor(k / D) + 1}`,
      );
  }
  const { z } = await executor.run("toLine", { rows: chains, inputs: { theta } });
  return { z: z as Float64Array, metric: unitMetric(metric, D), given: false, jump: null };
}

/** Mean and covariance of rows (N, D), as a metric and as a density. @throws where the rows do not span the space. */
function fit(rows: Float64Array, D: number, kind: MetricKind): { readonly metric: Metric; readonly jump: JumpDensity } {
  const N = rows.length / D;
  const mean = new Float64Array(D);
  for (let k = 0; k < rows.length; k++) mean[k % D] += rows[k] / N;
  const covariance = new Float64Array(packed(D));
  for (let s = 0; s < N; s++) {
    for (let i = 0; i < D; i++) {
      const a = (rows[s * D + i] - mean[i]) / (N - 1);
      for (let j = 0; j <= i; j++) covariance[packed(i) + j] += a * (rows[s * D + j] - mean[j]);
    }
  }
  const dense: Metric = { kind: "dense", covariance };
  const factor = factorOf(dense, D);
  if (factor === null)
    throw new Error(
      "nuts: expected start to be a posterior whose draws span all parameters, got draws that do not; leave start out",
    );
  const diagonal = Float64Array.from({ length: D }, (_, i) => covariance[packed(i) + i]);
  return { metric: kind === "dense" ? dense : { kind, covariance: diagonal }, jump: { mean, factor } };
}

/** Tempered weights, their sums up to each entry, ending at 1. @throws when no density is finite. */
function cumulativeWeights(logWeights: Float64Array): Float64Array {
  const most = logWeights.reduce((a, b) => (b > a ? b : a), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(most))
    throw new Error(
      "nuts: expected a finite posterior density at one of the draws of start, got none; leave start out, or check the forward model there",
    );
  for (let beta = 1; ; beta /= 2) {
    const weights = logWeights.map((l) => (Number.isNaN(l) ? 0 : exp(beta * (l - most))));
    let sum = 0;
    let squares = 0;
    for (const w of weights) {
      sum += w;
      squares += w * w;
    }
    const finite = weights.reduce((n, w) => n + Number(w > 0), 0);
    if ((sum * sum) / squares < Math.min(EFFECTIVE, finite / 2)) continue;
    let done = 0;
    return weights.map((w) => (done += w) / sum);
  }
}

/** @throws unless the posterior is of the data, which are given to the sampler. */
export function expectSameData(start: Posterior, y: Float64Array, D: number): void {
  if (start.mean?.length !== D || start.y?.length !== y.length || y.some((v, i) => v !== start.y[i]))
    throw new Error("nuts: expected start to be a posterior of the same data, got one of other data");
}

/** A point for each chain among candidates (N, D), by their log weights. */
function choose(candidates: Float64Array, logWeights: Float64Array, { problem: { D }, chains, seed }: StartRequest) {
  const sums = cumulativeWeights(logWeights);
  const out = new Float64Array(chains * D);
  // A sequence that spreads evenly however long it is: no chain's start depends on how many there are.
  const shift = uniformAt(seed, STREAMS.picks, 0, 0, 0);
  for (let c = 0; c < chains; c++) {
    const u = (shift + c * GOLDEN) % 1;
    const found = sums.findIndex((s) => s >= u);
    const i = found < 0 ? sums.length - 1 : found; // the last sum may be rounded below 1
    out.set(candidates.subarray(i * D, (i + 1) * D), c * D);
  }
  return out;
}

/** Draws of a posterior near the one that is sampled. @throws when it is of other data, or its density is nowhere finite. */
export async function fromPosterior(start: Posterior, request: StartRequest): Promise<Started> {
  const { executor, problem, y, given, seed, metric } = request;
  const { D } = problem;
  expectSameData(start, y, D);
  const theta = Float64Array.from(await start.sample(DRAWS, { seed }));
  const { z, logDet } = await executor.run("toLine", { rows: DRAWS, inputs: { theta } });
  const rows = z as Float64Array;
  const some = rows.subarray(0, CANDIDATES * D);
  const inputs = { ...given, z: some };
  const { value } = await executor.run("density", { rows: CANDIDATES, repeat: CANDIDATES, inputs });
  const logQ = await start.logProb(theta.subarray(0, CANDIDATES * D));
  const logWeights = logQ.map((q, i) => value[i] - (q - logDet[i]));
  return { z: choose(some, logWeights, request), ...fit(rows, D, metric), given: true };
}

/** The same in the noise of a guide, of which its draws are made (guide-space.ts). */
export async function fromNoise(request: StartRequest): Promise<Started> {
  const { executor, problem, given, seed, metric } = request;
  const { D } = problem;
  const z = new Float64Array(CANDIDATES * D);
  const stream = new Stream(seed, STREAMS.posterior, 0);
  for (let i = 0; i < CANDIDATES; i++) {
    stream.goTo(i);
    stream.normals(z.subarray(i * D, (i + 1) * D));
  }
  const { value } = await executor.run("density", { rows: CANDIDATES, repeat: CANDIDATES, inputs: { ...given, z } });
  const logWeights = Float64Array.from({ length: CANDIDATES }, (_, i) => {
    const squares = z.subarray(i * D, (i + 1) * D).reduce((sum, u) => sum + u * u, 0);
    return value[i] + 0.5 * squares;
  });
  const jump = { mean: new Float64Array(D), factor: unitMetric("dense", D).covariance };
  return { z: choose(z, logWeights, request), metric: unitMetric(metric, D), given: true, jump };
}
