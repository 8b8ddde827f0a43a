// Work item W5: the Poisson equation on a square by linear elements, zero flux except at three loads, and one node grounded. The
// coefficients of the triangles are log-normal and differ between samples, which share the pattern and the three right-hand sides.
// The work is to solve A x = b, from the entries of A to x.

import { assemble } from "../../src/fem/assemble.ts";
import { rectangle } from "../../src/fem/generators.ts";
import { exp } from "../../src/numbers/math.ts";
import { normalAt } from "../../src/numbers/random.ts";
import { timesVector } from "../../src/sparse/matrix.ts";
import type { SparsePattern } from "../../src/sparse/pattern.ts";

/** Right-hand sides. */
export const SIDES = 3;
const SEED = 20;
/** Standard deviation of the logarithm of the coefficients. */
const LOG_SD = 1;

export interface Systems {
  /** Cells along each edge; unknowns n. */
  readonly cells: number;
  readonly n: number;
  readonly pattern: SparsePattern;
  /** Place in the order of elimination by nested dissection of each unknown, (n). */
  readonly place: Int32Array;
  /** Entries of the lower triangle, one array (K) for each sample. */
  readonly entries: readonly Float64Array[];
  /**
   * The same for peers, which may leave out entries that are 0 for any coefficients: those of nodes that share the longest side of
   * right-angled triangles.
   */
  readonly sparser: { readonly rows: Int32Array; readonly cols: Int32Array; readonly entries: readonly Float64Array[] };
  /** (n, SIDES) */
  readonly load: Float64Array;
  /** Floating-point operations of a factorisation, and of the substitutions for all right-hand sides, of one sample. */
  readonly flops: { readonly factor: number; readonly solve: number };
  /** The same without the zeros of merged supernodes: the least that the order of elimination needs. */
  readonly least: { readonly factor: number; readonly solve: number };
}

/** Entries in each column of L below the diagonal, in the given order; the pattern of a column includes those of its children. */
function columnCounts({ n, rows, cols }: SparsePattern, place: Int32Array): Int32Array {
  const below: Set<number>[] = Array.from({ length: n }, () => new Set());
  for (let e = 0; e < rows.length; e++) {
    const [i, j] = [place[rows[e]], place[cols[e]]];
    if (i !== j) below[Math.min(i, j)].add(Math.max(i, j));
  }
  const counts = new Int32Array(n);
  for (let j = 0; j < n; j++) {
    counts[j] = below[j].size;
    if (counts[j] === 0) continue;
    const parent = Math.min(...below[j]);
    for (const i of below[j]) if (i !== parent) below[parent].add(i);
    below[j].clear();
  }
  return counts;
}

/** `count` samples on a grid of `cells`². */
export function makeSystems(cells: number, count: number): Systems {
  const mesh = rectangle({ cells });
  const assembly = assemble(
    {
      mesh,
      neumann: [
        { on: "left", flux: [-1, 0, -1] },
        { on: "right", flux: [1, 0, 0] },
        { on: "bottom", flux: [0, -1, 0] },
        { on: "top", flux: [0, 1, 1] },
      ],
    },
    SIDES,
  );
  const { n, pattern, stiffness, load } = assembly;
  const entries = Array.from({ length: count }, (_, sample) => {
    const a = Float64Array.from({ length: stiffness.inputs }, (_, e) => exp(LOG_SD * normalAt(SEED, 1, 0, sample, e)));
    return timesVector(stiffness, a);
  });
  const isNeeded = (e: number): boolean =>
    stiffness.value.subarray(stiffness.start[e], stiffness.start[e + 1]).some((x) => Math.abs(x) > 1e-12);
  const without = <T extends Int32Array | Float64Array>(list: T): T => list.filter((_, e) => isNeeded(e)) as T;
  const sparser = { rows: without(pattern.rows), cols: without(pattern.cols), entries: entries.map(without) };
  const { table, products, entries: size } = pattern.symbolic;
  const place = new Int32Array(n);
  for (let k = 0; k < n; k++) place[table[table[6] + k]] = k; // word 6: where the order is
  const least = { factor: 0, solve: 0 };
  for (const c of columnCounts(pattern, place)) {
    least.factor += 2 * (c + (c * (c + 1)) / 2);
    least.solve += 4 * SIDES * (c + 1);
  }
  const flops = { factor: 2 * products, solve: 4 * SIDES * size };
  return { cells, n, pattern, place, entries, sparser, load, flops, least };
}
