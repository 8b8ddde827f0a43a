/**
 * Meshes of triangles in the plane, as plain arrays: what finite elements are assembled on. Lengths are in the unit
 * that the points are given in.
 */
import { describe } from "../checks/arguments.ts";
import { flatRows, type Rows, showPoint } from "./arrays.ts";
import { buildMesh, cross } from "./build.ts";

export interface Mesh {
  /** (N, 2) */
  readonly points: Float64Array;
  /** (E, 3) indices of points, counter-clockwise. */
  readonly triangles: Int32Array;
  /** (S, 2) the edges that only one triangle has, with the domain on their left, in the order of the triangles. */
  readonly edges: Int32Array;
  /** Name → indices into `edges`, ascending. */
  readonly edgeTags: Readonly<Record<string, readonly number[]>>;
  /** Name → indices into `triangles`, ascending. */
  readonly regionTags: Readonly<Record<string, readonly number[]>>;
  /** For each edge tag that has some: how many of its lines lie between two triangles, and so are not in `edges`. */
  readonly interiorLines?: Readonly<Record<string, number>>;
}

export interface MeshSpec {
  /** (N, 2), flat or as a list of pairs. */
  readonly points: Rows;
  /** (E, 3) indices of points, flat or as a list of triples. */
  readonly triangles: Rows;
  /** Name → pairs of points, each pair an edge in either direction. */
  readonly edgeTags?: Readonly<Record<string, Rows>>;
  /** Name → indices of triangles. */
  readonly regionTags?: Readonly<Record<string, ArrayLike<number>>>;
}

/** A tag, or a condition on a point that must hold at both ends of an edge and in its middle. */
export type EdgeSelector = string | ((x: number, y: number) => boolean);

/** A tag, or a condition on the centroid of a triangle. */
export type RegionSelector = string | ((x: number, y: number) => boolean);

function wholeNumbers(owner: string, what: string, given: unknown, width: number, below = 0x80000000): Int32Array {
  const flat = flatRows(owner, what, given, width);
  const odd = flat.findIndex((x) => !(Number.isInteger(x) && x >= 0 && x < below));
  if (odd < 0) return Int32Array.from(flat);
  const where = width > 1 ? `${Math.floor(odd / width)}, ${odd % width}` : `${odd}`;
  throw new Error(
    `${owner}: expected ${what} to be whole numbers from 0 to ${below - 1}, got ${flat[odd]} at index ${where}`,
  );
}

function entriesOf(what: string, given: unknown): [string, unknown][] {
  if (given === undefined) return [];
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return Object.entries(given);
  throw new Error(`makeMesh: expected ${what} as an object of lists by name, got ${describe(given)}`);
}

/**
 * Checks points and triangles, and completes them to a mesh: finds the boundary and directs it.
 *
 * Triangles may all be clockwise: they are turned round. A tagged pair that lies between two triangles is no boundary
 * edge and is left out of `edgeTags`; `selectEdges` of that tag says so.
 *
 * @throws an Error that names the point or triangle: an index out of range; a coordinate that is not finite; a point in
 * no triangle; a triangle whose area is below 1e-12 of its longest edge squared; triangles that wind both ways (an
 * inverted cell); the same triangle twice; an edge with more than two triangles or with both on one side (a fold); a
 * tagged pair that is no edge.
 */
export function makeMesh(spec: MeshSpec): Mesh {
  if (typeof spec !== "object" || spec === null)
    throw new Error(`makeMesh: expected { points, triangles }, got ${describe(spec)}`);
  const points = flatRows("makeMesh", "points", spec.points, 2);
  const N = points.length / 2;
  const triangles = wholeNumbers("makeMesh", "triangles", spec.triangles, 3, N);
  const E = triangles.length / 3;
  const lines = entriesOf("edgeTags", spec.edgeTags).map(
    ([tag, pairs]) => [tag, wholeNumbers("makeMesh", `edgeTags "${tag}"`, pairs, 2, N)] as const,
  );
  const regions = entriesOf("regionTags", spec.regionTags).map(
    ([tag, list]) => [tag, [...wholeNumbers("makeMesh", `regionTags "${tag}"`, list, 1, E)]] as const,
  );
  const names = { owner: "makeMesh", point: (i: number) => `point ${i}`, triangle: (t: number) => `triangle ${t}` };
  return buildMesh({ points, triangles, lines, regions }, names);
}

/** The list of a tag. @throws with the tags there are. */
function tagged(owner: string, kind: string, tags: Mesh["edgeTags"], tag: string, hint: string): readonly number[] {
  if (Object.hasOwn(tags, tag)) return tags[tag];
  const known = Object.keys(tags);
  const expected =
    known.length > 0 ? `one of the ${kind} tags ${known.join(", ")}` : `a predicate (the mesh has no ${kind} tags)`;
  throw new Error(`${owner}: expected ${expected}, got "${tag}"${hint}`);
}

