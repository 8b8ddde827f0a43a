/**
 * Dense layer, one sample a row:  y = act(x·W + b)
 *   dx = dz·Wᵀ,  dW += xᵀ·dz,  db += Σ_rows dz   (dz = ∂L/∂(x·W + b))
 * Register tiles after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (ACM TOMS 34:3,
 * 2008), without packing: a batch [nb][F][8] already holds eight samples of a feature as two vectors, and the entries
 * of W (I + 1, O) are broadcast from where they lie. Pointers and strides are in bytes.
 *
 * A tile keeps n features × 8 samples in registers: 2n sums, fed by 2 vector loads and n broadcasts a step, so that
 * arithmetic and not loading takes the time. n ≤ 5, or 6 where FMA needs no register for the product.
 *
 * Tiles are exported to keep them out of line. Their sums start at zero, the bias comes at the end, stores go
 * backwards, and loops are `while` or `do` as measured: V8 before version 13 spills the sums otherwise.
 *
 * Every sum runs in a fixed order that depends on the shapes only, and, forward and in the input gradient, not on the
 * number of blocks.
 */
import { madd, sigmoid32, silu32, softplus32, tanh32 } from "./simd";

/** Widest tile, in features. */
const TILE: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5;
/** Blocks that go through all tiles before the next ones do: they stay in the second-level cache. */
const BLOCKS: i32 = 16;
/** Rows of W that go through all tiles before the next ones do: a tile's columns of them stay in the first-level cache. */
const DEPTH: i32 = 320;
/** Weight gradients with this few inputs or outputs are dot products: panels would be mostly padding. */
const FEW: i32 = 4;
/** Read in place of a bias; never written. */
const ZEROS: usize = memory.data(32, 16);
/** Bytes of scratch in front of the panels: one tile of sums that does not fit into dw. */
const SPILL: usize = 192;

/** Features in the next tile: as wide as can be, with no tile of one or two left for the end. */
function nextTile(left: i32): i32 {
  return left > TILE && left < TILE + 3 ? (left + 1) >> 1 : min(left, TILE);
}

// ---- y = act(x·W + b) --------------------------------------------------------------------------------------------

/**
 * y = act(x·W + (bias ? W[I] : 0)).
 * x [nb][I][8], w (I + 1, O), y [nb][O][8]; act: 0 linear, 1 ReLU, 2 leaky ReLU (slope 0.01), 3 tanh, 4 sigmoid,
 * 5 softplus, 6 SiLU. y must not overlap x or w.
 */
export function denseForward(x: usize, w: usize, y: usize, nb: i32, I: i32, O: i32, bias: i32, act: i32): void {
  const xs = <usize>I << 5, ys = <usize>O << 5, ws = <usize>O << 2;
  const b = bias ? w + ws * I : ZEROS;
  const bs = bias ? <usize>4 : 0;
  const fused = act < 3 ? act : 0;
  while (nb > 0) {
    const blocks = min(nb, BLOCKS);
    if (I <= 4) shallow(I, x, w, y, blocks, O, 4, ws, b, bs, fused);
    else if (O <= 2) narrow(O, x, w, y, blocks, I, 4, ws, b, fused);
    else {
      let k = 0;
      for (let parts = (I + DEPTH - 1) / DEPTH; parts; parts--) {
        const depth = (I - k) / parts;
        const px = x + (<usize>k << 5), pw = w + ws * k;
        for (let o = 0; o < O;) {
          const n = nextTile(O - o);
          const q = pw + (<usize>o << 2), py = y + (<usize>o << 5);
          const pb = parts == 1 ? b + bs * o : ZEROS, a = parts == 1 ? fused : 0;
          if (n == 5) forward5(px, q, py, blocks, depth, I, O, pb, a, k);
          else if (n == 4) forward4(px, q, py, blocks, depth, I, O, pb, a, k);
          else if (n == 3) forward3(px, q, py, blocks, depth, I, O, pb, a, k);
          else forward6(px, q, py, blocks, depth, I, O, pb, a, k);
          o += n;
        }
        k += depth;
      }
    }
    if (act > 2) sweep(y, y + ys * blocks, act);
    x += xs * blocks;
    y += ys * blocks;
    nb -= blocks;
  }
}

