/** Finite elements: meshes of triangles, and −∇·(a∇u) + cu = f on them. */

export type { Rows } from "./fem/arrays.ts";
export type { EdgeField, Field } from "./fem/forms.ts";
export { type Diagonal, type DiscOptions, disc, type RectangleOptions, rectangle } from "./fem/generators.ts";
export { gmsh } from "./fem/gmsh.ts";
export type { EdgeLoads, Loads } from "./fem/loads.ts";
export { type Location, locate, locator } from "./fem/locate.ts";
export { type MeshSpec, makeMesh } from "./fem/make-mesh.ts";
export { areas, centroids, type Mesh } from "./fem/mesh.ts";
export { type Coefficients, type Poisson, poisson } from "./fem/poisson.ts";
export type { SeamOptions } from "./fem/seams.ts";
export { type EdgeSelector, type RegionSelector, selectEdges, selectTriangles } from "./fem/select.ts";
export type { PoissonSpec } from "./fem/spec.ts";
export { type SparseMatrix, sparseMatrix, type Triplet } from "./sparse/matrix.ts";
