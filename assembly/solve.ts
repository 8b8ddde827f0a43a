// Solutions with the factors of factor.ts, two right-hand sides at a time: forward through the fronts, then back. In f32 one
// step of refinement follows, with the residual in f64 (Higham, Accuracy and Stability of Numerical Algorithms, §12.1).
import { fillPadding, field, frontAt, place, usedVectors } from "./factor";
import { fuse, minus, pitch, plus, splat, spread, times } from "./lanes";
import { attrs, inIsParam, inPtr, outCols, outPtr, outRows, shardBlocks } from "./state";

/** Sums of four rows with two right-hand sides. */
const SUMS: usize = memory.data(128, 16);

/** SUMS = L Y for a panel `l` of `count` columns, `y` (count, 2 or 1). */
// @ts-ignore: decorator
@inline function panelTimes<T>(l: usize, y: usize, count: i32, two: bool): void {
  let s00 = splat<T>(0), s10 = s00, s20 = s00, s30 = s00, s01 = s00, s11 = s00, s21 = s00, s31 = s00;
  for (; count > 0; count--) {
    const l0 = v128.load(l), l1 = v128.load(l, 16), l2 = v128.load(l, 32), l3 = v128.load(l, 48);
    const a = v128.load(y);
    s00 = fuse<T>(l0, a, s00); s10 = fuse<T>(l1, a, s10); s20 = fuse<T>(l2, a, s20); s30 = fuse<T>(l3, a, s30);
    if (two) {
      const b = v128.load(y, 16);
      s01 = fuse<T>(l0, b, s01); s11 = fuse<T>(l1, b, s11); s21 = fuse<T>(l2, b, s21); s31 = fuse<T>(l3, b, s31);
    }
    l += 64;
    y += two ? 32 : 16;
  }
  if (two) {
    v128.store(SUMS, s31, 112); v128.store(SUMS, s30, 96); v128.store(SUMS, s21, 80); v128.store(SUMS, s20, 64);
    v128.store(SUMS, s11, 48); v128.store(SUMS, s10, 32); v128.store(SUMS, s01, 16); v128.store(SUMS, s00);
  } else {
    v128.store(SUMS, s30, 48); v128.store(SUMS, s20, 32); v128.store(SUMS, s10, 16); v128.store(SUMS, s00);
  }
}

/** Takes row `row` of SUMS from a place. */
// @ts-ignore: decorator
@inline function takeSum<T>(at: usize, row: i32, two: bool): void {
  const from = SUMS + (<usize>row << (two ? 5 : 4));
  v128.store(at, minus<T>(v128.load(at), v128.load(from)));
  if (two) v128.store(at, minus<T>(v128.load(at, 16), v128.load(from, 16)), 16);
}

/** at = at · v, or at −= v · x. */
// @ts-ignore: decorator
@inline function scale<T>(at: usize, v: v128, two: bool): void {
  v128.store(at, times<T>(v128.load(at), v));
  if (two) v128.store(at, times<T>(v128.load(at, 16), v), 16);
}
// @ts-ignore: decorator
@inline function takeProduct<T>(at: usize, v: v128, x: usize, two: bool): void {
  v128.store(at, minus<T>(v128.load(at), times<T>(v, v128.load(x))));
  if (two) v128.store(at, minus<T>(v128.load(at, 16), times<T>(v, v128.load(x, 16))), 16);
}

/** L y ← y, in place; `y` (n, 2 or 1) in order of elimination. */
// @ts-ignore: decorator
@inline function forward<T>(table: usize, factor: usize, y: usize, two: bool): void {
  const shift: usize = two ? 5 : 4;
  for (let f = 0, fronts = field(table, 2); f < fronts; f++) {
    const front = frontAt(table, f);
    const s = field(front, 0), r = field(front, 1);
    const own = y + (<usize>field(front, 4) << shift);
    const panelBytes = <usize>s << 6;
    let l = factor + (<usize>field(front, 2) << 4);
    for (let i = 0; i < s; i += 4) {
      const rows = min<i32>(4, s - i);
      if (i > 0) {
        panelTimes<T>(l, own, i, two);
        for (let row = 0; row < rows; row++) takeSum<T>(own + (<usize>(i + row) << shift), row, two);
      }
      for (let k = 0; k < rows; k++) {
        const column = l + (<usize>(i + k) << 6), pivot = own + (<usize>(i + k) << shift);
        scale<T>(pivot, v128.load(column + (<usize>k << 4)), two);
        for (let row = k + 1; row < rows; row++)
          takeProduct<T>(own + (<usize>(i + row) << shift), v128.load(column + (<usize>row << 4)), pivot, two);
      }
      l += panelBytes;
    }
    let rows = place(table, front, 5);
    for (let i = 0; i < r; i += 4) {
      panelTimes<T>(l, own, s, two);
      for (let row = 0, count = min<i32>(4, r - i); row < count; row++) {
        takeSum<T>(y + (<usize>load<u32>(rows) << shift), row, two);
        rows += 4;
      }
      l += panelBytes;
    }
  }
}

