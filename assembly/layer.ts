// The records of dense layers: w (I + 1, O) holds the weights and, in its last row, the bias.
import { denseForward, denseInputGrad, denseWeightGrad } from "./dense";
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
// @ts-ignore: decorator
@inline function axpy64(y: usize, x: usize, w: f64): void {
  const s = f64x2.splat(w);
  for (let p: usize = 0; p < 64; p += 16) v128.store(y + p, f64x2.add(v128.load(y + p), f64x2.mul(s, v128.load(x + p))));
}

function activation64(kind: i32, x: f64): f64 {
  if (kind == 1) return x < 0 ? 0 : x;
  if (kind == 2) return x < 0 ? 0.01 * x : x;
  if (kind == 3) return tanh64(x);
  if (kind == 4) return sigmoid64(x);
  return kind == 5 ? softplus64(x) : x;
}

export function dense_f64(r: usize): void {
  const ins = inCols(r, 0), outs = outCols(r), bias = load<i32>(attrs(r, 2)), kind = load<i32>(attrs(r, 2), 4);
  const w = inPtr(r, 1);
  let x = inPtr(r, 0), y = outPtr(r);
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    for (let o = 0; o < outs; o++) {
      memory.fill(y, 0, 64);
      for (let i = 0; i < ins; i++) axpy64(y, x + (<usize>i << 6), load<f64>(w + (<usize>(i * outs + o) << 3)));
      for (let p: usize = 0; p < 64; p += 8) {
        const z = load<f64>(y + p) + (bias ? load<f64>(w + (<usize>(ins * outs + o) << 3)) : 0);
        store<f64>(y + p, activation64(kind, z));
      }
      y += 64;
    }
    x += <usize>ins << 6;
  }
}
export function denseInputGrad_f64(r: usize): void {
  const ins = outCols(r), outs = inCols(r, 0);
  let dz = inPtr(r, 0), dx = outPtr(r);
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    let w = inPtr(r, 1);
    for (let i = 0; i < ins; i++) {
      memory.fill(dx, 0, 64);
      for (let o = 0; o < outs; o++) {
        axpy64(dx, dz + (<usize>o << 6), load<f64>(w));
        w += 8;
      }
      dx += 64;
    }
    dz += <usize>outs << 6;
  }
}
