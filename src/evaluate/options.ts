/** Options of `evaluate`. */
import { backendTable } from "../backends/select.ts";
import { abortSignal, listener, type OptionsOf, oneOf, option, seed, whole } from "../checks/options.ts";
import { problemCheck } from "../problem/problem.ts";

/** The option "draws" must allow the Pareto fit of the weights (sampling/psis.ts). */
const LEAST_DRAWS = 100;

export const evaluateTable = {
  /** The problem that the map was trained on; needed only if the map was loaded without it. */
  problem: option(problemCheck),
  /** Evaluation cases whose posteriors are compared with reference posteriors. */
  cases: option(whole(1), 100, "evaluation cases to compare with reference posteriors"),
  /** Evaluation cases whose true parameters are ranked; the compared cases are among them. */
  calibration: option(whole(20), 1000, "evaluation cases whose true parameters are ranked"),
  /**
   * The reference posterior: "exact", from the problem's own sampler; "quadrature", for one or two parameters; "nuts", chains; or
   * "none". "auto" takes the first that the problem allows.
   */
  against: option(
    oneOf("auto", "exact", "quadrature", "nuts", "none"),
    "auto",
    "reference posterior; auto takes the best one that the problem allows",
  ),
  /** Draws of each posterior that is compared. */
  draws: option(whole(LEAST_DRAWS), 1000, "draws of each posterior that is compared"),
  /** Seed of the evaluation cases. */
  seed: option(seed, 0, "seed of the evaluation cases"),
  /** Called with the name of the current stage, and how much of it is done. */
  onStage: option(listener<(stage: string, done: number, count: number) => void>()),
  /** Stops the evaluation, which then throws the reason of the signal. */
  signal: option(abortSignal),
  ...backendTable,
};
/** Options of `evaluate`. */
export type EvaluateOptions = OptionsOf<typeof evaluateTable>;
