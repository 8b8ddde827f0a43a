/** Columns of tables by name: columns in another order than a problem's are reordered. */
import { describe } from "../checks/arguments.ts";
import type { Parameter } from "./problem.ts";

/** Default names of data. */
export const numbered = (M: number): readonly Parameter[] =>
  Array.from({ length: M }, (_, i) => ({ name: `y${i + 1}` }));

/** Whether parameters or data have names of their own. */
export const areNamed = (wanted: readonly Parameter[]): boolean =>
  !wanted.every(({ name }, i) => name === `θ${i + 1}` || name === `y${i + 1}`);

/**
 * The columns of a table that hold the wanted parameters or data: `order[j]` is the column of the j-th. If these have only default names,
 * columns with other names stay in their order.
 * @throws with the name of the first column that is not wanted, or of the first that is missing.
 */
export function columnOrder(
  owner: string,
  columns: readonly string[],
  wanted: readonly Parameter[],
): readonly number[] {
  const at = new Map(columns.map((name, i) => [name, i]));
  const names = new Set(wanted.map(({ name }) => name));
  const odd = columns.find((name) => !names.has(name));
  const missing = wanted.find(({ name }) => !at.has(name));
  if (odd === undefined && missing === undefined) return wanted.map(({ name }) => at.get(name)!);
  if (!areNamed(wanted) && !columns.some((name) => names.has(name))) return wanted.map((_, j) => j);
  const list = wanted.slice(0, 8).map(({ name }) => name);
  const expected = `${list.join(", ")}${wanted.length > list.length ? ", …" : ""}`;
  const got = odd === undefined ? `none named ${describe(missing?.name)}` : describe(odd);
  throw new Error(
    `${owner}: expected columns ${expected} in any order, got ${got}; rename it, or delete the line of names from a table in this order`,
  );
}
