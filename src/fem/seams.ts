/**
 * Sides along which triangles touch but are not joined: nodes of two pieces at one place, as from Gmsh's OpenCASCADE kernel without
 * `fragment`; a node of one piece in the middle of an edge of another (a T-junction); and pieces that share single nodes and no edge.
 * Nothing flows through such a side, as through an insulating crack, which may be meant, so they are warned of and not refused.
 */
import { callback, type OptionsOf, option, positive } from "../checks/options.ts";
import { showPoint } from "./arrays.ts";
import { type EdgeTable, endsOf } from "./edges.ts";
import { boundingBox, type Mesh } from "./mesh.ts";
import type { Names, Parts } from "./parts.ts";

export const seamTable = {
  /** Joins nodes that are at most this far apart, in the unit of the points. By default none are joined. */
  merge: option(positive),
  /** Called with a warning if triangles touch that are not joined; by default it goes to the console. */
  onWarning: option(callback<(message: string) => void>()),
};
/** How touching triangles that share no nodes are treated. */
export type SeamOptions = OptionsOf<typeof seamTable>;

/** Largest distance of nodes at one place, over the size of the mesh: the digits that mesh generators write. */
const SAME_PLACE = 1e-8;
/** Comparisons after which the search for T-junctions ends, so that no file takes long: enough for 10⁵ nodes on the boundary. */
const MOST_WORK = 5e7;

/** The distance of points (ax, ay) and (bx, by). */
const distance = (ax: number, ay: number, bx: number, by: number): number =>
  Math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay));

const key = (i: number, j: number): string => `${i} ${j}`;

/** Points in square cells: answers those in the nine cells around a place. */
function makeGrid(points: Float64Array, cell: number) {
  const cells = new Map<string, number[]>();
  const at = (x: number): number => Math.floor(x / cell);
  return {
    add(i: number): void {
      const name = key(at(points[2 * i]), at(points[2 * i + 1]));
      const list = cells.get(name);
      if (list) list.push(i);
      else cells.set(name, [i]);
    },
    *near(x: number, y: number): Generator<number> {
      for (const i of [-1, 0, 1]) for (const j of [-1, 0, 1]) yield* cells.get(key(at(x) + i, at(y) + j)) ?? [];
    },
  };
}

/** For each of some points the first of them that is at most `tolerance` away. */
function firstAt(points: Float64Array, some: Iterable<number>, tolerance: number): Map<number, number> {
  const grid = makeGrid(points, 2 * tolerance);
  const first = new Map<number, number>();
  for (const i of some) {
    const [x, y] = [points[2 * i], points[2 * i + 1]];
    let found = i;
    for (const j of grid.near(x, y))
      if (distance(points[2 * j], points[2 * j + 1], x, y) <= tolerance) found = Math.min(found, j);
    if (found === i) grid.add(i);
    first.set(i, found);
  }
  return first;
}

/** Joins points that are at most `tolerance` apart. */
export function mergePoints(parts: Parts, names: Names, tolerance: number): readonly [Parts, Names] {
  const { points } = parts;
  const first = firstAt(
    points,
    Array.from({ length: points.length / 2 }, (_, i) => i),
    tolerance,
  );
  const kept = [...first].filter(([i, to]) => i === to).map(([i]) => i);
  const placeOf = new Map(kept.map((i, place) => [i, place]));
  const moved = (i: number): number => placeOf.get(first.get(i) as number) as number;
  const lines = [...parts.lines].map(([tag, pairs]) => [tag, Array.from(pairs, moved)] as const);
  const merged = {
    ...parts,
    points: Float64Array.from(kept.flatMap((i) => [points[2 * i], points[2 * i + 1]])),
    triangles: parts.triangles.map(moved),
    lines,
  };
  return [merged, { ...names, point: (i) => names.point(kept[i]) }];
}

