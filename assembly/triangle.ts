// One packed lower triangle for each sample, row after row: entry (i, j) is feature i(i+1)/2 + j. The algorithms are scalar,
// lifted to lanes: every value below is of 4 (f32) or 2 (f64) samples.
import { minus, over, pitch, plus, times } from "./lanes";
import { attrs, inPtr, outCols, outPtr, outRows, shardBlocks } from "./state";

/** Where row i of a packed triangle starts. */
// @ts-ignore: decorator
@inline export function rowStart<T>(l: usize, i: i32): usize { return l + <usize>((i * (i + 1)) >> 1) * pitch<T>(); }
// @ts-ignore: decorator
@inline function entry<T>(l: usize, i: i32, j: i32): usize { return rowStart<T>(l, i) + <usize>j * pitch<T>(); }
/** Order of a packed triangle of `count` entries. */
export function order(count: i32): i32 {
  let n = 0;
  while ((n * (n + 1)) >> 1 < count) n++;
  return n;
}

// @ts-ignore: decorator
@inline function triMulOf<T>(r: usize): void {
  const n = outCols(r), transpose = load<i32>(attrs(r, 2));
  const vectorBytes = <usize>n * pitch<T>(), triBytes = <usize>((n * (n + 1)) >> 1) * pitch<T>();
  let l = inPtr(r, 0), x = inPtr(r, 1), y = outPtr(r);
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    for (let lane: usize = 0; lane < pitch<T>(); lane += 16) {
      for (let i = 0; i < n; i++) {
        let sum = i64x2.splat(0);
        const from = transpose ? i : 0, to = transpose ? n : i + 1;
        for (let j = from; j < to; j++) {
          const at = transpose ? entry<T>(l, j, i) : entry<T>(l, i, j);
          sum = plus<T>(sum, times<T>(v128.load(at + lane), v128.load(x + <usize>j * pitch<T>() + lane)));
        }
        v128.store(y + <usize>i * pitch<T>() + lane, sum);
      }
    }
    l += triBytes;
    x += vectorBytes;
    y += vectorBytes;
  }
}
export function triMul_f32(r: usize): void { triMulOf<f32>(r); }
export function triMul_f64(r: usize): void { triMulOf<f64>(r); }

// @ts-ignore: decorator
@inline function triSolveOf<T>(r: usize): void {
  const n = outCols(r), transpose = load<i32>(attrs(r, 2));
  const vectorBytes = <usize>n * pitch<T>(), triBytes = <usize>((n * (n + 1)) >> 1) * pitch<T>();
  let l = inPtr(r, 0), x = inPtr(r, 1), y = outPtr(r);
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    for (let lane: usize = 0; lane < pitch<T>(); lane += 16) {
      for (let k = 0; k < n; k++) {
        const i = transpose ? n - 1 - k : k;
        let rest = v128.load(x + <usize>i * pitch<T>() + lane);
        const from = transpose ? i + 1 : 0, to = transpose ? n : i;
        for (let j = from; j < to; j++) {
          const at = transpose ? entry<T>(l, j, i) : entry<T>(l, i, j);
          rest = minus<T>(rest, times<T>(v128.load(at + lane), v128.load(y + <usize>j * pitch<T>() + lane)));
        }
        v128.store(y + <usize>i * pitch<T>() + lane, over<T>(rest, v128.load(entry<T>(l, i, i) + lane)));
      }
    }
    l += triBytes;
    x += vectorBytes;
    y += vectorBytes;
  }
}
export function triSolve_f32(r: usize): void { triSolveOf<f32>(r); }
export function triSolve_f64(r: usize): void { triSolveOf<f64>(r); }

// @ts-ignore: decorator
@inline function outerTrilOf<T>(r: usize, n: i32): void {
  const vectorBytes = <usize>n * pitch<T>();
  let a = inPtr(r, 0), c = inPtr(r, 1), y = outPtr(r);
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        for (let lane: usize = 0; lane < pitch<T>(); lane += 16) {
          v128.store(y + lane, times<T>(v128.load(a + <usize>i * pitch<T>() + lane), v128.load(c + <usize>j * pitch<T>() + lane)));
        }
        y += pitch<T>();
      }
    }
    a += vectorBytes;
    c += vectorBytes;
  }
}
export function outerTril_f32(r: usize): void { outerTrilOf<f32>(r, load<i32>(r, 36)); }
export function outerTril_f64(r: usize): void { outerTrilOf<f64>(r, load<i32>(r, 36)); }