/** Activations too long for a tile's end, over values still in the cache. */
function sweep(p: usize, end: usize, act: i32): void {
  if (act == 3) for (; p != end; p += 16) v128.store(p, tanh32(v128.load(p)));
  else if (act == 4) for (; p != end; p += 16) v128.store(p, sigmoid32(v128.load(p)));
  else if (act == 5) for (; p != end; p += 16) v128.store(p, softplus32(v128.load(p)));
  else for (; p != end; p += 16) v128.store(p, silu32(v128.load(p)));
}

/** max(a, low, slope·a): linear (−∞, 1), ReLU (0, 1), leaky ReLU (−∞, 0.01). NaN stays NaN, and so do infinities. */
@inline function activate(a: v128, low: v128, slope: v128): v128 {
  return f32x4.pmax(f32x4.pmax(a, low), f32x4.mul(a, slope));
}

@inline function lowOf(act: i32): v128 {
  return f32x4.splat(act == 1 ? 0 : -Infinity);
}

@inline function slopeOf(act: i32): v128 {
  return f32x4.splat(act == 2 ? <f32>0.01 : 1);
}

/** Ends one feature of a tile: bias, activation, store. */
@inline function finish(y: usize, a0: v128, a1: v128, bias: v128, low: v128, slope: v128): void {
  v128.store(y, activate(f32x4.add(a1, bias), low, slope), 16);
  v128.store(y, activate(f32x4.add(a0, bias), low, slope));
}

/** n features of y from `depth` features of x, nb blocks; `add`: on top of what y holds. */
@inline
function forwardTile(
  n: i32, x: usize, w: usize, y: usize, nb: i32, depth: i32, I: i32, O: i32, bias: usize, act: i32, add: i32,
): void {
  const xs = <usize>I << 5, ys = <usize>O << 5, ws = <usize>O << 2;
  while (nb) {
    let a00 = f32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00;
    let a30 = a00, a31 = a00, a40 = a00, a41 = a00, a50 = a00, a51 = a00;
    let p = x, q = w;
    const end = x + (<usize>depth << 5);
    while (p != end) {
      const v0 = v128.load(p), v1 = v128.load(p, 16);
      let s = v128.load32_splat(q);
      a00 = madd(v0, s, a00); a01 = madd(v1, s, a01);
      if (n > 1) { s = v128.load32_splat(q, 4); a10 = madd(v0, s, a10); a11 = madd(v1, s, a11); }
      if (n > 2) { s = v128.load32_splat(q, 8); a20 = madd(v0, s, a20); a21 = madd(v1, s, a21); }
      if (n > 3) { s = v128.load32_splat(q, 12); a30 = madd(v0, s, a30); a31 = madd(v1, s, a31); }
      if (n > 4) { s = v128.load32_splat(q, 16); a40 = madd(v0, s, a40); a41 = madd(v1, s, a41); }
      if (n > 5) { s = v128.load32_splat(q, 20); a50 = madd(v0, s, a50); a51 = madd(v1, s, a51); }
      p += 32;
      q += ws;
    }
    if (add) {
      a00 = f32x4.add(v128.load(y), a00); a01 = f32x4.add(v128.load(y, 16), a01);
      if (n > 1) { a10 = f32x4.add(v128.load(y, 32), a10); a11 = f32x4.add(v128.load(y, 48), a11); }
      if (n > 2) { a20 = f32x4.add(v128.load(y, 64), a20); a21 = f32x4.add(v128.load(y, 80), a21); }
      if (n > 3) { a30 = f32x4.add(v128.load(y, 96), a30); a31 = f32x4.add(v128.load(y, 112), a31); }
      if (n > 4) { a40 = f32x4.add(v128.load(y, 128), a40); a41 = f32x4.add(v128.load(y, 144), a41); }
      if (n > 5) { a50 = f32x4.add(v128.load(y, 160), a50); a51 = f32x4.add(v128.load(y, 176), a51); }
    }
    const low = lowOf(act), slope = slopeOf(act);
    if (n > 5) finish(y + 160, a50, a51, v128.load32_splat(bias, 20), low, slope);
    if (n > 4) finish(y + 128, a40, a41, v128.load32_splat(bias, 16), low, slope);
    if (n > 3) finish(y + 96, a30, a31, v128.load32_splat(bias, 12), low, slope);
    if (n > 2) finish(y + 64, a20, a21, v128.load32_splat(bias, 8), low, slope);
    if (n > 1) finish(y + 32, a10, a11, v128.load32_splat(bias, 4), low, slope);
    finish(y, a00, a01, v128.load32_splat(bias), low, slope);
    x += xs;
    y += ys;
    nb--;
  }
}

