/** The pattern of a symmetric positive-definite matrix, analysed once for any number of matrices that have it. */
import { graphOf, nestedDissection } from "./ordering.ts";
import { analyse, type Symbolic } from "./symbolic.ts";

export interface SparsePattern {
  /** Order of the matrix. */
  readonly n: number;
  /** Entries of the lower triangle, row ≥ column, (K) each; one off the diagonal stands for its mirror image too. */
  readonly rows: Int32Array;
  readonly cols: Int32Array;
  readonly symbolic: Symbolic;
}

/**
 * A pattern from pairs of unknowns that are coupled, in either order, repeated or not; the diagonal is always there.
 * @param coordinates (n, 2) of the unknowns, where they have places: for a better order of elimination.
 * @throws on an unknown that is out of range.
 */
export function sparsePattern(
  n: number,
  pairs: Iterable<readonly [number, number]>,
  coordinates?: ArrayLike<number>,
): SparsePattern {
  const columns: Set<number>[] = Array.from({ length: n }, (_, i) => new Set([i]));
  for (const [a, b] of pairs) {
    if (!(Number.isInteger(a) && a >= 0 && a < n && Number.isInteger(b) && b >= 0 && b < n))
      throw new Error(`sparsePattern: expected unknowns in 0..${n - 1}, got (${a}, ${b})`);
    columns[Math.min(a, b)].add(Math.max(a, b));
  }
  const count = columns.reduce((sum, rows) => sum + rows.size, 0);
  const rows = new Int32Array(count);
  const cols = new Int32Array(count);
  let at = 0;
  columns.forEach((set, j) => {
    for (const i of [...set].sort((a, b) => a - b)) {
      rows[at] = i;
      cols[at++] = j;
    }
  });
  const graph = graphOf(n, rows, cols);
  return { n, rows, cols, symbolic: analyse(graph, rows, cols, nestedDissection(graph, coordinates)) };
}

/** Finds the entry of two unknowns. */
export function entryFinder({ n, rows, cols }: SparsePattern): (a: number, b: number) => number {
  const known = new Map<number, number>();
  for (let e = 0; e < rows.length; e++) known.set(cols[e] * n + rows[e], e);
  return (a, b) => {
    const entry = known.get(Math.min(a, b) * n + Math.max(a, b));
    if (entry === undefined) throw new Error(`internal: (${a}, ${b}) is no entry of the pattern`);
    return entry;
  };
}
