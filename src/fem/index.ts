/** Finite elements: meshes of triangles. */
export type { Rows } from "./arrays.ts";
export { type Diagonal, type DiscOptions, disc, type RectangleOptions, rectangle } from "./generators.ts";
export { gmsh } from "./gmsh.ts";
export { type Location, locate, locator } from "./locate.ts";
export {
  areas,
  centroids,
  type EdgeSelector,
  type Mesh,
  type MeshSpec,
  makeMesh,
  type RegionSelector,
  selectEdges,
  selectTriangles,
} from "./mesh.ts";
