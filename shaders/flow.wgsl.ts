/**
 * Monotone rational-quadratic splines (Durkan, Bekasov, Murray & Papamakarios, Neural Spline Flows, 2019, eqs 4–8) and their derivatives,
 * by the formulas of assembly/flow.ts. In the bin from (x0, y0), w wide and h high, with the slopes d0 and d1 at its ends, let
 * s = h / w, a = (x − x0) / w, b = 1 − a. No term below is negative, so nothing cancels:
 *
 *   P = a (s a + d0 b),  Q = b (s b + d1 a),  N = a (d1 a + s b) + b (d0 b + s a)
 *   y = y0 + h P / (P + Q),  dy/dx = s² N / (P + Q)²
 *
 * Inverse: with e = (y − y0) / h and f = 1 − e, z = a / b is the positive root of s f z² + m z = s e, m = d0 f − d1 e;
 * r = √(m² + 4 s² e f) gives a : b = 2 s e : r + m, or r − m : 2 s f where m is negative.
 *
 * One thread for each row and dimension. Knots are not stored: each axis is walked along its raw numbers, and the state of the current
 * bin stays in registers. Outside (−bound, bound) the spline is the identity.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import type { SplineAttrs } from "../src/graph/spline-rules.ts";
import type { MakeKernels } from "./kernel.ts";
import { operands } from "./kernel.ts";
import { rowKernel } from "./rows.ts";

/** Share of the interval that every bin keeps, and the least inner slope. */
const FLOOR = 1e-3;
/** log(exp(1 − 1e-3) − 1): a raw slope of 0 is a slope of 1. */
const SLOPE_SHIFT = 0.5397424172369522;

