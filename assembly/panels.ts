// Matrices in the layout of a batch, so that the kernels of dense layers (dense.ts) multiply them: a matrix of F rows and S columns
// is in ⌈S/8⌉ panels [F][8] of eight columns, "features" by "samples"; what is missing from the last panel is 0.

/** Bytes of the panels. */
// @ts-ignore: decorator
@inline export function panelBytes(F: i32, S: i32): usize { return <usize>(((S + 7) >> 3) * F) << 5; }

/** The first n lanes of four, 0 beyond. */
function firstLanes(p: usize, n: i32): v128 {
  if (n > 3) return v128.load(p);
  let x = f32x4.splat(0);
  if (n > 0) x = f32x4.replace_lane(x, 0, load<f32>(p));
  if (n > 1) x = f32x4.replace_lane(x, 1, load<f32>(p, 4));
  if (n > 2) x = f32x4.replace_lane(x, 2, load<f32>(p, 8));
  return x;
}

/** Rows (F, S), one after another, times a factor → panels. */
export function toPanels(rows: usize, F: i32, S: i32, factor: f32, panels: usize): void {
  const rs = <usize>S << 2, scale = f32x4.splat(factor);
  for (let s = 0; s < S; s += 8) {
    let p = rows + (<usize>s << 2);
    const left = S - s;
    for (let f = 0; f < F; f++) {
      const low = left >= 8 ? v128.load(p) : firstLanes(p, left), high = left >= 8 ? v128.load(p, 16) : firstLanes(p + 16, left - 4);
      v128.store(panels, f32x4.mul(low, scale));
      v128.store(panels, f32x4.mul(high, scale), 16);
      p += rs;
      panels += 32;
    }
  }
}

/** Panels (F, S) → rows of `pitch` bytes each; with `minus`, they are subtracted from what the rows hold. */
export function toRows(panels: usize, F: i32, S: i32, rows: usize, pitch: usize, minus: bool): void {
  for (let s = 0; s < S; s += 8) {
    let q = rows + (<usize>s << 2);
    const left = min(8, S - s);
    for (let f = 0; f < F; f++) {
      if (left == 8) {
        let low = v128.load(panels), high = v128.load(panels, 16);
        if (minus) { low = f32x4.sub(v128.load(q), low); high = f32x4.sub(v128.load(q, 16), high); }
        v128.store(q, low);
        v128.store(q, high, 16);
      } else {
        for (let l = 0; l < left; l++) {
          const at = <usize>l << 2, x = load<f32>(panels + at);
          store<f32>(q + at, minus ? load<f32>(q + at) - x : x);
        }
      }
      q += pitch;
      panels += 32;
    }
  }
}

/** Panels (F, S) → panels of the transpose (S, F). */
export function transposePanels(panels: usize, F: i32, S: i32, out: usize): void {
  const zero = f32x4.splat(0);
  for (let f = 0; f < F; f += 4) {
    const left = F - f, to = out + (<usize>((f >> 3) * S) << 5) + (<usize>(f & 4) << 2);
    for (let s = 0; s < S; s += 4) {
      const p = panels + (<usize>((s >> 3) * F + f) << 5) + (<usize>(s & 4) << 2);
      const a = v128.load(p), b = left > 1 ? v128.load(p, 32) : zero, c = left > 2 ? v128.load(p, 64) : zero;
      const d = left > 3 ? v128.load(p, 96) : zero;
      const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7), cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      const q = to + (<usize>s << 5), more = S - s;
      v128.store(q, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
      if (more > 1) v128.store(q, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), 32);
      if (more > 2) v128.store(q, v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5), 64);
      if (more > 3) v128.store(q, v128.shuffle<f32>(ab2, cd2, 2, 3, 6, 7), 96);
    }
    // Without this half, the last panel would hold what was there before.
    if (!(f & 4) && left <= 4) for (let s = 0; s < S; s++) v128.store(to + (<usize>s << 5), zero, 16);
  }
}
