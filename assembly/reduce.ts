// Sums over features (for each sample) and over the batch (shards add to one place, without padding).
// f32 log-densities and losses are summed in f64.
import { exp32, log32 } from "./simd";
import { exp64, log64 } from "./math64";
import { attrs, inCols, inIsParam, inPtr, inRows, outPtr, shardBlocks, shardValid, sumShift } from "./state";

// @ts-ignore: decorator
@inline function blocksIn(r: usize): i32 { return inRows(r, 0) * shardBlocks; }

export function sumFeatures_f32(r: usize): void {
  let x = inPtr(r, 0), y = outPtr(r);
  const cols = inCols(r, 0);
  if (inIsParam(r, 0)) {
    let sum: f64 = 0;
    const end = x + (<usize>(inRows(r, 0) * cols) << 2);
    for (; x < end; x += 4) sum += load<f32>(x);
    store<f32>(y, <f32>sum);
    return;
  }
  for (let i = blocksIn(r); i > 0; i--) {
    let s0 = f64x2.splat(0), s1 = f64x2.splat(0), s2 = f64x2.splat(0), s3 = f64x2.splat(0);
    const end = x + (<usize>cols << 5);
    while (x < end) {
      const a = v128.load(x), b = v128.load(x, 16);
      s0 = f64x2.add(s0, f64x2.promote_low_f32x4(a));
      s1 = f64x2.add(s1, f64x2.promote_low_f32x4(v128.shuffle<u64>(a, a, 1, 1)));
      s2 = f64x2.add(s2, f64x2.promote_low_f32x4(b));
      s3 = f64x2.add(s3, f64x2.promote_low_f32x4(v128.shuffle<u64>(b, b, 1, 1)));
      x += 32;
    }
    v128.store(y, v128.shuffle<u64>(f32x4.demote_f64x2_zero(s0), f32x4.demote_f64x2_zero(s1), 0, 2));
    v128.store(y, v128.shuffle<u64>(f32x4.demote_f64x2_zero(s2), f32x4.demote_f64x2_zero(s3), 0, 2), 16);
    y += 32;
  }
}

export function sumFeatures_f64(r: usize): void {
  let x = inPtr(r, 0), y = outPtr(r);
  // A param is one lane of all its entries.
  const cols = inIsParam(r, 0) ? inRows(r, 0) * inCols(r, 0) : inCols(r, 0);
  const lanes = inIsParam(r, 0) ? 1 : 8;
  for (let i = inIsParam(r, 0) ? 1 : blocksIn(r); i > 0; i--) {
    for (let lane = 0; lane < lanes; lane++) {
      let sum: f64 = 0;
      let p = x + (<usize>lane << 3);
      for (let f = 0; f < cols; f++) {
        sum += load<f64>(p);
        p += <usize>lanes << 3;
      }
      store<f64>(y, sum);
      y += 8;
    }
    x += <usize>cols << 6;
  }
}

export function logSumExp_f32(r: usize): void {
  let x = inPtr(r, 0), y = outPtr(r);
  const bytes = <usize>inCols(r, 0) << 5;
  for (let half = blocksIn(r) * 2; half > 0; half--) {
    let top = v128.load(x);
    for (let p: usize = 32; p < bytes; p += 32) top = f32x4.max(top, v128.load(x + p));
    let sum = f32x4.splat(0);
    for (let p: usize = 0; p < bytes; p += 32) sum = f32x4.add(sum, exp32(f32x4.sub(v128.load(x + p), top)));
    v128.store(y, f32x4.add(top, log32(sum)));
    y += 16;
    // The two halves of a block are side by side; the next block follows the last feature.
    x += half & 1 ? bytes - 16 : 16;
  }
}

export function logSumExp_f64(r: usize): void {
  let x = inPtr(r, 0), y = outPtr(r);
  const bytes = <usize>inCols(r, 0) << 6;
  for (let i = blocksIn(r); i > 0; i--) {
    for (let lane: usize = 0; lane < 64; lane += 8) {
      let top = load<f64>(x + lane);
      for (let p: usize = 64; p < bytes; p += 64) top = max<f64>(top, load<f64>(x + lane + p));
      let sum: f64 = 0;
      for (let p: usize = 0; p < bytes; p += 64) sum += exp64(load<f64>(x + lane + p) - top);
      store<f64>(y, top + log64(sum));
      y += 8;
    }
    x += bytes;
  }
}

// @ts-ignore: decorator
@inline function cumsumOf<T>(r: usize): void {
  const cols = inCols(r, 0), reverse = load<i32>(attrs(r, 1));
  const size = <usize>sizeof<T>() * 8;
  const bytes = <usize>cols * size;
  let x = inPtr(r, 0), y = outPtr(r);
  for (let i = blocksIn(r); i > 0; i--) {
    for (let lane: usize = 0; lane < size; lane += sizeof<T>()) {
      let sum = <T>0;
      for (let f = 0; f < cols; f++) {
        const at = <usize>(reverse ? cols - 1 - f : f) * size + lane;
        sum += load<T>(x + at);
        store<T>(y + at, sum);
      }
    }
    x += bytes;
    y += bytes;
  }
}
export function cumsum_f32(r: usize): void { cumsumOf<f32>(r); }
export function cumsum_f64(r: usize): void { cumsumOf<f64>(r); }

// @ts-ignore: decorator
@inline function batchSumOf<T>(r: usize): void {
  const cols = inCols(r, 0), tiles = inRows(r, 0);
  const lastLanes = shardValid - ((shardBlocks - 1) << 3);
  const y = outPtr(r) + sumShift;
  const blockBytes = <usize>cols * 8 * sizeof<T>();
  for (let f = 0; f < cols; f++) {
    let sum: f64 = 0;
    let x = inPtr(r, 0) + <usize>f * 8 * sizeof<T>();
    for (let t = 0; t < tiles; t++) {
      for (let b = 0; b < shardBlocks; b++) {
        const lanes = b == shardBlocks - 1 ? lastLanes : 8;
        for (let lane = 0; lane < lanes; lane++) sum += <f64>load<T>(x + <usize>lane * sizeof<T>());
        x += blockBytes;
      }
    }
    const at = y + <usize>f * sizeof<T>();
    store<T>(at, <T>(<f64>load<T>(at) + sum));
  }
}
export function batchSum_f32(r: usize): void { batchSumOf<f32>(r); }
export function batchSum_f64(r: usize): void { batchSumOf<f64>(r); }

// 1 for the rows of the batch, 0 for the lanes that pad its last block.
// @ts-ignore: decorator
@inline function rowWeightOf<T>(r: usize, padding: T): void {
  let y = outPtr(r);
  const lastLanes = shardValid - ((shardBlocks - 1) << 3);
  for (let t = load<i32>(r, 12); t > 0; t--) {
    for (let b = 0; b < shardBlocks; b++) {
      for (let lane = 0; lane < 8; lane++) {
        store<T>(y, b < shardBlocks - 1 || lane < lastLanes ? <T>1 : padding);
        y += sizeof<T>();
      }
    }
  }
}
export function rowWeight_f32(r: usize): void { rowWeightOf<f32>(r, 0); }
export function rowWeight_f64(r: usize): void { rowWeightOf<f64>(r, 0); }
export function ones_f32(r: usize): void { rowWeightOf<f32>(r, 1); }
export function ones_f64(r: usize): void { rowWeightOf<f64>(r, 1); }
