/**
 * Counter-based random numbers: Threefry-4x32-20 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11),
 * key (seed, stream, "Retr", "odic"), counter (step, row, column / 4, 0), output word column mod 4: the integers of
 * assembly/random.ts. Uniforms are the same bits; normals, by Box & Muller (1958), agree to rounding.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import type { MakeKernels } from "./kernel.ts";
import { operands } from "./kernel.ts";
import { rowKernel } from "./rows.ts";

/** Rotations of pairs of rounds: even rounds mix words (a, b) and (c, d), odd ones (a, d) and (c, b). */
const ROTATIONS = [
  [10, 26, 11, 21],
  [13, 27, 23, 5],
  [6, 20, 17, 11],
  [25, 10, 18, 20],
] as const;
const PAIRS = 10;

/** Two rounds, and after every fourth round a part of the key. */
function rounds(pair: number): string {
  const [ab, cd, ad, cb] = ROTATIONS[pair % ROTATIONS.length];
  const part = (pair + 1) / 2;
  const key = (i: number): string => `k${(part + i) % 5}`;
  return wgsl`
  a += b; b = turn(b, ${ab}u) ^ a; c += d; d = turn(d, ${cd}u) ^ c;
  a += d; d = turn(d, ${ad}u) ^ a; c += b; b = turn(b, ${cb}u) ^ c;
  #if ${pair % 2 === 1}
  a += ${key(0)}; b += ${key(1)}; c += ${key(2)}; d += ${key(3)} + ${part}u;
  #endif`;
}

const threefry = wgsl`
override STREAM: u32;

fn turn(x: u32, bits: u32) -> u32 { return (x << bits) | (x >> (32u - bits)); }

// Four words for a row and a group of four columns.
fn threefry(row: u32, group: u32) -> vec4<u32> {
  let k0 = run.seed;
  let k1 = STREAM;
  let k2 = 0x52657472u;
  let k3 = 0x6f646963u;
  let k4 = 0x1bd11bdau ^ k0 ^ k1 ^ k2 ^ k3;
  var a = run.step + k0;
  var b = row + k1;
  var c = group + k2;
  var d = k3;
${Array.from({ length: PAIRS }, (_, pair) => rounds(pair)).join("")}
  return vec4<u32>(a, b, c, d);
}
`;

const draws = wgsl`${threefry}
override COLS: u32;
override NORMAL: bool;

// The middle of one of 2^23 equal cells of (0, 1), exact in f32.
fn uniformOf(word: u32) -> f32 { return (f32(word >> 9u) + 0.5) * 1.1920928955078125e-7; }

// The same - 1/2, exactly: half a turn from the angle, so both of sine and cosine change sign.
fn halfTurn(word: u32) -> f32 { return (f32(i32(word >> 9u) - 4194304) + 0.5) * 1.1920928955078125e-7; }

fn pairOf(radius: u32, angle: u32) -> vec2<f32> {
  let h = halfTurn(angle);
  return sqrt32(-2.0 * logUnit(uniformOf(radius))) * vec2<f32>(cosTurn(h), sinTurn(h));
}

fn work(row: u32, rows: u32, item: u32) {
  let words = threefry((row / run.padded) * run.total + run.start + row % run.padded, item);
  var v: vec4<f32>;
  if (NORMAL) {
    v = vec4<f32>(pairOf(words.x, words.y), pairOf(words.z, words.w));
  } else {
    v = vec4<f32>(uniformOf(words.x), uniformOf(words.y), uniformOf(words.z), uniformOf(words.w));
  }
  for (var i = 0u; i < min(4u, COLS - 4u * item); i++) { out[(4u * item + i) * rows + row] = v[i]; }
}
`;

/** Columns of a row of a bank that one thread copies. */
const COPIED = 16;

const choice = wgsl`${threefry}
override COLS: u32;

fn work(row: u32, rows: u32, item: u32) {
  let chosen = threefry(run.start + row, 0u).x % (arrayLength(&bank) / COLS);
  for (var f = ${COPIED}u * item; f < min(COLS, ${COPIED}u * item + ${COPIED}u); f++) {
    out[f * rows + row] = bank[chosen * COLS + f];
  }
}
`;

export const randomKernels: Readonly<Record<"random" | "bankRows", MakeKernels>> = {
  random: (record, plan) => {
    const { cols } = operands(record, plan)[0];
    const constants = {
      STREAM: record.attrs.stream as number,
      COLS: cols,
      NORMAL: Number(record.attrs.distribution === "normal"),
    };
    return [rowKernel(record, plan, { inputs: [], constants, items: Math.ceil(cols / 4), code: draws })];
  },
  bankRows: (record, plan) => {
    const { cols } = operands(record, plan)[0];
    return [
      rowKernel(record, plan, {
        inputs: [],
        more: [{ name: "bank", edge: "bank", of: record.attrs.bank as string }],
        constants: { STREAM: record.attrs.stream as number, COLS: cols },
        items: Math.ceil(cols / COPIED),
        code: choice,
      }),
    ];
  },
};
