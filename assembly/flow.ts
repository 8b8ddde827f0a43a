// Monotone rational-quadratic splines (Durkan, Bekasov, Murray and Papamakarios, Neural Spline Flows, 2019, eqs 4-8).
// In the bin from (x0, y0), w wide and h high, with the slopes d0 and d1 at its ends, let s = h / w, a = (x - x0) / w,
// b = 1 - a. No term below is negative, so nothing cancels:
//
//   P = a (s a + d0 b),  Q = b (s b + d1 a),  N = a (d1 a + s b) + b (d0 b + s a)
//   y = y0 + h P / (P + Q),  dy/dx = s^2 N / (P + Q)^2
//
// Inverse: with e = (y - y0) / h and f = 1 - e, z = a / b is the positive root of s f z^2 + m z = s e, m = d0 f - d1 e;
// r = sqrt(m^2 + 4 s^2 e f) gives a : b = 2 s e : r + m, or r - m : 2 s f where m is negative.
//
// Lanes are samples. They are in different bins: a sweep over the knots counts those that each lane has passed, and the numbers
// of its bin are gathered lane by lane. Outside (-bound, bound) the spline is the identity.
import { CELL, SPLINE, local } from "./local";
import { exp32, log32, madd, sigmoid32, softplus32 } from "./simd";
import { attrs, inCols, inPtr, outPtr, outRows, shardBlocks } from "./state";

/** Share of the interval that every bin keeps, and the least inner slope. */
// @ts-ignore: decorator
@inline const FLOOR: f32 = 1e-3;
/** log(exp(1 - 1e-3) - 1): a raw slope of 0 is a slope of 1. */
// @ts-ignore: decorator
@inline const SLOPE_SHIFT: f32 = 0.5397424172369522;

// Scratch for one dimension of one block, in the layout of a block, MAX_BINS + 1 rows each. For widths, then heights:
// the exponentials of the K raw numbers, the K first knots, and what rounding took from these knots. Row K of the
// exponentials holds what turns them into lengths, row K of the knots the drift of their sum.
// @ts-ignore: decorator
@inline const MAX_BINS: usize = 128;
// @ts-ignore: decorator
@inline const PART: usize = (MAX_BINS + 1) * 32;
// @ts-ignore: decorator
@inline const KNOTS: usize = PART, LOST: usize = PART * 2, AXIS: usize = PART * 3;
// @ts-ignore: decorator
@inline function knots(): usize { return local() + SPLINE; }
/** Results of `locate` for four samples, one vector each. */
// @ts-ignore: decorator
@inline function cell(): usize { return local() + CELL; }
// @ts-ignore: decorator
@inline const VALUE: usize = 0, A: usize = 16, B: usize = 32, S: usize = 48, D0: usize = 64, D1: usize = 80,
  W: usize = 96, H: usize = 112, X0: usize = 128, Y0: usize = 144, RAW0: usize = 160, RAW1: usize = 176,
  BIN: usize = 192;

// @ts-ignore: decorator
@inline function splat(x: f32): v128 { return f32x4.splat(x); }
// @ts-ignore: decorator
@inline function add(a: v128, b: v128): v128 { return f32x4.add(a, b); }
// @ts-ignore: decorator
@inline function sub(a: v128, b: v128): v128 { return f32x4.sub(a, b); }
// @ts-ignore: decorator
@inline function mul(a: v128, b: v128): v128 { return f32x4.mul(a, b); }
// @ts-ignore: decorator
@inline function div(a: v128, b: v128): v128 { return f32x4.div(a, b); }

/**
 * Exponentials and knots() of one axis, for 8 samples: softmax, the floor of every bin, running sums from -bound. Narrow
 * bins need knots() to better than f32, so the rounding error of each sum is accumulated separately (Dekker's fast two-sum:
 * exact except where the sums cross 0, and off by a rounding of the length there). The drift is the distance of the last
 * knot from bound, relative to the whole: a rounded scale moves all knots() in proportion.
 */
