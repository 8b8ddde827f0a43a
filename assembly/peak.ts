// What the processor can do with 128-bit products and sums: the measure that the benchmarks hold the kernels to. An entry
// of its own, compiled by the benchmark; no part of the builds. Each function does `n` rounds, all in registers or the
// first cache; which comes closest to the peak differs between processors.
import { madd, madd64 } from "./simd";

/** 12 independent chains: 96 floating-point operations a round. */
export function chains(p: usize, n: i32): void {
  const m = v128.load(p), c = v128.load(p, 16);
  let a0 = v128.load(p, 32), a1 = v128.load(p, 48);
  let a2 = a0, a3 = a1, a4 = a0, a5 = a1, a6 = a0, a7 = a1, a8 = a0, a9 = a1, a10 = a0, a11 = a1;
  while (n) {
    a0 = madd(m, a0, c); a1 = madd(m, a1, c); a2 = madd(m, a2, c); a3 = madd(m, a3, c);
    a4 = madd(m, a4, c); a5 = madd(m, a5, c); a6 = madd(m, a6, c); a7 = madd(m, a7, c);
    a8 = madd(m, a8, c); a9 = madd(m, a9, c); a10 = madd(m, a10, c); a11 = madd(m, a11, c);
    n--;
  }
  const low = f32x4.add(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), f32x4.add(a4, a5));
  const high = f32x4.add(f32x4.add(f32x4.add(a6, a7), f32x4.add(a8, a9)), f32x4.add(a10, a11));
  v128.store(p, f32x4.add(low, high), 64);
}

/** Products of loaded numbers with 4 that stay, over 4 KiB: 8192 floating-point operations a round. */
export function loads(p: usize, n: i32): void {
  const m0 = v128.load(p), m1 = v128.load(p, 16), m2 = v128.load(p, 32), m3 = v128.load(p, 48);
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
  const end = p + 4096;
  while (n) {
    let q = p;
    while (q != end) {
      const v = v128.load(q);
      a0 = madd(v, m0, a0); a1 = madd(v, m1, a1); a2 = madd(v, m2, a2); a3 = madd(v, m3, a3);
      const u = v128.load(q, 16);
      a4 = madd(u, m0, a4); a5 = madd(u, m1, a5); a6 = madd(u, m2, a6); a7 = madd(u, m3, a7);
      q += 32;
    }
    n--;
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), f32x4.add(f32x4.add(a4, a5), f32x4.add(a6, a7)));
  v128.store(p, sum, 4096);
}

/** `chains` in f64: 48 floating-point operations a round. */
export function chains64(p: usize, n: i32): void {
  const m = v128.load(p), c = v128.load(p, 16);
  let a0 = v128.load(p, 32), a1 = v128.load(p, 48);
  let a2 = a0, a3 = a1, a4 = a0, a5 = a1, a6 = a0, a7 = a1, a8 = a0, a9 = a1, a10 = a0, a11 = a1;
  while (n) {
    a0 = madd64(m, a0, c); a1 = madd64(m, a1, c); a2 = madd64(m, a2, c); a3 = madd64(m, a3, c);
    a4 = madd64(m, a4, c); a5 = madd64(m, a5, c); a6 = madd64(m, a6, c); a7 = madd64(m, a7, c);
    a8 = madd64(m, a8, c); a9 = madd64(m, a9, c); a10 = madd64(m, a10, c); a11 = madd64(m, a11, c);
    n--;
  }
  const low = f64x2.add(f64x2.add(f64x2.add(a0, a1), f64x2.add(a2, a3)), f64x2.add(a4, a5));
  const high = f64x2.add(f64x2.add(f64x2.add(a6, a7), f64x2.add(a8, a9)), f64x2.add(a10, a11));
  v128.store(p, f64x2.add(low, high), 64);
}

/** `loads` in f64, over 4 KiB: 4096 floating-point operations a round. */
export function loads64(p: usize, n: i32): void {
  const m0 = v128.load(p), m1 = v128.load(p, 16), m2 = v128.load(p, 32), m3 = v128.load(p, 48);
  let a0 = f64x2.splat(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
  const end = p + 4096;
  while (n) {
    let q = p;
    while (q != end) {
      const v = v128.load(q);
      a0 = madd64(v, m0, a0); a1 = madd64(v, m1, a1); a2 = madd64(v, m2, a2); a3 = madd64(v, m3, a3);
      const u = v128.load(q, 16);
      a4 = madd64(u, m0, a4); a5 = madd64(u, m1, a5); a6 = madd64(u, m2, a6); a7 = madd64(u, m3, a7);
      q += 32;
    }
    n--;
  }
  const sum = f64x2.add(f64x2.add(f64x2.add(a0, a1), f64x2.add(a2, a3)), f64x2.add(f64x2.add(a4, a5), f64x2.add(a6, a7)));
  v128.store(p, sum, 4096);
}
