/**
 * Weight gradient of a dense layer:  dW += xᵀ·dz,  db += Σ_rows dz.
 *
 * The sum runs over rows, which are lanes and blocks. When both sides are wide, lanes become outputs: dz is transposed
 * into panels [rows][8] and x is broadcast, in register tiles as in dense.ts. When one side has few features, panels would
 * be mostly padding and transposing as expensive as the product: lanes stay rows and are added at the end.
 *
 * The order of a sum depends on the shapes and on the blocks of the call.
 */
import { BLOCKS, TILE, nextTile } from "./dense";
import { madd } from "./simd";

/** Weight gradients with this few inputs or outputs are dot products. */
const FEW: i32 = 4;
/** Bytes of scratch in front of the panels, for a tile of sums that extends beyond dw. */
const SPILL: usize = 192;

/** Bytes of scratch that denseWeightGrad needs: dz transposed, at most 16 blocks of it at a time. */
export function denseWeightGradScratch(nb: i32, I: i32, O: i32): i32 {
  return I <= FEW || O <= FEW ? 0 : <i32>SPILL + (min(nb, BLOCKS) << 5) * ((O + 3) & -4);
}

/**
 * dw += [xᵀ·dz; bias ? Σ_rows dz : 0]; x [nb][I][8], dz [nb][O][8], dw (I + 1, O); without bias, row I is not written.
 * scratch: denseWeightGradScratch(nb, I, O) bytes that overlap none of these.
 */
export function denseWeightGrad(
  x: usize, dz: usize, dw: usize, nb: i32, I: i32, O: i32, bias: i32, scratch: usize,
): void {
  const db = bias ? dw + (<usize>(I * O) << 2) : 0;
  while (nb > 0) {
    const blocks = min(nb, BLOCKS);
    if (I <= FEW || O <= FEW) dotGrad(x, dz, dw, db, blocks, I, O);
    else panelGrad(x, dz, dw, db, blocks, I, O, scratch);
    x += <usize>(I * blocks) << 5;
    dz += <usize>(O * blocks) << 5;
    nb -= blocks;
  }
}

/**
 * Lanes are outputs: dz is transposed into panels [rows][8] (the last one [rows][4] if it has at most 4 columns),
 * and x is broadcast, as W is elsewhere.
 */
function panelGrad(x: usize, dz: usize, dw: usize, db: usize, nb: i32, I: i32, O: i32, scratch: usize): void {
  const xs = <usize>I << 5, zs = <usize>O << 5, ws = <usize>O << 2;
  const t = scratch + SPILL, size = <usize>nb << 8; // of one panel
  const full = O >> 3, rest = O & 7, wide = rest > 4 ? 1 : 0;
  for (let o = 0; o < O; o += 4) {
    const to = t + size * (o >> 3) + (<usize>(o & 4) << 2), ts = (o >> 3) < full || wide ? 32 : 16;
    transpose(dz + (<usize>o << 5), zs, to, ts, nb, O - o, db ? db + (<usize>o << 2) : 0);
  }
  const pt = t + size * full, exact = rest == 4;
  for (let i = 0; i < I;) {
    const n = nextTile(I - i);
    const px = x + (<usize>i << 5), q = dw + ws * i, pq = q + (<usize>full << 5);
    if (full) weightGrad(n, px, t, q, nb, xs, ws, full);
    if (exact) weightGradHalf(n, px, pt, pq, nb, xs, ws);
    else if (rest) {
      for (let p = scratch; p != t; p += 16) v128.store(p, f32x4.splat(0));
      if (wide) weightGrad(n, px, pt, scratch, nb, xs, 32, 1);
      else weightGradHalf(n, px, pt, scratch, nb, xs, 32);
      for (let j = 0; j < n; j++) {
        const from = scratch + (<usize>j << 5), to = pq + ws * j;
        addVector(to, 4, v128.load(from), rest);
        if (wide) addVector(to + 16, 4, v128.load(from, 16), rest - 4);
      }
    }
    i += n;
  }
}

/** The sums over the lanes of a, b, c and d. */
// @ts-ignore: decorator
@inline function laneSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/**
 * Features z … z + 3 of nb blocks → rows of 4 at t, ts bytes apart, and their sums to db (unless 0).
 * When fewer than 4 remain, the first is read in place of the others; its results are not used.
 */
