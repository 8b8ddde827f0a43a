/** The type of a row in the table of shape rules, and functions that the rules share. */
import { type Attrs, type DType, type Shape, show, type Tensor } from "./tensor.ts";

/** A row of the table: how an op determines the shape of its output, and what it costs. */
export interface Rule {
  /** Shape and type that the op makes of its inputs. @throws on inputs or attributes that do not fit. */
  readonly shape: (inputs: readonly Tensor[], attrs: Attrs, name: string) => Shape;
  /** Floating-point operations for `rows` samples (or for a whole param). Absent: none. */
  readonly flops?: (node: Tensor, rows: number) => number;
  /** The op sums over the batch: its output is a param that shards add to. */
  readonly accumulates?: boolean;
}

/** @throws always: what was expected, and the shapes that came. */
export const fail = (name: string, expected: string, got: readonly Tensor[]): never => {
  throw new Error(`${name}: expected ${expected}, got ${got.map(show).join(" and ")}`);
};

/** The type that all inputs have. @throws when they have several. */
export function sameType(name: string, inputs: readonly Tensor[]): DType {
  const dtype = inputs[0].dtype;
  if (inputs.some((t) => t.dtype !== dtype))
    throw new Error(`${name}: expected one type, got ${inputs.map((t) => t.dtype).join(", ")}; use cast`);
  return dtype;
}

/** The tensor itself. @throws unless it is a batch. */
export const onBatch = (name: string, t: Tensor): Tensor =>
  t.kind === "batch" ? t : fail(name, "a batch (B, F)", [t]);

/** Number of entries of a tensor in a run over so many rows. */
export const elements = (t: Tensor, rows: number): number => (t.kind === "batch" ? t.rows * rows : t.rows) * t.cols;
