/** Encodes plans as the words that the interpreter in assembly/index.ts reads; assembly/state.ts shows the layout of a record. */
import { activationNames } from "../../graph/names.ts";
import type { Plan, PlanLoop, PlanRecord, Value } from "../../graph/plan.ts";
import { bodiesOf } from "../../graph/records.ts";
import type { DType } from "../../graph/tensor.ts";
import type { SparseMatrix } from "../../sparse/matrix.ts";
import type { SparsePattern } from "../../sparse/pattern.ts";
import type { Kernels } from "./kernels.ts";

const floatBits = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0];

/** Attribute words of a record, as its kernel reads them. Addresses that change between runs are 0 here and patched later. */
const attributeWords: Record<string, (a: Record<string, never>, place: Tables, dtype: DType) => number[]> = {
  input: () => [0, 1],
  output: () => [0],
  bankRows: (a) => [0, 1, a.stream],
  random: (a) => [a.stream, Number(a.distribution === "uniform")],
  combine: (a, { table }, dtype) => [table(Float64Array.from(a.coefficients as readonly number[]), dtype)],
  columns: (a) => a.indices,
  cumsum: (a) => [Number(a.reverse)],
  triMul: (a) => [Number(a.transpose)],
  triSolve: (a) => [Number(a.transpose)],
  dense: (a) => [Number(a.bias), activationNames.indexOf(a.activation)],
  denseWeightGrad: (a, { scratch }) => [Number(a.bias), scratch],
  spline: (a) => [a.bins, Number(a.inverse), floatBits(a.bound)],
  splineGrad: (a) => [a.bins, Number(a.inverse), floatBits(a.bound)],
  linearMap: (a, { table }, dtype) => {
    const { start, index, value } = a.matrix as SparseMatrix;
    return [table(start), table(index), table(value, dtype)];
  },
  sparseMul: (a, { table }) => [table(tableOf(a))],
  sparseOuter: (a, { table }) => [table(tableOf(a))],
  sparseLogDet: (a, { table }) => [table(tableOf(a))],
  sparseCholesky: (a, { table, scratch }) => [table(tableOf(a)), scratch],
  sparseSolve: (a, { table, scratch }) => {
    const { n, last, symbolic } = a.pattern as SparsePattern;
    const skipped = (part: unknown): number => (part === "last" ? n - last : 0);
    return [table(tableOf(a)), scratch, symbolic.lastFront, skipped(a.given), skipped(a.wanted)];
  },
  sparseInverse: (a, { table, scratch }) => [table(tableOf(a)), scratch],
};
const tableOf = ({ pattern }: Record<string, unknown>): Int32Array => (pattern as SparsePattern).symbolic.table;

/** Bytes that a record needs beside its tensors, by op; `rows` is that of a shard. */
const scratchBytes: Record<string, (record: PlanRecord, plan: Plan, kernels: Kernels) => number> = {
  denseWeightGrad: ({ inputs }, plan, kernels) => {
    const [x, dz] = inputs.map((i) => plan.values[i]);
    if (x.dtype === "f64") return 0;
    return kernels.denseWeightGradScratch((x.rows * plan.shardRows) / 8, x.cols, dz.cols);
  },
  sparseCholesky: ({ attrs }) => 16 * (attrs.pattern as SparsePattern).symbolic.workspaceSize,
  sparseInverse: ({ attrs }) => 16 * (attrs.pattern as SparsePattern).symbolic.squares,
  // Three right-hand sides; in f32 the residual, summed in f64 and rounded.
  sparseSolve: ({ attrs, output }, plan) => {
    const { n } = attrs.pattern as SparsePattern;
    const { cols, dtype } = plan.values[output];
    return 48 * n + (dtype === "f32" ? 32 * (n + cols) : 0);
  },
};
/** All records share one scratch area, of the size that the largest needs. */
export const scratchOf = (plan: Plan, kernels: Kernels, records: readonly PlanRecord[] = plan.records.shard): number =>
  records.reduce((most, r) => {
    const inside = r.loop ? bodiesOf(r.loop).map(({ body }) => scratchOf(plan, kernels, body.records)) : [];
    return Math.max(most, scratchBytes[r.op]?.(r, plan, kernels) ?? 0, ...inside);
  }, 0);

