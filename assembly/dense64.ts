/**
 * Dense layers in f64, for forward models with a fixed matrix: y = x·W and dx = dz·Wᵀ, both
 *
 *   y[j] = Σ_k x[k]·w[j, k]   with w[j, k] at w + j·sj + k·sk,
 *
 * by register tiles of two features × 8 samples (see dense.ts), with K in parts of `DEPTH` that stay in the first-level cache. Every
 * sum runs over k in ascending order, so its bits depend only on K. Pointers and strides are in bytes.
 */
import { PACK, local } from "./local";

const DEPTH: i32 = 192;
// Two columns of W are packed side by side: entries of a column are a row apart, and strides of a power of two collide in
// the cache.

/** Adds to one or two features of y the products with `depth` features of x, for nb blocks. */
// @ts-ignore: decorator
@inline
function tile(n: i32, x: usize, xs: usize, w: usize, sj: usize, sk: usize, y: usize, ys: usize, nb: i32, depth: i32): void {
  while (nb) {
    let a0 = v128.load(y), a1 = v128.load(y, 16), a2 = v128.load(y, 32), a3 = v128.load(y, 48);
    let b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    if (n > 1) { b0 = v128.load(y, 64); b1 = v128.load(y, 80); b2 = v128.load(y, 96); b3 = v128.load(y, 112); }
    let p = x, q = w;
    const end = x + (<usize>depth << 6);
    while (p != end) {
      const v0 = v128.load(p), v1 = v128.load(p, 16), v2 = v128.load(p, 32), v3 = v128.load(p, 48);
      let s = v128.load64_splat(q);
      a0 = f64x2.add(a0, f64x2.mul(s, v0)); a1 = f64x2.add(a1, f64x2.mul(s, v1));
      a2 = f64x2.add(a2, f64x2.mul(s, v2)); a3 = f64x2.add(a3, f64x2.mul(s, v3));
      if (n > 1) {
        s = v128.load64_splat(q + sj);
        b0 = f64x2.add(b0, f64x2.mul(s, v0)); b1 = f64x2.add(b1, f64x2.mul(s, v1));
        b2 = f64x2.add(b2, f64x2.mul(s, v2)); b3 = f64x2.add(b3, f64x2.mul(s, v3));
      }
      p += 64;
      q += sk;
    }
    if (n > 1) { v128.store(y, b3, 112); v128.store(y, b2, 96); v128.store(y, b1, 80); v128.store(y, b0, 64); }
    v128.store(y, a3, 48); v128.store(y, a2, 32); v128.store(y, a1, 16); v128.store(y, a0);
    x += xs;
    y += ys;
    nb--;
  }
}

function tile1(x: usize, xs: usize, w: usize, sj: usize, sk: usize, y: usize, ys: usize, nb: i32, depth: i32): void {
  tile(1, x, xs, w, sj, sk, y, ys, nb, depth);
}
function tile2(x: usize, xs: usize, w: usize, sj: usize, sk: usize, y: usize, ys: usize, nb: i32, depth: i32): void {
  tile(2, x, xs, w, sj, sk, y, ys, nb, depth);
}

/** y [nb][J][8] from x [nb][K][8]. y must not overlap x or w. */
function product(x: usize, w: usize, sj: usize, sk: usize, y: usize, nb: i32, K: i32, J: i32): void {
  const xs = <usize>K << 6, ys = <usize>J << 6;
  const pack = local() + PACK;
  memory.fill(y, 0, ys * nb);
  for (let k = 0; k < K;) {
    const depth = min(DEPTH, K - k);
    const px = x + (<usize>k << 6);
    for (let j = 0; j < J;) {
      const n = min(2, J - j);
      let q = w + sj * j + sk * k, qj = sj, qk = sk;
      if (sk != 8) {
        for (let i = 0; i < depth; i++) {
          const at = pack + (<usize>i << 4);
          store<f64>(at, load<f64>(q + sk * i));
          if (n > 1) store<f64>(at, load<f64>(q + sk * i + sj), 8);
        }
        q = pack; qj = 8; qk = 16;
      }
      const run = n > 1 ? tile2 : tile1;
      run(px, xs, q, qj, qk, y + (<usize>j << 6), ys, nb, depth);
      j += n;
    }
    k += depth;
  }
}

/** y = x·W[0:I], W (I + 1 or I, O). */
export function denseForward64(x: usize, w: usize, y: usize, nb: i32, I: i32, O: i32): void {
  product(x, w, 8, <usize>O << 3, y, nb, I, O);
}
/** dx = dz·W[0:I]ᵀ */
export function denseInputGrad64(dz: usize, w: usize, dx: usize, nb: i32, I: i32, O: i32): void {
  product(dz, w, <usize>O << 3, 8, dx, nb, O, I);
}
