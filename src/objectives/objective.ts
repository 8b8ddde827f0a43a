/** An objective makes one loss a row of a batch of simulated data; training minimises its mean. */
import type { Frame } from "../distributions/frame.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import type { TracedGuide } from "../guides/guide.ts";
import type { Problem } from "../problem/problem.ts";

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
