// Elementwise ops, which broadcast rows and columns. There is one loop for each number of operands and type; the op is a
// constant that the compiler folds into each exported kernel.
import {
  atan2_32, cos32, digamma32, erf32, exp32, lgamma32, log1p32, log32, madd, madd64, probit32, sigmoid32, silu32, sin32, softplus32,
  tanh32, trigamma32,
} from "./simd";
import {
  atan2_64, cos64, digamma64, erf64, exp64, lgamma64, log1p64, log64, probit64, sigmoid64, silu64, sin64, softplus64,
  tanh64, trigamma64,
} from "./math64";
import { inCols, inIsParam, inPtr, inRows, outBlocks, outCols, outFeatures, outIsParam, outPtr } from "./state";

// Operand modes: a whole batch tensor (or param of the output's shape), a column, a row, a scalar.
// @ts-ignore: decorator
@inline const FULL: i32 = 0;
// @ts-ignore: decorator
@inline const COLUMN: i32 = 1;
// @ts-ignore: decorator
@inline const ROW: i32 = 2;
// @ts-ignore: decorator
@inline const SCALAR: i32 = 3;

function mode(r: usize, i: i32): i32 {
  const cols = inCols(r, i);
  if (inIsParam(r, i)) {
    if (cols == 1 && inRows(r, i) == 1) return SCALAR;
    return outIsParam(r) ? FULL : ROW;
  }
  return cols == 1 && outCols(r) > 1 ? COLUMN : FULL;
}
/** Elements from one feature to the next, and from one block to the next, in units of one element. */
// @ts-ignore: decorator
@inline function featureStride(m: i32): usize { return m == FULL ? 8 : m == ROW ? 1 : 0; }
// @ts-ignore: decorator
@inline function blockStride(m: i32, features: i32): usize { return m == FULL ? <usize>features * 8 : m == COLUMN ? 8 : 0; }

// @ts-ignore: decorator
@inline const NEG = 0, ABS = 1, EXP = 2, LOG = 3, LOG1P = 4, TANH = 5, SIN = 6, COS = 7, SQRT = 8, SQUARE = 9, SOFTPLUS = 10,
  SIGMOID = 11, SILU = 12, RELU = 13, LEAKY = 14, ERF = 15, PROBIT = 16,
  LGAMMA = 17, DIGAMMA = 18, TRIGAMMA = 19, FLOOR = 20;
// @ts-ignore: decorator
@inline const ADD = 0, SUB = 1, MUL = 2, DIV = 3, MAX = 4, MIN = 5, ATAN2 = 6, RELU_G = 7, LEAKY_G = 8, TANH_G = 9,
  SIGMOID_G = 10, SOFTPLUS_G = 11, SILU_G = 12;