export function forward3(x: usize, w: usize, y: usize, nb: i32, depth: i32, I: i32, O: i32, b: usize, act: i32, add: i32): void {
  forwardTile(3, x, w, y, nb, depth, I, O, b, act, add);
}
export function forward4(x: usize, w: usize, y: usize, nb: i32, depth: i32, I: i32, O: i32, b: usize, act: i32, add: i32): void {
  forwardTile(4, x, w, y, nb, depth, I, O, b, act, add);
}
export function forward5(x: usize, w: usize, y: usize, nb: i32, depth: i32, I: i32, O: i32, b: usize, act: i32, add: i32): void {
  forwardTile(5, x, w, y, nb, depth, I, O, b, act, add);
}
export function forward6(x: usize, w: usize, y: usize, nb: i32, depth: i32, I: i32, O: i32, b: usize, act: i32, add: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) forwardTile(6, x, w, y, nb, depth, I, O, b, act, add);
}

// ---- few features on one side ------------------------------------------------------------------------------------
// y[j] = act(b[j] + Σ_k x[k]·w[j, k]) with w[j, k] at w + j·sj + k·sk, for the forward product and the input gradient alike.

/** K ≤ 4 features of x, all in registers; F features of y. */
@inline
function shallowTile(
  K: i32, x: usize, w: usize, y: usize, nb: i32, F: i32, sj: usize, sk: usize, bias: usize, bs: usize, act: i32,
): void {
  const low = lowOf(act), slope = slopeOf(act);
  while (nb) {
    const v00 = v128.load(x), v01 = v128.load(x, 16);
    let v10 = v00, v11 = v00, v20 = v00, v21 = v00, v30 = v00, v31 = v00;
    if (K > 1) { v10 = v128.load(x, 32); v11 = v128.load(x, 48); }
    if (K > 2) { v20 = v128.load(x, 64); v21 = v128.load(x, 80); }
    if (K > 3) { v30 = v128.load(x, 96); v31 = v128.load(x, 112); }
    let q0 = w, q1 = w + sk, q2 = q1 + sk, q3 = q2 + sk, b = bias;
    const end = y + (<usize>F << 5);
    while (y != end) {
      let s = v128.load32_splat(b);
      let t = v128.load32_splat(q0);
      let a0 = madd(v00, t, s), a1 = madd(v01, t, s);
      if (K > 1) { t = v128.load32_splat(q1); a0 = madd(v10, t, a0); a1 = madd(v11, t, a1); }
      if (K > 2) { t = v128.load32_splat(q2); a0 = madd(v20, t, a0); a1 = madd(v21, t, a1); }
      if (K > 3) { t = v128.load32_splat(q3); a0 = madd(v30, t, a0); a1 = madd(v31, t, a1); }
      if (act) { a0 = activate(a0, low, slope); a1 = activate(a1, low, slope); }
      v128.store(y, a1, 16);
      v128.store(y, a0);
      q0 += sj; q1 += sj; q2 += sj; q3 += sj;
      b += bs;
      y += 32;
    }
    x += <usize>K << 5;
    nb--;
  }
}

export function shallow1(x: usize, w: usize, y: usize, nb: i32, F: i32, sj: usize, sk: usize, b: usize, bs: usize, act: i32): void {
  shallowTile(1, x, w, y, nb, F, sj, sk, b, bs, act);
}
export function shallow2(x: usize, w: usize, y: usize, nb: i32, F: i32, sj: usize, sk: usize, b: usize, bs: usize, act: i32): void {
  shallowTile(2, x, w, y, nb, F, sj, sk, b, bs, act);
}
export function shallow3(x: usize, w: usize, y: usize, nb: i32, F: i32, sj: usize, sk: usize, b: usize, bs: usize, act: i32): void {
  shallowTile(3, x, w, y, nb, F, sj, sk, b, bs, act);
}
export function shallow4(x: usize, w: usize, y: usize, nb: i32, F: i32, sj: usize, sk: usize, b: usize, bs: usize, act: i32): void {
  shallowTile(4, x, w, y, nb, F, sj, sk, b, bs, act);
}

