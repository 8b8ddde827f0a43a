/** The options of `train`, and how the presets of a problem fill them. */
import { backendTable } from "../backends/select.ts";
import {
  type Check,
  callback,
  check,
  expectNames,
  listener,
  number,
  type OptionsOf,
  oneOf,
  option,
  pickOptions,
  positive,
  readOptions,
  type SettingsOf,
  seed,
  text,
  whole,
} from "../checks/options.ts";
import type { Guide } from "../guides/guide.ts";
import { type GuideName, guideNamed, guideNames } from "../guides/index.ts";
import type { WeightsRecord } from "../model/model.ts";
import type { EmbeddingOption } from "../nn/fit-embedding.ts";
import { isNetworkOption, type NetworkOption, networkCheck, type OwnEmbedding } from "../nn/networks.ts";
import { type SetNetworkOptions, setNetworkTable } from "../nn/sets.ts";
import { objectiveNames } from "../objectives/index.ts";
import { expectProblem } from "../problem/expect.ts";
import { sourceOf } from "../problem/likelihood.ts";
import type { Problem } from "../problem/problem.ts";
import { checkBankFile, type SimulationControl, simulationTable } from "../simulate/options.ts";
import { isPairs, type Pairs, type SplitPairs, splitPairs } from "../simulate/pairs.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type Circumstances, missingCheck, readCircumstances, scaleCheck } from "./circumstances.ts";
import { rates, type Schedule } from "./schedules.ts";

/** The progress of a training. */
export interface Progress {
  /** Steps done, and steps in all. */
  readonly step: number;
  readonly steps: number;
  /** Mean loss of the steps since the last report. */
  readonly loss: number;
  /** The last held-out loss, NaN before the first. */
  readonly heldOut: number;
  readonly stepsPerSecond: number;
  readonly secondsLeft: number;
  /** In the last report, what importance weights say of the map; where the training's record has it too. */
  readonly weights?: WeightsRecord;
}

/** A guide, or its name. A model file names its guide, so a guide outside of the table could be trained but never loaded. */
const guide: Check<GuideName | Guide> = {
  expected: `a guide, or one of ${guideNames.map((name) => JSON.stringify(name)).join(", ")}`,
  choices: guideNames,
  test: (x) => {
    const { name = x, build } = (x ?? {}) as Partial<Guide>;
    return guideNames.includes(name as GuideName) && (typeof x === "string" || typeof build === "function");
  },
  got: (x) => JSON.stringify(x) ?? String(x),
};

const objective = oneOf(...objectiveNames);

const schedule = check<Schedule>("a schedule { kind, … }", (x) => typeof x === "object" && x !== null);

const bank = check<number | Pairs>(
  "a whole number from 0 to 16777216, or pairs { theta, y }",
  (x) => isPairs(x) || whole(0, 16_777_216).test(x),
);

const embeddings = ["auto", "none", "standardise", "log", "root"] as const;
/** The embedding of sets, among options. */
export const isSetNetwork = (x: unknown): x is { readonly set: SetNetworkOptions } =>
  typeof x === "object" && x !== null && Object.keys(x).length === 1 && "set" in x;

const embedding = check<EmbeddingOption | NetworkOption | OwnEmbedding | { readonly set: SetNetworkOptions }>(
  `one of ${embeddings.map((name) => JSON.stringify(name)).join(", ")}, or { principal: components }, or { set } with its options for sets, or ${networkCheck.expected}`,
  (x) =>
    embeddings.includes(x as "auto") ||
    Number.isInteger((x as { principal?: number } | null)?.principal) ||
    isNetworkOption(x) ||
    isSetNetwork(x),
);

