/**
 * Pairs (θ, y) that were simulated elsewhere, as the bank of a training. They must be drawn from the prior of the problem, or from its
 * proposal where it has one, because nothing else tells the training how probable parameters are.
 */
import { describe } from "../checks/arguments.ts";
import { notePlaces } from "../checks/places.ts";
import { isInside } from "../distributions/distribution.ts";
import { includedModel } from "../distributions/noise/model.ts";
import { areSingle, type Centre } from "../numbers/offsets.ts";
import { columnOrder } from "../problem/columns.ts";
import type { Parameter, Problem } from "../problem/problem.ts";
import { type Work, workOf } from "../problem/work.ts";
import { constantSd } from "./noise-sd.ts";
import { dataCentre } from "./simulate.ts";

type Table = ArrayLike<number> | readonly ArrayLike<number>[];

/** Pairs that were simulated elsewhere. */
export interface Pairs {
  /** Parameters, (N, D): N rows, or all numbers row by row. */
  readonly theta: Table;
  /** Data (N, M), likewise. */
  readonly y: Table;
  /**
   * "add" (the default): the data are noise-free, and the noise of the problem is drawn afresh at every step. "included": the data
   * include their noise. A problem whose noise is null adds none.
   */
  readonly noise?: "add" | "included";
  /** Names of the tables in messages, such as names of files. */
  readonly names?: { readonly theta: string; readonly y: string };
  /**
   * Names of the columns of the tables, or null. If they are those of the problem in another order, the columns are put in order; if
   * the problem has names and these are others, they are refused.
   */
  readonly columns?: { readonly theta: readonly string[] | null; readonly y: readonly string[] | null };
  /** Guesses that the reader of the tables has made, which `train` passes to `onWarning`. */
  readonly warnings?: readonly string[];
}

/** Pairs, checked and split. */
export interface SplitPairs {
  readonly train: PairTable;
  readonly heldOut: PairTable;
  readonly noise: "add" | "included";
  /** What is subtracted from the data (M); null for nothing. */
  readonly centre: Centre;
  /** A hash that tells these pairs from others. */
  readonly digest: string;
  readonly warnings: readonly string[];
}
/** Pairs in work coordinates (problem/work.ts). */
export interface PairTable {
  readonly count: number;
  /** (count, D) and (count, M) */
  readonly theta: Float32Array;
  readonly y: Float32Array;
}

const KEYS = ["theta", "y", "noise", "names", "columns", "warnings"];
const LEAST_PAIRS = 20;
/** One in so many pairs is held out, or fewer. */
const HELD_OUT = 10;
/** The most numbers in a table: 1 GiB of f32, of which training keeps two copies. */
const MOST_NUMBERS = 0x10000000;

/** Whether a bank is pairs, not a number of simulations. */
export const isPairs = (x: unknown): x is Pairs => typeof x === "object" && x !== null;

/** A table that is being read, its columns put in order. */
interface Opened {
  readonly name: string;
  readonly width: number;
  readonly count: number;
  /** Where each column stands. */
  readonly order: readonly number[];
  /** Row by number, and where its first entry is. */
  readonly at: (row: number) => readonly [values: ArrayLike<number>, from: number];
  /** Whether all rows are one array. */
  readonly isOne: () => boolean;
}

