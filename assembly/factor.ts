// Sparse Cholesky factors of a batch of symmetric matrices with one pattern, multifrontal (Duff & Reid, ACM TOMS 9, 1983):
// a front gathers its entries of the matrix and the updates of its children, is factored densely, and leaves its own update.
// Samples are in the lanes: 2 in f64, 4 in f32. Only the kernels here, in solve.ts and in selected_inverse.ts read a factor: it
// is stored by block, then by vector of lanes, then by front.
import { reportPivot } from "./fault";
import { factorColumns, pivotBytes, trianglePanel, updateFront } from "./front";
import { pitch, plus } from "./lanes";
import { PIVOT, local } from "./local";
import { log64 } from "./math64";
import { attrs, inCols, inPtr, outPtr, outRows, shardBlocks, shardValid } from "./state";

/** Fields of a pattern's table and of a front in it: see src/sparse/symbolic.ts. */
// @ts-ignore: decorator
@inline export function field(p: usize, i: usize): i32 { return load<i32>(p + (i << 2)); }
// @ts-ignore: decorator
@inline export function place(table: usize, p: usize, i: usize): usize { return table + (<usize>load<u32>(p + (i << 2)) << 2); }
// @ts-ignore: decorator
@inline export function frontAt(table: usize, f: i32): usize { return place(table, table, 5) + <usize>f * 52; }
/** Vectors of lanes of a block that hold a row of the batch: the others are padding and are skipped. */
export function usedVectors<T>(block: i32): i32 {
  const lanes: i32 = 16 / sizeof<T>();
  const last = (block + 1) % shardBlocks == 0;
  const valid = last ? shardValid - ((shardBlocks - 1) << 3) : 8;
  return (valid + lanes - 1) / lanes;
}

// @ts-ignore: decorator
@inline function addTo<T>(to: usize, from: usize): void { v128.store(to, plus<T>(v128.load(to), v128.load(from))); }

/** Where row m of a front's block starts, places with padding, and of its update, in bytes. */
// @ts-ignore: decorator
@inline export function rowInBlock(m: i32, s: i32): usize {
  const pivots = (s + 3) & ~3, lane = <usize>(m & 3) << 4;
  return lane + (m < pivots ? trianglePanel(m >> 2) : pivotBytes(s) + (<usize>((m - pivots) >> 2) * <usize>s << 6));
}
// @ts-ignore: decorator
@inline function rowInUpdate(m: i32): usize { return trianglePanel(m >> 2) + (<usize>(m & 3) << 4); }

/** Adds a child's update (r rows, at `from`) to the block `l` of s columns and the update `u` of its parent; `map`: places of its rows. */
function extendAdd<T>(from: usize, r: i32, map: usize, l: usize, u: usize, s: i32): void {
  const pivots = (s + 3) & ~3;
  let split = 0; // rows that are columns of the parent
  while (split < r && load<i32>(map + (<usize>split << 2)) < pivots) split++;
  for (let i = 0; i < r; i += 4) {
    const rows = map + (<usize>i << 2);
    let c = from + trianglePanel(i >> 2);
    if (i + 4 <= r) {
      const m0 = load<i32>(rows), m1 = load<i32>(rows, 4), m2 = load<i32>(rows, 8), m3 = load<i32>(rows, 12);
      const end = min<i32>(i, split);
      let j = 0;
      const l0 = l + rowInBlock(m0, s), l1 = l + rowInBlock(m1, s), l2 = l + rowInBlock(m2, s), l3 = l + rowInBlock(m3, s);
      for (; j < end; j++) {
        const at = <usize>load<u32>(map + (<usize>j << 2)) << 6;
        addTo<T>(l0 + at, c);
        addTo<T>(l1 + at, c + 16);
        addTo<T>(l2 + at, c + 32);
        addTo<T>(l3 + at, c + 48);
        c += 64;
      }
      if (j < i) { // then all four rows are below
        const u0 = u + rowInUpdate(m0 - pivots), u1 = u + rowInUpdate(m1 - pivots);
        const u2 = u + rowInUpdate(m2 - pivots), u3 = u + rowInUpdate(m3 - pivots);
        for (; j < i; j++) {
          const at = <usize>(load<i32>(map + (<usize>j << 2)) - pivots) << 6;
          addTo<T>(u0 + at, c);
          addTo<T>(u1 + at, c + 16);
          addTo<T>(u2 + at, c + 32);
          addTo<T>(u3 + at, c + 48);
          c += 64;
        }
      }
    }
    // The end of the panel, entry by entry: the triangle on the diagonal, or all columns of fewer than four rows.
    for (let j = i + 4 <= r ? i : 0; j < min<i32>(i + 4, r); j++) {
      const n = load<i32>(map + (<usize>j << 2));
      for (let k = max<i32>(i, j); k < min<i32>(i + 4, r); k++) {
        const m = load<i32>(map + (<usize>k << 2));
        const to = n < pivots ? l + rowInBlock(m, s) + (<usize>n << 6) : u + rowInUpdate(m - pivots) + (<usize>(n - pivots) << 6);
        addTo<T>(to, c + (<usize>(k & 3) << 4));
      }
      c += 64;
    }
  }
}