/** The options that a preset may set. The upper limits are what a host could hold, or could finish, at all. */
export const settingsTable = {
  /** The guide, the conditional density that is learned, or its name; by default "spline", and "gaussian" for one parameter (docs/guides.md). */
  guide: option(guide, undefined, "conditional density to learn"),
  /** What is minimised: "npe", neural posterior estimation, or "elbo", which needs a likelihood. */
  objective: option(objective, "npe", "loss to minimise"),
  /** Training steps. */
  steps: option(whole(1, 100_000_000), 8000, "training steps"),
  /** Data sets in each step. */
  batch: option(whole(1, 1_048_576), 256, "data sets in each step"),
  /** Draws of the guide for each data set, with objective "elbo". */
  particles: option(whole(1, 65_536), 8, "draws of the guide for each data set, with objective elbo"),
  /** Largest learning rate. */
  rate: option(positive, 3e-3, "largest learning rate"),
  /** How the learning rate changes; by default a cosine with a warm-up of 50 steps. */
  schedule: option(schedule, { kind: "cosine" }),
  /** The optimiser: Adam, AMSGrad, or SOAP, which is Adam in the eigenbases of each layer's gradients. */
  optimiser: option(oneOf("adam", "amsgrad", "soap"), "adam"),
  /** Largest global norm of the gradient; larger gradients are scaled down to it. 0 clips nothing. */
  clip: option(
    number("a number of at least 0", (x) => x >= 0),
    10,
  ),
  /**
   * Simulations made before training, from which the data sets of a step are drawn, with fresh noise; 0 simulates afresh in
   * every step. By default 0 for forward models in ops, and 20,000 for `simulate`, for differential equations and for guides on Laplace's
   * base. Or pairs
   * (θ, y) that were simulated elsewhere, with θ drawn from the prior, or from the proposal: a tenth of them, spread evenly and
   * at most `heldOut`, is held out. Pairs train by NPE only.
   */
  bank: option(bank, undefined, "data sets to simulate before training (default for simulators: 20000)"),
  /** Simulations that the held-out loss is measured on. */
  heldOut: option(whole(2, 16_777_216), 2048, "simulations, or at most so many pairs, for the held-out loss"),
  /** Steps between two held-out losses; by default a fortieth of all steps. */
  evaluateEvery: option(whole(1)),
  /** Training stops after this many held-out losses in a row without a better one; 0 never stops it. */
  patience: option(whole(0), 0),
  /**
   * How the data enter the guide. "auto" standardises them, and projects long data on principal components. A network, by its name and
   * options or as a function `(y, nn) => features` of standardised data, is trained with the guide. Sets enter by `{ set: options }`, a
   * network for each member and sums of its results.
   */
  embedding: option(embedding, "auto"),
  /**
   * Trains for observations of which some data are missing, NaN in `infer`: "any" subset; { rate, complete, blocks, runs }; or a function
   * that draws masks.
   */
  missing: option(missingCheck),
  /** Trains for noise of any scale in a range, { scale: [low, high] }, which `infer` is then given. */
  noise: option(scaleCheck),
};

/** Seconds between two checkpoints by default. */
export const CHECKPOINT_S = 60;

export const trainTable = {
  ...settingsTable,
  /**
   * Name of a preset: "fast" or "default", or another one of the problem's own, such as "paper". The other options win over it. For a
   * problem without presets of these names, "fast" is 2000 steps, with a bank of 5000 where one is simulated, and "default" the
   * defaults of the options.
   */
  preset: option(text, undefined, "preset: fast or default, or another of the problem's own, such as paper"),
  /**
   * Seconds that the training may take, in place of `steps`: a few steps are timed once the simulations are made, and as many follow as
   * fit (docs/guides.md). The record has their number; the same options with `steps: map.spec.training.steps` give the same weights.
   */
  seconds: option(positive, undefined, "seconds that the training may take, in place of steps"),
  /** Seed of all random numbers. With the plain kernels, one seed gives the same weights on every host. */
  seed: option(seed, 0, "seed of all random numbers"),
  /** Called with the progress at intervals. */
  onProgress: option(listener<(progress: Progress) => void>()),
  /**
   * Called with a checkpoint every `checkpointEvery` seconds, and awaited, so that it may be saved (`saveCheckpoint`). If it fails,
   * that is a warning, and training continues.
   */
  onCheckpoint: option(callback<(checkpoint: Checkpoint) => void | Promise<void>>()),
  /** Seconds between two checkpoints. A process that is killed loses no more. */
  checkpointEvery: option(positive, CHECKPOINT_S, "seconds between two checkpoints on disk"),
  /** A checkpoint to continue from; all other options must be as they were. */
  resume: option(
    check<Checkpoint>(
      "a checkpoint, as loadCheckpoint() returns it",
      (x) => typeof (x as Partial<Checkpoint> | null)?.signature === "string",
    ),
  ),
  ...simulationTable,
  ...backendTable,
};
/** The options of `train` that a preset may set. */
export type TrainSettings = OptionsOf<typeof settingsTable>;
/** Options of `train`. */
export type TrainOptions = OptionsOf<typeof trainTable>;

