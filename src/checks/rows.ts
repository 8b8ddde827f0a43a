/** Rows of numbers as arguments: flat, row by row, or a list of rows. */
import { describe } from "./arguments.ts";

/** Numbers (S, W), flat, row by row, or a list of rows. */
export type Rows = ArrayLike<number> | readonly ArrayLike<number>[];

const isNested = (x: Rows): x is readonly ArrayLike<number>[] =>
  Array.isArray(x) && typeof x[0] === "object" && x[0] !== null;

/**
 * Rows (S, width) as one flat list of finite numbers; with `infinite`, of numbers.
 * @throws naming what was expected and what came, with its row and column.
 */
export function flatRows(owner: string, name: string, x: Rows, width: number, infinite = false): Float64Array {
  const expected = `${owner}: expected ${name} (S, ${width})`;
  if (typeof x !== "object" || x === null || !("length" in x)) throw new Error(`${expected}, got ${describe(x)}`);
  const odd = isNested(x) ? x.findIndex((row) => typeof row !== "object" || row?.length !== width) : -1;
  if (isNested(x) && odd >= 0) {
    const row: unknown = x[odd];
    const got = typeof row === "object" && row !== null ? `${x[odd].length} numbers` : describe(row);
    throw new Error(`${expected}, got ${got} in row ${odd + 1}`);
  }
  const flat = isNested(x) ? x.flatMap((row) => Array.from(row)) : x;
  if (!(flat.length > 0) || flat.length % width !== 0) throw new Error(`${expected}, got ${flat.length} numbers`);
  for (let i = 0; i < flat.length; i++) {
    if (infinite ? typeof flat[i] === "number" && !Number.isNaN(flat[i]) : Number.isFinite(flat[i])) continue;
    const where = `row ${Math.floor(i / width) + 1}, column ${(i % width) + 1}`;
    throw new Error(
      `${owner}: expected ${infinite ? "" : "finite "}numbers in ${name}, got ${describe(flat[i])} in ${where}`,
    );
  }
  return Float64Array.from(flat);
}
