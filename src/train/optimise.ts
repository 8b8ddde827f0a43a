/** The optimisation loop: steps, held-out losses, the best weights, checkpoints, and the ways in which it ends early. */
import { DeviceLost, type Executor } from "../backends/backend.ts";
import { describe } from "../checks/arguments.ts";
import type { Slab } from "../graph/plan.ts";
import type { Guide } from "../guides/guide.ts";
import { inParts, pause } from "../host/yielding.ts";
import { drawWeights } from "../nn/initial.ts";
import { SIMULATION_STEPS, type Simulations } from "../simulate/simulate.ts";
import { type Checkpoint, TrainingStopped } from "./checkpoint.ts";
import type { FullSettings, TrainOptions } from "./options.ts";
import { rates } from "./schedules.ts";

/** Milliseconds that training keeps the thread before it lets others in. */
const CHUNK_MS = 100;

/** Refuses to carry on another training, and says what is other. */
function refuseOther(resume: Checkpoint, problem: string, signature: string): void {
  if (typeof resume?.signature !== "string")
    throw new Error(`resume: expected a checkpoint, as loadCheckpoint() returns it, got ${describe(resume)}`);
  if (resume.problem !== problem)
    throw new Error(`resume: expected a checkpoint of "${problem}", got one of "${resume.problem}"`);
  if (resume.signature === signature) return;
  const [was, is] = [resume.signature, signature].map((text) => JSON.parse(text) as Record<string, unknown>);
  const key = Object.keys({ ...was, ...is }).find((k) => JSON.stringify(was[k]) !== JSON.stringify(is[k]));
  const [want, got] = [was, is].map((options) => JSON.stringify(options[key as string]));
  throw new Error(
    `resume: expected the options of the interrupted training, ${key}: ${want}, got ${got}; start afresh or give the same`,
  );
}

const DIVERGED =
  "try a lower rate, a smaller clip, or look for parameters of the prior at which the forward model overflows";

/** What the loop goes by; other settings and the guide only sign its checkpoints. */
export interface LoopSettings
  extends Pick<FullSettings, "steps" | "batch" | "rate" | "schedule" | "evaluateEvery" | "patience"> {
  readonly guide: Pick<Guide, "name" | "options">;
  readonly pairs?: FullSettings["pairs"];
}

export interface Optimisation {
  /** Of a training program, with its scalers and banks written. */
  readonly executor: Executor;
  readonly weights: Slab;
  /** Name of the problem. */
  readonly problem: string;
  readonly settings: LoopSettings;
  readonly options: Pick<TrainOptions, "seed" | "resume" | "signal" | "onProgress">;
  /** What the plan `heldOut` is given: `theta`, and `noisy` as y. */
  readonly heldOut: Pick<Simulations, "count" | "theta" | "noisy">;
  /** When this training began, ms; what `resume` has taken is counted beside it. */
  readonly started: number;
}

/**
 * Takes the steps, in chunks that leave the thread free now and then. Answers the state after the last.
 * @throws TrainingStopped when aborted, when a loss or gradient is not finite, or when the device is lost.
 */
export async function optimise(request: Optimisation): Promise<Checkpoint> {
  const kept: { last?: Checkpoint } = {};
  try {
    return await takeSteps(request, (state) => {
      kept.last = state;
    });
  } catch (error) {
    if (!(error instanceof DeviceLost) || kept.last === undefined) throw error;
    const { step } = kept.last;
    const text = `training: stopped, for ${error.message}; the state after step ${step} is kept, and can be resumed on any backend`;
    throw new TrainingStopped("lost", text, step, kept.last, error);
  }
}