/** Settings by guide. The first is used when no guide is asked for. */
export type Preset = Readonly<Partial<Record<GuideName, TrainSettings>>>;

/** The settings of a training, all of them known. */
export type FullSettings = Required<
  Omit<SettingsOf<typeof settingsTable>, "guide" | "bank" | "evaluateEvery" | "missing" | "noise">
> & {
  readonly guide: Guide;
  /** Simulations of the bank, 0 for none. */
  readonly bank: number;
  readonly evaluateEvery: number;
  /** Seconds in place of steps, and `evaluateEvery` where it was asked for. */
  readonly budget?: { readonly seconds: number; readonly evaluateEvery: number | undefined };
  /** Pairs from elsewhere, where there are any; `bank` and `heldOut` then count them. */
  readonly pairs?: SplitPairs;
  /** Missing data and noise scales, where the map is trained for them. */
  readonly circumstances?: Circumstances;
};

/** Presets of every problem, for any guide; those of the problem itself take precedence. */
const general: Readonly<Record<string, TrainSettings>> = { fast: { steps: 2000, heldOut: 1024 }, default: {} };
/** Simulations of a bank, where one is made, by general preset. */
const BANKS: Readonly<Record<string, number>> = { fast: 5000, default: 20_000 };

/** Names of the presets that `train` knows for a problem. */
export const presetNames = ({ presets }: Pick<Problem, "presets">): string[] => [
  ...new Set([...Object.keys(general), ...Object.keys(presets)]),
];

/** The settings of a preset for the guide that is asked for. @throws on an unknown preset, and on settings that do not exist. */
function presetOf(
  { name: problem, presets }: Problem,
  name: string,
  asked: GuideName | Guide | undefined,
): TrainSettings {
  if (!Object.hasOwn(presets, name)) {
    if (Object.hasOwn(general, name)) return { ...general[name], guide: asked };
    const names = presetNames({ presets }).join(" or ");
    throw new Error(`train: expected preset to be ${names}, got "${name}"`);
  }
  const preset = presets[name] as Preset;
  const chosen = ((typeof asked === "string" ? asked : asked?.name) ?? Object.keys(preset)[0]) as GuideName;
  // A guide that the preset does not know is trained with the settings of its first guide.
  const settings = preset[chosen] ?? { ...Object.values(preset)[0], guide: chosen };
  expectNames(`preset "${name}" of "${problem}"`, Object.keys(settingsTable), settings);
  return { guide: chosen, ...settings };
}

