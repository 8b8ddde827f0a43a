/**
 * The derivatives of log Γ in f64, for x > 0: the recurrences ψ(x) = ψ(x + 1) − 1/x and ψ′(x) = ψ′(x + 1) + 1/x² up to 10, and their
 * asymptotic series from there (Abramowitz & Stegun 6.3.18 and 6.4.12); the first term left out is below 1e-16.
 */
import { log } from "./math.ts";

const FAR = 10;

/** ψ(x), the derivative of log Γ; −∞ at 0, NaN below. */
export function digamma(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  let less = 0;
  let at = x;
  for (; at < FAR; at++) less += 1 / at;
  const z = 1 / (at * at);
  const tail =
    z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z * (1 / 132 - z * (691 / 32760 - z * (1 / 12)))))));
  return log(at) - 0.5 / at - tail - less;
}

/** ψ′(x), the second derivative of log Γ; infinite at 0, NaN below. */
export function trigamma(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  let more = 0;
  let at = x;
  for (; at < FAR; at++) more += 1 / (at * at);
  const z = 1 / (at * at);
  const tail = z * (1 / 6 - z * (1 / 30 - z * (1 / 42 - z * (1 / 30 - z * (5 / 66 - z * (691 / 2730 - z * (7 / 6)))))));
  return more + (1 + tail + 0.5 / at) / at;
}
