/** Values of sources and boundary conditions: one field for all right-hand sides, or one for each. */
import { describe } from "../checks/arguments.ts";
import type { EdgeField, Field } from "./forms.ts";

/** A field, or a list of fields, one for each right-hand side. All lists have the same length. */
export type Loads = Field | readonly Field[];
/** The same on edges. */
export type EdgeLoads = EdgeField | readonly EdgeField[];

/** @throws an error about the definition of a model. */
export const fail = (expected: string, got: string): never => {
  throw new Error(`poisson: expected ${expected}, got ${got}`);
};

/** The field of right-hand side k. */
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
