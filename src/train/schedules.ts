/**
 * Learning rates, one for each step:
 *   constant      η
 *   step          η until `at`, then η · factor (the paper: 1e-2, then 1e-3 at step 5,000)
 *   cosine        warm-up, linear over `warmup` steps, then η (1 + cos πt)/2 to 0 (Loshchilov & Hutter 2017)
 *   robbinsMonro  η (1 + t/delay)^−power, ½ < power ≤ 1: Σ η_t = ∞, Σ η_t² < ∞ (Robbins & Monro 1951)
 */
import { cos, pow } from "../numbers/math.ts";

/** How the learning rate changes over the steps; `at`, `warmup` and `delay` are in steps. */
export type Schedule =
  | { readonly kind: "constant" }
  | { readonly kind: "step"; readonly at: number; readonly factor: number }
  | { readonly kind: "cosine"; readonly warmup?: number }
  | { readonly kind: "robbinsMonro"; readonly delay: number; readonly power: number };

type Rate = (t: number, steps: number) => number;
const kinds: { [K in Schedule["kind"]]: (s: Extract<Schedule, { kind: K }>) => Rate } = {
  constant: () => () => 1,
  step: ({ at, factor }) => {
    if (!(at >= 0)) throw new Error(`schedule.at: expected a step, got ${at}`);
    if (!(factor > 0 && factor < Infinity))
      throw new Error(`schedule.factor: expected a positive number, got ${factor}`);
    return (t) => (t < at ? 1 : factor);
  },
  cosine:
    ({ warmup = 50 }) =>
    (t, steps) => {
      if (!(warmup >= 0)) throw new Error(`schedule.warmup: expected a number of steps, got ${warmup}`);
      const ramp = Math.floor(Math.min(warmup, steps / 4));
      return t < ramp ? (t + 1) / ramp : (1 + cos((Math.PI * (t - ramp)) / Math.max(1, steps - ramp))) / 2;
    },
  robbinsMonro: ({ delay, power }) => {
    if (!(power > 0.5 && power <= 1))
      throw new Error(`schedule.power: expected more than 0.5 and at most 1, got ${power}`);
    if (!(delay > 0)) throw new Error(`schedule.delay: expected a positive number of steps, got ${delay}`);
    return (t) => pow(1 + t / delay, -power);
  },
};

/**
 * The rates of all steps (steps), at most `rate` unless a factor is above 1.
 * @throws on an unknown schedule, and on invalid numbers.
 */
export function rates(schedule: Schedule, rate: number, steps: number): Float32Array {
  const known = typeof schedule === "object" && schedule !== null && Object.hasOwn(kinds, schedule.kind);
  if (!known) throw new Error(`schedule: expected ${Object.keys(kinds).join(", ")}, got ${JSON.stringify(schedule)}`);
  const at = (kinds[schedule.kind] as (s: Schedule) => Rate)(schedule);
  return Float32Array.from({ length: steps }, (_, t) => rate * at(t, steps));
}
