/**
 * Prey x and predators y over twenty days (Lotka 1920, Volterra 1926; prior, times and data of the task "Lotka–Volterra" of Lueckmann et
 * al., Benchmarking Simulation-Based Inference, AISTATS 2021, arXiv 2101.04653):
 *
 *   x′ = αx − βxy,   y′ = −γy + δxy,   from (30, 1),   data log-normal around x(t_k) and y(t_k) with log-sd 0.1,
 *
 * at t_k = 0, 2.1, …, 18.9 days: ten numbers of prey, then ten of predators. θ = (α, β, γ, δ), log-normal; populations are clamped to [1e-10, 1e4] before the noise.
 */
import { logNormal } from "../distributions/log-normal.ts";
import { logNormalNoise } from "../distributions/noise/log-normal.ts";
import { ode } from "../dynamics/ode.ts";
import { clamp, columns, mul, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { defineProblem } from "../problem/define.ts";
import type { Problem } from "../problem/problem.ts";
import type { Preset } from "../train/options.ts";

/** Days of the data. */
export const LOTKA_DAYS: readonly number[] = Array.from({ length: 10 }, (_, k) => (21 * k) / 10);
/** Sd of the logarithms of the data. */
export const LOTKA_SD = 0.1;

/** Populations (B, 2 × days): prey on all days, then predators. */
export function populations(theta: Tensor, days: readonly number[], steps?: number): Tensor {
  const states = ode({
    parameters: theta,
    initial: [30, 1],
    times: days,
    steps,
    rhs: (_t, [x, y], [alpha, beta, gamma, delta]) => [
      mul(x, sub(alpha, mul(beta, y))),
      mul(y, sub(mul(delta, x), gamma)),
    ],
  });
  return columns(
    states,
    [0, 1].flatMap((species) => days.map((_, k) => 2 * k + species)),
  );
}

const presets: Readonly<Record<string, Preset>> = {
  fast: { spline: { bank: 8000, steps: 2000 } },
  default: { spline: { bank: 40_000, steps: 8000 } },
};

/** Four rates of growth, death and predation from ten counts of two species. */
export const lotkaVolterra: Problem = /* @__PURE__ */ defineProblem({
  name: "lotka-volterra",
  description: "growth, death and predation of two species from ten observations of both",
  parameters: ["α", "β", "γ", "δ"].map((name) => ({ name, unit: "1/day" })),
  data: ["prey", "predators"].flatMap((species) => LOTKA_DAYS.map((t) => `${species} on day ${t}`)),
  prior: logNormal([-0.125, -3, -0.125, -3], 0.5),
  forward: (theta) => clamp(populations(theta, LOTKA_DAYS), 1e-10, 1e4),
  noise: logNormalNoise(LOTKA_SD),
  presets,
});