function layKnots(raw: usize, exps: usize, bins: i32, bound: f32): void {
  const bytes = <usize>bins << 5;
  let top = v128.load(raw), topB = v128.load(raw, 16);
  for (let i: usize = 32; i < bytes; i += 32) {
    top = f32x4.pmax(top, v128.load(raw + i));
    topB = f32x4.pmax(topB, v128.load(raw + i, 16));
  }
  let sum = splat(0), sumB = splat(0);
  for (let i: usize = 0; i < bytes; i += 32) {
    const e = exp32(sub(v128.load(raw + i), top)), eB = exp32(sub(v128.load(raw + i, 16), topB));
    v128.store(exps + i, e);
    v128.store(exps + i, eB, 16);
    sum = add(sum, e);
    sumB = add(sumB, eB);
  }
  const least = splat(2 * bound * FLOOR);
  const shared = splat(2 * bound * (1 - FLOOR * <f32>bins));
  const scale = div(shared, sum), scaleB = div(shared, sumB);
  let knot = splat(-bound), knotB = knot, lost = splat(0), lostB = lost;
  let row = exps;
  for (const end = exps + bytes; row < end; row += 32) {
    v128.store(row, knot, KNOTS);
    v128.store(row, knotB, KNOTS + 16);
    v128.store(row, lost, LOST);
    v128.store(row, lostB, LOST + 16);
    const length = madd(v128.load(row), scale, least), lengthB = madd(v128.load(row, 16), scaleB, least);
    const next = add(knot, length), nextB = add(knotB, lengthB);
    lost = add(lost, sub(length, sub(next, knot)));
    lostB = add(lostB, sub(lengthB, sub(nextB, knotB)));
    knot = next;
    knotB = nextB;
  }
  const whole = splat(2 * bound);
  v128.store(row, scale);
  v128.store(row, scaleB, 16);
  v128.store(row, div(sub(sub(splat(bound), knot), lost), whole), KNOTS);
  v128.store(row, div(sub(sub(splat(bound), knotB), lostB), whole), KNOTS + 16);
}

/** The floats at four byte offsets, one for each sample; `from` is the address of the first sample. */
// @ts-ignore: decorator
@inline function gather(from: usize, offsets: v128): v128 {
  let v = v128.load32_zero(from + <usize>i32x4.extract_lane(offsets, 0));
  v = v128.load32_lane(from + <usize>i32x4.extract_lane(offsets, 1), v, 1, 4);
  v = v128.load32_lane(from + <usize>i32x4.extract_lane(offsets, 2), v, 2, 8);
  return v128.load32_lane(from + <usize>i32x4.extract_lane(offsets, 3), v, 3, 12);
}

/** v brought into [-bound, bound]. */
// @ts-ignore: decorator
@inline function clamp(v: v128, bound: f32): v128 { return f32x4.pmax(f32x4.pmin(v, splat(bound)), splat(-bound)); }

/**
 * Finds the bin of four samples and evaluates the spline there; `v` is in [-bound, bound]. `lane` is 0 or 16, for the
 * first or last four samples of a block, `slopes` the address of their raw inner slopes.
 */
