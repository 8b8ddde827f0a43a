/** A plan as it lies in linear memory: where its edges are, and how many rows a call takes. */
import type { Plan } from "../graph/plan.ts";
import type { DType } from "../graph/tensor.ts";
import { MAX_THREADS } from "../worker/host.ts";

/** Rows that one call takes in, so that they are still in cache when they are read; longer runs are looped. */
const CHUNK_ROWS = 1024;
/** Bytes of an input or output of a call: of long rows it takes fewer. */
const CHUNK_BYTES = 8_388_608;
export function chunkRows(plan: Plan): number {
  const outputs = plan.outputs.map((o) => plan.values[o.value]).filter((v) => v.kind === "batch");
  const widths = [...plan.inputs.map((i) => ({ ...i, rows: 1 })), ...outputs].map((v) => v.rows * v.cols);
  const fit = Math.floor(CHUNK_BYTES / (8 * Math.max(1, ...widths)));
  const shards = Math.max(1, Math.floor(Math.min(CHUNK_ROWS, fit) / plan.shardRows));
  return Math.max(shards * plan.shardRows, plan.rows);
}
/** Groups of shards that sum on their own: the most threads that can share a step. */
export const MAX_GROUPS = MAX_THREADS;
export interface Edge {
  /** Where the rows are. */
  readonly at: number;
  /** Where the attribute words of its record are, to be patched, in the records of each thread. */
  readonly words: readonly number[];
  readonly cols: number;
  readonly rows: number;
  readonly dtype: DType;
}
export interface LoadedPlan {
  readonly plan: Plan;
  readonly at: number;
  readonly inputs: ReadonlyMap<string, Edge>;
  readonly batchOutputs: ReadonlyMap<string, Edge>;
  readonly paramOutputs: ReadonlyMap<string, Edge>;
  readonly banks: readonly { name: string; words: readonly number[] }[];
  readonly sums: number;
  /** Rows of one call. */
  readonly chunk: number;
}
