/**
 * The warm-up of a chain. Step sizes by dual averaging (Nesterov 2009; Hoffman & Gelman, JMLR 15 (2014), §3.2.1): with a_t
 * the acceptance of transition t since the last start and δ the one aimed at,
 *
 *   H̄_t = (1 − 1/(t + t₀)) H̄_{t−1} + (δ − a_t)/(t + t₀),   log ε_t = μ − √t/γ H̄_t,
 *   log ε̄_t = t^−κ log ε_t + (1 − t^−κ) log ε̄_{t−1},       γ = 0.05, t₀ = 10, κ = 0.75, μ = log 10 ε₀.
 *
 * Windows in which the metric is learned: none at first, while the chain finds the posterior; then windows that double; and
 * none at the end, where the step is fitted to the last metric. Every window ends with a new metric and a new step.
 */
import { exp, log, pow } from "../numbers/math.ts";

const GAMMA = 0.05;
const T0 = 10;
const KAPPA = 0.75;

export class DualAveraging {
  private readonly aim: number;
  private centre = 0;
  private error = 0;
  private logMean = 0;
  private count = 0;
  /** ε of the next transition. */
  step = 1;

  constructor(aim: number) {
    this.aim = aim;
  }

  /** Starts again from a step of the right order. */
  restart(step: number): void {
    this.step = step;
    this.centre = log(10 * step);
    this.error = 0;
    this.logMean = 0;
    this.count = 0;
  }

  update(acceptance: number): void {
    const t = ++this.count;
    const weight = 1 / (t + T0);
    this.error = (1 - weight) * this.error + weight * (this.aim - acceptance);
    const logStep = this.centre - (Math.sqrt(t) / GAMMA) * this.error;
    const share = pow(t, -KAPPA);
    this.logMean = share * logStep + (1 - share) * this.logMean;
    this.step = exp(logStep);
  }

  /** Settles on ε̄. */
  finish(): void {
    if (this.count > 0) this.step = exp(this.logMean);
  }
}

/** Transitions without a metric at both ends of a long warm-up, and in the first window between. */
const FIRST = 75;
const LAST = 50;
const WINDOW = 25;
/** Shares of a short one. */
const SHORT_FIRST = 0.15;
const SHORT_LAST = 0.25;
/** A warm-up shorter than this fits the step alone. */
const LEAST = 20;

export interface Windows {
  /** Transition at which the first window starts. */
  readonly first: number;
  /** Transitions after which a window ends, ascending. */
  readonly ends: readonly number[];
}

/** The windows of a warm-up. A chain that starts within the posterior needs no time to find it. */
export function windowsOf(warmup: number, within: boolean): Windows {
  if (warmup < LEAST) return { first: warmup, ends: [] };
  const short = warmup < FIRST + WINDOW + LAST;
  const first = short || within ? Math.floor(SHORT_FIRST * Math.min(warmup, FIRST / SHORT_FIRST)) : FIRST;
  const last = short ? Math.ceil(SHORT_LAST * warmup) : LAST;
  const ends: number[] = [];
  let at = first;
  for (let size = WINDOW; at < warmup - last; size *= 2) {
    // A last window that would not double is joined to the one before it.
    at = at + 3 * size > warmup - last ? warmup - last : at + size;
    ends.push(at);
  }
  return { first, ends };
}