function transpose(z: usize, zs: usize, t: usize, ts: usize, nb: i32, left: i32, db: usize): void {
  const zb = left > 1 ? <usize>32 : 0, zc = left > 2 ? <usize>64 : 0, zd = left > 3 ? <usize>96 : 0;
  let sa = f32x4.splat(0), sb = sa, sc = sa, sd = sa;
  while (nb) {
    let p = z;
    const end = z + 32;
    do {
      const a = v128.load(p), b = v128.load(p + zb), c = v128.load(p + zc), d = v128.load(p + zd);
      const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7), cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      sa = f32x4.add(sa, a); sb = f32x4.add(sb, b); sc = f32x4.add(sc, c); sd = f32x4.add(sd, d);
      const t1 = t + ts, t2 = t1 + ts, t3 = t2 + ts;
      v128.store(t, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
      v128.store(t1, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
      v128.store(t2, v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5));
      v128.store(t3, v128.shuffle<f32>(ab2, cd2, 2, 3, 6, 7));
      t = t3 + ts;
      p += 16;
    } while (p != end);
    z += zs;
    nb--;
  }
  if (db) addVector(db, 4, laneSums(sa, sb, sc, sd), left);
}

/** The first n (4 at most) lanes of v to floats `step` bytes apart. */
function addVector(p: usize, step: usize, v: v128, n: i32): void {
  if (n > 3 && step == 4) {
    v128.store(p, f32x4.add(v128.load(p), v));
    return;
  }
  f32.store(p, f32.load(p) + f32x4.extract_lane(v, 0));
  if (n > 1) { p += step; f32.store(p, f32.load(p) + f32x4.extract_lane(v, 1)); }
  if (n > 2) { p += step; f32.store(p, f32.load(p) + f32x4.extract_lane(v, 2)); }
  if (n > 3) { p += step; f32.store(p, f32.load(p) + f32x4.extract_lane(v, 3)); }
}

/** n rows × 8 columns (4 unless wide) of dw, for `panels` panels. */
// @ts-ignore: decorator
@inline
function weightGradTile(
  n: i32, wide: i32, x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32,
): void {
  const last = x + xs * nb;
  while (panels) {
    let a00 = f32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00;
    let a30 = a00, a31 = a00, a40 = a00, a41 = a00, a50 = a00, a51 = a00;
    let p = x;
    do {
      const end = p + 32;
      do {
        const v0 = v128.load(t), v1 = wide ? v128.load(t, 16) : v0;
        let s = v128.load32_splat(p);
        a00 = madd(v0, s, a00); if (wide) a01 = madd(v1, s, a01);
        if (n > 1) { s = v128.load32_splat(p, 32); a10 = madd(v0, s, a10); if (wide) a11 = madd(v1, s, a11); }
        if (n > 2) { s = v128.load32_splat(p, 64); a20 = madd(v0, s, a20); if (wide) a21 = madd(v1, s, a21); }
        if (n > 3) { s = v128.load32_splat(p, 96); a30 = madd(v0, s, a30); if (wide) a31 = madd(v1, s, a31); }
        if (n > 4) { s = v128.load32_splat(p, 128); a40 = madd(v0, s, a40); if (wide) a41 = madd(v1, s, a41); }
        if (n > 5) { s = v128.load32_splat(p, 160); a50 = madd(v0, s, a50); if (wide) a51 = madd(v1, s, a51); }
        t += wide ? 32 : 16;
        p += 4;
      } while (p != end);
      p += xs - 32;
    } while (p != last);
    let q = dw + ws * (n - 1);
    if (n > 5) { addRow(wide, q, a50, a51); q -= ws; }
    if (n > 4) { addRow(wide, q, a40, a41); q -= ws; }
    if (n > 3) { addRow(wide, q, a30, a31); q -= ws; }
    if (n > 2) { addRow(wide, q, a20, a21); q -= ws; }
    if (n > 1) { addRow(wide, q, a10, a11); q -= ws; }
    addRow(wide, q, a00, a01);
    dw += 32;
    panels--;
  }
}

// @ts-ignore: decorator
@inline function addRow(wide: i32, q: usize, a: v128, b: v128): void {
  if (wide) v128.store(q, f32x4.add(v128.load(q, 16), b), 16);
  v128.store(q, f32x4.add(v128.load(q), a));
}

function weightGrad(n: i32, x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  const tile = n == 5 ? weightGrad5 : n == 4 ? weightGrad4 : n == 3 ? weightGrad3 : weightGrad6;
  tile(x, t, dw, nb, xs, ws, panels);
}

function weightGrad3(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  weightGradTile(3, 1, x, t, dw, nb, xs, ws, panels);
}
function weightGrad4(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  weightGradTile(4, 1, x, t, dw, nb, xs, ws, panels);
}
function weightGrad5(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  weightGradTile(5, 1, x, t, dw, nb, xs, ws, panels);
}
function weightGrad6(x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize, panels: i32): void {
  if (TILE == 6) weightGradTile(6, 1, x, t, dw, nb, xs, ws, panels);
}

