/**
 * Symbolic analysis for the multifrontal Cholesky factorisation (Duff & Reid, ACM TOMS 9, 1983; Liu, SIAM Review 34, 1992),
 * once for a pattern: elimination tree, supernodes, and the table that the kernels in assembly/solve.ts read.
 *
 * A front is a supernode of s columns with r rows below. Fronts are dense: a small one is merged into its parent when the zeros
 * that this adds cost less than the overhead of one more front (relaxed supernodes, Ashcraft & Grimes 1989).
 */
import { countingSort, upTo } from "./counting-sort.ts";
import { Growing } from "./growing.ts";
import type { Graph } from "./ordering.ts";

interface Supernode {
  /** Unknowns that are eliminated here, in order. */
  cols: number[];
  /** Unknowns further up that the columns reach, in any order: they are sorted once all are numbered. */
  rows: Int32Array;
  parent: number;
  children: number[];
}

/** Rows are in panels of 4, which the kernels multiply at once. */
const PANEL = 4;
/** Rows with padding: whole panels. */
export const padded = (n: number): number => Math.ceil(n / PANEL) * PANEL;
/** Entries (of one sample) of the lower triangle of r rows, in panels: panel I holds its 4 rows and columns up to 4I + 3. */
export const triangleEntries = (r: number): number => {
  const panels = padded(r) / PANEL;
  return 8 * panels * (panels + 1);
};
/** Entries of the triangle of s pivots: as of an update, except that the last panel ends with column s − 1. */
const pivotEntries = (s: number): number => triangleEntries(padded(s) - PANEL) + PANEL * s;
const blockEntries = (s: number, r: number): number => pivotEntries(s) + padded(r) * s;

/** Rough cost of a front in nanoseconds for two samples: a constant, its entries, its update, its products. */
function costOf(s: number, r: number): number {
  const [sp, rp] = [padded(s), padded(r)];
  const products = (sp * s * s) / 3 + (rp * s * s) / 2 + (rp * rp * s) / 2;
  return 60 + blockEntries(s, r) + 1.6 * triangleEntries(r) + 0.2 * products;
}

/** Parent of each place in the elimination tree, −1 for roots; `order[k]` is the k-th unknown to be eliminated. */
function eliminationTree({ n, start, neighbours }: Graph, order: Int32Array, place: Int32Array): Int32Array {
  const parent = new Int32Array(n).fill(-1);
  const ancestor = new Int32Array(n).fill(-1);
  for (let j = 0; j < n; j++) {
    for (let k = start[order[j]]; k < start[order[j] + 1]; k++) {
      let i = place[neighbours[k]];
      while (i >= 0 && i < j) {
        const next = ancestor[i];
        ancestor[i] = j; // path compression (Liu 1986)
        if (next < 0) parent[i] = j;
        i = next < 0 ? -1 : next;
      }
    }
  }
  return parent;
}

/** Children before parents, depth first. */
function postorder(parent: ArrayLike<number>): number[] {
  const children: number[][] = Array.from(parent, () => []);
  const stack: number[] = [];
  for (let j = parent.length - 1; j >= 0; j--) (parent[j] < 0 ? stack : children[parent[j]]).push(j);
  const out: number[] = [];
  while (stack.length > 0) {
    const j = stack.pop() as number; // parents first here, reversed below
    out.push(j);
    stack.push(...children[j].reverse());
  }
  return out.reverse();
}

/** Supernodes of a postordered elimination tree: runs of columns with the same rows below. */
function findSupernodes(graph: Graph, order: Int32Array, parent: Int32Array): Supernode[] {
  const { n, start, neighbours } = graph;
  const place = inverse(order);
  const nodes: Supernode[] = [];
  const nodeOf = new Int32Array(n);
  const below = new Growing(0, 16 * n); // rows of all columns, in any order within one
  const [from, to] = [new Int32Array(n), new Int32Array(n)]; // those of a column
  const [child, sibling] = [new Int32Array(n).fill(-1), new Int32Array(n).fill(-1)]; // the first, the next: −1 none
  const seen = new Int32Array(n).fill(-1); // the last column that reached a row
  for (let j = 0; j < n; j++) {
    const reach = (i: number): void => {
      if (i <= j || seen[i] === j) return;
      seen[i] = j;
      below.push(i);
    };
    from[j] = below.length;
    for (let k = start[order[j]]; k < start[order[j] + 1]; k++) reach(place[neighbours[k]]);
    for (let c = child[j]; c >= 0; c = sibling[c]) for (let k = from[c]; k < to[c]; k++) reach(below.at(k));
    to[j] = below.length;
    if (parent[j] >= 0) {
      sibling[j] = child[parent[j]];
      child[parent[j]] = j;
    }
    if (j > 0 && parent[j - 1] === j && to[j - 1] - from[j - 1] === to[j] - from[j] + 1) {
      nodes[nodeOf[j - 1]].cols.push(j);
      nodeOf[j] = nodeOf[j - 1];
    } else {
      nodeOf[j] = nodes.length;
      nodes.push({ cols: [j], rows: new Int32Array(0), parent: -1, children: [] });
    }
  }
  nodes.forEach((node, s) => {
    const last = node.cols[node.cols.length - 1];
    node.rows = below.slice(from[last], to[last]);
    if (parent[last] < 0) return;
    node.parent = nodeOf[parent[last]];
    nodes[node.parent].children.push(s);
  });
  return nodes;
}