const located = wgsl`
override BINS: u32;
override BOUND: f32;
override LEAST: f32;   // length of a bin whose share is 0
override SHARED: f32;  // length that the softmax divides
override INVERSE: bool;

// Entry of the first raw number of this row and dimension, and from one of them to the next.
var<private> first: u32;
var<private> pitch: u32;

// Raw number k: K widths, K heights, K - 1 inner slopes.
fn raw(k: u32) -> f32 { return p[first + k * pitch]; }

// One axis and its current bin: first knot with its rounding error, length, number.
struct Axis { top: f32, scale: f32, knot: f32, lost: f32, drift: f32, size: f32, bin: u32 }

// The part of a bin in the length that the softmax divides.
fn share(axis: Axis, k: u32) -> f32 { return exp32(raw(k) - axis.top) * axis.scale; }

// Walks an axis whose raw numbers start at a place: softmax, the floor of every bin, running sums from -BOUND, to the bin that
// holds v, or to a given bin. Narrow bins need knots to better than f32, so the rounding error of each sum is accumulated separately
// (the fast two-sum of Dekker 1971: exact except where the sums cross 0, and off by a rounding of the length there). The drift is
// the distance of the last knot from BOUND, relative to the whole: a rounded scale moves all knots in proportion.
fn walk(start: u32, v: f32, given: u32, search: bool) -> Axis {
  var axis: Axis;
  axis.top = raw(start);
  for (var k = 1u; k < BINS; k++) { axis.top = max(axis.top, raw(start + k)); }
  var sum = 0.0;
  for (var k = 0u; k < BINS; k++) { sum += exp32(raw(start + k) - axis.top); }
  axis.scale = div32(SHARED, sum);
  var knot = -BOUND;
  var lost = 0.0;
  for (var k = 0u; k < BINS; k++) {
    let size = pin(share(axis, start + k) + LEAST);
    if (select(k == given, k == 0u || v >= knot, search)) {
      axis.knot = knot;
      axis.lost = lost;
      axis.size = size;
      axis.bin = k;
    }
    let next = pin(knot + size);
    lost += size - pin(next - knot);
    knot = next;
  }
  axis.drift = div32(pin(BOUND - knot) - lost, 2.0 * BOUND);
  return axis;
}

// Distance of the first knot of the bin from its f32 value.
fn restOf(axis: Axis) -> f32 { return (axis.knot + BOUND) * axis.drift + axis.lost; }

// v within a range; NaN stays NaN.
fn within(v: f32, low: f32, high: f32) -> f32 {
  if (isNan(v)) { return v; }
  return clamp(v, low, high);
}

fn slopeOf(raw: f32) -> f32 { return softplus32(raw) + ${FLOOR}; }

// The spline at a point: value, bin, and place in the bin.
struct Cell {
  value: f32,
  a: f32,
  b: f32,
  s: f32,
  d0: f32,
  d1: f32,
  raw0: f32,
  raw1: f32,
  wide: Axis,
  high: Axis,
}

// v lies in [-BOUND, BOUND].
fn locate(v: f32) -> Cell {
  var cell: Cell;
  if (INVERSE) {
    cell.high = walk(BINS, v, 0u, true);
    cell.wide = walk(0u, v, cell.high.bin, false);
  } else {
    cell.wide = walk(0u, v, 0u, true);
    cell.high = walk(BINS, v, cell.wide.bin, false);
  }
  let bin = cell.wide.bin;
  let w = cell.wide.size;
  let h = cell.high.size;
  let s = div32(h, w);
  // The outer slopes are 1.
  cell.raw0 = raw(2u * BINS + max(bin, 1u) - 1u) + ${SLOPE_SHIFT};
  cell.raw1 = raw(2u * BINS + min(bin, BINS - 2u)) + ${SLOPE_SHIFT};
  cell.d0 = select(slopeOf(cell.raw0), 1.0, bin == 0u);
  cell.d1 = select(slopeOf(cell.raw1), 1.0, bin == BINS - 1u);
  cell.s = s;

  var start = cell.wide;
  var end = cell.high;
  var size = w;
  if (INVERSE) {
    start = cell.high;
    end = cell.wide;
    size = h;
  }
  // Outside the bin only by rounding.
  var a = within(div32(pin(v - start.knot) - restOf(start), size), 0.0, 1.0);
  var b = 1.0 - a;
  var step: f32;
  if (INVERSE) {
    let m = cell.d0 * b - cell.d1 * a;
    let se = 2.0 * s * a;
    let sf = 2.0 * s * b;
    let r = abs(m) + sqrt32(se * sf + m * m);
    let falling = m < 0.0;
    a = select(se, r, falling);
    b = select(r, sf, falling);
    let sum = a + b;
    a = div32(a, sum);
    b = div32(b, sum);
    step = w * a;
  } else {
    let P = a * (s * a + cell.d0 * b);
    let Q = b * (s * b + cell.d1 * a);
    step = div32(h * P, P + Q);
  }
  cell.a = a;
  cell.b = b;
  cell.value = within(end.knot + pin(restOf(end) + step), -BOUND, BOUND);
  return cell;
}

// P + Q and N
fn denominator(c: Cell) -> f32 { return c.a * (c.s * c.a + c.d0 * c.b) + c.b * (c.s * c.b + c.d1 * c.a); }

fn numerator(c: Cell) -> f32 { return c.a * (c.d1 * c.a + c.s * c.b) + c.b * (c.d0 * c.b + c.s * c.a); }
`;

const forward = wgsl`${located}
override DIMS: u32;

fn work(row: u32, rows: u32, item: u32) {
  let v = x[item * rows + row];
  let values = item * rows + row;
  let logs = (DIMS + item) * rows + row;
  if (isNan(v) || !(abs(v) < BOUND)) {
    out[values] = v;
    out[logs] = select(0.0, v, isNan(v));
    return;
  }
  first = item * (3u * BINS - 1u) * rows + row;
  pitch = rows;
  let cell = locate(v);
  let q = div32(cell.s, denominator(cell));
  let log = log32(q * q * numerator(cell));
  out[values] = cell.value;
  out[logs] = select(log, -log, INVERSE);
}
`;