/** Checks the shape of a table (N, width). */
function openTable(
  name: string,
  table: unknown,
  wanted: readonly Parameter[],
  what: string,
  columns: readonly string[] | null = null,
): Opened {
  const width = wanted.length;
  const order = columnOrder(name, columns ?? wanted.map((p) => p.name), wanted);
  const list = table as Table | undefined;
  if (typeof list !== "object" || list === null || !("length" in list))
    throw new Error(`${name}: expected ${what} (N, ${width}), got ${describe(table)}`);
  const nested = list.length > 0 && typeof list[0] === "object" && list[0] !== null;
  if (!nested && list.length % width !== 0)
    throw new Error(`${name}: expected rows of ${width} ${what}, got ${list.length} numbers in all`);
  const count = nested ? list.length : list.length / width;
  if (count * width > MOST_NUMBERS)
    throw new Error(
      `${name}: expected at most ${MOST_NUMBERS} numbers, got ${count} rows of ${width}; give fewer pairs`,
    );
  const at = (row: number): readonly [ArrayLike<number>, number] => {
    if (!nested) return [list as ArrayLike<number>, row * width];
    const values = list[row] as ArrayLike<number> | undefined;
    if (values?.length !== width)
      throw new Error(`${name}, row ${row + 1}: expected ${width} ${what}, got ${values?.length ?? describe(values)}`);
    return [values, 0];
  };
  const isOne = (): boolean => nested && count > 1 && isOneArray(list as readonly object[]);
  return { name, width, count, order, at, isOne };
}

/** A table less a centre (width), as f32. */
function readTable({ name, width, count, order, at, isOne }: Opened, centre: Centre): Float32Array {
  const out = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const [values, from] = at(row);
    for (let j = 0; j < width; j++) {
      const value = values[from + order[j]];
      out[row * width + j] = centre === null ? value : value - centre[j];
      if (typeof value !== "number" || !Number.isFinite(out[row * width + j])) {
        const large = Number.isFinite(value) ? ", too large for single precision" : "";
        throw new Error(
          `${name}, row ${row + 1}: expected finite numbers, got ${describe(value)} in column ${order[j] + 1}${large}`,
        );
      }
    }
  }
  if (isOne())
    throw new Error(`${name}: expected an array of its own for each row, got one array ${count} times; copy each row`);
  return out;
}

/** Rows that the centre of the data is found from. */
const LOOKED_AT = 8192;

/** Rows of a table, evenly spread, because it may be sorted; NaN for what is no number. */
function someRows({ width, count, order, at }: Opened): Float64Array {
  const rows = Math.min(count, LOOKED_AT);
  const out = new Float64Array(rows * width).fill(Number.NaN);
  for (let i = 0; i < rows; i++) {
    const [values, from] = at(Math.floor((i * count) / rows));
    order.forEach((column, j) => {
      const value = values[from + column];
      if (typeof value === "number") out[i * width + j] = value;
    });
  }
  return out;
}

/** A warning where a table needs a centre, but is given in single precision. */
function lostDigits(name: string, what: string, centre: Centre, table: Table): string[] {
  if (centre === null || !areSingle(table)) return [];
  return [
    `${name}: the ${what} lie so far from 0 that single precision, in which they are given, has lost digits of their spread; give them in double precision, or less a reference value`,
  ];
}

/** Whether all rows are one array: a buffer that was filled again and again. */
function isOneArray(rows: readonly object[]): boolean {
  const note = notePlaces<true>();
  return rows.every((row, i) => note(row, true) || i === 0);
}

/** Refuses θ outside of the support of the prior, or of the proposal: it cannot be drawn from it. Compared in single precision. */
function checkSupport(name: string, theta: Float32Array, { D, prior, proposal, parameters, centre }: Work): void {
  const from = proposal ?? prior;
  const [low, high] = [from.low, from.high].map((bounds) => Float32Array.from(bounds));
  for (let i = 0; i < theta.length; i++) {
    const d = i % D;
    if (theta[i] >= low[d] && theta[i] <= high[d]) continue;
    const source = proposal === null ? "prior" : "proposal";
    const [a, b, got] = [low[d], high[d], theta[i]].map((x) => x + (centre?.[d] ?? 0));
    throw new Error(
      `${name}, row ${Math.floor(i / D) + 1}: expected ${parameters[d].name} within the support of the ${source}, [${a}, ${b}], got ${got}`,
    );
  }
  if (from.inside === undefined) return;
  for (let i = 0; i < theta.length; i += D) {
    const point = Float64Array.from(theta.subarray(i, i + D), (x, d) => x + (centre?.[d] ?? 0));
    if (isInside(from, point)) continue;
    throw new Error(
      `${name}, row ${i / D + 1}: expected parameters within the support of the ${proposal === null ? "prior" : "proposal"}, where "${from.name}" has a density, got [${point.join(", ")}]`,
    );
  }
}

