/**
 * Lower triangles of order n, packed row by row as (0,0), (1,0), (1,1), … in n(n+1)/2 numbers, and what is computed with
 * one at a time. A longer triangle begins with every shorter one, so each function takes n from its vector.
 */

/** Number of entries of a packed triangle of order `n`. */
export const packed = (n: number): number => (n * (n + 1)) / 2;

/** Order of a packed triangle with `count` entries, or -1 when there is none. */
export function packedOrder(count: number): number {
  const n = Math.round((Math.sqrt(8 * count + 1) - 1) / 2);
  return packed(n) === count ? n : -1;
}

/** Place of entry (i, j), j ≤ i. */
export const triIndex = (i: number, j: number): number => packed(i) + j;

/** The diagonal (n). */
export const diagonalOf = (l: Float64Array): Float64Array =>
  Float64Array.from({ length: packedOrder(l.length) }, (_, i) => l[triIndex(i, i)]);

/**
 * A symmetric matrix A becomes its Cholesky factor L, A = L Lᵀ, in place. Answers −1, or the first row whose pivot is not
 * positive and finite: that pivot is left on the diagonal, and the rows after it as they were.
 */
export function factorise(a: Float64Array): number {
  const n = packedOrder(a.length);
  for (let i = 0; i < n; i++) {
    const row = packed(i);
    for (let j = 0; j <= i; j++) {
      const other = packed(j);
      let sum = a[row + j];
      for (let k = 0; k < j; k++) sum -= a[row + k] * a[other + k];
      if (i !== j) a[row + j] = sum / a[other + j];
      else if (sum > 0 && sum < Number.POSITIVE_INFINITY) a[row + j] = Math.sqrt(sum);
      else {
        a[row + j] = sum;
        return i;
      }
    }
  }
  return -1;
}

/** x becomes L⁻¹ x, in place; answers x. */
export function solveLower(l: Float64Array, x: Float64Array): Float64Array {
  for (let i = 0, at = 0; i < x.length; i++, at++) {
    for (let k = 0; k < i; k++, at++) x[i] -= l[at] * x[k];
    x[i] /= l[at];
  }
  return x;
}

/** x becomes L⁻ᵀ x, in place; answers x. */
export function solveTransposed(l: Float64Array, x: Float64Array): Float64Array {
  for (let i = x.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < x.length; k++) x[i] -= l[triIndex(k, i)] * x[k];
    x[i] /= l[triIndex(i, i)];
  }
  return x;
}

/** out += t L x */
export function addTimes(l: Float64Array, x: Float64Array, t: number, out: Float64Array): void {
  for (let i = 0, at = 0; i < x.length; i++) {
    let sum = 0;
    for (let j = 0; j <= i; j++, at++) sum += l[at] * x[j];
    out[i] += t * sum;
  }
}

/** out += t Lᵀ x */
export function addTransposedTimes(l: Float64Array, x: Float64Array, t: number, out: Float64Array): void {
  for (let i = 0, at = 0; i < x.length; i++) {
    const scaled = t * x[i];
    for (let j = 0; j <= i; j++, at++) out[j] += l[at] * scaled;
  }
}

/** Adds the lower triangle of a bᵀ to a packed one. */
export function addOuter(sum: Float64Array, a: Float64Array, b: Float64Array): void {
  for (let i = 0, at = 0; i < a.length; i++) for (let j = 0; j <= i; j++, at++) sum[at] += a[i] * b[j];
}

/** The symmetric matrix (n, n), row by row, whose lower triangle is given. */
export function symmetric(triangle: Float64Array): Float64Array {
  const n = packedOrder(triangle.length);
  return Float64Array.from({ length: n * n }, (_, k) => {
    const [i, j] = [Math.floor(k / n), k % n];
    return triangle[i < j ? triIndex(j, i) : triIndex(i, j)];
  });
}

/** L Lᵀ, packed. */
export function timesOwnTranspose(l: Float64Array): Float64Array {
  const out = new Float64Array(l.length);
  for (let i = 0, at = 0; i < packedOrder(l.length); i++)
    for (let j = 0; j <= i; j++, at++) for (let k = 0; k <= j; k++) out[at] += l[triIndex(i, k)] * l[triIndex(j, k)];
  return out;
}

/** (L Lᵀ)⁻¹, packed. */
export function invert(l: Float64Array): Float64Array {
  const n = packedOrder(l.length);
  const out = new Float64Array(l.length);
  for (let c = 0; c < n; c++) {
    const column = new Float64Array(n);
    column[c] = 1;
    solveTransposed(l, solveLower(l, column));
    for (let i = c; i < n; i++) out[triIndex(i, c)] = column[i];
  }
  return out;
}
