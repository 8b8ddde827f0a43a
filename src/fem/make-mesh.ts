/** Meshes from points and triangles given by a caller. */
import { describe } from "../checks/arguments.ts";
import { readOptions } from "../checks/options.ts";
import { flatRows, type Rows } from "./arrays.ts";
import { buildMesh } from "./build.ts";
import type { Mesh } from "./mesh.ts";
import { type SeamOptions, seamTable } from "./seams.ts";

/** Points, triangles and tags of a mesh. */
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
 * Triangles may all be clockwise; they are then reversed. A tagged pair between two triangles is no boundary edge and is left out of
 * `edgeTags`; `selectEdges` of that tag refuses it with this reason. Triangles that touch without sharing nodes and edges are warned
 * of, because nothing flows between them; `{ merge: tolerance }` joins nodes at one place.
 *
 * @throws an Error that names the point or triangle: an index out of range; a coordinate that is not finite; a point in
 * no triangle; a triangle whose area is below 1e-12 of its longest edge squared; triangles of both orientations
 * (an inverted cell); the same triangle twice; an edge with more than two triangles or with both on one side (a fold); a
 * tagged pair that is no edge.
 */
export function makeMesh(spec: MeshSpec, options: SeamOptions = {}): Mesh {
  const seams = readOptions("makeMesh", seamTable, options);
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
  return buildMesh({ points, triangles, lines, regions }, names, seams);
}
