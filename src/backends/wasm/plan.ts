/** Lays plans out in linear memory: the addresses of their records and edges, and the rows of a call. */
import { bytesOf, type Plan, type Value } from "../../graph/plan.ts";
import type { Program } from "../../graph/program.ts";
import type { DType } from "../../graph/tensor.ts";
import { MAX_THREADS } from "../../host/workers.ts";
import type { Arena } from "./arena.ts";
import type { Loops } from "./encode-loop.ts";
import { encodePlan, type Patch, scratchOf } from "./encode-plan.ts";
import { fillTable, type Kernels } from "./kernels.ts";

/** Rows of one call: few enough to be still in cache when they are read. Longer runs are loops of calls. */
const CHUNK_ROWS = 1024;
/** Bytes of an input or output of a call, which takes fewer rows where they are long. */
const CHUNK_BYTES = 8_388_608;
function chunkRows(plan: Plan): number {
  const outputs = plan.outputs.map((o) => plan.values[o.value]).filter((v) => v.kind === "batch");
  const widths = [...plan.inputs.map((i) => ({ ...i, rows: 1 })), ...outputs].map((v) => v.rows * v.cols);
  const fit = Math.floor(CHUNK_BYTES / (8 * Math.max(1, ...widths)));
  const shards = Math.max(1, Math.floor(Math.min(CHUNK_ROWS, fit) / plan.shardRows));
  return Math.max(shards * plan.shardRows, plan.rows);
}
/** Groups of shards that are summed separately: the most threads that can share a step. */
const MAX_GROUPS = MAX_THREADS;
/** Bytes of the header of a plan, which assembly/shards.ts reads. */
const HEADER_BYTES = 64;

export interface Edge {
  /** Address of the rows. */
  readonly at: number;
  /** Addresses of the attribute words of its record, one a thread, to be patched. */
  readonly words: readonly number[];
  readonly cols: number;
  readonly rows: number;
  readonly dtype: DType;
}
export interface LoadedPlan {
  readonly plan: Plan;
  /** Address of its header, whose layout assembly/shards.ts shows. */
  readonly at: number;
  readonly inputs: ReadonlyMap<string, Edge>;
  readonly batchOutputs: ReadonlyMap<string, Edge>;
  readonly paramOutputs: ReadonlyMap<string, Edge>;
  /** Address of a param. */
  readonly placeOf: (value: Value) => number;
  readonly banks: readonly { name: string; words: readonly number[] }[];
  readonly sums: number;
  /** Rows of one call. */
  readonly chunk: number;
}

/** Writes into the records of all threads. */
export function patch(arena: Arena, words: readonly number[], values: readonly number[]): void {
  for (const at of words) arena.words(at, values.length).set(values);
}

/** The words of a plan's header that hold the addresses of the optimiser's settings, the loss and the losses; zeros: it does not train. */
export const trainingWords = (arena: Arena, { at }: LoadedPlan): Int32Array => arena.words(at + 44, 3);

/** State that all plans of a program share. */
export interface Ground {
  readonly program: Program;
  readonly kernels: Kernels;
  readonly arena: Arena;
  readonly slabs: { readonly weights: number; readonly frozen: number };
  readonly threads: number;
  /** Given where the program has loops. */
  readonly loops?: Loops;
}