function locate(v: v128, slopes: usize, lane: usize, bins: i32, bound: f32, inverse: bool): void {
  const widths = knots() + lane, heights = widths + AXIS;
  const from = inverse ? heights : widths, to = inverse ? widths : heights;
  const axis = <usize>bins << 5;
  let bin = i32x4.splat(0);
  for (let row = from + 32; row < from + axis; row += 32) bin = i32x4.sub(bin, f32x4.ge(v, v128.load(row, KNOTS)));

  const at = i32x4.shl(bin, 5);
  const least = splat(2 * bound * FLOOR), one = splat(1), zero = splat(0);
  const w = madd(gather(widths, at), v128.load(widths + axis), least);
  const h = madd(gather(heights, at), v128.load(heights + axis), least);
  const s = div(h, w);
  const first = i32x4.eq(bin, i32x4.splat(0)), last = i32x4.eq(bin, i32x4.splat(bins - 1)); // their outer slopes are 1
  const shift = splat(SLOPE_SHIFT), floor = splat(FLOOR);
  const raw0 = add(gather(slopes, i32x4.max_s(i32x4.sub(at, i32x4.splat(32)), i32x4.splat(0))), shift);
  const raw1 = add(gather(slopes, i32x4.min_s(at, i32x4.splat((bins - 2) << 5))), shift);
  const d0 = v128.bitselect(one, add(softplus32(raw0), floor), first);
  const d1 = v128.bitselect(one, add(softplus32(raw1), floor), last);

  const from0 = gather(from + KNOTS, at), to0 = gather(to + KNOTS, at), start = splat(bound);
  const fromRest = madd(add(from0, start), v128.load(from + axis, KNOTS), gather(from + LOST, at));
  const toRest = madd(add(to0, start), v128.load(to + axis, KNOTS), gather(to + LOST, at));
  let a = div(sub(sub(v, from0), fromRest), inverse ? h : w);
  a = f32x4.pmax(f32x4.pmin(a, one), zero); // outside only by rounding
  let b = sub(one, a);
  let step: v128;
  if (inverse) {
    const m = sub(mul(d0, b), mul(d1, a));
    const twice = add(s, s), se = mul(twice, a), sf = mul(twice, b);
    const r = add(f32x4.abs(m), f32x4.sqrt(madd(se, sf, mul(m, m))));
    const falling = f32x4.lt(m, zero);
    a = v128.bitselect(r, se, falling);
    b = v128.bitselect(sf, r, falling);
    const ratio = div(one, add(a, b));
    a = mul(a, ratio);
    b = mul(b, ratio);
    step = mul(w, a);
  } else {
    const p = mul(a, madd(s, a, mul(d0, b))), q = mul(b, madd(s, b, mul(d1, a)));
    step = div(mul(h, p), add(p, q));
  }
  v128.store(cell(), clamp(add(to0, add(toRest, step)), bound), VALUE);
  v128.store(cell(), a, A);
  v128.store(cell(), b, B);
  v128.store(cell(), s, S);
  v128.store(cell(), d0, D0);
  v128.store(cell(), d1, D1);
  v128.store(cell(), w, W);
  v128.store(cell(), h, H);
  v128.store(cell(), bin, BIN);
  v128.store(cell(), inverse ? to0 : from0, X0);
  v128.store(cell(), inverse ? from0 : to0, Y0);
  v128.store(cell(), raw0, RAW0);
  v128.store(cell(), raw1, RAW1);
}

/** P + Q of the cell. */
// @ts-ignore: decorator
@inline function denominator(): v128 {
  const a = v128.load(cell(), A), b = v128.load(cell(), B), s = v128.load(cell(), S);
  return add(mul(a, madd(s, a, mul(v128.load(cell(), D0), b))), mul(b, madd(s, b, mul(v128.load(cell(), D1), a))));
}

/** N of the cell. */
// @ts-ignore: decorator
@inline function numerator(): v128 {
  const a = v128.load(cell(), A), b = v128.load(cell(), B), s = v128.load(cell(), S);
  return add(mul(a, madd(v128.load(cell(), D1), a, mul(s, b))), mul(b, madd(v128.load(cell(), D0), b, mul(s, a))));
}

// attributes of both: bins, inverse, bound
export function spline_f32(r: usize): void {
  const bins = load<i32>(attrs(r, 2)), inverse = load<i32>(attrs(r, 2), 4) != 0, bound = load<f32>(attrs(r, 2), 8);
  const dims = <usize>inCols(r, 0) << 5, axis = <usize>bins << 5;
  let x = inPtr(r, 0), p = inPtr(r, 1), y = outPtr(r);
  for (let block = outRows(r) * shardBlocks; block > 0; block--) {
    for (const end = x + dims; x < end; x += 32) {
      layKnots(p, knots(), bins, bound);
      layKnots(p + axis, knots() + AXIS, bins, bound);
      for (let lane: usize = 0; lane < 32; lane += 16) {
        const v = v128.load(x + lane);
        locate(clamp(v, bound), p + axis * 2 + lane, lane, bins, bound, inverse);
        const inside = f32x4.lt(f32x4.abs(v), splat(bound));
        const q = div(v128.load(cell(), S), denominator());
        let slope = log32(mul(mul(q, q), numerator()));
        if (inverse) slope = f32x4.neg(slope);
        const outside = v128.and(v, f32x4.ne(v, v)); // 0, and NaN of NaN
        v128.store(y + lane, v128.bitselect(v128.load(cell(), VALUE), v, inside));
        v128.store(y + dims + lane, v128.bitselect(slope, outside, inside));
      }
      p += axis * 3 - 32;
      y += 32;
    }
    y += dims;
  }
}

