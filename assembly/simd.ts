// Elementary functions on four f32 lanes. Each is argument reduction to an exact remainder + a minimax polynomial
// (Muller, Elementary Functions, 3rd ed., ch. 4, 5 and 11); the coefficients are our own fits, rounded to f32.
//
// It is long because each function stands beside the coefficients that it alone uses.
//
// Only + - * / sqrt and integer operations are used, so the plain build gives the same bits on every engine.
// Constants are in static memory and are broadcast when loaded: that is one instruction, while a v128 literal is
// rebuilt from integers in every iteration (measured: exp takes 0.74 ns for each element, and 1.30 ns with literals).
import { cos64, sin64 } from "./math64";

/** a * b + c on four f32 lanes: fused in the relaxed-SIMD build, rounded twice in the plain one. */
// @ts-ignore: decorator
@inline export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** a * b + c on two f64 lanes. */
// @ts-ignore: decorator
@inline export function madd64(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, c);
  return f64x2.add(f64x2.mul(a, b), c);
}

/** Entry i of a table of 4-byte constants, in all four lanes. */
// @ts-ignore: decorator
@inline function k(table: usize, i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}

// Shared by many: 0 one, 1 two, 2 half, 3 infinity, 4 zero, 5 the bit of the sign.
const COMMON: usize = memory.data<u32>([0x3f800000, 0x40000000, 0x3f000000, 0x7f800000, 0, 0x80000000], 16);

// @ts-ignore: decorator
@inline function one(): v128 { return k(COMMON, 0); }
// @ts-ignore: decorator
@inline function two(): v128 { return k(COMMON, 1); }
// @ts-ignore: decorator
@inline function half(): v128 { return k(COMMON, 2); }
// @ts-ignore: decorator
@inline function infinity(): v128 { return k(COMMON, 3); }
// @ts-ignore: decorator
@inline function zero(): v128 { return k(COMMON, 4); }
// @ts-ignore: decorator
@inline function signBit(): v128 { return k(COMMON, 5); }

// ---- exp, tanh, sigmoid, SiLU, softplus: x = n ln 2 + r, |r| <= ln 2 / 2, e^r = 1 + r + r^2 q(r) --------------------

// 0 log2(e), 1 and 2 -ln 2 in two parts (the first of 10 bits, so n times it is exact), 3..7 q from the highest power,
// 8 and 9 the range of exp, 10 the rounding constant 1.5 * 2^23 + 126, 11 the same + 127, 12 the range of tanh,
// 13 the lower end of SiLU. Adding a rounding constant puts n + 126 (or 127) into the low bits: n is rounded, and
// a shift by 23 makes 2^(n-1) (or 2^n) of it.
const EXP: usize = memory.data<f32>([
  1.44269504, -0.693359375, 0.00021219444170128554,
  0.001388249802403152, 0.00836664717644453, 0.04166720435023308, 0.16666541993618011, 0.4999999701976776,
  89.0, -87.2, 12583038.0, 12583039.0, -20.0, -200.0,
], 16);

// @ts-ignore: decorator
@inline function expRemainder(x: v128, n: v128): v128 {
  return madd(n, k(EXP, 2), madd(n, k(EXP, 1), x));
}

/** e^r - 1 for the remainder r. */
// @ts-ignore: decorator
@inline function expm1Polynomial(r: v128): v128 {
  let q = madd(k(EXP, 3), r, k(EXP, 4));
  q = madd(q, r, k(EXP, 5));
  q = madd(q, r, k(EXP, 6));
  q = madd(q, r, k(EXP, 7));
  return madd(q, f32x4.mul(r, r), r);
}

/** e^x. Results below 2^-125.5 = 1.7e-38 are 0, above the largest float infinity. */
// @ts-ignore: decorator
@inline export function exp32(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, k(EXP, 8)), k(EXP, 9)); // pmin and pmax in this order let NaN pass
  const t = madd(x, k(EXP, 0), k(EXP, 10));
  const p = expm1Polynomial(expRemainder(x, f32x4.sub(t, k(EXP, 10))));
  const y = f32x4.mul(f32x4.add(p, one()), i32x4.shl(t, 23)); // half of e^x: 2^128 would not fit
  return f32x4.add(y, y);
}

