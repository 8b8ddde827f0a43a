// Counter-based random numbers: Threefry-4x32-20 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC'11), key (seed, stream, "Retr", "odic"), counter (step, row, column / 4, 0), output word column mod 4.
// Normals by Box & Muller (1958): sqrt(-2 ln u0) (cos 2 pi u1, sin 2 pi u1) for columns 4k and 4k + 1, words 2 and 3
// for the next two.
import { logUnit, cosTurn, sinTurn } from "./simd";

const KEY2: i32 = 0x52657472;
const KEY3: i32 = 0x6f646963;
const PARITY: i32 = 0x1bd11bda; // in the key schedule

// The four words of the last `threefry`, for four rows each: a wasm function of AssemblyScript returns one value.
let word0: v128 = i32x4.splat(0);
let word1: v128 = i32x4.splat(0);
let word2: v128 = i32x4.splat(0);
let word3: v128 = i32x4.splat(0);

// @ts-ignore: decorator
@inline function turn(x: v128, bits: i32, y: v128): v128 {
  return v128.xor(v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits)), y);
}

/** Sets word0..word3 for the counters (step, row, group, 0) of four rows. */
function threefry(seed: i32, stream: i32, step: i32, rows: v128, group: i32): void {
  const k0 = i32x4.splat(seed);
  const k1 = i32x4.splat(stream);
  const k2 = i32x4.splat(KEY2);
  const k3 = i32x4.splat(KEY3);
  const k4 = i32x4.splat(PARITY ^ KEY2 ^ KEY3 ^ seed ^ stream);
  let a = i32x4.splat(step + seed);
  let b = i32x4.add(rows, k1);
  let c = i32x4.splat(group + KEY2);
  let d = k3;
  a = i32x4.add(a, b); b = turn(b, 10, a); c = i32x4.add(c, d); d = turn(d, 26, c);
  a = i32x4.add(a, d); d = turn(d, 11, a); c = i32x4.add(c, b); b = turn(b, 21, c);
  a = i32x4.add(a, b); b = turn(b, 13, a); c = i32x4.add(c, d); d = turn(d, 27, c);
  a = i32x4.add(a, d); d = turn(d, 23, a); c = i32x4.add(c, b); b = turn(b, 5, c);
  a = i32x4.add(a, k1); b = i32x4.add(b, k2); c = i32x4.add(c, k3);
  d = i32x4.add(d, i32x4.add(k4, i32x4.splat(1)));
  a = i32x4.add(a, b); b = turn(b, 6, a); c = i32x4.add(c, d); d = turn(d, 20, c);
  a = i32x4.add(a, d); d = turn(d, 17, a); c = i32x4.add(c, b); b = turn(b, 11, c);
  a = i32x4.add(a, b); b = turn(b, 25, a); c = i32x4.add(c, d); d = turn(d, 10, c);
  a = i32x4.add(a, d); d = turn(d, 18, a); c = i32x4.add(c, b); b = turn(b, 20, c);
  a = i32x4.add(a, k2); b = i32x4.add(b, k3); c = i32x4.add(c, k4);
  d = i32x4.add(d, i32x4.add(k0, i32x4.splat(2)));
  a = i32x4.add(a, b); b = turn(b, 10, a); c = i32x4.add(c, d); d = turn(d, 26, c);
  a = i32x4.add(a, d); d = turn(d, 11, a); c = i32x4.add(c, b); b = turn(b, 21, c);
  a = i32x4.add(a, b); b = turn(b, 13, a); c = i32x4.add(c, d); d = turn(d, 27, c);
  a = i32x4.add(a, d); d = turn(d, 23, a); c = i32x4.add(c, b); b = turn(b, 5, c);
  a = i32x4.add(a, k3); b = i32x4.add(b, k4); c = i32x4.add(c, k0);
  d = i32x4.add(d, i32x4.add(k1, i32x4.splat(3)));
  a = i32x4.add(a, b); b = turn(b, 6, a); c = i32x4.add(c, d); d = turn(d, 20, c);
  a = i32x4.add(a, d); d = turn(d, 17, a); c = i32x4.add(c, b); b = turn(b, 11, c);
  a = i32x4.add(a, b); b = turn(b, 25, a); c = i32x4.add(c, d); d = turn(d, 10, c);
  a = i32x4.add(a, d); d = turn(d, 18, a); c = i32x4.add(c, b); b = turn(b, 20, c);
  a = i32x4.add(a, k4); b = i32x4.add(b, k0); c = i32x4.add(c, k1);
  d = i32x4.add(d, i32x4.add(k2, i32x4.splat(4)));
  a = i32x4.add(a, b); b = turn(b, 10, a); c = i32x4.add(c, d); d = turn(d, 26, c);
  a = i32x4.add(a, d); d = turn(d, 11, a); c = i32x4.add(c, b); b = turn(b, 21, c);
  a = i32x4.add(a, b); b = turn(b, 13, a); c = i32x4.add(c, d); d = turn(d, 27, c);
  a = i32x4.add(a, d); d = turn(d, 23, a); c = i32x4.add(c, b); b = turn(b, 5, c);
  a = i32x4.add(a, k0); b = i32x4.add(b, k1); c = i32x4.add(c, k2);
  d = i32x4.add(d, i32x4.add(k3, i32x4.splat(5)));
  word0 = a;
  word1 = b;
  word2 = c;
  word3 = d;
}

