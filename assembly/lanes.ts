// Arithmetic on all lanes of a vector, for algorithms that are the same in both types: 4 samples in f32, 2 in f64.
import { madd, madd64 } from "./simd";

// @ts-ignore: decorator
@inline export function times<T>(a: v128, b: v128): v128 { return sizeof<T>() == 4 ? f32x4.mul(a, b) : f64x2.mul(a, b); }
// @ts-ignore: decorator
@inline export function plus<T>(a: v128, b: v128): v128 { return sizeof<T>() == 4 ? f32x4.add(a, b) : f64x2.add(a, b); }
// @ts-ignore: decorator
@inline export function minus<T>(a: v128, b: v128): v128 { return sizeof<T>() == 4 ? f32x4.sub(a, b) : f64x2.sub(a, b); }
// @ts-ignore: decorator
@inline export function over<T>(a: v128, b: v128): v128 { return sizeof<T>() == 4 ? f32x4.div(a, b) : f64x2.div(a, b); }
// @ts-ignore: decorator
@inline export function negative<T>(x: v128): v128 { return sizeof<T>() == 4 ? f32x4.neg(x) : f64x2.neg(x); }
/** a b + c */
// @ts-ignore: decorator
@inline export function fuse<T>(a: v128, b: v128, c: v128): v128 { return sizeof<T>() == 4 ? madd(a, b, c) : madd64(a, b, c); }
// @ts-ignore: decorator
@inline export function splat<T>(x: T): v128 { return sizeof<T>() == 4 ? f32x4.splat(<f32>x) : f64x2.splat(<f64>x); }
/** The number at a place, in all lanes. */
// @ts-ignore: decorator
@inline export function spread<T>(p: usize): v128 { return sizeof<T>() == 4 ? v128.load32_splat(p) : v128.load64_splat(p); }
/** Bytes of one feature of a block. */
// @ts-ignore: decorator
@inline export function pitch<T>(): usize { return 8 * sizeof<T>(); }
