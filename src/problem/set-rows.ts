/**
 * Sets as rows of data: most · m numbers, member after member, NaN after the last one. A map or a problem of sets takes sets, and rows
 * that were made of them.
 */
import { describe } from "../checks/arguments.ts";
import { checkData, type DataSize, isRows, type Problem } from "./problem.ts";
import { isSet, type Observation, type SetData, type SetSize } from "./set.ts";

const isPadded = (x: unknown): x is Float32Array | Float64Array =>
  x instanceof Float64Array || x instanceof Float32Array;

/**
 * Rows (most · m) of sets.
 * @throws for data that are no set, with what to do; for a set of too few or too many members, or a member of another length.
 */
export function setRows(size: DataSize, set: SetSize, given: Observation | readonly Observation[]): Float64Array[] {
  const list: readonly unknown[] = isRows(given) ? given : [given];
  return list.map((one, i) => {
    const where = list.length > 1 ? `y, set ${i + 1}` : "y";
    if (isSet(one)) return rowOf(where, size, set, one);
    if (isPadded(one) && one.length === set.each * set.most) return rowOf(where, size, set, membersOf(set, one));
    throw new Error(
      `${where}: expected a set of ${set.least} to ${set.most} members, got ${describe(one)}; write set([member, …]), and a list of sets for several observations`,
    );
  });
}

/** The members of a row. */
function membersOf({ each, most }: SetSize, row: Float32Array | Float64Array): SetData {
  const all = Array.from({ length: most }, (_, i) => row.slice(i * each, (i + 1) * each));
  const isThere = (member: ArrayLike<number>): boolean => !Array.from(member).every(Number.isNaN);
  const last = all.findLastIndex(isThere);
  return { kind: "set", members: all.slice(0, last + 1) };
}

function rowOf(where: string, size: DataSize, { each, least, most }: SetSize, { members }: SetData): Float64Array {
  const count = members.length;
  if (!(count >= least && count <= most))
    throw new Error(`${where}: expected a set of ${least} to ${most} members, got ${count}`);
  const row = new Float64Array(each * most).fill(Number.NaN);
  for (let i = 0; i < count; i++) {
    const member = members[i];
    const numbers = typeof member === "number" || member === null ? [member] : member;
    const of = `${where}, member ${i + 1}`;
    const lost = Array.from(numbers ?? []).find((x) => x === null || Number.isNaN(x));
    if (lost !== undefined)
      throw new Error(`${of}: expected ${each} numbers, got ${lost} among them; leave out members that are missing`);
    try {
      row.set(checkData({ ...size, M: each }, numbers)[0], i * each);
    } catch (error) {
      throw new Error(`${of}${(error as Error).message.slice(1)}`, { cause: error });
    }
  }
  return row;
}

/** Rows of the data of a problem: of its sets where they are some. Data may be missing. @throws as `setRows` and `checkData` do. */
export const rowsOfData = (problem: Problem, y: Observation | readonly Observation[]): Float64Array[] =>
  problem.set ? setRows(problem, problem.set, y) : checkData(problem, y as ArrayLike<number>, true);
