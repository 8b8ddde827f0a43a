/** Rows of the table of ops for packed lower triangles, one a sample: entry (i, j) is feature i(i + 1)/2 + j. */
import { choleskyGrad, neg, outerTril, triMul, triSolve } from "./build.ts";
import { choleskyGradVjp } from "./linear.ts";
import type { OpRow } from "./ops.ts";
import { elements, fail, onBatch, sameType } from "./shapes.ts";
import { type Attrs, batch, packed, packedOrder, type Shape, type Tensor } from "./tensor.ts";

/** Order n of the triangle in `tri` (B, n(n+1)/2) against vectors (B, n). */
function triangle(name: string, tri: Tensor, x: Tensor): Shape {
  const dtype = sameType(name, [tri, x]);
  if (tri.kind !== "batch" || x.kind !== "batch" || tri.rows !== x.rows || tri.cols !== packed(x.cols)) {
    fail(name, "a packed triangle (B, n(n+1)/2) and vectors (B, n)", [tri, x]);
  }
  return batch(x.cols, dtype, x.rows);
}
const triangleFlops = (t: Tensor, n: number): number => t.rows * n * t.cols * t.cols;

/** Packed triangles of one order, as many as there are inputs. */
function triangles(inputs: readonly Tensor[], _attrs: Attrs, name: string): Shape {
  const [a] = inputs;
  const fits = inputs.every((t) => t.kind === "batch" && t.rows === a.rows && t.cols === a.cols);
  if (!fits || packedOrder(a.cols) < 1) fail(name, "packed triangles (B, n(n+1)/2)", inputs);
  return batch(a.cols, sameType(name, inputs), a.rows);
}
/** n³/3 for a factor of order n, `times` of them. */
const choleskyFlops =
  (times: number) =>
  (t: Tensor, rows: number): number => {
    const n = packedOrder(t.cols);
    return Math.round((times * t.rows * rows * n * n * n) / 3);
  };

type TriangleOpName = "triMul" | "triSolve" | "outerTril" | "cholesky" | "choleskyGrad";

export const triangleOps: Readonly<Record<TriangleOpName, OpRow>> = {
  /** L x, or Lᵀ x when {transpose}. */
  triMul: {
    shape: ([l, x], _a, name) => triangle(name, l, x),
    vjp: (g, { inputs: [l, x], attrs: { transpose } }) => [
      transpose ? outerTril(x, g) : outerTril(g, x),
      triMul(l, g, { transpose: !transpose }),
    ],
    flops: triangleFlops,
  },
  /** L⁻¹ x, or L⁻ᵀ x when {transpose}. */
  triSolve: {
    shape: ([l, x], _a, name) => triangle(name, l, x),
    vjp: (g, node) => {
      const transpose = node.attrs.transpose as boolean;
      const dx = triSolve(node.inputs[0], g, { transpose: !transpose });
      return [neg(transpose ? outerTril(node, dx) : outerTril(dx, node)), dx];
    },
    flops: triangleFlops,
  },
  /** The packed lower triangle of a bᵀ. */
  outerTril: {
    shape: ([a, b], _a, name) => {
      if (a.cols !== b.cols || a.rows !== b.rows || b.kind !== "batch") fail(name, "two batches (B, n)", [a, b]);
      return batch(packed(a.cols), sameType(name, [a, b]), onBatch(name, a).rows);
    },
    vjp: (g, { inputs: [a, b] }) => [triMul(g, b), triMul(g, a, { transpose: true })],
    flops: (t, n) => elements(t, n),
  },
  /**
   * The factor L of a symmetric positive-definite matrix A = L Lᵀ, both packed. An entry below the diagonal stands for
   * itself and for its mirror image. A pivot that is not positive makes NaN of it and of what follows in that sample.
   */
  cholesky: {
    shape: triangles,
    vjp: (g, node) => [choleskyGrad(node, g)],
    flops: choleskyFlops(1),
  },
  /** The cotangent of A from L and the cotangent of L (Murray, arXiv 1602.07527), packed alike. */
  choleskyGrad: {
    shape: triangles,
    vjp: (g, { inputs: [l, cotangent] }) => choleskyGradVjp(g, l, cotangent),
    flops: choleskyFlops(2),
  },
};
