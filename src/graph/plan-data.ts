/**
 * A plan: the records that an executor runs, in order, as plain data. Records read and write values; a value is in a region:
 *
 *   slot       batch tensors of the current shard; a slot is used again once its last reader has run
 *   weights    the slab of trained parameters        frozen   the slab of untrained ones (scalers, projections)
 *   sums       params that shards add to: first the gradient of the weights slab, entry by entry, then other sums
 *   temporary  params that are computed once for each step   constant  fixed numbers
 *
 * Three phases: `prologue` (params from weights), `shard` (once for each shard of rows), `epilogue` (from sums over all shards).
 */
import type { OpName } from "./names.ts";
import type { Attrs, DType, Kind } from "./tensor.ts";

/** Place of a value. */
export type Region = "slot" | "weights" | "frozen" | "sums" | "temporary" | "constant";
/** When a record runs. */
export type Phase = "prologue" | "shard" | "epilogue";

/** A tensor of the plan, with its place. */
export interface Value {
  readonly kind: Kind;
  readonly rows: number;
  readonly cols: number;
  readonly dtype: DType;
  readonly region: Region;
  /** Index of the slot, or byte offset in the region. */
  readonly at: number;
}
/** One op on values, by their indices. */
export interface PlanRecord {
  readonly op: OpName;
  readonly attrs: Attrs;
  readonly inputs: readonly number[];
  readonly output: number;
  /** What `scan` and `scanGrad` run. */
  readonly loop?: PlanLoop;
}
/** A part of a loop: records, which run once a step, once an emission, or once for the cotangent of either. */
export interface PlanBody {
  readonly records: readonly PlanRecord[];
  /** Scalars that are set before each run, to the entries of one row of the table. */
  readonly constants: readonly number[];
  readonly table: Float64Array;
  /** What the part computes; −1: nothing (the cotangent is 0). */
  readonly results: readonly number[];
}
/** A loop, by the indices of its values. */
export interface PlanLoop {
  readonly steps: number;
  /** Which states are emitted. */
  readonly at: Int32Array;
  /** The state, and what each step sees of the series. */
  readonly state: number;
  readonly series: readonly number[];
  /** The inputs of the record that are series. */
  readonly seriesOf: readonly number[];
  /** → the next state. */
  readonly step: PlanBody;
  /** → one emission. */
  readonly emit: PlanBody;
  readonly backwards?: {
    /** Cotangents of the state and of one emission. */
    readonly cotangent: number;
    readonly seed: number;
    /** → cotangents of the state, the fixed batches and the series. */
    readonly step: PlanBody;
    /** → cotangents of the state and the fixed batches. */
    readonly emit: PlanBody;
    /** Columns of what `step` computes. */
    readonly widths: readonly number[];
    /** Steps from one checkpoint to the next, and the slot of the checkpoints and of the states of one such stretch. */
    readonly every: number;
    readonly states: number;
  };
}
/** A value that the caller reads. */
export interface PlanOutput {
  readonly name: string;
  readonly value: number;
}
/** An ordered list of records over values in regions. */
export interface Plan {
  readonly name: string;
  /** Rows of the untiled batch that one pass over the shard records takes: fixed by the plan, never by the number of threads. */
  readonly shardRows: number;
  /** Rows of every run if they are known in advance, else 0. */
  readonly rows: number;
  readonly values: readonly Value[];
  readonly records: Readonly<Record<Phase, readonly PlanRecord[]>>;
  /** Bytes of each slot for one row of the untiled batch. */
  readonly slots: readonly number[];
  readonly inputs: readonly { name: string; cols: number; dtype: DType; repeat: boolean }[];
  readonly outputs: readonly PlanOutput[];
  readonly constants: readonly { at: number; dtype: DType; values: readonly number[] }[];
  readonly bytes: {
    readonly temporary: number;
    readonly constant: number;
    readonly sums32: number;
    readonly sums64: number;
  };
  /** Whether `sums` starts with the gradient of the weights. */
  readonly hasGradient: boolean;
}

/** A named param in a slab. */
export interface SlabEntry {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  /** Bytes from the start of the slab, a multiple of 256. */
  readonly offset: number;
  /** Training starts from draws of U(−init, init). */
  readonly init: number;
}
/** Named params one after another in memory. */
export interface Slab {
  readonly entries: readonly SlabEntry[];
  readonly bytes: number;
}

/** Bytes of one number. */
export const bytesOf = (dtype: DType): number => (dtype === "f32" ? 4 : 8);
/** Rounded up to a multiple of `to`. */
export const align = (n: number, to: number): number => Math.ceil(n / to) * to;
/** Each param has at least 32 bytes of slack, so that a kernel may work in whole vectors. */
export const paramBytes = (t: { rows: number; cols: number; dtype: DType }): number =>
  align(t.rows * t.cols * bytesOf(t.dtype) + 32, 256);
