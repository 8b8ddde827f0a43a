/**
 * Cholesky factors A = L Lᵀ of one symmetric positive-definite matrix for each sample, row by row (Golub & Van Loan, Matrix Computations,
 * 4th ed., §4.2), and their reverse derivative (Murray, Differentiation of the Cholesky decomposition, arXiv 1602.07527); packed
 * lower triangles as in triangle.wgsl.ts. One thread for each sample, which reads what it has written.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { packedOrder } from "../src/numbers/triangles.ts";
import type { MakeKernels } from "./kernel.ts";
import { operands } from "./kernel.ts";
import { rowKernel } from "./rows.ts";
import { entryOf } from "./triangle.wgsl.ts";

const forward = wgsl`${entryOf}
override N: u32;

// A pivot that is not positive gives NaN, although the root of 0 is 0.
fn pivotOf(x: f32) -> f32 {
  if (isNan(x) || x <= 0.0) { return fromBits(0x7fc00000u); }
  return sqrt32(x);
}

fn work(row: u32, rows: u32, item: u32) {
  for (var i = 0u; i < N; i++) {
    for (var j = 0u; j <= i; j++) {
      let at = entryOf(i, j) * rows + row;
      var rest = a[at];
      for (var k = 0u; k < j; k++) { rest -= out[entryOf(i, k) * rows + row] * out[entryOf(j, k) * rows + row]; }
      if (i == j) { out[at] = pivotOf(rest); } else { out[at] = div32(rest, out[entryOf(j, j) * rows + row]); }
    }
  }
}
`;

// The steps of the factorisation in reverse, last entry first, each statement replaced by its adjoint: when the sweep reaches L_ij,
// its remaining cotangent divided by L_jj is the cotangent of A_ij.
const backward = wgsl`${entryOf}
override N: u32;

fn work(row: u32, rows: u32, item: u32) {
  for (var e = 0u; e < entryOf(N, 0u); e++) { out[e * rows + row] = g[e * rows + row]; }
  for (var up = 0u; up < N; up++) {
    let i = N - 1u - up;
    for (var left = 0u; left <= i; left++) {
      let j = i - left;
      let at = entryOf(i, j) * rows + row;
      let diagonal = entryOf(j, j) * rows + row;
      var s = div32(out[at], l[diagonal]);
      if (i == j) {
        s *= 0.5;
      } else {
        out[diagonal] -= s * l[at];
      }
      out[at] = s;
      // For i = j both are the same: this subtracts twice, as the derivative of a square requires.
      for (var k = 0u; k < j; k++) { out[entryOf(i, k) * rows + row] -= s * l[entryOf(j, k) * rows + row]; }
      for (var k = 0u; k < j; k++) { out[entryOf(j, k) * rows + row] -= s * l[entryOf(i, k) * rows + row]; }
    }
  }
}
`;

const perSample =
  (inputs: readonly string[], code: string): MakeKernels =>
  (record, plan) => [
    rowKernel(record, plan, { inputs, constants: { N: packedOrder(operands(record, plan)[0].cols) }, code }),
  ];

export const choleskyKernels: Readonly<Record<"cholesky" | "choleskyGrad", MakeKernels>> = {
  cholesky: perSample(["a"], forward),
  choleskyGrad: perSample(["l", "g"], backward),
};