/** tanh x = -E / (2 + E) with the sign of x, E = e^(-2|x|) - 1. */
export function tanh32(x: v128): v128 {
  const a = v128.or(x, signBit());
  const y = f32x4.pmax(f32x4.add(a, a), k(EXP, 12));
  const t = madd(y, k(EXP, 0), k(EXP, 11));
  const p = expm1Polynomial(expRemainder(y, f32x4.sub(t, k(EXP, 11))));
  const scale = i32x4.shl(t, 23);
  const up = madd(p, scale, f32x4.sub(scale, one())); // E, exact for n = 0: small x keep their relative accuracy
  const down = madd(p, scale, f32x4.add(scale, one())); // 2 + E, which is rounded once less this way
  return v128.or(f32x4.abs(f32x4.div(up, down)), v128.and(x, signBit()));
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline export function sigmoid32(x: v128): v128 {
  return f32x4.div(one(), f32x4.add(one(), exp32(f32x4.neg(x))));
}

/** x / (1 + e^-x). */
// @ts-ignore: decorator
@inline export function silu32(x: v128): v128 {
  x = f32x4.pmax(x, k(EXP, 13)); // at -infinity the quotient would be NaN
  return f32x4.div(x, f32x4.add(one(), exp32(f32x4.neg(x))));
}

// 0..3: 2 artanh(s) / s = 2 + R(s^2), R(z) / z from the highest power, for |s| <= 1/3.
const SOFTPLUS: usize = memory.data<f32>(
  [0.2802445888519287, 0.27999141812324524, 0.4002169966697693, 0.6666641235351562], 16);

/** log(1 + e^x) = max(x, 0) + log(1 + u), u = e^-|x|; the logarithm as in `logPolynomial`, on 0 <= u <= 1. */
export function softplus32(x: v128): v128 {
  const u = exp32(v128.or(x, signBit()));
  const s = f32x4.div(u, f32x4.add(u, two()));
  const z = f32x4.mul(s, s);
  let q = madd(k(SOFTPLUS, 0), z, k(SOFTPLUS, 1));
  q = madd(q, z, k(SOFTPLUS, 2));
  q = madd(q, z, k(SOFTPLUS, 3));
  const h = f32x4.mul(f32x4.mul(u, u), half());
  const l = f32x4.sub(u, f32x4.sub(h, f32x4.mul(s, madd(q, z, h))));
  return f32x4.add(f32x4.pmax(x, zero()), l);
}

// ---- log: x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), log(1 + f) = 2 artanh(s), s = f / (2 + f) ----------------

// 0..2: R(z) / z as above for |s| <= 0.172, 3 and 4 ln 2 in two parts, 5 2^23, 6 23 ln 2, 7 the smallest normal number.
const LOG: usize = memory.data<f32>([
  0.29874420166015625, 0.3997744917869568, 0.6666677594184875, 0.693359375, -0.00021219444170128554,
  8388608.0, 15.942385152878742, 1.1754943508222875e-38,
], 16);
// 0 the bits of sqrt(1/2), 1 of the smallest normal number, 2 the number of bit patterns from there to infinity
const LOG_BITS: usize = memory.data<u32>([0x3f3504f3, 0x00800000, 0x7f000000], 16);

/** log(1 + f) + e ln 2, without cancellation: f - (h - s (h + R)), h = f^2 / 2 (the form of fdlibm's e_log.c). */
// @ts-ignore: decorator
@inline function logPolynomial(f: v128, e: v128): v128 {
  const s = f32x4.div(f, f32x4.add(f, two()));
  const z = f32x4.mul(s, s);
  const q = madd(madd(k(LOG, 0), z, k(LOG, 1)), z, k(LOG, 2));
  const h = f32x4.mul(f32x4.mul(f, f), half());
  const low = madd(e, k(LOG, 4), f32x4.mul(s, madd(q, z, h)));
  return madd(e, k(LOG, 3), f32x4.sub(f, f32x4.sub(h, low)));
}

/** The exponent e of x = 2^e m, sqrt(1/2) <= m < sqrt(2), as integers. */
// @ts-ignore: decorator
@inline function logExponent(x: v128): v128 {
  return i32x4.shr_s(i32x4.sub(x, k(LOG_BITS, 0)), 23);
}

/** Lanes that are not positive, finite and normal. */
// @ts-ignore: decorator
@inline function logIrregular(x: v128): v128 {
  return i32x4.ge_u(i32x4.sub(x, k(LOG_BITS, 1)), k(LOG_BITS, 2));
}

/** The natural logarithm: -infinity at 0, NaN below. */
export function log32(x: v128): v128 {
  const e = logExponent(x);
  const f = f32x4.sub(i32x4.sub(x, i32x4.shl(e, 23)), one());
  const y = logPolynomial(f, f32x4.convert_i32x4_s(e));
  const irregular = logIrregular(x);
  return v128.any_true(irregular) ? v128.bitselect(logEdge(x), y, irregular) : y;
}

/** log x of the lanes at 0, below 0, at infinity, at NaN and of subnormal numbers; the other lanes are arbitrary. */
function logEdge(x: v128): v128 {
  const subnormal = v128.and(f32x4.gt(x, zero()), f32x4.lt(x, k(LOG, 7)));
  let y = v128.bitselect(f32x4.neg(infinity()), f32x4.add(x, infinity()), f32x4.eq(x, zero())); // infinity and NaN stay
  y = v128.or(y, f32x4.lt(x, zero())); // all bits set are a NaN
  if (!v128.any_true(subnormal)) return y;
  const scaled = v128.bitselect(f32x4.mul(x, k(LOG, 5)), one(), subnormal);
  return v128.bitselect(f32x4.sub(log32(scaled), k(LOG, 6)), y, subnormal);
}

/** log(1 + x), accurate also for small x: the rounding error of 1 + x is put back into f. */
export function log1p32(x: v128): v128 {
  const u = f32x4.add(x, one());
  const e = logExponent(u);
  const lost = f32x4.sub(x, f32x4.sub(u, one()));
  const down = i32x4.max_s(i32x4.sub(one(), i32x4.shl(e, 23)), zero()); // 2^-e, or 0 where nothing is lost
  const f = madd(lost, down, f32x4.sub(i32x4.sub(u, i32x4.shl(e, 23)), one()));
  const y = logPolynomial(f, f32x4.convert_i32x4_s(e));
  const irregular = logIrregular(u);
  return v128.any_true(irregular) ? v128.bitselect(logEdge(u), y, irregular) : y;
}

// ---- sin, cos: x = n pi/2 + r, |r| <= pi/4 ------------------------------------------------------------------------

// 0 2/pi, 1 the rounding constant 1.5 * 2^23, 2..5 -pi/2 in parts of 11, 11, 11 and 24 bits (n has 13, so n times
// a part is exact), 6..8 sin r = r + r^3 q(r^2), 9..11 cos r = 1 - r^2/2 + r^4 q(r^2), both from the highest power,
// 12 the largest |x| for which the parts suffice.
const TRIG: usize = memory.data<f32>([
  0.636619772, 12582912.0, -1.5703125, -0.0004837512969970703, -7.549533620476723e-8, -2.5633440682570896e-12,
  -1.9516656175255775e-4, 0.008332173340022564, -0.16666655242443085,
  2.4437729734927416e-5, -0.001388736185617745, 0.04166664555668831,
  12800.0,
], 16);
// 0 a quarter turn, 1 the bit of the quadrant that sets the sign
const TRIG_BITS: usize = memory.data<u32>([1, 2], 16);

// @ts-ignore: decorator
@inline function sinOrCos(x: v128, isCos: bool): v128 {
  if (v128.any_true(f32x4.gt(f32x4.abs(x), k(TRIG, 12)))) return trigFar(x, isCos);
  const t = madd(x, k(TRIG, 0), k(TRIG, 1));
  const n = f32x4.sub(t, k(TRIG, 1));
  const r = madd(n, k(TRIG, 5), madd(n, k(TRIG, 4), madd(n, k(TRIG, 3), madd(n, k(TRIG, 2), x))));
  const z = f32x4.mul(r, r);
  const s = madd(f32x4.mul(r, z), madd(madd(k(TRIG, 6), z, k(TRIG, 7)), z, k(TRIG, 8)), r);
  const q = madd(madd(k(TRIG, 9), z, k(TRIG, 10)), z, k(TRIG, 11));
  const c = madd(q, f32x4.mul(z, z), f32x4.sub(one(), f32x4.mul(z, half())));
  const quadrant = isCos ? i32x4.add(t, k(TRIG_BITS, 0)) : t;
  const y = v128.bitselect(c, s, i32x4.shr_s(i32x4.shl(quadrant, 31), 31));
  return v128.xor(y, i32x4.shl(v128.and(quadrant, k(TRIG_BITS, 1)), 30));
}

/** sin x, with its full relative accuracy for |x| <= 1e6 (above 12800 by way of f64). NaN at infinity. */
export function sin32(x: v128): v128 {
  return sinOrCos(x, false);
}

/** cos x, as `sin32`. */
export function cos32(x: v128): v128 {
  return sinOrCos(x, true);
}

function trigFar(x: v128, isCos: bool): v128 {
  const a = <f64>f32x4.extract_lane(x, 0);
  const b = <f64>f32x4.extract_lane(x, 1);
  const c = <f64>f32x4.extract_lane(x, 2);
  const d = <f64>f32x4.extract_lane(x, 3);
  let y = f32x4.splat(<f32>(isCos ? cos64(a) : sin64(a)));
  y = f32x4.replace_lane(y, 1, <f32>(isCos ? cos64(b) : sin64(b)));
  y = f32x4.replace_lane(y, 2, <f32>(isCos ? cos64(c) : sin64(c)));
  return f32x4.replace_lane(y, 3, <f32>(isCos ? cos64(d) : sin64(d)));
}

// ---- for Box and Muller -------------------------------------------------------------------------------------------

/** log(u) for normal u > 0: no special cases. */
// @ts-ignore: decorator
@inline export function logUnit(u: v128): v128 {
  const e = logExponent(u);
  const f = f32x4.sub(i32x4.sub(u, i32x4.shl(e, 23)), one());
  return logPolynomial(f, f32x4.convert_i32x4_s(e));
}

// 0..4 sin(2 pi w) / w and 5..10 cos(2 pi w) in w^2 for |w| <= 1/4, from the highest power, all with the sign changed;
// 11 a quarter.
const TURN: usize = memory.data<f32>([
  -39.71091842651367, 76.57498931884766, -81.60223388671875, 41.341678619384766, -6.2831854820251465,
  24.98223876953125, -60.14401626586914, 85.45357513427734, -64.93934631347656, 19.739208221435547, -1, 0.25,
], 16);

/** cos(2 pi (h + 1/2)), |h| <= 1/2. With w = 1/4 - |h|: cos 2 pi h = sin 2 pi w and |sin 2 pi h| = cos 2 pi w. */
// @ts-ignore: decorator
@inline export function cosTurn(h: v128): v128 {
  const w = f32x4.sub(k(TURN, 11), f32x4.abs(h));
  const z = f32x4.mul(w, w);
  const q = madd(madd(madd(k(TURN, 0), z, k(TURN, 1)), z, k(TURN, 2)), z, k(TURN, 3));
  return f32x4.mul(madd(q, z, k(TURN, 4)), w);
}

/** sin(2 pi (h + 1/2)), |h| <= 1/2. */
// @ts-ignore: decorator
@inline export function sinTurn(h: v128): v128 {
  const w = f32x4.sub(k(TURN, 11), f32x4.abs(h));
  const z = f32x4.mul(w, w);
  const q = madd(madd(madd(k(TURN, 5), z, k(TURN, 6)), z, k(TURN, 7)), z, k(TURN, 8));
  return v128.xor(madd(madd(q, z, k(TURN, 9)), z, k(TURN, 10)), v128.and(h, signBit()));
}

// ---- atan2, erf, probit --------------------------------------------------------------------------------------------

// 0..7 atan t = t + t^3 q(t^2) on 0 <= t <= 1, from the highest power, 8 pi/2, 9 pi, 10 the smallest positive number.
const ATAN: usize = memory.data<f32>([
  0.0029745902866125107, -0.016581183299422264, 0.043553538620471954, -0.07580578327178955, 0.10678940266370773,
  -0.14214208722114563, 0.19994136691093445, -0.3333316743373871, 1.5707963267948966, 3.141592653589793,
  1.401298464324817e-45,
], 16);

/** The angle of the point (x, y), in (-pi, pi]; 0 or +-pi at the origin. */
export function atan2_32(y: v128, x: v128): v128 {
  const ax = f32x4.abs(x);
  const ay = f32x4.abs(y);
  const low = f32x4.pmin(ax, ay); // in this order of arguments a NaN on either side reaches the quotient
  let t = f32x4.div(low, f32x4.pmax(f32x4.pmax(ay, ax), k(ATAN, 10)));
  t = v128.bitselect(one(), t, f32x4.eq(f32x4.min(ax, ay), infinity())); // both infinite: min, unlike pmin, keeps NaN
  const z = f32x4.mul(t, t);
  let q = madd(k(ATAN, 0), z, k(ATAN, 1));
  q = madd(q, z, k(ATAN, 2));
  q = madd(q, z, k(ATAN, 3));
  q = madd(q, z, k(ATAN, 4));
  q = madd(q, z, k(ATAN, 5));
  q = madd(q, z, k(ATAN, 6));
  q = madd(q, z, k(ATAN, 7));
  let a = madd(q, f32x4.mul(z, t), t);
  a = v128.bitselect(f32x4.sub(k(ATAN, 8), a), a, f32x4.gt(ay, ax));
  a = v128.bitselect(f32x4.sub(k(ATAN, 9), a), a, i32x4.shr_s(x, 31));
  return v128.or(a, v128.and(y, signBit()));
}

// erf x / x as a quotient of polynomials of degree 5 in x^2 on |x| <= 4 (2.5e-8 relative): 0..5 numerator and
// 6..11 denominator from the highest power, 12 the range.
const ERF: usize = memory.data<f32>([
  1.9867650280502858e-6, 0.00028456462314352393, 0.0038833455182611942, 0.05310175195336342, 0.19354529678821564,
  1.1283791065216064,
  3.741992622963153e-5, 0.001185568980872631, 0.015207257121801376, 0.11535007506608963, 0.50485759973526, 1,
  4,
], 16);

/** The error function, to 5e-7. */
export function erf32(x: v128): v128 {
  const sign = v128.and(x, signBit());
  const a = f32x4.pmin(v128.xor(x, sign), k(ERF, 12));
  const z = f32x4.mul(a, a);
  let p = madd(k(ERF, 0), z, k(ERF, 1));
  let q = madd(k(ERF, 6), z, k(ERF, 7));
  p = madd(p, z, k(ERF, 2));
  q = madd(q, z, k(ERF, 8));
  p = madd(p, z, k(ERF, 3));
  q = madd(q, z, k(ERF, 9));
  p = madd(p, z, k(ERF, 4));
  q = madd(q, z, k(ERF, 10));
  p = madd(p, z, k(ERF, 5));
  q = madd(q, z, k(ERF, 11));
  const y = f32x4.div(f32x4.mul(p, a), q);
  return v128.or(f32x4.pmin(y, one()), sign);
}

// Normal quantile in the form of Wichura (1988, AS 241): q R(c - q^2) for |q| = |p - 1/2| <= 0.425, else
// S(sqrt(-log p)). 0..3 and 4..7 numerator and denominator of R, 8..12 and 13..16 of S, from the highest power,
// 17 the limit, 18 c = 0.425^2.
const PROBIT: usize = memory.data<f32>([
  59.108802795410156, 159.29034423828125, 50.43417739868164, 3.3871326446533203,
  67.18704223632812, 78.7574462890625, 17.8951416015625, 1,
  0.5978097319602966, 5.108274936676025, 5.308767795562744, -4.830374717712402, -2.892133951187134,
  0.42261797189712524, 3.6204707622528076, 4.711549758911133, 1,
  0.425, 0.180625,
], 16);

/** The quantile of the standard normal distribution: infinite at 0 and 1, NaN outside [0, 1]. */
export function probit32(p: v128): v128 {
  const q = f32x4.sub(p, half());
  const z = f32x4.sub(k(PROBIT, 18), f32x4.mul(q, q));
  const tail = f32x4.pmin(f32x4.sub(one(), p), p);
  const r = f32x4.sqrt(f32x4.neg(log32(tail)));
  let a = madd(madd(madd(k(PROBIT, 0), z, k(PROBIT, 1)), z, k(PROBIT, 2)), z, k(PROBIT, 3));
  let b = madd(madd(madd(k(PROBIT, 4), z, k(PROBIT, 5)), z, k(PROBIT, 6)), z, k(PROBIT, 7));
  let c = madd(madd(madd(k(PROBIT, 8), r, k(PROBIT, 9)), r, k(PROBIT, 10)), r, k(PROBIT, 11));
  const d = madd(madd(madd(k(PROBIT, 13), r, k(PROBIT, 14)), r, k(PROBIT, 15)), r, k(PROBIT, 16));
  c = madd(c, r, k(PROBIT, 12));
  const far = f32x4.gt(f32x4.abs(q), k(PROBIT, 17));
  a = v128.bitselect(c, f32x4.mul(a, f32x4.abs(q)), far);
  b = v128.bitselect(d, b, far);
  const y = v128.bitselect(infinity(), f32x4.div(a, b), f32x4.eq(tail, zero()));
  return v128.or(y, v128.and(q, signBit()));
}

// ---- log Gamma and its derivatives, x >= 0 -------------------------------------------------------------------------
// With t = x - 1 on [1, 3), and t = x and one step of the recurrence on [0, 1): log Gamma(1 + t) = t (t - 1) R(t),
// digamma(1 + t) = (t - t0) R(t) with its zero t0, trigamma(1 + t) = R(t). From 3 on the form of Stirling's series (Abramowitz &
// Stegun 6.1.40, 6.3.18, 6.4.11) with a polynomial in 1 / x^2. All by our own fits, to 3e-9 and below 2e-8 of the value.

// Of each: 0..4 and 5..8 numerator and denominator of R, 9 and on the polynomial, all from the highest power.
const LGAMMA: usize = memory.data<f32>([
  -0.00011667874787235633, 0.00477938074618578, 0.17665041983127594, 0.6674227714538574, 0.5772156715393066,
  0.08301981538534164, 0.7085772752761841, 1.581166386604309, 1.0,
  0.0007093486492522061, -0.0027744716499000788, 0.08333331346511841,
  0.4189385332046727, 3,
], 16); // 12 log sqrt(2 pi) - 1/2, 13 where Stirling's series begins
const DIGAMMA: usize = memory.data<f32>([
  -0.00010483662481419742, 0.004504823591560125, 0.24766577780246735, 1.1856671571731567, 1.2503801584243774,
  0.07952634245157242, 0.7116883397102356, 1.6317920684814453, 1.0,
  0.003401875728741288, -0.008311450481414795, 0.08333320170640945,
  0.461669921875, -3.777690653805621e-05,
], 16); // 12 and 13 t0 in two parts, the first of 12 bits
const TRIGAMMA: usize = memory.data<f32>([
  3.0845734727336094e-05, -0.00034790573408827186, 0.8432269096374512, 2.2193405628204346, 1.644934058189392,
  0.841346025466919, 2.646636724472046, 2.8107235431671143, 1.0,
  -0.022114749997854233, 0.02313755825161934, -0.033319566398859024, 0.16666662693023682,
], 16);

/** R(t) of a table. */
// @ts-ignore: decorator
@inline function gammaQuotient(table: usize, t: v128): v128 {
  let p = madd(k(table, 0), t, k(table, 1));
  p = madd(p, t, k(table, 2));
  p = madd(p, t, k(table, 3));
  p = madd(p, t, k(table, 4));
  let q = madd(k(table, 5), t, k(table, 6));
  q = madd(q, t, k(table, 7));
  q = madd(q, t, k(table, 8));
  return f32x4.div(p, q);
}

/** Three coefficients of a table, from 9 on, in z. */
// @ts-ignore: decorator
@inline function gammaTail(table: usize, z: v128): v128 {
  return madd(madd(k(table, 9), z, k(table, 10)), z, k(table, 11));
}

/** log Gamma(x): infinite at 0, NaN below. */
export function lgamma32(x: v128): v128 {
  const logX = log32(x);
  const small = f32x4.lt(x, one());
  const shifted = f32x4.sub(x, one());
  const t = v128.bitselect(x, shifted, small);
  const less1 = v128.bitselect(shifted, f32x4.sub(shifted, one()), small); // t - 1, exactly
  const near = f32x4.sub(f32x4.mul(f32x4.mul(t, less1), gammaQuotient(LGAMMA, t)), v128.and(logX, small));
  const w = f32x4.div(one(), x);
  const tail = madd(gammaTail(LGAMMA, f32x4.mul(w, w)), w, k(LGAMMA, 12));
  const far = madd(f32x4.sub(x, half()), f32x4.sub(logX, one()), tail);
  return v128.bitselect(near, far, f32x4.lt(x, k(LGAMMA, 13)));
}

/** The derivative of log Gamma: -infinity at 0, NaN below. */
export function digamma32(x: v128): v128 {
  const y = f32x4.add(x, zero()); // -0 becomes 0
  const small = f32x4.lt(y, one());
  const t = v128.bitselect(y, f32x4.sub(y, one()), small);
  const w = f32x4.div(one(), y);
  const root = f32x4.sub(f32x4.sub(t, k(DIGAMMA, 12)), k(DIGAMMA, 13));
  const near = f32x4.sub(f32x4.mul(root, gammaQuotient(DIGAMMA, t)), v128.and(w, small));
  const z = f32x4.mul(w, w);
  const far = f32x4.sub(log32(y), madd(gammaTail(DIGAMMA, z), z, f32x4.mul(w, half())));
  const value = v128.bitselect(near, far, f32x4.lt(y, k(LGAMMA, 13)));
  return v128.or(value, f32x4.lt(y, zero())); // all bits set are a NaN
}

/** The second derivative of log Gamma: infinite at 0, NaN below. */
export function trigamma32(x: v128): v128 {
  const small = f32x4.lt(x, one());
  const t = v128.bitselect(x, f32x4.sub(x, one()), small);
  const w = f32x4.div(one(), x);
  const z = f32x4.mul(w, w);
  const near = f32x4.add(gammaQuotient(TRIGAMMA, t), v128.and(z, small));
  const far = madd(z, madd(madd(gammaTail(TRIGAMMA, z), z, k(TRIGAMMA, 12)), w, half()), w);
  const value = v128.bitselect(near, far, f32x4.lt(x, k(LGAMMA, 13)));
  return v128.or(value, f32x4.lt(x, zero()));
}
