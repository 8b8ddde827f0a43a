// Global-norm clipping and Adam / AMSGrad over whole slabs (Kingma & Ba 2015, Algorithm 1; Reddi et al. 2018, Algorithm 2
// in the bias-corrected form of the common libraries).
//
// The settings are consecutive words: 0 weights, 1 gradient, 2 m, 3 v, 4 largest v (0: Adam), 5 floats of a slab, 6 learning
// rates (one f32 for each step), 7 step of the first rate; then f64 at byte 32: largest norm (0: no clipping), β1, β2, ε, β1ᵗ, β2ᵗ;
// then f32 at byte 80, for the current update: factor of the gradient, size of the step, 1 / √(1 − β2ᵗ); then its number t, at 92.
// soap.ts has settings of its own behind them.

/** True when the bits are those of an infinity or a NaN. */
// @ts-ignore: decorator
@inline export function nonFinite(x: f64): bool {
  return (reinterpret<u64>(x) & 0x7ff0000000000000) == 0x7ff0000000000000;
}

function sumOfSquares(p: usize, floats: i32): f64 {
  let s0 = f64x2.splat(0), s1 = f64x2.splat(0);
  const end = p + (<usize>floats << 2);
  while (p < end) {
    const x = v128.load(p);
    const low = f64x2.promote_low_f32x4(x), high = f64x2.promote_low_f32x4(v128.shuffle<u64>(x, x, 1, 1));
    s0 = f64x2.add(s0, f64x2.mul(low, low));
    s1 = f64x2.add(s1, f64x2.mul(high, high));
    p += 16;
  }
  const s = f64x2.add(s0, s1);
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/** Smaller moments become 0: they move no weight, and arithmetic on subnormal numbers is many times slower. */
const LEAST_MOMENT: f32 = 1e-35;

// @ts-ignore: decorator
@inline export function flush(x: v128): v128 {
  return v128.and(x, f32x4.ge(f32x4.abs(x), f32x4.splat(LEAST_MOMENT)));
}

/** Prepares one update. Returns false and changes nothing when the gradient is not finite. */
export function adamPrepare(s: usize, step: i32): bool {
  const g = <usize>load<u32>(s, 4);
  const floats = load<i32>(s, 20);
  const rate = <f64>load<f32>(<usize>load<u32>(s, 24) + (<usize>(step - load<i32>(s, 28)) << 2));
  const maxNorm = load<f64>(s, 32), beta1 = load<f64>(s, 40), beta2 = load<f64>(s, 48);
  const norm = sqrt<f64>(sumOfSquares(g, floats));
  if (nonFinite(norm)) return false;
  const power1 = load<f64>(s, 64) * beta1, power2 = load<f64>(s, 72) * beta2;
  store<f64>(s, power1, 64);
  store<f64>(s, power2, 72);
  store<f32>(s, maxNorm > 0 && norm > maxNorm ? <f32>(maxNorm / norm) : 1, 80);
  store<f32>(s, <f32>(rate / (1 - power1)), 84);
  store<f32>(s, <f32>(1 / sqrt<f64>(1 - power2)), 88);
  store<i32>(s, load<i32>(s, 92) + 1, 92);
  return true;
}

/** Bytes of a slab. */
export function adamBytes(s: usize): usize { return <usize>load<u32>(s, 20) << 2; }

/** Updates bytes `from` to `to` of the slabs, both multiples of 16. */
export function adamApply(s: usize, from: usize, to: usize): void {
  const w = <usize>load<u32>(s), g = <usize>load<u32>(s, 4), m = <usize>load<u32>(s, 8), v = <usize>load<u32>(s, 12);
  const largest = <usize>load<u32>(s, 16);
  const beta1 = load<f64>(s, 40), beta2 = load<f64>(s, 48), epsilon = load<f64>(s, 56);
  const scale = v128.load32_splat(s, 80), size = v128.load32_splat(s, 84), root = v128.load32_splat(s, 88);
  const b1 = f32x4.splat(<f32>beta1), c1 = f32x4.splat(<f32>(1 - beta1));
  const b2 = f32x4.splat(<f32>beta2), c2 = f32x4.splat(<f32>(1 - beta2));
  const eps = f32x4.splat(<f32>epsilon);
  for (let i = from; i < to; i += 16) {
    const gi = f32x4.mul(v128.load(g + i), scale);
    const mi = flush(f32x4.add(f32x4.mul(b1, v128.load(m + i)), f32x4.mul(c1, gi)));
    const vi = flush(f32x4.add(f32x4.mul(b2, v128.load(v + i)), f32x4.mul(c2, f32x4.mul(gi, gi))));
    v128.store(m + i, mi);
    v128.store(v + i, vi);
    let second = vi;
    if (largest) {
      second = f32x4.max(vi, v128.load(largest + i));
      v128.store(largest + i, second);
    }
    const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(second), root), eps);
    v128.store(w + i, f32x4.sub(v128.load(w + i), f32x4.div(f32x4.mul(size, mi), denominator)));
  }
}
