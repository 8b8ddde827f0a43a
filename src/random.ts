// Counter-based random numbers: Threefry-4x32-20 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC'11). A draw is a pure function of (seed, stream, step, row, column), so it depends neither on the order
// of evaluation nor on threads, and every backend makes the same integers:
//   key = (seed, stream, "Retr", "odic"), counter = (step, row, column / 4, 0), output word column mod 4.
import { cos, log, sin } from "./math.ts";

/** Four unsigned 32-bit words. */
export type Words = readonly [number, number, number, number];

const KEY2 = 0x52657472;
const KEY3 = 0x6f646963;
const PARITY = 0x1bd11bda; // of the key schedule
const ROTATIONS = [
  [10, 26],
  [11, 21],
  [13, 27],
  [23, 5],
  [6, 20],
  [17, 11],
  [25, 10],
  [18, 20],
] as const;
const ROUNDS = 20;
const UNIT = 1.1920928955078125e-7; // 2^-23

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** The block cipher: 20 rounds of Threefry on four 32-bit words; the results are unsigned. */
export function threefry4x32(key: Words, counter: Words): Words {
  const k = [key[0], key[1], key[2], key[3], PARITY ^ key[0] ^ key[1] ^ key[2] ^ key[3]];
  const x = [0, 1, 2, 3].map((i) => (counter[i] + k[i]) | 0);
  for (let round = 0; round < ROUNDS; round++) {
    const [r0, r1] = ROTATIONS[round & 7];
    const p = round & 1 ? 3 : 1; // even rounds mix words (0, 1) and (2, 3), odd ones (0, 3) and (2, 1)
    const q = 4 - p;
    x[0] = (x[0] + x[p]) | 0;
    x[p] = rotate(x[p], r0) ^ x[0];
    x[2] = (x[2] + x[q]) | 0;
    x[q] = rotate(x[q], r1) ^ x[2];
    if ((round & 3) === 3) {
      const s = (round >> 2) + 1;
      for (let i = 0; i < 4; i++) x[i] = (x[i] + k[(s + i) % 5]) | 0;
      x[3] = (x[3] + s) | 0;
    }
  }
  return [x[0] >>> 0, x[1] >>> 0, x[2] >>> 0, x[3] >>> 0];
}

function wordsAt(seed: number, stream: number, step: number, row: number, group: number): Words {
  return threefry4x32([seed, stream, KEY2, KEY3], [step, row, group, 0]);
}

/** The unsigned 32-bit word at a place: what rows of a bank are chosen with. */
export function randomWord(seed: number, stream: number, step: number, row: number, column: number): number {
  return wordsAt(seed, stream, step, row, column >>> 2)[column & 3];
}

/** The middle of one of 2^23 equal cells of (0, 1): exact in f32 on every backend. */
function toUniform(word: number): number {
  return ((word >>> 9) + 0.5) * UNIT;
}

/** The uniform number in (0, 1) at a place. */
export function uniformAt(seed: number, stream: number, step: number, row: number, column: number): number {
  return toUniform(randomWord(seed, stream, step, row, column));
}

/**
 * The standard normal number at a place, by Box and Muller (1958): with r = sqrt(-2 ln u0), columns 4k and 4k + 1 are
 * r cos(2 pi u1) and r sin(2 pi u1) of words 0 and 1, columns 4k + 2 and 4k + 3 those of words 2 and 3.
 */
export function normalAt(seed: number, stream: number, step: number, row: number, column: number): number {
  const words = wordsAt(seed, stream, step, row, column >>> 2);
  const radius = Math.sqrt(-2 * log(toUniform(words[column & 2])));
  const angle = 2 * Math.PI * toUniform(words[(column & 2) + 1]);
  return radius * (column & 1 ? sin(angle) : cos(angle));
}

/** n uniform numbers: columns 0..n-1 of row 0 at step 0, shape (n). */
export function uniforms(seed: number, stream: number, n: number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < n; i += 4) {
    const words = wordsAt(seed, stream, 0, 0, i >>> 2);
    for (let j = 0; j < 4 && i + j < n; j++) out[i + j] = toUniform(words[j]);
  }
  return out;
}
