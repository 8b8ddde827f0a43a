/** The simulations of a training: its bank and the held-out ones, which are simulated, read from a file, or given as pairs. */
import type { BackendOptions } from "../backends/select.ts";
import { includedModel } from "../distributions/noise/model.ts";
import type { Centre } from "../numbers/offsets.ts";
import type { Problem } from "../problem/problem.ts";
import { type Work, withDataAbout } from "../problem/work.ts";
import { type SimulationControl, type SimulationProgress, SimulationStopped } from "../simulate/options.ts";
import type { PairTable } from "../simulate/pairs.ts";
import { priorMismatch } from "../simulate/prior-check.ts";
import {
  addNoise,
  centreOfData,
  noiselessAt,
  onlyFinite,
  type WorkSimulations,
  withNoise,
} from "../simulate/simulate.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import { stratifiedBank } from "../simulate/stratify.ts";
import type { FullSettings } from "./options.ts";

/** Simulations that scalers are fitted to. More would change nothing, and would take minutes where the data are long. */
export const FIT_SIMULATIONS = 8192;

/** Simulations to train on, and simulations to measure the held-out loss on, in work coordinates. */
export interface TrainingSimulations {
  readonly bank: WorkSimulations;
  readonly heldOut: WorkSimulations;
  /** What was subtracted from the data (M); null for nothing. */
  readonly centre: Centre;
}

/** The problem as a training sees it: no noise is added to pairs that contain theirs. */
export const withBankNoise = <P extends Problem>(problem: P, { pairs }: Pick<FullSettings, "pairs">): P =>
  pairs?.noise === "included" ? { ...problem, noise: includedModel } : problem;

interface Request {
  readonly work: Work;
  readonly settings: FullSettings;
  readonly seed: number;
  /** Simulations for the scalers, where there is no bank. */
  readonly fit: number;
  readonly backend: BackendOptions;
  readonly control: SimulationControl;
}

/** Simulates both sets, or takes them from pairs. @throws as `simulate` does; `SimulationStopped` when aborted. */
export async function trainingSimulations(request: Request): Promise<TrainingSimulations> {
  const { work, settings, seed, fit, backend, control } = request;
  const { bank: step, heldOut: heldOutStep } = SIMULATION_STEPS;
  const { pairs } = settings;
  if (pairs !== undefined) {
    const about = withDataAbout(work, pairs.centre);
    const { onWarning = console.warn } = control;
    const mismatch = await priorMismatch(work, pairs.train, backend);
    for (const warning of [...pairs.warnings, ...(mismatch === null ? [] : [mismatch])]) onWarning(warning);
    const noisy = async ({ theta, y }: PairTable, at: number): Promise<WorkSimulations> =>
      onlyFinite(work, { theta, clean: y, noisy: await addNoise(about, { theta, clean: y }, seed, at, backend) });
    const { centre } = pairs;
    return { bank: await noisy(pairs.train, step), heldOut: await noisy(pairs.heldOut, heldOutStep), centre };
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
    const stratified = settings.bank > 0 && work.forward !== null;
    const { bank, centre } = stratified
      ? await stratifiedBank(work, sizes[0], seed, backend, both)
      : await plainBank(work, sizes[0], seed, backend, both);
    before = now;
    const rest = await noiselessAt(work, sizes[1], seed, heldOutStep, backend, both);
    return { bank, heldOut: await withNoise(work, rest, centre, seed, heldOutStep, backend), centre };
  } catch (error) {
    const file = work.simulate === null ? null : control.bankFile;
    throw error instanceof SimulationStopped ? new SimulationStopped(now.done, count, file) : error;
  }
}

async function plainBank(
  work: Work,
  count: number,
  seed: number,
  backend: BackendOptions,
  control: SimulationControl,
): Promise<Omit<TrainingSimulations, "heldOut">> {
  const { bank: step } = SIMULATION_STEPS;
  const made = await noiselessAt(work, count, seed, step, backend, control);
  const centre = await centreOfData(work, made, backend, control.onWarning);
  return { bank: await withNoise(work, made, centre, seed, step, backend), centre };
}
