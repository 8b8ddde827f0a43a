/** Simulated data sets: parameters from the prior (or the proposal), noise-free data, noisy data. */

import { type BackendOptions, backendTable, once } from "../backends/select.ts";
import {
  expectOption,
  expectRoom,
  type OptionsOf,
  option,
  pickOptions,
  readOptions,
  seed,
  whole,
} from "../checks/options.ts";
import { drawNoise, isIncluded } from "../distributions/noise/model.ts";
import { bankRows, cast, input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import { atOnce, pause } from "../host/yielding.ts";
import { columnMeans, columnSds } from "../numbers/moments.ts";
import { type Centre, centreOf, isLost, isRounding, withCentre, withoutCentre } from "../numbers/offsets.ts";
import { STREAMS } from "../numbers/random.ts";
import { expectProblem } from "../problem/expect.ts";
import { sourceOf } from "../problem/likelihood.ts";
import type { Problem } from "../problem/problem.ts";
import { type Work, withDataAbout, workOf } from "../problem/work.ts";
import { conditioned, failuresTable, finiteRows, type Policy, takeRows } from "./finite.ts";
import { type NoiselessRows, typicalNoiseSd } from "./noise-sd.ts";
import {
  checkBankFile,
  type SimulationControl,
  type SimulationProgress,
  SimulationStopped,
  simulationTable,
} from "./options.ts";
import { simulateRows } from "./run-simulator.ts";
import { SIMULATION_STEPS } from "./steps.ts";

/**
 * Simulated data sets. Arrays are of single precision, or of double precision where the offset of a parameter or of one of the data
 * is so large beside its spread that single precision cannot hold it.
 */
export interface Simulations {
  /** Number of data sets. */
  readonly count: number;
  /** Parameters, (count, D). */
  readonly theta: Float32Array | Float64Array;
  /** Noise-free data, (count, M). */
  readonly clean: Float32Array | Float64Array;
  /** Noisy data, (count, M); of problems of rows with circumstances, (count, width). */
  readonly noisy: Float32Array | Float64Array;
}

/** Simulations in work coordinates (problem/work.ts), all in single precision. */
export interface WorkSimulations extends Simulations {
  readonly theta: Float32Array;
  readonly clean: Float32Array;
  readonly noisy: Float32Array;
}

/** Simulations before they are rounded and noise is added: parameters θ′ (count, D) in work coordinates, data (count, M) as they are. */
export interface Noiseless {
  readonly theta: Float64Array;
  readonly clean: Float64Array;
  /** Why some are not finite, where it is known. */
  readonly fault?: string;
}

/** Fresh parameters and data of a batch, drawn inside the plan: online simulation. Both f32. */
export function traceSimulation(problem: Problem, precision: DType): { theta: Tensor; clean: Tensor; noisy: Tensor } {
  if (problem.forward === null) throw new Error(`internal: "${problem.name}" has no forward model to trace`);
  const theta = (problem.proposal ?? problem.prior).draw(STREAMS.prior, precision);
  const clean = cast(problem.forward(theta), "f32");
  const seen = cast(theta, "f32");
  return { theta: seen, clean, noisy: drawNoise(problem.noise, seen, clean) };
}

/** Pairs drawn from a bank of simulations, with fresh noise. */
export function traceBank(problem: Problem): { theta: Tensor; noisy: Tensor } {
  const [theta, clean] = [bankRows("theta", problem.D, STREAMS.bank), bankRows("clean", problem.M, STREAMS.bank)];
  return { theta, noisy: drawNoise(problem.noise, theta, clean) };
}

/** The options of `simulate`. */
export const simulateTable = {
  /** Seed of the draws. It gives the same simulations on every host, and none that training sees. */
  seed: option(seed, 0),
  ...failuresTable,
  ...simulationTable,
  ...backendTable,
};
/** Options of `simulate`. */
export type SimulateOptions = OptionsOf<typeof simulateTable>;

/**
 * Simulates `count` data sets: parameters drawn from the prior (or the proposal), with the data before and after noise. The
 * result has fewer rows where simulations fail and failures are dropped.
 * @throws on invalid options; `SimulationStopped` when aborted; with the row and the parameters of the first simulation
 * that fails or is not finite, unless failures are dropped.
 */
export async function simulate(problem: Problem, count: number, options: SimulateOptions = {}): Promise<Simulations> {
  expectProblem("simulate", problem);
  expectOption("simulate", "count", whole(1), count);
  expectRoom("simulate", "count", count, problem.D + problem.M);
  const settings = readOptions("simulate", simulateTable, options);
  checkBankFile("simulate", problem, settings);
  const backend = pickOptions(backendTable, settings);
  const { failures = problem.calls.failures } = settings;
  const given = { ...problem, calls: { ...problem.calls, failures } };
  const policy = { ...POLICY, failures, advice: `${POLICY.advice}, or leave such rows out: failures: "drop"` };
  return simulateAt(given, count, settings.seed, SIMULATION_STEPS.user, backend, settings, policy);
}

/** Milliseconds between pauses, and before the first report of progress. */
const PART_MS = 100;
const UNTOLD_MS = 1000;

/** Reports the progress of a long run, and ends it when it is aborted, which is checked at 0 and then every `PART_MS`. */
export function reporter(
  count: number,
  { onSimulate, signal }: SimulationControl,
  stage?: SimulationProgress["stage"],
): (done: number) => Promise<void> {
  const started = performance.now();
  let last = started;
  return async (done) => {
    const now = performance.now();
    if (now - last < PART_MS && done > 0 && done < count) return;
    last = now;
    const perSecond = (done * 1000) / Math.max(now - started, 1);
    const secondsLeft = (count - done) / perSecond;
    if (done === count || now - started > UNTOLD_MS)
      onSimulate?.({ done, count, kept: 0, failed: 0, perSecond, secondsLeft, ...(stage && { stage }) });
    await pause();
    if (signal?.aborted && done < count) throw new SimulationStopped(done, count, null);
  };
}

type Own = Pick<Policy, "owner" | "advice" | "failures">;
/** Policy of functions that learn from simulations; what happens to those that fail is the choice of the problem. */
const POLICY: Own = { owner: "simulate", advice: "check the forward model there" };

type Tables = Pick<Simulations, "theta" | "clean" | "noisy">;

/**
 * Simulations whose data are finite, in work coordinates where the problem is.
 * @throws naming the row, the parameters and the data of one that is not, where the policy does not drop it.
 */
export function onlyFinite<T extends Tables>(
  problem: Problem & { readonly centre?: Centre },
  { theta, clean, noisy }: T,
  fault?: string,
  { onWarning }: SimulationControl = {},
  policy: Own = POLICY,
): T & { readonly count: number } {
  const failures = problem.forward === null ? "stop" : problem.calls.failures; // those of a simulator have been left out before
  const told = {
    failures,
    ...policy,
    meaning: conditioned(problem.name),
    onWarning,
    ...(noisy !== clean && { noisy }),
  };
  const rows = finiteRows(problem, withCentre(theta, problem.centre ?? null), [clean, noisy], told, fault);
  const { D, M, layout } = problem;
  const count = rows?.length ?? theta.length / D;
  const left = {
    theta: takeRows(theta, rows, D),
    clean: takeRows(clean, rows, M),
    noisy: takeRows(noisy, rows, layout.width),
  };
  return { count, ...left } as T & { readonly count: number };
}

/**
 * Simulates data sets at a step of the counter of draws.
 * @throws `SimulationStopped` when aborted; as `onlyFinite` does.
 */
export async function simulateAt(
  problem: Problem,
  count: number,
  seed: number,
  step: number,
  options: BackendOptions = {},
  control: SimulationControl = {},
  policy: Own = POLICY,
): Promise<Simulations> {
  const work = workOf(problem);
  const made = await noiselessAt(work, count, seed, step, options, control);
  const centre = await centreOfData(work, made, options, control.onWarning);
  const clean = centre === null ? Float32Array.from(made.clean) : made.clean;
  const theta = work.centre === null ? Float32Array.from(made.theta) : withCentre(made.theta, work.centre);
  const noisy = await addNoise(problem, { theta, clean }, seed, step, options);
  return onlyFinite(problem, { theta, clean, noisy }, made.fault, control, policy);
}

/** Simulations with noise in work coordinates, the data about a centre b, which a bank asks for. */
export async function withNoise(
  work: Work,
  made: Noiseless,
  b: Centre,
  seed: number,
  step: number,
  options: BackendOptions,
  policy: Own = POLICY,
): Promise<WorkSimulations> {
  const clean = withoutCentre(made.clean, b);
  const theta = Float32Array.from(made.theta);
  const noisy = await addNoise(withDataAbout(work, b), { theta, clean }, seed, step, options);
  return onlyFinite(work, { theta, clean, noisy }, made.fault, {}, policy);
}

/** Simulates without noise. @throws `SimulationStopped` when aborted. */
export async function noiselessAt(
  work: Work,
  count: number,
  seed: number,
  step: number,
  options: BackendOptions,
  control: SimulationControl,
): Promise<Noiseless> {
  const { forward, prior, proposal } = work;
  if (forward === null) return simulateOutside(work, count, seed, step, options, control);
  const theta = (proposal ?? prior).draw(STREAMS.prior, "f64");
  const program = atOnce(compile({ simulate: { outputs: { theta, clean: forward(theta) } } }));
  const onRows = reporter(count, control);
  return once(program, options, async (executor) => {
    const out = await executor.run("simulate", { rows: count, seed, step, onRows });
    await onRows(count);
    return { theta: out.theta as Float64Array, clean: out.clean as Float64Array, fault: executor.fault() };
  });
}

/** Simulates by a simulator: parameters come from the backend, data from the simulator. */
async function simulateOutside(
  { of, simulate, name, prior, proposal, centre }: Work,
  count: number,
  seed: number,
  step: number,
  options: BackendOptions,
  control: SimulationControl,
): Promise<Noiseless> {
  if (simulate === null)
    throw new Error(
      `simulate: expected a forward model or a simulator, and "${name}" has ${sourceOf(of)}; train it with bank: { theta, y }`,
    );
  const program = atOnce(compile({ prior: { outputs: { theta: (proposal ?? prior).draw(STREAMS.prior, "f64") } } }));
  const drawn = await once(program, options, (executor) => executor.run("prior", { rows: count, seed, step }));
  const theta = withCentre(drawn.theta as Float64Array, centre);
  const rows = await simulateRows({ problem: { ...of, simulate }, theta, seed, step, control });
  return {
    theta: centre ? rows.theta.map((x, i) => x - centre[i % centre.length]) : rows.theta,
    clean: rows.data,
  };
}

/** Noisy data (N, M), or rows (N, width) with their circumstances, of parameters (N, D) and noise-free data (N, M), of the type of the latter, with one draw of noise each. */
export async function addNoise<T extends Float32Array | Float64Array>(
  { D, M, noise }: Pick<Problem, "D" | "M" | "noise">,
  { theta, clean }: { readonly theta: Float32Array | Float64Array; readonly clean: T },
  seed: number,
  step: number,
  options: BackendOptions,
): Promise<T> {
  if (isIncluded(noise)) return clean;
  const typeOf = (table: Float32Array | Float64Array): DType => (table instanceof Float32Array ? "f32" : "f64");
  const seen = noise.fixed === null ? input("theta", D, { dtype: typeOf(theta) }) : null;
  const noisy = drawNoise(noise, seen, input("clean", M, { dtype: typeOf(clean) }));
  const program = atOnce(compile({ noise: { outputs: { noisy } } }));
  const run = { rows: clean.length / M, seed, step, inputs: { clean, ...(seen !== null && { theta }) } };
  return (await once(program, options, (executor) => executor.run("noise", run))).noisy as T;
}

/** Simulations that the moments of the data are taken from, and those that tell a spread well enough to refuse it. */
const MOMENTS = 1024;
const ENOUGH = 20;
/** Noise sd that count as the spread of the data where that is less, because what the noise shows must not be lost. */
const NOISES = 100;

/** The centre that the data of simulations need, in the coordinates of the problem. @throws as `dataCentre` does. */
export async function centreOfData(
  problem: Problem,
  rows: NoiselessRows,
  options: BackendOptions,
  onWarning?: (message: string) => void,
): Promise<Centre> {
  return dataCentre(problem, rows.clean, await typicalNoiseSd(problem, rows, options), onWarning);
}

/**
 * The centre b (M) that noise-free data (N, M) need beside their spread and the noise; null where single precision holds them.
 * `noiseSd`: (M), 0 where it is not known.
 * @throws where double precision does not hold them either, naming the column and what to do.
 */
export function dataCentre(
  { M, data, name, noise }: Pick<Problem, "M" | "data" | "name" | "noise">,
  clean: ArrayLike<number>,
  noiseSd: Float64Array,
  onWarning: (message: string) => void = console.warn,
): Centre {
  const all = new Float64Array(Math.min(clean.length, MOMENTS * M));
  let rows = 0;
  for (let at = 0; at < all.length; at += M) {
    let finite = true; // other rows are refused, or dropped, elsewhere
    for (let j = 0; j < M; j++) finite = Number.isFinite((all[rows * M + j] = clean[at + j])) && finite;
    if (finite) rows++;
  }
  if (rows === 0) return null;
  const some = all.subarray(0, rows * M);
  const mean = columnMeans(some, M);
  const sd = columnSds(some, M, mean);
  const lost = (j: number): string =>
    `data "${data[j].name}" of "${name}" lie around ${mean[j]}, where double precision cannot hold a spread of ${sd[j].toPrecision(2)}`;
  const spread = sd.map((own, j) => {
    if (!Number.isFinite(own)) return Infinity;
    const noiseOf = noiseSd[j];
    if (noiseOf > 0 && rows >= ENOUGH && isLost(mean[j], Math.max(own, noiseOf)))
      throw new Error(`simulate: ${lost(j)}; subtract a reference value in the model, and from the observations`);
    if (noiseOf > 0) return Math.min(own > 0 ? own : Infinity, NOISES * noiseOf);
    // A constant, or one that was rounded to single precision, stays what it is: nn/constant.ts.
    const rounded = isRounding(mean[j], own) && some.every((v, i) => i % M !== j || Math.fround(v) === v);
    if (!(own > 0) || rounded) return Infinity;
    if (!isLost(mean[j], own)) return own;
    onWarning(`${lost(j)}: it is taken for constant; if it is not, subtract a reference value`);
    return Infinity;
  });
  return centreOf(mean, spread, noise.data === "counts");
}

/**
 * Noise sd of each of the data (M), estimated from draws of the noise, so that every noise model is covered. Where the data include
 * their noise it is unknown, and the sd of the data is taken instead.
 */
export function noiseSd({ clean, noisy }: Pick<Simulations, "clean" | "noisy">, M: number): Float64Array {
  const sum = new Float64Array(M);
  for (let i = 0; i < clean.length; i++) {
    const noise = noisy[i] - clean[i];
    sum[i % M] += noise * noise;
  }
  if (sum.every((s) => s === 0)) return columnSds(noisy, M, columnMeans(noisy, M));
  return sum.map((s) => Math.sqrt((s * M) / clean.length));
}
