// Dense fronts of the multifrontal Cholesky factorisation, one scalar algorithm in all lanes. Rows are in panels of 4; a column of
// a panel is 64 bytes, 4 rows of one vector each (src/sparse/symbolic.ts has the layout). Three functions repeat the loop of
// eight sums, because the sums must be locals to be in registers, and a function cannot return eight vectors.
import { fuse, minus, negative, splat, times } from "./lanes";

/** Panels of the triangle of an update: panel I starts at entry 8 I (I + 1) and has columns 0 … 4I + 3. */
// @ts-ignore: decorator
@inline export function trianglePanel(i: i32): usize { return <usize>(8 * i * (i + 1)) << 4; }

/** Bytes of the triangle of s pivots: panels as of an update, except that the last ends with column s − 1. */
// @ts-ignore: decorator
@inline export function pivotBytes(s: i32): usize { return trianglePanel((s - 1) >> 2) + (<usize>s << 6); }

/**
 * Columns j, j + 1 of `panels` panels: c −= L Lᵀ over the first j columns, then the solution with the 2 × 2 factor on the
 * diagonal (inv0, l10, inv1). `p` is the first panel, `q` the row j of the pivots.
 */
// @ts-ignore: decorator
@inline function solveColumnsOf<T>(p: usize, panels: i32, pitch: usize, q: usize, done: usize, inv0: v128, l10: v128, inv1: v128): void {
  while (panels > 0) {
    let a = p, b = q;
    const end = p + done;
    let s00 = splat<T>(0), s10 = s00, s20 = s00, s30 = s00, s01 = s00, s11 = s00, s21 = s00, s31 = s00;
    while (a != end) {
      const u = v128.load(b), v = v128.load(b, 16);
      let l = v128.load(a);
      s00 = fuse<T>(l, u, s00); s01 = fuse<T>(l, v, s01);
      l = v128.load(a, 16);
      s10 = fuse<T>(l, u, s10); s11 = fuse<T>(l, v, s11);
      l = v128.load(a, 32);
      s20 = fuse<T>(l, u, s20); s21 = fuse<T>(l, v, s21);
      l = v128.load(a, 48);
      s30 = fuse<T>(l, u, s30); s31 = fuse<T>(l, v, s31);
      a += 64;
      b += 64;
    }
    s30 = times<T>(minus<T>(v128.load(end, 48), s30), inv0);
    s20 = times<T>(minus<T>(v128.load(end, 32), s20), inv0);
    s10 = times<T>(minus<T>(v128.load(end, 16), s10), inv0);
    s00 = times<T>(minus<T>(v128.load(end), s00), inv0);
    v128.store(end, times<T>(minus<T>(minus<T>(v128.load(end, 112), s31), times<T>(s30, l10)), inv1), 112);
    v128.store(end, times<T>(minus<T>(minus<T>(v128.load(end, 96), s21), times<T>(s20, l10)), inv1), 96);
    v128.store(end, times<T>(minus<T>(minus<T>(v128.load(end, 80), s11), times<T>(s10, l10)), inv1), 80);
    v128.store(end, times<T>(minus<T>(minus<T>(v128.load(end, 64), s01), times<T>(s00, l10)), inv1), 64);
    v128.store(end, s30, 48);
    v128.store(end, s20, 32);
    v128.store(end, s10, 16);
    v128.store(end, s00);
    p += pitch;
    panels--;
  }
}

/** The same for one column, the last of an odd number. */
// @ts-ignore: decorator
@inline function solveColumnOf<T>(p: usize, panels: i32, pitch: usize, q: usize, done: usize, inv: v128): void {
  while (panels > 0) {
    let a = p, b = q;
    const end = p + done;
    let s0 = splat<T>(0), s1 = s0, s2 = s0, s3 = s0;
    while (a != end) {
      const u = v128.load(b);
      s0 = fuse<T>(v128.load(a), u, s0);
      s1 = fuse<T>(v128.load(a, 16), u, s1);
      s2 = fuse<T>(v128.load(a, 32), u, s2);
      s3 = fuse<T>(v128.load(a, 48), u, s3);
      a += 64;
      b += 64;
    }
    v128.store(end, times<T>(minus<T>(v128.load(end, 48), s3), inv), 48);
    v128.store(end, times<T>(minus<T>(v128.load(end, 32), s2), inv), 32);
    v128.store(end, times<T>(minus<T>(v128.load(end, 16), s1), inv), 16);
    v128.store(end, times<T>(minus<T>(v128.load(end), s0), inv));
    p += pitch;
    panels--;
  }
}

