/** The arguments of the kernels of the reference, and loops over them. */
import type { Attrs, Kind } from "../../graph/tensor.ts";
import type { Rows } from "../backend.ts";

/** A tensor with its numbers, row by row; a batch of T tiles has T·B rows, tile after tile. */
export interface Dense {
  readonly kind: Kind;
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/** The run, as kernels see it. */
export interface RunState {
  /** Rows B of the untiled batch. */
  readonly rows: number;
  readonly repeat: number;
  readonly seed: number;
  readonly step: number;
  readonly inputs: Readonly<Record<string, Rows | readonly number[]>>;
  readonly banks: ReadonlyMap<string, Dense>;
}

/** Writes the numbers of the output. */
export type Kernel = (out: Dense, inputs: readonly Dense[], attrs: Attrs, run: RunState) => void;

/** Fills a tensor by a function of row and column. */
export function fill(out: Dense, value: (row: number, column: number) => number): void {
  for (let r = 0; r < out.rows; r++) for (let c = 0; c < out.cols; c++) out.data[r * out.cols + c] = value(r, c);
}
/** The number in a row and column. */
export const get = (t: Dense, row: number, column: number): number => t.data[row * t.cols + column];
/** Σ of `count` terms. */
export const sum = (count: number, term: (i: number) => number): number => {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
};
