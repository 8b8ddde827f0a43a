// Cholesky factors A = L Lᵀ of one symmetric positive-definite matrix for each sample, and their reverse derivative; packed
// lower triangles as in triangle.ts. Row by row (Golub & Van Loan, Matrix Computations, 4th ed., §4.2): the inner loops run
// along rows, which are contiguous. Each value below is of all 8 samples of a block at once (two vectors of f32, four of
// f64), so that several chains of sums are in flight and each cache line is read once.
import { inCols, inPtr, outPtr, outRows, shardBlocks } from "./state";
import { minus, over, pitch, times } from "./lanes";
import { order, rowStart } from "./triangle";

// @ts-ignore: decorator
@inline function root<T>(x: v128): v128 {
  // A pivot that is not positive gives NaN, although sqrt(0) and sqrt(-0) are 0.
  const good = sizeof<T>() == 4 ? f32x4.gt(x, f32x4.splat(0)) : f64x2.gt(x, f64x2.splat(0));
  const y = sizeof<T>() == 4 ? f32x4.sqrt(x) : f64x2.sqrt(x);
  return v128.bitselect(y, sizeof<T>() == 4 ? f32x4.splat(f32.NaN) : f64x2.splat(f64.NaN), good);
}

/** to − Σ_k a_k b_k over `count` features. */
// @ts-ignore: decorator
@inline function subtractDot<T>(to: usize, a: usize, b: usize, count: i32): void {
  let s0 = v128.load(to), s1 = v128.load(to, 16);
  let s2 = s0, s3 = s1;
  if (sizeof<T>() == 8) { s2 = v128.load(to, 32); s3 = v128.load(to, 48); }
  for (const end = a + <usize>count * pitch<T>(); a < end; a += pitch<T>(), b += pitch<T>()) {
    s0 = minus<T>(s0, times<T>(v128.load(a), v128.load(b)));
    s1 = minus<T>(s1, times<T>(v128.load(a, 16), v128.load(b, 16)));
    if (sizeof<T>() == 8) {
      s2 = minus<T>(s2, times<T>(v128.load(a, 32), v128.load(b, 32)));
      s3 = minus<T>(s3, times<T>(v128.load(a, 48), v128.load(b, 48)));
    }
  }
  v128.store(to, s0);
  v128.store(to, s1, 16);
  if (sizeof<T>() == 8) { v128.store(to, s2, 32); v128.store(to, s3, 48); }
}

/** y_k − s x_k over `count` features, s one feature. */
// @ts-ignore: decorator
@inline function subtractScaled<T>(y: usize, s: usize, x: usize, count: i32): void {
  for (let lane: usize = 0; lane < pitch<T>(); lane += 16) {
    const factor = v128.load(s + lane);
    let to = y + lane, from = x + lane;
    for (let k = 0; k < count; k++, to += pitch<T>(), from += pitch<T>())
      v128.store(to, minus<T>(v128.load(to), times<T>(factor, v128.load(from))));
  }
}

// @ts-ignore: decorator
@inline function choleskyOf<T>(r: usize): void {
  const n = order(inCols(r, 0)), bytes = <usize>inCols(r, 0) * pitch<T>();
  let a = inPtr(r, 0), l = outPtr(r);
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    memory.copy(l, a, bytes);
    for (let i = 0; i < n; i++) {
      const row = rowStart<T>(l, i);
      for (let j = 0; j <= i; j++) {
        const other = rowStart<T>(l, j), at = row + <usize>j * pitch<T>(), pivot = other + <usize>j * pitch<T>();
        subtractDot<T>(at, row, other, j);
        for (let lane: usize = 0; lane < pitch<T>(); lane += 16) {
          const rest = v128.load(at + lane);
          v128.store(at + lane, i == j ? root<T>(rest) : over<T>(rest, v128.load(pivot + lane)));
        }
      }
    }
    a += bytes;
    l += bytes;
  }
}
export function cholesky_f32(r: usize): void { choleskyOf<f32>(r); }
export function cholesky_f64(r: usize): void { choleskyOf<f64>(r); }

// The steps of the factorisation in reverse, last entry first, each statement replaced by its adjoint (Murray,
// Differentiation of the Cholesky decomposition, arXiv 1602.07527). When the sweep reaches L_ij, the remaining cotangent of
// L_ij divided by L_jj is the cotangent of A_ij.
// @ts-ignore: decorator
@inline function choleskyGradOf<T>(r: usize): void {
  const n = order(inCols(r, 0)), bytes = <usize>inCols(r, 0) * pitch<T>();
  const half = sizeof<T>() == 4 ? f32x4.splat(0.5) : f64x2.splat(0.5);
  let l = inPtr(r, 0), g = inPtr(r, 1), out = outPtr(r);
  for (let b = outRows(r) * shardBlocks; b > 0; b--) {
    memory.copy(out, g, bytes);
    for (let i = n - 1; i >= 0; i--) {
      const row = rowStart<T>(l, i), outRow = rowStart<T>(out, i);
      for (let j = i; j >= 0; j--) {
        const other = rowStart<T>(l, j), outOther = rowStart<T>(out, j);
        const at = outRow + <usize>j * pitch<T>(), pivot = other + <usize>j * pitch<T>();
        for (let lane: usize = 0; lane < pitch<T>(); lane += 16) {
          const s = over<T>(v128.load(at + lane), v128.load(pivot + lane));
          if (i == j) {
            v128.store(at + lane, times<T>(s, half));
          } else {
            v128.store(at + lane, s);
            const diagonal = outOther + <usize>j * pitch<T>() + lane;
            const entry = row + <usize>j * pitch<T>() + lane;
            v128.store(diagonal, minus<T>(v128.load(diagonal), times<T>(s, v128.load(entry))));
          }
        }
        subtractScaled<T>(outRow, at, other, j);
        subtractScaled<T>(outOther, at, row, j); // for i = j this subtracts twice, as the derivative of a square requires
      }
    }
    l += bytes;
    g += bytes;
    out += bytes;
  }
}
export function choleskyGrad_f32(r: usize): void { choleskyGradOf<f32>(r); }
export function choleskyGrad_f64(r: usize): void { choleskyGradOf<f64>(r); }
