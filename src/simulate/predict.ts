/** Data of given parameters, by the forward model in ops or by the simulator. */
import { type BackendOptions, backendTable, once } from "../backends/select.ts";
import { type OptionsOf, pickOptions, readOptions } from "../checks/options.ts";
import { flatRows, type Rows } from "../checks/rows.ts";
import { input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { randomWord, STREAMS } from "../numbers/random.ts";
import { expectProblem } from "../problem/expect.ts";
import { type Problem, sourceOf } from "../problem/problem.ts";
import { failureOf, type Job, runCalls } from "./calls.ts";
import { type Failures, failuresTable, finiteRows, refuseHopeless, takeRows } from "./finite.ts";
import { simulationTable } from "./options.ts";
import { SIMULATION_STEPS } from "./steps.ts";

export const predictTable = { ...failuresTable, signal: simulationTable.signal, ...backendTable };
/** Options of `predict`. */
export type PredictOptions = OptionsOf<typeof predictTable>;

/**
 * Noise-free data (N, M), row by row, of parameters (N, D), row by row: by the forward model, or by the simulator, whose data
 * contain their noise if the problem's noise is null. The result has fewer rows if failures are dropped.
 * @throws for a problem that has neither; on parameters that are not N rows of D finite numbers; with the row and the parameters
 * of the first data that are not finite, unless failures are dropped; the signal's reason when a simulator is aborted.
 */
export async function predict(problem: Problem, theta: Rows, options: PredictOptions = {}): Promise<Float64Array> {
  expectProblem("predict", problem);
  const settings = readOptions("predict", predictTable, options);
  const flat = flatRows("predict", "parameters", theta, problem.D);
  return (await replicate("predict", problem, flat, settings, [0]))[0];
}

/** Data (N, M) of parameters (N, D), once for each seed: the same rows of each, those where all are finite. @throws as `predict` does. */
export async function replicate(
  owner: string,
  problem: Problem,
  theta: ArrayLike<number>,
  settings: PredictOptions,
  seeds: readonly number[],
): Promise<Float64Array[]> {
  const { M, name, calls } = problem;
  const { failures = calls.failures, onWarning, signal } = settings;
  const backend = pickOptions(backendTable, settings);
  const tables: Float64Array[] = [];
  let fault: string | undefined;
  for (const seed of seeds) {
    const out = await dataAt(owner, problem, Float64Array.from(theta), { ...backend, signal, failures, seed });
    tables.push(out.data);
    fault ??= out.fault;
  }
  const advice = `check "${name}" there, or leave such rows out: failures: "drop"`;
  const meaning = "the result has fewer rows than the parameters";
  const rows = finiteRows(problem, theta, tables, { owner, advice, meaning, failures, onWarning }, fault);
  return tables.map((table) => takeRows(table, rows, M));
}

export interface DataRequest extends BackendOptions {
  readonly signal?: AbortSignal;
  /** Whether a failed simulation ends the call. */
  readonly failures: Failures;
  /** Seed of the noise that a simulator adds itself. */
  readonly seed: number;
}

/**
 * Data (N, M) of parameters (N, D), NaN for failures, and the reason of the first failure, if it is known.
 * @throws for a problem without forward model and simulator; if a simulator fails and `failures` is "stop", or if all calls fail.
 */
export async function dataAt(
  owner: string,
  problem: Problem,
  theta: Float64Array,
  { seed, signal, failures, ...backend }: DataRequest,
): Promise<{ readonly data: Float64Array; readonly fault?: string }> {
  const { D, M, forward, simulate, name, calls } = problem;
  if (forward !== null) {
    const program = atOnce(compile({ predict: { outputs: { data: forward(input("theta", D, { dtype: "f64" })) } } }));
    return once(program, backend, async (executor) => {
      const { data } = await executor.run("predict", { rows: theta.length / D, inputs: { theta } });
      return { data: Float64Array.from(data), fault: executor.fault() };
    });
  }
  if (simulate === null)
    throw new Error(`${owner}: expected a forward model or a simulator, and "${name}" has ${sourceOf(problem)}`);
  const count = theta.length / D;
  const data = new Float64Array(count * M).fill(Number.NaN);
  const job: Job = {
    run: simulate,
    calls: { ...calls, failures },
    M,
    count,
    thetaOf: (row) => theta.slice(row * D, (row + 1) * D),
    seedOf: (row) => randomWord(seed, STREAMS.simulators, SIMULATION_STEPS.predict, row, 0),
    signal,
  };
  let [fault, failed, done]: [string | undefined, number, number] = [undefined, 0, 0];
  await runCalls(job, Array.from(new Uint8Array(count).keys()), (outcomes) => {
    for (const outcome of outcomes) {
      done++;
      if (outcome.data !== null) data.set(outcome.data, outcome.row * M);
      else if (failed++ === 0) fault = failureOf(job, outcome).message;
    }
    refuseHopeless(owner, failed, done, Number.POSITIVE_INFINITY, fault);
  });
  signal?.throwIfAborted();
  return { data, fault };
}
