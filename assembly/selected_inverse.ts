// Entries of A⁻¹ on the pattern of A, from its factor: the equations of Takahashi, Fagan & Chen (1973), front by front from the
// root to the leaves. A front's rows below are some of its parent's rows, where the inverse is known; for its own rows
//
//   Z_ik = (δ_ik / L_ii − Σ_{j > i} L_ji Z_jk) / L_ii,   k ≥ i.
import { field, fillPadding, frontAt, place, rowInBlock, usedVectors } from "./factor";
import { pivotBytes, trianglePanel } from "./front";
import { minus, pitch, plus, splat, times } from "./lanes";
import { attrs, inPtr, outPtr, outRows, shardBlocks } from "./state";

/** Entry (i, k) of a front's block, i counted without padding: pivots, then rows below. */
// @ts-ignore: decorator
@inline function inBlock(l: usize, i: i32, k: i32, s: i32): usize {
  return l + rowInBlock(i < s ? i : i - s + ((s + 3) & ~3), s) + (<usize>k << 6);
}
/** The same row without padding, from its place with it. */
// @ts-ignore: decorator
@inline function unpadded(row: i32, s: i32): i32 { return row < ((s + 3) & ~3) ? row : row - ((s + 3) & ~3) + s; }
/** Entry (i, k) of a front's inverse (m, m). */
// @ts-ignore: decorator
@inline function entry(z: usize, i: i32, k: i32, m: i32): usize { return z + (<usize>(i * m + k) << 4); }

// The inverse on all rows of a front, (m, m) with m = s + r, is kept, since its children need it.
// inputs: entries of the matrices, factors   attributes: pointer of the pattern's table, of the workspace: one square for each front
// @ts-ignore: decorator
@inline function sparseInverseOf<T>(r: usize): void {
  const table = <usize>load<u32>(attrs(r, 2)), work = <usize>load<u32>(attrs(r, 2), 4);
  const fronts = field(table, 2), size = <usize>field(table, 3) << 4;
  let factor = inPtr(r, 1), y = outPtr(r);
  for (let block = 0, blocks = outRows(r) * shardBlocks; block < blocks; block++) {
    const used = usedVectors<T>(block);
    for (let vector = 0; vector < used; vector++) {
      let z = work; // squares of the fronts, from the root
      for (let f = fronts - 1; f >= 0; f--) {
        const front = frontAt(table, f);
        const s = field(front, 0), below = field(front, 1), m = s + below;
        store<u32>(front, <u32>z, 44); // for its children
        invertFront<T>(table, front, factor + (<usize>field(front, 2) << 4), z, s, below);
        // Entries of the matrix in this front's columns.
        let own = place(table, front, 7);
        for (let k = field(front, 8); k > 0; k--) {
          const at = <usize>load<u32>(own, 4) << 4, pivots = pivotBytes(s);
          let panel = 0, start: usize = 0, first = 0; // of the panel: its number, where it starts, its first row
          if (at < pivots) {
            while (panel < (s - 1) >> 2 && trianglePanel(panel + 1) <= at) panel++;
            start = trianglePanel(panel);
            first = panel << 2;
          } else {
            panel = <i32>((at - pivots) / (<usize>s << 6));
            start = pivots + (<usize>(panel * s) << 6);
            first = s + (panel << 2);
          }
          const column = <i32>((at - start) >> 6), row = first + <i32>(((at - start) & 63) >> 4);
          const v = v128.load(entry(z, row, column, m));
          v128.store(y + <usize>load<u32>(own) * pitch<T>() + (<usize>vector << 4), row == column ? v : plus<T>(v, v));
          own += 8;
        }
        z += <usize>(m * m) << 4;
      }
      factor += size;
    }
    fillPadding<T>(y, used, field(table, 1));
    factor += size * <usize>((8 * sizeof<T>()) / 16 - used);
    y += <usize>field(table, 1) * pitch<T>();
  }
}
export function sparseInverse_f32(r: usize): void { sparseInverseOf<f32>(r); }
export function sparseInverse_f64(r: usize): void { sparseInverseOf<f64>(r); }

/** Z of a front from that of its parent, in place: row i from the last upwards, by Lᵀ Z = L⁻¹, whose upper triangle is known. */
function invertFront<T>(table: usize, front: usize, l: usize, z: usize, s: i32, r: i32): void {
  const m = s + r;
  if (r > 0) {
    const parent = place(table, front, 12), above = <usize>load<u32>(parent, 44);
    const ps = field(parent, 0), pm = ps + field(parent, 1);
    const map = place(table, front, 6);
    for (let i = 0; i < r; i++) {
      const pi = unpadded(load<i32>(map + (<usize>i << 2)), ps);
      for (let k = 0; k < r; k++) {
        const pk = unpadded(load<i32>(map + (<usize>k << 2)), ps);
        v128.store(entry(z, s + i, s + k, m), v128.load(entry(above, pi, pk, pm)));
      }
    }
  }
  for (let i = s - 1; i >= 0; i--) {
    const inv = v128.load(inBlock(l, i, i, s));
    for (let k = m - 1; k >= i; k--) {
      let sum = k == i ? inv : splat<T>(0);
      for (let j = i + 1; j < m; j++) sum = minus<T>(sum, times<T>(v128.load(inBlock(l, j, i, s)), v128.load(entry(z, j, k, m))));
      sum = times<T>(sum, inv);
      v128.store(entry(z, i, k, m), sum);
      v128.store(entry(z, k, i, m), sum);
    }
  }
}
