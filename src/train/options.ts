/** What `train` may be told, its defaults, and how presets of a problem fill it. */
import { type BackendOptions, backendNames } from "../backends/select.ts";
import { describe } from "../checks/arguments.ts";
import { expectOptions, pickOptions, readOptions } from "../checks/options.ts";
import type { Guide } from "../guides/guide.ts";
import { type GuideName, guideFrom, guideNames } from "../guides/index.ts";
import type { EmbeddingOption } from "../nn/embedding.ts";
import type { ObjectiveName } from "../objectives/index.ts";
import { expectProblem } from "../problem/expect.ts";
import { type Problem, sourceOf } from "../problem/problem.ts";
import { checkBankFile, type SimulationControl, simulationTable } from "../simulate/options.ts";
import { isPairs, type Pairs, type SplitPairs, splitPairs } from "../simulate/pairs.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { rates, type Schedule } from "./schedules.ts";

export interface Progress {
  /** Steps done, of `steps`. */
  readonly step: number;
  readonly steps: number;
  /** Mean loss of the steps since the last report. */
  readonly loss: number;
  /** Last held-out loss, NaN before the first. */
  readonly heldOut: number;
  readonly stepsPerSecond: number;
  readonly secondsLeft: number;
}

/** Options of a training that presets may fix. */
export interface TrainSettings {
  /** A guide or its name; default "spline" (one parameter: "gaussian"). */
  readonly guide?: GuideName | Guide;
  /** Default "npe". */
  readonly objective?: ObjectiveName;
  /** Updates; default 8000. */
  readonly steps?: number;
  /** Data sets an update; default 256. */
  readonly batch?: number;
  /** Draws of the guide a data set, in the ELBO; default 8. */
  readonly particles?: number;
  /** Largest learning rate; default 3e-3. */
  readonly rate?: number;
  /** Default cosine with a warm-up of 50 steps. */
  readonly schedule?: Schedule;
  /** Default "adam". */
  readonly optimiser?: "adam" | "amsgrad";
  /** Largest global norm of the gradient, 0 for none; default 10. */
  readonly clip?: number;
  /** Simulate this many data sets before training and draw from them with fresh noise; 0: simulate afresh every step.
   *  Default 0 for forward models in ops, 20,000 for `simulate` and for guides on Laplace's base. Or pairs that were simulated elsewhere, drawn from the
   *  prior (or the proposal): a tenth of them, spread evenly and at most `heldOut`, is held out. By NPE only. */
  readonly bank?: number | Pairs;
  /** Simulations that the held-out loss is measured on; default 2048. */
  readonly heldOut?: number;
  /** Steps between held-out losses; default a fortieth of all. */
  readonly evaluateEvery?: number;
  /** Stop after this many held-out losses without a better one; default 0, never. */
  readonly patience?: number;
  /** How data enter the guide; default "auto". */
  readonly embedding?: EmbeddingOption;
}

export interface TrainOptions extends TrainSettings, BackendOptions, SimulationControl {
  /** Settings of the problem: "fast", "default", "paper"; what is given beside it wins. */
  readonly preset?: string;
  /** Default 0. One seed and the plain kernels give the same weights on every host. */
  readonly seed?: number;
  readonly onProgress?: (progress: Progress) => void;
  /** Carries on from here; all other options must be as they were. */
  readonly resume?: Checkpoint;
}

/** Settings by guide; the first is the one that is taken when no guide is asked for. */
export type Preset = Readonly<Partial<Record<GuideName, TrainSettings>>>;

export type FullSettings = Required<Omit<TrainSettings, "guide" | "bank">> & {
  readonly guide: Guide;
  readonly bank: number;
  /** Where the bank is of pairs from elsewhere: `bank` and `heldOut` then count them. */
  readonly pairs?: SplitPairs;
};

const settingNames: readonly string[] = [
  "guide",
  "objective",
  "steps",
  "batch",
  "particles",
  "rate",
  "schedule",
  "optimiser",
  "clip",
  "bank",
  "heldOut",
  "evaluateEvery",
  "patience",
  "embedding",
];
const known: readonly string[] = [
  ...settingNames,
  "preset",
  "seed",
  "onProgress",
  ...Object.keys(simulationTable),
  "resume",
  ...backendNames,
];

function presetOf(problem: Problem, name: string, guide: GuideName | Guide | undefined): TrainSettings {
  const presets = problem.presets as Readonly<Record<string, Preset>>;
  if (!Object.hasOwn(presets, name)) {
    throw new Error(
      `preset: expected ${Object.keys(presets).join(", ") || "none (this problem has no presets)"}, got "${name}"`,
    );
  }
  const preset = presets[name];
  const asked = typeof guide === "string" ? guide : guide?.name;
  const chosen = (asked ?? Object.keys(preset)[0]) as GuideName;
  // A guide that the preset does not know takes the settings of its first, with the guide's own defaults.
  const first = Object.values(preset)[0] as TrainSettings;
  return { guide: chosen, ...(preset[chosen] ?? { ...first, guide: chosen }) };
}

/** What one update, or what is kept for all, may hold: more would take the memory of the host, or its time unasked. */
const MOST = { steps: 100_000_000, batch: 1_048_576, particles: 65_536, bank: 16_777_216, heldOut: 16_777_216 };

function whole(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isInteger(value) || value < least)
    throw new Error(`${name}: expected a whole number of at least ${least}, got ${describe(value)}`);
  if (value > most) throw new Error(`${name}: expected a whole number of at most ${most}, got ${value}`);
}

