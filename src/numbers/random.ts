// Counter-based random numbers: Threefry-4x32-20 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC'11). A draw is a pure function of (seed, stream, step, row, column), so it depends neither on the order
// of evaluation nor on threads, and every backend makes the same integers:
//   key = (seed, stream, "Retr", "odic"), counter = (step, row, column / 4, 0), output word column mod 4.
import { cos, log, sin } from "./math.ts";

/**
 * Streams of random numbers: one for each purpose, or a range that starts at the number. Exact samplers of problems use none of
 * them: they are pure functions of a seed of their own, and count their streams from 0.
 */
export const STREAMS = {
  /** The first of a range: one for each part of a distribution, a hundred in all; further ones are in the range `parts`. */
  prior: 1,
  noise: 101,
  particles: 102,
  bank: 103,
  posterior: 104,
  momentum: 105,
  choices: 106,
  search: 107,
  picks: 108,
  bridge: 109,
  jump: 110,
  /** Seeds for simulators with noise of their own. */
  simulators: 111,
  /** Initial weights, the first of a range: one for each entry of the slab. */
  weights: 0x1000,
  /** Folds of the two classes of a classifier test, the first of two. */
  folds: 0x6332,
  /** Points at which the interpolation of a table is checked, and draws from it. */
  table: 0x7461,
  /** Which data are missing, the first of a range, and noise scales. */
  masks: 0x6d61736b,
  scales: 0x7363616c,
  /** Reference points of TARP, and the order of equal ranks. */
  references: 0x7265,
  ties: 0x7469,
  /** Start of the subspace iteration. */
  principal: 0x706361,
  permutations: 0x7065726d,
  /** The first of a range, for noise that takes more than one stream. */
  noises: 0x6e6f6973,
  /** Parts of a distribution beyond the first hundred, the first of a range. */
  parts: 0x100000,
  /** Rows that are chosen within the cells of a stratified bank, and their order. */
  cells: 0x73747261,
  cellOrder: 0x73747262,
} as const;

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

/** Key schedule of the current block: five words. */
const schedule = new Int32Array(5);

/** The block cipher: 20 rounds of Threefry on four 32-bit words, written to `out` (4), signed. */
function cipher(out: Int32Array, c0: number, c1: number, c2: number, c3: number): void {
  const k = schedule;
  k[4] = PARITY ^ k[0] ^ k[1] ^ k[2] ^ k[3];
  let [x0, x1, x2, x3] = [(c0 + k[0]) | 0, (c1 + k[1]) | 0, (c2 + k[2]) | 0, (c3 + k[3]) | 0];
  for (let round = 0; round < ROUNDS; round += 2) {
    const even = ROTATIONS[round & 7]; // even rounds mix words (0, 1) and (2, 3)
    x0 = (x0 + x1) | 0;
    x1 = rotate(x1, even[0]) ^ x0;
    x2 = (x2 + x3) | 0;
    x3 = rotate(x3, even[1]) ^ x2;
    const odd = ROTATIONS[(round + 1) & 7]; // odd ones (0, 3) and (2, 1)
    x0 = (x0 + x3) | 0;
    x3 = rotate(x3, odd[0]) ^ x0;
    x2 = (x2 + x1) | 0;
    x1 = rotate(x1, odd[1]) ^ x2;
    if ((round & 3) === 0) continue;
    const s = (round + 2) >> 2;
    x0 = (x0 + k[s % 5]) | 0;
    x1 = (x1 + k[(s + 1) % 5]) | 0;
    x2 = (x2 + k[(s + 2) % 5]) | 0;
    x3 = (x3 + k[(s + 3) % 5] + s) | 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** Writes the four words of a group of columns to `out` (4), signed, without allocation. */
export function threefryInto(
  out: Int32Array,
  seed: number,
  stream: number,
  step: number,
  row: number,
  group: number,
): void {
  schedule[0] = seed;
  schedule[1] = stream;
  schedule[2] = KEY2;
  schedule[3] = KEY3;
  cipher(out, step, row, group, 0);
}

const block = new Int32Array(4);

/** Threefry-4x32-20 of a key and a counter; the results are unsigned. */
export function threefry4x32(key: Words, counter: Words): Words {
  schedule.set(key);
  cipher(block, counter[0], counter[1], counter[2], counter[3]);
  return [block[0] >>> 0, block[1] >>> 0, block[2] >>> 0, block[3] >>> 0];
}

function wordsAt(seed: number, stream: number, step: number, row: number, group: number): Words {
  return threefry4x32([seed, stream, KEY2, KEY3], [step, row, group, 0]);
}

/** The unsigned 32-bit word at a place, which chooses rows of a bank. */
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
    threefryInto(block, seed, stream, 0, 0, i >>> 2);
    for (let j = 0; j < 4 && i + j < n; j++) out[i + j] = toUniform(block[j]);
  }
  return out;
}

/** Fisher and Yates' shuffle, in place; `pick(i)` returns one of 0, …, i. */
export function shuffle<T extends Uint32Array | number[]>(list: T, pick: (i: number) => number): T {
  for (let i = list.length - 1; i > 0; i--) {
    const j = pick(i);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}
