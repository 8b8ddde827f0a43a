/** Options of `surrogate`. */
import { backendTable } from "../backends/select.ts";
import {
  listener,
  number,
  type OptionsOf,
  option,
  positive,
  readOptions,
  type SettingsOf,
  seed,
  whole,
} from "../checks/options.ts";
import { type Distribution, distribution } from "../distributions/distribution.ts";
import { expectProposal } from "../problem/define.ts";
import type { Problem } from "../problem/problem.ts";
import { simulationTable } from "../simulate/options.ts";
import type { Progress } from "../train/options.ts";

/** Progress of fitting a surrogate. */
export interface SurrogateProgress extends Progress {
  /** `step` and `steps` count simulations, which have no loss (NaN), or training steps of the network. */
  readonly phase: "simulating" | "fitting";
}

export const surrogateTable = {
  /** Simulations that the network is fitted to. */
  bank: option(whole(64, 16_777_216), 20_000),
  /** Further simulations, on which its error is measured. */
  heldOut: option(whole(16, 16_777_216), 2048),
  /** Width of the hidden layers. */
  hidden: option(whole(1, 4096), 96),
  /** Residual blocks, of two layers each. */
  blocks: option(whole(0, 64), 2),
  /** Training steps. */
  steps: option(whole(1, 100_000_000), 12_000, "training steps of the surrogate"),
  /** Simulations in each step. */
  batch: option(whole(1, 1_048_576), 256),
  /** Largest learning rate; it falls to 0 along a cosine. */
  rate: option(positive, 3e-3),
  /** The distribution that parameters are drawn from; by default the problem's own proposal, or its prior. */
  proposal: option(distribution),
  /** Largest factor by which draws are stretched from the centre, so that the network learns the tails. */
  widen: option(
    number("a finite number of at least 1", (x) => x >= 1 && x < Infinity),
    1.5,
  ),
  /** Seed of all random numbers. One seed and the plain kernels give the same surrogate on every host. */
  seed: option(seed, 0),
  /** Called with the progress at intervals. */
  onProgress: option(listener<(progress: SurrogateProgress) => void>()),
  onWarning: simulationTable.onWarning,
  /** Stops the work if it is aborted; `surrogate` then throws the signal's reason. */
  signal: option(simulationTable.signal.check),
  ...backendTable,
};
/** Options of `surrogate`. */
export type SurrogateOptions = OptionsOf<typeof surrogateTable>;

export interface SurrogateSettings extends SettingsOf<typeof surrogateTable> {
  /** The distribution that parameters are drawn from, before they are stretched. */
  readonly from: Distribution;
}

/** All settings, checked. @throws with the name of the option, what was expected, and what came. */
export function surrogateSettings(problem: Problem, options: SurrogateOptions): SurrogateSettings {
  const settings = readOptions("surrogate", surrogateTable, options);
  const { proposal = problem.proposal ?? problem.prior } = settings;
  expectProposal("surrogate", proposal, problem.prior);
  return { ...settings, from: proposal };
}
