// Loops: the records of their bodies are inside of the record of the loop, and run once a step.
//
//   s_k+1 = step(s_k),   e_j = emit(s_at(j)),   λ_k = (∂step/∂s)ᵀ λ_k+1 + Σ_{at(j) = k} (∂emit/∂s)ᵀ ē_j
//
// Attributes, in words (offsets are bytes from the start of the record; cotangents: 0 where there are none):
//   0 steps   1 emissions   2 table of the states that are emitted   3 state   4 offset of the series   5 number of series
//   6 offset of step   7 offset of emit; of scanGrad also:   8 offset of step backwards   9 offset of emit backwards
//   10 cotangent of the state   11 cotangent of an emission   12 steps between checkpoints   13 states in memory
//   14 offset of the widths of cotangents
// A series: what a step sees of it, columns of that, the series. A body: start and end of its records (offsets), number of
// constants, their table, number of results, the constants, the results.
import { runRecords } from "./shards";
import { attrs, inCols, inPtr, inRows, outCols, outPtr, shardBlocks } from "./state";

// @ts-ignore: decorator
@inline function word(p: usize, i: i32): i32 { return load<i32>(p + (<usize>i << 2)); }
// @ts-ignore: decorator
@inline function pointer(p: usize, i: i32): usize { return <usize>load<u32>(p + (<usize>i << 2)); }
// @ts-ignore: decorator
@inline function attributes(r: usize): usize { return attrs(r, load<i32>(r, 24)); }
/** Bytes of some columns of a block. */
// @ts-ignore: decorator
@inline function bytesOf<T>(cols: i32): usize { return <usize>cols * 8 * sizeof<T>(); }

function copy(to: usize, from: usize, bytes: usize): void {
  for (const end = to + bytes; to < end; to += 32) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    from += 32;
  }
}

/** `bytes` bytes of each block to other blocks. */
function copyBlocks(to: usize, toStride: usize, from: usize, fromStride: usize, bytes: usize, blocks: i32): void {
  if (toStride == bytes && fromStride == bytes) {
    copy(to, from, bytes * blocks);
    return;
  }
  for (; blocks > 0; blocks--) {
    copy(to, from, bytes);
    to += toStride;
    from += fromStride;
  }
}

// @ts-ignore: decorator
@inline function addBlocks<T>(to: usize, toStride: usize, from: usize, bytes: usize, blocks: i32): void {
  for (; blocks > 0; blocks--) {
    for (let p: usize = 0; p < bytes; p += 16) {
      const a = v128.load(to + p), b = v128.load(from + p);
      v128.store(to + p, sizeof<T>() == 4 ? f32x4.add(a, b) : f64x2.add(a, b));
    }
    to += toStride;
    from += bytes;
  }
}

// @ts-ignore: decorator
@inline function runBody<T>(r: usize, body: usize, row: i32): void {
  const count = word(body, 2);
  let x = pointer(body, 3) + <usize>(row * count) * sizeof<T>();
  for (let i = 0; i < count; i++) {
    store<T>(pointer(body, 5 + i), load<T>(x));
    x += sizeof<T>();
  }
  runRecords(r + pointer(body, 0), r + pointer(body, 1));
}
// @ts-ignore: decorator
@inline function result(body: usize, i: i32): usize { return pointer(body, 5 + word(body, 2) + i); }

/** What step k sees of the series. */
// @ts-ignore: decorator
@inline function seeSeries<T>(r: usize, a: usize, k: i32, blocks: i32): void {
  let s = r + pointer(a, 4);
  for (let i = word(a, 5); i > 0; i--) {
    const bytes = bytesOf<T>(word(s, 1));
    copyBlocks(pointer(s, 0), bytes, pointer(s, 2) + bytes * k, bytes * word(a, 0), bytes, blocks);
    s += 12;
  }
}

/** s_k → s_k+1, in the place of the state. */
// @ts-ignore: decorator
@inline function advance<T>(r: usize, a: usize, k: i32, bytes: usize, blocks: i32): void {
  const body = r + pointer(a, 6);
  seeSeries<T>(r, a, k, blocks);
  runBody<T>(r, body, k);
  copy(pointer(a, 3), result(body, 0), bytes);
}

