/**
 * The element types of Gmsh: those that are read, and advice for the others. The numbers are those of its manual, "MSH file format".
 */

/** The types in a plane mesh of straight triangles, and their numbers of nodes. */
export const NODES: Readonly<Record<number, number>> = { 15: 1, 1: 2, 2: 3 };
export const LINE = 1;
export const TRIANGLE = 2;

const LINEAR = "mesh with elements of first order (Mesh.ElementOrder = 1, or gmsh -order 1)";
const PLANE = "mesh in two dimensions (gmsh -2), with physical groups of curves and surfaces only";
const TRIANGLES = "mesh with triangles (no Recombine, Mesh.RecombineAll = 0, Mesh.SubdivisionAlgorithm = 0)";

const REFUSED: readonly (readonly [name: string, types: readonly number[], advice: string])[] = [
  ["quadrangles", [3], TRIANGLES],
  ["quadrangles of higher order", [10, 16, 36, 37, 38, 39, 40, 41, 47, 48, 49, 50, 51], `${TRIANGLES}, of first order`],
  ["lines of higher order", [8, 26, 27, 28, 62, 63, 64, 65, 66], LINEAR],
  ["triangles of higher order", [9, 20, 21, 22, 23, 24, 25, 42, 43, 44, 45, 46, 52, 53, 54, 55, 56, 57, 58], LINEAR],
  ["tetrahedra", [4, 11, 29, 30, 31, 32, 33, 71, 72, 73, 74, 75], PLANE],
  ["hexahedra", [5, 12, 17, 92, 93, 94, 95, 96, 97, 98], PLANE],
  ["prisms", [6, 13, 18, 90, 91], PLANE],
  ["pyramids", [7, 14, 19, 118, 119], PLANE],
];

/** The name of a type that is not read, and advice. */
export function refusal(type: number): { readonly name: string; readonly advice: string } {
  const row = REFUSED.find(([, types]) => types.includes(type));
  return row ? { name: row[0], advice: row[2] } : { name: "others", advice: TRIANGLES };
}