function shallow(
  K: i32, x: usize, w: usize, y: usize, nb: i32, F: i32, sj: usize, sk: usize, b: usize, bs: usize, act: i32,
): void {
  if (K == 4) shallow4(x, w, y, nb, F, sj, sk, b, bs, act);
  else if (K == 3) shallow3(x, w, y, nb, F, sj, sk, b, bs, act);
  else if (K == 2) shallow2(x, w, y, nb, F, sj, sk, b, bs, act);
  else shallow1(x, w, y, nb, F, sj, sk, b, bs, act);
}

/** One or two features of y over K of x: two blocks at once, for enough sums to hide the latency of an addition. */
@inline
function narrowTile(n: i32, x: usize, w: usize, y: usize, nb: i32, K: i32, sj: usize, sk: usize, bias: usize, act: i32): void {
  const xs = <usize>K << 5, ys = <usize>n << 5;
  const low = lowOf(act), slope = slopeOf(act);
  while (nb > 0) {
    const d = nb > 1 ? xs : 0; // a last odd block is computed twice
    let a00 = f32x4.splat(0), a01 = a00, a02 = a00, a03 = a00, a10 = a00, a11 = a00, a12 = a00, a13 = a00;
    let p = x, r = x + d, q0 = w, q1 = w + sj;
    const end = x + xs;
    while (p != end) {
      const v0 = v128.load(p), v1 = v128.load(p, 16), v2 = v128.load(r), v3 = v128.load(r, 16);
      let s = v128.load32_splat(q0);
      a00 = madd(v0, s, a00); a01 = madd(v1, s, a01); a02 = madd(v2, s, a02); a03 = madd(v3, s, a03);
      if (n > 1) {
        s = v128.load32_splat(q1);
        a10 = madd(v0, s, a10); a11 = madd(v1, s, a11); a12 = madd(v2, s, a12); a13 = madd(v3, s, a13);
      }
      p += 32; r += 32; q0 += sk; q1 += sk;
    }
    const y2 = nb > 1 ? y + ys : y;
    if (n > 1) {
      const b = v128.load32_splat(bias, 4);
      finish(y2 + 32, a12, a13, b, low, slope);
      finish(y + 32, a10, a11, b, low, slope);
    }
    const b = v128.load32_splat(bias);
    finish(y2, a02, a03, b, low, slope);
    finish(y, a00, a01, b, low, slope);
    x += xs << 1;
    y += ys << 1;
    nb -= 2;
  }
}

export function narrow1(x: usize, w: usize, y: usize, nb: i32, K: i32, sj: usize, sk: usize, b: usize, act: i32): void {
  narrowTile(1, x, w, y, nb, K, sj, sk, b, act);
}
export function narrow2(x: usize, w: usize, y: usize, nb: i32, K: i32, sj: usize, sk: usize, b: usize, act: i32): void {
  narrowTile(2, x, w, y, nb, K, sj, sk, b, act);
}

function narrow(n: i32, x: usize, w: usize, y: usize, nb: i32, K: i32, sj: usize, sk: usize, b: usize, act: i32): void {
  if (n == 2) narrow2(x, w, y, nb, K, sj, sk, b, act);
  else narrow1(x, w, y, nb, K, sj, sk, b, act);
}

// ---- dx = dz·Wᵀ --------------------------------------------------------------------------------------------------

/** dx = dz·W[0:I]ᵀ; dz [nb][O][8], w (I + 1, O), dx [nb][I][8]. dx must not overlap dz or w. */
export function denseInputGrad(dz: usize, w: usize, dx: usize, nb: i32, I: i32, O: i32): void {
  const xs = <usize>I << 5, zs = <usize>O << 5, ws = <usize>O << 2;
  while (nb > 0) {
    const blocks = min(nb, BLOCKS);
    if (O <= 4) shallow(O, dz, w, dx, blocks, I, ws, 4, ZEROS, 0, 0);
    else if (I <= 2) narrow(I, dz, w, dx, blocks, O, ws, 4, ZEROS, 0);
    else for (let i = 0; i < I;) {
      const n = nextTile(I - i);
      const q = w + ws * i, p = dx + (<usize>i << 5);
      if (n == 5) inputGrad5(dz, q, p, blocks, O, xs);
      else if (n == 4) inputGrad4(dz, q, p, blocks, O, xs);
      else if (n == 3) inputGrad3(dz, q, p, blocks, O, xs);
      else inputGrad6(dz, q, p, blocks, O, xs);
      i += n;
    }
    dz += zs * blocks;
    dx += xs * blocks;
    nb -= blocks;
  }
}