/** Lays out plans, each once. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: its steps share the arena, the function table and the stored numbers
export function makeLayout({ program, kernels, arena, slabs, threads, loops }: Ground): (plan: Plan) => LoadedPlan {
  const opcodes = fillTable(kernels, loops?.module);
  const tables = new Map<Int32Array | Float64Array, Readonly<Record<string, number>>>();
  /** For each thread, the addresses of its scratch memory and of the tensors of its current shard. */
  let workspaces: readonly { slots: number; scratch: number }[] | undefined;

  /** Index of a kernel in the function table, by name, so that an op has the same name everywhere. */
  function opcode(name: string): number {
    const known = opcodes.get(name);
    if (known !== undefined) return known;
    throw new Error(
      `wasm: expected a kernel "${name}", which this backend does not have; cast to the other type or use ops that it has`,
    );
  }

  /** Address of fixed numbers, which are stored once for each array and type. */
  function table(numbers: Int32Array | Float64Array, dtype?: DType): number {
    const key = dtype ?? "words";
    const known = tables.get(numbers)?.[key];
    if (known !== undefined) return known;
    const at = arena.take(numbers.length * (dtype === "f64" ? 8 : 4));
    if (dtype === undefined) arena.words(at, numbers.length).set(numbers);
    else arena.rows(at, numbers.length, dtype).set(numbers);
    tables.set(numbers, { ...tables.get(numbers), [key]: at });
    return at;
  }

  /** A thread's workspace serves all plans, so it is taken for the largest before any record is written. */
  function takeWorkspaces(): readonly { slots: number; scratch: number }[] {
    const plans = Object.values(program.plans);
    const slots = Math.max(8, ...plans.map((plan) => plan.slots.reduce((a, b) => a + b, 0) * plan.shardRows));
    const scratch = Math.max(...plans.map((plan) => scratchOf(plan, kernels)));
    return Array.from({ length: threads }, () => ({ slots: arena.take(slots), scratch: arena.take(scratch) }));
  }

  return (plan) => {
    const { bytes } = plan;
    const constant = arena.take(bytes.constant);
    for (const c of plan.constants) arena.rows(constant + c.at, c.values.length, c.dtype).set(c.values);
    const temporary = arena.take(bytes.temporary);
    const groupBytes = bytes.sums32 + bytes.sums64;
    const sums = arena.take(groupBytes * MAX_GROUPS);
    workspaces ??= takeWorkspaces();

    let shardBytes = 0;
    const slots = plan.slots.map((b) => {
      const at = shardBytes;
      shardBytes += b * plan.shardRows;
      return at;
    });
    const bases = { slot: 0, ...slabs, sums, temporary, constant };
    const place = (v: Value, own: number): number => (v.region === "slot" ? own + slots[v.at] : bases[v.region] + v.at);

    // The records of threads differ only in the addresses of the tensors of their shards.
    const encoded = workspaces.map((own) =>
      encodePlan(plan, {
        valueAt: (v) => place(v, own.slots),
        opcode,
        table,
        scratch: own.scratch,
        encodeLoop: loops?.encode,
      }),
    );
    const [{ code, bounds, patches }] = encoded;
    const stride = code.length * 4;
    const at = arena.take(HEADER_BYTES);
    const records = arena.take(stride * encoded.length);
    for (const [thread, { code }] of encoded.entries()) arena.words(records + thread * stride, code.length).set(code);
    const ends = bounds.map((b) => records + 4 * b);
    arena.words(at, 15).set([...ends, plan.shardRows, MAX_GROUPS, sums, bytes.sums32, groupBytes, 0, 0, 0, stride]);

    const chunk = chunkRows(plan);
    const wordsOf = (p: Patch): number[] => encoded.map((_, thread) => records + thread * stride + 4 * p.word);
    const edge = (p: Patch): Edge => {
      const { rows, cols, dtype } = p.value;
      const buffer = arena.take(chunk * rows * cols * bytesOf(dtype));
      patch(arena, wordsOf(p), [buffer]);
      return { at: buffer, words: wordsOf(p), cols, rows, dtype };
    };
    const edges = (op: string): Map<string, Edge> =>
      new Map(patches.filter((p) => p.op === op).map((p) => [p.name, edge(p)]));
    const params = plan.outputs
      .map(({ name, value }) => ({ name, value: plan.values[value] }))
      .filter(({ value }) => value.kind === "param");
    const placeOf = (v: Value): number => place(v, 0);
    const paramEdge = (v: Value): Edge => ({ at: placeOf(v), words: [], cols: v.cols, rows: v.rows, dtype: v.dtype });
    return {
      plan,
      at,
      inputs: edges("input"),
      batchOutputs: edges("output"),
      paramOutputs: new Map(params.map(({ name, value }) => [name, paramEdge(value)])),
      placeOf,
      banks: patches.filter((p) => p.op === "bankRows").map((p) => ({ name: p.name, words: wordsOf(p) })),
      sums,
      chunk,
    };
  };
}
