/** The definition of a finite-element model, and checks of its form. */
import { describe } from "../checks/arguments.ts";
import type { SparseMatrix } from "../sparse/matrix.ts";
import type { Rows } from "./arrays.ts";
import type { EdgeField, Field } from "./forms.ts";
import { checkField, type EdgeLoads, fail, type Loads, loadOf } from "./loads.ts";
import type { Mesh } from "./mesh.ts";
import type { EdgeSelector } from "./select.ts";

/** Definition of −∇·(a ∇u) + c u = f. Where no condition is given on an edge, a ∂u/∂n = 0. */
export interface PoissonSpec {
  readonly mesh: Mesh;
  /** u = value; where conditions meet in a node, the first of them holds. */
  readonly dirichlet?: readonly { readonly on: EdgeSelector; readonly value: EdgeLoads }[];
  /** a ∂u/∂n = flux, n the outward normal. */
  readonly neumann?: readonly { readonly on: EdgeSelector; readonly flux: EdgeLoads }[];
  /** a ∂u/∂n = transfer (outside − u), times a factor where `observe` or `solve` is given one as a tensor. */
  readonly robin?: readonly { readonly on: EdgeSelector; readonly transfer: EdgeField; readonly outside: EdgeLoads }[];
  /**
   * c ≥ 0. A reaction given as a tensor to `observe` or `solve` is added to it. If that tensor alone fixes u, give 0 here.
   */
  readonly reaction?: Field;
  /** f: a number, a function, or one number a triangle. */
  readonly source?: Loads;
  /**
   * The quantity that is 0 where nothing else fixes the constant, that is with Neumann conditions alone and no reaction: the mean of u
   * over the domain (default), the mean over the sensors, or Σ w_i u_i for weights of the nodes (N) that sum to 1. Refused elsewhere.
   */
  readonly gauge?: "domain" | "sensors" | ArrayLike<number>;
  /** Points at which u is read (S, 2), or any linear functionals of u: a matrix from nodes (N) to data (S). */
  readonly sensors?: Rows | SparseMatrix;
}

const keys = ["mesh", "dirichlet", "neumann", "robin", "reaction", "source", "gauge", "sensors"];
const conditions = { dirichlet: ["on", "value"], neumann: ["on", "flux"], robin: ["on", "transfer", "outside"] };

/** Checks the form of a definition; its values are checked where they are used. @throws on what is no definition. */
export function checkSpec(spec: PoissonSpec): void {
  if (typeof spec !== "object" || spec === null) fail("an object { mesh, … }", describe(spec));
  const odd = Object.keys(spec).find((key) => !keys.includes(key));
  if (odd) fail(`only ${keys.join(", ")}`, `"${odd}"`);
  if (!(spec.mesh?.triangles instanceof Int32Array))
    fail("a mesh, as rectangle(), disc() or gmsh() return it", describe(spec.mesh));
  for (const [name, parts] of Object.entries(conditions)) {
    const list: unknown = spec[name as keyof typeof conditions] ?? [];
    const form = `{ ${parts.join(", ")} }`;
    if (!Array.isArray(list)) fail(`${name} as a list of ${form}`, describe(list));
    (list as unknown[]).forEach((condition, i) => {
      const got = typeof condition === "object" && condition !== null ? Object.keys(condition) : [];
      if (got.length !== parts.length || got.some((key) => !parts.includes(key)))
        fail(`${name}[${i}] as ${form}`, describe(condition));
    });
  }
}

/** All values of a definition, with their names for messages. */
function namedLoads({ dirichlet = [], neumann = [], robin = [], source = 0 }: PoissonSpec): [string, Loads][] {
  return [
    ...dirichlet.map((d, i): [string, Loads] => [`dirichlet[${i}].value`, d.value]),
    ...neumann.map((d, i): [string, Loads] => [`neumann[${i}].flux`, d.flux]),
    ...robin.map((d, i): [string, Loads] => [`robin[${i}].outside`, d.outside]),
    ["source", source],
  ];
}

/** The number of right-hand sides. @throws on lists of different lengths, and on values that are no fields. */
export function countLoads(spec: PoissonSpec, E: number): number {
  const loads = namedLoads(spec);
  const lists = loads.filter(([, l]) => Array.isArray(l)) as [string, readonly Field[]][];
  const K = lists[0]?.[1].length ?? 1;
  const odd = lists.find(([, l]) => l.length !== K || K === 0);
  if (odd) {
    const one = `${lists[0][0]} with ${K}`;
    fail(`lists of one length, a value for each right-hand side, ${one}`, `${odd[0]} with ${odd[1].length}`);
  }
  for (const [name, list] of loads) {
    for (let k = 0; k < K; k++) checkField(name, loadOf(list, k), name === "source" ? E : 0);
  }
  return K;
}
