/** What `surrogate` may be told, and its defaults. */
import { type BackendOptions, backendNames } from "../backends/select.ts";
import { describe } from "../checks/arguments.ts";
import { expectOptions, expectSeed } from "../checks/options.ts";
import type { Distribution } from "../distributions/distribution.ts";
import { expectProposal, type Problem } from "../problem/problem.ts";
import type { Progress } from "../train/options.ts";

/** How far fitting a surrogate has come. */
export interface SurrogateProgress extends Progress {
  /** What `step` and `steps` count: simulations, which have no loss (NaN), or updates of the network. */
  readonly phase: "simulating" | "fitting";
}

/** Options of `surrogate`. */
export interface SurrogateOptions extends BackendOptions {
  /** Simulations that the network is fitted to; default 20,000. */
  readonly bank?: number;
  /** Further simulations, that its error is measured on; default 2048. */
  readonly heldOut?: number;
  /** Width of the hidden layers; default 96. */
  readonly hidden?: number;
  /** Residual blocks, of two layers each; default 2. */
  readonly blocks?: number;
  /** Updates of the weights; default 12,000. */
  readonly steps?: number;
  /** Simulations an update; default 256. */
  readonly batch?: number;
  /** Largest learning rate, which falls to 0 by a cosine; default 3e-3. */
  readonly rate?: number;
  /** What parameters are drawn from; default the problem's own proposal, or its prior. */
  readonly proposal?: Distribution;
  /** Draws are stretched from the centre, each by a factor between 1 and this, so that tails are learned; default 1.5. */
  readonly widen?: number;
  /** Default 0. One seed and the plain kernels give the same surrogate on every host. */
  readonly seed?: number;
  readonly onProgress?: (progress: SurrogateProgress) => void;
  /** Told what should not pass unseen; by default it goes to the console. */
  readonly onWarning?: (message: string) => void;
  /** Ends the work early: `surrogate` then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Whole numbers: the default, the least and the most. */
const counts = {
  bank: [20_000, 64, 16_777_216],
  heldOut: [2048, 16, 16_777_216],
  hidden: [96, 1, 4096],
  blocks: [2, 0, 64],
  steps: [12_000, 1, 100_000_000],
  batch: [256, 1, 1_048_576],
} as const;
type Count = keyof typeof counts;
const countNames = Object.keys(counts) as Count[];

const others = ["rate", "proposal", "widen", "seed", "onProgress", "onWarning", "signal", ...backendNames] as const;

export interface SurrogateSettings extends Readonly<Record<Count, number>> {
  readonly rate: number;
  readonly widen: number;
  readonly seed: number;
  /** What parameters are drawn from, before they are stretched. */
  readonly from: Distribution;
}

/** All settings, checked. @throws naming the option, what was expected and what came. */
export function surrogateSettings(problem: Problem, options: SurrogateOptions): SurrogateSettings {
  expectOptions("surrogate", options, [...countNames, ...others]);
  const whole = (key: Count): number => {
    const [byDefault, least, most] = counts[key];
    const value = options[key] ?? byDefault;
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new Error(`surrogate.${key}: expected a whole number from ${least} to ${most}, got ${describe(value)}`);
  };
  const { rate = 3e-3, widen = 1.5, seed = 0, proposal } = options;
  if (!(rate > 0 && rate < Infinity))
    throw new Error(`surrogate.rate: expected a positive number, got ${describe(rate)}`);
  if (!(widen >= 1 && widen < Infinity))
    throw new Error(`surrogate.widen: expected a factor of at least 1, got ${describe(widen)}`);
  expectSeed("surrogate", seed);
  if (proposal !== undefined) expectProposal("surrogate", proposal, problem.prior);
  const checked = Object.fromEntries(countNames.map((key) => [key, whole(key)])) as Record<Count, number>;
  return { ...checked, rate, widen, seed, from: proposal ?? problem.proposal ?? problem.prior };
}
