/**
 * From points and triangles to a mesh: checks that they tile a domain, orients them, finds the boundary and resolves the tags. All
 * sources of meshes share it; each supplies its own names of points and triangles for errors.
 */
import { showPoint } from "./arrays.ts";
import { endsOf, findHalfEdge, pairEdges } from "./edges.ts";
import { cross, type Mesh } from "./mesh.ts";
import type { Names, Parts } from "./parts.ts";
import { mergePoints, type SeamOptions, warnOfSeams } from "./seams.ts";

/** Least area of a triangle over the square of its longest edge; below it, rounding determines the orientation. */
const THINNEST = 1e-12;

function longestSquared(points: Float64Array, triangles: Int32Array, t: number): number {
  let most = 0;
  for (let k = 0; k < 3; k++) {
    const [a, b] = endsOf(triangles, 3 * t + k);
    const [dx, dy] = [points[2 * b] - points[2 * a], points[2 * b + 1] - points[2 * a + 1]];
    most = Math.max(most, dx * dx + dy * dy);
  }
  return most;
}

/** Checks that every coordinate is finite, every corner a point and every point a corner. */
function checkIndices({ points, triangles }: Parts, { owner, point, triangle }: Names): void {
  const N = points.length / 2;
  if (triangles.length === 0) throw new Error(`${owner}: expected at least one triangle, got none`);
  points.forEach((x, i) => {
    if (Number.isFinite(x)) return;
    throw new Error(`${owner}: expected finite coordinates, got ${x} as ${"xy"[i % 2]} of ${point(i >> 1)}`);
  });
  const used = new Uint8Array(N);
  triangles.forEach((i, h) => {
    if (i < 0 || i >= N)
      throw new Error(`${owner}: expected points 0 to ${N - 1}, got ${i} in ${triangle((h / 3) | 0)}`);
    used[i] = 1;
  });
  const orphan = used.indexOf(0);
  if (orphan < 0) return;
  const [count, at] = [used.filter((it) => it === 0).length, showPoint(points[2 * orphan], points[2 * orphan + 1])];
  const more = count > 1 ? ` and ${count - 1} more` : "";
  throw new Error(
    `${owner}: expected every point to be a corner of a triangle, got ${point(orphan)} at ${at}${more} in none; ` +
      "leave out what no triangle uses",
  );
}

/** Makes all triangles counter-clockwise. @throws when a triangle has no area, or the triangles of a surface have different orientations. */
function orient({ points, triangles, surfaces }: Parts, { owner, point, triangle }: Names): void {
  const E = triangles.length / 3;
  const tally = new Map<number, { clockwise: number; counter: number; first: [number, number] }>();
  const show = (t: number): string => {
    const corners = [...triangles.subarray(3 * t, 3 * t + 3)];
    const at = corners.map((i) => `${point(i)} ${showPoint(points[2 * i], points[2 * i + 1])}`);
    return `${triangle(t)} with corners ${at.join(", ")}`;
  };
  const turned = new Uint8Array(E);
  for (let t = 0; t < E; t++) {
    const twice = cross(points, triangles, t);
    if (!(Math.abs(twice) > 2 * THINNEST * longestSquared(points, triangles, t)))
      throw new Error(`${owner}: expected triangles of some area, got none in ${show(t)}; mend or remove it`);
    const surface = surfaces?.[t] ?? 0;
    const entry = tally.get(surface) ?? { clockwise: 0, counter: 0, first: [-1, -1] };
    const side = twice < 0 ? 1 : 0;
    if (entry.first[side] < 0) entry.first[side] = t;
    if (side) entry.clockwise++;
    else entry.counter++;
    turned[t] = side;
    tally.set(surface, entry);
  }
  for (const { clockwise, counter, first } of tally.values()) {
    if (clockwise === 0 || counter === 0) continue;
    const few = clockwise <= counter ? 1 : 0;
    const [way, other] = few ? ["clockwise", "counter-clockwise"] : ["counter-clockwise", "clockwise"];
    const message = `${Math.max(clockwise, counter)} ${other} and, ${way}, ${show(first[few])}`;
    throw new Error(
      `${owner}: expected triangles that all wind the same way, got ${message} ` +
        "(an inverted cell: swap two of its corners, or move a point where the mesh is folded)",
    );
  }
  for (let t = 0; t < E; t++) {
    if (turned[t]) [triangles[3 * t + 1], triangles[3 * t + 2]] = [triangles[3 * t + 2], triangles[3 * t + 1]];
  }
}