/** All settings, checked. @throws naming the option, what was expected and what came. */
export function fullSettings(problem: Problem, options: TrainOptions): FullSettings {
  expectProblem("train", problem);
  expectOptions("train", options, known);
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new Error(`onProgress: expected a function, got ${describe(onProgress)}`);
  readOptions("train", simulationTable, pickOptions(simulationTable, options));
  checkBankFile("train", problem, options);
  const name = options.preset ?? (Object.hasOwn(problem.presets, "default") ? "default" : undefined);
  const preset = name === undefined ? {} : presetOf(problem, name, options.guide);
  const odd = Object.keys(preset).find((key) => !settingNames.includes(key));
  if (odd !== undefined)
    throw new Error(
      `preset "${name}" of "${problem.name}": expected settings ${settingNames.join(", ")}; got "${odd}"`,
    );
  // Settings alone: what they say of a training must not depend on who watches it or where it runs.
  const given = Object.fromEntries(
    Object.entries(options).filter(([k, v]) => v !== undefined && settingNames.includes(k)),
  ) as TrainSettings;
  // A guide asked for by name takes the preset's options for that guide.
  const asked = typeof given.guide === "string" ? ((preset.guide as Guide | undefined) ?? given.guide) : given.guide;
  const guide = asked ?? preset.guide ?? (problem.D === 1 ? "gaussian" : "spline");
  const steps = given.steps ?? preset.steps ?? 8000;
  const onLaplace = typeof guide === "object" && guide?.options?.base === "laplace";
  const merged = {
    objective: "npe" as const,
    batch: 256,
    particles: 8,
    rate: 3e-3,
    schedule: { kind: "cosine" } as const,
    optimiser: "adam" as const,
    clip: 10,
    bank: problem.forward === null || onLaplace ? 20_000 : 0,
    heldOut: 2048,
    evaluateEvery: Math.max(1, Math.ceil(steps / 40)),
    patience: 0,
    embedding: "auto" as const,
    ...preset,
    ...given,
    steps,
    guide: typeof guide === "string" ? guideFrom(guide) : guide,
  };
  whole("steps", merged.steps, 1, MOST.steps);
  whole("batch", merged.batch, 1, MOST.batch);
  whole("particles", merged.particles, 1, MOST.particles);
  if (!isPairs(merged.bank)) whole("bank", merged.bank, 0, MOST.bank);
  whole("heldOut", merged.heldOut, 2, MOST.heldOut);
  whole("evaluateEvery", merged.evaluateEvery, 1);
  whole("patience", merged.patience, 0);
  if (!(merged.rate > 0 && Number.isFinite(merged.rate)))
    throw new Error(`rate: expected a positive number, got ${describe(merged.rate)}`);
  if (!(merged.clip >= 0)) throw new Error(`clip: expected a norm of at least 0, got ${merged.clip}`);
  if (merged.optimiser !== "adam" && merged.optimiser !== "amsgrad")
    throw new Error(`optimiser: expected "adam" or "amsgrad", got "${merged.optimiser}"`);
  if (typeof merged.guide?.build !== "function")
    throw new Error(`guide: expected a guide or one of ${guideNames.join(", ")}, got ${JSON.stringify(guide)}`);
  // The model file names its guide, so one that is not in the table could be trained but never loaded.
  if (!guideNames.includes(merged.guide.name as GuideName))
    throw new Error(`guide: expected one of ${guideNames.join(", ")}, got "${merged.guide.name}"`);
  rates(merged.schedule, merged.rate, 1);
  if (onLaplace) checkLaplaceBase(problem, merged);
  return withBank(problem, merged, options);
}

/** Laplace's base is found once for each simulation of a bank, from the derivatives of the forward model. */
function checkLaplaceBase({ name, forward, proposal, simulate }: Problem, { objective, bank }: Merged): void {
  const expected = 'base "laplace": expected';
  if (forward === null)
    throw new Error(
      `${expected} a forward model written with ops, and "${name}" has ${sourceOf({ simulate })}; use base "linear"`,
    );
  if (objective !== "npe") throw new Error(`${expected} objective "npe", got "${objective}"`);
  if (proposal !== null)
    throw new Error(`${expected} data drawn from the prior, and "${name}" has a proposal; use base "linear"`);
  if (bank === 0) throw new Error(`${expected} a bank of at least 1 simulation, got 0`);
}

type Merged = Omit<FullSettings, "bank" | "pairs"> & Pick<Required<TrainSettings>, "bank">;

/** Settings whose bank is a number, with the pairs that it counts where it was given as pairs. */
function withBank(problem: Problem, merged: Merged, { bankFile }: TrainOptions): FullSettings {
  const { bank } = merged;
  if (isPairs(bank)) {
    if (merged.objective !== "npe")
      throw new Error(
        `objective "${merged.objective}": a bank of pairs from elsewhere trains by NPE alone; use objective "npe"`,
      );
    if (bankFile !== undefined) throw new Error("bankFile: expected no file beside a bank of pairs, got both");
    const pairs = splitPairs(problem, bank, merged.heldOut);
    return { ...merged, bank: pairs.train.count, heldOut: pairs.heldOut.count, pairs };
  }
  if (problem.forward === null && problem.simulate === null)
    throw new Error(
      `bank: expected pairs { theta, y }, for "${problem.name}" has ${sourceOf(problem)}; got ${bank} simulations to make`,
    );
  if (bank === 0 && problem.forward === null)
    throw new Error("bank: expected at least 1 simulation for a problem given by simulate(), got 0");
  return { ...merged, bank };
}
