/**
 * A shear building of three storeys in an earthquake: u (3) are the displacements of the floors relative to the ground, of equal
 * masses m, and storey i has the stiffness k_i and a dashpot in proportion (Chopra, Dynamics of Structures, §9.4),
 *
 *   m ü + C u̇ + K u = −m a_g(t),   K = [[k1 + k2, −k2, 0], [−k2, k2 + k3, −k3], [0, −k3, k3]],   C = (2ζ/ω₁) K,
 *
 * at rest before. The ground acceleration a_g is known, as from a sensor in the basement. The data are the accelerations of the floors,
 * ü + a_g, 20 times a second for four seconds, floor by floor; the noise of each sensor is correlated from one time to the next, as
 * that of filtered sensors is. θ: the stiffness of each storey as a share of its design, the damping ratio ζ that the dashpots give the first
 * mode of the design, and the level σ of the noise, all log-normal. A storey that has lost stiffness is damaged.
 */
import { logNormal } from "../distributions/log-normal.ts";
import { ar1Noise } from "../distributions/noise/ar1.ts";
import { ode } from "../dynamics/ode.ts";
import { add, columns, concat, mul, neg, slice, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { exp, log, sin } from "../numbers/math.ts";
import { defineProblem } from "../problem/define.ts";
import type { Problem } from "../problem/problem.ts";
import type { Preset } from "../train/options.ts";

export const FLOORS = 3;
/** Times of the data, s. */
export const BUILDING_TIMES: readonly number[] = Array.from({ length: 80 }, (_, k) => (k + 1) / 20);
/** Correlation of the noise of one sensor from one time to the next. */
export const BUILDING_CORRELATION = 0.5;
/** Stiffness by mass of a storey by design, 1/s²: the first mode then has 2 Hz. */
const DESIGN = 797;
/** Angular frequency of the first mode by design, 2 sin(π/14) √(k/m), rad/s. */
const FIRST_MODE = 12.565;

/** The ground acceleration, m/s²: waves of several frequencies under an envelope that rises in a second and falls. */
const GROUND = [
  [7, 0.9, 0.4],
  [11.5, 1.2, 2.1],
  [17, 0.8, 4.4],
  [26, 0.6, 1.3],
  [41, 0.4, 5.2],
] as const;
export function ground(t: number): number {
  const envelope = t <= 0 ? 0 : t * exp(1 - t);
  return envelope * GROUND.reduce((sum, [omega, size, phase]) => sum + size * sin(omega * t + phase), 0);
}
/** The record of the ground motion, 100 times a second. */
const RECORD = Array.from({ length: 401 }, (_, k) => k / 100);
const forcing = { times: RECORD, values: RECORD.map(ground), order: "cubic" } as const;

/** The forces K u of unit masses, or C u̇ with the dashpots, from floor to floor (B, 1) each. */
function storeys(u: readonly Tensor[], k: readonly Tensor[]): readonly Tensor[] {
  const shear = u.map((x, i) => mul(k[i], i === 0 ? x : sub(x, u[i - 1])));
  return shear.map((force, i) => (i === FLOORS - 1 ? force : sub(force, shear[i + 1])));
}

/** Accelerations (B, floors × times) of the floors, floor by floor, m/s². */
export function accelerations(theta: Tensor, times: readonly number[], steps?: number): Tensor {
  const k = [0, 1, 2].map((i) => mul(slice(theta, i, i + 1), DESIGN));
  const share = mul(slice(theta, 3, 4), 2 / FIRST_MODE);
  /** Of displacements relative to the ground, and velocities: those of the floors in space. */
  const absolute = (states: readonly Tensor[], stiffness: readonly Tensor[], damping: Tensor): Tensor[] => {
    const strain = [0, 1, 2].map((i) => add(states[i], mul(damping, states[FLOORS + i])));
    return storeys(strain, stiffness).map(neg);
  };
  const states = ode({
    parameters: [...k, share],
    initial: new Array<number>(2 * FLOORS).fill(0),
    times,
    steps,
    forcing,
    rhs: (_t, now, parameters, [shaking]) => [
      ...now.slice(FLOORS),
      ...absolute(now, parameters.slice(0, FLOORS), parameters[FLOORS]).map((a) => sub(a, shaking)),
    ],
  });
  /** One state at all times (B, times). */
  const over = (state: number): Tensor =>
    columns(
      states,
      times.map((_, j) => 2 * FLOORS * j + state),
    );
  return concat(
    ...absolute(
      Array.from({ length: 2 * FLOORS }, (_, i) => over(i)),
      k,
      share,
    ),
  );
}

const presets: Readonly<Record<string, Preset>> = {
  fast: { spline: { bank: 4000, steps: 2000 } },
  default: { spline: { bank: 20_000, steps: 8000 } },
};

/** Stiffness and damping of a building of three storeys from the accelerations of its floors in an earthquake. */
export const building: Problem = /* @__PURE__ */ defineProblem({
  name: "building",
  description:
    "stiffness of three storeys, damping and noise level from the accelerations of the floors in an earthquake",
  parameters: ["stiffness 1", "stiffness 2", "stiffness 3", "ζ", { name: "σ", unit: "m/s²" }],
  data: Array.from({ length: FLOORS }, (_, i) =>
    BUILDING_TIMES.map((t) => ({ name: `floor ${i + 1}, ${t} s`, unit: "m/s²" })),
  ).flat(),
  prior: logNormal([0, 0, 0, log(0.03), log(0.1)], [0.25, 0.25, 0.25, 0.5, 0.4]),
  forward: (theta) => accelerations(theta, BUILDING_TIMES),
  noise: (theta) => ar1Noise({ sd: slice(theta, 4, 5), correlation: BUILDING_CORRELATION }),
  presets,
});