/** @throws the error for an edge whose half-edges are not those of two neighbours. */
function refuseEdge({ points, triangles }: Parts, { owner, point, triangle }: Names, halves: readonly number[]): never {
  const cells = halves.map((h) => (h / 3) | 0);
  const corners = cells.map((t) => [...triangles.subarray(3 * t, 3 * t + 3)].sort((a, b) => a - b).join());
  const twin = corners.findIndex((key, i) => corners.indexOf(key) < i);
  if (twin >= 0) {
    const [first, second] = [cells[corners.indexOf(corners[twin])], cells[twin]];
    throw new Error(
      `${owner}: expected each triangle once, got ${triangle(first)} and ${triangle(second)} with the same corners`,
    );
  }
  const [a, b] = endsOf(triangles, halves[0]);
  const at = [a, b].map((i) => `${point(i)} ${showPoint(points[2 * i], points[2 * i + 1])}`).join(" to ");
  const list = cells.slice(0, 4).map(triangle).join(", ") + (cells.length > 4 ? ", …" : "");
  const expected =
    halves.length > 2
      ? "at most two triangles on an edge"
      : "neighbours on opposite sides of their edge, not over each other";
  throw new Error(`${owner}: expected ${expected}, got ${list} on the edge from ${at}`);
}

/**
 * Builds a mesh; `seams` are warned of, or joined, if they are given.
 * @throws when the parts do not form a mesh; errors use `names`.
 */
export function buildMesh(given: Parts, called: Names, seams?: SeamOptions): Mesh {
  checkIndices(given, called);
  const [parts, names] = seams?.merge === undefined ? [given, called] : mergePoints(given, called, seams.merge);
  const { points, triangles } = parts;
  orient(parts, names);
  const table = pairEdges(triangles, points.length / 2, (halves) => refuseEdge(parts, names, halves));
  const { order, boundary } = table;
  const edges = new Int32Array(2 * boundary.length);
  const edgeOf = new Map<number, number>(); // half-edge → edge
  boundary.forEach((h, s) => {
    edges.set(endsOf(triangles, h), 2 * s);
    edgeOf.set(h, s);
  });
  const edgeTags: [string, number[]][] = [];
  const interiorLines: [string, number][] = [];
  for (const [tag, pairs] of parts.lines) {
    const found = new Set<number>();
    const inside = new Set<number>();
    for (let i = 0; i < pairs.length; i += 2) {
      const h = findHalfEdge(triangles, order, pairs[i], pairs[i + 1]);
      if (h < 0) {
        const got = `${names.point(pairs[i])} to ${names.point(pairs[i + 1])}`;
        throw new Error(`${names.owner}: expected "${tag}" to tag edges of triangles, got ${got}, which is none`);
      }
      const edge = edgeOf.get(h);
      if (edge === undefined) inside.add(h);
      else found.add(edge);
    }
    edgeTags.push([tag, [...found].sort((a, b) => a - b)]);
    if (inside.size > 0) interiorLines.push([tag, inside.size]);
  }
  const regionTags = [...parts.regions].map(([tag, list]) => [tag, [...new Set(list)].sort((a, b) => a - b)] as const);
  const mesh: Mesh = {
    points,
    triangles,
    edges,
    edgeTags: Object.fromEntries(edgeTags),
    regionTags: Object.fromEntries(regionTags),
    ...(interiorLines.length > 0 && { interiorLines: Object.fromEntries(interiorLines) }),
  };
  if (seams !== undefined) warnOfSeams(mesh, table, names, seams);
  return mesh;
}
