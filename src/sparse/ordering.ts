/**
 * Nested dissection (George, SIAM J. Numer. Anal. 10, 1973): a graph is cut in two by a small separator, whose unknowns
 * come last; the halves are cut in turn. Small pieces are ordered by minimum degree (Tinney & Walker, Proc. IEEE 55, 1967).
 *
 * Cuts run across a coordinate, near the middle, wherever the separator is smallest. The unknowns are sorted along every axis
 * once: pieces stay sorted when they are cut. Without coordinates each piece is put in the order of a breadth-first search from
 * its far end (George & Liu, SIAM J. Numer. Anal. 15, 1978).
 */
import { upTo } from "./counting-sort.ts";

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

/** A dissection under way. A piece is one range of the lists `sorted`; scratch is shared by all pieces. */
class Dissection {
  /** The unknowns along each axis; a piece that is done is in the order of elimination in the first list. */
  readonly sorted: readonly Int32Array[];
  private readonly graph: Graph;
  /** Whether the unknowns have coordinates. */
  private readonly placed: boolean;
  private readonly along: readonly Float64Array[];
  /** In a separator already: all others that touch a piece are in it. */
  private readonly separated: Uint8Array;
  /** Places in the piece at hand: of an unknown, and the ends of the range of its neighbours and itself. */
  private readonly position: Int32Array;
  private readonly lowest: Int32Array;
  private readonly highest: Int32Array;
  private readonly moved: Int32Array;
  private readonly reached: Uint8Array;
  private readonly local: Int32Array; // scratch of byMinimumDegree
  private readonly change: readonly [Int32Array, Int32Array];

  constructor(graph: Graph, coordinates?: ArrayLike<number>) {
    const { n } = graph;
    this.graph = graph;
    this.placed = coordinates !== undefined;
    this.along = coordinates
      ? [0, 1].map((axis) => Float64Array.from({ length: n }, (_, i) => coordinates[2 * i + axis]))
      : [new Float64Array(n)];
    this.sorted = this.along.map((x) => upTo(n).sort((a, b) => x[a] - x[b] || a - b));
    [this.separated, this.reached] = [new Uint8Array(n), new Uint8Array(n)];
    [this.position, this.lowest, this.highest] = [new Int32Array(n), new Int32Array(n), new Int32Array(n)];
    [this.moved, this.local] = [new Int32Array(n), new Int32Array(n).fill(-1)];
    this.change = [new Int32Array(n + 1), new Int32Array(n + 1)];
  }

  /** Orders the piece from … to − 1: cuts it, orders the two sides, and leaves the separator last. */
  dissect(from: number, to: number): void {
    const cut = to - from > PIECE ? this.bestCut(from, to) : null;
    if (cut === null || cut.separator >= (to - from) / 2) {
      byMinimumDegree(this.sorted[0].subarray(from, to), this.graph, this.local);
      return;
    }
    const middle = from + cut.at - (cut.ofFirst ? cut.separator : 0);
    const end = to - cut.separator;
    this.divide(from, to, cut, [from, middle, end]);
    if (from < middle) this.dissect(from, middle);
    if (middle < end) this.dissect(middle, end);
  }

  /** The best cut across any of the axes along which the piece is long. */
  private bestCut(from: number, to: number): Cut | null {
    if (!this.placed) this.spreadOut(this.sorted[0].subarray(from, to));
    const spans = this.along.map((x, axis) => x[this.sorted[axis][to - 1]] - x[this.sorted[axis][from]]);
    const longest = Math.max(...spans);
    let best: Cut | null = null;
    for (const [axis, list] of this.sorted.entries()) {
      if (!(spans[axis] >= LEAST_SPAN * longest)) continue;
      const cut = this.cutAlong(axis, list.subarray(from, to));
      if (best === null || cut.score < best.score) best = cut;
    }
    return best;
  }

  /** Puts a piece in the order of a breadth-first search: from its first unknown, then again from where that ended. */
  private spreadOut(piece: Int32Array): void {
    const { start, neighbours } = this.graph;
    const { moved, reached, separated } = this;
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
  }

  /** Positions of a piece, and how far those of neighbours reach. */
  private place(piece: Int32Array): void {
    const { start, neighbours } = this.graph;
    const { position, separated } = this;
    for (let k = 0; k < piece.length; k++) position[piece[k]] = k;
    for (const i of piece) {
      let [low, high] = [position[i], position[i]];
      for (let k = start[i]; k < start[i + 1]; k++) {
        if (separated[neighbours[k]]) continue;
        const at = position[neighbours[k]];
        if (at < low) low = at;
        if (at > high) high = at;
      }
      this.lowest[i] = low;
      this.highest[i] = high;
    }
  }

  /** The best cut of a piece before a position c. Separators: position < c ≤ highest of the first side; lowest < c ≤ position of the second. */
  private cutAlong(axis: number, piece: Int32Array): Cut {
    const m = piece.length;
    this.place(piece);
    const { position, lowest, highest, change } = this;
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
        const score = (separator + 1 / m) * (1 + 2 * Math.max(0, larger - 0.5)); // 1/m: among empty separators the most even cut
        if (score < best.score) best = { axis, at, ofFirst: side === 0, separator, score };
      }
    }
    return best;
  }

  /** Moves the first side, the second and the separator together in every list, to where each starts; they stay sorted. */
  private divide(from: number, to: number, { axis, at, ofFirst }: Cut, starts: readonly number[]): void {
    const piece = this.sorted[axis].subarray(from, to);
    this.place(piece);
    const { position, lowest, highest, separated, moved } = this;
    const touches = (i: number): boolean =>
      ofFirst ? position[i] < at && highest[i] >= at : position[i] >= at && lowest[i] < at;
    for (const i of piece.filter(touches)) separated[i] = 1;
    for (const list of this.sorted) {
      const next = [...starts];
      for (let k = from; k < to; k++) moved[next[separated[list[k]] ? 2 : position[list[k]] < at ? 0 : 1]++] = list[k];
      list.set(moved.subarray(from, to), from);
    }
  }
}

/** Order of elimination: `order[k]` is the unknown that goes k-th. `coordinates` (n, 2), where there are any. */
export function nestedDissection(graph: Graph, coordinates?: ArrayLike<number>): Int32Array {
  const dissection = new Dissection(graph, coordinates);
  if (graph.n > 0) dissection.dissect(0, graph.n);
  return dissection.sorted[0];
}
