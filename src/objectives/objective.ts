/** An objective makes one loss a row of a batch of simulated data; training minimises its mean. */
import type { Frame } from "../density.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import type { TracedGuide } from "../guides/guide.ts";
import type { Problem } from "../problem.ts";

export interface ObjectiveContext {
  readonly problem: Problem;
  readonly guide: TracedGuide;
  readonly frame: Frame;
  /** Data to features. */
  readonly embed: (y: Tensor) => Tensor;
  /** Draws of the guide a data set, in the ELBO. */
  readonly particles: number;
  /** Type of potentials: f64 where the backend has it. */
  readonly precision: DType;
}

export interface Objective {
  readonly name: string;
  /** (B, 1) from parameters (B, D) and the data simulated from them (B, M), both f32. */
  readonly loss: (context: ObjectiveContext, theta: Tensor, y: Tensor) => Tensor;
  /** What the best weights are chosen by, where the loss of different weights cannot be compared; arguments as for `loss`. */
  readonly heldOut?: (context: ObjectiveContext, theta: Tensor, y: Tensor) => Tensor;
  /** Why this objective cannot train on a problem, or undefined. */
  readonly refuses?: (problem: Problem) => string | undefined;
}

/** Streams of random draws: each purpose has its own. */
export const STREAMS = {
  prior: 1,
  noise: 101,
  particles: 102,
  bank: 103,
  posterior: 104,
  momentum: 105,
  choices: 106,
  search: 107,
  picks: 108,
  bridge: 109,
  jump: 110,
} as const;
