/** The state of a training between two steps: an interrupted run that is resumed from it ends with the same weights. */
import type { OptimiserState } from "../backends/backend.ts";

export interface Checkpoint {
  /** Name of the problem. */
  readonly problem: string;
  /** Steps done. */
  readonly step: number;
  /** The options that must be the same when it is resumed. */
  readonly signature: string;
  readonly weights: Float32Array;
  readonly optimiser: OptimiserState;
  readonly best: { readonly weights: Float32Array; readonly loss: number; readonly step: number };
  /** Held-out losses so far, (step, loss). */
  readonly heldOut: readonly (readonly [number, number])[];
  /** Mean training losses between them, (step, loss). */
  readonly losses: readonly (readonly [number, number])[];
  readonly seconds: number;
}

export type StopReason = "aborted" | "diverged" | "lost";

/** Training ended early. `checkpoint` is the last good state: pass it as `resume` to carry on. */
export class TrainingStopped extends Error {
  /** "lost": the device that it ran on is gone, for `cause`; it can be resumed on another, or on another backend. */
  readonly reason: StopReason;
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