function weightGradHalf(n: i32, x: usize, t: usize, dw: usize, nb: i32, xs: usize, ws: usize): void {
  if (TILE == 6 && n == 6) weightGradTile(6, 0, x, t, dw, nb, xs, ws, 1);
  else if (n == 5) weightGradTile(5, 0, x, t, dw, nb, xs, ws, 1);
  else if (n == 4) weightGradTile(4, 0, x, t, dw, nb, xs, ws, 1);
  else weightGradTile(3, 0, x, t, dw, nb, xs, ws, 1);
}

/** Lanes are rows: sums of 2 features of the narrow side × 4 of the other, added across at the end. */
function dotGrad(x: usize, dz: usize, dw: usize, db: usize, nb: i32, I: i32, O: i32): void {
  const xs = <usize>I << 5, zs = <usize>O << 5, ws = <usize>O << 2;
  if (O > 2) {
    for (let i = 0; i < I; i += 2) for (let o = 0; o < O; o += 4) {
      dot(x + (<usize>i << 5), xs, I - i, dz + (<usize>o << 5), zs, O - o, nb, dw + ws * i + (<usize>o << 2), ws, 4);
    }
  } else {
    for (let i = 0; i < I; i += 4) dot(dz, zs, O, x + (<usize>i << 5), xs, I - i, nb, dw + ws * i, 4, ws);
  }
  if (db) for (let o = 0; o < O; o += 4) columnSums(dz + (<usize>o << 5), zs, nb, O - o, db + (<usize>o << 2));
}

/** dw[a, b] += Σ a·b for an (2 at most) features at a and bn (4 at most) at b; entries sa and sb bytes apart. */
function dot(
  a: usize, as: usize, an: i32, b: usize, bs: usize, bn: i32, nb: i32, dw: usize, sa: usize, sb: usize,
): void {
  const a1 = an > 1 ? <usize>32 : 0;
  let q1 = bn > 1 ? b + 32 : b, q2 = bn > 2 ? b + 64 : b, q3 = bn > 3 ? b + 96 : b;
  let a00 = f32x4.splat(0), a01 = a00, a02 = a00, a03 = a00, a10 = a00, a11 = a00, a12 = a00, a13 = a00;
  while (nb) {
    let u = v128.load(a), v = v128.load(a + a1);
    let s = v128.load(b); a00 = madd(u, s, a00); a10 = madd(v, s, a10);
    s = v128.load(q1); a01 = madd(u, s, a01); a11 = madd(v, s, a11);
    s = v128.load(q2); a02 = madd(u, s, a02); a12 = madd(v, s, a12);
    s = v128.load(q3); a03 = madd(u, s, a03); a13 = madd(v, s, a13);
    u = v128.load(a, 16); v = v128.load(a + a1, 16);
    s = v128.load(b, 16); a00 = madd(u, s, a00); a10 = madd(v, s, a10);
    s = v128.load(q1, 16); a01 = madd(u, s, a01); a11 = madd(v, s, a11);
    s = v128.load(q2, 16); a02 = madd(u, s, a02); a12 = madd(v, s, a12);
    s = v128.load(q3, 16); a03 = madd(u, s, a03); a13 = madd(v, s, a13);
    a += as; b += bs; q1 += bs; q2 += bs; q3 += bs;
    nb--;
  }
  if (an > 1) addVector(dw + sa, sb, laneSums(a10, a11, a12, a13), bn);
  addVector(dw, sb, laneSums(a00, a01, a02, a03), bn);
}

/** db[0 … left) += the sums of up to 4 features over nb blocks. */
function columnSums(z: usize, zs: usize, nb: i32, left: i32, db: usize): void {
  let z1 = left > 1 ? z + 32 : z, z2 = left > 2 ? z + 64 : z, z3 = left > 3 ? z + 96 : z;
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  while (nb) {
    a0 = f32x4.add(a0, v128.load(z)); a1 = f32x4.add(a1, v128.load(z, 16));
    b0 = f32x4.add(b0, v128.load(z1)); b1 = f32x4.add(b1, v128.load(z1, 16));
    c0 = f32x4.add(c0, v128.load(z2)); c1 = f32x4.add(c1, v128.load(z2, 16));
    d0 = f32x4.add(d0, v128.load(z3)); d1 = f32x4.add(d1, v128.load(z3, 16));
    z += zs; z1 += zs; z2 += zs; z3 += zs;
    nb--;
  }
  addVector(db, 4, laneSums(f32x4.add(a0, a1), f32x4.add(b0, b1), f32x4.add(c0, c1), f32x4.add(d0, d1)), left);
}
