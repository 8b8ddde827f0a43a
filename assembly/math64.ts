// Elementary functions in f64, one number at a time, for potentials and log-densities. They take the same steps as
// src/numbers/math.ts on shared polynomials, so the two agree bit for bit; only the handling of bits differs.
// AssemblyScript's own NativeMath is not used, because the tables of its exp and log alone are 6 kB after gzip.
import {
  erfcScaled, erfSmall, expm1Reduced, lgammaTail, LN2_HIGH, LN2_LOW, LOG2_E, logReduced, probitCentre, probitStep,
  probitTail,
} from "../src/numbers/polynomials";

export { atan2 as atan2_64, cos as cos64, sin as sin64 } from "../src/numbers/polynomials";

const SQRT_HALF_BITS: i64 = 0x3fe6a09e00000000; // of sqrt(1/2), the low word cleared
const TINY: f64 = 2.2250738585072014e-308; // the smallest normal number
const TWO_54: f64 = 18014398509481984;
const SQRT_HALF: f64 = 0.7071067811865476;
const INV_SQRT_TWO_PI: f64 = 0.3989422804014327;

/** 2^n, -1022 <= n <= 1023. */
// @ts-ignore: decorator
@inline function power2(n: i64): f64 {
  return reinterpret<f64>((n + 1023) << 52);
}

/** e of x = 2^e m, sqrt(1/2) <= m < sqrt(2), for a normal x > 0. */
// @ts-ignore: decorator
@inline function exponent(x: f64): i64 {
  return (reinterpret<i64>(x) - SQRT_HALF_BITS) >> 52;
}

/** x 2^-e, exactly, for a normal x and its `exponent` e. */
// @ts-ignore: decorator
@inline function mantissa(x: f64, e: i64): f64 {
  return reinterpret<f64>(reinterpret<i64>(x) - (e << 52));
}

/** e^x; infinity above 709.78, subnormal and then 0 below -708.4. */
export function exp64(x: f64): f64 {
  if (!(x <= 709.79)) return x + Infinity; // NaN stays
  if (x < -745.2) return 0;
  const n = floor<f64>(x * LOG2_E + 0.5);
  const y = 1 + expm1Reduced(x - n * LN2_HIGH, n * LN2_LOW);
  const half = <i64>n >> 1; // 2^n alone could overflow or lose its last bits
  return y * power2(half) * power2(<i64>n - half);
}

/** The natural logarithm: -infinity at 0, NaN below. */
export function log64(x: f64): f64 {
  if (!(x >= TINY && x < Infinity)) {
    if (!(x > 0) || x == Infinity) return x == 0 ? -Infinity : x > 0 ? x : NaN;
    return log64(x * TWO_54) - 54 * (LN2_HIGH + LN2_LOW);
  }
  const e = exponent(x);
  return logReduced(mantissa(x, e) - 1, <f64>e);
}

/** log(1 + x), accurate also for small x. */
export function log1p64(x: f64): f64 {
  if (abs<f64>(x) < 1 / TWO_54) return x;
  const u = 1 + x;
  if (!(u > 0) || u > TWO_54) return log64(u);
  const e = exponent(u);
  return logReduced(mantissa(u, e) - 1 + (x - (u - 1)) * power2(-e), <f64>e);
}

/** The hyperbolic tangent. */
export function tanh64(x: f64): f64 {
  const a = abs<f64>(x);
  if (!(a > 3.7e-9)) return x;
  if (a > 0.52) return copysign<f64>(a > 20 ? 1 : 1 - 2 / (exp64(2 * a) + 1), x);
  const n = floor<f64>(-2 * a * LOG2_E + 0.5);
  const scale = power2(<i64>n);
  const e = scale * expm1Reduced(-2 * a - n * LN2_HIGH, n * LN2_LOW); // e^(-2a) - scale
  return copysign<f64>((e + (scale - 1)) / (e + (scale + 1)), x);
}

/** 1 / (1 + e^-x). */
export function sigmoid64(x: f64): f64 {
  return 1 / (1 + exp64(-x));
}

