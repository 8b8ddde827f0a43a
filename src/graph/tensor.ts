/**
 * Symbolic tensors. There are two kinds and no others (a matrix per sample is the vector of its entries):
 *
 *   batch  (T·B, F)  one row a sample; T counts the particles of a tiled batch, B is known only when a plan runs
 *   param  (R, C)    shared by all samples: weights, constants, sums over the batch
 *
 * A tensor is a node of an immutable graph: the op that makes it, its inputs, its attributes. Nothing is computed here.
 */
import type { OpName } from "./ops.ts";

export type DType = "f32" | "f64";
export type Kind = "batch" | "param";

/** Plain data that an op needs beside its inputs (numbers, names, index lists, constant values). */
export type Attrs = Readonly<Record<string, unknown>>;

export interface Tensor {
  readonly op: OpName;
  readonly inputs: readonly Tensor[];
  readonly attrs: Attrs;
  readonly kind: Kind;
  /** Rows R of a param; tiles T of a batch, which has T·B rows. */
  readonly rows: number;
  /** Columns C of a param, features F of a batch. */
  readonly cols: number;
  readonly dtype: DType;
}

/** Shape and type of a tensor, as the shape rules return it. */
export type Shape = Pick<Tensor, "kind" | "rows" | "cols" | "dtype">;

/** What elementwise ops take beside tensors: a number, or one number a column. */
export type Operand = Tensor | number | ArrayLike<number>;

export const batch = (cols: number, dtype: DType, tiles = 1): Shape => ({ kind: "batch", rows: tiles, cols, dtype });
export const param = (rows: number, cols: number, dtype: DType): Shape => ({ kind: "param", rows, cols, dtype });

export function isTensor(x: unknown): x is Tensor {
  return typeof x === "object" && x !== null && "op" in x && "inputs" in x;
}

/** A shape for messages: `(B, 3)`, `(5B, 3)` or `(4, 100)`. */
export function show(t: Pick<Tensor, "kind" | "rows" | "cols">): string {
  if (t.kind === "param") return `(${t.rows}, ${t.cols})`;
  return `(${t.rows === 1 ? "" : t.rows}B, ${t.cols})`;
}

export const sameShape = (a: Shape, b: Shape): boolean => a.kind === b.kind && a.rows === b.rows && a.cols === b.cols;

/** Number of features of a packed lower triangle of order `n`, row by row: (0,0), (1,0), (1,1), … */
export const packed = (n: number): number => (n * (n + 1)) / 2;

/** Order of a packed lower triangle with `count` entries, or -1 when there is none. */
export function packedOrder(count: number): number {
  const n = Math.round((Math.sqrt(8 * count + 1) - 1) / 2);
  return packed(n) === count ? n : -1;
}
