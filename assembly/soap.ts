// SOAP: Adam in the eigenbasis of Shampoo's factors (Vyas et al. 2024, arXiv 2409.11321, Algorithm 3). For weights W (a, b) with
// gradient G, A = Σ β^… G Gᵀ and B = Σ β^… Gᵀ G have eigenvectors P and Q (as rows), and
//
//   G′ = P G Qᵀ,   M′ = β₁ M′ + (1 − β₁) G′,   V = β₂ V + (1 − β₂) G′²,   W −= rate · Pᵀ (M̂′ / (√V̂ + ε)) Q.
//
// Departures: M is kept in the basis, and turned when that changes; the first step is taken in the basis of its own gradient; a
// dense layer's bias is one more row of its matrix; and entries of G′ below a rounding of |G| count as 0, or Adam would make
// steps of full length of them; and no entry of a step in the basis is longer than the rate. Sides longer than a limit have no factor (src/backends/wasm/soap.ts).
//
// The settings of adam.ts go on: 92 number of the update, 96 chunks, 100 their number (0: Adam), 104 scratch, 108 its bytes for a
// thread, 112 updates between two refreshes, 116 first updates, at each of which all is refreshed, 120 updates from one G that enters
// A and B to the next, 124 their decay (f32). A chunk is one matrix: words 0 a, 1 b, 2 offset in the slabs, 3 M′ and 4 V, each of the transpose in panels (panels.ts), 5 A, 6 P, 7 B, 8 Q, row by row (0:
// none). Or a = 0: b bytes of plain Adam. A chunk is updated by one thread, so the bits do not depend on their number.
import { adamApply, flush } from "./adam";
import { denseForward, denseInputGrad, denseWeightGrad, denseWeightGradScratch } from "./dense";
import { basisScratch, refreshBasis } from "./eigenbasis";
import { panelBytes, toPanels, toRows, transposePanels } from "./panels";

/** Smaller entries of G′, in |G|, are rounding: 2⁻²⁰. */
const ROUNDING: f64 = 9.5367431640625e-7;

// @ts-ignore: decorator
@inline export function soapChunks(s: usize): i32 { return load<i32>(s, 100); }

function buffer(a: i32, b: i32): usize { return max(panelBytes(a, b), panelBytes(b, a)) + 64; }

/** Scratch bytes of the update of a matrix. */
export function soapScratch(a: i32, b: i32): usize {
  const products = max(denseWeightGradScratch((b + 7) >> 3, a, a), denseWeightGradScratch((a + 7) >> 3, b, b));
  const n = max(a, b);
  return 5 * buffer(a, b) + <usize>max(products, <i32>basisScratch(n)) + (<usize>n << 2) + 64;
}

/** F = β F + X Xᵀ for X (n, samples) in panels. */
function addToFactor(F: usize, x: usize, n: i32, samples: i32, beta: f32, scratch: usize): void {
  const decay = f32x4.splat(beta), end = F + (<usize>(n * n) << 2);
  let p = F;
  for (; p + 16 <= end; p += 16) v128.store(p, flush(f32x4.mul(v128.load(p), decay)));
  for (; p < end; p += 4) store<f32>(p, load<f32>(p) * beta);
  denseWeightGrad(x, x, F, (samples + 7) >> 3, n, n, 0, scratch);
}

/** Columns of V (b, a) in panels, its samples, in a new order. */
function reorderSamples(v: usize, a: i32, b: i32, order: usize, copy: usize): void {
  memory.copy(copy, v, panelBytes(b, a));
  for (let i = 0; i < a; i++) {
    const from = load<i32>(order + (<usize>i << 2));
    if (from == i) continue;
    let p = copy + (<usize>((from >> 3) * b) << 5) + (<usize>(from & 7) << 2);
    let q = v + (<usize>((i >> 3) * b) << 5) + (<usize>(i & 7) << 2);
    for (let j = 0; j < b; j++) {
      store<f32>(q, load<f32>(p));
      p += 32;
      q += 32;
    }
  }
}

/** Rows of V (b, a) in panels, its features, in a new order. */
function reorderFeatures(v: usize, a: i32, b: i32, order: usize, copy: usize): void {
  memory.copy(copy, v, panelBytes(b, a));
  for (let at: usize = 0, end = panelBytes(b, a); at < end; at += <usize>b << 5)
    for (let j = 0; j < b; j++) {
      const from = load<i32>(order + (<usize>j << 2));
      if (from != j) memory.copy(v + at + (<usize>j << 5), copy + at + (<usize>from << 5), 32);
    }
}

/**
 * G′ at z → moments, and in place M̂′ / (√V̂ + ε) times the rate. |M̂′| ≤ √V̂ where β₁ = β₂, until a basis turns, and M with it but
 * not V: no entry moves by more than the rate, or a training would explode at its start.
 */
