/**
 * Principal components of rows (N, M): eigenvectors of their covariance, by Jacobi rotations where M is small and by
 * subspace iteration with Rayleigh–Ritz where it is not (Golub & Van Loan, Matrix Computations, 4th ed., §8.5, §8.2.4).
 * Only + − × ÷ √ are used: every engine gives the same bits.
 */
import { columnMeans, dot } from "./moments.ts";
import { STREAMS, uniformAt } from "./random.ts";
import { addOuter, packed, symmetric } from "./triangles.ts";

/** The leading principal components of rows. */
export interface Principal {
  readonly mean: Float64Array;
  /** (K, M), one component in each row, of unit length. */
  readonly vectors: readonly Float64Array[];
  /** Variances along the components, largest first. */
  readonly variances: Float64Array;
}

/** Eigenpairs of a symmetric matrix (n, n) by cyclic Jacobi rotations, largest first. */
export function symmetricEigen(matrix: readonly Float64Array[]): { values: Float64Array; vectors: Float64Array[] } {
  const n = matrix.length;
  const a = matrix.map((row) => row.slice());
  const v = a.map((_, i) => Float64Array.from({ length: n }, (_x, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    let all = 0;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        all += a[i][j] * a[i][j];
        if (i !== j) off += a[i][j] * a[i][j];
      }
    if (off <= 1e-28 * all) break;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        if (a[p][q] === 0) continue;
        const t0 = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (t0 >= 0 ? 1 : -1) / (Math.abs(t0) + Math.sqrt(t0 * t0 + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const x = a[k][p];
          a[k][p] = c * x - s * a[k][q];
          a[k][q] = s * x + c * a[k][q];
        }
        for (let k = 0; k < n; k++) {
          const x = a[p][k];
          a[p][k] = c * x - s * a[q][k];
          a[q][k] = s * x + c * a[q][k];
          const y = v[p][k];
          v[p][k] = c * y - s * v[q][k];
          v[q][k] = s * y + c * v[q][k];
        }
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: Float64Array.from(order, (i) => a[i][i]), vectors: order.map((i) => v[i]) };
}

/** Below this many columns the whole spectrum is computed. */
const DIRECT = 64;
const ITERATIONS = 40;

/** Rows between two yields. */
export const PART_ROWS = 64;

/** The K leading components of rows (N, M), in parts that are each short. */
export function* principalComponents(rows: ArrayLike<number>, M: number, K: number): Generator<void, Principal> {
  const N = rows.length / M;
  const mean = columnMeans(rows, M);
  const sum = new Float64Array(packed(M));
  const centred = new Float64Array(M);
  for (let r = 0; r < N; r++) {
    if (r % PART_ROWS === 0) yield;
    for (let i = 0; i < M; i++) centred[i] = rows[r * M + i] - mean[i];
    addOuter(
      sum,
      centred.map((c) => c / N),
      centred,
    );
  }
  return { mean, ...(yield* leadingDirections(sum, M, K)) };
}

/** The K leading eigenvectors of a covariance of M columns, packed, and the variances along them. */
export function* leadingDirections(
  covariance: Float64Array,
  M: number,
  K: number,
): Generator<void, Omit<Principal, "mean">> {
  const whole = symmetric(covariance);
  const cov = Array.from({ length: M }, (_, i) => whole.subarray(i * M, (i + 1) * M));
  if (M <= DIRECT) {
    const { values, vectors } = symmetricEigen(cov);
    return { vectors: vectors.slice(0, K), variances: values.slice(0, K) };
  }
  // A few spare directions speed convergence of the wanted ones.
  const width = Math.min(M, K + 8);
  let basis = orthonormal(
    Array.from({ length: width }, (_, k) =>
      Float64Array.from({ length: M }, (_x, i) => uniformAt(1, STREAMS.principal, 0, k, i) - 0.5),
    ),
  );
  for (let it = 0; it < ITERATIONS; it++) {
    yield;
    basis = orthonormal(basis.map((b) => times(cov, b)));
  }
  const images = basis.map((b) => times(cov, b));
  const small = symmetricEigen(basis.map((b) => Float64Array.from(images, (image) => dot(b, image))));
  const vectors = small.vectors.slice(0, K).map((weights) => {
    const out = new Float64Array(M);
    weights.forEach((w, k) => {
      for (let i = 0; i < M; i++) out[i] += w * basis[k][i];
    });
    return out;
  });
  return { vectors, variances: small.values.slice(0, K) };
}

const times = (m: readonly Float64Array[], x: Float64Array): Float64Array => Float64Array.from(m, (row) => dot(row, x));

/** Gram and Schmidt, twice, which is enough for orthogonality to rounding. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const out: Float64Array[] = [];
  for (const vector of vectors) {
    const v = vector.slice();
    for (let pass = 0; pass < 2; pass++) {
      for (const b of out) {
        const c = dot(b, v);
        for (let i = 0; i < v.length; i++) v[i] -= c * b[i];
      }
    }
    const length = Math.sqrt(dot(v, v));
    out.push(length > 0 ? v.map((x) => x / length) : v);
  }
  return out;
}