/** Two columns of Lᵀ x over `panels` panels: SUMS = (column 0: rhs 0, rhs 1; column 1: rhs 0, rhs 1). */
// @ts-ignore: decorator
@inline function columnsTimes<T>(l: usize, x: usize, panels: i32, panelBytes: usize, two: bool): void {
  let a0 = splat<T>(0), b0 = a0, a1 = a0, b1 = a0, c0 = a0, d0 = a0, c1 = a0, d1 = a0;
  for (; panels > 0; panels--) {
    const row: usize = two ? 32 : 16;
    const x0 = v128.load(x), x1 = v128.load(x + row), x2 = v128.load(x + 2 * row), x3 = v128.load(x + 3 * row);
    const p0 = v128.load(l), p1 = v128.load(l, 16), p2 = v128.load(l, 32), p3 = v128.load(l, 48);
    const q0 = v128.load(l, 64), q1 = v128.load(l, 80), q2 = v128.load(l, 96), q3 = v128.load(l, 112);
    a0 = fuse<T>(p0, x0, a0); b0 = fuse<T>(q0, x0, b0); a1 = fuse<T>(p1, x1, a1); b1 = fuse<T>(q1, x1, b1);
    a0 = fuse<T>(p2, x2, a0); b0 = fuse<T>(q2, x2, b0); a1 = fuse<T>(p3, x3, a1); b1 = fuse<T>(q3, x3, b1);
    if (two) {
      const z0 = v128.load(x, 16), z1 = v128.load(x, 48), z2 = v128.load(x, 80), z3 = v128.load(x, 112);
      c0 = fuse<T>(p0, z0, c0); d0 = fuse<T>(q0, z0, d0); c1 = fuse<T>(p1, z1, c1); d1 = fuse<T>(q1, z1, d1);
      c0 = fuse<T>(p2, z2, c0); d0 = fuse<T>(q2, z2, d0); c1 = fuse<T>(p3, z3, c1); d1 = fuse<T>(q3, z3, d1);
    }
    l += panelBytes;
    x += two ? 128 : 64;
  }
  if (two) {
    v128.store(SUMS, plus<T>(d0, d1), 48); v128.store(SUMS, plus<T>(b0, b1), 32);
    v128.store(SUMS, plus<T>(c0, c1), 16); v128.store(SUMS, plus<T>(a0, a1));
  } else {
    v128.store(SUMS, plus<T>(b0, b1), 16); v128.store(SUMS, plus<T>(a0, a1));
  }
}

/** Lᵀ y ← y, in place. `local`: room for the rows of a front. */
// @ts-ignore: decorator
@inline function backward<T>(table: usize, factor: usize, y: usize, local: usize, two: bool): void {
  const shift: usize = two ? 5 : 4;
  for (let f = field(table, 2) - 1; f >= 0; f--) {
    const front = frontAt(table, f);
    const s = field(front, 0), r = field(front, 1);
    const own = y + (<usize>field(front, 4) << shift);
    const panelBytes = <usize>s << 6;
    const block = factor + (<usize>field(front, 2) << 4);
    const pivots = (s + 3) & ~3, all = pivots + ((r + 3) & ~3);
    // Solutions of the rows, padding 0: those below are known, those of the pivots come panel by panel.
    memory.fill(local, 0, <usize>all << shift);
    memory.copy(local, own, <usize>s << shift);
    const rows = place(table, front, 5);
    let at = local + (<usize>pivots << shift);
    for (let i = 0; i < r; i++) {
      const from = y + (<usize>load<u32>(rows + (<usize>i << 2)) << shift);
      v128.store(at, v128.load(from));
      if (two) v128.store(at, v128.load(from, 16), 16);
      at += two ? 32 : 16;
    }
    for (let i = pivots - 4; i >= 0; i -= 4) {
      const panel = block + <usize>(i >> 2) * panelBytes;
      const count = min<i32>(4, s - i);
      for (let k = 0; k < count; k += 2) {
        const column = local + (<usize>(i + k) << shift);
        columnsTimes<T>(panel + panelBytes + (<usize>(i + k) << 6), local + (<usize>(i + 4) << shift), (all - i - 4) >> 2, panelBytes, two);
        takeSum<T>(column, 0, two);
        if (k + 1 < count) takeSum<T>(column + (two ? 32 : 16), 1, two);
      }
      for (let k = count - 1; k >= 0; k--) {
        const column = panel + (<usize>(i + k) << 6), pivot = local + (<usize>(i + k) << shift);
        for (let row = k + 1; row < count; row++)
          takeProduct<T>(pivot, v128.load(column + (<usize>row << 4)), local + (<usize>(i + row) << shift), two);
        scale<T>(pivot, v128.load(column + (<usize>k << 4)), two);
      }
    }
    memory.copy(own, local, <usize>s << shift);
  }
}