/**
 * The boundary edges of a tag, or those where a predicate holds at both ends and in the middle, as indices into
 * `mesh.edges`, ascending. Compare coordinates with a tolerance: `(x) => Math.abs(x - 1) < 1e-9`.
 *
 * @throws on an unknown tag (with those there are), a tag that also holds lines inside the domain, or where no edge is
 * selected.
 */
export function selectEdges(mesh: Mesh, on: EdgeSelector): number[] {
  const { points, edges } = mesh;
  if (typeof on === "string") {
    const hint = Object.hasOwn(mesh.regionTags, on) ? ", which tags triangles" : "";
    const list = tagged("selectEdges", "edge", mesh.edgeTags, on, hint);
    const inside = mesh.interiorLines && Object.hasOwn(mesh.interiorLines, on) ? mesh.interiorLines[on] : 0;
    if (inside > 0) {
      const got = `${inside} of its ${inside + list.length} lines between two triangles`;
      throw new Error(
        `selectEdges: expected "${on}" to hold boundary edges, got ${got}; tag the boundary apart, or give a predicate`,
      );
    }
    if (list.length === 0) throw new Error(`selectEdges: expected "${on}" to hold boundary edges, got an empty tag`);
    return [...list];
  }
  if (typeof on !== "function")
    throw new Error(`selectEdges: expected a tag or a predicate (x, y) => boolean, got ${describe(on)}`);
  const selected: number[] = [];
  for (let s = 0; 2 * s < edges.length; s++) {
    const [a, b] = [2 * edges[2 * s], 2 * edges[2 * s + 1]];
    const [ax, ay, bx, by] = [points[a], points[a + 1], points[b], points[b + 1]];
    if (on(ax, ay) && on(bx, by) && on((ax + bx) / 2, (ay + by) / 2)) selected.push(s);
  }
  if (selected.length > 0) return selected;
  const box = boundingBox(points);
  const span = `${showPoint(box[0], box[1])} to ${showPoint(box[2], box[3])}`;
  throw new Error(
    `selectEdges: expected a predicate that holds at both ends and in the middle of a boundary edge, got none of the ` +
      `${edges.length / 2} edges; the mesh spans ${span}; compare coordinates with a tolerance`,
  );
}

/**
 * The triangles of a region tag, or those whose centroid fulfils a predicate, as indices into `mesh.triangles`,
 * ascending.
 * @throws on an unknown tag (with those there are), or where no triangle is selected.
 */
export function selectTriangles(mesh: Mesh, on: RegionSelector): number[] {
  if (typeof on === "string") {
    const hint = Object.hasOwn(mesh.edgeTags, on) ? ", which tags edges" : "";
    const list = tagged("selectTriangles", "region", mesh.regionTags, on, hint);
    if (list.length === 0) throw new Error(`selectTriangles: expected "${on}" to hold triangles, got an empty tag`);
    return [...list];
  }
  if (typeof on !== "function")
    throw new Error(`selectTriangles: expected a tag or a predicate (x, y) => boolean, got ${describe(on)}`);
  const at = centroids(mesh);
  const selected: number[] = [];
  for (let t = 0; 2 * t < at.length; t++) if (on(at[2 * t], at[2 * t + 1])) selected.push(t);
  if (selected.length > 0) return selected;
  throw new Error(`selectTriangles: expected a predicate that holds at a centroid, got none among ${at.length / 2}`);
}

/** [least x, least y, largest x, largest y] of points (N, 2). */
export function boundingBox(points: Float64Array): [number, number, number, number] {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i++) {
    box[i % 2] = Math.min(box[i % 2], points[i]);
    box[2 + (i % 2)] = Math.max(box[2 + (i % 2)], points[i]);
  }
  return box;
}

/** (E) the areas of the triangles, all positive. */
export function areas({ points, triangles }: Mesh): Float64Array {
  return Float64Array.from({ length: triangles.length / 3 }, (_, t) => cross(points, triangles, t) / 2);
}

/** (E, 2) the centroids of the triangles. */
export function centroids({ points, triangles }: Mesh): Float64Array {
  const out = new Float64Array((2 * triangles.length) / 3);
  for (let t = 0; 2 * t < out.length; t++) {
    const [a, b, c] = [2 * triangles[3 * t], 2 * triangles[3 * t + 1], 2 * triangles[3 * t + 2]];
    for (const k of [0, 1]) out[2 * t + k] = (points[a + k] + points[b + k] + points[c + k]) / 3;
  }
  return out;
}
