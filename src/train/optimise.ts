/** The optimisation loop: steps, held-out losses, the best weights, checkpoints, and the ways in which training ends early. */
import { DeviceLost, type Executor } from "../backends/backend.ts";
import { reasonText } from "../checks/arguments.ts";
import type { Slab } from "../graph/plan.ts";
import type { Guide } from "../guides/guide.ts";
import { inParts, pause } from "../host/yielding.ts";
import { initialWeights } from "../nn/initial.ts";
import type { Simulations } from "../simulate/simulate.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import { type Checkpoint, refuseOther, TrainingStopped } from "./checkpoint.ts";
import { CHECKPOINT_S, type FullSettings, type TrainOptions } from "./options.ts";
import { rates } from "./schedules.ts";

/** Milliseconds of one chunk of steps, after which the thread is free for a moment. */
const CHUNK_MS = 100;
/** Steps of a chunk, however short they are. */
const MOST_STEPS = 4096;

const DIVERGED =
  "try a lower rate, a smaller clip, or look for parameters of the prior at which the forward model overflows";

/** The settings that the loop uses. A checkpoint is signed with all settings that there are, and the guide. */
export interface LoopSettings
  extends Pick<FullSettings, "steps" | "batch" | "rate" | "schedule" | "evaluateEvery" | "patience"> {
  readonly guide: Pick<Guide, "name" | "options">;
  readonly pairs?: FullSettings["pairs"];
  readonly embedding?: FullSettings["embedding"];
}

type Keeping = "onCheckpoint" | "checkpointEvery" | "onWarning";

/** An optimisation to do. */
export interface Optimisation {
  /** Executor of a training program, with its scalers and banks written. */
  readonly executor: Executor;
  readonly weights: Slab;
  /** Name of the problem. */
  readonly problem: string;
  readonly settings: LoopSettings;
  readonly options: Pick<TrainOptions, "seed" | "resume" | "signal" | "onProgress" | Keeping>;
  /** Inputs of the plan `heldOut`: `theta`, and `noisy` as y. */
  readonly heldOut: Pick<Simulations, "count" | "theta" | "noisy">;
  /** When this training began, ms; the time before `resume` is added to it. */
  readonly started: number;
}

/**
 * Takes the steps, in chunks that leave the thread free now and then. Returns the state after the last one.
 * @throws TrainingStopped when aborted, when a loss or gradient is not finite, or when the device is lost.
 */
export async function optimise(request: Optimisation): Promise<Checkpoint> {
  const loop = new Loop(request);
  try {
    await loop.begin();
    while (loop.step < request.settings.steps) {
      await loop.stopIfAborted();
      await loop.takeSteps();
      if (loop.step === loop.next && (await loop.evaluate())) break;
      loop.report();
      await loop.keep();
      await pause();
    }
    return await loop.snapshot();
  } catch (error) {
    const { good } = loop;
    if (!(error instanceof DeviceLost) || good === undefined) throw error;
    const text = `training: stopped, because ${error.message}; the state after step ${good.step} is kept, and can be resumed on any backend`;
    throw new TrainingStopped("lost", text, good.step, good, error);
  }
}

/** A mean that grows. */
class Mean {
  sum = 0;
  count = 0;
  add(x: number): void {
    this.sum += x;
    this.count++;
  }
  /** The mean of what was added since the last call. */
  take(): number {
    const mean = this.sum / this.count;
    [this.sum, this.count] = [0, 0];
    return mean;
  }
}

/** The state of a training, and its moves. */
class Loop {
  /** Steps done. */
  step = 0;
  /** The step at which the held-out loss is measured next. */
  next = 0;
  /** The state after the last evaluation. */
  good: Checkpoint | undefined;
  private readonly request: Optimisation;
  private readonly seed: number;
  private readonly signature: string;
  private readonly rates: Float32Array;
  private best: Checkpoint["best"] | undefined;
  private heldOut: Checkpoint["heldOut"] = [];
  private losses: Checkpoint["losses"] = [];
  /** Evaluations since the best one. */
  private worse = 0;
  /** Steps of the next chunk. */
  private chunk = 1;
  private readonly sinceReport = new Mean();
  private readonly sinceEvaluation = new Mean();
  private first = 0;
  private begun = 0;
  /** When the last checkpoint was handed over, ms. */
  private kept = performance.now();

  constructor(request: Optimisation) {
    const { settings, options, problem } = request;
    const { steps, schedule, rate, pairs, guide, embedding } = settings;
    this.request = request;
    this.seed = options.seed ?? 0;
    this.rates = rates(schedule, rate, steps);
    this.signature = JSON.stringify({
      ...settings,
      ...(pairs && { pairs: pairs.digest }),
      ...(typeof embedding === "function" && { embedding: String(embedding) }),
      guide: { name: guide.name, options: guide.options },
      seed: this.seed,
    });
    if (options.resume !== undefined) refuseOther(options.resume, problem, this.signature, steps);
  }

