/**
 * An epidemic in a population of a million, with one infected at day 0 (Kermack & McKendrick, Proc. R. Soc. A 115 (1927); prior, times
 * and data of the task "SIR" of Lueckmann et al., Benchmarking Simulation-Based Inference, AISTATS 2021, arXiv 2101.04653):
 *
 *   s′ = −β s i,   i′ = β s i − γ i,   y_k ~ binomial(1000, i(t_k)),   t_k = 0, 17, …, 153 days,
 *
 * of the shares s and i of the susceptible and the infected. θ = (β, γ), log-normal with medians 0.4 and 0.125 a day.
 */
import { logNormal } from "../distributions/log-normal.ts";
import { binomialNoise } from "../distributions/noise/binomial.ts";
import { ode } from "../dynamics/ode.ts";
import { columns, mul, neg, slice, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { log } from "../numbers/math.ts";
import { defineProblem } from "../problem/define.ts";
import type { Problem } from "../problem/problem.ts";
import type { Preset } from "../train/options.ts";

/** Days of the data. */
export const SIR_DAYS: readonly number[] = Array.from({ length: 10 }, (_, k) => 17 * k);
/** People that are tested on each of them. */
export const SIR_TESTED = 1000;
const POPULATION = 1e6;

/** Shares of the infected (B, days). */
export function infected(theta: Tensor, days: readonly number[], steps?: number): Tensor {
  const states = ode({
    parameters: [slice(theta, 0, 1), slice(theta, 1, 2)],
    initial: [1 - 1 / POPULATION, 1 / POPULATION],
    times: days,
    steps,
    rhs: (_t, [s, i], [beta, gamma]) => {
      const caught = mul(mul(beta, s), i);
      return [neg(caught), sub(caught, mul(gamma, i))];
    },
  });
  return columns(
    states,
    days.map((_, k) => 2 * k + 1),
  );
}

const presets: Readonly<Record<string, Preset>> = {
  fast: { spline: { bank: 8000, steps: 2000 } },
  default: { spline: { bank: 40_000, steps: 8000 } },
};

/** Rates of infection and recovery of an epidemic from ten counts. */
export const sir: Problem = /* @__PURE__ */ defineProblem({
  name: "sir",
  description: "rates of infection and recovery of an epidemic from ten counts of the infected among 1000 people",
  parameters: [
    { name: "β", unit: "1/day" },
    { name: "γ", unit: "1/day" },
  ],
  data: SIR_DAYS.map((t) => `infected of ${SIR_TESTED} on day ${t}`),
  prior: logNormal([log(0.4), log(0.125)], [0.5, 0.2]),
  forward: (theta) => infected(theta, SIR_DAYS),
  noise: binomialNoise({ trials: SIR_TESTED }),
  presets,
});
