/** Shape rules of ops on packed lower triangles, one for each sample: entry (i, j) is feature i(i + 1)/2 + j. */
import type { TriangleName } from "./names.ts";
import { elements, fail, onBatch, type Rule, sameType } from "./rule.ts";
import { batch, packed, packedOrder, type Tensor } from "./tensor.ts";

/** A triangle (B, n(n+1)/2) times or into vectors (B, n). */
const ofVectors: Rule = {
  shape: ([l, x], _attrs, name) => {
    const dtype = sameType(name, [l, x]);
    if (l.kind !== "batch" || x.kind !== "batch" || l.rows !== x.rows || l.cols !== packed(x.cols))
      fail(name, "a packed triangle (B, n(n+1)/2) and vectors (B, n)", [l, x]);
    return batch(x.cols, dtype, x.rows);
  },
  flops: (node, rows) => node.rows * rows * node.cols * node.cols,
};

/** Packed triangles of one order, as many as there are inputs; `times` n³/3 operations for order n. */
const ofTriangles = (times: number): Rule => ({
  shape: (inputs: readonly Tensor[], _attrs, name) => {
    const [a] = inputs;
    const fits = inputs.every((t) => t.kind === "batch" && t.rows === a.rows && t.cols === a.cols);
    if (!fits || packedOrder(a.cols) < 1) fail(name, "packed triangles (B, n(n+1)/2)", inputs);
    return batch(a.cols, sameType(name, inputs), a.rows);
  },
  flops: (node, rows) => {
    const n = packedOrder(node.cols);
    return Math.round((times * node.rows * rows * n * n * n) / 3);
  },
});

export const triangleRules: Readonly<Record<TriangleName, Rule>> = {
  /** L x, or Lᵀ x when {transpose}. */
  triMul: ofVectors,
  /** L⁻¹ x, or L⁻ᵀ x when {transpose}. */
  triSolve: ofVectors,
  /** The packed lower triangle of a bᵀ. */
  outerTril: {
    shape: ([a, b], _attrs, name) => {
      if (a.cols !== b.cols || a.rows !== b.rows || b.kind !== "batch") fail(name, "two batches (B, n)", [a, b]);
      return batch(packed(a.cols), sameType(name, [a, b]), onBatch(name, a).rows);
    },
    flops: elements,
  },
  /**
   * The factor L of a symmetric positive-definite matrix A = L Lᵀ, both packed. An entry below the diagonal stands for
   * itself and for its mirror image. A pivot that is not positive makes NaN of itself and of all that follows in that sample.
   */
  cholesky: ofTriangles(1),
  /** The cotangent of A from L and the cotangent of L (Murray, arXiv 1602.07527), packed alike. */
  choleskyGrad: ofTriangles(2),
};
