/**
 * Dense layer:  y = act(x·W + b),  dx = dz·Wᵀ,  dz = ∂L/∂(x·W + b). The gradient of W and b is in dense_grad.ts.
 * Register tiles after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (ACM TOMS 34:3,
 * 2008), without packing: a batch [nb][F][8] already holds eight samples of a feature as two vectors, and the entries
 * of W (I + 1, O), with the bias in row I, are broadcast directly from memory. Pointers and strides are in bytes.
 *
 * A tile keeps n features × 8 samples in registers: 2n sums, with 2 vector loads and n broadcasts for each step,
 * so that arithmetic limits the speed, not loads. n ≤ 5, or 6 where FMA needs no register for the product.
 *
 * V8 before version 13 spills the sums of a tile unless they start at zero, the bias is added after the loop, stores run
 * backwards and the loop is a `while` (in weight gradients a `do`). Tiles are called through a function value, which
 * keeps them out of line: several in one function cost up to 20 % in time.
 *
 * The order of every sum depends on I and O only, not on the number of blocks.
 */
import { madd, sigmoid32, silu32, softplus32, tanh32 } from "./simd";

export { denseWeightGrad, denseWeightGradScratch } from "./dense_grad";

/** Widest tile, in features. */
export const TILE: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5;
/** Blocks of 8 samples that pass through all tiles together: they stay in the second-level cache. */
export const BLOCKS: i32 = 16;
/** Rows of W that pass through all tiles together: the part that a tile reads stays in the first-level cache. */
const DEPTH: i32 = 192;
/** Zeros that are read in place of a bias; never written. */
const ZEROS: usize = memory.data(32, 16);

