/**
 * Elementary functions in WGSL, f32, by the formulas of assembly/simd.ts, because those of the language may be off by 2⁻¹¹. Each entry
 * is one function; `library` picks the functions that a text calls, and those that they call. `div32` and `sqrt32` are here too,
 * because those of the language may be off by 2.5 units in the last place or more. It is long because each function is text with its own coefficients.
 *
 * The language promises little about f32, so this code differs from that for wasm in three ways:
 * - a compiler may reassociate sums and products. Where an error is computed from a rounded sum, the sum passes through `pin`, which
 *   no compiler can see through: an integer "or" with a 0 bit of a number that is known only at run time.
 * - a compiler may assume that NaN and infinities do not occur. They are detected and made by their bits.
 * - subnormal numbers may become 0. Nothing relies on them.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";

const text = wgsl`
// The float with these bits. Rows of a tile are a multiple of 8, so the or changes nothing.
fn fromBits(bits: u32) -> f32 { return bitcast<f32>(bits | (run.padded & 1u)); }

// x, rounded.
fn pin(x: f32) -> f32 { return fromBits(bitcast<u32>(x)); }

fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// Infinities and NaN.
fn isSpecial(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u; }

// 2^n for -126 <= n <= 127; 0 for n = -127.
fn power2(n: i32) -> f32 { return bitcast<f32>((n + 127) << 23u); }

// |x| with the sign of s.
fn withSign(x: f32, s: f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(x) & 0x7fffffffu) | (bitcast<u32>(s) & 0x80000000u));
}

// The larger and the smaller of two, NaN if either is: the language may return the other.
fn maximum32(a: f32, b: f32) -> f32 {
  if (isNan(a)) { return a; }
  if (isNan(b)) { return b; }
  return max(a, b);
}

fn minimum32(a: f32, b: f32) -> f32 {
  if (isNan(a)) { return a; }
  if (isNan(b)) { return b; }
  return min(a, b);
}

// max(x, 0); NaN stays NaN.
fn relu32(x: f32) -> f32 { return maximum32(x, 0.0); }

// The first 12 bits of x: products of such halves are exact (Dekker 1971).
fn upper(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }

// a - q b, exactly, where q is a / b within some units in the last place.
fn remainder(a: f32, q: f32, b: f32) -> f32 {
  let q1 = upper(q);
  let q0 = pin(q - q1);
  let b1 = upper(b);
  let b0 = pin(b - b1);
  return pin(pin(pin(a - q1 * b1) - q1 * b0) - q0 * b1) - q0 * b0;
}

// a / b, rounded once: a step of Newton's method for the quotient. Scaling keeps 1 / b and the remainder normal.
fn div32(a: f32, b: f32) -> f32 {
  let size = abs(b);
  let scale = select(select(1.0, 18446744073709551616.0, size < 1e-30), 5.421010862427522e-20, size > 1e30);
  let n = a * scale;
  let d = b * scale;
  let y = 1.0 / d;
  let q = n * y;
  if (isSpecial(q) || isSpecial(d)) { return q; }
  return q + remainder(n, q, d) * y;
}

// The square root, rounded once in the same way; NaN below 0.
fn sqrt32(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if ((bits << 1u) == 0u || bits == 0x7f800000u || isNan(x)) { return x; }
  if ((bits >> 31u) == 1u) { return fromBits(0x7fc00000u); }
  // Small numbers are scaled by 2^64; the bits of a subnormal one are its multiple of 2^-149.
  var z = x;
  var scale = 1.0;
  if (bits < 0x00800000u) {
    z = f32(bits) * 2.0;
    scale = 2.6469779601696886e-23;
  } else if (x < 1e-20) {
    z = x * 18446744073709551616.0;
    scale = 2.3283064365386963e-10;
  }
  let s = sqrt(z);
  return (s + remainder(z, s, s) * (0.5 / s)) * scale;
}

// x = n ln 2 + r, |r| <= ln 2 / 2, ln 2 in two parts, the first of 10 bits: n times it is exact.
fn expRemainder(x: f32, n: f32) -> f32 { return pin(x - n * 0.693359375) + n * 0.00021219444170128554; }

// e^r - 1 for the remainder r.
fn expm1Polynomial(r: f32) -> f32 {
  let q = (((0.001388249802403152 * r + 0.00836664717644453) * r + 0.04166720435023308) * r + 0.16666541993618011) * r
    + 0.4999999701976776;
  return q * (r * r) + r;
}

// e^x. Results below 2^-125.5 = 1.7e-38 are 0, above the largest float infinity.
fn exp32(x: f32) -> f32 {
  if (isNan(x)) { return x; }
  let z = clamp(x, -87.2, 89.0);
  let n = round(z * 1.44269504);
  let y = (expm1Polynomial(expRemainder(z, n)) + 1.0) * power2(i32(n) - 1); // half of e^x: 2^128 would not fit
  return y + y;
}

// tanh x = -E / (2 + E) with the sign of x, E = e^(-2|x|) - 1.
fn tanh32(x: f32) -> f32 {
  if (isNan(x)) { return x; }
  let y = max(-2.0 * abs(x), -20.0);
  let n = round(y * 1.44269504);
  let p = expm1Polynomial(expRemainder(y, n));
  let scale = power2(i32(n));
  // E is exact for n = 0: small x keep their relative accuracy; 2 + E is rounded once less this way.
  return withSign(div32(p * scale + pin(scale - 1.0), p * scale + pin(scale + 1.0)), x);
}

// 1 / (1 + e^-x)
fn sigmoid32(x: f32) -> f32 { return div32(1.0, 1.0 + exp32(-x)); }

// x / (1 + e^-x); at -infinity the quotient would be NaN.
fn silu32(x: f32) -> f32 {
  if (isNan(x)) { return x; }
  let z = max(x, -200.0);
  return div32(z, 1.0 + exp32(-z));
}

// log(1 + e^x) = max(x, 0) + log(1 + u), u = e^-|x|; the logarithm as in logPolynomial, on 0 <= u <= 1.
fn softplus32(x: f32) -> f32 {
  if (isNan(x)) { return x; }
  let u = exp32(-abs(x));
  let s = div32(u, u + 2.0);
  let z = s * s;
  let q = ((0.2802445888519287 * z + 0.27999141812324524) * z + 0.4002169966697693) * z + 0.6666641235351562;
  let h = u * u * 0.5;
  return max(x, 0.0) + (u - (h - s * (q * z + h)));
}

// log(1 + f) + e ln 2, sqrt(1/2) <= 1 + f < sqrt(2), without cancellation: with s = f / (2 + f) and h = f^2 / 2 it is
// f - (h - s (h + R)), R = 2 artanh(s) / s - 2, a polynomial in s^2.
fn logPolynomial(f: f32, e: f32) -> f32 {
  let s = div32(f, f + 2.0);
  let z = s * s;
  let q = (0.29874420166015625 * z + 0.3997744917869568) * z + 0.6666677594184875;
  let h = f * f * 0.5;
  let low = s * (q * z + h) - e * 0.00021219444170128554;
  return e * 0.693359375 + pin(f - (h - low));
}

// e of x = 2^e m, sqrt(1/2) <= m < sqrt(2), from the bits of a normal x > 0.
fn logExponent(bits: u32) -> i32 { return (bitcast<i32>(bits) - 0x3f3504f3) >> 23u; }

// m - 1, exactly.
fn logMantissa(bits: u32, e: i32) -> f32 { return pin(bitcast<f32>(bitcast<i32>(bits) - (e << 23u))) - 1.0; }

// log u for normal u > 0: no special cases.
fn logUnit(u: f32) -> f32 {
  let bits = bitcast<u32>(u);
  let e = logExponent(bits);
  return logPolynomial(logMantissa(bits, e), f32(e));
}

// log x where x is not positive and finite: -infinity at 0, infinity and NaN as they are, NaN below 0.
fn logEdge(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if ((bits << 1u) == 0u) { return fromBits(0xff800000u); }
  return fromBits(select(0x7fc00000u, bits, bits == 0x7f800000u));
}

// The natural logarithm: -infinity at 0, NaN below. Of a subnormal number the bits are its multiple of 2^-149.
fn log32(x: f32) -> f32 {
  let given = bitcast<u32>(x);
  if (given - 1u >= 0x7f7fffffu) { return logEdge(x); }
  let subnormal = given < 0x00800000u;
  let bits = select(given, bitcast<u32>(f32(given)), subnormal);
  let e = logExponent(bits);
  return logPolynomial(logMantissa(bits, e), f32(e - select(0, 149, subnormal)));
}

// log(1 + x), accurate also for small x: the rounding error of 1 + x is put back into f.
fn log1p32(x: f32) -> f32 {
  let u = pin(x + 1.0);
  let bits = bitcast<u32>(u);
  if (bits - 0x00800000u >= 0x7f000000u) { return logEdge(u); }
  let e = logExponent(bits);
  let lost = x - pin(u - 1.0);
  let down = bitcast<f32>(max(0x3f800000 - (e << 23u), 0)); // 2^-e, or 0 where nothing is lost
  return logPolynomial(logMantissa(bits, e) + lost * down, f32(e));
}

// High word of the product of two words, by halves: the language has no wide multiplication.
fn mulHigh(a: u32, b: u32) -> u32 {
  let a1 = a >> 16u;
  let a0 = a & 0xffffu;
  let b1 = b >> 16u;
  let b0 = b & 0xffffu;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  return a1 * b1 + (middle >> 16u) + (((middle & 0xffffu) + a0 * b1) >> 16u);
}

// Remainder and quadrant of |x| > 12800 after quarter turns, from those bits of 2 / pi that matter (Payne & Hanek 1983):
// |x| = m 2^k, and bits of more weight than 2^(1-k) give whole turns. 64 bits of the product are kept, two of them the quadrant;
// no float is closer to a multiple of pi / 2 than 2^-30 (the closest is 16367173 2^72), so the first word is never 0.
fn farRemainder(x: f32) -> vec2<f32> {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  let m = (bits & 0x007fffffu) | 0x00800000u;
  let start = (bits >> 23u) - 120u; // of the first bit, before which there is one word of zeros
  var digits = array<u32, 8>(
    0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
  );
  let i = start >> 5u;
  let shift = start & 31u;
  var window = vec3<u32>(digits[i], digits[i + 1u], digits[i + 2u]);
  if (shift > 0u) {
    window = (window << vec3<u32>(shift)) | (vec3<u32>(window.yz, digits[i + 3u]) >> vec3<u32>(32u - shift));
  }
  let middle = m * window.y;
  let low = middle + mulHigh(m, window.z);
  let high = m * window.x + mulHigh(m, window.y) + select(0u, 1u, low < middle);
  // The part of a quarter turn as a signed number of 64 bits, so that its size is at most a half.
  var part = vec2<u32>((high << 2u) | (low >> 30u), low << 2u);
  let negative = (part.x >> 31u) == 1u;
  if (negative) { part = vec2<u32>(~part.x + select(0u, 1u, part.y == 0u), ~part.y + 1u); }
  let zeros = countLeadingZeros(part.x);
  let word = (part.x << zeros) | select(0u, part.y >> (32u - zeros), zeros > 0u);
  let r = (f32(word >> 8u) * 256.0 + f32(word & 255u)) * 1.5707963267948966
    * power2(-32 - i32(zeros));
  return vec2<f32>(select(r, -r, negative), f32((high >> 30u) + select(0u, 1u, negative)));
}

// x = n pi/2 + r, |r| <= pi/4: (r, n), the latter up to whole turns. pi/2 in parts of 11, 11, 11 and 24 bits, n of 13 bits.
fn turnRemainder(x: f32) -> vec2<f32> {
  if (abs(x) > 12800.0) {
    let far = farRemainder(x);
    return select(far, -far, x < 0.0);
  }
  let n = round(x * 0.636619772);
  let r = pin(pin(x - n * 1.5703125) - n * 0.0004837512969970703) - n * 7.549533620476723e-8;
  return vec2<f32>(pin(r) - n * 2.5633440682570896e-12, n);
}

// sin (r + quadrant pi/2)
fn sinQuadrant(r: f32, quadrant: i32) -> f32 {
  let z = r * r;
  let s = r + r * z * ((-1.9516656175255775e-4 * z + 0.008332173340022564) * z - 0.16666655242443085);
  let q = (2.4437729734927416e-5 * z - 0.001388736185617745) * z + 0.04166664555668831;
  let c = q * (z * z) + (1.0 - z * 0.5);
  let y = select(s, c, (quadrant & 1) == 1);
  return select(y, -y, (quadrant & 2) == 2);
}

// sin x, with its full relative accuracy for every finite x. NaN at infinity.
fn sin32(x: f32) -> f32 {
  if (isSpecial(x)) { return fromBits(0x7fc00000u); }
  let turn = turnRemainder(x);
  return sinQuadrant(turn.x, i32(turn.y));
}

// cos x, as sin32.
fn cos32(x: f32) -> f32 {
  if (isSpecial(x)) { return fromBits(0x7fc00000u); }
  let turn = turnRemainder(x);
  return sinQuadrant(turn.x, i32(turn.y) + 1);
}

// cos(2 pi (h + 1/2)), |h| <= 1/2. With w = 1/4 - |h|: cos 2 pi h = sin 2 pi w and |sin 2 pi h| = cos 2 pi w.
fn cosTurn(h: f32) -> f32 {
  let w = 0.25 - abs(h);
  let z = w * w;
  let q = ((-39.71091842651367 * z + 76.57498931884766) * z - 81.60223388671875) * z + 41.341678619384766;
  return (q * z - 6.2831854820251465) * w;
}

// sin(2 pi (h + 1/2)), |h| <= 1/2
fn sinTurn(h: f32) -> f32 {
  let w = 0.25 - abs(h);
  let z = w * w;
  let q = ((24.98223876953125 * z - 60.14401626586914) * z + 85.45357513427734) * z - 64.93934631347656;
  let y = (q * z + 19.739208221435547) * z - 1.0;
  return select(y, -y, h < 0.0);
}

// The angle of the point (x, y), in (-pi, pi]; 0 or +-pi at the origin. atan t = t + t^3 q(t^2) on 0 <= t <= 1.
fn atan2_32(y: f32, x: f32) -> f32 {
  if (isNan(x) || isNan(y)) { return fromBits(0x7fc00000u); }
  let ax = abs(x);
  let ay = abs(y);
  let high = max(ax, ay);
  var t = 0.0;
  if (isSpecial(min(ax, ay))) { t = 1.0; } else if (high > 0.0) { t = div32(min(ax, ay), high); }
  let z = t * t;
  let q = ((((((0.0029745902866125107 * z - 0.016581183299422264) * z + 0.043553538620471954) * z
    - 0.07580578327178955) * z + 0.10678940266370773) * z - 0.14214208722114563) * z + 0.19994136691093445) * z
    - 0.3333316743373871;
  var a = q * (z * t) + t;
  if (ay > ax) { a = 1.5707963267948966 - a; }
  if ((bitcast<u32>(x) >> 31u) == 1u) { a = 3.141592653589793 - a; }
  return withSign(a, y);
}

// The error function, to 5e-7: erf x / x as a quotient of polynomials in x^2 on |x| <= 4.
fn erf32(x: f32) -> f32 {
  if (isNan(x)) { return x; }
  let a = min(abs(x), 4.0);
  let z = a * a;
  let p = ((((1.9867650280502858e-6 * z + 0.00028456462314352393) * z + 0.0038833455182611942) * z
    + 0.05310175195336342) * z + 0.19354529678821564) * z + 1.1283791065216064;
  let q = ((((3.741992622963153e-5 * z + 0.001185568980872631) * z + 0.015207257121801376) * z
    + 0.11535007506608963) * z + 0.50485759973526) * z + 1.0;
  return withSign(min(div32(p * a, q), 1.0), x);
}

// The quantile of the standard normal distribution: infinite at 0 and 1, NaN outside [0, 1]. In the form of Wichura (1988,
// AS 241): q R(c - q^2) for |q| = |p - 1/2| <= 0.425, else S(sqrt(-log p)).
fn probit32(p: f32) -> f32 {
  if (isNan(p)) { return p; }
  let q = p - 0.5;
  let tail = min(1.0 - p, p);
  if (tail < 0.0) { return fromBits(0x7fc00000u); }
  if (tail == 0.0) { return withSign(fromBits(0x7f800000u), q); }
  if (abs(q) <= 0.425) {
    let z = 0.180625 - q * q;
    let a = ((59.108802795410156 * z + 159.29034423828125) * z + 50.43417739868164) * z + 3.3871326446533203;
    let b = ((67.18704223632812 * z + 78.7574462890625) * z + 17.8951416015625) * z + 1.0;
    return div32(a * q, b);
  }
  let r = sqrt32(-log32(tail));
  let c = (((0.5978097319602966 * r + 5.108274936676025) * r + 5.308767795562744) * r - 4.830374717712402) * r
    - 2.892133951187134;
  let d = ((0.42261797189712524 * r + 3.6204707622528076) * r + 4.711549758911133) * r + 1.0;
  return withSign(div32(c, d), q);
}

// log Gamma(1 + t) / (t (t - 1)), digamma(1 + t) / (t - t0) and trigamma(1 + t) for 0 <= t <= 2: see assembly/simd.ts.
fn lgammaQuotient(t: f32) -> f32 {
  let p = (((-0.00011667874787235633 * t + 0.00477938074618578) * t + 0.17665041983127594) * t + 0.6674227714538574) * t + 0.5772156715393066;
  let q = ((0.08301981538534164 * t + 0.7085772752761841) * t + 1.581166386604309) * t + 1.0;
  return div32(p, q);
}

fn digammaQuotient(t: f32) -> f32 {
  let p = (((-0.00010483662481419742 * t + 0.004504823591560125) * t + 0.24766577780246735) * t + 1.1856671571731567) * t + 1.2503801584243774;
  let q = ((0.07952634245157242 * t + 0.7116883397102356) * t + 1.6317920684814453) * t + 1.0;
  return div32(p, q);
}

fn trigammaQuotient(t: f32) -> f32 {
  let p = (((3.0845734727336094e-5 * t - 0.00034790573408827186) * t + 0.8432269096374512) * t + 2.2193405628204346) * t + 1.644934058189392;
  let q = ((0.841346025466919 * t + 2.646636724472046) * t + 2.8107235431671143) * t + 1.0;
  return div32(p, q);
}

// 0, infinities, NaN and what is below 0, for functions that are infinite at 0 with the sign of s.
fn gammaEdge(x: f32, s: f32, far: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if ((bits << 1u) == 0u) { return withSign(fromBits(0x7f800000u), s); }
  if (bits == 0x7f800000u) { return far; }
  return fromBits(0x7fc00000u);
}

// Whether x is positive, finite and not too small for its reciprocal.
fn isGammaRegular(x: f32) -> bool { return bitcast<u32>(x) - 1u < 0x7f7fffffu; }

// log Gamma(x): infinite at 0, NaN below.
fn lgamma32(x: f32) -> f32 {
  if (!isGammaRegular(x)) { return gammaEdge(x, 1.0, fromBits(0x7f800000u)); }
  if (x < 1.0) { return x * (x - 1.0) * lgammaQuotient(x) - log32(x); }
  if (x < 3.0) {
    let t = pin(x - 1.0);
    return t * (t - 1.0) * lgammaQuotient(t);
  }
  if (x > 4.3e36) { return fromBits(0x7f800000u); }
  let w = div32(1.0, x);
  let z = w * w;
  let tail = (0.0007093486492522061 * z - 0.0027744716499000788) * z + 0.08333331346511841;
  return (x - 0.5) * (log32(x) - 1.0) + (tail * w + 0.4189385332046727);
}

// The derivative of log Gamma: -infinity at 0, NaN below.
fn digamma32(x: f32) -> f32 {
  if (!isGammaRegular(x)) { return gammaEdge(x, -1.0, x); }
  if (x < 2.95e-39) { return fromBits(0xff800000u); }
  let w = div32(1.0, x);
  if (x < 3.0) {
    let t = select(pin(x - 1.0), x, x < 1.0);
    let near = (pin(t - 0.461669921875) - -3.777690653805621e-05) * digammaQuotient(t);
    return select(near, near - w, x < 1.0);
  }
  let z = w * w;
  let tail = (0.003401875728741288 * z - 0.008311450481414795) * z + 0.08333320170640945;
  return log32(x) - (tail * z + 0.5 * w);
}

// The second derivative of log Gamma: infinite at 0, NaN below.
fn trigamma32(x: f32) -> f32 {
  if (!isGammaRegular(x)) { return gammaEdge(x, 1.0, 0.0); }
  if (x < 5.43e-20) { return fromBits(0x7f800000u); }
  let w = div32(1.0, x);
  let z = w * w;
  if (x < 1.0) { return trigammaQuotient(x) + z; }
  if (x < 3.0) { return trigammaQuotient(pin(x - 1.0)); }
  let tail = ((-0.022114749997854233 * z + 0.02313755825161934) * z - 0.033319566398859024) * z + 0.16666662693023682;
  return z * ((tail * w) + 0.5) + w;
}
`;

const nameOf = (code: string): string => {
  const name = /^fn (\w+)/m.exec(code)?.[1];
  if (name === undefined) throw new Error(`internal: no function in ${code}`);
  return name;
};

/** By name, each with the comment above it. */
export const functions: Readonly<Record<string, string>> = Object.fromEntries(
  text
    .trim()
    .split("\n\n")
    .map((code) => [nameOf(code), code]),
);

/** The functions that a text needs, each before those that call it. */
export function library(text: string): string {
  const picked: string[] = [];
  const visit = (code: string): void => {
    for (const [, name] of code.matchAll(/\b(\w+)\(/g)) {
      const body = Object.hasOwn(functions, name) ? functions[name] : undefined;
      if (body === undefined || picked.includes(body) || body === code) continue;
      visit(body);
      if (!picked.includes(body)) picked.push(body);
    }
  };
  visit(text);
  return picked.join("\n");
}
