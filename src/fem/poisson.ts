/**
 * −∇·(a ∇u) + c u = f on a mesh, by linear elements, for any number of coefficients a at once:
 *
 *   u = d on Dirichlet edges,  a ∂u/∂n = g on Neumann edges,  a ∂u/∂n + h (u − o) = 0 on Robin edges,  a ∂u/∂n = 0 on the rest.
 *
 * The entries of the matrix and the contributions of Dirichlet values to the right-hand side are fixed linear maps of the
 * coefficients of the triangles, and data are fixed linear functionals of u. So one `linearMap`, one factorisation and one pair of
 * substitutions make a forward model with derivatives of any order.
 */
import { describe } from "../checks/arguments.ts";
import { add, constant, linearMap, slice, sparseCholesky, sparseSolve } from "../graph/build.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import type { SparsePattern } from "../sparse/pattern.ts";
import { assemble } from "./assemble.ts";
import { fail } from "./loads.ts";
import type { Mesh } from "./mesh.ts";
import { gaugeMatrix, identity, reader, sensorMatrix } from "./readings.ts";
import { checkSpec, countLoads, type PoissonSpec } from "./spec.ts";

/** Coefficients beside a. */
export interface Coefficients {
  /** Reaction c (B, E) of the triangles, added to that of the definition. */
  readonly reaction?: Tensor;
}

/** A finite-element model. */
/** A finite-element model. */
export interface Poisson {
  readonly mesh: Mesh;
  /** Numbers of triangles E, nodes N, sensors S and right-hand sides K. */
  readonly E: number;
  readonly N: number;
  readonly S: number;
  readonly K: number;
  /** Pattern of the matrix of the free nodes. */
  readonly pattern: SparsePattern;
  /**
   * u at the sensors (B, K · S), right-hand side by right-hand side, for a (B, E) of the triangles.
   * @throws when there are no sensors, or coefficients have other shapes.
   */
  observe(a: Tensor, more?: Coefficients): Tensor;
  /** u at the nodes, (B, N) for each right-hand side. */
  solve(a: Tensor, more?: Coefficients): Tensor[];
}

/** Makes a finite-element model: the symbolic analysis, the maps and the loads, once. @throws naming the part of the definition that does not fit. */
export function poisson(spec: PoissonSpec): Poisson {
  checkSpec(spec);
  const { mesh } = spec;
  const [N, E] = [mesh.points.length / 2, mesh.triangles.length / 3];
  const K = countLoads(spec, E);
  const assembly = assemble(spec, K);
  const { pattern, floating, unheld } = assembly;
  if (!floating && spec.gauge !== undefined)
    fail(
      "a gauge only where nothing else fixes the constant",
      "one beside Dirichlet or Robin conditions or a reaction",
    );
  const sensors = sensorMatrix(spec);
  const gauge = floating ? gaugeMatrix(spec, sensors) : null;
  const readSensors = sensors && reader(sensors, gauge, assembly);
  let readNodes: ReturnType<typeof reader> | null = null; // made at its first use, because it is large

  const check = (name: string, t: unknown): void => {
    if (isTensor(t) && t.kind === "batch" && t.cols === E) return;
    fail(`${name} (B, ${E}), one number a triangle`, isTensor(t) ? show(t) : describe(t));
  };
  /** Values of the free nodes, (B, n · K). */
  const free = (a: Tensor, more: Coefficients): Tensor => {
    check("coefficients", a);
    const odd = Object.keys(more).find((key) => key !== "reaction");
    if (odd) fail("only { reaction } beside the coefficients", `"${odd}"`);
    const { reaction: c } = more;
    let values = linearMap(a, assembly.stiffness);
    let b: Tensor = constant(assembly.load, a.dtype);
    if (assembly.stiffnessLoad) b = add(linearMap(a, assembly.stiffnessLoad), b);
    if (c !== undefined) {
      check("a reaction", c);
      if (floating)
        fail("reaction: 0 in the definition, where a reaction comes as a tensor", "a definition without reaction");
      values = add(values, linearMap(c, assembly.mass));
      if (assembly.massLoad) b = add(linearMap(c, assembly.massLoad), b);
    } else if (unheld) {
      fail(`a reaction beside the coefficients, since the definition's is 0 around ${unheld}`, "none");
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
