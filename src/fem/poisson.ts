/**
 * −∇·(a ∇u) + c u = f on a mesh, by linear elements, for any number of coefficients a at once:
 *
 *   u = d on Dirichlet edges,  a ∂u/∂n = g on Neumann edges,  a ∂u/∂n + h (u − o) = 0 on Robin edges,  a ∂u/∂n = 0 on the rest.
 *
 * Forms are data: the entries of the matrix, and what Dirichlet values move to the right-hand side, are fixed linear maps of
 * the coefficients of the triangles; data are fixed linear functionals of u. So one `linearMap`, one factorisation and one
 * pair of substitutions make a forward model with derivatives of any order.
 */
import { describe } from "../distributions/arguments.ts";
import { add, constant, linearMap, slice, sparseCholesky, sparseSolve } from "../graph/build.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import type { SparseMatrix } from "../sparse/matrix.ts";
import type { SparsePattern } from "../sparse/pattern.ts";
import { assemble } from "./assemble.ts";
import type { Field } from "./forms.ts";
import { countLoads, fail, type Loads } from "./loads.ts";
import type { EdgeSelector, Mesh } from "./mesh.ts";
import { gaugeMatrix, identity, reader, sensorMatrix } from "./readings.ts";

export interface PoissonSpec {
  readonly mesh: Mesh;
  /** u = value. */
  readonly dirichlet?: readonly { readonly on: EdgeSelector; readonly value: Loads }[];
  /** a ∂u/∂n = flux, n the outward normal. */
  readonly neumann?: readonly { readonly on: EdgeSelector; readonly flux: Loads }[];
  /** a ∂u/∂n = transfer (outside − u). */
  readonly robin?: readonly { readonly on: EdgeSelector; readonly transfer: Field; readonly outside: Loads }[];
  /** c ≥ 0; given here, it may be given as a tensor to `observe` and `solve` as well, which is added. */
  readonly reaction?: Field;
  /** f */
  readonly source?: Loads;
  /**
   * What fixes the constant where nothing else does (pure Neumann conditions without reaction): the mean of u over the domain is 0
   * (default), or that over the sensors, or Σ w_i u_i for weights of the nodes (N) that sum to 1.
   */
  readonly gauge?: "domain" | "sensors" | ArrayLike<number>;
  /** Where u is read: points; or any functionals of u, a matrix from nodes (N) to data (S). */
  readonly sensors?: readonly (readonly [number, number])[] | SparseMatrix;
}

export interface Coefficients {
  /** c (B, E) of the triangles, beside that of the definition. */
  readonly reaction?: Tensor;
}

export interface Poisson {
  readonly mesh: Mesh;
  /** Triangles E, nodes N, sensors S, right-hand sides K. */
  readonly E: number;
  readonly N: number;
  readonly S: number;
  readonly K: number;
  /** Of the matrix of the free nodes. */
  readonly pattern: SparsePattern;
  /**
   * u at the sensors (B, K · S), right-hand side by right-hand side, for a (B, E) of the triangles.
   * @throws when there are no sensors, or coefficients have other shapes.
   */
  observe(a: Tensor, more?: Coefficients): Tensor;
  /** u at the nodes, (B, N) for each right-hand side. */
  solve(a: Tensor, more?: Coefficients): Tensor[];
}

const keys = ["mesh", "dirichlet", "neumann", "robin", "reaction", "source", "gauge", "sensors"];

function checkSpec(spec: PoissonSpec): void {
  if (typeof spec !== "object" || spec === null) fail("an object { mesh, … }", describe(spec));
  const odd = Object.keys(spec).find((key) => !keys.includes(key));
  if (odd) fail(`only ${keys.join(", ")}`, `"${odd}"`);
  if (!(spec.mesh?.triangles instanceof Int32Array))
    fail("a mesh, as rectangle(), disc() or gmsh() return it", describe(spec.mesh));
}

/** A finite-element model: symbolic analysis, maps and loads are made here, once. @throws naming what does not fit. */
export function poisson(spec: PoissonSpec): Poisson {
  checkSpec(spec);
  const { mesh } = spec;
  const [N, E] = [mesh.points.length / 2, mesh.triangles.length / 3];
  const K = countLoads(spec, E);
  const assembly = assemble(spec, K);
  const { pattern, floating } = assembly;
  const sensors = sensorMatrix(spec);
  const gauge = floating ? gaugeMatrix(spec, sensors) : null;
  const readSensors = sensors && reader(sensors, gauge, assembly);
  let readNodes: ReturnType<typeof reader> | null = null; // made when it is needed: it is as long as all solutions

  const check = (name: string, t: unknown): void => {
    if (isTensor(t) && t.kind === "batch" && t.cols === E) return;
    fail(`${name} (B, ${E}), one number a triangle`, isTensor(t) ? show(t) : describe(t));
  };
  /** Values of the free nodes, (B, n · K). */
  const free = (a: Tensor, { reaction: c }: Coefficients): Tensor => {
    check("coefficients", a);
    let values = linearMap(a, assembly.stiffness);
    let b: Tensor = constant(assembly.load, a.dtype);
    if (assembly.stiffnessLoad) b = add(linearMap(a, assembly.stiffnessLoad), b);
    if (c !== undefined) {
      check("a reaction", c);
      if (floating)
        fail("reaction: 0 in the definition, where a reaction comes as a tensor", "a definition without reaction");
      values = add(values, linearMap(c, assembly.mass));
      if (assembly.massLoad) b = add(linearMap(c, assembly.massLoad), b);
    }
    if (assembly.entries.some((x) => x !== 0)) values = add(values, assembly.entries);
    return sparseSolve(values, sparseCholesky(values, pattern, a), b, pattern);
  };
  return {
    mesh,
    E,
    N,
    S: sensors?.outputs ?? 0,
    K,
    pattern,
    observe: (a, more = {}) => {
      if (readSensors === null)
        throw new Error("poisson: expected sensors in the definition, for observe(); use solve()");
      return readSensors(free(a, more));
    },
    solve: (a, more = {}) => {
      readNodes ??= reader(identity(N), gauge, assembly);
      const u = readNodes(free(a, more));
      return Array.from({ length: K }, (_, k) => slice(u, k * N, (k + 1) * N));
    },
  };
}