/** Merges children into their parents, from the leaves up, while that lowers the cost. */
function amalgamate(nodes: Supernode[]): void {
  nodes.forEach((node, p) => {
    for (let again = true; again; ) {
      again = false;
      let [best, gain] = [-1, 0];
      for (const c of node.children) {
        const child = nodes[c];
        const [s, r] = [node.cols.length, node.rows.length];
        const saved = costOf(s, r) + costOf(child.cols.length, child.rows.length) - costOf(s + child.cols.length, r);
        if (saved > gain) [best, gain] = [c, saved];
      }
      if (best < 0) continue;
      const child = nodes[best];
      node.cols = [...child.cols, ...node.cols];
      node.children = [...node.children.filter((c) => c !== best), ...child.children];
      for (const c of child.children) nodes[c].parent = p;
      child.parent = MERGED;
      again = true;
    }
  });
}
const MERGED = -2;

const inverse = (order: ArrayLike<number>): Int32Array => {
  const place = new Int32Array(order.length);
  for (let k = 0; k < order.length; k++) place[order[k]] = k;
  return place;
};

/** First-fit places in one workspace for blocks that are released later. */
class Places {
  private readonly taken: { at: number; size: number }[] = [];
  size = 0;
  take(size: number): number {
    let at = 0;
    let before = 0;
    for (const block of this.taken) {
      if (block.at - at >= size) break;
      at = block.at + block.size;
      before++;
    }
    this.taken.splice(before, 0, { at, size });
    this.size = Math.max(this.size, at + size);
    return at;
  }
  release(at: number): void {
    this.taken.splice(
      this.taken.findIndex((block) => block.at === at),
      1,
    );
  }
}

/** The analysis of a pattern: a table for the kernels, and sizes. */
export interface Symbolic {
  /**
   * The table that the kernels read, in words; offsets count words from its start:
   *   0 n   1 entries of the matrix   2 fronts   3 entries of the factor   4 entries of the workspace of updates
   *   5 offset of the fronts   6 of the order   7 of the rows of the matrix's entries   8 of their columns
   *   9 most rows of a front's block, with padding
   * A front is FRONT_WORDS words:
   *   0 s   1 r   2 entry of the factor where its block starts   3 entry of the workspace where its update starts
   *   4 first column   5 offset of its r rows, numbers in order of elimination   6 offset of its rows' places in the parent
   *   7 offset of its entries of the matrix, pairs (entry, place in the block)   8 how many   9 offset of its children   10 how many
   *   11 left to the kernels   12 offset of its parent, 0 for a root
   * A front's block has its s + r rows in panels of 4, those below starting a panel of their own; entry (i, k) is 4k + (i mod 4)
   * entries after the start of its panel. Panels of pivots end with their diagonal, as those of an update do (`triangleEntries`);
   * those below have s columns.
   */
  readonly table: Int32Array;
  /** Entries of the factor of one sample, with padding. */
  readonly factorSize: number;
  /** Entries of the workspace. */
  readonly workspaceSize: number;
  /** Rows of the largest front, with padding. */
  readonly mostRows: number;
  /** Σ (s + r)² over the fronts. */
  readonly squares: number;
  /** Multiplications with addition of one factorisation of one sample, without padding. */
  readonly products: number;
  /** Entries of the factor, without padding. */
  readonly entries: number;
  /** The first front that has one of the unknowns to be eliminated last: they are in the fronts from there on. */
  readonly lastFront: number;
}
const HEADER = 10;
const FRONT_WORDS = 13;

/** A supernode and the columns that it has once all are numbered. */
interface Front {
  readonly node: Supernode;
  /** First column. */
  readonly first: number;
  /** Fronts whose parent this is. */
  readonly children: readonly number[];
}

/** Supernodes of a matrix for an order of elimination that is given, and that order after a postorder of the tree. */
function supernodesOf(graph: Graph, given: Int32Array): { nodes: Supernode[]; order: Int32Array } {
  const tree = eliminationTree(graph, given, inverse(given));
  const post = postorder(tree);
  const placeOf = inverse(post);
  const order = Int32Array.from(post, (j) => given[j]);
  const parent = Int32Array.from(post, (j) => (tree[j] < 0 ? -1 : placeOf[tree[j]]));
  const nodes = findSupernodes(graph, order, parent);
  amalgamate(nodes);
  return { nodes, order };
}

