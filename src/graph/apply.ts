/** How nodes are made. */
import { describe } from "../checks/arguments.ts";
import type { OpName } from "./names.ts";
import { rules } from "./rules.ts";
import { type Attrs, type DType, isTensor, type Operand, type Tensor } from "./tensor.ts";

/** @throws naming the op, at the first input that is no tensor. */
export function expectTensors(op: string, ...inputs: readonly unknown[]): void {
  const at = inputs.findIndex((x) => !isTensor(x));
  if (at < 0) return;
  const odd = inputs[at];
  const got = typeof odd === "object" && odd !== null ? (Array.isArray(odd) ? "a list" : "an object") : String(odd);
  throw new Error(`${op}: expected tensors, got ${got}`);
}

/** What looks at each new node, while the body of a loop is traced. */
export const tracing: { check?: (op: OpName) => void } = {};

/** Makes a node. @throws what the shape rule of the op expects, and what came. */
export function apply(op: OpName, inputs: readonly Tensor[], attrs: Attrs = {}): Tensor {
  tracing.check?.(op);
  expectTensors(op, ...inputs);
  return Object.freeze({ op, inputs, attrs, ...rules[op].shape(inputs, attrs, op) });
}

/** Fixed numbers as a param (rows, columns), row by row. @throws unless they are numbers, as many for each row. */
export function constant(values: number | ArrayLike<number>, dtype: DType = "f32", rows = 1): Tensor {
  const list = typeof values === "number" ? [values] : Array.from(values ?? []);
  const bad = list.findIndex((x) => typeof x !== "number");
  if (bad >= 0) throw new Error(`constant: expected numbers, got ${describe(list[bad])} at index ${bad}`);
  if (dtype !== "f32" && dtype !== "f64") throw new Error(`constant: expected type f32 or f64, got ${String(dtype)}`);
  if (list.length === 0 || !(rows >= 1) || list.length % rows !== 0)
    throw new Error(`constant: expected numbers for ${rows} rows of one length, got ${list.length} numbers`);
  return apply("constant", [], { values: list, rows, cols: list.length / rows, dtype });
}

/** Operands as tensors: numbers take the type of the tensors beside them. @throws when there are only numbers. */
export function lift(name: string, operands: readonly Operand[]): Tensor[] {
  const dtype = operands.find(isTensor)?.dtype;
  if (dtype === undefined) throw new Error(`${name}: expected at least one tensor, got numbers only`);
  return operands.map((x) => (isTensor(x) ? x : constant(x, dtype)));
}
