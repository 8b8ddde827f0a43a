// Moves numbers: the edges of the graph (rows ↔ blocks), columns, particles, types, draws.
import { fillNormal, fillUniform, randomWord } from "./random";
import {
  attrs, bufferRow, bufferRows, inCols, inPtr, inRows, logicalRow, outBlocks, outCols, outFeatures, outIsParam, outPtr, outRows, runRows,
  seed, shardBlocks, shardValid, step,
} from "./state";

/** Row of the buffer that serves a lane of the shard. */
// @ts-ignore: decorator
@inline function bufferRowOf(lane: i32, repeat: u32): usize {
  const row = min<i32>(bufferRow + lane, bufferRows - 1); // padding repeats a valid row
  return repeat > 1 ? (logicalRow - bufferRow + row) / repeat : row;
}

// Four rows to four lanes: blocks of 4 × 4 are transposed in registers.
export function input_f32(r: usize): void {
  const rows = <usize>load<u32>(attrs(r, 0)), repeat = load<u32>(attrs(r, 0), 4);
  const cols = outCols(r);
  const pitch = <usize>cols << 2;
  let y = outPtr(r);
  for (let half = 0; half < shardBlocks << 1; half++) {
    const lane = half << 2;
    let p0 = rows + bufferRowOf(lane, repeat) * pitch, p1 = rows + bufferRowOf(lane + 1, repeat) * pitch;
    let p2 = rows + bufferRowOf(lane + 2, repeat) * pitch, p3 = rows + bufferRowOf(lane + 3, repeat) * pitch;
    let at = y;
    let f = 0;
    for (; f + 4 <= cols; f += 4) {
      const a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), d = v128.load(p3);
      const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5), ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
      const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5), cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
      v128.store(at, i64x2.shuffle(ab0, cd0, 0, 2));
      v128.store(at, i64x2.shuffle(ab0, cd0, 1, 3), 32);
      v128.store(at, i64x2.shuffle(ab1, cd1, 0, 2), 64);
      v128.store(at, i64x2.shuffle(ab1, cd1, 1, 3), 96);
      p0 += 16; p1 += 16; p2 += 16; p3 += 16;
      at += 128;
    }
    for (; f < cols; f++) {
      store<f32>(at, load<f32>(p0));
      store<f32>(at, load<f32>(p1), 4);
      store<f32>(at, load<f32>(p2), 8);
      store<f32>(at, load<f32>(p3), 12);
      p0 += 4; p1 += 4; p2 += 4; p3 += 4;
      at += 32;
    }
    y += half & 1 ? (<usize>cols << 5) - 16 : 16; // the other half of the block, then the next block
  }
}

// attributes: pointer of the rows, repeat (rows of the run served by one row of the buffer)
// @ts-ignore: decorator
@inline function inputOf<T>(r: usize): void {
  const rows = <usize>load<u32>(attrs(r, 0)), repeat = load<u32>(attrs(r, 0), 4);
  const cols = outCols(r);
  let y = outPtr(r);
  for (let b = 0; b < shardBlocks; b++) {
    for (let lane = 0; lane < 8; lane++) {
      let x = rows + bufferRowOf((b << 3) + lane, repeat) * cols * sizeof<T>();
      let at = y + <usize>lane * sizeof<T>();
      for (let f = 0; f < cols; f++) {
        store<T>(at, load<T>(x));
        x += sizeof<T>();
        at += 8 * sizeof<T>();
      }
    }
    y += <usize>cols * 8 * sizeof<T>();
  }
}
export function input_f64(r: usize): void { inputOf<f64>(r); }