/** The supernodes that were not merged, children before parents, and the columns by which they are numbered. */
function numberFronts(nodes: readonly Supernode[]): { fronts: Front[]; columns: number[] } {
  const kept = nodes.flatMap((node, i) => (node.parent === MERGED ? [] : [i]));
  const index = new Map(kept.map((i, k) => [i, k]));
  const sorted = postorder(kept.map((i) => index.get(nodes[i].parent) ?? -1)).map((k) => kept[k]);
  const frontOf = new Map(sorted.map((i, f) => [i, f]));
  const columns: number[] = [];
  const fronts = sorted.map((i) => {
    const node = nodes[i];
    const first = columns.length;
    for (const j of node.cols) columns.push(j);
    return { node, first, children: node.children.map((c) => frontOf.get(c) as number) };
  });
  return { fronts, columns };
}

/** Where row i of a front with s columns starts in its block, and entry (i, k) stands. */
const panelPlace = (s: number, i: number): number =>
  i < padded(s) ? triangleEntries(i - (i % PANEL)) : pivotEntries(s) + (i - padded(s) - (i % PANEL)) * s;
const blockPlace = (s: number, i: number, k: number): number => panelPlace(s, i) + PANEL * k + (i % PANEL);

/** Multiplications with addition, and entries of the factor, of s columns with r rows below, without padding. */
function countFront(s: number, r: number): { products: number; entries: number } {
  let [products, entries] = [0, 0];
  for (let rest = r; rest < s + r; rest++) {
    entries += rest + 1;
    products += rest + (rest * (rest + 1)) / 2;
  }
  return { products, entries };
}

/**
 * Analyses the lower triangle with entries (rows, cols) of a matrix of order n, given an order of elimination and how many unknowns,
 * those of the highest numbers, come last in it.
 */
export function analyse(graph: Graph, rows: Int32Array, cols: Int32Array, given: Int32Array, last = 0): Symbolic {
  const { n } = graph;
  const { nodes, order } = supernodesOf(graph, given);
  const { fronts, columns } = numberFronts(nodes);
  const number = inverse(columns);
  const finalOrder = Int32Array.from(columns, (j) => order[j]);
  const position = inverse(finalOrder); // of an unknown
  // Entries of the matrix by the column that is eliminated first.
  const columnOf = (e: number): number => Math.min(position[rows[e]], position[cols[e]]);
  const byColumn = countingSort(upTo(rows.length), n, columnOf);

  const words = new Growing(HEADER + FRONT_WORDS * fronts.length, 8 * (n + rows.length));
  const wordOf = (front: number): number => HEADER + FRONT_WORDS * front;
  const below = fronts.map(({ node }) => Int32Array.from(node.rows, (j) => number[j]).sort());
  const places = new Places();
  const updates: number[] = [];
  const total = { factorSize: 0, mostRows: 0, squares: 0, products: 0, entries: 0 };
  let taken = 0; // entries of the matrix
  fronts.forEach(({ node, first, children }, f) => {
    const [s, r] = [node.cols.length, below[f].length];
    /** The row of a column of the matrix in this front. */
    const local = (column: number): number =>
      column < first + s ? column - first : padded(s) + search(below[f], column);
    const own: number[] = []; // entries of the matrix, and their places in the block
    for (; taken < byColumn.length && columnOf(byColumn[taken]) < first + s; taken++) {
      const e = byColumn[taken];
      const row = local(Math.max(position[rows[e]], position[cols[e]]));
      own.push(e, blockPlace(s, row, columnOf(e) - first));
    }
    updates.push(r > 0 ? places.take(triangleEntries(r)) : 0);
    const lists = [words.append(below[f]), words.append(own), words.append(children.map(wordOf))];
    const [rowsAt, ownAt, childrenAt] = lists;
    const sizes = [s, r, total.factorSize, updates[f], first];
    words.set(wordOf(f), [...sizes, rowsAt, 0, ownAt, own.length / 2, childrenAt, children.length]);
    for (const c of children) {
      words.set(wordOf(c) + 6, [words.append(below[c].map(local))]);
      words.set(wordOf(c) + 12, [wordOf(f)]);
      if (below[c].length > 0) places.release(updates[c]);
    }
    const { products, entries } = countFront(s, r);
    total.factorSize += blockEntries(s, r);
    total.mostRows = Math.max(total.mostRows, padded(s) + padded(r));
    total.squares += (s + r) * (s + r);
    total.products += products;
    total.entries += entries;
  });
  const lists = [finalOrder, rows, cols].map((list) => words.append(list));
  const { factorSize, mostRows } = total;
  words.set(0, [n, rows.length, fronts.length, factorSize, places.size, HEADER, ...lists, mostRows]);
  const firstLast = finalOrder.findIndex((i) => i >= n - last);
  const lastFront =
    last > 0 ? fronts.findIndex(({ node, first }) => first + node.cols.length > firstLast) : fronts.length;
  return { ...total, table: words.slice(), workspaceSize: places.size, lastFront };
}

/** Index of a number in an ascending list that has it. */
function search(list: Int32Array, x: number): number {
  let [low, high] = [0, list.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}
