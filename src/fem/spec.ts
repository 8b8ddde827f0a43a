/** The definition of a finite-element model, and whether it has the form of one. */
import { describe } from "../checks/arguments.ts";
import type { SparseMatrix } from "../sparse/matrix.ts";
import type { Rows } from "./arrays.ts";
import type { EdgeField, Field } from "./forms.ts";
import { checkField, type EdgeLoads, fail, type Loads, loadOf } from "./loads.ts";
import type { Mesh } from "./mesh.ts";
import type { EdgeSelector } from "./select.ts";

/** Definition of a Poisson problem: mesh, conditions on the boundary, sources and sensors. */
export interface PoissonSpec {
  readonly mesh: Mesh;
  /** u = value; where conditions meet in a node, the first of them holds. */
  readonly dirichlet?: readonly { readonly on: EdgeSelector; readonly value: EdgeLoads }[];
  /** a ∂u/∂n = flux, n the outward normal. */
  readonly neumann?: readonly { readonly on: EdgeSelector; readonly flux: EdgeLoads }[];
  /** a ∂u/∂n = transfer (outside − u). */
  readonly robin?: readonly { readonly on: EdgeSelector; readonly transfer: EdgeField; readonly outside: EdgeLoads }[];
  /**
   * c ≥ 0. That given to `observe` or `solve` as a tensor is added. Where nothing else fixes u, it must be given here too: 0, say.
   */
  readonly reaction?: Field;
  /** f, a number for each triangle among others. */
  readonly source?: Loads;
  /**
   * What fixes the constant where nothing else does (pure Neumann conditions without reaction): the mean of u over the domain is 0
   * (default), or that over the sensors, or Σ w_i u_i for weights of the nodes (N) that sum to 1. Refused elsewhere.
   */
  readonly gauge?: "domain" | "sensors" | ArrayLike<number>;
  /** Where u is read: points (S, 2); or any functionals of u, a matrix from nodes (N) to data (S). */
  readonly sensors?: Rows | SparseMatrix;
}

const keys = ["mesh", "dirichlet", "neumann", "robin", "reaction", "source", "gauge", "sensors"];
const conditions = { dirichlet: ["on", "value"], neumann: ["on", "flux"], robin: ["on", "transfer", "outside"] };

/** @throws on what is no definition; the values in it are checked where they are used. */
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
    (list as unknown[]).forEach((given, i) => {
      const got = typeof given === "object" && given !== null ? Object.keys(given) : [];
      if (got.length !== parts.length || got.some((key) => !parts.includes(key)))
        fail(`${name}[${i}] as ${form}`, describe(given));
    });
  }
}

/** All values of a definition, with names for messages. */
function namedLoads({ dirichlet = [], neumann = [], robin = [], source = 0 }: PoissonSpec): [string, Loads][] {
  return [
    ...dirichlet.map((d, i): [string, Loads] => [`dirichlet[${i}].value`, d.value]),
    ...neumann.map((d, i): [string, Loads] => [`neumann[${i}].flux`, d.flux]),
    ...robin.map((d, i): [string, Loads] => [`robin[${i}].outside`, d.outside]),
    ["source", source],
  ];
}

/** How many right-hand sides there are. @throws on lists of several lengths, and on values that are no fields. */
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
