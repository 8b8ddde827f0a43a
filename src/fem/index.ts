/** Finite elements: meshes of triangles. */
export type { Rows } from "./arrays.ts";
export type { Field } from "./forms.ts";
export { type Diagonal, type DiscOptions, disc, type RectangleOptions, rectangle } from "./generators.ts";
export { gmsh } from "./gmsh.ts";
export type { Loads } from "./loads.ts";
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
export { type Coefficients, type Poisson, type PoissonSpec, poisson } from "./poisson.ts";
