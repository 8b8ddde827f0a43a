/** Loops, as ops carry them: bodies are graphs of their own, whose leaves are placeholders (loop.ts makes them). */
import type { Tensor } from "./tensor.ts";

/** A part of a loop: what it computes, and the numbers that it reads, one row of the table for each run. */
export interface LoopBody {
  /** Scalars (1, 1), one for each column of the table. */
  readonly constants: readonly Tensor[];
  /** Row by row. */
  readonly table: Float64Array;
  readonly result: Tensor;
}

/**
 * s_k+1 = step(s_k), k = 0 … n − 1, and what is emitted of states. The inputs of `scan` are the initial state, the fixed batches, the
 * series and the params, in this order; placeholders stand for them in the bodies.
 */
export interface Loop {
  readonly steps: number;
  /** Which states are emitted: 0 … steps, ascending. */
  readonly at: Int32Array;
  readonly state: Tensor;
  readonly fixed: readonly Tensor[];
  readonly series: readonly Tensor[];
  readonly params: readonly Tensor[];
  readonly step: LoopBody;
  readonly emit: LoopBody;
}

/** The inputs, by position, that gradients are taken with respect to, beside the state. */
export interface Wanted {
  readonly fixed: readonly number[];
  readonly series: readonly number[];
  readonly params: readonly number[];
}

/** The gradient of a loop: vector-Jacobian products of its bodies; null: no dependence. */
export interface LoopGrad {
  readonly loop: Loop;
  readonly wanted: Wanted;
  /** Stand for the cotangents of the state after a step, and of one emission. */
  readonly cotangent: Tensor;
  readonly seed: Tensor;
  /** Cotangents of the state, the wanted fixed batches, series and params, through one step. */
  readonly step: readonly (Tensor | null)[];
  /** The same through one emission, which sees no series. */
  readonly emit: readonly (Tensor | null)[];
}
