/**
 * Nested dissection (George, SIAM J. Numer. Anal. 10, 1973): a graph is cut in two by a small separator, whose unknowns
 * come last; the halves are cut in turn. Small pieces are ordered by minimum degree (Tinney & Walker, Proc. IEEE 55, 1967).
 *
 * Cuts run across a coordinate, near the middle, wherever the separator is smallest. The unknowns are sorted along every axis
 * once: pieces stay sorted when they are cut. Without coordinates each piece is put in the order of a breadth-first search from
 * its far end (George & Liu, SIAM J. Numer. Anal. 15, 1978).
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
/** Cuts are tried from this share of the unknowns on one side to the same on the other. */
const LEAST_SHARE = 0.4;
/** Axes along which a piece is shorter than this share of its longest side are not tried. */
const LEAST_SPAN = 0.6;

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

/**
 * Minimum degree within a piece, in place; unknowns outside of it, which are eliminated later, count as neighbours. `local`
 * (n) is −1 everywhere, and left so.
 */
function byMinimumDegree(piece: Int32Array, { start, neighbours }: Graph, local: Int32Array): void {
  const m = piece.length;
  const touched: number[] = [...piece]; // the piece, then what is outside
  piece.forEach((i, k) => {
    local[i] = k;
  });
  for (const i of piece) {
    for (let k = start[i]; k < start[i + 1]; k++) {
      if (local[neighbours[k]] >= 0) continue;
      local[neighbours[k]] = touched.length;
      touched.push(neighbours[k]);
    }
  }
  const width = touched.length;
  const adjacent = new Uint8Array(m * width);
  const degree = new Int32Array(m);
  for (let i = 0; i < m; i++) {
    for (let k = start[piece[i]]; k < start[piece[i] + 1]; k++) adjacent[i * width + local[neighbours[k]]] = 1;
    degree[i] = start[piece[i] + 1] - start[piece[i]];
  }
  for (const i of touched) local[i] = -1;

  const left = Array.from({ length: m }, (_, i) => i);
  for (let done = 0; done < m; ) {
    let at = 0;
    for (let k = 1; k < left.length; k++) if (degree[left[k]] < degree[left[at]]) at = k;
    const [best] = left.splice(at, 1);
    piece[done++] = touched[best];
    const clique: number[] = [];
    for (let j = 0; j < width; j++) if (adjacent[best * width + j]) clique.push(j);
    let inside = 0;
    for (const i of left) {
      if (!adjacent[i * width + best]) continue;
      inside++;
      adjacent[i * width + best] = 0;
      degree[i]--;
      for (const j of clique) {
        if (j === i || adjacent[i * width + j]) continue;
        adjacent[i * width + j] = 1;
        degree[i]++;
      }
    }
    if (inside < left.length) continue;
    for (const i of left) piece[done++] = touched[i]; // all are neighbours of each other now: any order will do
  }
}

/** A piece, sorted along an axis, is cut before position `at`; the separator is what touches the other side on one of them. */
interface Cut {
  readonly axis: number;
  readonly at: number;
  readonly ofFirst: boolean;
  /** Unknowns in the separator. */
  readonly separator: number;
  readonly score: number;
}

