/** The options of `nuts`. */
import { backendTable } from "../backends/select.ts";
import {
  abortSignal,
  check,
  flag,
  listener,
  number,
  type OptionsOf,
  oneOf,
  option,
  seed,
  whole,
} from "../checks/options.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { observedNoise } from "../problem/observed-noise.ts";
import type { NutsProgress } from "./lockstep.ts";
import type { Start } from "./start.ts";

export const nutsTable = {
  /** Chains. Each uses the same random numbers, whatever other chains run. */
  chains: option(whole(1), 8, "chains"),
  /** Draws of each chain, after the warm-up. */
  draws: option(whole(4), 500, "draws of each chain"),
  /** Transitions that fit step size and metric, and are discarded; by default 500, or 75 if `start` is a posterior. */
  warmup: option(whole(0)),
  /**
   * Where chains start: an approximate posterior of the same data, such as one from `infer` or `laplace`, or a list of them, one for
   * each observation; or points (chains, D) of θ. Default: draws of the prior. The covariance of a posterior is the first metric.
   * Where the importance weights of a posterior are poor, chains start at the modes instead if they move faster there. From a posterior
   * of `laplace` with several modes they start at all of them.
   */
  start: option(check<Start | readonly Posterior[]>("a posterior, posteriors or points", () => true)),
  /**
   * The space in which chains move. "auto": the noise of the guide if `start` comes from a map whose guide is a flow, because the
   * posterior is nearly normal there; otherwise the parameters, mapped to the whole line. "guide" keeps chains there, however poor the
   * guide's weights are.
   */
  space: option(oneOf("auto", "parameters", "guide"), "auto"),
  /**
   * Whether a transition begins with a jump to a draw of the normal density with the moments of `start`, of the guide if chains move
   * in its noise, or of Laplace's approximation if they started at the modes. There are no jumps unless `start` is a posterior.
   */
  jumps: option(flag, true),
  /** The metric; by default "dense" up to 32 parameters or from a posterior, and "diagonal" otherwise. */
  metric: option(oneOf("diagonal", "dense")),
  /** Most doublings of one trajectory. */
  maxDepth: option(whole(1, 20), 10),
  /** Mean acceptance that the step size is fitted to. A larger one gives smaller steps. */
  targetAccept: option(
    number("a number between 0 and 1", (x) => x > 0 && x < 1),
    0.8,
  ),
  /** The noise of the observation: { scale }, a factor of the noise of the problem, or a list of them, one for each observation. */
  noise: option(observedNoise),
  /** Seed of all random numbers. */
  seed: option(seed, 0, "seed of the chains"),
  /** Seconds after which sampling ends with the draws made so far; by default there is no limit. */
  budget: option(
    number("a number of seconds above 0", (x) => x > 0),
    Number.POSITIVE_INFINITY,
  ),
  /** Stops the sampling when it is aborted. */
  signal: option(abortSignal),
  /** Called with the progress at intervals. */
  onProgress: option(listener<(progress: NutsProgress) => void>()),
  ...backendTable,
};
/** Options of `nuts`. */
export type NutsOptions = OptionsOf<typeof nutsTable>;
