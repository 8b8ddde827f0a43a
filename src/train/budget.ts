/**
 * Trainings by a budget of time. When the simulations are made, a few steps and a held-out loss are timed; as many steps then follow as
 * fit into what is left,
 *
 *   n (t + e / every) = 0.95 · left,   with 40 held-out losses unless `evaluateEvery` says otherwise,
 *
 * rounded down to three digits. Schedules are functions of the share of the steps that is done, so a short training is a whole one. What
 * was timed leaves no trace: the same settings with `steps` in place of `seconds` give the same bits.
 */
import type { Executor } from "../backends/backend.ts";
import type { Slab } from "../graph/plan.ts";
import { inParts } from "../host/yielding.ts";
import { initialWeights } from "../nn/initial.ts";
import type { Simulations } from "../simulate/simulate.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import { type Checkpoint, stepsSigned } from "./checkpoint.ts";
import type { FullSettings } from "./options.ts";

/** Held-out losses of a training by default. */
export const EVALUATIONS = 40;
/** Share of the time that is left for steps and held-out losses; the rest is for the last checks. */
const SHARE = 0.95;
/** However little time is left. */
const LEAST_STEPS = 100;
const MOST_STEPS = 100_000_000;
/** Share of the budget that one timing takes at least, and steps of it at most. */
const TIMING = 0.01;
const MOST_TIMED = 4096;

/** What the rule needs, in seconds. */
export interface Times {
  /** What is left of the budget. */
  readonly left: number;
  readonly step: number;
  /** Of a held-out loss. */
  readonly evaluation: number;
}

/** Steps that fit. `evaluateEvery`: undefined for 40 held-out losses. */
export function stepsWithin({ left, step, evaluation }: Times, evaluateEvery?: number): number {
  const time = SHARE * left;
  const fit =
    evaluateEvery === undefined ? (time - EVALUATIONS * evaluation) / step : time / (step + evaluation / evaluateEvery);
  const most = Math.floor(Math.min(MOST_STEPS, Math.max(LEAST_STEPS, fit)));
  return Number([...String(most)].map((digit, i) => (i < 3 ? digit : "0")).join(""));
}

/** A training whose simulations are made. */
interface Ready {
  /** With its scalers and banks written. */
  readonly executor: Executor;
  readonly weights: Slab;
  readonly settings: FullSettings;
  readonly seed: number;
  readonly heldOut: Pick<Simulations, "count" | "theta" | "noisy">;
  /** When the training began, ms. */
  readonly started: number;
  /** A training that is resumed has its steps already: its checkpoint is signed with them. */
  readonly resume?: Checkpoint | undefined;
  /** Tells the time, ms. */
  readonly clock?: () => number;
}

/** The settings of a training with the steps that its budget allows; those of others as they are. */
export async function withinBudget(ready: Ready): Promise<FullSettings> {
  const { budget, ...settings } = ready.settings;
  if (budget === undefined) return settings;
  const { executor, weights, seed, heldOut, started, resume, clock = () => performance.now() } = ready;
  const { seconds, evaluateEvery } = budget;
  const withSteps = (steps: number): FullSettings => ({
    ...settings,
    steps,
    evaluateEvery: evaluateEvery ?? Math.ceil(steps / EVALUATIONS),
  });
  if (resume) return withSteps(stepsSigned(resume));
  const fresh = await executor.readOptimiser();
  await executor.writeWeights(await inParts(initialWeights(weights, seed)));
  const inputs = { theta: heldOut.theta, y: heldOut.noisy };
  const losses = { rows: heldOut.count, inputs, seed, step: SIMULATION_STEPS.validation };
  const evaluation = await secondsOf(async () => void (await executor.run("heldOut", losses)), clock);
  // Rates of 0 move nothing, so that no step can diverge.
  const steps = (count: number) => ({ rows: settings.batch, seed, firstStep: 0, rates: new Float32Array(count) });
  let [count, took] = [1, 0];
  for (; ; count *= 2) {
    took = await secondsOf(async () => void (await executor.train("train", { ...steps(count), loss: "loss" })), clock);
    if (took >= TIMING * seconds || count === MOST_TIMED) break;
  }
  await executor.writeOptimiser(fresh);
  const left = seconds - (clock() - started) / 1000;
  return withSteps(stepsWithin({ left, step: took / count, evaluation }, evaluateEvery));
}

async function secondsOf(act: () => Promise<void>, clock: () => number): Promise<number> {
  const from = clock();
  await act();
  return (clock() - from) / 1000;
}
