/**
 * The type of a kernel of the WebGPU backend: WGSL and its bindings, as plain data. A file of this folder holds a family of
 * kernels, like the file of the same name in assembly/, and makes them from records of a plan.
 *
 * A batch (T·B, F) is stored feature by feature: entry (row i of tile t, feature f) is number f·N + t·P + i, where P = `run.padded` is the
 * number of rows of a tile, a multiple of 8, and N = T·P. Rows from `run.rows` on are padding: they repeat a valid row. Params (R, C) are
 * stored row by row. All numbers are f32: WebGPU has no f64, so f64 values of a plan are computed in f32.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import type { Plan, PlanRecord, Value } from "../src/graph/plan.ts";

/** Numbers that change between calls. */
export interface Size {
  /** Rows of a tile, padding included. */
  readonly padded: number;
}

/** A storage buffer of a kernel: an array of f32, unless `type` says otherwise. */
export type Binding = {
  /** Its name in the code. */
  readonly name: string;
  /** WGSL type; default array<f32>. */
  readonly type?: string;
  readonly write?: boolean;
} & (
  | { /** A value of the plan, by its index. */ readonly value: number }
  | {
      /** Floats of scratch, which all records share: the next record may overwrite it. */ readonly scratch: (
        size: Size,
      ) => number;
    }
  | { /** Fixed numbers. */ readonly table: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer> }
  | {
      /** Rows of the caller or of a bank, by name; for outputs, the rows that are read back. */ readonly edge:
        | "input"
        | "output"
        | "bank";
      readonly of: string;
    }
);

/** One dispatch of the WebGPU backend. */
export interface Kernel {
  /** The op, for messages and labels. */
  readonly name: string;
  /** WGSL with one entry point, `main`; bindings, `run` and the functions of math.wgsl.ts that it calls are put before it. */
  readonly code: string;
  /** Values of `override` constants. */
  readonly constants?: Readonly<Record<string, number>>;
  /** In the order of their numbers in group 1. */
  readonly bindings: readonly Binding[];
  /** Work-groups. */
  readonly groups: (size: Size) => readonly [number, number, number];
}

/** The kernels of a record, in order. */
export type MakeKernels = (record: PlanRecord, plan: Plan) => readonly Kernel[];

/** `run`: the current call, the same for all kernels of a step. */
export const header = wgsl`
struct Run {
  rows: u32,     // of this call and one tile, without padding
  padded: u32,   // P
  seed: u32,     // key of random draws
  step: u32,     // their counter
  start: u32,    // row of the whole run at which this call starts
  total: u32,    // rows of the whole run: tile t of row i draws as row t·total + i
  repeat: u32,   // rows of the run that one row of a repeated input serves
  carry: u32,    // 1: sums go on from an earlier call
  index: u32,    // of this step among those of a call
  rate: f32,     // of the optimiser, over 1 − β1ᵗ
  secondScale: f32, // 1/√(1 − β2ᵗ)
}
@group(0) @binding(0) var<uniform> run: Run;
`;

/** Threads of a work-group over rows. */
export const LANES = 64;
/** Work-groups for one thread for each row of `tiles` tiles, `times` times. */
export const overRows =
  (tiles: number, times = 1) =>
  ({ padded }: Size): readonly [number, number, number] => [Math.ceil((tiles * padded) / LANES), times, 1];

/** The values of a record: output, then inputs. */
export const operands = ({ inputs, output }: PlanRecord, { values }: Plan): readonly [Value, ...Value[]] => [
  values[output],
  ...inputs.map((i) => values[i]),
];

const tables = new WeakMap<readonly number[], Uint32Array<ArrayBuffer>>();
/** Numbers as a table; one list always gives the same table. */
export function tableOf(indices: readonly number[]): Uint32Array<ArrayBuffer> {
  let table = tables.get(indices);
  if (table === undefined) {
    table = Uint32Array.from(indices);
    tables.set(indices, table);
  }
  return table;
}