/** Ops whose attributes hold addresses of the caller's rows. */
const PATCHED = ["input", "output", "bankRows"];

export interface Patch {
  readonly op: string;
  /** Name of the input, output or bank. */
  readonly name: string;
  /** Index of the first attribute word in the code. */
  readonly word: number;
  readonly value: Value;
}
export interface Encoded {
  readonly code: readonly number[];
  /** Start and end of the prologue, shard and epilogue records in the code, in words. */
  readonly bounds: readonly number[];
  readonly patches: readonly Patch[];
}

interface Tables {
  /** Address of fixed numbers, as words or in a type; equal ones are stored once. */
  readonly table: (numbers: Int32Array | Float64Array, dtype?: DType) => number;
  readonly scratch: number;
}
/** A loop, to be appended to its record, and what it is encoded with. */
export interface LoopTask extends Pick<Tables, "table">, Pick<Placement, "valueAt" | "opcode"> {
  readonly code: number[];
  /** Where the record starts in the code. */
  readonly start: number;
  readonly record: PlanRecord;
  readonly loop: PlanLoop;
  readonly plan: Plan;
  readonly emitRecord: (record: PlanRecord) => void;
}
export type EncodeLoop = (task: LoopTask) => void;

export interface Placement extends Tables {
  readonly valueAt: (value: Value) => number;
  /** Index in the function table of a kernel by its name. @throws when there is none. */
  readonly opcode: (kernel: string) => number;
  /** Given where the program has loops. */
  readonly encodeLoop?: EncodeLoop;
}

/** Encodes all records of a plan, and one more for each batch output: blocks back to rows. */
export function encodePlan(plan: Plan, { valueAt, opcode, encodeLoop, ...tables }: Placement): Encoded {
  const code: number[] = [];
  const patches: Patch[] = [];
  const emit = (op: string, dtype: DType, attrs: object, output: Value | null, inputs: Value[], name: string): void => {
    const start = code.length;
    const shape = (v: Value): number[] => [valueAt(v), v.rows, v.cols, Number(v.kind === "param")];
    code.push(opcode(`${op}_${dtype}`), 0, ...(output === null ? [0, 0, 0, 0] : shape(output)), inputs.length);
    for (const v of inputs) code.push(...shape(v));
    if (PATCHED.includes(op)) patches.push({ op, name, word: code.length, value: output ?? inputs[0] });
    code.push(...(attributeWords[op]?.(attrs as Record<string, never>, tables, dtype) ?? []));
    code[start + 1] = (code.length - start) * 4;
  };
  const emitRecord = (record: PlanRecord): void => {
    const { op, attrs, inputs, output, loop } = record;
    const value = plan.values[output];
    const operands = inputs.map((i) => plan.values[i]);
    const start = code.length;
    emit(op, value.dtype, attrs, value, operands, (attrs.name ?? attrs.bank ?? "") as string);
    if (loop === undefined) return;
    (encodeLoop as EncodeLoop)({ code, start, record, loop, plan, valueAt, opcode, table: tables.table, emitRecord });
    code[start + 1] = (code.length - start) * 4;
  };
  const bounds: number[] = [];
  for (const phase of ["prologue", "shard", "epilogue"] as const) {
    bounds.push(code.length);
    plan.records[phase].forEach(emitRecord);
    if (phase === "shard") {
      for (const { name, value } of plan.outputs) {
        const rows = plan.values[value];
        if (rows.kind === "batch") emit("output", rows.dtype, {}, null, [rows], name);
      }
    }
    bounds.push(code.length);
  }
  return { code, bounds, patches };
}
