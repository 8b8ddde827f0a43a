/** An objective gives one loss for each row of a batch of simulations; training minimises their mean. */
import type { Frame } from "../distributions/frame.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { TracedGuide } from "../guides/guide.ts";
import type { Problem } from "../problem/problem.ts";

/** Inputs of an objective. */
export interface ObjectiveContext {
  readonly problem: Problem;
  readonly guide: TracedGuide;
  readonly frame: Frame;
  /** The map from data (B, M) to features (B, E). */
  readonly embed: (y: Tensor) => Tensor;
  /** Draws of the guide for each data set, in the ELBO. */
  readonly particles: number;
}

/** An objective. */
export interface Objective {
  readonly name: string;
  /** The loss (B, 1) of parameters (B, D) and the data (B, M) simulated from them, both f32. */
  readonly loss: (context: ObjectiveContext, theta: Tensor, y: Tensor) => Tensor;
  /** The held-out loss, which chooses the best weights, where losses of different weights cannot be compared; arguments as for `loss`. */
  readonly heldOut?: (context: ObjectiveContext, theta: Tensor, y: Tensor) => Tensor;
  /** The reason why this objective cannot train on a problem, or undefined. */
  readonly refuses?: (problem: Problem) => string | undefined;
}
