/** Options of long simulations, their progress, and the error that ends them when they are aborted. */
import { abortSignal, listener, type OptionsOf, option, path } from "../checks/options.ts";
import type { Problem } from "../problem/problem.ts";

/** Progress of simulations. */
export interface SimulationProgress {
  /** Simulations that are done: simulated, taken from the bank file, or failed. */
  readonly done: number;
  /** Simulations in all. */
  readonly count: number;
  /** Simulations taken from the bank file of an earlier run. */
  readonly kept: number;
  /** Simulations that failed and were dropped. */
  readonly failed: number;
  /** Simulations a second, in this run. */
  readonly perSecond: number;
  /** Seconds until all are done, at this rate. */
  readonly secondsLeft: number;
  /** The stage: undefined while they are simulated, "modes" while the mode of the posterior of each is searched. */
  readonly stage?: "modes";
}

/** How a long simulation is watched, stopped and kept: every function that simulates takes these options. */
export const simulationTable = {
  /** A file that keeps simulations as they finish, and from which a later run continues (Node and Deno). */
  bankFile: option(path, undefined, "keeps simulations in this file; a later run continues from it"),
  /** Called with the progress of the simulations. */
  onSimulate: option(listener<(progress: SimulationProgress) => void>()),
  /** Called with each warning; by default warnings go to the console. */
  onWarning: option(listener<(message: string) => void>()),
  /** Stops the simulation when it is aborted. */
  signal: option(abortSignal),
};
/** How a long simulation is watched, stopped and kept. */
export type SimulationControl = OptionsOf<typeof simulationTable>;

/**
 * The error of an aborted simulation. Simulations in a bank file are kept, and the same call continues from them.
 *
 * `simulate` throws it, and `train` while it simulates; later `train` throws `TrainingStopped`, which has a checkpoint. Other
 * functions have nothing to continue from, and throw the signal's reason: an "AbortError" by default.
 */
export class SimulationStopped extends Error {
  /** Simulations that were done. */
  readonly done: number;
  /** Simulations in all. */
  readonly count: number;
  /** @param bankFile null where no bank file can be. */
  constructor(done: number, count: number, bankFile: string | undefined | null) {
    const kept = bankFile
      ? `they are kept in "${bankFile}", from which the same call continues`
      : `nothing of them is kept${bankFile === null ? "" : "; a bank file would"}`;
    super(`simulate: stopped at ${done} of ${count} simulations; ${kept}`);
    this.name = "SimulationStopped";
    this.done = done;
    this.count = count;
  }
}

/** The error to throw where nothing can be continued: the signal's reason where it is aborted, else the error itself. */
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
