/** Rows of numbers as the public functions take them: one flat array, or a list of rows. */
import { describe } from "../checks/arguments.ts";

/** Rows of a fixed width, as one flat array (rows · width) or as a list of rows. */
export type Rows = ArrayLike<number> | readonly ArrayLike<number>[];

const isList = (x: unknown): x is ArrayLike<unknown> =>
  typeof x === "object" && x !== null && Number.isInteger((x as { length?: unknown }).length);

function checkRow(owner: string, what: string, row: unknown, index: number, width: number): void {
  if (isList(row) && row.length === width) return;
  const got = isList(row) ? `${row.length}` : describe(row);
  throw new Error(`${owner}: expected each of ${what} to be ${width} numbers, got ${got} at index ${index}`);
}

/**
 * A flat copy (rows · width) of either form.
 * @throws when it is no list, a row has another length, or an entry is no number. NaN and infinities pass.
 */
export function flatRows(owner: string, what: string, given: unknown, width: number): Float64Array {
  if (!isList(given)) throw new Error(`${owner}: expected ${what} as an array of numbers, got ${describe(given)}`);
  if (ArrayBuffer.isView(given) && !(given instanceof DataView)) checkFlat(owner, what, given.length, width);
  if (ArrayBuffer.isView(given)) return Float64Array.from(given as ArrayLike<number>, Number);
  const nested = given.length > 0 && isList(given[0]);
  if (!nested) checkFlat(owner, what, given.length, width);
  const out = new Float64Array(nested ? given.length * width : given.length);
  for (let i = 0; i < given.length; i++) {
    const entry = given[i];
    if (nested) checkRow(owner, what, entry, i, width);
    const row = nested ? (entry as ArrayLike<unknown>) : [entry];
    for (let k = 0; k < row.length; k++) {
      const x = row[k];
      if (typeof x !== "number") {
        const where = nested ? `${i}, ${k}` : `${i}`;
        throw new Error(`${owner}: expected ${what} to hold numbers, got ${describe(x)} at index ${where}`);
      }
      out[i * row.length + k] = x;
    }
  }
  return out;
}

function checkFlat(owner: string, what: string, length: number, width: number): void {
  if (length % width === 0) return;
  throw new Error(`${owner}: expected ${what} as a multiple of ${width} numbers, got ${length}`);
}

/** A point for messages, with nine digits. */
export const showPoint = (x: number, y: number): string =>
  `(${[x, y].map((c) => String(Number(c.toPrecision(9)))).join(", ")})`;