// @ts-ignore: decorator
@inline function positive32(x: v128, a: v128, b: v128): v128 {
  return v128.bitselect(a, b, f32x4.gt(x, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline function unary32(op: i32, x: v128): v128 {
  if (op == NEG) return f32x4.neg(x);
  if (op == ABS) return f32x4.abs(x);
  if (op == EXP) return exp32(x);
  if (op == LOG) return log32(x);
  if (op == LOG1P) return log1p32(x);
  if (op == TANH) return tanh32(x);
  if (op == SIN) return sin32(x);
  if (op == COS) return cos32(x);
  if (op == SQRT) return f32x4.sqrt(x);
  if (op == SQUARE) return f32x4.mul(x, x);
  if (op == SOFTPLUS) return softplus32(x);
  if (op == SIGMOID) return sigmoid32(x);
  if (op == SILU) return silu32(x);
  // max would swallow a NaN in some lanes' order: select instead.
  if (op == RELU) return v128.bitselect(f32x4.splat(0), x, f32x4.lt(x, f32x4.splat(0)));
  if (op == LEAKY) return v128.bitselect(f32x4.mul(x, f32x4.splat(0.01)), x, f32x4.lt(x, f32x4.splat(0)));
  if (op == ERF) return erf32(x);
  if (op == LGAMMA) return lgamma32(x);
  if (op == DIGAMMA) return digamma32(x);
  if (op == TRIGAMMA) return trigamma32(x);
  if (op == FLOOR) return f32x4.floor(x);
  return probit32(x);
}

// @ts-ignore: decorator
@inline function unary64(op: i32, x: f64): f64 {
  if (op == NEG) return -x;
  if (op == ABS) return abs<f64>(x);
  if (op == EXP) return exp64(x);
  if (op == LOG) return log64(x);
  if (op == LOG1P) return log1p64(x);
  if (op == TANH) return tanh64(x);
  if (op == SIN) return sin64(x);
  if (op == COS) return cos64(x);
  if (op == SQRT) return sqrt<f64>(x);
  if (op == SQUARE) return x * x;
  if (op == SOFTPLUS) return softplus64(x);
  if (op == SIGMOID) return sigmoid64(x);
  if (op == SILU) return silu64(x);
  if (op == RELU) return x < 0 ? 0 : x;
  if (op == LEAKY) return x < 0 ? 0.01 * x : x;
  if (op == ERF) return erf64(x);
  if (op == LGAMMA) return lgamma64(x);
  if (op == DIGAMMA) return digamma64(x);
  if (op == TRIGAMMA) return trigamma64(x);
  if (op == FLOOR) return floor<f64>(x);
  return probit64(x);
}

// @ts-ignore: decorator
@inline function binary32(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return f32x4.add(a, b);
  if (op == SUB) return f32x4.sub(a, b);
  if (op == MUL) return f32x4.mul(a, b);
  if (op == DIV) return f32x4.div(a, b);
  if (op == MAX) return f32x4.max(a, b);
  if (op == MIN) return f32x4.min(a, b);
  if (op == ATAN2) return atan2_32(a, b);
  if (op == RELU_G) return positive32(a, b, f32x4.splat(0));
  if (op == LEAKY_G) return positive32(a, b, f32x4.mul(b, f32x4.splat(0.01)));
  if (op == TANH_G) return f32x4.mul(b, f32x4.sub(f32x4.splat(1), f32x4.mul(a, a)));
  if (op == SIGMOID_G) return f32x4.mul(b, f32x4.mul(a, f32x4.sub(f32x4.splat(1), a)));
  if (op == SOFTPLUS_G) return f32x4.mul(b, f32x4.sub(f32x4.splat(1), exp32(f32x4.neg(a))));
  const s = sigmoid32(a);
  return f32x4.mul(b, f32x4.mul(s, f32x4.add(f32x4.splat(1), f32x4.mul(a, f32x4.sub(f32x4.splat(1), s)))));
}

// @ts-ignore: decorator
@inline function binary64(op: i32, a: f64, b: f64): f64 {
  if (op == ADD) return a + b;
  if (op == SUB) return a - b;
  if (op == MUL) return a * b;
  if (op == DIV) return a / b;
  if (op == MAX) return max<f64>(a, b);
  if (op == MIN) return min<f64>(a, b);
  if (op == ATAN2) return atan2_64(a, b);
  if (op == RELU_G) return a > 0 ? b : 0;
  if (op == LEAKY_G) return a > 0 ? b : 0.01 * b;
  if (op == TANH_G) return b * (1 - a * a);
  if (op == SIGMOID_G) return b * a * (1 - a);
  if (op == SOFTPLUS_G) return b * (1 - exp64(-a));
  const s = sigmoid64(a);
  return b * s * (1 + a * (1 - s));
}

// The ops on two f64 lanes; those of the others are computed lane by lane.
// @ts-ignore: decorator
@inline function isVector1(op: i32): bool { return op == NEG || op == ABS || op == SQRT || op == SQUARE; }
// @ts-ignore: decorator
@inline function unary64x2(op: i32, x: v128): v128 {
  if (op == NEG) return f64x2.neg(x);
  if (op == ABS) return f64x2.abs(x);
  if (op == SQRT) return f64x2.sqrt(x);
  return f64x2.mul(x, x);
}
// @ts-ignore: decorator
@inline function isVector2(op: i32): bool { return op != ATAN2 && op != SOFTPLUS_G && op != SILU_G; }
// @ts-ignore: decorator
@inline function binary64x2(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return f64x2.add(a, b);
  if (op == SUB) return f64x2.sub(a, b);
  if (op == MUL) return f64x2.mul(a, b);
  if (op == DIV) return f64x2.div(a, b);
  if (op == MAX) return f64x2.max(a, b);
  if (op == MIN) return f64x2.min(a, b);
  if (op == RELU_G) return v128.bitselect(b, f64x2.splat(0), f64x2.gt(a, f64x2.splat(0)));
  if (op == LEAKY_G) return v128.bitselect(b, f64x2.mul(b, f64x2.splat(0.01)), f64x2.gt(a, f64x2.splat(0)));
  if (op == TANH_G) return f64x2.mul(b, f64x2.sub(f64x2.splat(1), f64x2.mul(a, a)));
  return f64x2.mul(f64x2.mul(b, a), f64x2.sub(f64x2.splat(1), a));
}

// @ts-ignore: decorator
@inline function map1_f32(op: i32, r: usize): void {
  let x = inPtr(r, 0);
  let y = outPtr(r);
  const end = y + (<usize>(outBlocks(r) * outFeatures(r)) << 5);
  while (y < end) {
    v128.store(y, unary32(op, v128.load(x)));
    x += 16;
    y += 16;
  }
}

// @ts-ignore: decorator
@inline function map1_f64(op: i32, r: usize): void {
  let x = inPtr(r, 0);
  let y = outPtr(r);
  const end = y + (<usize>(outBlocks(r) * outFeatures(r)) << 6);
  if (isVector1(op)) {
    while (y < end) {
      v128.store(y, unary64x2(op, v128.load(x)));
      v128.store(y, unary64x2(op, v128.load(x, 16)), 16);
      x += 32;
      y += 32;
    }
    return;
  }
  while (y < end) {
    store<f64>(y, unary64(op, load<f64>(x)));
    x += 8;
    y += 8;
  }
}

// @ts-ignore: decorator
@inline function vector(p: usize, splat: bool): v128 { return splat ? v128.load32_splat(p) : v128.load(p); }

// @ts-ignore: decorator
@inline function map2_f32(op: i32, r: usize): void {
  const blocks = outBlocks(r), features = outFeatures(r);
  const ma = mode(r, 0), mb = mode(r, 1);
  let y = outPtr(r), a = inPtr(r, 0), b = inPtr(r, 1);
  if ((ma | mb) == FULL) {
    const end = y + (<usize>(blocks * features) << 5);
    while (y < end) {
      v128.store(y, binary32(op, v128.load(a), v128.load(b)));
      a += 16;
      b += 16;
      y += 16;
    }
    return;
  }
  const sa = ma >= ROW, sb = mb >= ROW;
  const ha: usize = sa ? 0 : 16, hb: usize = sb ? 0 : 16;
  const fa = featureStride(ma) << 2, fb = featureStride(mb) << 2;
  const ba = blockStride(ma, features) << 2, bb = blockStride(mb, features) << 2;
  for (let i = 0; i < blocks; i++) {
    let pa = a, pb = b;
    for (let f = 0; f < features; f++) {
      v128.store(y, binary32(op, vector(pa, sa), vector(pb, sb)));
      v128.store(y, binary32(op, vector(pa + ha, sa), vector(pb + hb, sb)), 16);
      pa += fa;
      pb += fb;
      y += 32;
    }
    a += ba;
    b += bb;
  }
}

// @ts-ignore: decorator
@inline function vector64(p: usize, splat: bool): v128 { return splat ? v128.load64_splat(p) : v128.load(p); }

/** Ops on two lanes: whole tensors and scalars in one loop, all else feature by feature. */
// @ts-ignore: decorator
@inline function map2x2_f64(op: i32, r: usize, ma: i32, mb: i32, blocks: i32, features: i32): void {
  let y = outPtr(r), a = inPtr(r, 0), b = inPtr(r, 1);
  const sa = ma >= ROW, sb = mb >= ROW;
  const end = y + (<usize>(blocks * features) << 6);
  if ((ma | mb) == FULL) {
    while (y < end) {
      v128.store(y, binary64x2(op, v128.load(a), v128.load(b)));
      v128.store(y, binary64x2(op, v128.load(a, 16), v128.load(b, 16)), 16);
      a += 32;
      b += 32;
      y += 32;
    }
    return;
  }
  if (ma == FULL && mb == SCALAR) {
    const s = v128.load64_splat(b);
    while (y < end) {
      v128.store(y, binary64x2(op, v128.load(a), s));
      v128.store(y, binary64x2(op, v128.load(a, 16), s), 16);
      a += 32;
      y += 32;
    }
    return;
  }
  const fa = featureStride(ma) << 3, fb = featureStride(mb) << 3;
  const ba = blockStride(ma, features) << 3, bb = blockStride(mb, features) << 3;
  const la: usize = sa ? 0 : 16, lb: usize = sb ? 0 : 16;
  for (let i = 0; i < blocks; i++) {
    let pa = a, pb = b;
    for (let f = 0; f < features; f++) {
      v128.store(y, binary64x2(op, vector64(pa, sa), vector64(pb, sb)));
      v128.store(y, binary64x2(op, vector64(pa + la, sa), vector64(pb + lb, sb)), 16);
      v128.store(y, binary64x2(op, vector64(pa + 2 * la, sa), vector64(pb + 2 * lb, sb)), 32);
      v128.store(y, binary64x2(op, vector64(pa + 3 * la, sa), vector64(pb + 3 * lb, sb)), 48);
      pa += fa;
      pb += fb;
      y += 64;
    }
    a += ba;
    b += bb;
  }
}

// @ts-ignore: decorator
@inline function map2_f64(op: i32, r: usize): void {
  const blocks = outBlocks(r), features = outFeatures(r);
  const ma = mode(r, 0), mb = mode(r, 1);
  if (isVector2(op)) {
    map2x2_f64(op, r, ma, mb, blocks, features);
    return;
  }
  let y = outPtr(r), a = inPtr(r, 0), b = inPtr(r, 1);
  const la: usize = ma >= ROW ? 0 : 8, lb: usize = mb >= ROW ? 0 : 8;
  const fa = featureStride(ma) << 3, fb = featureStride(mb) << 3;
  const ba = blockStride(ma, features) << 3, bb = blockStride(mb, features) << 3;
  for (let i = 0; i < blocks; i++) {
    let pa = a, pb = b;
    for (let f = 0; f < features; f++) {
      let qa = pa, qb = pb;
      const end = y + 64;
      while (y < end) {
        store<f64>(y, binary64(op, load<f64>(qa), load<f64>(qb)));
        qa += la;
        qb += lb;
        y += 8;
      }
      pa += fa;
      pb += fb;
    }
    a += ba;
    b += bb;
  }
}

// @ts-ignore: decorator
@inline function whereOf<T>(r: usize): void {
  const blocks = outBlocks(r), features = outFeatures(r);
  const mc = mode(r, 0), ma = mode(r, 1), mb = mode(r, 2);
  let y = outPtr(r), c = inPtr(r, 0), a = inPtr(r, 1), b = inPtr(r, 2);
  const size: usize = sizeof<T>();
  const lc: usize = mc >= ROW ? 0 : size, la: usize = ma >= ROW ? 0 : size, lb: usize = mb >= ROW ? 0 : size;
  const fc = featureStride(mc) * size, fa = featureStride(ma) * size, fb = featureStride(mb) * size;
  const bc = blockStride(mc, features) * size, ba = blockStride(ma, features) * size, bb = blockStride(mb, features) * size;
  for (let i = 0; i < blocks; i++) {
    let pc = c, pa = a, pb = b;
    for (let f = 0; f < features; f++) {
      let qc = pc, qa = pa, qb = pb;
      for (let lane = 0; lane < 8; lane++) {
        store<T>(y, load<T>(qc) > <T>0 ? load<T>(qa) : load<T>(qb));
        qc += lc;
        qa += la;
        qb += lb;
        y += size;
      }
      pc += fc;
      pa += fa;
      pb += fb;
    }
    c += bc;
    a += ba;
    b += bb;
  }
}

export function neg_f32(r: usize): void { map1_f32(NEG, r); }
export function abs_f32(r: usize): void { map1_f32(ABS, r); }
export function exp_f32(r: usize): void { map1_f32(EXP, r); }
export function log_f32(r: usize): void { map1_f32(LOG, r); }
export function log1p_f32(r: usize): void { map1_f32(LOG1P, r); }
export function tanh_f32(r: usize): void { map1_f32(TANH, r); }
export function sin_f32(r: usize): void { map1_f32(SIN, r); }
export function cos_f32(r: usize): void { map1_f32(COS, r); }
export function sqrt_f32(r: usize): void { map1_f32(SQRT, r); }
export function square_f32(r: usize): void { map1_f32(SQUARE, r); }
export function softplus_f32(r: usize): void { map1_f32(SOFTPLUS, r); }
export function sigmoid_f32(r: usize): void { map1_f32(SIGMOID, r); }
export function silu_f32(r: usize): void { map1_f32(SILU, r); }
export function relu_f32(r: usize): void { map1_f32(RELU, r); }
export function leakyRelu_f32(r: usize): void { map1_f32(LEAKY, r); }
export function erf_f32(r: usize): void { map1_f32(ERF, r); }
export function probit_f32(r: usize): void { map1_f32(PROBIT, r); }
export function lgamma_f32(r: usize): void { map1_f32(LGAMMA, r); }
export function digamma_f32(r: usize): void { map1_f32(DIGAMMA, r); }
export function trigamma_f32(r: usize): void { map1_f32(TRIGAMMA, r); }
export function floor_f32(r: usize): void { map1_f32(FLOOR, r); }
export function add_f32(r: usize): void { map2_f32(ADD, r); }
export function sub_f32(r: usize): void { map2_f32(SUB, r); }
export function mul_f32(r: usize): void { map2_f32(MUL, r); }
export function div_f32(r: usize): void { map2_f32(DIV, r); }
export function maximum_f32(r: usize): void { map2_f32(MAX, r); }
export function minimum_f32(r: usize): void { map2_f32(MIN, r); }
export function atan2_f32(r: usize): void { map2_f32(ATAN2, r); }
export function reluGrad_f32(r: usize): void { map2_f32(RELU_G, r); }
export function leakyReluGrad_f32(r: usize): void { map2_f32(LEAKY_G, r); }
export function tanhGrad_f32(r: usize): void { map2_f32(TANH_G, r); }
export function sigmoidGrad_f32(r: usize): void { map2_f32(SIGMOID_G, r); }
export function softplusGrad_f32(r: usize): void { map2_f32(SOFTPLUS_G, r); }
export function siluGrad_f32(r: usize): void { map2_f32(SILU_G, r); }
export function where_f32(r: usize): void { whereOf<f32>(r); }
export function neg_f64(r: usize): void { map1_f64(NEG, r); }
export function abs_f64(r: usize): void { map1_f64(ABS, r); }
export function exp_f64(r: usize): void { map1_f64(EXP, r); }
export function log_f64(r: usize): void { map1_f64(LOG, r); }
export function log1p_f64(r: usize): void { map1_f64(LOG1P, r); }
export function tanh_f64(r: usize): void { map1_f64(TANH, r); }
export function sin_f64(r: usize): void { map1_f64(SIN, r); }
export function cos_f64(r: usize): void { map1_f64(COS, r); }
export function sqrt_f64(r: usize): void { map1_f64(SQRT, r); }
export function square_f64(r: usize): void { map1_f64(SQUARE, r); }
export function softplus_f64(r: usize): void { map1_f64(SOFTPLUS, r); }
export function sigmoid_f64(r: usize): void { map1_f64(SIGMOID, r); }
export function silu_f64(r: usize): void { map1_f64(SILU, r); }
export function relu_f64(r: usize): void { map1_f64(RELU, r); }
export function leakyRelu_f64(r: usize): void { map1_f64(LEAKY, r); }
export function erf_f64(r: usize): void { map1_f64(ERF, r); }
export function probit_f64(r: usize): void { map1_f64(PROBIT, r); }
export function lgamma_f64(r: usize): void { map1_f64(LGAMMA, r); }
export function digamma_f64(r: usize): void { map1_f64(DIGAMMA, r); }
export function trigamma_f64(r: usize): void { map1_f64(TRIGAMMA, r); }
export function floor_f64(r: usize): void { map1_f64(FLOOR, r); }
export function add_f64(r: usize): void { map2_f64(ADD, r); }
export function sub_f64(r: usize): void { map2_f64(SUB, r); }
export function mul_f64(r: usize): void { map2_f64(MUL, r); }
export function div_f64(r: usize): void { map2_f64(DIV, r); }
export function maximum_f64(r: usize): void { map2_f64(MAX, r); }
export function minimum_f64(r: usize): void { map2_f64(MIN, r); }
export function atan2_f64(r: usize): void { map2_f64(ATAN2, r); }
export function reluGrad_f64(r: usize): void { map2_f64(RELU_G, r); }
export function leakyReluGrad_f64(r: usize): void { map2_f64(LEAKY_G, r); }
export function tanhGrad_f64(r: usize): void { map2_f64(TANH_G, r); }
export function sigmoidGrad_f64(r: usize): void { map2_f64(SIGMOID_G, r); }
export function softplusGrad_f64(r: usize): void { map2_f64(SOFTPLUS_G, r); }
export function siluGrad_f64(r: usize): void { map2_f64(SILU_G, r); }
export function where_f64(r: usize): void { whereOf<f64>(r); }

// Σ c_j x_j of tensors of one shape, from the left to the right; attributes: pointer of the coefficients.
// @ts-ignore: decorator
@inline function combineOf<T>(r: usize): void {
  const count = load<i32>(r, 24), coefficients = <usize>load<u32>(r + 28 + (<usize>count << 4));
  const y = outPtr(r), bytes = <usize>(outBlocks(r) * outFeatures(r)) * 8 * sizeof<T>();
  const x = inPtr(r, 0);
  const s = sizeof<T>() == 4 ? v128.load32_splat(coefficients) : v128.load64_splat(coefficients);
  for (let p: usize = 0; p < bytes; p += 32) {
    const from = x + p;
    let a = times<T>(s, v128.load(from)), b = times<T>(s, v128.load(from, 16));
    let c = coefficients, q = r + 44;
    for (let j = count - 1; j > 0; j--) {
      c += sizeof<T>();
      const k = sizeof<T>() == 4 ? v128.load32_splat(c) : v128.load64_splat(c), next = <usize>load<u32>(q) + p;
      a = timesPlus<T>(k, v128.load(next), a);
      b = timesPlus<T>(k, v128.load(next, 16), b);
      q += 16;
    }
    v128.store(y + p, a);
    v128.store(y + p, b, 16);
  }
}
// @ts-ignore: decorator
@inline function times<T>(a: v128, b: v128): v128 { return sizeof<T>() == 4 ? f32x4.mul(a, b) : f64x2.mul(a, b); }
// @ts-ignore: decorator
@inline function timesPlus<T>(a: v128, b: v128, c: v128): v128 { return sizeof<T>() == 4 ? madd(a, b, c) : madd64(a, b, c); }
export function combine_f32(r: usize): void { combineOf<f32>(r); }
export function combine_f64(r: usize): void { combineOf<f64>(r); }
