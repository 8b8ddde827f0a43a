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
import { type SparseMatrix, timesVector } from "../sparse/matrix.ts";
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
  /** Factors above 0 of the transfers of the Robin conditions (B, R), one for each in the order of the definition. */
  readonly transfer?: Tensor;
}

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

/** x and the sum of a map's columns, where there is one. */
function sum(x: Float64Array, m?: SparseMatrix): Float64Array {
  const more = m && timesVector(m, new Float64Array(m.inputs).fill(1));
  return more ? x.map((v, i) => v + more[i]) : x;
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

  const check = (name: string, t: unknown, cols = E, each = "triangle"): void => {
    if (isTensor(t) && t.kind === "batch" && t.cols === cols) return;
    fail(`${name} (B, ${cols}), one number a ${each}`, isTensor(t) ? show(t) : describe(t));
  };
  const { robin } = assembly;
  /** What is given as numbers, with the transfers of Robin conditions. */
  const whole = { entries: sum(assembly.entries, robin?.entries), load: sum(assembly.load, robin?.load) };
  /** Values of the free nodes, (B, n · K). */
  const free = (a: Tensor, more: Coefficients): Tensor => {
    check("coefficients", a);
    const odd = Object.keys(more).find((key) => key !== "reaction" && key !== "transfer");
    if (odd) fail("only { reaction, transfer } beside the coefficients", `"${odd}"`);
    const { reaction: c, transfer: h } = more;
    const numbers = h === undefined ? whole : assembly;
    let values = linearMap(a, assembly.stiffness);
    let b: Tensor = constant(numbers.load, a.dtype);
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
    if (h !== undefined) {
      if (robin === null) throw new Error("poisson: expected Robin conditions in the definition, for transfer");
      check("transfer", h, robin.entries.inputs, "Robin condition");
      values = add(values, linearMap(h, robin.entries));
      b = add(linearMap(h, robin.load), b);
    }
    if (numbers.entries.some((x) => x !== 0)) values = add(values, numbers.entries);
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
