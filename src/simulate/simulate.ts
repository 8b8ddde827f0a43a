/** Simulated data sets: parameters from the prior (or the proposal), noise-free data, noisy data. */

import type { Executor } from "../backends/backend.ts";
import { type BackendOptions, backendTable, createExact } from "../backends/select.ts";
import { describe } from "../checks/arguments.ts";
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
import { includedNoise } from "../distributions/noise.ts";
import { bankRows, cast, input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import { atOnce, pause } from "../host/yielding.ts";
import { columnMeans, columnSds } from "../numbers/principal.ts";
import { STREAMS } from "../numbers/random.ts";
import { expectProblem } from "../problem/expect.ts";
import { type Problem, sourceOf } from "../problem/problem.ts";
import {
  checkBankFile,
  type SimulationControl,
  type SimulationProgress,
  SimulationStopped,
  simulationTable,
} from "./options.ts";
import { simulateRows } from "./run-simulator.ts";

/** Steps of the counter that training never reaches: each use of simulations has its own draws. */
export const SIMULATION_STEPS = {
  bank: -1,
  heldOut: -2,
  fingerprint: -3,
  validation: -4,
  user: -5,
  starts: -6,
  /** And those below, one a bank. */
  surrogate: -1000,
} as const;

export interface Simulations {
  readonly count: number;
  /** (count, D) */
  readonly theta: Float32Array;
  /** (count, M), without noise and with it. */
  readonly clean: Float32Array;
  readonly noisy: Float32Array;
}

/** Fresh parameters and data of a batch, drawn inside the plan: online simulation. Both f32. */
export function traceSimulation(problem: Problem, precision: DType): { theta: Tensor; clean: Tensor; noisy: Tensor } {
  if (problem.forward === null) throw new Error(`internal: "${problem.name}" has no forward model to trace`);
  const theta = (problem.proposal ?? problem.prior).draw(STREAMS.prior, precision);
  const clean = cast(problem.forward(theta), "f32");
  return { theta: cast(theta, "f32"), clean, noisy: problem.noise.draw(clean, STREAMS.noise) };
}

/** Pairs drawn from a bank of simulations, with fresh noise. */
export function traceBank(problem: Problem): { theta: Tensor; noisy: Tensor } {
  const clean = bankRows("clean", problem.M, STREAMS.bank);
  return { theta: bankRows("theta", problem.D, STREAMS.bank), noisy: problem.noise.draw(clean, STREAMS.noise) };
}

/** The options of `simulate`. */
export const simulateTable = {
  /** Seed of the draws. It gives the same simulations on every host, and none that training sees. */
  seed: option(seed, 0),
  ...simulationTable,
  ...backendTable,
};
/** Options of `simulate`. */
export type SimulateOptions = OptionsOf<typeof simulateTable>;

/**
 * Simulates `count` data sets: parameters drawn from the prior (or the proposal), with the data before and after noise. The
 * result has fewer rows where the simulator fails and failures are dropped.
 * @throws on options that make no sense; `SimulationStopped` when aborted; with the parameters of the first simulation that
 * fails, unless failures are dropped.
 */
export async function simulate(problem: Problem, count: number, options: SimulateOptions = {}): Promise<Simulations> {
  expectProblem("simulate", problem);
  expectOption("simulate", "count", whole(1), count);
  expectRoom("simulate", "count", count, problem.D + problem.M);
  const settings = readOptions("simulate", simulateTable, options);
  checkBankFile("simulate", problem, settings);
  const backend = pickOptions(backendTable, settings);
  return simulateAt(problem, count, settings.seed, SIMULATION_STEPS.user, backend, settings);
}

/**
 * Noise-free data (N, M), row by row, of parameters (N, D), row by row.
 * @throws for a problem without a forward model in ops, and on parameters that are not N rows of D finite numbers.
 */
export async function predict(
  problem: Problem,
  theta: ArrayLike<number>,
  options: BackendOptions = {},
): Promise<Float64Array> {
  expectProblem("predict", problem);
  const backend = readOptions("predict", backendTable, options);
  const { D, forward, name } = problem;
  if (forward === null)
    throw new Error(`predict: expected a forward model in ops, and "${name}" has ${sourceOf(problem)}`);
  if (typeof theta !== "object" || theta === null || !(theta.length > 0) || theta.length % D !== 0)
    throw new Error(`predict: expected parameters (N, ${D}), got ${theta?.length ?? describe(theta)} numbers`);
  const bad = Array.from(theta).findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) {
    const got = describe(theta[bad]);
    throw new Error(`predict: expected finite numbers, got ${got} in row ${Math.floor(bad / D) + 1}`);
  }
  const program = atOnce(compile({ predict: { outputs: { data: forward(input("theta", D, { dtype: "f64" })) } } }));
  const inputs = { theta: Float64Array.from(theta) };
  return once(program, backend, async (executor) => {
    const { data } = await executor.run("predict", { rows: theta.length / D, inputs });
    refuseFault(executor, `predict: "${name}"`);
    return Float64Array.from(data);
  });
}

