/** Meshes of triangles in the plane, as plain arrays, and their geometry. Lengths are in the unit of the points. */
import { expectFields } from "../checks/arguments.ts";

/** A mesh, as `makeMesh`, `rectangle`, `disc` and `gmsh` return it. */
export interface Mesh {
  /** (N, 2) */
  readonly points: Float64Array;
  /** (E, 3) indices of points, counter-clockwise. */
  readonly triangles: Int32Array;
  /** (S, 2) the boundary edges, each with the domain on its left, in the order of the triangles. */
  readonly edges: Int32Array;
  /** Name → indices into `edges`, ascending. */
  readonly edgeTags: Readonly<Record<string, readonly number[]>>;
  /** Name → indices into `triangles`, ascending. */
  readonly regionTags: Readonly<Record<string, readonly number[]>>;
  /** For edge tags with lines between two triangles, which are not in `edges`: the number of these lines. */
  readonly interiorLines?: Readonly<Record<string, number>>;
}

/** @throws unless a value is a mesh. */
export const expectMesh = (owner: string, mesh: unknown): void =>
  expectFields(
    owner,
    "a mesh, as makeMesh(), rectangle(), disc() or gmsh() returns it",
    mesh,
    "points",
    "triangles",
    "edges",
  );

/** Twice the signed area of triangle t = abc, the cross product (b − a) × (c − a): positive where it is counter-clockwise. */
export function cross(points: Float64Array, triangles: Int32Array, t: number): number {
  const [a, b, c] = [2 * triangles[3 * t], 2 * triangles[3 * t + 1], 2 * triangles[3 * t + 2]];
  const [x, y] = [points[a], points[a + 1]];
  return (points[b] - x) * (points[c + 1] - y) - (points[b + 1] - y) * (points[c] - x);
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
export function areas(mesh: Mesh): Float64Array {
  expectMesh("areas", mesh);
  const { points, triangles } = mesh;
  return Float64Array.from({ length: triangles.length / 3 }, (_, t) => cross(points, triangles, t) / 2);
}

/** (E, 2) the centroids of the triangles. */
export function centroids(mesh: Mesh): Float64Array {
  expectMesh("centroids", mesh);
  const { points, triangles } = mesh;
  const out = new Float64Array((2 * triangles.length) / 3);
  for (let t = 0; 2 * t < out.length; t++) {
    const [a, b, c] = [2 * triangles[3 * t], 2 * triangles[3 * t + 1], 2 * triangles[3 * t + 2]];
    for (const k of [0, 1]) out[2 * t + k] = (points[a + k] + points[b + k] + points[c + k]) / 3;
  }
  return out;
}
