/** Training: the public function. Its steps are in learn.ts, which is loaded when a training starts. */
import { backendOf, checkBackend } from "../backends/select.ts";
import { findHost } from "../backends/worker/find.ts";
import type { InverseMap } from "../model/model.ts";
import type { Problem } from "../problem/problem.ts";
import { fullSettings, type TrainOptions } from "./options.ts";

/**
 * Learns the inverse map of a problem.
 * @throws on options that make no sense; `SimulationStopped` when aborted while the bank is simulated; `TrainingStopped`, with a
 *   checkpoint, when aborted later, when a loss is not finite, or when the device is lost and its backend was asked for by name.
 *   With backend "auto" a training whose device is lost continues on wasm, and its record says so.
 */
export async function train(problem: Problem, options: TrainOptions = {}): Promise<InverseMap> {
  const settings = fullSettings(problem, options);
  const { seed = 0, onWarning = console.warn } = options;
  if (!Number.isSafeInteger(seed)) throw new Error(`seed: expected a whole number, got ${seed}`);
  checkBackend(options);
  const { notice, ...host } = await findHost(options);
  if (notice !== undefined) onWarning(notice);
  const { learn } = await import("./learn.ts");
  return learn({ problem, settings, seed, options, backend: { ...backendOf(options), ...host }, notice });
}
