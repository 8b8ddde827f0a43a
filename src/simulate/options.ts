/** What a caller may say about simulating, beside what to simulate, and what it is told meanwhile. */
import { abortSignal, callback, type OptionsOf, option, path } from "../checks/options.ts";
import type { Problem } from "../problem/problem.ts";

/** How far simulating has come. */
export interface SimulationProgress {
  /** Simulations that are there, of `count`: simulated, taken from a file, or failed. */
  readonly done: number;
  readonly count: number;
  /** Of them, from the file of an earlier run. */
  readonly kept: number;
  /** Of them, failed and dropped. */
  readonly failed: number;
  /** Of this run. */
  readonly perSecond: number;
  readonly secondsLeft: number;
  /** What is done to them: they are simulated (the default), or a solver looks for the mode of the posterior of each. */
  readonly stage?: "modes";
}

/** How a long simulation is watched, stopped and kept: every function that simulates takes these options. */
export const simulationTable = {
  /** A file that keeps simulations as they finish, and from which a later run continues (Node and Deno). */
  bankFile: option(path, undefined, "keeps simulations in this file; a later run continues from it"),
  /** Called with the progress of the simulations. */
  onSimulate: option(callback<(progress: SimulationProgress) => void>()),
  /** Called with each warning; by default warnings go to the console. */
  onWarning: option(callback<(message: string) => void>()),
  /** Stops the simulation when it is aborted. */
  signal: option(abortSignal),
};
/** How a long simulation is watched, stopped and kept. */
export type SimulationControl = OptionsOf<typeof simulationTable>;

/**
 * Simulating was aborted. What a bank file holds is kept: the same call carries on from there.
 *
 * So end, when they are aborted, `simulate` and `train` that still simulates; later `train` throws `TrainingStopped`, whose
 * checkpoint is kept. All else leaves nothing to carry on from, and throws the signal's reason: an "AbortError" by default.
 */
export class SimulationStopped extends Error {
  readonly done: number;
  readonly count: number;
  /** A bank file of null is one that cannot be. */
  constructor(done: number, count: number, bankFile: string | undefined | null) {
    const kept = bankFile
      ? `they are kept in "${bankFile}", from which the same training carries on`
      : `nothing of them is kept${bankFile === null ? "" : "; a bank file would"}`;
    super(`simulate: stopped at ${done} of ${count} simulations; ${kept}`);
    this.name = "SimulationStopped";
    this.done = done;
    this.count = count;
  }
}

/** For work that leaves nothing: of an error that a part of it ended with, the signal's reason where it is aborted. */
export function reasonOf(error: unknown, signal: AbortSignal | undefined): unknown {
  return signal?.aborted ? signal.reason : error;
}

/** @throws when a bank file is asked for, but the problem has no simulator whose simulations it could keep. */
export function checkBankFile(owner: string, { name, simulate }: Problem, { bankFile }: SimulationControl): void {
  if (bankFile === undefined || simulate !== null) return;
  throw new Error(
    `${owner}: expected bankFile only with a problem that has simulate(), whose simulations are worth keeping; "${name}" has none`,
  );
}