/** `keep`: told the state after each evaluation. */
async function takeSteps(
  { executor, weights, problem, settings, options, heldOut, started }: Optimisation,
  keep: (state: Checkpoint) => void,
): Promise<Checkpoint> {
  const { steps, batch, evaluateEvery, patience } = settings;
  const { seed = 0, resume, signal, onProgress } = options;
  const signature = JSON.stringify({
    ...settings,
    ...(settings.pairs && { pairs: settings.pairs.digest }),
    guide: { name: settings.guide.name, options: settings.guide.options },
    seed,
  });
  if (resume !== undefined) refuseOther(resume, problem, signature);
  const all = rates(settings.schedule, settings.rate, steps);
  const evaluate = async (): Promise<number> => {
    const out = await executor.run("heldOut", {
      rows: heldOut.count,
      inputs: { theta: heldOut.theta, y: heldOut.noisy },
      seed,
      step: SIMULATION_STEPS.validation,
    });
    return out.sum[0] / heldOut.count;
  };
  const before = resume?.seconds ?? 0;
  const snapshot = async (): Promise<Checkpoint> => ({
    problem,
    step,
    signature,
    weights: await executor.readWeights(),
    optimiser: await executor.readOptimiser(),
    best,
    heldOut: history,
    losses: trained,
    seconds: before + (performance.now() - started) / 1000,
  });

  await executor.writeWeights(resume?.weights ?? (await inParts(drawWeights(weights, seed))));
  if (resume) await executor.writeOptimiser(resume.optimiser);
  let step = resume?.step ?? 0;
  let history = resume?.heldOut ?? [];
  let trained = resume?.losses ?? [];
  let since = { sum: 0, count: 0 }; // the last held-out loss
  let best = resume?.best ?? { weights: await executor.readWeights(), loss: Number.POSITIVE_INFINITY, step: 0 };
  let good = await snapshot();
  keep(good);
  let chunk = 1;
  let worse = history.filter(([at]) => at > best.step).length; // evaluations since the best, when resumed too
  const begun = performance.now();
  const first = step;
  let recent = { sum: 0, count: 0 };
  while (step < steps) {
    if (signal?.aborted)
      throw new TrainingStopped("aborted", `training: stopped at step ${step} of ${steps}`, step, await snapshot());
    const next = Math.min(steps, (Math.floor(step / evaluateEvery) + 1) * evaluateEvery);
    const count = Math.min(chunk, next - step);
    const from = performance.now();
    const { done, losses } = await executor.train("train", {
      rows: batch,
      seed,
      firstStep: step,
      rates: all.subarray(step, step + count),
      loss: "loss",
    });
    const took = performance.now() - from;
    step += done;
    if (done < count) {
      throw new TrainingStopped(
        "diverged",
        `training: expected a finite loss and gradient, got loss ${losses[done]} at step ${step} of ${steps}; ${executor.fault() ?? DIVERGED}`,
        step,
        good,
      );
    }
    for (const loss of losses) {
      recent = { sum: recent.sum + loss, count: recent.count + 1 };
      since = { sum: since.sum + loss, count: since.count + 1 };
    }
    chunk = Math.max(1, Math.min(4096, Math.round((count * CHUNK_MS) / Math.max(took, 0.1))));
    if (step === next) {
      const loss = await evaluate();
      if (!Number.isFinite(loss)) {
        throw new TrainingStopped(
          "diverged",
          `training: expected a finite held-out loss, got ${loss} at step ${step} of ${steps}; ${DIVERGED}`,
          step,
          good,
        );
      }
      history = [...history, [step, loss]];
      trained = [...trained, [step, since.sum / since.count]];
      since = { sum: 0, count: 0 };
      worse = loss < best.loss ? 0 : worse + 1;
      if (loss < best.loss) best = { weights: await executor.readWeights(), loss, step };
      good = await snapshot();
      keep(good);
      if (patience > 0 && worse >= patience) break;
    }
    const stepsPerSecond = ((step - first) * 1000) / (performance.now() - begun);
    onProgress?.({
      step,
      steps,
      loss: recent.sum / recent.count,
      heldOut: history[history.length - 1]?.[1] ?? Number.NaN,
      stepsPerSecond,
      secondsLeft: (steps - step) / stepsPerSecond,
    });
    recent = { sum: 0, count: 0 };
    await pause();
  }
  return snapshot();
}