// Rows of the output buffer, (tiles · rows, F); a record without an output of its own: input 0, attribute: pointer.
// @ts-ignore: decorator
@inline function outputOf<T>(r: usize): void {
  const rows = <usize>load<u32>(attrs(r, 1));
  const cols = inCols(r, 0);
  let x = inPtr(r, 0);
  for (let t = 0; t < inRows(r, 0); t++) {
    for (let b = 0; b < shardBlocks; b++) {
      const valid = min<i32>(8, shardValid - (b << 3));
      for (let lane = 0; lane < valid; lane++) {
        let y = rows + <usize>(t * bufferRows + bufferRow + (b << 3) + lane) * cols * sizeof<T>();
        let at = x + <usize>lane * sizeof<T>();
        for (let f = 0; f < cols; f++) {
          store<T>(y, load<T>(at));
          y += sizeof<T>();
          at += 8 * sizeof<T>();
        }
      }
      x += <usize>cols * 8 * sizeof<T>();
    }
  }
}
export function output_f32(r: usize): void { outputOf<f32>(r); }
export function output_f64(r: usize): void { outputOf<f64>(r); }

// @ts-ignore: decorator
@inline function concatOf<T>(r: usize): void {
  const blocks = outBlocks(r);
  const stride = <usize>outCols(r) * 8 * sizeof<T>();
  let at = outPtr(r);
  for (let i = 0; i < load<i32>(r, 24); i++) {
    const bytes = <usize>inCols(r, i) * 8 * sizeof<T>();
    let x = inPtr(r, i), y = at;
    for (let b = 0; b < blocks; b++) {
      memory.copy(y, x, bytes);
      x += bytes;
      y += stride;
    }
    at += bytes;
  }
}
export function concat_f32(r: usize): void { concatOf<f32>(r); }
export function concat_f64(r: usize): void { concatOf<f64>(r); }

// attributes: the indices
// @ts-ignore: decorator
@inline function columnsOf<T>(r: usize): void {
  const cols = outCols(r), list = attrs(r, 1);
  const size: usize = 8 * sizeof<T>();
  const stride = <usize>inCols(r, 0) * size;
  let x = inPtr(r, 0), y = outPtr(r);
  for (let b = outBlocks(r); b > 0; b--) {
    for (let f = 0; f < cols; f++) {
      const column = load<i32>(list + (<usize>f << 2));
      if (column < 0) memory.fill(y, 0, size);
      else {
        const from = x + <usize>column * size;
        v128.store(y, v128.load(from));
        v128.store(y, v128.load(from, 16), 16);
        if (sizeof<T>() == 8) {
          v128.store(y, v128.load(from, 32), 32);
          v128.store(y, v128.load(from, 48), 48);
        }
      }
      y += size;
    }
    x += stride;
  }
}
export function columns_f32(r: usize): void { columnsOf<f32>(r); }
export function columns_f64(r: usize): void { columnsOf<f64>(r); }

// @ts-ignore: decorator
@inline function tileOf<T>(r: usize): void {
  const bytes = <usize>(shardBlocks * outCols(r) * 8) * sizeof<T>();
  let y = outPtr(r);
  for (let t = outRows(r); t > 0; t--) {
    memory.copy(y, inPtr(r, 0), bytes);
    y += bytes;
  }
}
export function tile_f32(r: usize): void { tileOf<f32>(r); }
export function tile_f64(r: usize): void { tileOf<f64>(r); }

// @ts-ignore: decorator
@inline function sumTilesOf<T>(r: usize): void {
  const bytes = <usize>(shardBlocks * outCols(r) * 8) * sizeof<T>();
  const y = outPtr(r);
  let x = inPtr(r, 0);
  memory.copy(y, x, bytes);
  for (let t = inRows(r, 0); t > 1; t--) {
    x += bytes;
    for (let p: usize = 0; p < bytes; p += 16) {
      if (sizeof<T>() == 4) v128.store(y + p, f32x4.add(v128.load(y + p), v128.load(x + p)));
      else v128.store(y + p, f64x2.add(v128.load(y + p), v128.load(x + p)));
    }
  }
}
export function sumTiles_f32(r: usize): void { sumTilesOf<f32>(r); }
export function sumTiles_f64(r: usize): void { sumTilesOf<f64>(r); }