function adamInBasis(s: usize, z: usize, m: usize, v: usize, bytes: usize, least: f32): void {
  const beta1 = load<f64>(s, 40), beta2 = load<f64>(s, 48), epsilon = load<f64>(s, 56);
  const size = v128.load32_splat(s, 84), root = v128.load32_splat(s, 88), eps = f32x4.splat(<f32>epsilon);
  const b1 = f32x4.splat(<f32>beta1), c1 = f32x4.splat(<f32>(1 - beta1));
  const b2 = f32x4.splat(<f32>beta2), c2 = f32x4.splat(<f32>(1 - beta2));
  const floor = f32x4.splat(least), most = f32x4.splat(load<f32>(s, 84) * <f32>(1 - load<f64>(s, 64))), low = f32x4.neg(most);
  for (let i: usize = 0; i < bytes; i += 16) {
    let g = v128.load(z + i);
    g = v128.and(g, f32x4.ge(f32x4.abs(g), floor));
    const mi = flush(f32x4.add(f32x4.mul(b1, v128.load(m + i)), f32x4.mul(c1, g)));
    const vi = flush(f32x4.add(f32x4.mul(b2, v128.load(v + i)), f32x4.mul(c2, f32x4.mul(g, g))));
    v128.store(m + i, mi);
    v128.store(v + i, vi);
    const step = f32x4.div(f32x4.mul(size, mi), f32x4.add(f32x4.mul(f32x4.sqrt(vi), root), eps));
    v128.store(z + i, f32x4.max(low, f32x4.min(most, step)));
  }
}

/** Σ x² of a matrix in panels, in f64. */
function squares(p: usize, bytes: usize): f64 {
  let s0 = f64x2.splat(0), s1 = s0;
  for (const end = p + bytes; p < end; p += 16) {
    const x = v128.load(p);
    const low = f64x2.promote_low_f32x4(x), high = f64x2.promote_low_f32x4(v128.shuffle<u64>(x, x, 1, 1));
    s0 = f64x2.add(s0, f64x2.mul(low, low));
    s1 = f64x2.add(s1, f64x2.mul(high, high));
  }
  const s = f64x2.add(s0, s1);
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/** Updates the matrix of a chunk, or its bytes by Adam. */
export function soapApply(s: usize, index: i32, thread: i32): void {
  const c = <usize>load<u32>(s, 96) + <usize>(index * 36);
  const a = load<i32>(c), b = load<i32>(c, 4), offset = <usize>load<u32>(c, 8);
  if (!a) {
    adamApply(s, offset, offset + <usize>b);
    return;
  }
  const m = <usize>load<u32>(c, 12), v = <usize>load<u32>(c, 16);
  const A = <usize>load<u32>(c, 20), P = <usize>load<u32>(c, 24), B = <usize>load<u32>(c, 28), Q = <usize>load<u32>(c, 32);
  const size = buffer(a, b), x = <usize>load<u32>(s, 104) + <usize>load<u32>(s, 108) * thread, y = x + size, z = y + size;
  const p = z + size, q = p + size, order = q + size, more = order + (((<usize>max(a, b) << 2) + 63) & ~63);
  const na = (a + 7) >> 3, nb = (b + 7) >> 3, bytes = panelBytes(b, a);
  const turn = load<i32>(s, 92) + index, early = load<i32>(s, 92) <= load<i32>(s, 116), decay = load<f32>(s, 124);
  // Matrices take turns, so that steps take equally long.
  const gather = early || turn % load<i32>(s, 120) == 0, refresh = early || turn % load<i32>(s, 112) == 0;

  toPanels(<usize>load<u32>(s, 4) + offset, a, b, load<f32>(s, 80), x); // G
  transposePanels(x, a, b, y); // Gᵀ
  const least = <f32>(ROUNDING * sqrt<f64>(squares(x, panelBytes(a, b))));
  if (A && gather) addToFactor(A, x, a, b, decay, more);
  if (B && gather) addToFactor(B, y, b, a, decay, more);
  if (A && refresh) {
    transposePanels(m, b, a, p);
    denseForward(p, P, q, nb, a, a, 0, 0);
    if (refreshBasis(A, P, a, order, more)) reorderSamples(v, a, b, order, p);
    denseInputGrad(q, P, p, nb, a, a);
    transposePanels(p, a, b, m);
  }
  if (B && refresh) {
    denseForward(m, Q, q, na, b, b, 0, 0);
    if (refreshBasis(B, Q, b, order, more)) reorderFeatures(v, a, b, order, p);
    denseInputGrad(q, Q, m, na, b, b);
  }
  if (A) {
    denseInputGrad(x, P, z, nb, a, a); // P G
    transposePanels(z, a, b, y);
  }
  let turned = y;
  if (B) {
    denseInputGrad(y, Q, z, na, b, b); // (P G Qᵀ)ᵀ
    turned = z;
  }
  adamInBasis(s, turned, m, v, bytes, least);
  let back = turned;
  if (B) {
    denseForward(turned, Q, y, na, b, b, 0, 0);
    back = y;
  }
  transposePanels(back, b, a, x);
  if (A) denseForward(x, P, z, nb, a, a, 0, 0);
  toRows(A ? z : x, a, b, <usize>load<u32>(s) + offset, <usize>b << 2, true);
}