/** Points of the boundary that lie within an edge of it, and are not its ends. */
function hangingPoints({ points, edges }: Mesh, some: readonly number[], tolerance: number): number[] {
  const lengths = Float64Array.from({ length: edges.length / 2 }, (_, s) => {
    const [a, b] = [2 * edges[2 * s], 2 * edges[2 * s + 1]];
    return distance(points[a], points[a + 1], points[b], points[b + 1]);
  });
  const cell = lengths.reduce((sum, l) => sum + l, 0) / lengths.length;
  const grid = makeGrid(points, cell);
  for (const i of some) grid.add(i);
  const found = new Set<number>();
  let work = 0;
  for (const [s, length] of lengths.entries()) {
    const [a, b] = [2 * edges[2 * s], 2 * edges[2 * s + 1]];
    const [dx, dy] = [(points[b] - points[a]) / length, (points[b + 1] - points[a + 1]) / length];
    for (let from = 0; from < length && work < MOST_WORK; from += cell) {
      for (const i of grid.near(points[a] + from * dx, points[a + 1] + from * dy)) {
        work++;
        const [x, y] = [points[2 * i] - points[a], points[2 * i + 1] - points[a + 1]];
        const along = x * dx + y * dy;
        if (along > tolerance && along < length - tolerance && Math.abs(x * dy - y * dx) <= tolerance) found.add(i);
      }
    }
  }
  return [...found];
}

/** Nodes at which pieces meet that share no edge: triangles that lead to one another across edges are of one piece. */
function pinchedPoints({ triangles }: Mesh, { order }: EdgeTable): number[] {
  const piece = Int32Array.from({ length: triangles.length / 3 }, (_, t) => t);
  const rootOf = (t: number): number => {
    while (piece[t] !== t) t = piece[t] = piece[piece[t]];
    return t;
  };
  for (let i = 1; i < order.length; i++) {
    const [a, b] = [order[i - 1], order[i]].map((h) => endsOf(triangles, h));
    if (a[0] === b[1] && a[1] === b[0]) piece[rootOf((order[i] / 3) | 0)] = rootOf((order[i - 1] / 3) | 0);
  }
  const of = new Map<number, number>();
  const found = new Set<number>();
  triangles.forEach((i, h) => {
    const root = rootOf((h / 3) | 0);
    if ((of.get(i) ?? root) !== root) found.add(i);
    of.set(i, root);
  });
  return [...found];
}

/** Warns of sides along which triangles touch but are not joined. */
export function warnOfSeams(
  mesh: Mesh,
  table: EdgeTable,
  { owner, point }: Names,
  { onWarning, merge }: SeamOptions,
): void {
  const { points, edges } = mesh;
  const box = boundingBox(points);
  const tolerance = SAME_PLACE * Math.max(box[2] - box[0], box[3] - box[1]);
  const boundary = [...new Set(edges)];
  const first = firstAt(points, boundary, tolerance);
  const doubled = boundary.filter((i) => first.get(i) !== i);
  const single = boundary.filter((i) => first.get(i) === i);
  const hanging = hangingPoints(mesh, single, tolerance);
  const show = (i: number): string => `${point(i)} at ${showPoint(points[2 * i], points[2 * i + 1])}`;
  const count = (list: readonly number[], what: string): string =>
    `${list.length} ${what}${list.length === 1 ? "" : "s"}`;
  const reasons = [
    ...(doubled.length > 0
      ? [
          `${count(doubled, "node")} at the place of another, such as ${show(doubled[0])} and ${point(first.get(doubled[0]) as number)}`,
        ]
      : []),
    ...(hanging.length > 0
      ? [`${count(hanging, "node")} within an edge of other triangles, such as ${show(hanging[0])}`]
      : []),
  ];
  const pinched = pinchedPoints(mesh, table);
  if (pinched.length > 0)
    reasons.push(`pieces that share ${count(pinched, "node")} but no edge, such as ${show(pinched[0])}`);
  if (reasons.length === 0) return;
  const join = owner === "gmsh" ? "gmsh(text, { merge: tolerance })" : `${owner}(spec, { merge: tolerance })`;
  const advice =
    doubled.length > 0 && merge === undefined
      ? `join nodes by ${join}, or fragment the geometry before it is meshed`
      : "mesh the geometry as one, fragmented";
  (onWarning ?? console.warn)(
    `${owner}: expected triangles that touch to share nodes and edges, got ${reasons.join("; ")}: nothing flows between such triangles, as across a crack; ${advice}`,
  );
}