/** FNV-1a over the bits of the numbers: it detects another file, not malice. */
function digestOf(...tables: Float32Array[]): string {
  let hash = 0x811c9dc5;
  for (const table of tables) {
    for (const word of new Uint32Array(table.buffer, table.byteOffset, table.length)) {
      hash = Math.imul(hash ^ (word & 0xffff), 0x01000193);
      hash = Math.imul(hash ^ (word >>> 16), 0x01000193);
    }
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Which rows are held out: one in ten, at most `most`, spread evenly over the table, which may be sorted. */
function heldOutRows(count: number, most: number): (row: number) => boolean {
  const held = Math.max(2, Math.min(most, Math.floor(count / HELD_OUT)));
  return (row) => Math.floor(((row + 1) * held) / count) > Math.floor((row * held) / count);
}

/**
 * Checks pairs and splits them: every tenth is held out, spread evenly, at most `mostHeldOut` (and at least 2).
 * @throws naming the table and the row, from 1, of what does not fit the problem.
 */
export function splitPairs(
  problem: Problem,
  pairs: Pairs,
  mostHeldOut: number,
  onWarning?: (message: string) => void,
): SplitPairs {
  const { D, M } = problem;
  const odd = Object.keys(pairs).find((key) => !KEYS.includes(key));
  if (odd !== undefined) throw new Error(`bank: expected a number or { theta, y, noise }, got "${odd}"`);
  const { noise = "add", names = { theta: "bank.theta", y: "bank.y" }, columns, warnings = [] } = pairs;
  if (noise !== "add" && noise !== "included")
    throw new Error(`bank.noise: expected "add" or "included", got ${describe(noise)}`);
  const work = workOf(problem);
  const theta = readTable(
    openTable(names.theta, pairs.theta, problem.parameters, "parameters", columns?.theta),
    work.centre,
  );
  const table = openTable(names.y, pairs.y, problem.data, "data", columns?.y);
  const seen = noise === "add" ? problem : { ...problem, noise: includedModel };
  // Noise whose sd varies is left out of account here: the spread of the data alone asks for a centre.
  const centre = dataCentre(seen, someRows(table), constantSd(seen) ?? new Float64Array(M), onWarning);
  const y = readTable(table, centre);
  const [count, other] = [theta.length / D, table.count];
  if (count !== other)
    throw new Error(`${names.y}: expected ${count} rows, as many as ${names.theta} has, got ${other}`);
  if (count < LEAST_PAIRS) throw new Error(`${names.theta}: expected at least ${LEAST_PAIRS} pairs, got ${count}`);
  checkSupport(names.theta, theta, work);
  const isHeldOut = heldOutRows(count, mostHeldOut);
  const rows = Array.from({ length: count }, (_, row) => row);
  const take = (some: readonly number[]): PairTable => {
    const part = {
      count: some.length,
      theta: new Float32Array(some.length * D),
      y: new Float32Array(some.length * M),
    };
    some.forEach((row, i) => {
      part.theta.set(theta.subarray(row * D, (row + 1) * D), i * D);
      part.y.set(y.subarray(row * M, (row + 1) * M), i * M);
    });
    return part;
  };
  return {
    train: take(rows.filter((row) => !isHeldOut(row))),
    heldOut: take(rows.filter(isHeldOut)),
    noise,
    centre,
    digest: digestOf(theta, y, ...(centre === null ? [] : [new Float32Array(centre.buffer)])),
    warnings: [
      ...warnings,
      ...lostDigits(names.theta, "parameters", work.centre, pairs.theta),
      ...lostDigits(names.y, "data", centre, pairs.y),
    ],
  };
}
