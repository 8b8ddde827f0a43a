/** What assembly/fault.ts has noted, in words. */
import type { Kernels } from "./kernels.ts";

/** The first pivot of the last run that was not positive, of what each thread has noted; undefined for none. */
export function faultOf({ memory, faultAddress }: Kernels, locals: readonly number[]): string | undefined {
  const views = locals.map((local) => new DataView(memory.buffer, faultAddress(local), 40));
  const [view] = views
    .filter((v) => v.getInt32(0, true) !== 0)
    .sort((a, b) => a.getInt32(20, true) - b.getInt32(20, true) || a.getInt32(8, true) - b.getInt32(8, true));
  if (view === undefined) return undefined;
  const word = (at: number): number => view.getInt32(at, true);
  const [tile, row, unknown, element] = [4, 8, 12, 16].map(word);
  const [pivot, coefficient] = [24, 32].map((at) => view.getFloat64(at, true));
  const particle = tile > 0 ? `, particle ${tile + 1}` : "";
  const what = `solve: expected a positive definite matrix, got pivot ${pivot} at unknown ${unknown} of sample ${row + 1}${particle}`;
  if (element < 0)
    return `${what}; are coefficients positive, and is there a boundary condition that fixes the solution?`;
  const blame = coefficient > 0 ? "all coefficients are positive, the least" : "to blame is the coefficient";
  return `${what}; ${blame} ${coefficient} of element ${element}`;
}
