/**
 * Reads the answers of a simulator: their form, their numbers, and that each row is an array of its own. Numbers are copied as soon
 * as they arrive, so that a simulator may fill one list again in its next call.
 */
import { describe } from "../checks/arguments.ts";
import { notePlaces } from "../checks/places.ts";

/** The outcome of one row: its data (M), or the cause of its failure. */
export interface Outcome {
  readonly row: number;
  readonly data: Float64Array | null;
  readonly cause?: Error;
}

/** An answer of the wrong form: a mistake in the simulator, which repetition does not correct. */
const misfit = (message: string): Error =>
  Object.assign(new Error(`simulate: ${message}`), { permanent: true, misfit: true });
export const isMisfit = (error: unknown): boolean => (error as { misfit?: unknown } | null)?.misfit === true;

type Row = ArrayLike<unknown> & object;
const isRow = (x: unknown): x is Row => typeof x === "object" && x !== null && "length" in x;
const numberOf = (M: number): string => (M === 1 ? "1 number" : `${M} numbers`);

/** The rows of an answer. @throws where it is no list of as many rows, with advice where the simulator answers for one row alone. */
function rowsOf(answer: unknown, count: number, M: number): readonly unknown[] {
  const list: readonly unknown[] | undefined = Array.isArray(answer) ? answer : undefined;
  const isPlain = (x: unknown): boolean => typeof x === "number" || typeof x === "string";
  const flat = list?.some(isPlain) && (list.length !== count || list.every(isPlain));
  if (list?.length === count && !flat) return list;
  const expected = `expected ${count} rows of data for ${count} parameters, got`;
  if (flat && M === 1 && list?.length === count)
    throw misfit(`${expected} numbers; a row is a list: write thetas => thetas.map((theta) => [f(theta)])`);
  const alone = flat || isPlain(answer) || ArrayBuffer.isView(answer);
  const got = ArrayBuffer.isView(answer) ? `one ${answer.constructor.name}` : describe(answer);
  if (alone) throw misfit(`${expected} ${got}; simulate takes a list: write thetas => thetas.map(f)`);
  throw misfit(`${expected} ${list === undefined ? got : list.length}`);
}

/** The numbers of a row; a number that is not finite is a failure. @throws on a row of another length, and on what is no number. */
function readRow(values: unknown, row: number, M: number): Outcome {
  if (!isRow(values) || values.length !== M)
    throw misfit(`expected ${numberOf(M)} in row ${row + 1}, got ${isRow(values) ? values.length : describe(values)}`);
  const data = new Float64Array(M);
  for (let j = 0; j < M; j++) {
    const value = values[j];
    if (typeof value !== "number")
      throw misfit(`expected numbers in row ${row + 1}, got ${describe(value)} in column ${j + 1}`);
    data[j] = value;
    if (!Number.isFinite(Math.fround(value))) {
      const large = Number.isFinite(value) ? " (too large for single precision)" : "";
      const cause = new Error(`${value}${large} in column ${j + 1}, where a finite number is needed`);
      return { row, data: null, cause };
    }
  }
  return { row, data };
}

const OWN = "expected an array of its own for each row";
const COPY = "which then hold the same numbers; copy it, as by slice()";

/**
 * A reader of the answers of one simulator. `begin` is called when a call begins; what it returns reads the call's answer.
 * Rows that failed may share one array, because their numbers are never read.
 */
export function answerReader(M: number): () => (answer: unknown, rows: readonly number[]) => Outcome[] {
  let clock = 0;
  const readAt = notePlaces<number>();
  return () => {
    const begun = ++clock;
    return (answer, rows) => {
      const list = rowsOf(answer, rows.length, M);
      const now = ++clock;
      const rowAt = notePlaces<number>();
      // A place that was read after this call had begun was filled by two calls at the same time, so its content is unknown.
      const expectOwn = (place: object): void => {
        if ((readAt(place, now) ?? 0) <= begun) return;
        throw misfit(`${OWN}, got one array from two calls that run at the same time; copy it, as by slice()`);
      };
      expectOwn(list);
      return rows.map((row, i) => {
        const outcome = readRow(list[i], row, M);
        if (outcome.data === null) return outcome;
        const twin = rowAt(list[i] as object, row);
        if (twin !== undefined) throw misfit(`${OWN}, got one array for rows ${twin + 1} and ${row + 1}, ${COPY}`);
        expectOwn(list[i] as object);
        return outcome;
      });
    };
  };
}
