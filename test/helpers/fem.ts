/** Solutions of finite-element models, and how far they are from functions. */
import type { CreateExecutor, Rows } from "../../src/backends/backend.ts";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import type { Electrodes } from "../../src/fem/electrodes.ts";
import type { Mesh } from "../../src/fem/mesh.ts";
import { centroids } from "../../src/fem/mesh.ts";
import type { Poisson } from "../../src/fem/poisson.ts";
import { input } from "../../src/graph/build.ts";
import type { DType } from "../../src/graph/tensor.ts";
import { runGraph } from "./run.ts";

export type Plane = (x: number, y: number) => number;

/** One number a triangle: a function at the centroids. */
export function onTriangles(mesh: Mesh, f: Plane): Float64Array {
  const at = centroids(mesh);
  return Float64Array.from({ length: at.length / 2 }, (_, e) => f(at[2 * e], at[2 * e + 1]));
}

/** One number a node. */
export const onNodes = ({ points }: Mesh, f: Plane): Float64Array =>
  Float64Array.from({ length: points.length / 2 }, (_, i) => f(points[2 * i], points[2 * i + 1]));

export interface Given {
  /** (B, E), and the reaction beside it. */
  readonly a: ArrayLike<number>;
  readonly c?: ArrayLike<number>;
  readonly create?: CreateExecutor;
  readonly dtype?: DType;
}

/** Kernels that every host runs. */
export const plain: CreateExecutor = (program, options) => createWasm(program, { build: "plain", ...options });

/** Solutions at the nodes, (B, N) for each right-hand side, and at the sensors, (B, K · S), where there are any. */
export async function solutions(
  model: Poisson,
  { a, c, create = plain, dtype = "f64" }: Given,
): Promise<{ nodes: Rows[]; data: Rows }> {
  const [ta, tc] = [input("a", model.E, { dtype }), input("c", model.E, { dtype })];
  const more = c ? { reaction: tc } : {};
  const outputs = Object.fromEntries(model.solve(ta, more).map((u, k) => [`u${k}`, u]));
  if (model.S > 0) outputs.data = model.observe(ta, more);
  const rows = a.length / model.E;
  const inputs = { a: Float64Array.from(a), ...(c && { c: Float64Array.from(c) }) };
  const out = await runGraph(outputs, { rows, inputs, create });
  return { nodes: Array.from({ length: model.K }, (_, k) => out[`u${k}`]), data: out.data ?? new Float64Array(0) };
}

/** Data of electrodes (B, M) for conductivities (B, E). */
export async function dataOf(model: Electrodes, sigma: ArrayLike<number>): Promise<Float64Array> {
  const a = input("a", model.E, { dtype: "f64" });
  const rows = sigma.length / model.E;
  const inputs = { a: Float64Array.from(sigma) };
  return Float64Array.from((await runGraph({ u: model.observe(a) }, { rows, inputs, create: plain })).u);
}

export const ones = (n: number): Float64Array => new Float64Array(n).fill(1);
export const norm = (x: ArrayLike<number>): number => Math.sqrt(Array.from(x).reduce((s, v) => s + v * v, 0));
export const minus = (a: ArrayLike<number>, b: ArrayLike<number>): number[] => Array.from(a, (x, i) => x - b[i]);

/** The largest difference. @throws on lists of two lengths. */
export function farthest(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) throw new Error(`expected ${want.length} numbers, got ${got.length}`);
  let most = 0;
  for (let i = 0; i < want.length; i++) {
    const d = Math.abs(got[i] - want[i]);
    if (!(d <= most)) most = d; // NaN too
  }
  return most;
}

/** Corners, centre and midpoints of a triangle by barycentric weights: exact for polynomials of third degree. */
const QUADRATURE: readonly (readonly [number, number, number, number])[] = [
  [1, 0, 0, 1 / 20],
  [0, 1, 0, 1 / 20],
  [0, 0, 1, 1 / 20],
  [1 / 2, 1 / 2, 0, 2 / 15],
  [0, 1 / 2, 1 / 2, 2 / 15],
  [1 / 2, 0, 1 / 2, 2 / 15],
  [1 / 3, 1 / 3, 1 / 3, 9 / 20],
];

/** ∫ over the mesh of f(place, value, gradient of a linear function given by nodes, triangle). */
export function integrate(
  { points, triangles }: Mesh,
  u: ArrayLike<number>,
  f: (at: readonly [number, number], value: number, gradient: readonly [number, number], triangle: number) => number,
): number {
  let sum = 0;
  for (let e = 0; 3 * e < triangles.length; e++) {
    const nodes = [0, 1, 2].map((k) => triangles[3 * e + k]);
    const [x, y] = [nodes.map((i) => points[2 * i]), nodes.map((i) => points[2 * i + 1])];
    const [ax, ay, bx, by] = [x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]];
    const [p, q] = [u[nodes[1]] - u[nodes[0]], u[nodes[2]] - u[nodes[0]]];
    const twice = ax * by - ay * bx;
    const gradient = [(p * by - q * ay) / twice, (q * ax - p * bx) / twice] as const;
    for (const [s, t, r, weight] of QUADRATURE) {
      const at = [s * x[0] + t * x[1] + r * x[2], s * y[0] + t * y[1] + r * y[2]] as const;
      const value = s * u[nodes[0]] + t * u[nodes[1]] + r * u[nodes[2]];
      sum += (weight * twice * f(at, value, gradient, e)) / 2;
    }
  }
  return sum;
}