/** n features of dx: n rows of W side by side. */
@inline
function inputGradTile(n: i32, dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  const zs = <usize>O << 5, ws = <usize>O << 2;
  while (nb) {
    let a00 = f32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00;
    let a30 = a00, a31 = a00, a40 = a00, a41 = a00, a50 = a00, a51 = a00;
    let q0 = w, q1 = w + ws, q2 = q1 + ws, q3 = q2 + ws, q4 = q3 + ws, q5 = q4 + ws;
    const end = dz + zs;
    while (dz != end) {
      const v0 = v128.load(dz), v1 = v128.load(dz, 16);
      let s = v128.load32_splat(q0);
      a00 = madd(v0, s, a00); a01 = madd(v1, s, a01);
      if (n > 1) { s = v128.load32_splat(q1); a10 = madd(v0, s, a10); a11 = madd(v1, s, a11); }
      if (n > 2) { s = v128.load32_splat(q2); a20 = madd(v0, s, a20); a21 = madd(v1, s, a21); }
      if (n > 3) { s = v128.load32_splat(q3); a30 = madd(v0, s, a30); a31 = madd(v1, s, a31); }
      if (n > 4) { s = v128.load32_splat(q4); a40 = madd(v0, s, a40); a41 = madd(v1, s, a41); }
      if (n > 5) { s = v128.load32_splat(q5); a50 = madd(v0, s, a50); a51 = madd(v1, s, a51); }
      dz += 32;
      q0 += 4; q1 += 4; q2 += 4; q3 += 4; q4 += 4; q5 += 4;
    }
    if (n > 5) { v128.store(dx, a51, 176); v128.store(dx, a50, 160); }
    if (n > 4) { v128.store(dx, a41, 144); v128.store(dx, a40, 128); }
    if (n > 3) { v128.store(dx, a31, 112); v128.store(dx, a30, 96); }
    if (n > 2) { v128.store(dx, a21, 80); v128.store(dx, a20, 64); }
    if (n > 1) { v128.store(dx, a11, 48); v128.store(dx, a10, 32); }
    v128.store(dx, a01, 16);
    v128.store(dx, a00);
    dx += xs;
    nb--;
  }
}

export function inputGrad3(dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  inputGradTile(3, dz, w, dx, nb, O, xs);
}
export function inputGrad4(dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  inputGradTile(4, dz, w, dx, nb, O, xs);
}
export function inputGrad5(dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  inputGradTile(5, dz, w, dx, nb, O, xs);
}
export function inputGrad6(dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) inputGradTile(6, dz, w, dx, nb, O, xs);
}

// ---- dW += xᵀ·dz, db += Σ dz -------------------------------------------------------------------------------------

/** Bytes of scratch that denseWeightGrad needs: dz transposed, at most 16 blocks of it at a time. */
export function denseWeightGradScratch(nb: i32, I: i32, O: i32): i32 {
  return I <= FEW || O <= FEW ? 0 : <i32>SPILL + (min(nb, BLOCKS) << 5) * ((O + 3) & -4);
}

/**
 * dw += [xᵀ·dz; bias ? Σ_rows dz : 0]; x [nb][I][8], dz [nb][O][8], dw (I + 1, O); without bias row I is left alone.
 * scratch: denseWeightGradScratch(nb, I, O) bytes that overlap nothing.
 */
export function denseWeightGrad(
  x: usize, dz: usize, dw: usize, nb: i32, I: i32, O: i32, bias: i32, scratch: usize,
): void {
  const db = bias ? dw + (<usize>(I * O) << 2) : 0;
  while (nb > 0) {
    const blocks = min(nb, BLOCKS);
    if (I <= FEW || O <= FEW) dotGrad(x, dz, dw, db, blocks, I, O);
    else panelGrad(x, dz, dw, db, blocks, I, O, scratch);
    x += <usize>(I * blocks) << 5;
    dz += <usize>(O * blocks) << 5;
    nb -= blocks;
  }
}

