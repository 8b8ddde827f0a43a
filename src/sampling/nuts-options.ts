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
import type { NutsProgress } from "./lockstep.ts";
import type { Start } from "./start.ts";

export const nutsTable = {
  /** Chains. Each draws the same numbers whatever others run beside it. */
  chains: option(whole(1), 8, "chains"),
  /** Draws of each chain, after the warm-up. */
  draws: option(whole(4), 500, "draws of each chain"),
  /** Transitions that fit step size and metric, and are discarded; by default 500, and 75 where `start` is a posterior. */
  warmup: option(whole(0)),
  /**
   * Where chains start: a posterior of the same data that is near enough, such as one of `infer` or `laplace`, or a list of them,
   * one for each observation; or points (chains, D) of θ. By default at draws of the prior. The covariance of a posterior is the
   * first metric.
   */
  start: option(check<Start | readonly Posterior[]>("a posterior, posteriors or points", () => true)),
  /**
   * The space in which chains move. "auto": the noise of the guide, where `start` comes from a map whose guide is a flow,
   * because the posterior is nearly normal there; otherwise the parameters, mapped to the whole line.
   */
  space: option(oneOf("auto", "parameters", "guide"), "auto"),
  /**
   * Whether a transition begins with a jump to a draw of the normal density nearest to `start`, or of the guide where chains move
   * in its noise. There are no jumps unless `start` is a posterior.
   */
  jumps: option(flag, true),
  /** The metric; by default "dense" up to 32 parameters or from a posterior, and "diagonal" otherwise. */
  metric: option(oneOf("diagonal", "dense")),
  /** Most doublings of one trajectory. */
  maxDepth: option(whole(1, 20), 10),
  /** Mean acceptance that step sizes are fitted to. A larger one gives smaller steps. */
  targetAccept: option(
    number("a number between 0 and 1", (x) => x > 0 && x < 1),
    0.8,
  ),
  /** Seed of all random numbers. */
  seed: option(seed, 0, "seed of the chains"),
  /** Seconds after which sampling ends with the draws that there are; by default it has no limit. */
  budget: option(
    number("a number of seconds above 0", (x) => x > 0),
    Number.POSITIVE_INFINITY,
  ),
  /** Stops the sampling when it is aborted. */
  signal: option(abortSignal),
  /** Called with the progress now and then. */
  onProgress: option(listener<(progress: NutsProgress) => void>()),
  ...backendTable,
};
/** Options of `nuts`. */
export type NutsOptions = OptionsOf<typeof nutsTable>;
