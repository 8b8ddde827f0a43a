// The peak rate of 128-bit products and sums on a processor, with which the benchmarks compare the kernels. The benchmark
// compiles this file; it is not part of the builds. Each function does `n` rounds in registers or the first-level cache;
// which of them comes closest to the peak differs between processors.
import { fuse, plus, splat } from "./lanes";

/** 12 independent chains: 96 floating-point operations a round in f32, 48 in f64. */
// @ts-ignore: decorator
@inline function chainsOf<T>(p: usize, n: i32): void {
  const m = v128.load(p), c = v128.load(p, 16);
  let a0 = v128.load(p, 32), a1 = v128.load(p, 48);
  let a2 = a0, a3 = a1, a4 = a0, a5 = a1, a6 = a0, a7 = a1, a8 = a0, a9 = a1, a10 = a0, a11 = a1;
  while (n) {
    a0 = fuse<T>(m, a0, c); a1 = fuse<T>(m, a1, c); a2 = fuse<T>(m, a2, c); a3 = fuse<T>(m, a3, c);
    a4 = fuse<T>(m, a4, c); a5 = fuse<T>(m, a5, c); a6 = fuse<T>(m, a6, c); a7 = fuse<T>(m, a7, c);
    a8 = fuse<T>(m, a8, c); a9 = fuse<T>(m, a9, c); a10 = fuse<T>(m, a10, c); a11 = fuse<T>(m, a11, c);
    n--;
  }
  const low = plus<T>(plus<T>(plus<T>(a0, a1), plus<T>(a2, a3)), plus<T>(a4, a5));
  const high = plus<T>(plus<T>(plus<T>(a6, a7), plus<T>(a8, a9)), plus<T>(a10, a11));
  v128.store(p, plus<T>(low, high), 64);
}
export function chains(p: usize, n: i32): void { chainsOf<f32>(p, n); }
export function chains64(p: usize, n: i32): void { chainsOf<f64>(p, n); }

/** Products of numbers loaded from 4 KiB with 4 in registers: 8192 floating-point operations a round in f32, 4096 in f64. */
// @ts-ignore: decorator
@inline function loadsOf<T>(p: usize, n: i32): void {
  const m0 = v128.load(p), m1 = v128.load(p, 16), m2 = v128.load(p, 32), m3 = v128.load(p, 48);
  let a0 = splat<T>(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
  const end = p + 4096;
  while (n) {
    let q = p;
    while (q != end) {
      const v = v128.load(q);
      a0 = fuse<T>(v, m0, a0); a1 = fuse<T>(v, m1, a1); a2 = fuse<T>(v, m2, a2); a3 = fuse<T>(v, m3, a3);
      const u = v128.load(q, 16);
      a4 = fuse<T>(u, m0, a4); a5 = fuse<T>(u, m1, a5); a6 = fuse<T>(u, m2, a6); a7 = fuse<T>(u, m3, a7);
      q += 32;
    }
    n--;
  }
  const sum = plus<T>(plus<T>(plus<T>(a0, a1), plus<T>(a2, a3)), plus<T>(plus<T>(a4, a5), plus<T>(a6, a7)));
  v128.store(p, sum, 4096);
}
export function loads(p: usize, n: i32): void { loadsOf<f32>(p, n); }
export function loads64(p: usize, n: i32): void { loadsOf<f64>(p, n); }
