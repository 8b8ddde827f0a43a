/** The state of a training between two steps. A training that is resumed from it ends with the same weights, bit by bit. */
import type { OptimiserState } from "../backends/backend.ts";
import { describe } from "../checks/arguments.ts";
import { parseJson } from "../checks/json.ts";

/** The state of a training between two steps. */
export interface Checkpoint {
  /** Name of the problem. */
  readonly problem: string;
  /** Steps done. */
  readonly step: number;
  /** The options, as JSON: they must be the same when it is resumed. */
  readonly signature: string;
  /** The weights after `step` steps, in the order of the training program. */
  readonly weights: Float32Array;
  /** Moments of the optimiser. */
  readonly optimiser: OptimiserState;
  /** The weights with the lowest held-out loss so far. */
  readonly best: { readonly weights: Float32Array; readonly loss: number; readonly step: number };
  /** Held-out losses so far, (step, loss). */
  readonly heldOut: readonly (readonly [number, number])[];
  /** Mean training losses between them, (step, loss). */
  readonly losses: readonly (readonly [number, number])[];
  /** Training losses since the last held-out one: their sum and their number. */
  readonly pending: readonly [sum: number, count: number];
  /** Wall time so far. */
  readonly seconds: number;
}

/**
 * Why a training ended early: "aborted" by its signal; "diverged", with a loss or gradient that is not finite; or "lost", because
 * its device is gone.
 */
export type StopReason = "aborted" | "diverged" | "lost";

/** Training ended early. `checkpoint` is the last good state: pass it as `resume` to continue from there. */
export class TrainingStopped extends Error {
  /** After "lost" it can be resumed on another device or backend; `cause` says how the device was lost. */
  readonly reason: StopReason;
  /** The step at which it ended. */
  readonly step: number;
  readonly checkpoint: Checkpoint;
  constructor(reason: StopReason, message: string, step: number, checkpoint: Checkpoint, cause?: Error) {
    super(message, cause && { cause });
    this.name = "TrainingStopped";
    this.reason = reason;
    this.step = step;
    this.checkpoint = checkpoint;
  }
}

/** A signature as options by name. @throws when it is none. */
function optionsIn(signature: string): Record<string, unknown> {
  try {
    const options = parseJson(signature);
    if (typeof options === "object" && options !== null) return options as Record<string, unknown>;
  } catch {
    // no JSON: refused below
  }
  throw new Error(
    `resume: expected a signature of options as JSON, got ${describe(signature)}; the checkpoint is damaged`,
  );
}

/** Steps in all of the training that a checkpoint is of. */
export const stepsSigned = ({ signature }: Checkpoint): number => optionsIn(signature).steps as number;

/** What must hold of a checkpoint of a training of `steps` steps: a test, what is expected, and what came. */
const sound: readonly (readonly [(c: Checkpoint, steps: number) => boolean, string, (c: Checkpoint) => unknown])[] = [
  [
    ({ step }, steps) => Number.isInteger(step) && step >= 0 && step <= steps,
    "a step within the training",
    (c) => c.step,
  ],
  [({ best, step }) => best?.step >= 0 && best.step <= step, "its best step before its last", (c) => c.best?.step],
  [
    ({ heldOut, step }, steps) =>
      Array.isArray(heldOut) && (heldOut[heldOut.length - 1]?.[0] ?? 0) <= step && (step < steps || heldOut.length > 0),
    "held-out losses up to its step",
    (c) => c.heldOut?.[c.heldOut.length - 1]?.[0],
  ],
  [({ losses, pending }) => Array.isArray(losses) && pending?.length === 2, "training losses", (c) => c.losses],
  [
    ({ weights, best, optimiser }) =>
      weights?.length > 0 &&
      best.weights?.length === weights.length &&
      [optimiser?.m, optimiser?.v].every((m) => m?.length === weights.length) &&
      [0, weights.length].includes(optimiser.largest?.length),
    "weights, the best weights and moments of one length",
    (c) => c.weights?.length,
  ],
  // The optimiser counts up to this number to find its powers.
  [({ optimiser, step }) => optimiser.updates === step, "as many updates as steps", (c) => c.optimiser.updates],
];

/** @throws when a checkpoint is damaged, or of another training, naming the first difference. */
export function refuseOther(resume: Checkpoint, problem: string, signature: string, steps: number): void {
  if (resume.problem !== problem)
    throw new Error(`resume: expected a checkpoint of "${problem}", got one of "${resume.problem}"`);
  const [was, is] = [resume.signature, signature].map(optionsIn);
  const key = Object.keys({ ...was, ...is }).find((k) => JSON.stringify(was[k]) !== JSON.stringify(is[k]));
  if (key !== undefined) {
    const [want, got] = [was, is].map((options) => JSON.stringify(options[key]));
    throw new Error(
      `resume: expected the options of the interrupted training, ${key}: ${want}, got ${got}; start afresh or give the same`,
    );
  }
  const broken = sound.find(([test]) => !test(resume, steps));
  if (broken === undefined) return;
  const [, expected, got] = broken;
  throw new Error(
    `resume: expected a checkpoint with ${expected} (${steps} steps in all), got ${describe(got(resume))}; the checkpoint is damaged`,
  );
}