/** Stores four samples at their byte offsets: the inverse of `gather`. */
// @ts-ignore: decorator
@inline function scatter(to: usize, offsets: v128, v: v128): void {
  v128.store32_lane(to + <usize>i32x4.extract_lane(offsets, 0), v, 0);
  v128.store32_lane(to + <usize>i32x4.extract_lane(offsets, 1), v, 1, 4);
  v128.store32_lane(to + <usize>i32x4.extract_lane(offsets, 2), v, 2, 8);
  v128.store32_lane(to + <usize>i32x4.extract_lane(offsets, 3), v, 3, 12);
}

/**
 * Cotangents of the raw numbers of one axis, for four samples. Bins before the current one move its first knot, whose
 * cotangent is `knot`; its own length `own` has the cotangent `length`; later bins have none. The softmax subtracts from
 * each the mean of all, weighted by the lengths above the floor. `first` is the first knot of the bin.
 */
// @ts-ignore: decorator
@inline function axisGrad(
  exps: usize, to: usize, bins: i32, bound: f32, first: v128, own: v128, knot: v128, length: v128
): void {
  const bin = v128.load(cell(), BIN), end = exps + (<usize>bins << 5), one = i32x4.splat(1), none = i32x4.splat(0);
  const least = splat(2 * bound * FLOOR), shared = splat(2 * bound * (1 - FLOOR * <f32>bins));
  const before = sub(add(first, splat(bound)), mul(f32x4.convert_i32x4_s(bin), least)), free = sub(own, least);
  const mean = div(madd(knot, before, mul(length, free)), shared);
  const scale = v128.load(end);
  const all = f32x4.neg(mul(scale, mean)), more = mul(scale, knot);
  let ahead = bin, row = to;
  while (exps < end) {
    v128.store(row, mul(v128.load(exps), add(all, v128.and(more, i32x4.gt_s(ahead, none)))));
    ahead = i32x4.sub(ahead, one);
    exps += 32;
    row += 32;
  }
  scatter(to, i32x4.shl(bin, 5), mul(free, sub(length, mean)));
}

/** Cotangents of the raw inner slopes at the start and at the end of the bin. */
// @ts-ignore: decorator
@inline function slopesGrad(to: usize, bins: i32, start: v128, end: v128): void {
  const at = i32x4.shl(v128.load(cell(), BIN), 5), none = i32x4.splat(0);
  const stop = to + (<usize>(bins - 1) << 5);
  for (let row = to; row < stop; row += 32) v128.store(row, none);
  // The first bin has no inner slope at its start, the last none at its end: the number stored for it is overwritten.
  const last = i32x4.splat((bins - 2) << 5);
  scatter(to, i32x4.max_s(i32x4.sub(at, i32x4.splat(32)), none), start);
  scatter(to, i32x4.min_s(at, last), v128.bitselect(start, end, i32x4.gt_s(at, last)));
}

/**
 * Four samples of splineGrad, which `locate` has placed: answers the cotangent of x and stores those of the raw
 * numbers. `value` and `log` are the given cotangents of f(x) and g(x) = log f'(x).
 *
 * Inverse: at x(y) the changes of f cancel that of y, dx = (dy - df) / f', and -g is the log-derivative. So with u the
 * cotangent of y, those of the raw numbers are as forward for -u in place of `value` and -`log` in place of `log`.
 */