/**
 * Lanes are outputs: dz is transposed into panels [rows][8] (the last one [rows][4] if it has at most 4 columns),
 * and x is broadcast, as W is elsewhere.
 */
function panelGrad(x: usize, dz: usize, dw: usize, db: usize, nb: i32, I: i32, O: i32, scratch: usize): void {
  const xs = <usize>I << 5, zs = <usize>O << 5, ws = <usize>O << 2;
  const t = scratch + SPILL, size = <usize>nb << 8; // of one panel
  const full = O >> 3, rest = O & 7, wide = rest > 4 ? 1 : 0;
  for (let o = 0; o < O; o += 4) {
    const to = t + size * (o >> 3) + (<usize>(o & 4) << 2);
    transpose(dz + (<usize>o << 5), zs, to, (o >> 3) < full || wide ? 32 : 16, nb, O - o, db ? db + (<usize>o << 2) : 0);
  }
  const pt = t + size * full, exact = rest == 4;
  for (let i = 0; i < I;) {
    const n = nextTile(I - i);
    const px = x + (<usize>i << 5), q = dw + ws * i, pq = q + (<usize>full << 5);
    if (full) weightGrad(n, px, t, q, nb, xs, ws, full);
    if (exact) weightGradHalf(n, px, pt, pq, nb, xs, ws);
    else if (rest) {
      memory.fill(scratch, 0, SPILL);
      if (wide) weightGrad(n, px, pt, scratch, nb, xs, 32, 1);
      else weightGradHalf(n, px, pt, scratch, nb, xs, 32);
      for (let j = 0; j < n; j++) addLanes(pq + ws * j, 4, scratch + (<usize>j << 5), rest);
    }
    i += n;
  }
}

/** n floats at p, `step` bytes apart, += those at from. */
function addLanes(p: usize, step: usize, from: usize, n: i32): void {
  for (; n > 0; n--) {
    f32.store(p, f32.load(p) + f32.load(from));
    p += step;
    from += 4;
  }
}

/** The sums over the lanes of a, b, c and d. */
@inline function laneSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/**
 * Features z … z + 3 of nb blocks → rows of 4 at t, ts bytes apart, and their sums to db (unless 0).
 * Where fewer than 4 are left the first stands in for the others; what comes of it is not used.
 */
function transpose(z: usize, zs: usize, t: usize, ts: usize, nb: i32, left: i32, db: usize): void {
  const zb = left > 1 ? <usize>32 : 0, zc = left > 2 ? <usize>64 : 0, zd = left > 3 ? <usize>96 : 0;
  let sa = f32x4.splat(0), sb = sa, sc = sa, sd = sa;
  const ts2 = ts << 1, ts3 = ts2 + ts;
  for (let half = nb << 1; half; half--) {
    const a = v128.load(z), b = v128.load(z + zb), c = v128.load(z + zc), d = v128.load(z + zd);
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    v128.store(t, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
    v128.store(t + ts, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
    const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7), cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(t + ts2, v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5));
    v128.store(t + ts3, v128.shuffle<f32>(ab2, cd2, 2, 3, 6, 7));
    sa = f32x4.add(sa, a); sb = f32x4.add(sb, b); sc = f32x4.add(sc, c); sd = f32x4.add(sd, d);
    t += ts << 2;
    z += half & 1 ? zs - 16 : 16;
  }
  if (db) addVector(db, laneSums(sa, sb, sc, sd), left);
}

/** The first n ≤ 4 lanes of v to p. */
function addVector(p: usize, v: v128, n: i32): void {
  if (n > 3) { v128.store(p, f32x4.add(v128.load(p), v)); return; }
  f32.store(p, f32.load(p) + f32x4.extract_lane(v, 0));
  if (n > 1) f32.store(p, f32.load(p, 4) + f32x4.extract_lane(v, 1), 4);
  if (n > 2) f32.store(p, f32.load(p, 8) + f32x4.extract_lane(v, 2), 8);
}