/** One panel of an update, which starts from the updates of children or, if `fresh`, from 0: columns 0 … 2 pairs − 1 of c −= L Lᵀ over all s columns (`bytes` of a panel); `p` that panel of L, `q` the first below. */
// @ts-ignore: decorator
@inline function updatePanelOf<T>(c: usize, p: usize, q: usize, pairs: i32, bytes: usize, fresh: bool): void {
  const end = p + bytes;
  let odd: usize = 0;
  while (pairs > 0) {
    let a = p, b = q + odd;
    let s00 = splat<T>(0), s10 = s00, s20 = s00, s30 = s00, s01 = s00, s11 = s00, s21 = s00, s31 = s00;
    while (a != end) {
      const u = v128.load(b), v = v128.load(b, 16);
      let l = v128.load(a);
      s00 = fuse<T>(l, u, s00); s01 = fuse<T>(l, v, s01);
      l = v128.load(a, 16);
      s10 = fuse<T>(l, u, s10); s11 = fuse<T>(l, v, s11);
      l = v128.load(a, 32);
      s20 = fuse<T>(l, u, s20); s21 = fuse<T>(l, v, s21);
      l = v128.load(a, 48);
      s30 = fuse<T>(l, u, s30); s31 = fuse<T>(l, v, s31);
      a += 64;
      b += 64;
    }
    if (fresh) {
      v128.store(c, negative<T>(s31), 112);
      v128.store(c, negative<T>(s21), 96);
      v128.store(c, negative<T>(s11), 80);
      v128.store(c, negative<T>(s01), 64);
      v128.store(c, negative<T>(s30), 48);
      v128.store(c, negative<T>(s20), 32);
      v128.store(c, negative<T>(s10), 16);
      v128.store(c, negative<T>(s00));
    } else {
      v128.store(c, minus<T>(v128.load(c, 112), s31), 112);
      v128.store(c, minus<T>(v128.load(c, 96), s21), 96);
      v128.store(c, minus<T>(v128.load(c, 80), s11), 80);
      v128.store(c, minus<T>(v128.load(c, 64), s01), 64);
      v128.store(c, minus<T>(v128.load(c, 48), s30), 48);
      v128.store(c, minus<T>(v128.load(c, 32), s20), 32);
      v128.store(c, minus<T>(v128.load(c, 16), s10), 16);
      v128.store(c, minus<T>(v128.load(c), s00));
    }
    c += 128;
    q += odd ? bytes : 0; // two pairs for each panel of rows
    odd ^= 32;
    pairs--;
  }
}

// Exported instances, because a function with one caller would be inlined, where its sums do not fit the registers.
export function solveColumns32(p: usize, panels: i32, pitch: usize, q: usize, done: usize, inv0: v128, l10: v128, inv1: v128): void {
  solveColumnsOf<f32>(p, panels, pitch, q, done, inv0, l10, inv1);
}
export function solveColumns64(p: usize, panels: i32, pitch: usize, q: usize, done: usize, inv0: v128, l10: v128, inv1: v128): void {
  solveColumnsOf<f64>(p, panels, pitch, q, done, inv0, l10, inv1);
}
export function updatePanel32(c: usize, p: usize, q: usize, pairs: i32, bytes: usize, fresh: bool): void {
  updatePanelOf<f32>(c, p, q, pairs, bytes, fresh);
}
export function updatePanel64(c: usize, p: usize, q: usize, pairs: i32, bytes: usize, fresh: bool): void {
  updatePanelOf<f64>(c, p, q, pairs, bytes, fresh);
}

// @ts-ignore: decorator
@inline function solvePanels<T>(p: usize, panels: i32, pitch: usize, q: usize, done: usize, inv0: v128, l10: v128, inv1: v128, pair: bool): void {
  if (!pair) solveColumnOf<T>(p, panels, pitch, q, done, inv0);
  else if (sizeof<T>() == 4) solveColumns32(p, panels, pitch, q, done, inv0, l10, inv1);
  else solveColumns64(p, panels, pitch, q, done, inv0, l10, inv1);
}

/** 1 / √x, NaN where x is not positive. */
// @ts-ignore: decorator
@inline function inverseRoot<T>(x: v128): v128 {
  if (sizeof<T>() == 4) {
    const y = f32x4.div(f32x4.splat(1), f32x4.sqrt(x));
    return v128.bitselect(y, f32x4.splat(NaN), f32x4.gt(x, f32x4.splat(0)));
  }
  const y = f64x2.div(f64x2.splat(1), f64x2.sqrt(x));
  return v128.bitselect(y, f64x2.splat(NaN), f64x2.gt(x, f64x2.splat(0)));
}

