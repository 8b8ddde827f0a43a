/** What a caller may say about simulating, beside what to simulate, and what it is told meanwhile. */
import { describe } from "../checks/arguments.ts";
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

/** What may be said about simulating, beside what to simulate. */
export interface SimulationControl {
  /** Keeps simulations in this file as they come, and takes from it what an earlier run has left (Node, Deno). */
  readonly bankFile?: string;
  readonly onSimulate?: (progress: SimulationProgress) => void;
  /** Told what should not pass unseen; by default it goes to the console. */
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

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

export const controlNames: readonly string[] = [
  "bankFile",
  "onSimulate",
  "onWarning",
  "signal",
] satisfies readonly (keyof SimulationControl)[];

/** @throws naming what is no such option, or has no use here. */
export function checkControl({ name, simulate }: Problem, control: SimulationControl): void {
  for (const key of ["onSimulate", "onWarning"] as const) {
    const given: unknown = control[key];
    if (given !== undefined && typeof given !== "function")
      throw new Error(`${key}: expected a function, got ${describe(given)}`);
  }
  const { bankFile, signal } = control;
  if (signal !== undefined && typeof signal?.aborted !== "boolean")
    throw new Error(`signal: expected an AbortSignal, got ${describe(signal)}`);
  if (bankFile === undefined) return;
  if (typeof bankFile !== "string" || bankFile === "")
    throw new Error(`bankFile: expected the path of a file, got ${describe(bankFile)}`);
  if (simulate === null)
    throw new Error(
      `bankFile: expected a problem with simulate(), whose simulations are worth keeping, got "${name}" without it`,
    );
}
