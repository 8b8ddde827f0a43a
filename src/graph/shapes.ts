/** What the shape rules of ops share. */
import { type DType, show, type Tensor } from "./tensor.ts";

export const fail = (name: string, expected: string, got: readonly Tensor[]): never => {
  throw new Error(`${name}: expected ${expected}, got ${got.map(show).join(" and ")}`);
};

/** The type that all inputs have. @throws when they have several. */
export function sameType(name: string, inputs: readonly Tensor[]): DType {
  const dtype = inputs[0].dtype;
  for (const t of inputs) {
    if (t.dtype !== dtype)
      throw new Error(`${name}: expected one type, got ${inputs.map((i) => i.dtype).join(", ")}; use cast`);
  }
  return dtype;
}

/** @throws unless it is a batch. */
export function onBatch(name: string, t: Tensor): Tensor {
  return t.kind === "batch" ? t : fail(name, "a batch (B, F)", [t]);
}

/** Numbers of a tensor in a run over so many rows. */
export const elements = (t: Tensor, rows: number): number => (t.kind === "batch" ? t.rows * rows : t.rows) * t.cols;
