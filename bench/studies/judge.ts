/**
 * A method on the cases of a study: how far its draws are from those of the true posteriors, and what it costs.
 *
 *   KS          two-sample, 1000 draws against 1000, per parameter and observation, mean over all; 0.039 for an exact method
 *   directions  the largest KS over eight fixed directions in the space of the parameters, in units of the truth's standard
 *               deviations, mean over observations: what marginals do not see
 *   −log q      of the parameters that the data were made from, mean over observations, in nats
 *
 * Seconds are processor time, bank and fits included; ms an observation are those of `infer` and 1000 draws, warm.
 */
import { ksPerParameter, ksTwoSample, pool } from "../../src/diagnostics/ks.ts";
import { infer, laplace, type Posterior, predict, TrainingStopped, type TrainOptions, train } from "../../src/index.ts";
import type { PooledKs } from "../../src/model/calibration-record.ts";
import { normalAt } from "../../src/numbers/random.ts";
import { constantSd } from "../../src/simulate/noise-sd.ts";
import { cpuSeconds } from "../report.ts";
import { type Cases, DRAWS } from "./truth.ts";

export interface Method {
  readonly name: string;
  /** How it is trained; null: Laplace's approximation, which is not. */
  readonly train: TrainOptions | null;
}

export interface Judged {
  readonly ks: PooledKs;
  /** Standard error of the mean over observations. */
  readonly error: number;
  readonly directions: number;
  readonly loss: number;
  /** Mean over observations of log p(θ | y) − log q(θ | y): their KL divergence, where p is known. */
  readonly kl: number;
  readonly klError: number;
}
export interface Outcome extends Judged {
  readonly method: string;
  /** Processor seconds of training. */
  readonly seconds: number;
  /** Processor milliseconds of an observation. */
  readonly ms: number;
  /** Draws (DRAWS, D) an observation. */
  readonly draws: readonly Float32Array[];
}

const DIRECTIONS = 8;
const SEED = 11;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Of a mean. */
function standardError(values: readonly number[]): number {
  const m = mean(values);
  return Math.sqrt(mean(values.map((v) => (v - m) ** 2)) / Math.max(values.length - 1, 1));
}

/** Largest KS over the directions. */
function alongDirections(a: Float32Array, b: Float32Array, D: number): number {
  const sd = Array.from({ length: D }, (_, d) => {
    const column = Array.from({ length: b.length / D }, (_x, s) => b[s * D + d]);
    const m = mean(column);
    return Math.sqrt(mean(column.map((v) => (v - m) ** 2)));
  });
  let most = 0;
  for (let k = 0; k < DIRECTIONS; k++) {
    const weights = sd.map((s, d) => normalAt(5, 1, 0, k, d) / s);
    const project = (x: Float32Array): Float64Array =>
      Float64Array.from({ length: x.length / D }, (_, s) => weights.reduce((sum, w, d) => sum + w * x[s * D + d], 0));
    most = Math.max(most, ksTwoSample(project(a), project(b)));
  }
  return most;
}

/** Statistics of draws against the truth; `losses` (an observation) where densities are known. */
export function judge(
  { problem: { D }, truth, logPosterior }: Cases,
  draws: readonly Float32Array[],
  losses: readonly number[],
): Judged {
  const each = draws.map((d, i) => Array.from(ksPerParameter(d, truth[i], D)));
  const gaps = logPosterior ? losses.map((l, i) => l + logPosterior[i]) : [];
  return {
    ks: pool(each.flat()),
    error: standardError(each.map(mean)),
    directions: D === 1 ? mean(each.flat()) : mean(draws.map((d, i) => alongDirections(d, truth[i], D))),
    loss: losses.length > 0 ? mean(losses) : Number.NaN,
    kl: gaps.length > 0 ? mean(gaps) : Number.NaN,
    klError: gaps.length > 0 ? standardError(gaps) : Number.NaN,
  };
}