/** No sample ends as NaN in silence: what went wrong in a run is thrown, and names the sample. */
export function refuseFault(executor: Executor, owner: string): void {
  const fault = executor.fault();
  if (fault !== undefined) throw new Error(`${owner}: ${fault}`);
}

/** Milliseconds that simulating keeps the thread before it lets others in, and that pass before there is progress to tell. */
const PART_MS = 100;
const UNTOLD_MS = 1000;

/** Tells how far a long run has come, and ends it when it is aborted: looked for now and then, and at 0. */
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

/** Simulations at a step of the counter of draws. @throws `SimulationStopped` when aborted. */
export async function simulateAt(
  problem: Problem,
  count: number,
  seed: number,
  step: number,
  options: BackendOptions = {},
  control: SimulationControl = {},
): Promise<Simulations> {
  if (problem.forward === null) return simulateOutside(problem, count, seed, step, options, control);
  const program = atOnce(compile({ simulate: { outputs: traceSimulation(problem, "f64") } }));
  const onRows = reporter(count, control);
  const out = await once(program, options, async (executor) => {
    const simulated = await executor.run("simulate", { rows: count, seed, step, onRows });
    await onRows(count);
    refuseFault(executor, `simulate: "${problem.name}"`);
    return simulated;
  });
  return {
    count,
    theta: out.theta as Float32Array,
    clean: out.clean as Float32Array,
    noisy: out.noisy as Float32Array,
  };
}

/** A simulator that is a function: parameters from the backend, data from the function, noise from the backend. */
async function simulateOutside(
  problem: Problem,
  count: number,
  seed: number,
  step: number,
  options: BackendOptions,
  control: SimulationControl,
): Promise<Simulations> {
  const { simulate, name } = problem;
  if (simulate === null)
    throw new Error(
      `simulate: expected a forward model or a simulator, and "${name}" has ${sourceOf(problem)}; train it with bank: { theta, y }`,
    );
  const program = atOnce(
    compile({
      prior: { outputs: { theta: (problem.proposal ?? problem.prior).draw(STREAMS.prior, "f64") } },
    }),
  );
  const drawn = await once(program, options, (executor) => executor.run("prior", { rows: count, seed, step }));
  const request = { problem: { ...problem, simulate }, theta: drawn.theta as Float64Array, seed, step, control };
  const { theta, data, count: left } = await simulateRows(request);
  const noisy = await addNoise(problem, data, seed, step, options);
  return { count: left, theta: Float32Array.from(theta), clean: data, noisy };
}

/** Data (N, M) with one draw of noise each. */
export async function addNoise(
  problem: Problem,
  clean: Float32Array,
  seed: number,
  step: number,
  options: BackendOptions,
): Promise<Float32Array> {
  if (problem.noise === includedNoise) return clean;
  const { M, noise } = problem;
  const program = atOnce(compile({ noise: { outputs: { noisy: noise.draw(input("clean", M), STREAMS.noise) } } }));
  const run = { rows: clean.length / M, seed, step, inputs: { clean } };
  return (await once(program, options, (executor) => executor.run("noise", run))).noisy as Float32Array;
}

/**
 * Noise sd of each datum (M), from the noise itself, so that any noise model will do. Where data hold theirs already nobody knows
 * it, and the sd of the data is the scale.
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

/** An executor for one use. */
export async function once<T>(
  program: Parameters<typeof createExact>[0],
  options: BackendOptions,
  use: (executor: Executor) => Promise<T>,
): Promise<T> {
  const executor = await createExact(program, options);
  try {
    return await use(executor);
  } finally {
    executor.dispose();
  }
}
