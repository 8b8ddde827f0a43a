/**
 * A damped oscillator that is released from rest at amplitude A and seen at 50 times, with noise of an unknown level:
 *
 *   x″ + 2ζω x′ + ω² x = 0,   x(0) = A,   x′(0) = 0,   y_k = x(0.2 k) + σ ε_k,   k = 1 … 50.
 *
 * θ = (ω, ζ, A, σ), log-normal. The solution is known (Meirovitch, Fundamentals of Vibrations, §2.2): for ζ < 1
 * x = A e^(−ζωt) (cos ω_d t + ζω/ω_d sin ω_d t), ω_d = ω √(1 − ζ²); the tests compare.
 */
import { logNormal } from "../distributions/log-normal.ts";
import { gaussianNoise } from "../distributions/noise/gaussian.ts";
import { ode } from "../dynamics/ode.ts";
import { add, columns, mul, neg, slice, square } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { spline } from "../guides/spline.ts";
import { log } from "../numbers/math.ts";
import { defineProblem } from "../problem/define.ts";
import type { Problem } from "../problem/problem.ts";
import type { Preset } from "../train/options.ts";

/** Times of the data, s. */
export const OSCILLATOR_TIMES: readonly number[] = Array.from({ length: 50 }, (_, k) => (k + 1) / 5);

/** Displacements (B, times) of the oscillator, m. */
export function displacement(theta: Tensor, times: readonly number[], steps?: number): Tensor {
  const [omega, zeta, amplitude] = [0, 1, 2].map((i) => slice(theta, i, i + 1));
  const states = ode({
    parameters: [square(omega), mul(mul(omega, zeta), 2)],
    initial: [amplitude, 0],
    times,
    steps,
    rhs: (_t, [x, v], [stiffness, damping]) => [v, neg(add(mul(stiffness, x), mul(damping, v)))],
  });
  return columns(
    states,
    times.map((_, k) => 2 * k),
  );
}

/**
 * The posterior is some thirty times as narrow as the prior, and bends with the phase of the last periods, so a flow from the prior is
 * slow to find it: after 8000 steps the weights keep .28 of its draws, and k̂ is above .7 in 9 % of the observations. From Laplace's
 * approximation, at a third of the time, 2.5 % are.
 */
const presets: Readonly<Record<string, Preset>> = {
  fast: { spline: { bank: 0, steps: 2000 } },
  default: { spline: { guide: spline({ base: "laplace" }), bank: 20_000, heldOut: 1000, steps: 1000 } },
};

/** Frequency, damping, amplitude and noise level of an oscillator from 50 displacements. */
export const oscillator: Problem = /* @__PURE__ */ defineProblem({
  name: "oscillator",
  description: "frequency, damping and amplitude of an oscillator, and the level of the noise, from 50 displacements",
  parameters: [{ name: "ω", unit: "rad/s" }, "ζ", { name: "A", unit: "m" }, { name: "σ", unit: "m" }],
  data: OSCILLATOR_TIMES.map((t) => ({ name: `x(${t} s)`, unit: "m" })),
  prior: logNormal([log(2), log(0.1), 0, log(0.05)], [0.3, 0.5, 0.3, 0.5]),
  forward: (theta) => displacement(theta, OSCILLATOR_TIMES),
  noise: (theta) => gaussianNoise(slice(theta, 3, 4)),
  presets,
});