/** Order of elimination: `order[k]` is the unknown that goes k-th. `coordinates` (n, 2), where there are any. */
export function nestedDissection(graph: Graph, coordinates?: ArrayLike<number>): Int32Array {
  const { n, start, neighbours } = graph;
  const along = coordinates
    ? [0, 1].map((axis) => Float64Array.from({ length: n }, (_, i) => coordinates[2 * i + axis]))
    : [new Float64Array(n)];
  /** Along each axis; a piece is the same range of all of them, and ends up in the order of elimination. */
  const sorted = along.map((x) => Int32Array.from({ length: n }, (_, i) => i).sort((a, b) => x[a] - x[b] || a - b));
  const local = new Int32Array(n).fill(-1); // scratch of byMinimumDegree
  const position = new Int32Array(n); // in the piece at hand
  const [lowest, highest] = [new Int32Array(n), new Int32Array(n)]; // positions of an unknown and its neighbours
  const separated = new Uint8Array(n); // in a separator already: all others that touch a piece are in it
  const change = [new Int32Array(n + 1), new Int32Array(n + 1)];
  const moved = new Int32Array(n);
  const reached = new Uint8Array(n);

  /** Puts a piece in the order of a breadth-first search: from its first unknown, then again from where that ended. */
  const spreadOut = (piece: Int32Array): void => {
    for (const pass of [1, 2]) {
      let count = 0;
      const reach = (i: number): void => {
        if (reached[i] === pass || separated[i]) return;
        reached[i] = pass;
        moved[count++] = i;
      };
      for (const first of pass === 1 ? piece : piece.slice().reverse()) {
        let head = count;
        for (reach(first); head < count; head++) {
          for (let k = start[moved[head]]; k < start[moved[head] + 1]; k++) reach(neighbours[k]);
        }
      }
      piece.set(moved.subarray(0, count));
    }
    for (const i of piece) reached[i] = 0;
  };
  /** Positions of a piece, and how far those of neighbours reach. */
  const place = (piece: Int32Array): void => {
    for (let k = 0; k < piece.length; k++) position[piece[k]] = k;
    for (const i of piece) {
      let [low, high] = [position[i], position[i]];
      for (let k = start[i]; k < start[i + 1]; k++) {
        if (separated[neighbours[k]]) continue;
        const at = position[neighbours[k]];
        if (at < low) low = at;
        if (at > high) high = at;
      }
      lowest[i] = low;
      highest[i] = high;
    }
  };
  /** Separators of a cut at c: unknowns of the first side, position < c ≤ highest; of the second, lowest < c ≤ position. */
  const cutAlong = (axis: number, piece: Int32Array): Cut => {
    const m = piece.length;
    place(piece);
    for (const list of change) list.fill(0, 0, m + 1);
    for (const i of piece) {
      change[0][position[i] + 1]++;
      change[0][highest[i] + 1]--;
      change[1][lowest[i] + 1]++;
      change[1][position[i] + 1]--;
    }
    let best: Cut = { axis, at: 0, ofFirst: false, separator: m, score: Infinity };
    const sizes = [0, 0];
    for (let at = 1; at <= Math.ceil((1 - LEAST_SHARE) * m); at++) {
      for (const side of [0, 1]) {
        const separator = (sizes[side] += change[side][at]);
        if (at < Math.floor(LEAST_SHARE * m)) continue;
        const larger = Math.max(at - (side ? 0 : separator), m - at - (side ? separator : 0)) / m;
        const score = (separator + 1 / m) * (1 + 2 * Math.max(0, larger - 0.5)); // of cuts through nothing, the most even one
        if (score < best.score) best = { axis, at, ofFirst: side === 0, separator, score };
      }
    }
    return best;
  };

  const dissect = (from: number, to: number): void => {
    const m = to - from;
    if (!coordinates && m > PIECE) spreadOut(sorted[0].subarray(from, to));
    const spans = along.map((x, axis) => x[sorted[axis][to - 1]] - x[sorted[axis][from]]);
    const longest = Math.max(...spans);
    let best: Cut | null = null;
    for (let axis = 0; m > PIECE && axis < along.length; axis++) {
      if (!(spans[axis] >= LEAST_SPAN * longest)) continue;
      const cut = cutAlong(axis, sorted[axis].subarray(from, to));
      if (best === null || cut.score < best.score) best = cut;
    }
    if (best === null || best.separator >= m / 2) {
      byMinimumDegree(sorted[0].subarray(from, to), graph, local);
      return;
    }
    const { axis, at, ofFirst, separator } = best;
    const piece = sorted[axis].subarray(from, to);
    place(piece);
    const touches = (i: number): boolean =>
      ofFirst ? position[i] < at && highest[i] >= at : position[i] >= at && lowest[i] < at;
    for (const i of piece.filter(touches)) separated[i] = 1;
    const middle = from + at - (ofFirst ? separator : 0);
    const end = to - separator;
    for (const list of sorted) {
      const next = [from, middle, end];
      for (let k = from; k < to; k++) {
        const i = list[k];
        moved[next[separated[i] ? 2 : position[i] < at ? 0 : 1]++] = i;
      }
      list.set(moved.subarray(from, to), from);
    }
    if (from < middle) dissect(from, middle);
    if (middle < end) dissect(middle, end);
  };
  if (n > 0) dissect(0, n);
  return sorted[0];
}
