/** Parts of a mesh, selected by tag or by place. */
import { describe } from "../checks/arguments.ts";
import { showPoint } from "./arrays.ts";
import { boundingBox, centroids, expectMesh, type Mesh } from "./mesh.ts";

/** A tag, or a condition on points that must hold at both ends of an edge and in its middle. */
export type EdgeSelector = string | ((x: number, y: number) => boolean);

/** A tag, or a condition on the centroid of a triangle. */
export type RegionSelector = string | ((x: number, y: number) => boolean);

/** The list of a tag. @throws with the existing tags. */
function tagged(owner: string, kind: string, tags: Mesh["edgeTags"], tag: string, hint: string): readonly number[] {
  if (Object.hasOwn(tags, tag)) return tags[tag];
  const known = Object.keys(tags);
  const expected =
    known.length > 0
      ? `one of the ${kind} tags ${known.join(", ")}`
      : `a predicate (the mesh has no ${kind} tags; files of Gmsh have them from physical groups)`;
  throw new Error(`${owner}: expected ${expected}, got "${tag}"${hint}`);
}

/**
 * The boundary edges of a tag, or those where a predicate holds at both ends and in the middle, as indices into
 * `mesh.edges`, ascending. Compare coordinates with a tolerance: `(x) => Math.abs(x - 1) < 1e-9`.
 *
 * @throws on an unknown tag (with the existing ones), on a tag with lines inside the domain, and when no edge is selected.
 */
export function selectEdges(mesh: Mesh, on: EdgeSelector): number[] {
  expectMesh("selectEdges", mesh);
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
 * @throws on an unknown tag (with the existing ones), and when no triangle is selected.
 */
export function selectTriangles(mesh: Mesh, on: RegionSelector): number[] {
  expectMesh("selectTriangles", mesh);
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
