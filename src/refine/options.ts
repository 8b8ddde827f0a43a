/** Options of `refine`, and what it tells. */
import { backendTable } from "../backends/select.ts";
import { abortSignal, check, listener, number, type OptionsOf, option, seed, whole } from "../checks/options.ts";
import { failuresTable } from "../simulate/finite.ts";
import type { Progress, TrainOptions } from "../train/options.ts";

/** What a round is doing. */
export interface RefineProgress {
  /** The round, from 1, of `rounds`. */
  readonly round: number;
  readonly rounds: number;
  readonly stage: "drawing" | "simulating" | "training" | "checking";
  /** The progress of the training. */
  readonly training?: Progress;
}

const share = number("a number between 0 and 1", (x) => x > 0 && x < 1);

export const refineTable = {
  /** Simulations of each round. */
  simulations: option(whole(100), 2000, "simulations of each round"),
  /** Rounds at most. */
  rounds: option(whole(1, 100), 5, "rounds at most"),
  /** Probability, under the posterior of a round, of the parameters that the next round leaves out: those of lowest density. */
  cut: option(share, 1e-4, "probability of the parameters that a round leaves out"),
  /** The last round is the one after which more than this share of its simulations would be kept by another. */
  gain: option(share, 0.8, "share of kept simulations above which rounds end"),
  /** Fresh simulations, after the last round, whose true parameters are ranked to test coverage; 0 for none. */
  cases: option(whole(0), 200, "simulations that test coverage after the last round"),
  /** Options of the training of each round, such as `steps` and `guide`; by default 4000 steps of the guide of the map, on a linear base. */
  train: option(
    check<TrainOptions>("training options", (x) => typeof x === "object" && x !== null),
    {},
  ),
  /** Seed of all random numbers. */
  seed: option(seed, 0, "seed of all random numbers"),
  /** Called as rounds go on. */
  onProgress: option(listener<(progress: RefineProgress) => void>()),
  /** Stops it, which then throws the reason of the signal. */
  signal: option(abortSignal),
  ...failuresTable,
  ...backendTable,
};
/** Options of `refine`. */
export type RefineOptions = OptionsOf<typeof refineTable>;