/** n rows × 8 columns (4 unless wide) of dw, for `panels` panels. */
@inline
function weightGradTile(
  n: i32, wide: i32, x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32,
): void {
  const last = x + xs * nb;
  while (panels) {
    let a00 = f32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00;
    let a30 = a00, a31 = a00, a40 = a00, a41 = a00, a50 = a00, a51 = a00;
    let p = x;
    do {
      const end = p + 32;
      do {
        const v0 = v128.load(t), v1 = wide ? v128.load(t, 16) : v0;
        let s = v128.load32_splat(p);
        a00 = madd(v0, s, a00); if (wide) a01 = madd(v1, s, a01);
        if (n > 1) { s = v128.load32_splat(p, 32); a10 = madd(v0, s, a10); if (wide) a11 = madd(v1, s, a11); }
        if (n > 2) { s = v128.load32_splat(p, 64); a20 = madd(v0, s, a20); if (wide) a21 = madd(v1, s, a21); }
        if (n > 3) { s = v128.load32_splat(p, 96); a30 = madd(v0, s, a30); if (wide) a31 = madd(v1, s, a31); }
        if (n > 4) { s = v128.load32_splat(p, 128); a40 = madd(v0, s, a40); if (wide) a41 = madd(v1, s, a41); }
        if (n > 5) { s = v128.load32_splat(p, 160); a50 = madd(v0, s, a50); if (wide) a51 = madd(v1, s, a51); }
        t += wide ? 32 : 16;
        p += 4;
      } while (p != end);
      p += xs - 32;
    } while (p != last);
    let q = dw + ws * (n - 1);
    if (n > 5) { addRow(wide, q, a50, a51); q -= ws; }
    if (n > 4) { addRow(wide, q, a40, a41); q -= ws; }
    if (n > 3) { addRow(wide, q, a30, a31); q -= ws; }
    if (n > 2) { addRow(wide, q, a20, a21); q -= ws; }
    if (n > 1) { addRow(wide, q, a10, a11); q -= ws; }
    addRow(wide, q, a00, a01);
    dw += 32;
    panels--;
  }
}

@inline function addRow(wide: i32, q: usize, a: v128, b: v128): void {
  if (wide) v128.store(q, f32x4.add(v128.load(q, 16), b), 16);
  v128.store(q, f32x4.add(v128.load(q), a));
}

function weightGrad(n: i32, x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  if (n == 5) weightGrad5(x, t, dw, nb, xs, ws, panels);
  else if (n == 4) weightGrad4(x, t, dw, nb, xs, ws, panels);
  else if (n == 3) weightGrad3(x, t, dw, nb, xs, ws, panels);
  else weightGrad6(x, t, dw, nb, xs, ws, panels);
}
export function weightGrad3(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  weightGradTile(3, 1, x, t, dw, nb, xs, ws, panels);
}
export function weightGrad4(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  weightGradTile(4, 1, x, t, dw, nb, xs, ws, panels);
}
export function weightGrad5(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  weightGradTile(5, 1, x, t, dw, nb, xs, ws, panels);
}
export function weightGrad6(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) weightGradTile(6, 1, x, t, dw, nb, xs, ws, panels);
}

function weightGradHalf(n: i32, x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize): void {
  if (n == 5) weightGradHalf5(x, t, dw, nb, xs, ws);
  else if (n == 4) weightGradHalf4(x, t, dw, nb, xs, ws);
  else if (n == 3) weightGradHalf3(x, t, dw, nb, xs, ws);
  else weightGradHalf6(x, t, dw, nb, xs, ws);
}
export function weightGradHalf3(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize): void {
  weightGradTile(3, 0, x, t, dw, nb, xs, ws, 1);
}
export function weightGradHalf4(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize): void {
  weightGradTile(4, 0, x, t, dw, nb, xs, ws, 1);
}
export function weightGradHalf5(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize): void {
  weightGradTile(5, 0, x, t, dw, nb, xs, ws, 1);
}
export function weightGradHalf6(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) weightGradTile(6, 0, x, t, dw, nb, xs, ws, 1);
}