/** One word: step, row and column as in `fillUniform`. */
export function randomWord(seed: i32, stream: i32, step: i32, row: i32, column: i32): u32 {
  threefry(seed, stream, step, i32x4.splat(row), column >> 2);
  const w = (column & 2) ? ((column & 1) ? word3 : word2) : ((column & 1) ? word1 : word0);
  return <u32>i32x4.extract_lane(w, 0);
}

// 0 2^-23, 1 a half, 2 2^22, 3 -2
const UNIT: usize = memory.data<f32>([1.1920928955078125e-7, 0.5, 4194304, -2], 16);

// @ts-ignore: decorator
@inline function unit(i: usize): v128 {
  return v128.load32_splat(UNIT + (i << 2));
}

/** (⌊w / 2^9⌋ + 1/2) 2^-23: the middle of one of 2^23 equal cells of (0, 1), exact in f32. */
// @ts-ignore: decorator
@inline function uniform(w: v128): v128 {
  return f32x4.mul(f32x4.add(f32x4.convert_i32x4_s(i32x4.shr_u(w, 9)), unit(1)), unit(0));
}

/** Radius of Box and Muller. */
// @ts-ignore: decorator
@inline function radius(w: v128): v128 {
  return f32x4.sqrt(f32x4.mul(logUnit(uniform(w)), unit(3)));
}

/** u - 1/2, exactly: half a turn from the angle, so both of sine and cosine change sign. */
// @ts-ignore: decorator
@inline function halfTurn(w: v128): v128 {
  const v = f32x4.convert_i32x4_s(i32x4.shr_u(w, 9));
  return f32x4.mul(f32x4.add(f32x4.sub(v, unit(2)), unit(1)), unit(0));
}

// @ts-ignore: decorator
@inline function storePair(out: usize, wr: v128, wa: v128, second: bool): void {
  const r = radius(wr);
  const h = halfTurn(wa);
  v128.store(out, f32x4.mul(r, cosTurn(h)));
  if (second) v128.store(out, f32x4.mul(r, sinTurn(h)), 32);
}

// @ts-ignore: decorator
@inline function fill(
  out: usize, nb: i32, F: i32, seed: i32, stream: i32, step: i32, rowStart: i32, normal: bool,
): void {
  let rows = i32x4.add(i32x4.splat(rowStart), i32x4(0, 1, 2, 3));
  for (let half = 0, halves = nb << 1; half < halves; half++) {
    for (let j = 0; j < F; j += 4) {
      threefry(seed, stream, step, rows, j >> 2);
      const to = out + (<usize>j << 5);
      const left = F - j;
      if (normal) {
        storePair(to, word0, word1, left > 1);
        if (left > 2) storePair(to + 64, word2, word3, left > 3);
      } else {
        v128.store(to, uniform(word0));
        if (left > 1) v128.store(to, uniform(word1), 32);
        if (left > 2) v128.store(to, uniform(word2), 64);
        if (left > 3) v128.store(to, uniform(word3), 96);
      }
    }
    rows = i32x4.add(rows, i32x4.splat(4));
    out += (half & 1) ? (<usize>F << 5) - 16 : 16; // the other four lanes of the block, then the next block
  }
}

/** Standard normals: out [nb][F][8] f32; lane l of block b is the logical row rowStart + 8 b + l. */
export function fillNormal(
  out: usize, nb: i32, F: i32, seed: i32, stream: i32, step: i32, rowStart: i32,
): void {
  fill(out, nb, F, seed, stream, step, rowStart, true);
}

/** Uniforms in (0, 1), laid out as in `fillNormal`. */
export function fillUniform(
  out: usize, nb: i32, F: i32, seed: i32, stream: i32, step: i32, rowStart: i32,
): void {
  fill(out, nb, F, seed, stream, step, rowStart, false);
}