/** x / (1 + e^-x). */
export function silu64(x: f64): f64 {
  return x < -750 ? 0 : x / (1 + exp64(-x));
}

/** log(1 + e^x). */
export function softplus64(x: f64): f64 {
  return (x < 0 ? 0 : x) + log1p64(exp64(-abs<f64>(x)));
}

/** The error function. */
export function erf64(x: f64): f64 {
  const a = abs<f64>(x);
  if (!(a > 1)) return x * erfSmall(x * x);
  return copysign<f64>(a > 6 ? 1 : 1 - erfc64(a), x);
}

/** 1 - erf(x), accurate also where it is small. */
export function erfc64(x: f64): f64 {
  if (!(x > 1)) return 1 - erf64(x);
  if (x > 27.3) return 0;
  const h = <f64><f32>x; // h^2 is exact
  return exp64(-h * h) * exp64(-(x - h) * (x + h)) * erfcScaled(x);
}

/** The quantile of the standard normal distribution: infinite at 0 and 1, NaN outside [0, 1]. */
export function probit64(p: f64): f64 {
  if (!(p > 0 && p < 1)) return p == 0 ? -Infinity : p == 1 ? Infinity : NaN;
  const q = p - 0.5;
  const central = abs<f64>(q) <= 0.425;
  const tail = q < 0 ? p : 1 - p;
  const x = central ? q * probitCentre(q * q) : -probitTail(sqrt<f64>(-log64(tail)));
  const excess = central ? 0.5 * erf64(x * SQRT_HALF) - q : 0.5 * erfc64(-x * SQRT_HALF) - tail;
  const y = probitStep(x, excess, INV_SQRT_TWO_PI * exp64(-0.5 * x * x));
  return central || q < 0 ? y : -y;
}

// ---- log Gamma and its derivatives, for x >= 0: by recurrence to x >= 10, then Stirling's series (Abramowitz & Stegun
// 6.1.40, 6.3.18, 6.4.11), whose first term left out is below 1e-16 there.

/** log Gamma(x) to 1e-14, absolute near its zeros: infinite at 0, NaN below. */
export function lgamma64(x: f64): f64 {
  if (!(x > 0 && x < Infinity)) return x < 0 ? NaN : x == 0 ? Infinity : x;
  let product: f64 = 1;
  for (; x < 10; x += 1) product *= x;
  const tail = lgammaTail(1 / (x * x)) / x;
  return (x - 0.5) * (log64(x) - 1) - 0.5 + 0.9189385332046728 + tail - log64(product); // log sqrt(2 pi)
}

/** The derivative of log Gamma: -infinity at 0, NaN below. */
export function digamma64(x: f64): f64 {
  if (!(x > 0)) return x == 0 ? -Infinity : NaN;
  let up: f64 = 0, down: f64 = 1; // their quotient: the sum of 1 / x of the steps
  for (; x < 10; x += 1) {
    up = up * x + down;
    down *= x;
  }
  const z = 1 / (x * x);
  const tail = z * (1 / 12.0 + z * (-1 / 120.0 + z * (1 / 252.0 + z * (-1 / 240.0 + z * (1 / 132.0
    + z * (-691 / 32760.0 + z * (1 / 12.0)))))));
  return log64(x) - 0.5 / x - tail - up / down;
}

/** The second derivative of log Gamma: infinite at 0, NaN below. */
export function trigamma64(x: f64): f64 {
  if (!(x > 0)) return x == 0 ? Infinity : NaN;
  let sum: f64 = 0;
  for (; x < 10; x += 1) sum += 1 / x / x;
  const w = 1 / x;
  const z = w * w;
  const tail = 1 / 6.0 + z * (-1 / 30.0 + z * (1 / 42.0 + z * (-1 / 30.0 + z * (5 / 66.0 + z * (-691 / 2730.0
    + z * (7 / 6.0 - z * (3617 / 510.0)))))));
  return sum + w * (1 + w * (0.5 + w * tail));
}
