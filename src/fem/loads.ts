/** Values of sources and boundary conditions: fields, one for all right-hand sides or one for each. */
import { describe } from "../checks/arguments.ts";
import type { EdgeField, Field } from "./forms.ts";
import type { PoissonSpec } from "./spec.ts";

/** A field, or a list of fields: one for each right-hand side. All lists are of one length. */
export type Loads = Field | readonly Field[];
/** The same on edges. */
export type EdgeLoads = EdgeField | readonly EdgeField[];

export const fail = (expected: string, got: string): never => {
  throw new Error(`poisson: expected ${expected}, got ${got}`);
};

export const loadOf = (loads: Loads, k: number): Field =>
  Array.isArray(loads) ? (loads[k] as Field) : (loads as Field);

/** @throws unless it is a finite number, a function or, where there are triangles, a number for each of them. */
export function checkField(name: string, field: unknown, triangles = 0): void {
  const ok = typeof field === "function" || (typeof field === "number" && Number.isFinite(field));
  if (ok || (triangles > 0 && field instanceof Float64Array && field.length === triangles)) return;
  const forms = ["a finite number", "a function (x, y)"];
  if (triangles > 0) forms.push(`a Float64Array of ${triangles} numbers`);
  const got = ArrayBuffer.isView(field) ? `a ${field.constructor.name} of ${(field as Float64Array).length}` : null;
  fail(`${name} as ${forms.slice(0, -1).join(", ")} or ${forms[forms.length - 1]}`, got ?? describe(field));
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
