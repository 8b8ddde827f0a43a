/** Finite elements: meshes of triangles, and −∇·(a∇u) + cu = f on them. */

export type { Rows } from "./fem/arrays.ts";
export type { EdgeField, Field } from "./fem/forms.ts";
export { type Diagonal, type DiscOptions, disc, type RectangleOptions, rectangle } from "./fem/generators.ts";
export { gmsh } from "./fem/gmsh.ts";
export type { EdgeLoads, Loads } from "./fem/loads.ts";
export { type Location, locate, locator } from "./fem/locate.ts";
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
} from "./fem/mesh.ts";
export { type Coefficients, type Poisson, poisson } from "./fem/poisson.ts";
export type { PoissonSpec } from "./fem/spec.ts";
export { type SparseMatrix, sparseMatrix, type Triplet } from "./sparse/matrix.ts";
