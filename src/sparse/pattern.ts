/** The pattern of symmetric positive-definite matrices, analysed once for any number of them. */
import { upTo } from "./counting-sort.ts";
import { Growing } from "./growing.ts";
import { compress } from "./matrix.ts";
import { type Graph, graphOf, nestedDissection } from "./ordering.ts";
import { analyse, type Symbolic } from "./symbolic.ts";

/** The entries that symmetric matrices of one kind have, and their analysis. */
export interface SparsePattern {
  /** Order of the matrix. */
  readonly n: number;
  /** Entries of the lower triangle, row ≥ column, (K) each; one off the diagonal stands for its mirror image too. */
  readonly rows: Int32Array;
  readonly cols: Int32Array;
  /** The number of unknowns, those of the highest numbers, that are eliminated last, so that they can be solved for alone. */
  readonly last: number;
  readonly symbolic: Symbolic;
}

/**
 * A pattern from the pairs of unknowns that are coupled, in either order, repeated or not; it always has the diagonal.
 * @param coordinates (n, 2) of the unknowns, if they have any, for a better order of elimination.
 * @param last how many unknowns, n − last … n − 1, are eliminated last: `sparseSolve` can be restricted to them.
 * @throws on an unknown that is out of range.
 */
export function sparsePattern(
  n: number,
  pairs: Iterable<readonly [number, number]>,
  coordinates?: ArrayLike<number>,
  last = 0,
): SparsePattern {
  const [low, high] = [new Growing(0, 8 * n), new Growing(0, 8 * n)]; // columns and rows
  for (const list of [low, high]) list.append(upTo(n)); // the diagonal
  for (const [a, b] of pairs) {
    if (!(Number.isInteger(a) && a >= 0 && a < n && Number.isInteger(b) && b >= 0 && b < n))
      throw new Error(`sparsePattern: expected unknowns in 0..${n - 1}, got (${a}, ${b})`);
    low.push(Math.min(a, b));
    high.push(Math.max(a, b));
  }
  const { start, index: rows } = compress(n, n, { outputs: low.slice(), inputs: high.slice() });
  const cols = new Int32Array(rows.length);
  for (let j = 0; j < n; j++) cols.fill(j, start[j], start[j + 1]);
  const graph = graphOf(n, rows, cols);
  const order = last > 0 ? endingWith(last, graph, rows, cols, coordinates) : nestedDissection(graph, coordinates);
  return { n, rows, cols, last, symbolic: analyse(graph, rows, cols, order, last) };
}

/** The order of elimination that ends with the unknowns of the highest numbers: the others by nested dissection without them. */
function endingWith(
  last: number,
  { n }: Graph,
  rows: Int32Array,
  cols: Int32Array,
  coordinates?: ArrayLike<number>,
): Int32Array {
  const rest = n - last;
  const kept = upTo(rows.length).filter((e) => rows[e] < rest && cols[e] < rest);
  const pick = (list: Int32Array): Int32Array => kept.map((e) => list[e]);
  const order = Int32Array.from({ length: n }, (_, k) => k);
  order.set(nestedDissection(graphOf(rest, pick(rows), pick(cols)), coordinates));
  return order;
}

/** Finds the entry of two unknowns; entries are sorted by column, then by row. */
export function entryFinder({ n, rows, cols }: SparsePattern): (a: number, b: number) => number {
  const start = new Int32Array(n + 1);
  for (const j of cols) start[j + 1]++;
  for (let j = 0; j < n; j++) start[j + 1] += start[j];
  return (a, b) => {
    const [row, column] = [Math.max(a, b), Math.min(a, b)];
    let [from, to] = [start[column], start[column + 1] - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (rows[middle] < row) from = middle + 1;
      else to = middle;
    }
    if (rows[from] !== row) throw new Error(`internal: (${a}, ${b}) is no entry of the pattern`);
    return from;
  };
}