// Parts of the columns of each block as tiles, and back: a block of a part is one stretch in both.
// @ts-ignore: decorator
@inline function movePartsOf<T>(parts: usize, groups: i32, tiles: usize, count: i32, cols: i32, back: bool): void {
  const bytes = <usize>cols * 8 * sizeof<T>();
  const stride = bytes * count;
  for (; groups > 0; groups--) {
    for (let t: usize = 0; t < <usize>count; t++) {
      let part = parts + t * bytes;
      for (let b = shardBlocks; b > 0; b--) {
        memory.copy(back ? part : tiles, back ? tiles : part, bytes);
        part += stride;
        tiles += bytes;
      }
    }
    parts += stride * shardBlocks;
  }
}
// @ts-ignore: decorator
@inline function toTilesOf<T>(r: usize): void {
  movePartsOf<T>(inPtr(r, 0), inRows(r, 0), outPtr(r), outRows(r) / inRows(r, 0), outCols(r), false);
}
export function toTiles_f32(r: usize): void { toTilesOf<f32>(r); }
export function toTiles_f64(r: usize): void { toTilesOf<f64>(r); }
// @ts-ignore: decorator
@inline function fromTilesOf<T>(r: usize): void {
  movePartsOf<T>(outPtr(r), outRows(r), inPtr(r, 0), inRows(r, 0) / outRows(r), inCols(r, 0), true);
}
export function fromTiles_f32(r: usize): void { fromTilesOf<f32>(r); }
export function fromTiles_f64(r: usize): void { fromTilesOf<f64>(r); }

// A plain copy to the place that the plan gives. Of a param exactly its entries, because the place may be the gradient.
// @ts-ignore: decorator
@inline function elementsOut(r: usize): usize {
  return outIsParam(r) ? <usize>(outRows(r) * outCols(r)) : <usize>(outRows(r) * shardBlocks * outCols(r) * 8);
}
export function detach_f32(r: usize): void { memory.copy(outPtr(r), inPtr(r, 0), elementsOut(r) << 2); }
export function detach_f64(r: usize): void { memory.copy(outPtr(r), inPtr(r, 0), elementsOut(r) << 3); }

export function cast_f32(r: usize): void {
  let x = inPtr(r, 0), y = outPtr(r);
  const end = y + (<usize>(outBlocks(r) * outFeatures(r)) << 5);
  while (y < end) {
    v128.store64_lane(y, f32x4.demote_f64x2_zero(v128.load(x)), 0);
    x += 16;
    y += 8;
  }
}
export function cast_f64(r: usize): void {
  let x = inPtr(r, 0), y = outPtr(r);
  const end = y + (<usize>(outBlocks(r) * outFeatures(r)) << 6);
  while (y < end) {
    v128.store(y, f64x2.promote_low_f32x4(v128.load64_zero(x)));
    x += 8;
    y += 16;
  }
}

// attributes: stream, uniform; tile t of row i draws as row t·runRows + i
export function random_f32(r: usize): void {
  const stream = load<i32>(attrs(r, 0)), uniform = load<i32>(attrs(r, 0), 4);
  const cols = outCols(r);
  let y = outPtr(r);
  for (let t = 0; t < outRows(r); t++) {
    const row = t * runRows + logicalRow;
    if (uniform) fillUniform(y, shardBlocks, cols, seed, stream, step, row);
    else fillNormal(y, shardBlocks, cols, seed, stream, step, row);
    y += <usize>(shardBlocks * cols) << 5;
  }
}

// attributes: pointer of the bank (rows, F), its rows, stream
export function bankRows_f32(r: usize): void {
  const bank = <usize>load<u32>(attrs(r, 0)), rows = load<u32>(attrs(r, 0), 4), stream = load<i32>(attrs(r, 0), 8);
  const cols = outCols(r);
  let y = outPtr(r);
  for (let b = 0; b < shardBlocks; b++) {
    for (let lane = 0; lane < 8; lane++) {
      const row = randomWord(seed, stream, step, logicalRow + (b << 3) + lane, 0) % rows;
      let x = bank + (<usize>row * cols << 2);
      let at = y + (<usize>lane << 2);
      for (let f = 0; f < cols; f++) {
        store<f32>(at, load<f32>(x));
        x += 4;
        at += 32;
      }
    }
    y += <usize>cols << 5;
  }
}
