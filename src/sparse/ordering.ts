/**
 * Nested dissection (George, SIAM J. Numer. Anal. 10, 1973): a graph is cut in two by a small separator, whose unknowns
 * come last; the halves are cut in turn. Small pieces are ordered by minimum degree (Tinney & Walker, Proc. IEEE 55, 1967).
 *
 * Cuts run across a coordinate: the longer side first, near the middle, wherever the separator is smallest. Graphs without
 * coordinates are given one, the distance from a far-off unknown.
 */

/** A symmetric graph, without loops, in compressed rows. */
export interface Graph {
  readonly n: number;
  /** (n + 1) */
  readonly start: Int32Array;
  readonly neighbours: Int32Array;
}

/** Pieces of at most so many unknowns are not cut. */
const PIECE = 24;
/** Where cuts are tried, as shares of the unknowns on one side. */
const CUTS = [0.5, 0.46, 0.54, 0.42, 0.58];

/** The graph of the entries (row, column) of a symmetric matrix of order n; the diagonal is left out. */
export function graphOf(n: number, rows: Int32Array, cols: Int32Array): Graph {
  const start = new Int32Array(n + 1);
  for (let e = 0; e < rows.length; e++) {
    if (rows[e] === cols[e]) continue;
    start[rows[e] + 1]++;
    start[cols[e] + 1]++;
  }
  for (let i = 0; i < n; i++) start[i + 1] += start[i];
  const next = start.slice();
  const neighbours = new Int32Array(start[n]);
  for (let e = 0; e < rows.length; e++) {
    if (rows[e] === cols[e]) continue;
    neighbours[next[rows[e]]++] = cols[e];
    neighbours[next[cols[e]]++] = rows[e];
  }
  return { n, start, neighbours };
}

/** Levels of a breadth-first search from an unknown at one end: a coordinate for graphs that have none. */
function levels({ n, start, neighbours }: Graph): Float64Array {
  const level = new Float64Array(n).fill(-1);
  const search = (from: number, base: number): number[] => {
    const queue = [from];
    level[from] = base;
    for (const i of queue) {
      for (let k = start[i]; k < start[i + 1]; k++) {
        if (level[neighbours[k]] >= 0) continue;
        level[neighbours[k]] = level[i] + 1;
        queue.push(neighbours[k]);
      }
    }
    return queue;
  };
  let base = 0;
  for (let i = 0; i < n; i++) {
    if (level[i] >= 0) continue;
    const reached = search(i, base);
    const end = reached[reached.length - 1];
    for (const j of reached) level[j] = -1;
    const again = search(end, base); // from the far end: more levels, and so thinner ones
    base = level[again[again.length - 1]] + 2; // components do not touch
  }
  return level;
}

/** Minimum degree within a piece; unknowns outside of it, which are eliminated later, count as neighbours. */
function byMinimumDegree(piece: readonly number[], { start, neighbours }: Graph): number[] {
  const left = new Map<number, Set<number>>();
  for (const i of piece) left.set(i, new Set(neighbours.subarray(start[i], start[i + 1])));
  const order: number[] = [];
  while (left.size > 0) {
    let best = -1;
    for (const [i, around] of left) if (best < 0 || around.size < (left.get(best) as Set<number>).size) best = i;
    const clique = left.get(best) as Set<number>;
    left.delete(best);
    order.push(best);
    for (const i of clique) {
      const around = left.get(i);
      if (around === undefined) continue;
      around.delete(best);
      for (const j of clique) if (j !== i) around.add(j);
    }
  }
  return order;
}

/** Order of elimination: `order[k]` is the unknown that goes k-th. `coordinates` (n, 2), where there are any. */
export function nestedDissection(graph: Graph, coordinates?: ArrayLike<number>): Int32Array {
  const { n, start, neighbours } = graph;
  const along = coordinates
    ? [0, 1].map((axis) => Float64Array.from({ length: n }, (_, i) => coordinates[2 * i + axis]))
    : [levels(graph)];
  const order = new Int32Array(n);
  let filled = n; // from the last backwards
  const side = new Int8Array(n); // of the piece at hand: 1 first, 2 second, 0 elsewhere

  const put = (list: readonly number[]): void => {
    for (let i = list.length - 1; i >= 0; i--) order[--filled] = list[i];
  };
  /** Unknowns of the second side that touch the first. */
  const separatorOf = (second: readonly number[]): number[] =>
    second.filter((i) => {
      for (let k = start[i]; k < start[i + 1]; k++) if (side[neighbours[k]] === 1) return true;
      return false;
    });

  const dissect = (piece: number[]): void => {
    if (piece.length <= PIECE) {
      put(byMinimumDegree(piece, graph));
      return;
    }
    const spans = along.map((x) => {
      let [low, high] = [Infinity, -Infinity];
      for (const i of piece) {
        low = Math.min(low, x[i]);
        high = Math.max(high, x[i]);
      }
      return high - low;
    });
    let best: { first: number[]; rest: number[]; separator: number[]; score: number } | null = null;
    const longest = Math.max(...spans);
    along.forEach((x, axis) => {
      if (!(spans[axis] > 0.6 * longest)) return;
      const sorted = [...piece].sort((a, b) => x[a] - x[b] || a - b);
      const tried = new Set<number>();
      for (const share of CUTS) {
        let cut = Math.round(share * sorted.length);
        while (cut > 0 && x[sorted[cut - 1]] === x[sorted[cut]]) cut--; // never through a line of equal coordinates
        if (cut === 0 || tried.has(cut)) continue;
        tried.add(cut);
        const first = sorted.slice(0, cut);
        const second = sorted.slice(cut);
        for (const i of first) side[i] = 1;
        for (const i of second) side[i] = 2;
        const separator = separatorOf(second);
        for (const i of separator) side[i] = 3;
        const rest = second.filter((i) => side[i] === 2);
        for (const i of sorted) side[i] = 0;
        const larger = Math.max(first.length, rest.length) / sorted.length;
        const score = separator.length * (1 + 2 * Math.max(0, larger - 0.5));
        if (best === null || score < best.score) best = { first, rest, separator, score };
      }
    });
    const found = best as { first: number[]; rest: number[]; separator: number[] } | null;
    if (found === null || found.separator.length >= piece.length / 2) {
      put(byMinimumDegree(piece, graph));
      return;
    }
    put(found.separator);
    if (found.rest.length > 0) dissect(found.rest);
    dissect(found.first);
  };
  if (n > 0) dissect(Array.from({ length: n }, (_, i) => i));
  return order;
}
