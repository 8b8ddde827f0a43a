/** The whole space by x = L⁻¹(θ − μ) with a lower-triangular L: a linear map to coordinates without correlations. */
import { add, constant, matmul, mul, sub, sumFeatures } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { log } from "../numbers/math.ts";
import { addTimes, diagonalOf, packedOrder, solveLower, triIndex } from "../numbers/triangles.ts";
import type { Bijection } from "./bijection.ts";
import { expectBatch } from "./distribution.ts";

/** What is computed with L (D, D), given as a packed triangle. */
export interface Factor {
  readonly D: number;
  /** L x and L⁻¹ x of rows (B, D). */
  readonly times: (x: Tensor) => Tensor;
  readonly solve: (x: Tensor) => Tensor;
  /** Σ log L_ii */
  readonly logDet: number;
  /** L, as rows of numbers. */
  readonly rows: readonly (readonly number[])[];
}

/** Dense rows (D, D) of Lᵀ, for x ↦ L x of rows x, or of L⁻ᵀ. */
function transposed(l: Float64Array, inverse: boolean): Float64Array {
  const D = packedOrder(l.length);
  const out = new Float64Array(D * D);
  for (let c = 0; c < D; c++) {
    const column = new Float64Array(D);
    column[c] = 1;
    const image = inverse ? solveLower(l, column) : new Float64Array(D);
    if (!inverse) addTimes(l, column, 1, image);
    out.set(image, c * D);
  }
  return out;
}

/** Of a packed triangle. */
export function factorOf(l: Float64Array): Factor {
  const D = packedOrder(l.length);
  const [forth, back] = [transposed(l, false), transposed(l, true)];
  return {
    D,
    times: (x) => matmul(x, constant(forth, x.dtype, D)),
    solve: (x) => matmul(x, constant(back, x.dtype, D)),
    logDet: diagonalOf(l).reduce((sum, x) => sum + log(x), 0),
    rows: Array.from({ length: D }, (_, i) => Array.from({ length: D }, (_x, j) => (j <= i ? l[triIndex(i, j)] : 0))),
  };
}

/** The bijection by a mean and a factor, packed. */
export function whitening(owner: string, mean: Float64Array, l: Float64Array): Bijection {
  const { D, times, solve, logDet, rows } = factorOf(l);
  return {
    size: D,
    low: new Float64Array(D).fill(-Infinity),
    high: new Float64Array(D).fill(Infinity),
    toReal: (theta) => {
      expectBatch(owner, "theta", theta, D);
      return solve(sub(theta, mean));
    },
    fromReal: (x) => {
      expectBatch(owner, "x", x, D);
      return add(times(x), mean);
    },
    logDetToReal: (theta) => {
      expectBatch(owner, "theta", theta, D);
      return add(mul(sumFeatures(sub(theta, theta)), 0), -logDet);
    },
    stretch: (x) => {
      const out = new Float64Array(D);
      addTimes(l, x, 1, out);
      return out;
    },
    bijection: { kind: "linear", mean: Array.from(mean), factor: rows },
  };
}

/** The packed triangle of rows (D, D). @throws unless they are a lower triangle with a positive diagonal, of finite numbers. */
export function triangleOf(owner: string, D: number, entry: (i: number, j: number) => number): Float64Array {
  const l = new Float64Array((D * (D + 1)) / 2);
  for (let i = 0; i < D; i++)
    for (let j = 0; j < D; j++) {
      const x = entry(i, j);
      if (j <= i) l[triIndex(i, j)] = x;
      if (!Number.isFinite(x) || (j > i ? x !== 0 : j === i && !(x > 0)))
        throw new Error(
          `${owner}: expected factor to be lower triangular with a positive diagonal, got ${x} at (${i + 1}, ${j + 1})`,
        );
    }
  return l;
}