/** Features in the next tile: as many as possible without leaving a last tile of one or two. */
export function nextTile(left: i32): i32 {
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
    if (I <= 4) shallowForward(I, x, w, y, blocks, O, b, bs, fused);
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
          const tile = n == 5 ? forward5 : n == 4 ? forward4 : n == 3 ? forward3 : forward6;
          tile(px, q, py, blocks, depth, I, O, pb, a, k);
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

/** Activations that are too long for the end of a tile: a second pass over values that are still in the cache. */
function sweep(p: usize, end: usize, act: i32): void {
  if (act == 3) for (; p != end; p += 16) v128.store(p, tanh32(v128.load(p)));
  else if (act == 4) for (; p != end; p += 16) v128.store(p, sigmoid32(v128.load(p)));
  else if (act == 5) for (; p != end; p += 16) v128.store(p, softplus32(v128.load(p)));
  else for (; p != end; p += 16) v128.store(p, silu32(v128.load(p)));
}

/** max(a, low, slope·a): linear (−∞, 1), ReLU (0, 1), leaky ReLU (−∞, 0.01). NaN stays NaN, and so do infinities. */
// @ts-ignore: decorator
@inline function activate(a: v128, low: v128, slope: v128): v128 {
  return f32x4.pmax(f32x4.pmax(a, low), f32x4.mul(a, slope));
}

// @ts-ignore: decorator
@inline function lowOf(act: i32): v128 {
  return f32x4.splat(act == 1 ? 0 : -Infinity);
}

// @ts-ignore: decorator
@inline function slopeOf(act: i32): v128 {
  return f32x4.splat(act == 2 ? <f32>0.01 : 1);
}

/** Finishes one feature of a tile: bias, activation, store. */
// @ts-ignore: decorator
@inline function finish(y: usize, a0: v128, a1: v128, bias: v128, low: v128, slope: v128): void {
  v128.store(y, activate(f32x4.add(a1, bias), low, slope), 16);
  v128.store(y, activate(f32x4.add(a0, bias), low, slope));
}

/** n features of y from `depth` features of x, nb blocks; `add`: adds to y. */
// @ts-ignore: decorator
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

function forward3(x: usize, w: usize, y: usize, nb: i32, K: i32, I: i32, O: i32, b: usize, act: i32, add: i32): void {
  forwardTile(3, x, w, y, nb, K, I, O, b, act, add);
}
function forward4(x: usize, w: usize, y: usize, nb: i32, K: i32, I: i32, O: i32, b: usize, act: i32, add: i32): void {
  forwardTile(4, x, w, y, nb, K, I, O, b, act, add);
}
function forward5(x: usize, w: usize, y: usize, nb: i32, K: i32, I: i32, O: i32, b: usize, act: i32, add: i32): void {
  forwardTile(5, x, w, y, nb, K, I, O, b, act, add);
}
function forward6(x: usize, w: usize, y: usize, nb: i32, K: i32, I: i32, O: i32, b: usize, act: i32, add: i32): void {
  if (TILE == 6) forwardTile(6, x, w, y, nb, K, I, O, b, act, add);
}

// ---- few features on one side ------------------------------------------------------------------------------------
// y[j] = act(b[j] + Σ_k x[k]·w[j, k]) with w[j, k] at w + j·sj + k·sk: for the forward product and the input gradient.

/** K ≤ 4 features of x, all in registers; F features of y. `ends`: with bias and activation. */
// @ts-ignore: decorator
@inline
function shallowTile(
  K: i32, ends: i32, x: usize, w: usize, y: usize, nb: i32, F: i32, sj: usize, sk: usize,
  bias: usize, bs: usize, act: i32,
): void {
  const slope = slopeOf(act), zero = f32x4.splat(0);
  while (nb) {
    const v00 = v128.load(x), v01 = v128.load(x, 16);
    let v10 = v00, v11 = v00, v20 = v00, v21 = v00, v30 = v00, v31 = v00;
    if (K > 1) { v10 = v128.load(x, 32); v11 = v128.load(x, 48); }
    if (K > 2) { v20 = v128.load(x, 64); v21 = v128.load(x, 80); }
    if (K > 3) { v30 = v128.load(x, 96); v31 = v128.load(x, 112); }
    let q0 = w, q1 = w + sk, q2 = q1 + sk, q3 = q2 + sk, b = bias;
    const end = y + (<usize>F << 5);
    while (y != end) {
      let s = v128.load32_splat(q0), a0: v128, a1: v128;
      if (ends) {
        const start = v128.load32_splat(b);
        a0 = madd(v00, s, start); a1 = madd(v01, s, start);
        b += bs;
      } else {
        a0 = f32x4.mul(v00, s); a1 = f32x4.mul(v01, s);
      }
      if (K > 1) { s = v128.load32_splat(q1); a0 = madd(v10, s, a0); a1 = madd(v11, s, a1); }
      if (K > 2) { s = v128.load32_splat(q2); a0 = madd(v20, s, a0); a1 = madd(v21, s, a1); }
      if (K > 3) { s = v128.load32_splat(q3); a0 = madd(v30, s, a0); a1 = madd(v31, s, a1); }
      if (ends) {
        if (act == 2) {
          a0 = f32x4.pmax(a0, f32x4.mul(a0, slope)); a1 = f32x4.pmax(a1, f32x4.mul(a1, slope));
        } else if (act == 1) {
          a0 = f32x4.pmax(a0, zero); a1 = f32x4.pmax(a1, zero);
        }
      }
      v128.store(y, a1, 16);
      v128.store(y, a0);
      q0 += sj; q1 += sj; q2 += sj; q3 += sj;
      y += 32;
    }
    x += <usize>K << 5;
    nb--;
  }
}

function shallowForward(K: i32, x: usize, w: usize, y: usize, nb: i32, F: i32, b: usize, bs: usize, act: i32): void {
  const ws = <usize>F << 2;
  if (K == 4) shallowTile(4, 1, x, w, y, nb, F, 4, ws, b, bs, act);
  else if (K == 3) shallowTile(3, 1, x, w, y, nb, F, 4, ws, b, bs, act);
  else if (K == 2) shallowTile(2, 1, x, w, y, nb, F, 4, ws, b, bs, act);
  else shallowTile(1, 1, x, w, y, nb, F, 4, ws, b, bs, act);
}

function shallowGrad(K: i32, dz: usize, w: usize, dx: usize, nb: i32, F: i32): void {
  if (K == 4) shallowTile(4, 0, dz, w, dx, nb, F, 16, 4, 0, 0, 0);
  else if (K == 3) shallowTile(3, 0, dz, w, dx, nb, F, 12, 4, 0, 0, 0);
  else if (K == 2) shallowTile(2, 0, dz, w, dx, nb, F, 8, 4, 0, 0, 0);
  else shallowTile(1, 0, dz, w, dx, nb, F, 4, 4, 0, 0, 0);
}

/** One or two features of y over K of x: two blocks at once, for enough sums to hide the latency of an addition. */
// @ts-ignore: decorator
@inline
function narrowTile(
  n: i32, x: usize, w: usize, y: usize, nb: i32, K: i32, sj: usize, sk: usize, bias: usize, act: i32,
): void {
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

function narrow(n: i32, x: usize, w: usize, y: usize, nb: i32, K: i32, sj: usize, sk: usize, b: usize, act: i32): void {
  if (n == 2) narrowTile(2, x, w, y, nb, K, sj, sk, b, act);
  else narrowTile(1, x, w, y, nb, K, sj, sk, b, act);
}

// ---- dx = dz·Wᵀ --------------------------------------------------------------------------------------------------

/** dx = dz·W[0:I]ᵀ; dz [nb][O][8], w (I + 1, O), dx [nb][I][8]. dx must not overlap dz or w. */
export function denseInputGrad(dz: usize, w: usize, dx: usize, nb: i32, I: i32, O: i32): void {
  const xs = <usize>I << 5, zs = <usize>O << 5, ws = <usize>O << 2;
  while (nb > 0) {
    const blocks = min(nb, BLOCKS);
    if (O <= 4) shallowGrad(O, dz, w, dx, blocks, I);
    else if (I <= 2) narrow(I, dz, w, dx, blocks, O, ws, 4, ZEROS, 0);
    else for (let i = 0; i < I;) {
      const n = nextTile(I - i);
      const q = w + ws * i, p = dx + (<usize>i << 5);
      const tile = n == 5 ? inputGrad5 : n == 4 ? inputGrad4 : n == 3 ? inputGrad3 : inputGrad6;
      tile(dz, q, p, blocks, O, xs);
      i += n;
    }
    dz += zs * blocks;
    dx += xs * blocks;
    nb -= blocks;
  }
}

/** n features of dx: n rows of W side by side. */
// @ts-ignore: decorator
@inline
function inputGradTile(n: i32, dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  const zs = <usize>O << 5, ws = <usize>O << 2;
  while (nb) {
    let a00 = f32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00;
    let a30 = a00, a31 = a00, a40 = a00, a41 = a00, a50 = a00, a51 = a00;
    const end = dz + zs;
    // One address in w, incremented, because registers are few: with one for each row, code by V8 11 (Node 20) takes 1.6 times
    // as long on shared memory.
    let q = w;
    while (dz != end) {
      const v0 = v128.load(dz), v1 = v128.load(dz, 16);
      let r = q, s = v128.load32_splat(r);
      a00 = madd(v0, s, a00); a01 = madd(v1, s, a01);
      if (n > 1) { r += ws; s = v128.load32_splat(r); a10 = madd(v0, s, a10); a11 = madd(v1, s, a11); }
      if (n > 2) { r += ws; s = v128.load32_splat(r); a20 = madd(v0, s, a20); a21 = madd(v1, s, a21); }
      if (n > 3) { r += ws; s = v128.load32_splat(r); a30 = madd(v0, s, a30); a31 = madd(v1, s, a31); }
      if (n > 4) { r += ws; s = v128.load32_splat(r); a40 = madd(v0, s, a40); a41 = madd(v1, s, a41); }
      if (n > 5) { r += ws; s = v128.load32_splat(r); a50 = madd(v0, s, a50); a51 = madd(v1, s, a51); }
      dz += 32;
      q += 4;
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

function inputGrad3(dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  inputGradTile(3, dz, w, dx, nb, O, xs);
}
function inputGrad4(dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  inputGradTile(4, dz, w, dx, nb, O, xs);
}
function inputGrad5(dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  inputGradTile(5, dz, w, dx, nb, O, xs);
}
function inputGrad6(dz: usize, w: usize, dx: usize, nb: i32, O: i32, xs: usize): void {
  if (TILE == 6) inputGradTile(6, dz, w, dx, nb, O, xs);
}
