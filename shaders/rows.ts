/** Kernels with one thread for each row of a batch, or for each row and item: most kernels of this folder. */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import type { Plan, PlanRecord } from "../src/graph/plan.ts";
import { type Binding, type Kernel, LANES, operands, overRows } from "./kernel.ts";

/** A kernel over rows: code and inputs. */
export interface RowKernel {
  /** Names of the inputs in the code, in the order of the record. The output is `out`, which a thread may read after it has written. */
  readonly inputs: readonly string[];
  readonly more?: readonly Binding[];
  /** Values of the `override` constants that the code declares. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Items of a row; default 1. */
  readonly items?: number;
  /**
   * WGSL with `fn work(row: u32, rows: u32, item: u32)`: entry (row, feature) of a batch is number feature · rows + row. It
   * must not declare the name of a function of math.wgsl.ts.
   */
  readonly code: string;
}

/** Work-groups that every device allows in one direction: a thread takes several items beyond that. */
const MOST_GROUPS = 65535;

const main = wgsl`
override TILES: u32;
override ITEMS: u32;

@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let rows = TILES * run.padded;
  if (id.x >= rows) { return; }
  for (var item = id.y; item < ITEMS; item += groups.y) { work(id.x, rows, item); }
}
`;

/** A kernel for all rows of the output, padding included. */
export function rowKernel(record: PlanRecord, plan: Plan, spec: RowKernel): Kernel {
  const { inputs, more = [], constants = {}, items = 1, code } = spec;
  const tiles = operands(record, plan)[0].rows;
  return {
    name: record.op,
    code: code + main,
    constants: { ...constants, TILES: tiles, ITEMS: items },
    bindings: [
      ...inputs.map((name, i) => ({ name, value: record.inputs[i] })),
      ...more,
      { name: "out", value: record.output, write: true },
    ],
    groups: overRows(tiles, Math.min(items, MOST_GROUPS)),
  };
}
