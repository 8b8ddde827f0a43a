// Elementary functions in f64 that give the same bits on every JavaScript engine. The engines' own Math.sin, cos, exp,
// log, pow, tanh … differ in the last bits from each other and between versions, so nothing that feeds weights,
// constants, schedules or draws may come from them. These use only + - * /, sqrt, floor, fround and views of the bits;
// the wasm kernels (assembly/math64.ts) share the polynomials and take the same steps.
import {
  artanhTail,
  erfcScaled,
  erfSmall,
  expm1Reduced,
  LN2_HIGH,
  LN2_LOW,
  LOG2_E,
  lgammaTail,
  logReduced,
  probitCentre,
  probitStep,
  probitTail,
  sin,
} from "./polynomials.ts";

export { atan2, cos, sin } from "./polynomials.ts";

const double = new Float64Array(1);
const words = new Int32Array(double.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0]; // 1 where the low word comes first, else 0
const SQRT_HALF_HIGH = 0x3fe6a09e; // the high word of sqrt(1/2)
const TINY = 2.2250738585072014e-308; // the smallest normal number
const TWO_54 = 18014398509481984;
const SQRT_HALF = 0.7071067811865476;
/** log 2π */
export const LOG_2PI = 1.8378770664093453;
const INV_SQRT_TWO_PI = 0.3989422804014327;

/** 2^n, -1022 <= n <= 1023. */
function power2(n: number): number {
  words[1 - HIGH] = 0;
  words[HIGH] = (n + 1023) << 20;
  return double[0];
}

/** e of x = 2^e m, sqrt(1/2) <= m < sqrt(2), for a normal x > 0. */
function exponent(x: number): number {
  double[0] = x;
  return (words[HIGH] - SQRT_HALF_HIGH) >> 20;
}

/** x 2^-e, exactly, for a normal x and its `exponent` e. */
function mantissa(x: number, e: number): number {
  double[0] = x;
  words[HIGH] -= e << 20;
  return double[0];
}

/** e^(x + low), low much smaller than x. */
function expSum(x: number, low: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.79) return Infinity;
  if (x < -745.2) return 0;
  const n = Math.floor(x * LOG2_E + 0.5);
  const y = 1 + expm1Reduced(x - n * LN2_HIGH, n * LN2_LOW - low);
  const half = n >> 1; // 2^n alone could overflow or lose its last bits
  return y * power2(half) * power2(n - half);
}

/** e^x; infinity above 709.78, subnormal and then 0 below -708.4. */
export function exp(x: number): number {
  return expSum(x, 0);
}

/** The natural logarithm: -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (!(x > 0) || x === Infinity) return x === 0 ? -Infinity : x > 0 ? x : NaN;
  if (x < TINY) return log(x * TWO_54) - 54 * (LN2_HIGH + LN2_LOW);
  const e = exponent(x);
  return logReduced(mantissa(x, e) - 1, e);
}

/** log(1 + x), accurate also for small x. */
export function log1p(x: number): number {
  if (Math.abs(x) < 1 / TWO_54) return x;
  const u = 1 + x;
  if (!(u > 0) || u > TWO_54) return log(u);
  const e = exponent(u);
  return logReduced(mantissa(u, e) - 1 + (x - (u - 1)) * power2(-e), e);
}

/** The hyperbolic tangent. */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (!(a > 3.7e-9)) return x;
  if (a > 0.52) {
    const t = a > 20 ? 1 : 1 - 2 / (exp(2 * a) + 1);
    return x < 0 ? -t : t;
  }
  const n = Math.floor(-2 * a * LOG2_E + 0.5);
  const scale = power2(n);
  const e = scale * expm1Reduced(-2 * a - n * LN2_HIGH, n * LN2_LOW); // e^(-2a) - scale
  const t = -(e + (scale - 1)) / (e + (scale + 1));
  return x < 0 ? -t : t;
}

/** x^y as e^(y log x), with log x to 60 bits; NaN for x < 0 unless y is an integer. 0^0 = 1. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  const a = Math.abs(x);
  const whole = Math.floor(y) === y;
  if (x < 0 && !whole && a < Infinity) return NaN;
  const sign = (x < 0 || 1 / x < 0) && whole && Math.floor(0.5 * y) !== 0.5 * y ? -1 : 1;
  if (a === 1) return sign;
  if (a === 0 || a === Infinity || Math.abs(y) > 1.8446744073709552e19)
    return a > 1 === y > 0 ? sign * Infinity : 0 * sign;
  const scaled = a < TINY ? a * TWO_54 : a;
  const e = exponent(scaled);
  const m = mantissa(scaled, e);
  const d = m + 1;
  const dHigh = Math.fround(d);
  const dLow = m - (d - 1) + (d - dHigh);
  const s = (m - 1) / d;
  const sHigh = Math.fround(s);
  const sLow = (m - 1 - sHigh * dHigh - sHigh * dLow) / d;
  const z = s * s;
  const k = e - (scaled === a ? 0 : 54);
  const high = k * LN2_HIGH + 2 * sHigh;
  const low = 2 * sHigh - (high - k * LN2_HIGH) + (k * LN2_LOW + (2 * sLow + s * z * artanhTail(z)));
  const yHigh = Math.fround(y);
  const logHigh = Math.fround(high);
  const first = yHigh * logHigh;
  const rest = yHigh * (high - logHigh) + (y - yHigh) * high + y * low;
  const sum = first + rest;
  return sign * expSum(sum, rest - (sum - first));
}

/** The error function, to 3 ulp. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a > 1)) return x * erfSmall(x * x);
  const y = a > 6 ? 1 : 1 - erfc(a);
  return x < 0 ? -y : y;
}

/** 1 - erf(x), accurate to 1e-14 also where it is small. */
export function erfc(x: number): number {
  if (!(x > 1)) return 1 - erf(x);
  if (x > 27.3) return 0;
  const h = Math.fround(x); // h^2 is exact
  return exp(-h * h) * exp(-(x - h) * (x + h)) * erfcScaled(x);
}

/** The quantile of the standard normal distribution: infinite at 0 and 1, NaN outside [0, 1]. */
export function probit(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const x = q * probitCentre(q * q);
    return probitStep(x, 0.5 * erf(x * SQRT_HALF) - q, INV_SQRT_TWO_PI * exp(-0.5 * x * x));
  }
  const tail = q < 0 ? p : 1 - p;
  const start = -probitTail(Math.sqrt(-log(tail)));
  const x = probitStep(start, 0.5 * erfc(-start * SQRT_HALF) - tail, INV_SQRT_TWO_PI * exp(-0.5 * start * start));
  return q < 0 ? x : -x;
}

/** log |Gamma(x)| to 1e-14 (absolute near its zeros), infinite at 0, -1, -2, …: Stirling's series above 10. */
export function lgamma(x: number): number {
  if (!(Math.abs(x) < Infinity)) return Math.abs(x);
  if (x <= 0) {
    if (Math.floor(x) === x) return Infinity;
    const fraction = x - Math.floor(x + 0.5);
    return log(Math.PI / Math.abs(sin(Math.PI * fraction))) - lgamma(1 - x);
  }
  let product = 1;
  for (; x < 10; x++) product *= x;
  const tail = lgammaTail(1 / (x * x)) / x;
  return (x - 0.5) * (log(x) - 1) - 0.5 + 0.9189385332046728 + tail - log(product); // log sqrt(2 pi)
}
