// Products with sparse matrices: fixed ones shared by all samples (assembly, loads, sensors), and a symmetric matrix for each
// sample, whose lower triangle has its entries as features. src/backends/wasm/encode-plan.ts writes the tables.
import { fuse, pitch, plus, spread, times } from "./lanes";
import { attrs, inCols, inPtr, outCols, outPtr, outRows, shardBlocks } from "./state";

// attributes: pointer of starts (G + 1), of indices (K), of values (K)
// @ts-ignore: decorator
@inline function linearMapOf<T>(r: usize): void {
  const a = attrs(r, 1);
  const starts = <usize>load<u32>(a), indices = <usize>load<u32>(a, 4), values = <usize>load<u32>(a, 8);
  const outs = outCols(r);
  const bytes = <usize>inCols(r, 0) * pitch<T>();
  let x = inPtr(r, 0), y = outPtr(r);
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    let k = load<i32>(starts);
    for (let g = 1; g <= outs; g++) {
      const end = load<i32>(starts + (<usize>g << 2));
      let s0 = i64x2.splat(0), s1 = s0, s2 = s0, s3 = s0;
      for (; k < end; k++) {
        const w = spread<T>(values + <usize>k * sizeof<T>());
        const p = x + <usize>load<u32>(indices + (<usize>k << 2)) * pitch<T>();
        s0 = fuse<T>(w, v128.load(p), s0);
        s1 = fuse<T>(w, v128.load(p, 16), s1);
        if (sizeof<T>() == 8) {
          s2 = fuse<T>(w, v128.load(p, 32), s2);
          s3 = fuse<T>(w, v128.load(p, 48), s3);
        }
      }
      v128.store(y, s0);
      v128.store(y, s1, 16);
      if (sizeof<T>() == 8) {
        v128.store(y, s2, 32);
        v128.store(y, s3, 48);
      }
      y += pitch<T>();
    }
    x += bytes;
  }
}
export function linearMap_f32(r: usize): void { linearMapOf<f32>(r); }
export function linearMap_f64(r: usize): void { linearMapOf<f64>(r); }

// attributes of both below: pointer of the pattern's table; vectors are n unknowns × `width` right-hand sides
// @ts-ignore: decorator
@inline function rowsOf(table: usize): usize { return table + (<usize>load<u32>(table, 28) << 2); }
// @ts-ignore: decorator
@inline function colsOf(table: usize): usize { return table + (<usize>load<u32>(table, 32) << 2); }

/** A x, A symmetric. */
// @ts-ignore: decorator
@inline function sparseMulOf<T>(r: usize): void {
  const table = <usize>load<u32>(attrs(r, 2));
  const n = load<i32>(table), count = load<i32>(table, 4), width = outCols(r) / n;
  const rows = rowsOf(table), cols = colsOf(table);
  let a = inPtr(r, 0), x = inPtr(r, 1), y = outPtr(r);
  const bytes = <usize>outCols(r) * pitch<T>();
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    memory.fill(y, 0, bytes);
    for (let e = 0; e < count; e++) {
      const i = <usize>(load<i32>(rows + (<usize>e << 2)) * width) * pitch<T>();
      const j = <usize>(load<i32>(cols + (<usize>e << 2)) * width) * pitch<T>();
      for (let lane: usize = 0; lane < pitch<T>(); lane += 16) {
        const v = v128.load(a + lane);
        for (let p: usize = lane, end = <usize>width * pitch<T>(); p < end; p += pitch<T>()) {
          v128.store(y + i + p, fuse<T>(v, v128.load(x + j + p), v128.load(y + i + p)));
          if (i != j) v128.store(y + j + p, fuse<T>(v, v128.load(x + i + p), v128.load(y + j + p)));
        }
      }
      a += pitch<T>();
    }
    x += bytes;
    y += bytes;
  }
}
export function sparseMul_f32(r: usize): void { sparseMulOf<f32>(r); }
export function sparseMul_f64(r: usize): void { sparseMulOf<f64>(r); }

/** a bᵀ + b aᵀ on the pattern (on the diagonal a b), summed over right-hand sides. */
// @ts-ignore: decorator
@inline function sparseOuterOf<T>(r: usize): void {
  const table = <usize>load<u32>(attrs(r, 2));
  const n = load<i32>(table), count = load<i32>(table, 4), width = inCols(r, 0) / n;
  const rows = rowsOf(table), cols = colsOf(table);
  let a = inPtr(r, 0), c = inPtr(r, 1), y = outPtr(r);
  const bytes = <usize>inCols(r, 0) * pitch<T>();
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    for (let e = 0; e < count; e++) {
      const i = <usize>(load<i32>(rows + (<usize>e << 2)) * width) * pitch<T>();
      const j = <usize>(load<i32>(cols + (<usize>e << 2)) * width) * pitch<T>();
      for (let lane: usize = 0; lane < pitch<T>(); lane += 16) {
        let sum = i64x2.splat(0);
        for (let p: usize = lane, end = <usize>width * pitch<T>(); p < end; p += pitch<T>()) {
          let term = times<T>(v128.load(a + i + p), v128.load(c + j + p));
          if (i != j) term = fuse<T>(v128.load(a + j + p), v128.load(c + i + p), term);
          sum = plus<T>(sum, term);
        }
        v128.store(y + lane, sum);
      }
      y += pitch<T>();
    }
    a += bytes;
    c += bytes;
  }
}
export function sparseOuter_f32(r: usize): void { sparseOuterOf<f32>(r); }
export function sparseOuter_f64(r: usize): void { sparseOuterOf<f64>(r); }