function cotangents(value: v128, log: v128, to: usize, lane: usize, bins: i32, bound: f32, inverse: bool): v128 {
  const a = v128.load(cell(), A), b = v128.load(cell(), B), d0 = v128.load(cell(), D0), d1 = v128.load(cell(), D1);
  const w = v128.load(cell(), W), h = v128.load(cell(), H), s = v128.load(cell(), S);
  const one = splat(1), two = splat(2);
  const ab = mul(a, b), aa = mul(a, a), bb = mul(b, b);
  const p = madd(s, aa, mul(d0, ab)), q = madd(s, bb, mul(d1, ab)), n = numerator();
  const perN = div(one, n), perD = div(one, add(p, q)), perD2 = mul(perD, perD), perW = div(one, w);
  const fA = mul(mul(s, n), perD2); // of P / (P + Q), as fS below; f' = s fA
  const fS = mul(mul(ab, sub(mul(d1, aa), mul(d0, bb))), perD2);
  const bend = mul(sub(add(d0, d1), add(s, s)), sub(a, b)); // of P + Q by a, negated
  const gA = mul(two, madd(sub(mul(sub(d1, s), a), mul(sub(d0, s), b)), perN, mul(bend, perD)));
  const gS = mul(two, sub(madd(ab, perN, div(one, s)), mul(add(aa, bb), perD)));
  const fall = mul(two, mul(ab, perD));

  const given = value;
  if (inverse) {
    value = div(sub(mul(mul(log, gA), perW), value), mul(s, fA));
    log = f32x4.neg(log);
  }
  const tall = mul(value, h), part = mul(mul(tall, ab), perD2);
  // If y is given, a changes only x = x0 + w a: the sum would be this, after a cancellation.
  const ofX = inverse ? f32x4.neg(given) : mul(madd(tall, fA, mul(log, gA)), perW);
  const ofS = madd(tall, fS, mul(log, gS));
  const ofD0 = madd(part, q, mul(log, sub(mul(bb, perN), fall)));
  const ofD1 = sub(mul(log, sub(mul(aa, perN), fall)), mul(part, p));
  const ofW = f32x4.neg(madd(ofX, a, mul(mul(ofS, s), perW)));
  const ofH = madd(mul(value, p), perD, mul(ofS, perW));
  const axis = <usize>bins << 5;
  axisGrad(knots() + lane, to, bins, bound, v128.load(cell(), X0), w, f32x4.neg(ofX), ofW);
  axisGrad(knots() + AXIS + lane, to + axis, bins, bound, v128.load(cell(), Y0), h, value, ofH);
  const start = mul(ofD0, sigmoid32(v128.load(cell(), RAW0))), end = mul(ofD1, sigmoid32(v128.load(cell(), RAW1)));
  slopesGrad(to + axis * 2, bins, start, end);
  return inverse ? f32x4.neg(value) : ofX;
}

export function splineGrad_f32(r: usize): void {
  const bins = load<i32>(attrs(r, 3)), inverse = load<i32>(attrs(r, 3), 4) != 0, bound = load<f32>(attrs(r, 3), 8);
  const dims = <usize>inCols(r, 0) << 5, axis = <usize>bins << 5, stride = axis * 3 - 32;
  let x = inPtr(r, 0), p = inPtr(r, 1), g = inPtr(r, 2), y = outPtr(r);
  for (let block = outRows(r) * shardBlocks; block > 0; block--) {
    let to = y + dims;
    for (const end = x + dims; x < end; x += 32) {
      layKnots(p, knots(), bins, bound);
      layKnots(p + axis, knots() + AXIS, bins, bound);
      for (let lane: usize = 0; lane < 32; lane += 16) {
        const v = v128.load(x + lane), value = v128.load(g + lane);
        locate(clamp(v, bound), p + axis * 2 + lane, lane, bins, bound, inverse);
        const inside = f32x4.lt(f32x4.abs(v), splat(bound));
        const log = v128.and(v128.load(g + dims + lane), inside);
        const inner = cotangents(v128.and(value, inside), log, to + lane, lane, bins, bound, inverse);
        const outside = v128.or(value, f32x4.ne(v, v)); // the identity; all bits set are a NaN
        v128.store(y + lane, v128.bitselect(inner, outside, inside));
      }
      p += stride;
      to += stride;
      g += 32;
      y += 32;
    }
    g += dims;
    y = to;
  }
}