/**
 * Solves for right-hand sides `c` and, if two, c + 1 of `width`: from `b` (at features of `step` bytes; of a param: one number
 * for all lanes) to `x`. With `add`, the solution is added to what is there.
 */
function solveSides<T>(table: usize, factor: usize, work: usize, b: usize, isParam: bool, x: usize, c: i32, width: i32, two: bool, add: bool): void {
  const n = field(table, 0);
  const order = place(table, table, 6);
  const step: usize = isParam ? sizeof<T>() : pitch<T>();
  let y = work;
  for (let k = 0; k < n; k++) {
    const from = b + <usize>(load<i32>(order + (<usize>k << 2)) * width + c) * step;
    v128.store(y, isParam ? spread<T>(from) : v128.load(from));
    if (two) v128.store(y, isParam ? spread<T>(from + step) : v128.load(from + step), 16);
    y += two ? 32 : 16;
  }
  const local = work + (<usize>n << 5);
  if (two) {
    forward<T>(table, factor, work, true);
    backward<T>(table, factor, work, local, true);
  } else {
    forward<T>(table, factor, work, false);
    backward<T>(table, factor, work, local, false);
  }
  y = work;
  for (let k = 0; k < n; k++) {
    const to = x + <usize>(load<i32>(order + (<usize>k << 2)) * width + c) * pitch<T>();
    v128.store(to, add ? plus<T>(v128.load(to), v128.load(y)) : v128.load(y));
    if (two) v128.store(to + pitch<T>(), add ? plus<T>(v128.load(to + pitch<T>()), v128.load(y, 16)) : v128.load(y, 16));
    y += two ? 32 : 16;
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
// attributes: pointer of the pattern's table, pointer of the workspace
// @ts-ignore: decorator
@inline function sparseSolveOf<T>(r: usize): void {
  const table = <usize>load<u32>(attrs(r, 3)), work = <usize>load<u32>(attrs(r, 3), 4);
  const n = field(table, 0), width = outCols(r) / n, size = <usize>field(table, 3) << 4;
  const isParam = inIsParam(r, 2);
  const bytes = <usize>outCols(r) * pitch<T>();
  let a = inPtr(r, 0), factor = inPtr(r, 1), b = inPtr(r, 2), y = outPtr(r);
  for (let block = 0, blocks = outRows(r) * shardBlocks; block < blocks; block++) {
    const used = usedVectors<T>(block);
    for (let vector = 0; vector < used; vector++) {
      const lane = <usize>vector << 4;
      const given = isParam ? b : b + lane;
      for (let c = 0; c < width; c += 2) solveSides<T>(table, factor, work, given, isParam, y + lane, c, width, c + 1 < width, false);
      if (sizeof<T>() == 4) {
        const sums = work + (<usize>(n + field(table, 9)) << 5), rest = sums + (<usize>n << 5);
        for (let c = 0; c < width; c++) residual(table, a + lane, given, isParam, y + lane, c, width, sums, rest);
        for (let c = 0; c < width; c += 2) solveSides<T>(table, factor, work, rest, false, y + lane, c, width, c + 1 < width, true);
      }
      factor += size;
    }
    factor += size * <usize>((8 * sizeof<T>()) / 16 - used);
    fillPadding<T>(y, used, outCols(r));
    a += <usize>field(table, 1) * pitch<T>();
    if (!isParam) b += bytes;
    y += bytes;
  }
}
export function sparseSolve_f32(r: usize): void { sparseSolveOf<f32>(r); }
export function sparseSolve_f64(r: usize): void { sparseSolveOf<f64>(r); }