/** Lanes are rows: sums of 2 features of the narrow side × 4 of the other, added across at the end. */
function dotGrad(x: usize, dz: usize, dw: usize, db: usize, nb: i32, I: i32, O: i32): void {
  const xs = <usize>I << 5, zs = <usize>O << 5, ws = <usize>O << 2;
  if (O > 2) {
    for (let i = 0; i < I; i += 2) for (let o = 0; o < O; o += 4) {
      dot(x + (<usize>i << 5), xs, I - i, dz + (<usize>o << 5), zs, O - o, nb, dw + ws * i + (<usize>o << 2), ws, 4);
    }
  } else {
    for (let i = 0; i < I; i += 4) dot(dz, zs, O, x + (<usize>i << 5), xs, I - i, nb, dw + ws * i, 4, ws);
  }
  if (db) for (let o = 0; o < O; o += 4) columnSums(dz + (<usize>o << 5), zs, nb, O - o, db + (<usize>o << 2));
}

/** dw[a, b] += Σ a·b for na (2 at most) features at a, nb4 (4 at most) at b; entries sa and sb bytes apart. */
export function dot(
  a: usize, as: usize, na: i32, b: usize, bs: usize, nb4: i32, nb: i32, dw: usize, sa: usize, sb: usize,
): void {
  const a1 = na > 1 ? <usize>32 : 0;
  let q1 = nb4 > 1 ? b + 32 : b, q2 = nb4 > 2 ? b + 64 : b, q3 = nb4 > 3 ? b + 96 : b;
  let a00 = f32x4.splat(0), a01 = a00, a02 = a00, a03 = a00, a10 = a00, a11 = a00, a12 = a00, a13 = a00;
  while (nb) {
    let u = v128.load(a), v = v128.load(a + a1);
    let s = v128.load(b); a00 = madd(u, s, a00); a10 = madd(v, s, a10);
    s = v128.load(q1); a01 = madd(u, s, a01); a11 = madd(v, s, a11);
    s = v128.load(q2); a02 = madd(u, s, a02); a12 = madd(v, s, a12);
    s = v128.load(q3); a03 = madd(u, s, a03); a13 = madd(v, s, a13);
    u = v128.load(a, 16); v = v128.load(a + a1, 16);
    s = v128.load(b, 16); a00 = madd(u, s, a00); a10 = madd(v, s, a10);
    s = v128.load(q1, 16); a01 = madd(u, s, a01); a11 = madd(v, s, a11);
    s = v128.load(q2, 16); a02 = madd(u, s, a02); a12 = madd(v, s, a12);
    s = v128.load(q3, 16); a03 = madd(u, s, a03); a13 = madd(v, s, a13);
    a += as; b += bs; q1 += bs; q2 += bs; q3 += bs;
    nb--;
  }
  addStrided(dw, sb, laneSums(a00, a01, a02, a03), nb4);
  if (na > 1) addStrided(dw + sa, sb, laneSums(a10, a11, a12, a13), nb4);
}

/** The first n (4 at most) lanes of v to floats `step` bytes apart. */
@inline function addStrided(p: usize, step: usize, v: v128, n: i32): void {
  f32.store(p, f32.load(p) + f32x4.extract_lane(v, 0));
  if (n > 1) { p += step; f32.store(p, f32.load(p) + f32x4.extract_lane(v, 1)); }
  if (n > 2) { p += step; f32.store(p, f32.load(p) + f32x4.extract_lane(v, 2)); }
  if (n > 3) { p += step; f32.store(p, f32.load(p) + f32x4.extract_lane(v, 3)); }
}

/** db[0 … left) += the sums of up to 4 features over nb blocks. */
export function columnSums(z: usize, zs: usize, nb: i32, left: i32, db: usize): void {
  const zb = left > 1 ? <usize>32 : 0, zc = left > 2 ? <usize>64 : 0, zd = left > 3 ? <usize>96 : 0;
  let sa = f32x4.splat(0), sb = sa, sc = sa, sd = sa;
  for (let half = nb << 1; half; half--) {
    sa = f32x4.add(sa, v128.load(z));
    sb = f32x4.add(sb, v128.load(z + zb));
    sc = f32x4.add(sc, v128.load(z + zc));
    sd = f32x4.add(sd, v128.load(z + zd));
    z += half & 1 ? zs - 16 : 16;
  }
  addStrided(db, 4, laneSums(sa, sb, sc, sd), left);
}
