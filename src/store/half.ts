/**
 * Half precision (IEEE 754 binary16): one sign bit, 5 bits of exponent (bias 15), 10 of fraction. Single precision is rounded to the
 * nearest, ties to even, with integer operations on the bits, so that every host writes the same file. Source: IEEE 754-2019, 3.6
 * and 4.3.1.
 */

/** Precision of stored weights: single, or half, which takes half of the bytes. */
export const precisions = ["f32", "f16"] as const;
export type Precision = (typeof precisions)[number];

/** The largest finite number, (2 − 2^-10) 2^15, and the smallest one of full precision, 2^-14. */
const LARGEST = 65_504;
const SMALLEST_NORMAL = 0.00006103515625;
/** Difference of the biases of the exponents: 127 − 15. */
const REBIAS = (127 - 15) << 23;

/**
 * Whether the rounding error of every entry is at most 2^-11 of the largest one. This fails if entries overflow, or if all are so
 * small that half precision has no full fraction for them.
 */
export function fitsHalf(values: Float32Array): boolean {
  let largest = 0;
  for (const x of values) largest = Math.max(largest, Math.abs(x));
  return largest === 0 || (largest >= SMALLEST_NORMAL && largest <= LARGEST);
}

/** Bits (N) of the nearest numbers of half precision; numbers that are too large become infinite, and NaN stays NaN. */
export function toHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (single) => {
    const sign = (single >>> 16) & 0x8000;
    const magnitude = single & 0x7fffffff;
    if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
    if (magnitude >= 0x47800000) return sign | 0x7c00; // 2^16 and above
    // Add half a unit in the last place, minus one unless the kept part is odd. A carry into the exponent is correct, and gives infinity
    // from 65,520 on.
    if (magnitude >= 0x38800000) return sign | ((magnitude - REBIAS + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    // Below 2^-14 numbers are multiples of 2^-24: the fraction, with its leading 1, moves right by what the exponent lacks.
    const shift = 126 - (magnitude >>> 23);
    if (shift > 24) return sign; // below 2^-25
    const fraction = (magnitude & 0x7fffff) | 0x800000;
    return sign | ((fraction + (1 << (shift - 1)) - 1 + ((fraction >>> shift) & 1)) >>> shift);
  });
}

/** The exact numbers (N) of bits of half precision. */
export function fromHalf(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  const single = new Uint32Array(values.buffer);
  for (const [i, half] of bits.entries()) {
    const sign = (half & 0x8000) << 16;
    const magnitude = half & 0x7fff;
    if (magnitude >= 0x7c00) single[i] = sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
    else if (magnitude >= 0x400) single[i] = sign | ((magnitude << 13) + REBIAS);
    else values[i] = (sign ? -1 : 1) * magnitude * (1 / 16_777_216); // multiples of 2^-24
  }
  return values;
}