/** All settings, checked. @throws naming the option, what was expected and what came. */
export function fullSettings(problem: Problem, options: TrainOptions): FullSettings {
  expectProblem("train", problem);
  const { seconds } = readOptions("train", trainTable, options);
  if (seconds !== undefined && options.steps !== undefined)
    throw new Error("train: expected steps or seconds, got both");
  checkBankFile("train", problem, options);
  const { preset: name = "default" } = options;
  const preset = presetOf(problem, name, options.guide);
  const settings = readOptions("train", settingsTable, { ...preset, ...pickOptions(settingsTable, options) });
  // A guide asked for by name gets the preset's options for that guide.
  const asked = typeof options.guide === "string" ? preset.guide : settings.guide;
  const chosen = asked ?? settings.guide ?? (problem.D === 1 ? "gaussian" : "spline");
  const made = typeof chosen === "string" ? guideNamed(chosen, problem.D) : chosen;
  const onLaplace = made.options.base === "laplace";
  // Solutions that are not finite can be left out of a bank, but not of a step.
  const banked = problem.forward === null || onLaplace || problem.solvers().length > 0;
  const { steps, bank = banked ? (BANKS[name] ?? BANKS.default) : 0 } = settings;
  const { evaluateEvery = Math.max(1, Math.ceil(steps / 40)) } = settings;
  const { missing, noise, ...others } = settings;
  const circumstances = readCircumstances(problem, missing, noise);
  checkSetEmbedding(problem, others.embedding, made);
  if (circumstances !== null && !circumstances.set && isNetworkOption(others.embedding))
    throw new Error(
      'embedding: expected a fixed one, because data may be missing or of another noise scale, got a network; use "auto"',
    );
  if (circumstances !== null && others.embedding === "none")
    throw new Error(
      'embedding: expected one that standardises, because data may be missing or of another noise scale, got "none"; use "auto"',
    );
  const budget = seconds !== undefined && { seconds, evaluateEvery: settings.evaluateEvery };
  const full = {
    ...others,
    guide: made,
    bank,
    evaluateEvery,
    ...(budget && { budget }),
    ...(circumstances && { circumstances }),
  };
  rates(full.schedule, full.rate, 1); // refuses what makes no schedule
  if (onLaplace) checkLaplaceBase(problem, full);
  const { base = "prior" } = made.options;
  if (base !== "prior" && isNetworkOption(full.embedding))
    throw new Error(
      `embedding: expected a fixed one beside the base "${base}" of the guide, which is fitted to features before training, got a network; use base "prior"`,
    );
  return withBank(problem, full, options);
}

/** @throws where sets have another embedding than theirs or a base of the guide that needs one, and where other data have theirs. */
function checkSetEmbedding({ set, name }: Problem, embedding: unknown, { options: { base = "prior" } }: Guide): void {
  if (!set && isSetNetwork(embedding))
    throw new Error(`embedding: expected no embedding of sets, because the data of "${name}" are none, got one`);
  if (!set) return;
  if (embedding !== "auto" && !isSetNetwork(embedding))
    throw new Error(
      `embedding: expected "auto" or { set } with its options, because the data of "${name}" are sets, got another`,
    );
  if (isSetNetwork(embedding)) readOptions("embedding.set", setNetworkTable, embedding.set);
  if (base !== "prior")
    throw new Error(`train: expected base "prior" of the guide, because the data of "${name}" are sets, got "${base}"`);
}

/** @throws where Laplace's base cannot be found: for each simulation of a bank, from the derivatives of the forward model. */
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

type Merged = Omit<FullSettings, "bank" | "pairs"> & { readonly bank: number | Pairs };

/** The settings with `bank` as a number. Pairs are checked, split and counted. */
function withBank(problem: Problem, merged: Merged, { bankFile, onWarning }: SimulationControl): FullSettings {
  const { bank } = merged;
  if (isPairs(bank)) {
    if (merged.objective !== "npe")
      throw new Error(
        `objective "${merged.objective}": a bank of pairs from elsewhere trains by NPE alone; use objective "npe"`,
      );
    if (bankFile !== undefined) throw new Error("bankFile: expected no file beside a bank of pairs, got both");
    const pairs = splitPairs(problem, bank, merged.heldOut, onWarning);
    return { ...merged, bank: pairs.train.count, heldOut: pairs.heldOut.count, pairs };
  }
  if (problem.forward === null && problem.simulate === null)
    throw new Error(
      `bank: expected pairs { theta, y }, because "${problem.name}" has ${sourceOf(problem)}; got ${bank} simulations to make`,
    );
  if (bank === 0 && problem.forward === null)
    throw new Error("bank: expected at least 1 simulation for a problem given by simulate(), got 0");
  return { ...merged, bank };
}
