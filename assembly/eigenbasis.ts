// One step of the power iteration with orthonormalisation for all eigenvectors of a symmetric matrix: E ← Q of the QR
// decomposition of (F + δ) Eᵀ, transposed (Golub & Van Loan, Matrix Computations, 4th ed., §8.2.4; by Householder's reflections,
// §5.2, which are orthonormal to rounding whatever the rank). Eigenvectors are rows, in the order of their Rayleigh quotients.
//
// δ, a few roundings of the trace, changes no eigenvector; where eigenvalues are lost in rounding, it keeps the vectors as they are.
import { denseInputGrad } from "./dense";
import { panelBytes, toPanels, toRows } from "./panels";
import { madd } from "./simd";

/** δ in traces: 2⁻²². */
const SHIFT: f32 = 2.384185791015625e-7;
/** What is left of a vector of length 1 in the span of those before it. */
const LEAST: f64 = 1e-30;

// @ts-ignore: decorator
@inline function sumLanes(x: v128): f32 {
  return (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 2)) + (f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 3));
}

/** Bytes of a row of n numbers in whole vectors. */
// @ts-ignore: decorator
@inline function pitchOf(n: i32): usize { return <usize>((n + 3) & -4) << 2; }

/** Scratch bytes of `refreshBasis`. */
export function basisScratch(n: i32): usize {
  return (panelBytes(n, n) << 1) + (<usize>(n + 4) * pitchOf(n) << 1) + (<usize>n << 3) + 256;
}

/** Reflects four rows at r, `pitch` bytes apart: r −= τ (r·v) v, over vectors from `from` to `to` (bytes). */
function reflect(v: usize, tau: f32, r: usize, pitch: usize, from: usize, to: usize): void {
  const r1 = r + pitch, r2 = r1 + pitch, r3 = r2 + pitch;
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (let i = from; i < to; i += 16) {
    const x = v128.load(v + i);
    s0 = madd(x, v128.load(r + i), s0);
    s1 = madd(x, v128.load(r1 + i), s1);
    s2 = madd(x, v128.load(r2 + i), s2);
    s3 = madd(x, v128.load(r3 + i), s3);
  }
  const t0 = f32x4.splat(-tau * sumLanes(s0)), t1 = f32x4.splat(-tau * sumLanes(s1));
  const t2 = f32x4.splat(-tau * sumLanes(s2)), t3 = f32x4.splat(-tau * sumLanes(s3));
  for (let i = from; i < to; i += 16) {
    const x = v128.load(v + i);
    v128.store(r + i, madd(t0, x, v128.load(r + i)));
    v128.store(r1 + i, madd(t1, x, v128.load(r1 + i)));
    v128.store(r2 + i, madd(t2, x, v128.load(r2 + i)));
    v128.store(r3 + i, madd(t3, x, v128.load(r3 + i)));
  }
}

/** Σ x² in f64. */
function squares(p: usize, n: i32): f64 {
  let s: f64 = 0;
  for (let i = 0; i < n; i++) {
    const x = <f64>load<f32>(p + (<usize>i << 2));
    s += x * x;
  }
  return s;
}

/** The n rows at b become reflectors, and the rows at q the orthonormal basis. Four rows of zeros follow both. */
function orthonormalise(b: usize, q: usize, n: i32, pitch: usize, taus: usize): void {
  for (let j = 0; j < n; j++) {
    const row = b + pitch * j, from = (<usize>j << 2) & ~15;
    const at = row + (<usize>j << 2);
    const length = sqrt<f64>(squares(at, n - j));
    memory.fill(row, 0, <usize>j << 2); // of R, which is not needed
    const per = f32x4.splat(length > LEAST ? <f32>(1 / length) : 0); // a reflector of length about 1 neither over- nor underflows
    for (let i = from; i < pitch; i += 16) v128.store(row + i, f32x4.mul(v128.load(row + i), per));
    const x = load<f32>(at);
    store<f32>(at, x + copysign<f32>(1, x));
    const tau: f32 = length > LEAST ? 1 / (1 + abs<f32>(x)) : 0;
    store<f32>(taus + (<usize>j << 2), tau);
    for (let i = j + 1; i < n; i += 4) reflect(row, tau, b + pitch * i, pitch, from, pitch);
  }
  memory.fill(q, 0, pitch * (n + 4));
  for (let k = 0; k < n; k += 4) {
    const rows = q + pitch * k, last = min(k + 3, n - 1);
    for (let i = k; i <= last; i++) store<f32>(q + pitch * i + (<usize>i << 2), 1);
    for (let j = last; j >= 0; j--) reflect(b + pitch * j, load<f32>(taus + (<usize>j << 2)), rows, pitch, (<usize>j << 2) & ~15, pitch);
  }
}

/**
 * Improves the basis E (n, n) of F (n, n), both row by row. Leaves at `order` (n words) the old number of each vector: returns
 * false if nothing moved.
 */
export function refreshBasis(F: usize, E: usize, n: i32, order: usize, scratch: usize): bool {
  const size = panelBytes(n, n), pitch = pitchOf(n), row = <usize>n << 2;
  const panels = scratch, product = panels + size, b = product + size, q = b + pitch * (n + 4), taus = q + pitch * (n + 4);
  const quotients = taus + row;
  let trace: f32 = 0;
  for (let i = 0; i < n; i++) trace += load<f32>(F + (row + 4) * i);
  const shift = f32x4.splat(SHIFT * trace);
  toPanels(F, n, n, 1, panels);
  denseInputGrad(panels, E, product, (n + 7) >> 3, n, n);
  memory.fill(q, 0, pitch * (n + 4));
  toRows(product, n, n, q, pitch, false);
  // Rayleigh quotients; then insertion sort of the numbers, largest first, which keeps the order of equal ones.
  for (let k = 0; k < n; k++) {
    const e = E + row * k, y = q + pitch * k;
    let s: f32 = 0;
    for (let i: usize = 0; i < row; i += 4) s += load<f32>(e + i) * load<f32>(y + i);
    store<f32>(quotients + (<usize>k << 2), s);
    let at = k;
    for (; at > 0; at--) {
      const before = load<i32>(order + (<usize>(at - 1) << 2));
      if (!(load<f32>(quotients + (<usize>before << 2)) < s)) break;
      store<i32>(order + (<usize>at << 2), before);
    }
    store<i32>(order + (<usize>at << 2), k);
  }
  memory.fill(b, 0, pitch * (n + 4));
  let moved = false;
  for (let k = 0; k < n; k++) {
    const from = load<i32>(order + (<usize>k << 2));
    moved = moved || from != k;
    const y = q + pitch * from, e = E + row * from, to = b + pitch * k;
    for (let i: usize = 0; i < row; i += 4) store<f32>(to + i, load<f32>(y + i) + f32x4.extract_lane(shift, 0) * load<f32>(e + i));
    const length = sqrt<f64>(squares(to, n));
    if (length > 0) {
      const per = f32x4.splat(<f32>(1 / length));
      for (let i: usize = 0; i < pitch; i += 16) v128.store(to + i, f32x4.mul(v128.load(to + i), per));
    } else memory.copy(to, e, row);
  }
  orthonormalise(b, q, n, pitch, taus);
  for (let k = 0; k < n; k++) memory.copy(E + row * k, q + pitch * k, row);
  return moved;
}
