/** What a kernel of the reference is given, and how kernels go over it. */
import type { Attrs, Kind } from "../../graph/tensor.ts";
import type { Rows } from "../backend.ts";

/** A tensor with its numbers, row by row; a batch of T tiles has T·B rows, tile after tile. */
export interface Dense {
  readonly kind: Kind;
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/** What kernels may ask of the run. */
export interface RunState {
  /** Rows B of the untiled batch. */
  readonly rows: number;
  readonly repeat: number;
  readonly seed: number;
  readonly step: number;
  readonly inputs: Readonly<Record<string, Rows | readonly number[]>>;
  readonly banks: ReadonlyMap<string, Dense>;
}

export type Kernel = (out: Dense, inputs: readonly Dense[], attrs: Attrs, run: RunState) => void;

/** Fills a tensor from its row and column. */
export function fill(out: Dense, value: (row: number, column: number) => number): void {
  for (let r = 0; r < out.rows; r++) for (let c = 0; c < out.cols; c++) out.data[r * out.cols + c] = value(r, c);
}
export const get = (t: Dense, row: number, column: number): number => t.data[row * t.cols + column];
export const sum = (count: number, term: (i: number) => number): number => {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
};
