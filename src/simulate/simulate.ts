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
import { includedNoise } from "../distributions/noise.ts";
import { bankRows, cast, input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import { atOnce, pause } from "../host/yielding.ts";
import { columnMeans, columnSds } from "../numbers/moments.ts";
import { STREAMS } from "../numbers/random.ts";
import { expectProblem } from "../problem/expect.ts";
import { type Problem, sourceOf } from "../problem/problem.ts";
import { conditioned, failuresTable, finiteRows, type Policy, takeRows } from "./finite.ts";
import {
  checkBankFile,
  type SimulationControl,
  type SimulationProgress,
  SimulationStopped,
  simulationTable,
} from "./options.ts";
import { simulateRows } from "./run-simulator.ts";
import { SIMULATION_STEPS } from "./steps.ts";

/** Simulated data sets. */
export interface Simulations {
  /** Number of data sets. */
  readonly count: number;
  /** Parameters, (count, D). */
  readonly theta: Float32Array;
  /** Noise-free data, (count, M). */
  readonly clean: Float32Array;
  /** Noisy data, (count, M). */
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
/** Policy of functions that learn from simulations: forward models in ops have no other choice. */
const POLICY: Own = { owner: "simulate", advice: "check the forward model there", failures: "stop" };

/**
 * Simulations whose data are finite.
 * @throws naming the row, the parameters and the data of one that is not, where the policy does not drop it.
 */
export function onlyFinite(
  problem: Problem,
  { theta, clean, noisy }: Omit<Simulations, "count">,
  fault?: string,
  { onWarning }: SimulationControl = {},
  policy: Own = POLICY,
): Simulations {
  const told = { ...policy, meaning: conditioned(problem.name), onWarning };
  const rows = finiteRows(problem, theta, [clean, noisy], told, fault);
  const { D, M } = problem;
  const count = rows?.length ?? theta.length / D;
  return { count, theta: takeRows(theta, rows, D), clean: takeRows(clean, rows, M), noisy: takeRows(noisy, rows, M) };
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
  if (problem.forward === null)
    return onlyFinite(
      problem,
      await simulateOutside(problem, count, seed, step, options, control),
      undefined,
      control,
      policy,
    );
  const program = atOnce(compile({ simulate: { outputs: traceSimulation(problem, "f64") } }));
  const onRows = reporter(count, control);
  return once(program, options, async (executor) => {
    const simulated = await executor.run("simulate", { rows: count, seed, step, onRows });
    await onRows(count);
    return onlyFinite(problem, simulated as unknown as Simulations, executor.fault(), control, policy);
  });
}

/** Simulates by a simulator: parameters and noise come from the backend, data from the simulator. */
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

/** Noisy data (N, M) of noise-free ones (N, M), with one draw of noise each. */
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