// @ts-ignore: decorator
@inline function scanOf<T>(r: usize): void {
  const a = attributes(r), emissions = word(a, 1), at = pointer(a, 2), state = pointer(a, 3);
  const blocks = inRows(r, 0) * shardBlocks, bytes = bytesOf<T>(inCols(r, 0)) * blocks;
  const emit = r + pointer(a, 7), stride = bytesOf<T>(outCols(r)), width = stride / emissions;
  copy(state, inPtr(r, 0), bytes);
  for (let k = 0, j = 0; ; k++) {
    for (; j < emissions && word(at, j) == k; j++) {
      runBody<T>(r, emit, j);
      copyBlocks(outPtr(r) + width * j, stride, result(emit, 0), width, width, blocks);
    }
    if (j == emissions) return;
    advance<T>(r, a, k, bytes, blocks);
  }
}
export function scan_f32(r: usize): void { scanOf<f32>(r); }
export function scan_f64(r: usize): void { scanOf<f64>(r); }

/** Adds cotangents `from` … `to` that a body has computed to their places in the output; of series, those of step k. */
// @ts-ignore: decorator
@inline function gather<T>(r: usize, a: usize, body: usize, series: i32, k: i32, blocks: i32): void {
  const widths = r + pointer(a, 14), stride = bytesOf<T>(outCols(r));
  let y = outPtr(r) + bytesOf<T>(word(widths, 0));
  for (let i = 1; i < word(body, 4); i++) {
    const x = result(body, i), bytes = bytesOf<T>(word(widths, i));
    if (i < series) {
      if (x) addBlocks<T>(y, stride, x, bytes, blocks);
      y += bytes;
    } else {
      if (x) copyBlocks(y + bytes * k, stride, x, bytes, bytes, blocks);
      y += bytes * word(a, 0);
    }
  }
}

// Input 0 is the cotangent of the emissions, input 1 the initial state.
// @ts-ignore: decorator
@inline function scanGradOf<T>(r: usize): void {
  const a = attributes(r), emissions = word(a, 1), at = pointer(a, 2), state = pointer(a, 3);
  const blocks = inRows(r, 1) * shardBlocks, width = bytesOf<T>(inCols(r, 1)), bytes = width * blocks;
  const step = r + pointer(a, 8), emit = r + pointer(a, 9), cotangent = pointer(a, 10), seed = pointer(a, 11);
  const every = word(a, 12), checkpoints = pointer(a, 13), segments = (word(a, 0) + every - 1) / every;
  const states = checkpoints + bytes * segments, last = word(at, emissions - 1), fixed = word(emit, 4);
  const stride = bytesOf<T>(outCols(r)), seedStride = bytesOf<T>(inCols(r, 0)), seedWidth = seedStride / emissions;
  memory.fill(outPtr(r), 0, stride * blocks);
  memory.fill(cotangent, 0, bytes);

  // States from `start` on are kept: at first those of the last stretch.
  let segment = max<i32>(last - 1, 0) / every, start = segment * every;
  copy(state, inPtr(r, 1), bytes);
  for (let k = 0; k < last; k++) {
    if (k % every == 0) copy(checkpoints + bytes * (k / every), state, bytes);
    if (k >= start) copy(states + bytes * (k - start), state, bytes);
    advance<T>(r, a, k, bytes, blocks);
  }
  for (let k = last, j = emissions - 1; ; k--) {
    for (; j >= 0 && word(at, j) == k; j--) {
      copyBlocks(seed, seedWidth, inPtr(r, 0) + seedWidth * j, seedStride, seedWidth, blocks);
      runBody<T>(r, emit, j);
      gather<T>(r, a, emit, fixed, 0, blocks);
      if (result(emit, 0)) addBlocks<T>(cotangent, width, result(emit, 0), width, blocks);
    }
    if (k == 0) break;
    if (k == start) {
      segment--;
      start -= every;
      copy(state, checkpoints + bytes * segment, bytes);
      for (let q = start; q < k; q++) {
        copy(states + bytes * (q - start), state, bytes);
        if (q + 1 < k) advance<T>(r, a, q, bytes, blocks);
      }
    }
    copy(state, states + bytes * (k - 1 - start), bytes);
    seeSeries<T>(r, a, k - 1, blocks);
    runBody<T>(r, step, k - 1);
    gather<T>(r, a, step, fixed, k - 1, blocks);
    if (result(step, 0)) copy(cotangent, result(step, 0), bytes);
    else memory.fill(cotangent, 0, bytes);
  }
  copyBlocks(outPtr(r), stride, cotangent, width, width, blocks);
}
export function scanGrad_f32(r: usize): void { scanGradOf<f32>(r); }
export function scanGrad_f64(r: usize): void { scanGradOf<f64>(r); }
