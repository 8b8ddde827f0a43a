/** Finite elements: meshes of triangles, and −∇·(a∇u) + cu = f on them. */

export { type SparseMatrix, sparseMatrix, type Triplet } from "../sparse/matrix.ts";
export type { Rows } from "./arrays.ts";
export type { EdgeField, Field } from "./forms.ts";
export { type Diagonal, type DiscOptions, disc, type RectangleOptions, rectangle } from "./generators.ts";
export { gmsh } from "./gmsh.ts";
export type { EdgeLoads, Loads } from "./loads.ts";
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
export { type Coefficients, type Poisson, poisson } from "./poisson.ts";
export type { PoissonSpec } from "./spec.ts";
