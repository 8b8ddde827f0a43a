// Solves with the factors of factor.ts for up to three right-hand sides at a time: forward through the fronts, then back. In f32
// one step of refinement follows, with the residual in f64 (Higham, Accuracy and Stability of Numerical Algorithms, §12.1).
import { fillPadding, field, frontAt, place, usedVectors } from "./factor";
import { pivotBytes, trianglePanel } from "./front";
import { fuse, minus, pitch, plus, splat, spread, times } from "./lanes";
import { attrs, inCols, inIsParam, inPtr, outCols, outPtr, outRows, shardBlocks } from "./state";

// Vectors are (n, w): an unknown is `row` bytes, a vector of lanes for each of w right-hand sides, 1 to 3. Panels of the factor
// (4 rows, columns of 64 bytes) have code for one side and for two: three sides read a panel twice, while it is in cache.

/** at ← at − v */
// @ts-ignore: decorator
@inline function take<T>(at: usize, v: v128): void { v128.store(at, minus<T>(v128.load(at), v)); }

/** Rows of a panel `l` of `count` columns times `y`, one side: taken from the unknowns at p0 … p3. */
// @ts-ignore: decorator
@inline function takeRows<T>(l: usize, count: i32, y: usize, row: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  let a0 = splat<T>(0), a1 = a0, a2 = a0, a3 = a0;
  const end = l + (<usize>count << 6);
  while (l != end) {
    const x = v128.load(y);
    a0 = fuse<T>(v128.load(l), x, a0);
    a1 = fuse<T>(v128.load(l, 16), x, a1);
    a2 = fuse<T>(v128.load(l, 32), x, a2);
    a3 = fuse<T>(v128.load(l, 48), x, a3);
    l += 64;
    y += row;
  }
  take<T>(p0, a0);
  take<T>(p1, a1);
  take<T>(p2, a2);
  take<T>(p3, a3);
}
/** The same for two sides. */
// @ts-ignore: decorator
@inline function takeRows2<T>(l: usize, count: i32, y: usize, row: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  let a0 = splat<T>(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  const end = l + (<usize>count << 6);
  while (l != end) {
    const x = v128.load(y), z = v128.load(y, 16);
    let v = v128.load(l);
    a0 = fuse<T>(v, x, a0); b0 = fuse<T>(v, z, b0);
    v = v128.load(l, 16);
    a1 = fuse<T>(v, x, a1); b1 = fuse<T>(v, z, b1);
    v = v128.load(l, 32);
    a2 = fuse<T>(v, x, a2); b2 = fuse<T>(v, z, b2);
    v = v128.load(l, 48);
    a3 = fuse<T>(v, x, a3); b3 = fuse<T>(v, z, b3);
    l += 64;
    y += row;
  }
  take<T>(p0, a0); take<T>(p0 + 16, b0);
  take<T>(p1, a1); take<T>(p1 + 16, b1);
  take<T>(p2, a2); take<T>(p2 + 16, b2);
  take<T>(p3, a3); take<T>(p3 + 16, b3);
}
/** Columns of a panel times the unknowns at p0 … p3, one side: taken from `y`. */
// @ts-ignore: decorator
@inline function takeColumns<T>(l: usize, count: i32, y: usize, row: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  const x0 = v128.load(p0), x1 = v128.load(p1), x2 = v128.load(p2), x3 = v128.load(p3);
  const end = l + (<usize>count << 6);
  while (l != end) {
    const even = fuse<T>(v128.load(l, 32), x2, times<T>(v128.load(l), x0));
    const odd = fuse<T>(v128.load(l, 48), x3, times<T>(v128.load(l, 16), x1));
    take<T>(y, plus<T>(even, odd));
    l += 64;
    y += row;
  }
}
/** The same for two sides. */
// @ts-ignore: decorator
@inline function takeColumns2<T>(l: usize, count: i32, y: usize, row: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  const x0 = v128.load(p0), x1 = v128.load(p1), x2 = v128.load(p2), x3 = v128.load(p3);
  const z0 = v128.load(p0, 16), z1 = v128.load(p1, 16), z2 = v128.load(p2, 16), z3 = v128.load(p3, 16);
  const end = l + (<usize>count << 6);
  while (l != end) {
    const l0 = v128.load(l), l1 = v128.load(l, 16), l2 = v128.load(l, 32), l3 = v128.load(l, 48);
    take<T>(y, plus<T>(fuse<T>(l2, x2, times<T>(l0, x0)), fuse<T>(l3, x3, times<T>(l1, x1))));
    take<T>(y + 16, plus<T>(fuse<T>(l2, z2, times<T>(l0, z0)), fuse<T>(l3, z3, times<T>(l1, z1))));
    l += 64;
    y += row;
  }
}

// Rows that pad the last panel, of pivots or of rows below, are 0: they change nothing, whatever place is given for them.
function takeAllRows<T>(l: usize, count: i32, y: usize, row: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  if (row >= 32) takeRows2<T>(l, count, y, row, p0, p1, p2, p3);
  if (row != 32) takeRows<T>(l, count, y + row - 16, row, p0 + row - 16, p1 + row - 16, p2 + row - 16, p3 + row - 16);
}
function takeAllColumns<T>(l: usize, count: i32, y: usize, row: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  if (row >= 32) takeColumns2<T>(l, count, y, row, p0, p1, p2, p3);
  if (row != 32) takeColumns<T>(l, count, y + row - 16, row, p0 + row - 16, p1 + row - 16, p2 + row - 16, p3 + row - 16);
}
/** Place of the k-th of `count` unknowns from `first`; of the first if there are fewer. */
// @ts-ignore: decorator
@inline function pastEnd(first: usize, k: i32, count: i32, row: usize): usize { return k < count ? first + <usize>k * row : first; }

/** at ← v · at for w sides */
// @ts-ignore: decorator
@inline function scale<T>(at: usize, v: v128, row: usize): void {
  for (let i: usize = 0; i < row; i += 16) v128.store(at + i, times<T>(v128.load(at + i), v));
}
/** at ← at − v · x for w sides */
// @ts-ignore: decorator
@inline function takeProduct<T>(at: usize, v: v128, x: usize, row: usize): void {
  for (let i: usize = 0; i < row; i += 16) take<T>(at + i, times<T>(v, v128.load(x + i)));
}

/** L y ← y, in place; `y` (n, w) in order of elimination, 0 before front `from`. */
function forward<T>(table: usize, factor: usize, y: usize, row: usize, from: i32): void {
  for (let f = from, fronts = field(table, 2); f < fronts; f++) {
    const front = frontAt(table, f);
    const s = field(front, 0), r = field(front, 1);
    const own = y + <usize>field(front, 4) * row;
    const panelBytes = <usize>s << 6;
    const block = factor + (<usize>field(front, 2) << 4);
    for (let i = 0; i < s; i += 4) {
      const l = block + trianglePanel(i >> 2);
      const count = min<i32>(4, s - i), first = own + <usize>i * row;
      if (i > 0) takeAllRows<T>(l, i, own, row, first, pastEnd(first, 1, count, row), pastEnd(first, 2, count, row), pastEnd(first, 3, count, row));
      for (let k = 0; k < count; k++) {
        const column = l + (<usize>(i + k) << 6), pivot = first + <usize>k * row;
        scale<T>(pivot, v128.load(column + (<usize>k << 4)), row);
        for (let j = k + 1; j < count; j++) takeProduct<T>(first + <usize>j * row, v128.load(column + (<usize>j << 4)), pivot, row);
      }
    }
    let l = block + pivotBytes(s);
    let rows = place(table, front, 5);
    for (let i = 0; i < r; i += 4) {
      const p0 = y + <usize>load<u32>(rows) * row, p1 = i + 1 < r ? y + <usize>load<u32>(rows, 4) * row : p0;
      const p2 = i + 2 < r ? y + <usize>load<u32>(rows, 8) * row : p0, p3 = i + 3 < r ? y + <usize>load<u32>(rows, 12) * row : p0;
      takeAllRows<T>(l, s, own, row, p0, p1, p2, p3);
      rows += 16;
      l += panelBytes;
    }
  }
}

/** Lᵀ y ← y, in place, down to front `from`: rows further down are known, and are subtracted panel by panel. */
function backward<T>(table: usize, factor: usize, y: usize, row: usize, from: i32): void {
  for (let f = field(table, 2) - 1; f >= from; f--) {
    const front = frontAt(table, f);
    const s = field(front, 0), r = field(front, 1);
    const own = y + <usize>field(front, 4) * row;
    const panelBytes = <usize>s << 6;
    const block = factor + (<usize>field(front, 2) << 4);
    let l = block + pivotBytes(s);
    let rows = place(table, front, 5);
    for (let i = 0; i < r; i += 4) {
      const p0 = y + <usize>load<u32>(rows) * row, p1 = i + 1 < r ? y + <usize>load<u32>(rows, 4) * row : p0;
      const p2 = i + 2 < r ? y + <usize>load<u32>(rows, 8) * row : p0, p3 = i + 3 < r ? y + <usize>load<u32>(rows, 12) * row : p0;
      takeAllColumns<T>(l, s, own, row, p0, p1, p2, p3);
      rows += 16;
      l += panelBytes;
    }
    for (let i = (s - 1) & ~3; i >= 0; i -= 4) {
      const panel = block + trianglePanel(i >> 2), first = own + <usize>i * row;
      const count = min<i32>(4, s - i);
      for (let k = count - 1; k >= 0; k--) {
        const column = panel + (<usize>(i + k) << 6), pivot = first + <usize>k * row;
        for (let j = k + 1; j < count; j++) takeProduct<T>(pivot, v128.load(column + (<usize>j << 4)), first + <usize>j * row, row);
        scale<T>(pivot, v128.load(column + (<usize>k << 4)), row);
      }
      if (i > 0) takeAllColumns<T>(panel, i, own, row, first, pastEnd(first, 1, count, row), pastEnd(first, 2, count, row), pastEnd(first, 3, count, row));
    }
  }
}

/** Unknowns that right-hand sides are not given for (they are 0) and that are not wanted, and the first front after them. */
let notGiven: i32 = 0;
let notWanted: i32 = 0;
let lastFront: i32 = 0;

/**
 * Solves for right-hand sides c … c + w − 1 of `width`: from `b` (a param: one number for all lanes) to `x`. With `add`, it
 * adds the solution to x.
 */
function solveSides<T>(table: usize, factor: usize, work: usize, b: usize, isParam: bool, x: usize, c: i32, width: i32, w: i32, add: bool): void {
  const n = field(table, 0);
  const order = place(table, table, 6);
  const step: usize = isParam ? sizeof<T>() : pitch<T>();
  const from = notGiven > 0 ? lastFront : 0, to = notWanted > 0 ? lastFront : 0;
  const first = min<i32>(from, to) > 0 ? field(frontAt(table, lastFront), 4) : 0; // the unknown, in order of elimination
  let y = work + <usize>first * (<usize>w << 4);
  for (let k = first; k < n; k++) {
    const unknown = load<i32>(order + (<usize>k << 2)) - notGiven;
    let at = b + <usize>(unknown * width + c) * step;
    for (let i = w; i > 0; i--) {
      v128.store(y, unknown < 0 ? splat<T>(0) : isParam ? spread<T>(at) : v128.load(at));
      at += step;
      y += 16;
    }
  }
  forward<T>(table, factor, work, <usize>w << 4, from);
  backward<T>(table, factor, work, <usize>w << 4, to);
  y = work + <usize>first * (<usize>w << 4);
  for (let k = first; k < n; k++) {
    const unknown = load<i32>(order + (<usize>k << 2)) - notWanted;
    if (unknown < 0) {
      y += <usize>w << 4;
      continue;
    }
    let at = x + <usize>(unknown * width + c) * pitch<T>();
    for (let i = w; i > 0; i--) {
      v128.store(at, add ? plus<T>(v128.load(at), v128.load(y)) : v128.load(y));
      at += pitch<T>();
      y += 16;
    }
  }
}
/** Solves for all right-hand sides, up to three at a time; four as two and two. */
function solveAll<T>(table: usize, factor: usize, work: usize, b: usize, isParam: bool, x: usize, width: i32, add: bool): void {
  for (let c = 0; c < width; ) {
    const left = width - c;
    const w = left == 4 ? 2 : min<i32>(left, 3);
    solveSides<T>(table, factor, work, b, isParam, x, c, width, w, add);
    c += w;
  }
}

/** b − A x in f64 for one right-hand side of 4 samples, rounded to f32 at `out` as features of a block; `sums` (n) of 32 bytes. */
function residual(table: usize, a: usize, b: usize, isParam: bool, x: usize, c: i32, width: i32, sums: usize, out: usize): void {
  const n = field(table, 0), count = field(table, 1);
  for (let i = 0; i < n; i++) {
    const feature = <usize>(i * width + c);
    const v = isParam ? v128.load32_splat(b + (feature << 2)) : v128.load(b + (feature << 5));
    v128.store(sums + (<usize>i << 5), f64x2.promote_low_f32x4(v));
    v128.store(sums + (<usize>i << 5), f64x2.promote_low_f32x4(v128.shuffle<u64>(v, v, 1, 1)), 16);
  }
  const rows = place(table, table, 7), cols = place(table, table, 8);
  for (let e = 0; e < count; e++) {
    const i = load<i32>(rows + (<usize>e << 2)), j = load<i32>(cols + (<usize>e << 2));
    const v = v128.load(a + (<usize>e << 5));
    takeProduct64(sums + (<usize>i << 5), v, v128.load(x + (<usize>(j * width + c) << 5)));
    if (i != j) takeProduct64(sums + (<usize>j << 5), v, v128.load(x + (<usize>(i * width + c) << 5)));
  }
  for (let i = 0; i < n; i++) {
    const low = f32x4.demote_f64x2_zero(v128.load(sums + (<usize>i << 5)));
    const high = f32x4.demote_f64x2_zero(v128.load(sums + (<usize>i << 5), 16));
    v128.store(out + (<usize>(i * width + c) << 5), v128.shuffle<u64>(low, high, 0, 2));
  }
}
function takeProduct64(at: usize, a: v128, b: v128): void {
  const low = f64x2.mul(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
  const high = f64x2.mul(
    f64x2.promote_low_f32x4(v128.shuffle<u64>(a, a, 1, 1)),
    f64x2.promote_low_f32x4(v128.shuffle<u64>(b, b, 1, 1)),
  );
  v128.store(at, f64x2.sub(v128.load(at), low));
  v128.store(at, f64x2.sub(v128.load(at, 16), high), 16);
}

// inputs: entries of the matrices, their factors, right-hand sides (n unknowns × width; a param serves all samples)
// attributes: pointer of the pattern's table, pointer of the workspace, `lastFront`, `notGiven`, `notWanted`
// @ts-ignore: decorator
@inline function sparseSolveOf<T>(r: usize): void {
  const table = <usize>load<u32>(attrs(r, 3)), work = <usize>load<u32>(attrs(r, 3), 4);
  lastFront = load<i32>(attrs(r, 3), 8);
  notGiven = load<i32>(attrs(r, 3), 12);
  notWanted = load<i32>(attrs(r, 3), 16);
  const n = field(table, 0), width = outCols(r) / (n - notWanted), size = <usize>field(table, 3) << 4;
  const isParam = inIsParam(r, 2);
  const bytes = <usize>outCols(r) * pitch<T>(), given = <usize>inCols(r, 2) * pitch<T>();
  let a = inPtr(r, 0), factor = inPtr(r, 1), b = inPtr(r, 2), y = outPtr(r);
  for (let block = 0, blocks = outRows(r) * shardBlocks; block < blocks; block++) {
    const used = usedVectors<T>(block);
    for (let vector = 0; vector < used; vector++) {
      const lane = <usize>vector << 4;
      const sides = isParam ? b : b + lane;
      solveAll<T>(table, factor, work, sides, isParam, y + lane, width, false);
      if (sizeof<T>() == 4) {
        const sums = work + <usize>n * 48, rest = sums + (<usize>n << 5);
        for (let c = 0; c < width; c++) residual(table, a + lane, sides, isParam, y + lane, c, width, sums, rest);
        solveAll<T>(table, factor, work, rest, false, y + lane, width, true);
      }
      factor += size;
    }
    factor += size * <usize>((8 * sizeof<T>()) / 16 - used);
    fillPadding<T>(y, used, outCols(r));
    a += <usize>field(table, 1) * pitch<T>();
    if (!isParam) b += given;
    y += bytes;
  }
}
export function sparseSolve_f32(r: usize): void { sparseSolveOf<f32>(r); }
export function sparseSolve_f64(r: usize): void { sparseSolveOf<f64>(r); }
