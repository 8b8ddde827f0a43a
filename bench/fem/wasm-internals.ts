// Internals of the WebAssembly executor for benches: its memory, and the records of a plan, run one by one.

import type { Executor } from "../../src/backends/backend.ts";
import { hostRunsRelaxed, type Kernels } from "../../src/backends/wasm/kernels.ts";
import type { KernelBuild } from "../../src/backends/wasm/kernels-url.ts";

/** The builds that this host runs. */
export const builds = (): KernelBuild[] => (hostRunsRelaxed() ? ["plain", "relaxed"] : ["plain"]);

/** Private to the executor. */
interface Inside {
  readonly kernels: Kernels;
  readonly loaded: ReadonlyMap<string, { readonly at: number; readonly chunk: number }>;
}
const inside = (executor: Executor): Inside => executor as unknown as Inside;

/** Bytes of linear memory that the executor has taken. */
export const linearMemory = (executor: Executor): number => inside(executor).kernels.memory.buffer.byteLength;

/** A record of a plan's shard, by the order in which it is run. */
export interface Step {
  /** Runs it alone, on the memory that the last run left. */
  run(): void;
}

/** Words of a plan in memory that hold where its shard's records start and end (assembly/index.ts). */
const FROM = 2;
const TO = 3;

/**
 * The records of a plan's shard in order, those of outputs last. The plan must have run before, over the same number of rows.
 * @throws for more rows than fit into a shard, because memory then has only those of the last one.
 */
export function stepsOf(executor: Executor, plan: string, rows: number, shardRows: number): Step[] {
  const { kernels, loaded } = inside(executor);
  const at = loaded.get(plan)?.at;
  if (at === undefined || rows > shardRows)
    throw new Error(
      `stepsOf: expected a plan that has run over at most ${shardRows} rows, got "${plan}", ${rows} rows`,
    );
  const words = (): Int32Array => new Int32Array(kernels.memory.buffer);
  const word = at / 4;
  const [from, to] = [words()[word + FROM], words()[word + TO]];
  const starts: number[] = [];
  for (let record = from; record < to; record += words()[record / 4 + 1]) starts.push(record);
  return starts.map((start, i) => ({
    run: () => {
      const memory = words();
      memory[word + FROM] = start;
      memory[word + TO] = starts[i + 1] ?? to;
      kernels.run(at, rows, 0, rows, 0, 0, 1);
      memory[word + FROM] = from;
      memory[word + TO] = to;
    },
  }));
}