/** Records which lanes of a vector have a pivot that is not positive; `e` elements are at `elements`. */
function report<T>(block: i32, vector: i32, unknown: i32, elements: usize, e: i32): void {
  const lanes: i32 = 16 / sizeof<T>();
  for (let lane = 0; lane < lanes; lane++) {
    const pivot = <f64>load<T>(local() + PIVOT + <usize>lane * sizeof<T>());
    const row = vector * lanes + lane;
    const padding = (block + 1) % shardBlocks == 0 && row >= shardValid - ((shardBlocks - 1) << 3);
    if (pivot > 0 || padding) continue;
    // The smallest coefficient is blamed: if all are positive, the matrix is positive definite or lacks a boundary condition.
    let element = -1;
    let least: f64 = Infinity;
    for (let k = 0; k < e; k++) {
      const x = <f64>load<T>(elements + <usize>k * pitch<T>() + <usize>row * sizeof<T>());
      if (!(x >= least)) {
        least = x;
        element = k;
        if (x != x) break;
      }
    }
    reportPivot(block, row, unknown, pivot, element, least);
  }
}

// inputs: entries of the matrices, and coefficients of elements (optional; only to report which one is at fault)
// attributes: pointer of the pattern's table, pointer of the workspace
// @ts-ignore: decorator
@inline function sparseCholeskyOf<T>(r: usize): void {
  const inputs = load<i32>(r, 24);
  const table = <usize>load<u32>(attrs(r, inputs)), work = <usize>load<u32>(attrs(r, inputs), 4);
  const fronts = field(table, 2), size = <usize>field(table, 3) << 4, order = place(table, table, 6);
  const elements = inputs > 1 ? inCols(r, 1) : 0;
  let coefficients: usize = inputs > 1 ? inPtr(r, 1) : 0;
  let a = inPtr(r, 0), factor = outPtr(r);
  for (let block = 0, blocks = outRows(r) * shardBlocks; block < blocks; block++) {
    const used = usedVectors<T>(block);
    for (let vector = 0; vector < used; vector++) {
      const values = a + (<usize>vector << 4);
      for (let f = 0; f < fronts; f++) {
        const front = frontAt(table, f);
        const s = field(front, 0), below = field(front, 1);
        const l = factor + (<usize>field(front, 2) << 4), u = work + (<usize>field(front, 3) << 4);
        memory.fill(l, 0, pivotBytes(s) + (<usize>((below + 3) & ~3) * <usize>s << 4));
        const children = field(front, 10);
        if (below > 0 && children > 0) memory.fill(u, 0, trianglePanel((below + 3) >> 2));
        let own = place(table, front, 7);
        for (let k = field(front, 8); k > 0; k--) {
          v128.store(l + (<usize>load<u32>(own, 4) << 4), v128.load(values + <usize>load<u32>(own) * pitch<T>()));
          own += 8;
        }
        let child = place(table, front, 9);
        for (let k = children; k > 0; k--) {
          const c = table + (<usize>load<u32>(child) << 2);
          extendAdd<T>(work + (<usize>field(c, 3) << 4), field(c, 1), place(table, c, 6), l, u, s);
          child += 4;
        }
        const fault = factorColumns<T>(l, s, below, local() + PIVOT);
        if (fault < s) report<T>(block, vector, load<i32>(order + (<usize>(field(front, 4) + fault) << 2)), coefficients, elements);
        if (below > 0) updateFront<T>(u, l, s, below, children == 0);
      }
      factor += size;
    }
    factor += size * <usize>((8 * sizeof<T>()) / 16 - used);
    a += <usize>field(table, 1) * pitch<T>();
    coefficients += <usize>elements * pitch<T>();
  }
}
export function sparseCholesky_f32(r: usize): void { sparseCholeskyOf<f32>(r); }
export function sparseCholesky_f64(r: usize): void { sparseCholeskyOf<f64>(r); }

/** log det A = −2 Σ log of the reciprocals on the diagonal of L. Attribute: pointer of the pattern's table. */
// @ts-ignore: decorator
@inline function sparseLogDetOf<T>(r: usize): void {
  const table = <usize>load<u32>(attrs(r, 2));
  const fronts = field(table, 2), size = <usize>field(table, 3) << 4;
  let factor = inPtr(r, 1), y = outPtr(r);
  for (let block = 0, blocks = outRows(r) * shardBlocks; block < blocks; block++) {
    const used = usedVectors<T>(block);
    for (let vector = 0; vector < used; vector++) {
      for (let lane: usize = 0; lane < 16; lane += sizeof<T>()) {
        let sum: f64 = 0;
        for (let f = 0; f < fronts; f++) {
          const front = frontAt(table, f);
          const s = field(front, 0);
          const l = factor + (<usize>field(front, 2) << 4) + lane;
          for (let k = 0; k < s; k++) sum += log64(<f64>load<T>(l + rowInBlock(k, s) + (<usize>k << 6)));
        }
        store<T>(y + (<usize>vector << 4) + lane, <T>(-2 * sum));
      }
      factor += size;
    }
    fillPadding<T>(y, used, 1);
    factor += size * <usize>((8 * sizeof<T>()) / 16 - used);
    y += pitch<T>();
  }
}
export function sparseLogDet_f32(r: usize): void { sparseLogDetOf<f32>(r); }
export function sparseLogDet_f64(r: usize): void { sparseLogDetOf<f64>(r); }

/** Copies the first vector of lanes over the padding, which must be finite where the rows are. */
export function fillPadding<T>(y: usize, used: i32, features: i32): void {
  for (let f = 0; f < features; f++) {
    const first = v128.load(y);
    for (let at = <usize>used << 4; at < pitch<T>(); at += 16) v128.store(y + at, first);
    y += pitch<T>();
  }
}
