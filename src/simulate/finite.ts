/** Simulations whose data are not finite. The caller chooses: an error with the parameters, or the rows are dropped and counted. */
import type { Option, OptionsOf } from "../checks/options.ts";
import { option } from "../checks/options.ts";
import type { Problem } from "../problem/problem.ts";
import { type CallSettings, callTable } from "../problem/simulator.ts";
import { showTheta } from "./calls.ts";
import { simulationTable } from "./options.ts";

export type Failures = CallSettings["failures"];

/** Options for rows that fail. */
export const failuresTable = {
  /**
   * What happens to parameters whose data are not finite, or whose simulation fails. "stop": an error that names the row and its
   * parameters. "drop": they are left out (at most half of all), with a warning that counts them. By default what the problem's
   * simulator says; "drop" for forward models with differential equations, and "stop" for others in ops.
   */
  failures: option(callTable.failures.check) as Option<Failures, undefined>,
  onWarning: simulationTable.onWarning,
};

/** Treatment of rows that fail, and texts of messages. */
export interface Policy extends OptionsOf<typeof failuresTable> {
  readonly owner: string;
  /** Advice on a row that fails. */
  readonly advice: string;
  /** The consequence of dropped rows, in words. */
  readonly meaning: string;
  /** The table of noisy data, whose noise is to blame where the noise-free data are finite. */
  readonly noisy?: ArrayLike<number>;
}

const LARGEST_SHARE = 0.5;
/** After this number of failures without a success the run ends. */
const HOPELESS = 100;

/** @throws if more than half of the simulations have failed, or many and all so far. `first`: the error of the first. */
export function refuseHopeless(
  owner: string,
  failed: number,
  done: number,
  count: number,
  first = "in the bank file",
): void {
  if (failed <= LARGEST_SHARE * count && !(failed >= HOPELESS && failed === done)) return;
  const share = `${failed} failures among ${done} of ${count}`;
  throw new Error(`${owner}: expected at most half of the simulations to fail, got ${share}; the first: ${first}`);
}

/** The warning about dropped rows, with the error of one of them. */
export function droppedWarning(failed: number, count: number, meaning: string, one?: string): string {
  const share = Number(((100 * failed) / count).toPrecision(2));
  const example = one === undefined ? "" : `; one of them: ${one}`;
  return `${failed} of ${count} simulations (${share} %) failed and were dropped: ${meaning}${example}`;
}

/** The consequence of dropped rows of a bank, in words. */
export const conditioned = (name: string): string =>
  `posteriors belong to the prior restricted to parameters at which "${name}" can be simulated`;

/**
 * The rows whose data (N, M) are finite in every table; null if all are.
 * @throws if one is not and failures are errors, with its row, its parameters (D) and its data. `fault`: the reason, if known.
 */
export function finiteRows(
  { name, D, calls }: Pick<Problem, "name" | "D" | "calls">,
  theta: ArrayLike<number>,
  tables: readonly ArrayLike<number>[],
  { owner, advice, meaning, noisy, failures = calls.failures, onWarning = console.warn }: Policy,
  fault?: string,
): readonly number[] | null {
  const count = theta.length / D;
  const widthOf = (table: ArrayLike<number>): number => table.length / count; // noisy data may be rows with circumstances
  const rows: number[] = [];
  let first: string | undefined;
  for (let row = 0; row < count; row++) {
    const odd = tables.find((table) => firstOdd(table, row, widthOf(table)) < widthOf(table));
    if (odd === undefined) rows.push(row);
    if (odd === undefined || first !== undefined) continue;
    const width = widthOf(odd);
    const j = firstOdd(odd, row, width);
    const at = Float64Array.from({ length: D }, (_, d) => theta[row * D + d]);
    const where = `${showTheta(at)}, row ${row + 1} of ${count}`;
    const why = fault === undefined ? "" : `; ${fault}`;
    const what = odd === noisy ? "noise on the data" : "data";
    first = `expected finite ${what} of "${name}" for ${where}, got ${odd[row * width + j]} in column ${j + 1}${why}`;
    const check =
      odd === noisy
        ? "check there that its sd, or scale, is above 0 and its other parameters are in their range"
        : advice;
    if (failures === "stop") throw new Error(`${owner}: ${first}; ${check}`);
  }
  if (first === undefined) return null;
  const failed = count - rows.length;
  refuseHopeless(owner, failed, count, count, first);
  onWarning(droppedWarning(failed, count, meaning, first));
  return rows;
}

/** The first of the data of a row that is not finite; its width where all are. */
function firstOdd(table: ArrayLike<number>, row: number, width: number): number {
  let j = 0;
  while (j < width && Number.isFinite(table[row * width + j])) j++;
  return j;
}

/** Some rows of a table, in its own type; all of them where `rows` is null. */
export function takeRows<T extends Float32Array | Float64Array>(
  table: T,
  rows: readonly number[] | null,
  width: number,
): T {
  if (rows === null) return table;
  const out = table.slice(0, rows.length * width) as T;
  rows.forEach((row, i) => {
    out.set(table.subarray(row * width, (row + 1) * width), i * width);
  });
  return out;
}
