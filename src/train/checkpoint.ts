/** The state of a training between two steps. A training that is resumed from it ends with the same weights, bit by bit. */
import type { OptimiserState } from "../backends/backend.ts";

/** The state of a training between two steps. */
export interface Checkpoint {
  /** Name of the problem. */
  readonly problem: string;
  /** Steps done. */
  readonly step: number;
  /** The options, as JSON: they must be the same when it is resumed. */
  readonly signature: string;
  /** The weights after `step` steps, in the order of the training program. */
  readonly weights: Float32Array;
  /** Moments of the optimiser. */
  readonly optimiser: OptimiserState;
  /** The weights with the lowest held-out loss so far. */
  readonly best: { readonly weights: Float32Array; readonly loss: number; readonly step: number };
  /** Held-out losses so far, (step, loss). */
  readonly heldOut: readonly (readonly [number, number])[];
  /** Mean training losses between them, (step, loss). */
  readonly losses: readonly (readonly [number, number])[];
  /** Wall time so far. */
  readonly seconds: number;
}

/**
 * Why a training ended early: "aborted" by its signal; "diverged", with a loss or gradient that is not finite; or "lost", because
 * its device is gone.
 */
export type StopReason = "aborted" | "diverged" | "lost";

/** Training ended early. `checkpoint` is the last good state: pass it as `resume` to continue from there. */
export class TrainingStopped extends Error {
  /** After "lost" it can be resumed on another device or backend; `cause` says how the device was lost. */
  readonly reason: StopReason;
  /** The step at which it ended. */
  readonly step: number;
  readonly checkpoint: Checkpoint;
  constructor(reason: StopReason, message: string, step: number, checkpoint: Checkpoint, cause?: Error) {
    super(message, cause && { cause });
    this.name = "TrainingStopped";
    this.reason = reason;
    this.step = step;
    this.checkpoint = checkpoint;
  }
}
