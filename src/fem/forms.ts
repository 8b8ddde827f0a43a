/**
 * Integrals of linear (P1) elements on triangles (Ern & Guermond, Theory and Practice of Finite Elements, 2004, ch. 8):
 *
 *   stiffness  ∫_T ∇φ_i · ∇φ_j = (e_i · e_j) / 4|T|,   e_i the edge opposite of corner i
 *   mass       ∫_T φ_i φ_j = |T| (1 + δ_ij) / 12
 *   load       ∫_T f φ_i by the midpoints of the edges, ∫_Γ g φ_i and ∫_Γ h φ_i φ_j by two Gauss points an edge
 *
 * all exact or of third order, so that quadrature does not reduce the order of the elements.
 */
import type { Mesh } from "./mesh.ts";

/** A constant, or a function of position. */
export type EdgeField = number | ((x: number, y: number) => number);
/** A constant, a function of position, or one number a triangle (E). */
export type Field = EdgeField | Float64Array;

/** Value of a field at a point; `triangle` is needed for fields given by triangles. @throws on a value that is not finite. */
export function valueAt(name: string, field: Field, x: number, y: number, triangle = -1): number {
  const value = typeof field === "number" ? field : typeof field === "function" ? field(x, y) : field[triangle];
  if (Number.isFinite(value)) return value;
  const place = triangle >= 0 ? `triangle ${triangle}, at (${x}, ${y})` : `(${x}, ${y})`;
  throw new Error(`poisson: expected finite numbers as ${name}, got ${value} in ${place}`);
}

interface Corners {
  readonly nodes: readonly [number, number, number];
  readonly x: readonly [number, number, number];
  readonly y: readonly [number, number, number];
  readonly area: number;
}

export function cornersOf({ points, triangles }: Mesh, e: number): Corners {
  const nodes = [triangles[3 * e], triangles[3 * e + 1], triangles[3 * e + 2]] as const;
  const x = [points[2 * nodes[0]], points[2 * nodes[1]], points[2 * nodes[2]]] as const;
  const y = [points[2 * nodes[0] + 1], points[2 * nodes[1] + 1], points[2 * nodes[2] + 1]] as const;
  const area = ((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])) / 2;
  return { nodes, x, y, area };
}

/** ∫_T ∇φ_i · ∇φ_j for corners i, j. */
export function stiffness({ x, y, area }: Corners, i: number, j: number): number {
  const edge = (k: number): [number, number] => {
    const [a, b] = [(k + 1) % 3, (k + 2) % 3];
    return [x[b] - x[a], y[b] - y[a]];
  };
  const [ax, ay] = edge(i);
  const [bx, by] = edge(j);
  return (ax * bx + ay * by) / (4 * area);
}

/** ∫_T φ_i φ_j for corners i, j. */
export const mass = ({ area }: Corners, i: number, j: number): number => (area * (i === j ? 2 : 1)) / 12;

/** Mean of a field over a triangle, by the midpoints of its edges. */
export function meanOf(name: string, field: Field, { x, y }: Corners, e: number): number {
  let sum = 0;
  for (let k = 0; k < 3; k++) {
    const next = (k + 1) % 3;
    sum += valueAt(name, field, (x[k] + x[next]) / 2, (y[k] + y[next]) / 2, e);
  }
  return sum / 3;
}

/** ∫_T f φ_i for the three corners. */
export function sourceLoad(name: string, f: Field, { x, y, area }: Corners, e: number): [number, number, number] {
  const load: [number, number, number] = [0, 0, 0];
  for (let k = 0; k < 3; k++) {
    const next = (k + 1) % 3;
    const part = (valueAt(name, f, (x[k] + x[next]) / 2, (y[k] + y[next]) / 2, e) * area) / 6;
    load[k] += part;
    load[next] += part;
  }
  return load;
}

/** Gauss points of [0, 1], ½ ∓ ½/√3, each with weight ½. */
const GAUSS = [0.21132486540518713, 0.7886751345948129];

/** Integrals along an edge from a to b of g φ_a, g φ_b, g φ_a², g φ_a φ_b, g φ_b². */
export function edgeIntegrals(name: string, g: Field, { points }: Mesh, a: number, b: number): readonly number[] {
  const [ax, ay, bx, by] = [points[2 * a], points[2 * a + 1], points[2 * b], points[2 * b + 1]];
  const length = Math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay));
  const out = [0, 0, 0, 0, 0];
  for (const t of GAUSS) {
    const value = (valueAt(name, g, ax + t * (bx - ax), ay + t * (by - ay)) * length) / 2;
    [1 - t, t, (1 - t) * (1 - t), t * (1 - t), t * t].forEach((phi, i) => {
      out[i] += value * phi;
    });
  }
  return out;
}
