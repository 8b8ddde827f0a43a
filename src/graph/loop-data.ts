/** Loops, as ops carry them: bodies are graphs of their own, whose leaves are placeholders (loop.ts makes them). */
import type { Ground } from "./ground.ts";
import type { ScanName } from "./names.ts";
import type { PlanLoop } from "./plan-data.ts";
import type { Rule } from "./rule.ts";
import type { Tensor } from "./tensor.ts";
import type { Grad, Vjp } from "./vjp.ts";

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
  readonly methods: LoopMethods;
  /** The gradient that this is the tangent of, along all that is wanted but params. */
  readonly tangent?: { readonly gradient: LoopGrad; readonly grad: Grad };
}

/** The shapes of loops, and how they are differentiated and laid out. A loop brings it along, so that programs without loops need not load it. */
export interface LoopMethods {
  readonly shapes: Readonly<Record<ScanName, Rule["shape"]>>;
  readonly vjps: Readonly<Record<ScanName, Vjp>>;
  /**
   * Places a loop whose inputs have places, by value; `sums` are, by their index, the values that gradients of params are added to.
   */
  readonly place: (
    node: Tensor,
    values: ReadonlyMap<Tensor, number>,
    sums: ReadonlyMap<number, readonly number[]>,
    ground: Ground,
  ) => PlanLoop;
  /** The same outputs with all tangents of a loop in one loop. */
  readonly merge: (outputs: readonly Tensor[]) => readonly Tensor[];
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

/** The loop of a node; undefined for one of another op. */
export const loopOf = ({ attrs }: Pick<Tensor, "attrs">): Loop | undefined =>
  (attrs.loop as Loop | undefined) ?? (attrs.grad as LoopGrad | undefined)?.loop;
