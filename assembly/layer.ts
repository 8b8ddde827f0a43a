// The records of dense layers: w (I + 1, O) holds the weights and, in its last row, the bias.
import { denseForward, denseInputGrad, denseWeightGrad } from "./dense";
import { denseForward64, denseInputGrad64 } from "./dense64";
import { sigmoid64, softplus64, tanh64 } from "./math64";
import { attrs, inCols, inPtr, inRows, outCols, outPtr, outRows, shardBlocks, sumShift } from "./state";

// attributes: bias, activation
export function dense_f32(r: usize): void {
  const a = attrs(r, 2);
  denseForward(inPtr(r, 0), inPtr(r, 1), outPtr(r), outRows(r) * shardBlocks, inCols(r, 0), outCols(r), load<i32>(a), load<i32>(a, 4));
}
export function denseInputGrad_f32(r: usize): void {
  denseInputGrad(inPtr(r, 0), inPtr(r, 1), outPtr(r), outRows(r) * shardBlocks, outCols(r), inCols(r, 0));
}
// attributes: bias, pointer of the scratch
export function denseWeightGrad_f32(r: usize): void {
  const a = attrs(r, 2);
  const blocks = inRows(r, 0) * shardBlocks;
  denseWeightGrad(inPtr(r, 0), inPtr(r, 1), outPtr(r) + sumShift, blocks, inCols(r, 0), inCols(r, 1), load<i32>(a), <usize>load<u32>(a, 4));
}

// f64: forward models with a fixed matrix, not networks.
function activation64(kind: i32, x: f64): f64 {
  if (kind == 1) return x < 0 ? 0 : x;
  if (kind == 2) return x < 0 ? 0.01 * x : x;
  if (kind == 3) return tanh64(x);
  if (kind == 4) return sigmoid64(x);
  return kind == 5 ? softplus64(x) : x;
}

export function dense_f64(r: usize): void {
  const blocks = outRows(r) * shardBlocks, ins = inCols(r, 0), outs = outCols(r);
  const bias = load<i32>(attrs(r, 2)), kind = load<i32>(attrs(r, 2), 4);
  const w = inPtr(r, 1);
  let y = outPtr(r);
  denseForward64(inPtr(r, 0), w, y, blocks, ins, outs);
  if (!bias && !kind) return;
  const last = w + (<usize>(ins * outs) << 3);
  for (let b = blocks; b > 0; b--) {
    for (let o = 0; o < outs; o++) {
      const shift = bias ? load<f64>(last + (<usize>o << 3)) : 0;
      for (const end = y + 64; y != end; y += 8) store<f64>(y, activation64(kind, load<f64>(y) + shift));
    }
  }
}
export function denseInputGrad_f64(r: usize): void {
  denseInputGrad64(inPtr(r, 0), inPtr(r, 1), outPtr(r), outRows(r) * shardBlocks, outCols(r), inCols(r, 0));
}
/** Sum over the lanes of the products of two features, or of one (b = 0), in `blocks` blocks; strides are in bytes. */
function products64(a: usize, as: usize, b: usize, bs: usize, blocks: i32): f64 {
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (; blocks > 0; blocks--) {
    let u0 = v128.load(a), u1 = v128.load(a, 16), u2 = v128.load(a, 32), u3 = v128.load(a, 48);
    if (b) {
      u0 = f64x2.mul(u0, v128.load(b)); u1 = f64x2.mul(u1, v128.load(b, 16));
      u2 = f64x2.mul(u2, v128.load(b, 32)); u3 = f64x2.mul(u3, v128.load(b, 48));
      b += bs;
    }
    s0 = f64x2.add(s0, u0); s1 = f64x2.add(s1, u1); s2 = f64x2.add(s2, u2); s3 = f64x2.add(s3, u3);
    a += as;
  }
  const s = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}
export function denseWeightGrad_f64(r: usize): void {
  const blocks = inRows(r, 0) * shardBlocks, ins = inCols(r, 0), outs = inCols(r, 1), bias = load<i32>(attrs(r, 2));
  const xs = <usize>ins << 6, zs = <usize>outs << 6;
  let dw = outPtr(r) + sumShift;
  for (let i = 0; i < ins + bias; i++) {
    const x = i < ins ? inPtr(r, 0) + (<usize>i << 6) : 0;
    for (let o = 0; o < outs; o++) {
      store<f64>(dw, load<f64>(dw) + products64(inPtr(r, 1) + (<usize>o << 6), zs, x, xs, blocks));
      dw += 8;
    }
  }
}
