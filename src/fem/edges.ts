/**
 * Edges that triangles share. Half-edge 3 t + k runs from corner k of triangle t to the next corner, with the triangle on its left;
 * an edge of the mesh is one half-edge (on the boundary) or two of opposite direction. Two counting passes sort the half-edges by
 * the ends of their edge, so the cost is linear however many triangles meet in a point.
 */
import { countingSort } from "../sparse/counting-sort.ts";

/** The half-edges of a mesh, with those of the same edge next to each other. */
export interface EdgeTable {
  /** (3 E) half-edges in ascending order of the smaller, then of the larger end. */
  readonly order: Int32Array;
  /** (S) the half-edges that have no partner, ascending. */
  readonly boundary: Int32Array;
}

const nextCorner = (h: number): number => (h % 3 === 2 ? h - 2 : h + 1);

/** The ends of a half-edge, in its direction. */
export const endsOf = (triangles: Int32Array, h: number): [number, number] => [triangles[h], triangles[nextCorner(h)]];

const lowEnd = (triangles: Int32Array, h: number): number => Math.min(triangles[h], triangles[nextCorner(h)]);
const highEnd = (triangles: Int32Array, h: number): number => Math.max(triangles[h], triangles[nextCorner(h)]);

/** Called with the half-edges of an edge that is not a proper pair; throws. */
export type Refuse = (halfEdges: readonly number[]) => never;

/** Sorts and pairs the half-edges of counter-clockwise triangles (E, 3) on N points. */
export function pairEdges(triangles: Int32Array, N: number, refuse: Refuse): EdgeTable {
  const all = Int32Array.from(triangles, (_, h) => h);
  const byHigh = countingSort(all, N, (h) => highEnd(triangles, h));
  const order = countingSort(byHigh, N, (h) => lowEnd(triangles, h));
  const single: number[] = [];
  for (let i = 0, end = 0; i < order.length; i = end) {
    const [low, high] = [lowEnd(triangles, order[i]), highEnd(triangles, order[i])];
    while (end < order.length && lowEnd(triangles, order[end]) === low && highEnd(triangles, order[end]) === high)
      end++;
    if (end - i === 1) single.push(order[i]);
    else if (end - i > 2 || triangles[order[i]] === triangles[order[i + 1]]) refuse([...order.subarray(i, end)]);
  }
  return { order, boundary: Int32Array.from(single).sort() };
}

/** A half-edge between two points, whatever its direction; −1 where no triangle has both. */
export function findHalfEdge(triangles: Int32Array, order: Int32Array, a: number, b: number): number {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  let [from, to] = [0, order.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const above = lowEnd(triangles, order[middle]) - low || highEnd(triangles, order[middle]) - high;
    if (above < 0) from = middle + 1;
    else to = middle;
  }
  const h = order[from];
  const found = from < order.length && lowEnd(triangles, h) === low && highEnd(triangles, h) === high;
  return found ? h : -1;
}