  /** Writes the first weights, or those of the checkpoint that is resumed. */
  async begin(): Promise<void> {
    const { executor, weights, options } = this.request;
    const { resume } = options;
    await executor.writeWeights(resume?.weights ?? (await inParts(initialWeights(weights, this.seed))));
    if (resume) {
      await executor.writeOptimiser(resume.optimiser);
      ({ step: this.step, heldOut: this.heldOut, losses: this.losses, best: this.best } = resume);
      [this.sinceEvaluation.sum, this.sinceEvaluation.count] = resume.pending;
      this.worse = resume.heldOut.filter(([at]) => at > resume.best.step).length;
    }
    this.best ??= { weights: await executor.readWeights(), loss: Number.POSITIVE_INFINITY, step: 0 };
    this.good = await this.snapshot();
    this.first = this.step;
    this.begun = performance.now();
  }

  async stopIfAborted(): Promise<void> {
    const { options, settings } = this.request;
    if (!options.signal?.aborted) return;
    const text = `training: stopped at step ${this.step} of ${settings.steps}`;
    throw new TrainingStopped("aborted", text, this.step, await this.snapshot());
  }

  /** One chunk of steps, up to the next evaluation at most. */
  async takeSteps(): Promise<void> {
    const { executor, settings } = this.request;
    const { step: firstStep, seed } = this;
    this.next = nextEvaluation(firstStep, settings);
    const count = Math.min(this.chunk, this.next - firstStep);
    const from = performance.now();
    const { done, losses } = await executor.train("train", {
      rows: settings.batch,
      seed,
      firstStep,
      rates: this.rates.subarray(firstStep, firstStep + count),
      loss: "loss",
    });
    const took = performance.now() - from;
    this.step += done;
    if (done < count)
      throw this.diverged(
        `expected a finite loss and gradient, got loss ${losses[done]}`,
        executor.fault() ?? DIVERGED,
      );
    for (const loss of losses) {
      this.sinceReport.add(loss);
      this.sinceEvaluation.add(loss);
    }
    this.chunk = Math.max(1, Math.min(MOST_STEPS, Math.round((count * CHUNK_MS) / Math.max(took, 0.1))));
  }

  /** Measures the held-out loss and keeps the weights where it is the best. Returns whether patience is at an end. */
  async evaluate(): Promise<boolean> {
    const { executor, heldOut, settings } = this.request;
    const { step, seed } = this;
    const { sum } = await executor.run("heldOut", {
      rows: heldOut.count,
      inputs: { theta: heldOut.theta, y: heldOut.noisy },
      seed,
      step: SIMULATION_STEPS.validation,
    });
    const loss = sum[0] / heldOut.count;
    if (!Number.isFinite(loss)) throw this.diverged(`expected a finite held-out loss, got ${loss}`, DIVERGED);
    this.heldOut = [...this.heldOut, [step, loss]];
    this.losses = [...this.losses, [step, this.sinceEvaluation.take()]];
    const better = loss < (this.best as Checkpoint["best"]).loss;
    this.worse = better ? 0 : this.worse + 1;
    if (better) this.best = { weights: await executor.readWeights(), loss, step };
    this.good = await this.snapshot();
    return settings.patience > 0 && this.worse >= settings.patience;
  }

  /** Reports the progress. */
  report(): void {
    const { steps } = this.request.settings;
    const { step } = this;
    const stepsPerSecond = ((step - this.first) * 1000) / (performance.now() - this.begun);
    this.request.options.onProgress?.({
      step,
      steps,
      loss: this.sinceReport.take(),
      heldOut: this.heldOut[this.heldOut.length - 1]?.[1] ?? Number.NaN,
      stepsPerSecond,
      secondsLeft: (steps - step) / stepsPerSecond,
    });
  }

  /** Hands a checkpoint to the caller, when it is time for one. That it cannot be kept is no reason to stop. */
  async keep(): Promise<void> {
    const { onCheckpoint, checkpointEvery = CHECKPOINT_S, onWarning = console.warn } = this.request.options;
    const { steps } = this.request.settings;
    if (onCheckpoint === undefined || this.step === steps || performance.now() - this.kept < 1000 * checkpointEvery)
      return;
    const checkpoint = await this.snapshot();
    try {
      await onCheckpoint(checkpoint);
    } catch (thrown) {
      onWarning(
        `training: the checkpoint of step ${this.step} is not kept, and training continues: ${reasonText(thrown)}`,
      );
    }
    this.kept = performance.now();
  }

  /** The state, as a checkpoint. */
  async snapshot(): Promise<Checkpoint> {
    const { executor, problem, options, started } = this.request;
    const { step, signature, heldOut, losses } = this;
    return {
      problem,
      step,
      signature,
      weights: await executor.readWeights(),
      optimiser: await executor.readOptimiser(),
      best: this.best as Checkpoint["best"],
      heldOut,
      losses,
      pending: [this.sinceEvaluation.sum, this.sinceEvaluation.count],
      seconds: (options.resume?.seconds ?? 0) + (performance.now() - started) / 1000,
    };
  }

  private diverged(what: string, hint: string): TrainingStopped {
    const text = `training: ${what} at step ${this.step} of ${this.request.settings.steps}; ${hint}`;
    return new TrainingStopped("diverged", text, this.step, this.good as Checkpoint);
  }
}

/** The first step after `step` at which the held-out loss is measured. */
const nextEvaluation = (step: number, { steps, evaluateEvery }: LoopSettings): number =>
  Math.min(steps, (Math.floor(step / evaluateEvery) + 1) * evaluateEvery);
