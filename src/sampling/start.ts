/**
 * Where chains start: at draws of the prior, at points that are given, or at draws of a posterior that is near enough, such as
 * a guide's, chosen by their importance weights tempered to what the draws can bear,
 *
 *   w_i ∝ (p(y, θ_i) / q(θ_i))^β,   β the largest of 1, ½, ¼, … for which the effective number Σ w)² / Σ w² is enough,
 *
 * so that modes are found in about the proportion that they have, and a guide that is far off does not send all chains to one
 * point. Its covariance is then the first metric.
 */
import type { Executor } from "../backends/backend.ts";
import { describe } from "../distributions/arguments.ts";
import { packed } from "../graph/tensor.ts";
import { exp } from "../math.ts";
import { STREAMS } from "../objectives/objective.ts";
import type { Posterior } from "../posterior.ts";
import type { Problem } from "../problem.ts";
import { uniformAt } from "../random.ts";
import { SIMULATION_STEPS } from "../simulate.ts";
import { factorOf, type Metric, type MetricKind, unitMetric } from "./metric.ts";

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
}

export interface StartRequest {
  readonly executor: Executor;
  readonly problem: Problem;
  readonly y: Float64Array;
  readonly chains: number;
  readonly seed: number;
  readonly metric: MetricKind;
}

export const isPosterior = (start: unknown): start is Posterior =>
  typeof start === "object" && start !== null && "sample" in start && "logProb" in start;

/** Draws of the prior, (chains, D). */
export async function fromPrior({ executor, problem, chains, seed, metric }: StartRequest): Promise<Started> {
  const { z } = await executor.run("starts", { rows: chains, seed, step: SIMULATION_STEPS.starts });
  return { z: z as Float64Array, metric: unitMetric(metric, problem.D), given: false };
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
  return { z: z as Float64Array, metric: unitMetric(metric, D), given: false };
}

/** Covariance of rows (N, D) as a metric. @throws where the rows do not span the space. */
function metricOf(z: Float64Array, D: number, kind: MetricKind): Metric {
  const N = z.length / D;
  const mean = new Float64Array(D);
  for (let k = 0; k < z.length; k++) mean[k % D] += z[k] / N;
  const covariance = new Float64Array(kind === "dense" ? packed(D) : D);
  for (let s = 0; s < N; s++) {
    for (let i = 0; i < D; i++) {
      const a = (z[s * D + i] - mean[i]) / (N - 1);
      for (let j = kind === "dense" ? 0 : i; j <= i; j++)
        covariance[kind === "dense" ? packed(i) + j : i] += a * (z[s * D + j] - mean[j]);
    }
  }
  const metric = { kind, covariance };
  if (factorOf(metric, D) === null)
    throw new Error(
      "nuts: expected start to be a posterior whose draws span all parameters, got draws that do not; leave start out",
    );
  return metric;
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

/** Draws of a posterior near the one that is sampled. @throws when it is of other data, or its density is nowhere finite. */
export async function fromPosterior(start: Posterior, request: StartRequest): Promise<Started> {
  const { executor, problem, y, chains, seed, metric } = request;
  const { D } = problem;
  if (start.mean?.length !== D || start.y?.length !== y.length || y.some((v, i) => v !== start.y[i]))
    throw new Error("nuts: expected start to be a posterior of the same data, got one of other data");
  const theta = Float64Array.from(await start.sample(DRAWS, { seed }));
  const { z, logDet } = await executor.run("toLine", { rows: DRAWS, inputs: { theta } });
  const rows = z as Float64Array;
  const some = rows.subarray(0, CANDIDATES * D);
  const value = await executor.run("density", { rows: CANDIDATES, repeat: CANDIDATES, inputs: { z: some, y } });
  const logQ = await start.logProb(theta.subarray(0, CANDIDATES * D));
  const sums = cumulativeWeights(logQ.map((q, i) => value.value[i] - (q - logDet[i])));
  const out = new Float64Array(chains * D);
  // A sequence that spreads evenly however long it is: no chain's start depends on how many there are.
  const shift = uniformAt(seed, STREAMS.picks, 0, 0, 0);
  for (let c = 0; c < chains; c++) {
    const u = (shift + c * GOLDEN) % 1;
    const i = sums.findIndex((s) => s >= u);
    out.set(some.subarray(i * D, (i + 1) * D), c * D);
  }
  return { z: out, metric: metricOf(rows, D, metric), given: true };
}
