/** Finite elements: meshes of triangles, −∇·(a∇u) + cu = f on them, and electrodes. */

export type { Rows } from "./fem/arrays.ts";
export type { ElectrodePlaces, EqualElectrodes } from "./fem/electrode-places.ts";
export { type ElectrodeState, type Electrodes, type ElectrodesOptions, electrodes } from "./fem/electrodes.ts";
export type { EdgeField, Field } from "./fem/forms.ts";
export { areaFractions, mixedConductivity } from "./fem/fractions.ts";
export { type Diagonal, type DiscOptions, disc, type RectangleOptions, rectangle } from "./fem/generators.ts";
export { gmsh } from "./fem/gmsh.ts";
export type { EdgeLoads, Loads } from "./fem/loads.ts";
export { type Location, locate, locator } from "./fem/locate.ts";
export { type MeshSpec, makeMesh } from "./fem/make-mesh.ts";
export { areas, centroids, type Mesh } from "./fem/mesh.ts";
export { type Coefficients, type Poisson, poisson } from "./fem/poisson.ts";
export type { Protocol } from "./fem/protocol.ts";
export type { SeamOptions } from "./fem/seams.ts";
export { type EdgeSelector, type RegionSelector, selectEdges, selectTriangles } from "./fem/select.ts";
export type { PoissonSpec } from "./fem/spec.ts";
export { type Outline, type TankOptions, tank } from "./fem/tank.ts";
export type { Contact } from "./fem/terminals.ts";
export { type SparseMatrix, sparseMatrix, type Triplet } from "./sparse/matrix.ts";
