/** Data of given parameters, by the forward model in ops or by the simulator. */
import { backendTable } from "../backends/select.ts";
import { type OptionsOf, pickOptions, readOptions } from "../checks/options.ts";
import { flatRows, type Rows } from "../checks/rows.ts";
import { expectProblem } from "../problem/expect.ts";
import type { Problem } from "../problem/problem.ts";
import { dataAt } from "./data-at.ts";
import { failuresTable, finiteRows, takeRows } from "./finite.ts";
import { simulationTable } from "./options.ts";

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
  return (await replicate("predict", problem, flat, settings, [0])).data[0];
}

/** Parameters and their data once for each seed, of the same rows: those where all are finite. */
export interface Replicated {
  /** (N, D) */
  readonly theta: Float64Array;
  /** (N, M), one for each seed. */
  readonly data: readonly Float64Array[];
}

/** Data (N, M) of parameters (N, D), once for each seed. @throws as `predict` does. */
export async function replicate(
  owner: string,
  problem: Problem,
  theta: ArrayLike<number>,
  settings: PredictOptions,
  seeds: readonly number[],
): Promise<Replicated> {
  const { D, M, name, calls } = problem;
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
  return {
    theta: takeRows(Float64Array.from(theta), rows, D),
    data: tables.map((table) => takeRows(table, rows, M)),
  };
}
