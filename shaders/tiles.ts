/**
 * Products of matrices, C = A·B with A (m, k) and B (k, n), in tiles: work-groups of TX × TY × TZ threads. A group keeps a tile of C in
 * registers, r × r blocks of 4 × 4 entries for each thread, and takes k in parts of 4Q, which its threads load into work-group memory.
 *
 * The layout follows what is known to be fast on GPUs (V. Volkov and J. Demmel, "Benchmarking GPUs to tune dense linear algebra",
 * SC 2008; G. Tan et al., "Fast implementation of DGEMM on Fermi", SC 2011):
 * - r = 2: with 16 × 16 threads, 128 × 128 entries of C, 64 sums for each thread, so that 4 reads of work-group memory feed 64
 *   FMAs, and k in parts of 16: 16 KiB, which every device has. r = 1 where that would leave most of the device idle.
 * - Everything moves in vec4. A load is a block of 4 × 4 of A or B, transposed in registers if the matrix is stored the other way, so that
 *   work-group memory is always read along m and n. The blocks of the next part are loaded into registers before the arithmetic.
 * - The blocks of a thread are TX and TY apart, not side by side: neighbouring threads read and write neighbouring vec4, which
 *   avoids bank conflicts. If TX and TY allow it, a warp of 32 is 8 × 4 threads, which read the fewest vec4.
 * - Tiles are as wide as the matrix needs: 100 features are 2 × 13 blocks of 4, not 128.
 * - Where C is small and k long, TZ teams of a group take every TZ-th block of k, and their sums are added in order.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";

/** Threads of a work-group, and vec4 (16 bytes) of its memory, on every device. */
const THREADS = 256;
const MEMORY = 1024;
/** Work-groups that keep a GPU busy: it has 10 to 150 processors. */
const BUSY = 64;

/** The shape of a tile and of its work-group. */
export interface Tile {
  /** Each thread has r × r blocks of 4 × 4. */
  readonly r: 1 | 2;
  readonly TX: number;
  readonly TY: number;
  readonly TZ: number;
  /** Quads of k in a part. */
  readonly Q: number;
}

/** Entries of C that a group computes. */
export const tileRows = ({ r, TY }: Tile): number => 4 * r * TY;
/** Columns of C that a group computes. */
export const tileColumns = ({ r, TX }: Tile): number => 4 * r * TX;

/** Threads for `size` entries, `unit` each: as many as are useful in tiles of at most `most` threads that share the work evenly. */
const spread = (size: number, unit: number, most: number): number =>
  Math.ceil(size / (unit * Math.ceil(size / (unit * most))));

const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));
/** The largest power of two up to x, at least 1. */
export const powerBelow = (x: number): number => 2 ** Math.max(0, 31 - Math.clz32(x));

function shaped(r: 1 | 2, m: number, n: number, k: number): Tile {
  const narrow = Math.min(16, Math.ceil(n / (4 * r)));
  const TY = spread(m, 4 * r, r === 2 ? 16 : clamp(Math.floor(THREADS / narrow), 16, 32));
  const TX = spread(n, 4 * r, r === 2 ? 16 : Math.min(32, Math.floor(THREADS / TY)));
  const perQuad = r * (TX + TY); // blocks to load, and 4 vec4 of memory each
  const fits = Math.floor(MEMORY / (4 * perQuad));
  const deep = Math.ceil(k / 4);
  const TZ = r === 2 ? 1 : powerBelow(Math.min(Math.floor(THREADS / (TX * TY)), fits, deep, 32));
  const threads = TX * TY * TZ;
  // One block for each thread, and the same number of quads for every team.
  const Q = clamp(Math.floor(threads / perQuad), 1, Math.min(fits, 16, deep));
  return { r, TX, TY, TZ, Q: TZ * Math.max(1, Math.floor(Q / TZ)) };
}

/** The tile for a product; `parts`: the number of groups that divide its sums over k. */
export function tileOf(m: number, n: number, k: number, parts = 1): Tile {
  const large = Math.ceil(m / 128) * Math.ceil(n / 128) * parts;
  return shaped(m > 32 && n > 32 && k > 16 && large >= BUSY ? 2 : 1, m, n, k);
}

/** The parts in which products differ: WGSL of three functions and of the range of k. */
export interface Product {
  /** `left(k, m)`: A[m..m+3][k..k+3], a column for each k, and `right(k, n)`: B likewise; 0 outside of the matrices. */
  readonly loads: string;
  /** Which of the two are stored along k. */
  readonly alongK: { readonly left?: boolean; readonly right?: boolean };
  /** `range(z)`: the range of k that group z sums; multiples of 4 but the last end. */
  readonly range: string;
  /** `finish(m, n, sum, z)`: stores C[m][n..n+3]; m and n may be outside. */
  readonly finish: string;
}

const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

