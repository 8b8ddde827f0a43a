/**
 * Symbolic tensors. There are two kinds and no others (a matrix for each sample is the vector of its entries):
 *
 *   batch  (T·B, F)  one row for each sample; T counts the particles of a tiled batch, B is known only when a plan runs
 *   param  (R, C)    shared by all samples: weights, constants, sums over the batch
 *
 * A tensor is a node of an immutable graph: the op that makes it, its inputs, its attributes. Nothing is computed here.
 */
import { triIndex } from "../numbers/triangles.ts";
import type { OpName } from "./names.ts";

/** Type of the numbers of a tensor. Networks are f32, forward models and potentials f64 (f32 on WebGPU). */
export type DType = "f32" | "f64";
/** A batch has one row for each sample; a param is shared by all samples. */
export type Kind = "batch" | "param";

/** Plain data that an op needs beside its inputs (numbers, names, index lists, constant values). */
export type Attrs = Readonly<Record<string, unknown>>;

/** A node of a graph: the result of an op, without numbers. */
export interface Tensor {
  /** The op that makes it. */
  readonly op: OpName;
  /** The tensors that the op takes, in order. */
  readonly inputs: readonly Tensor[];
  /** The other arguments of the op. */
  readonly attrs: Attrs;
  /** Batch or param. */
  readonly kind: Kind;
  /** Rows R of a param; tiles T of a batch, which has T·B rows. */
  readonly rows: number;
  /** Columns C of a param, features F of a batch. */
  readonly cols: number;
  /** Type of its numbers. */
  readonly dtype: DType;
}

/** Shape and type of a tensor, as the shape rules return it. */
export type Shape = Pick<Tensor, "kind" | "rows" | "cols" | "dtype">;

/** Constants as operands of elementwise ops: a number, or one number for each column. */
export type Operand = Tensor | number | ArrayLike<number>;

/** Shape of a batch (tiles·B, cols). */
export const batch = (cols: number, dtype: DType, tiles = 1): Shape => ({ kind: "batch", rows: tiles, cols, dtype });
/** Shape of a param (rows, cols). */
export const param = (rows: number, cols: number, dtype: DType): Shape => ({ kind: "param", rows, cols, dtype });
/** The shape and type of a tensor alone. */
export const shapeOf = ({ kind, rows, cols, dtype }: Tensor): Shape => ({ kind, rows, cols, dtype });
/** Whether kind, rows and columns agree; types may differ. */
export const sameShape = (a: Shape, b: Shape): boolean => a.kind === b.kind && a.rows === b.rows && a.cols === b.cols;

/** Whether a value is a tensor. */
export function isTensor(x: unknown): x is Tensor {
  return typeof x === "object" && x !== null && "op" in x && "inputs" in x;
}

/** A shape for messages: `(B, 3)`, `(5B, 3)` or `(4, 100)`. */
export function show(t: Pick<Tensor, "kind" | "rows" | "cols">): string {
  if (t.kind === "param") return `(${t.rows}, ${t.cols})`;
  return `(${t.rows === 1 ? "" : t.rows}B, ${t.cols})`;
}

/** Every node that the outputs need, each after its inputs; the inputs of `leaves` are left out. */
export function topological(outputs: readonly Tensor[], leaves: readonly Tensor[] = []): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  const ends = new Set(leaves);
  const stack: { node: Tensor; next: number }[] = [];
  const enter = (node: Tensor): void => {
    if (seen.has(node)) return;
    seen.add(node);
    stack.push({ node, next: 0 });
  };
  for (const output of outputs) {
    for (enter(output); stack.length > 0; ) {
      const top = stack[stack.length - 1];
      if (top.next < top.node.inputs.length && !ends.has(top.node)) enter(top.node.inputs[top.next++]);
      else order.push((stack.pop() as typeof top).node);
    }
  }
  return order;
}

/** Column c of a packed triangle of order n, with zeros above the diagonal: indices for `columns`. */
export const columnOf = (n: number, c: number): number[] =>
  Array.from({ length: n }, (_, i) => (i < c ? -1 : triIndex(i, c)));