// Cotangents of the raw numbers of one axis: bins before the current one move its first knot, whose cotangent is `knot`; its own
// length has the cotangent `length`; later bins have none. The softmax subtracts from each the mean of all, weighted by
// the lengths above the floor.
const backward = wgsl`${located}
override DIMS: u32;

fn axisGrad(axis: Axis, start: u32, to: u32, knot: f32, length: f32) {
  let free = axis.size - LEAST;
  let before = axis.knot + BOUND - f32(axis.bin) * LEAST;
  let mean = div32(knot * before + length * free, SHARED);
  for (var k = 0u; k < BINS; k++) {
    var v = free * (length - mean);
    if (k != axis.bin) { v = share(axis, start + k) * (select(0.0, knot, k < axis.bin) - mean); }
    out[to + k * pitch] = v;
  }
}

fn work(row: u32, rows: u32, item: u32) {
  let v = x[item * rows + row];
  var value = g[item * rows + row];
  var log = g[(DIMS + item) * rows + row];
  let inner = 3u * BINS - 1u;
  let to = (DIMS + item * inner) * rows + row;
  let ofArgument = item * rows + row;
  if (isNan(v) || !(abs(v) < BOUND)) {
    out[ofArgument] = select(value, v, isNan(v));
    for (var k = 0u; k < inner; k++) { out[to + k * rows] = select(0.0, v, isNan(v)); }
    return;
  }
  first = item * inner * rows + row;
  pitch = rows;
  let cell = locate(v);
  let a = cell.a;
  let b = cell.b;
  let s = cell.s;
  let d0 = cell.d0;
  let d1 = cell.d1;
  let w = cell.wide.size;
  let h = cell.high.size;
  let ab = a * b;
  let aa = a * a;
  let bb = b * b;
  let P = s * aa + d0 * ab;
  let Q = s * bb + d1 * ab;
  let N = numerator(cell);
  let perN = div32(1.0, N);
  let perD = div32(1.0, P + Q);
  let perD2 = perD * perD;
  let perW = div32(1.0, w);
  // Of P / (P + Q) by a and s; f' = s fA. Of log f' likewise.
  let fA = s * N * perD2;
  let fS = ab * (d1 * aa - d0 * bb) * perD2;
  let bend = (d0 + d1 - 2.0 * s) * (a - b); // of P + Q by a, negated
  let gA = 2.0 * (((d1 - s) * a - (d0 - s) * b) * perN + bend * perD);
  let gS = 2.0 * (ab * perN + div32(1.0, s) - (aa + bb) * perD);
  let fall = 2.0 * ab * perD;

  // At x(y) the changes of f cancel that of y, dx = (dy - df) / f', and the log-derivative is that of f, negated. So with u the
  // cotangent of y, those of the raw numbers are as forward for -u in place of that of the value, and for that of the log negated.
  let given = value;
  if (INVERSE) {
    value = div32(log * gA * perW - value, s * fA);
    log = -log;
  }
  let tall = value * h;
  let part = tall * ab * perD2;
  // If y is given, a changes only x = x0 + w a: the sum would be this, after a cancellation.
  let ofX = select((tall * fA + log * gA) * perW, -given, INVERSE);
  let ofS = tall * fS + log * gS;
  let ofD0 = part * Q + log * (bb * perN - fall);
  let ofD1 = log * (aa * perN - fall) - part * P;
  let ofW = -(ofX * a + ofS * s * perW);
  let ofH = value * P * perD + ofS * perW;
  axisGrad(cell.wide, 0u, to, -ofX, ofW);
  axisGrad(cell.high, BINS, to + BINS * rows, value, ofH);
  // Only the inner slopes at the ends of the bin.
  let bin = cell.wide.bin;
  let start = ofD0 * sigmoid32(cell.raw0);
  let end = ofD1 * sigmoid32(cell.raw1);
  for (var k = 0u; k + 1u < BINS; k++) {
    out[to + (2u * BINS + k) * rows] = select(select(0.0, end, k == bin), start, k + 1u == bin);
  }
  out[ofArgument] = select(ofX, -value, INVERSE);
}
`;

const splineKernel =
  (inputs: readonly string[], code: string): MakeKernels =>
  (record, plan) => {
    const { bins, bound, inverse } = record.attrs as unknown as SplineAttrs;
    const dims = operands(record, plan)[1].cols;
    const constants = {
      DIMS: dims,
      BINS: bins,
      BOUND: bound,
      LEAST: 2 * bound * FLOOR,
      SHARED: 2 * bound * (1 - FLOOR * bins),
      INVERSE: Number(inverse),
    };
    return [rowKernel(record, plan, { inputs, constants, items: dims, code })];
  };

export const flowKernels: Readonly<Record<"spline" | "splineGrad", MakeKernels>> = {
  spline: splineKernel(["x", "p"], forward),
  splineGrad: splineKernel(["x", "p", "g"], backward),
};
