/**
 * One packed lower triangle L for each sample, row after row: entry (i, j) is feature i(i + 1)/2 + j.
 *
 *   triMul  L x or Lᵀ x        triSolve  L⁻¹ x or L⁻ᵀ x, by substitution        outerTril  the lower triangle of a bᵀ
 *
 * (Golub & Van Loan, Matrix Computations, 4th ed., §3.1.) Products have a thread for each sample and row of the triangle;
 * substitution, where a row needs those before it, has one for each sample.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import type { MakeKernels } from "./kernel.ts";
import { operands } from "./kernel.ts";
import { rowKernel } from "./rows.ts";

/** Feature of an entry. */
export const entryOf = wgsl`
fn entryOf(i: u32, j: u32) -> u32 { return ((i * (i + 1u)) >> 1u) + j; }
`;

const mulCode = wgsl`${entryOf}
override N: u32;
override TRANSPOSE: bool;

fn work(row: u32, rows: u32, i: u32) {
  var sum = 0.0;
  if (TRANSPOSE) {
    for (var j = i; j < N; j++) { sum += l[entryOf(j, i) * rows + row] * x[j * rows + row]; }
  } else {
    for (var j = 0u; j <= i; j++) { sum += l[entryOf(i, j) * rows + row] * x[j * rows + row]; }
  }
  out[i * rows + row] = sum;
}
`;

const solveCode = wgsl`${entryOf}
override N: u32;
override TRANSPOSE: bool;

fn work(row: u32, rows: u32, item: u32) {
  for (var k = 0u; k < N; k++) {
    let i = select(k, N - 1u - k, TRANSPOSE);
    var rest = x[i * rows + row];
    if (TRANSPOSE) {
      for (var j = i + 1u; j < N; j++) { rest -= l[entryOf(j, i) * rows + row] * out[j * rows + row]; }
    } else {
      for (var j = 0u; j < i; j++) { rest -= l[entryOf(i, j) * rows + row] * out[j * rows + row]; }
    }
    out[i * rows + row] = div32(rest, l[entryOf(i, i) * rows + row]);
  }
}
`;

const outerCode = wgsl`${entryOf}
fn work(row: u32, rows: u32, i: u32) {
  let v = a[i * rows + row];
  for (var j = 0u; j <= i; j++) { out[entryOf(i, j) * rows + row] = v * b[j * rows + row]; }
}
`;

export const triangleKernels: Readonly<Record<"triMul" | "triSolve" | "outerTril", MakeKernels>> = {
  triMul: (record, plan) => {
    const n = operands(record, plan)[0].cols;
    const constants = { N: n, TRANSPOSE: Number(record.attrs.transpose) };
    return [rowKernel(record, plan, { inputs: ["l", "x"], constants, items: n, code: mulCode })];
  },
  triSolve: (record, plan) => {
    const constants = { N: operands(record, plan)[0].cols, TRANSPOSE: Number(record.attrs.transpose) };
    return [rowKernel(record, plan, { inputs: ["l", "x"], constants, code: solveCode })];
  },
  outerTril: (record, plan) => {
    const items = operands(record, plan)[1].cols;
    return [rowKernel(record, plan, { inputs: ["a", "b"], items, code: outerCode })];
  },
};