/** What an exact method would be judged: the truth's other half. */
export const judgeTruth = (cases: Cases): Judged | null => cases.again && judge(cases, cases.again, []);

/** Noise-free data of draws of the posterior hardly ever lie so many noise sd from those of the truth. */
const ASTRAY = 6;

/** Share of draws with a datum astray of the truth's: what of a joint posterior its marginals do not show. */
export async function astray({ problem, theta }: Cases, draws: readonly Float32Array[]): Promise<number> {
  const { M } = problem;
  const sd = constantSd(problem) ?? new Float64Array(M).fill(Number.NaN);
  const limit = (j: number): number => ASTRAY * sd[j];
  const clean = await predict(
    problem,
    theta.flatMap((t) => Array.from(t)),
  );
  let [sum, count] = [0, 0];
  for (const [i, own] of draws.entries()) {
    const again = await predict(problem, own);
    count += again.length / M;
    for (let s = 0; s < again.length; s += M)
      if (clean.subarray(i * M, (i + 1) * M).some((v, j) => Math.abs(again[s + j] - v) > limit(j))) sum++;
  }
  return sum / count;
}

/** Trains a method, infers the cases, judges the posteriors. */
export async function evaluate(cases: Cases, { name, train: options }: Method): Promise<Outcome> {
  const { problem, theta, y } = cases;
  const before = cpuSeconds();
  const map = options === null ? null : await train(problem, { seed: 1, heldOut: 1024, ...options });
  const seconds = map === null ? 0 : cpuSeconds() - before;
  const posteriorsOf = async (rows: readonly Float32Array[]): Promise<Posterior[]> =>
    map === null ? laplace(problem, rows) : infer(map, rows, { draws: 2 });
  await (await posteriorsOf(y.slice(0, 1)))[0].sample(DRAWS, { seed: SEED }); // compiles
  const started = cpuSeconds();
  const posteriors = await posteriorsOf(y);
  const draws: Float32Array[] = [];
  for (const posterior of posteriors) draws.push(Float32Array.from(await posterior.sample(DRAWS, { seed: SEED })));
  const ms = ((cpuSeconds() - started) * 1000) / y.length;
  const losses: number[] = [];
  for (const [i, posterior] of posteriors.entries()) losses.push(-(await posterior.logProb(theta[i]))[0]);
  return { method: name, ...judge(cases, draws, losses), seconds, ms, draws };
}

/** As `evaluate`; a training that diverges is answered with the error: that a method cannot be trained so is a result too. */
export const attempt = (cases: Cases, method: Method): Promise<Outcome | TrainingStopped> =>
  evaluate(cases, method).catch((error) => {
    if (error instanceof TrainingStopped) return error;
    throw error;
  });

/** Of `evaluate`, what goes into tables. */
export const columns = (o: Judged & Partial<Pick<Outcome, "seconds" | "ms">>): string[] => [
  `${number(o.ks.mean)} ± ${number(o.error)}`,
  number(o.ks.p90),
  number(o.ks.max),
  number(o.directions),
  Number.isNaN(o.loss) ? "" : signed(o.loss),
  o.seconds === undefined ? "" : o.seconds.toFixed(0),
  o.ms === undefined ? "" : milliseconds(o.ms),
];
export const titles = ["KS mean", "p90", "max", "directions", "−log q", "training, s", "ms per observation"];

/** A statistic in [0, 1], without the nought. */
export const number = (x: number): string => x.toFixed(3).replace(/^0(?=\.)/, "");

/** Two decimals, with a true minus sign. */
export const signed = (x: number): string => x.toFixed(2).replace("-", "−");
/** Two digits. */
export const milliseconds = (x: number): string => (x >= 100 ? x.toFixed(0) : x.toPrecision(2));

/** A table in Markdown. */
export const markdown = (rows: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(rows[0]), `|${"---|".repeat(rows[0].length)}`, ...rows.slice(1).map(line)].join("\n");
};