// @ts-ignore: decorator
@inline function isPositive<T>(x: v128): bool {
  return sizeof<T>() == 4 ? i32x4.all_true(f32x4.gt(x, f32x4.splat(0))) : i64x2.all_true(f64x2.gt(x, f64x2.splat(0)));
}

/**
 * Factors a front whose block of s columns and r rows below is at `l`: the diagonal holds its reciprocals, L is below.
 * Returns the first column whose pivot is not positive in some lane, s if there is none; it stores that pivot at `bad`.
 */
export function factorColumns<T>(l: usize, s: i32, r: i32, bad: usize): i32 {
  const pitch = <usize>s << 6; // of a panel below
  const pivots = (s + 3) >> 2, panels = (r + 3) >> 2, below = l + pivotBytes(s);
  let fault = s;
  for (let j = 0; j < s; j += 2) {
    const panel = j >> 2, lane = <usize>(j & 3) << 4;
    const p = l + trianglePanel(panel);
    const q = p + lane; // row j
    const done = <usize>j << 6; // bytes of the columns before, in a panel
    const d = q + done; // the diagonal
    const pair = j + 1 < s;
    // All rows of the panel at once, although those above the diagonal are not needed: eight sums side by side hide the latency of
    // an addition.
    let s00 = splat<T>(0), s10 = s00, s20 = s00, s30 = s00, s01 = s00, s11 = s00, s21 = s00, s31 = s00;
    let a = p, b = q;
    const end = p + done;
    while (a != end) {
      const u = v128.load(b), v = v128.load(b, 16); // next to an odd last column: not used
      let x = v128.load(a);
      s00 = fuse<T>(x, u, s00); s01 = fuse<T>(x, v, s01);
      x = v128.load(a, 16);
      s10 = fuse<T>(x, u, s10); s11 = fuse<T>(x, v, s11);
      x = v128.load(a, 32);
      s20 = fuse<T>(x, u, s20); s21 = fuse<T>(x, v, s21);
      x = v128.load(a, 48);
      s30 = fuse<T>(x, u, s30); s31 = fuse<T>(x, v, s31);
      a += 64;
      b += 64;
    }
    const low = lane > 0; // columns 2 and 3 of the panel
    const d0 = minus<T>(v128.load(d), low ? s20 : s00);
    if (fault == s && !isPositive<T>(d0)) {
      fault = j;
      v128.store(bad, d0);
    }
    const inv0 = inverseRoot<T>(d0);
    v128.store(d, inv0);
    let l10 = splat<T>(0), inv1 = l10;
    if (pair) {
      l10 = times<T>(minus<T>(v128.load(d, 16), low ? s30 : s10), inv0);
      const d1 = minus<T>(minus<T>(v128.load(d, 80), low ? s31 : s11), times<T>(l10, l10));
      if (fault == s && !isPositive<T>(d1)) {
        fault = j + 1;
        v128.store(bad, d1);
      }
      inv1 = inverseRoot<T>(d1);
      v128.store(d, l10, 16);
      v128.store(d, inv1, 80);
      if (!low) {
        const l20 = times<T>(minus<T>(v128.load(d, 32), s20), inv0), l30 = times<T>(minus<T>(v128.load(d, 48), s30), inv0);
        v128.store(d, l20, 32);
        v128.store(d, l30, 48);
        v128.store(d, times<T>(minus<T>(minus<T>(v128.load(d, 96), s21), times<T>(l20, l10)), inv1), 96);
        v128.store(d, times<T>(minus<T>(minus<T>(v128.load(d, 112), s31), times<T>(l30, l10)), inv1), 112);
      }
    }
    for (let i = panel + 1; i < pivots; i++) solvePanels<T>(l + trianglePanel(i), 1, pitch, q, done, inv0, l10, inv1, pair);
    solvePanels<T>(below, panels, pitch, q, done, inv0, l10, inv1, pair);
  }
  return fault;
}

/** The update of a front, u −= L Lᵀ of its rows below, lower triangle in panels; u counts as 0 if `fresh`. */
export function updateFront<T>(u: usize, l: usize, s: i32, r: i32, fresh: bool): void {
  const pitch = <usize>s << 6;
  const below = l + pivotBytes(s);
  let p = below;
  for (let i = 0, panels = (r + 3) >> 2; i < panels; i++) {
    if (sizeof<T>() == 4) updatePanel32(u + trianglePanel(i), p, below, (i + 1) << 1, pitch, fresh);
    else updatePanel64(u + trianglePanel(i), p, below, (i + 1) << 1, pitch, fresh);
    p += pitch;
  }
}