/** WGSL of a product; `tileConstants` gives its constants. */
export function tiledProduct(tile: Tile, { loads, alongK, range, finish }: Product): string {
  const { r, TX, TY, TZ, Q } = tile;
  const blocks = Math.ceil((r * (TX + TY) * Q) / (TX * TY * TZ));
  /** Quads of k, and of m or n, of a block: neighbours in memory go to neighbouring threads. */
  const place = (name: string, across: string, inner = false): string => wgsl`
fn ${name}(at: u32) -> vec2u {
  #if ${inner}
  return vec2u(at % Q, at / Q);
  #else
  return vec2u(at / (${r}u * ${across}), at % (${r}u * ${across}));
  #endif
}`;
  const sums = times(4 * r, (row) => times(r, (q) => ({ name: `c${row}${q}`, row, q }))).flat();
  const step = wgsl`
        let a = (k + j) * ${r}u * TY + y;
        let b = RIGHT + (k + j) * ${r}u * TX + x;
        ${times(r, (i) => `let a${i} = tile[a + ${i}u * TY]; let b${i} = tile[b + ${i}u * TX];`).join(" ")}
        ${sums.map(({ name, row, q }) => `${name} = fma(vec4f(a${row >> 2}.${"xyzw"[row & 3]}), b${q}, ${name});`).join(" ")}`;
  const gather = ({ name }: { name: string }): string => wgsl`
  workgroupBarrier();
  tile[thread] = ${name};
  workgroupBarrier();
  for (var team = 1u; team < TZ; team++) { ${name} += tile[(thread + team * TX * TY) % (TX * TY * TZ)]; }`;
  const end = ({ name, row, q }: (typeof sums)[number]): string =>
    `finish(4u * (group.y * ${r}u * TY + ${row >> 2}u * TY + y) + ${row & 3}u, 4u * (group.x * ${r}u * TX + ${q}u * TX + x), ${name}, group.z);`;
  const warped = TZ === 1 && TX % 8 === 0 && TY % 4 === 0;
  return wgsl`
override TX: u32;
override TY: u32;
override TZ: u32;
override Q: u32;
override RIGHT: u32;  // where in the tile B begins
override SIZE: u32;
var<workgroup> tile: array<vec4f, SIZE>;
${loads}
${range}
${finish}
${place("placeLeft", "TY", alongK.left)}
${place("placeRight", "TX", alongK.right)}
/** A block of 4 × 4 of the part from k on: the first ones are of A, the next ones of B. */
fn block(k: u32, at: u32, group: vec3u) -> mat4x4f {
  if (at < ${r}u * TY * Q) {
    let place = placeLeft(at);
    return left(k + 4u * place.x, 4u * (group.y * ${r}u * TY + place.y));
  }
  if (at >= ${r}u * (TX + TY) * Q) { return mat4x4f(); }
  let place = placeRight(at - ${r}u * TY * Q);
  return right(k + 4u * place.x, 4u * (group.x * ${r}u * TX + place.y));
}
fn keep(b: mat4x4f, at: u32) {
  if (at >= ${r}u * (TX + TY) * Q) { return; }
  var stride = ${r}u * TY;
  var place = placeLeft(at);
  var to = 4u * place.x * stride + place.y;
  if (at >= ${r}u * TY * Q) {
    stride = ${r}u * TX;
    place = placeRight(at - ${r}u * TY * Q);
    to = RIGHT + 4u * place.x * stride + place.y;
  }
  tile[to] = b[0];
  tile[to + stride] = b[1];
  tile[to + 2u * stride] = b[2];
  tile[to + 3u * stride] = b[3];
}
@compute @workgroup_size(TX, TY, TZ)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  #if ${warped}
  let x = thread / 32u % (TX / 8u) * 8u + thread % 8u;
  let y = thread / 32u / (TX / 8u) * 4u + thread / 8u % 4u;
  #else
  let x = thread % TX;
  let y = thread / TX % TY;
  #endif
  let z = thread / (TX * TY);
  ${sums.map(({ name }) => `var ${name} = vec4f();`).join(" ")}
  let ends = range(group.z);
  let part = 4u * Q;
  ${times(blocks, (i) => `let at${i} = thread + ${i}u * TX * TY * TZ;\n  var next${i} = mat4x4f();`).join("\n  ")}
  // Each turn loads a part and works on the one before.
  for (var base = ends.x; base < ends.y + part; base += part) {
    if (base < ends.y) { ${times(blocks, (i) => `next${i} = block(base, at${i}, group);`).join(" ")} }
    let depth = select(min(part, ends.y + part - base), 0u, base == ends.x);
    for (var k = 4u * z; k < depth; k += 4u * TZ) {
      for (var j = 0u; j < 4u; j++) {${step}
      }
    }
    workgroupBarrier();
    ${times(blocks, (i) => `keep(next${i}, at${i});`).join(" ")}
    workgroupBarrier();
  }
  #if ${TZ > 1}
  ${sums.map(gather).join("")}
  if (z > 0u) { return; }
  #endif
  ${sums.map(end).join("\n  ")}
}`;
}

/** Values of the `override` constants of a tile. */
export function tileConstants({ r, TX, TY, TZ, Q }: Tile): Record<string, number> {
  return { TX, TY, TZ, Q, RIGHT: 4 * Q * r * TY, SIZE: Math.max(4 * Q * r * (TX + TY), TZ > 1 ? TX * TY * TZ : 0) };
}
