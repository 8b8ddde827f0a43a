/** The simulations of a training: its bank and the held-out ones, which are simulated, read from a file, or given as pairs. */
import type { BackendOptions } from "../backends/select.ts";
import { includedNoise } from "../distributions/noise.ts";
import type { Problem } from "../problem/problem.ts";
import { type SimulationControl, type SimulationProgress, SimulationStopped } from "../simulate/options.ts";
import type { PairTable } from "../simulate/pairs.ts";
import { priorMismatch } from "../simulate/prior-check.ts";
import { addNoise, onlyFinite, type Simulations, simulateAt } from "../simulate/simulate.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import { stratifiedBank } from "../simulate/stratify.ts";
import type { FullSettings } from "./options.ts";

/** Simulations to train on, and simulations to measure the held-out loss on. */
export interface TrainingSimulations {
  readonly bank: Simulations;
  readonly heldOut: Simulations;
}

/** The problem as a training sees it: no noise is added to pairs that contain theirs. */
export const withBankNoise = (problem: Problem, { pairs }: Pick<FullSettings, "pairs">): Problem =>
  pairs?.noise === "included" ? { ...problem, noise: includedNoise } : problem;

interface Request {
  readonly problem: Problem;
  readonly settings: FullSettings;
  readonly seed: number;
  /** Simulations for the scalers, where there is no bank. */
  readonly fit: number;
  readonly backend: BackendOptions;
  readonly control: SimulationControl;
}

/** Simulates both sets, or takes them from pairs. @throws as `simulate` does; `SimulationStopped` when aborted. */
export async function trainingSimulations(request: Request): Promise<TrainingSimulations> {
  const { problem, settings, seed, fit, backend, control } = request;
  const { bank: step, heldOut: heldOutStep } = SIMULATION_STEPS;
  const { pairs } = settings;
  if (pairs !== undefined) {
    const { onWarning = console.warn } = control;
    const mismatch = priorMismatch(problem, pairs.train);
    for (const warning of [...pairs.warnings, ...(mismatch === null ? [] : [mismatch])]) onWarning(warning);
    const noisy = async ({ theta, y }: PairTable, at: number): Promise<Simulations> =>
      onlyFinite(problem, { theta, clean: y, noisy: await addNoise(problem, y, seed, at, backend) });
    return { bank: await noisy(pairs.train, step), heldOut: await noisy(pairs.heldOut, heldOutStep) };
  }
  const sizes = [settings.bank || fit, settings.heldOut];
  const count = sizes[0] + sizes[1];
  let before = { done: 0, kept: 0, failed: 0 };
  let now = before;
  // One count for both sets, so that a progress bar runs from end to end once.
  const onSimulate = (p: SimulationProgress): void => {
    now = { done: before.done + p.done, kept: before.kept + p.kept, failed: before.failed + p.failed };
    const secondsLeft = now.done === count ? 0 : (count - now.done) / p.perSecond;
    control.onSimulate?.({ ...now, count, perSecond: p.perSecond, secondsLeft });
  };
  const both = { ...control, onSimulate };
  try {
    const stratified = settings.bank > 0 && problem.forward !== null;
    const bank = stratified
      ? await stratifiedBank(problem, sizes[0], seed, backend, both)
      : await simulateAt(problem, sizes[0], seed, step, backend, both);
    before = now;
    return { bank, heldOut: await simulateAt(problem, sizes[1], seed, heldOutStep, backend, both) };
  } catch (error) {
    const file = problem.simulate === null ? null : control.bankFile;
    throw error instanceof SimulationStopped ? new SimulationStopped(now.done, count, file) : error;
  }
}
