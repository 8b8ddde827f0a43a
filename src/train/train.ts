/** Training: the public function. Its steps are in learn.ts. */
import { backendOf } from "../backends/select.ts";
import { findHost } from "../backends/worker/find.ts";
import { withWatchedListeners } from "../checks/options.ts";
import type { InverseMap } from "../model/model.ts";
import type { Problem } from "../problem/problem.ts";
import { learn } from "./learn.ts";
import { fullSettings, type TrainOptions, trainTable } from "./options.ts";

/**
 * Learns the inverse map of a problem.
 * @throws on invalid options; `SimulationStopped` when aborted while the bank is simulated; `TrainingStopped`, with a
 *   checkpoint, when aborted later, when a loss is not finite, or when the device is lost and its backend was asked for by name.
 *   With backend "auto" a training whose device is lost continues on wasm, and its record says so.
 */
export async function train(problem: Problem, given: TrainOptions = {}): Promise<InverseMap> {
  const settings = fullSettings(problem, given);
  const options = withWatchedListeners("train", trainTable, given);
  const { seed = 0, onWarning = console.warn } = options;
  const { notice, ...host } = await findHost(options);
  if (notice !== undefined) onWarning(notice);
  return learn({ problem, settings, seed, options, backend: { ...backendOf(options), ...host }, notice });
}
