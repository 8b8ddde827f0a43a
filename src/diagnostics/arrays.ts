/** Arguments that diagnostics share: rows of numbers, flat or row by row, and the level of tests. */
import { describe } from "../checks/arguments.ts";
import { number, option } from "../checks/options.ts";

/** Numbers (S, W), flat, row by row, or a list of rows. */
export type Rows = ArrayLike<number> | readonly ArrayLike<number>[];

const isRows = (x: Rows): x is readonly ArrayLike<number>[] => Array.isArray(x) && typeof x[0] === "object";

/** Rows as one flat list of finite numbers. @throws naming what was expected and what came. */
export function flatRows(owner: string, name: string, x: Rows, width: number): Float64Array {
  const expected = `${owner}: expected ${name} (S, ${width})`;
  if (typeof x !== "object" || x === null || !("length" in x)) throw new Error(`${expected}, got ${describe(x)}`);
  if (isRows(x)) {
    const odd = x.findIndex((row) => row?.length !== width);
    if (odd >= 0) throw new Error(`${expected}, got ${x[odd]?.length ?? describe(x[odd])} numbers in row ${odd + 1}`);
  }
  const flat = isRows(x) ? Float64Array.from(x.flatMap((row) => Array.from(row))) : Float64Array.from(x);
  if (flat.length === 0 || flat.length % width !== 0) throw new Error(`${expected}, got ${flat.length} numbers`);
  const bad = flat.findIndex((v) => !Number.isFinite(v));
  if (bad < 0) return flat;
  const where = `row ${Math.floor(bad / width) + 1}, column ${(bad % width) + 1}`;
  throw new Error(`${owner}: expected finite numbers in ${name}, got ${flat[bad]} in ${where}`);
}

/** The option `alpha` of tests: the probability of a false alarm, at most. */
export const alphaTable = {
  /** Probability, at most, that the exact posterior fails. */
  alpha: option(
    number("a number between 0 and 1", (x) => x > 0 && x < 1),
    0.01,
  ),
};
