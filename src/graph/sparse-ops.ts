/** Rows of the table of ops for sparse matrices: fixed ones, and symmetric ones a sample given by entries of one pattern. */
import type { SparseMatrix } from "../sparse/matrix.ts";
import { transposed } from "../sparse/matrix.ts";
import type { SparsePattern } from "../sparse/pattern.ts";
import { linearMap, mul, neg, sparseInverse, sparseMul, sparseOuter, sparseSolve } from "./build.ts";
import type { OpRow } from "./ops.ts";
import { type Attrs, batch, type Shape, show, type Tensor } from "./tensor.ts";

const patternOf = (attrs: Attrs): SparsePattern => attrs.pattern as SparsePattern;

function expect(name: string, expected: string, fits: boolean, got: readonly Tensor[]): void {
  if (!fits) throw new Error(`${name}: expected ${expected}, got ${got.map(show).join(" and ")}`);
  const odd = got.find((t) => t.dtype !== got[0].dtype);
  if (odd) throw new Error(`${name}: expected one type, got ${got.map((t) => t.dtype).join(", ")}; use cast`);
}

/** Right-hand sides: n unknowns, any number of sides. */
const isVectors = (x: Tensor, { n }: SparsePattern): boolean => x.cols % n === 0;
const isMatrix = (a: Tensor, { rows }: SparsePattern): boolean => a.kind === "batch" && a.cols === rows.length;

function factored(name: string, values: Tensor, factor: Tensor, pattern: SparsePattern): void {
  const fits = isMatrix(values, pattern) && factor.rows === values.rows && factor.cols === pattern.symbolic.factorSize;
  expect(name, `entries (B, ${pattern.rows.length}) and their factor by sparseCholesky`, fits, [values, factor]);
}

type SparseOpName =
  | "linearMap"
  | "sparseMul"
  | "sparseOuter"
  | "sparseCholesky"
  | "sparseSolve"
  | "sparseLogDet"
  | "sparseInverse";

export const sparseOps: Readonly<Record<SparseOpName, OpRow>> = {
  /** A fixed sparse matrix, {matrix}: (B, F) → (B, G). */
  linearMap: {
    shape: ([x], { matrix }, name): Shape => {
      const { inputs, outputs } = matrix as SparseMatrix;
      expect(name, `a batch (B, ${inputs})`, x.kind === "batch" && x.cols === inputs, [x]);
      return batch(outputs, x.dtype, x.rows);
    },
    vjp: (g, { attrs }) => [linearMap(g, transposed(attrs.matrix as SparseMatrix))],
    flops: (node, n) => 2 * node.rows * n * (node.attrs.matrix as SparseMatrix).index.length,
  },
  /** A x, {pattern}. */
  sparseMul: {
    shape: ([a, x], attrs, name): Shape => {
      const pattern = patternOf(attrs);
      const fits = isMatrix(a, pattern) && x.kind === "batch" && x.rows === a.rows && isVectors(x, pattern);
      expect(name, `entries (B, ${pattern.rows.length}) and vectors (B, ${pattern.n} · width)`, fits, [a, x]);
      return batch(x.cols, x.dtype, x.rows);
    },
    vjp: (g, { inputs: [a, x], attrs }) => [sparseOuter(g, x, patternOf(attrs)), sparseMul(a, g, patternOf(attrs))],
    flops: (node, n) => (4 * node.rows * n * patternOf(node.attrs).rows.length * node.cols) / patternOf(node.attrs).n,
  },
  /** a bᵀ + b aᵀ on the pattern, a b on its diagonal, {pattern}. */
  sparseOuter: {
    shape: ([a, b], attrs, name): Shape => {
      const pattern = patternOf(attrs);
      const fits = a.kind === "batch" && b.kind === "batch" && a.rows === b.rows && a.cols === b.cols;
      expect(name, `two batches (B, ${pattern.n} · width)`, fits && isVectors(a, pattern), [a, b]);
      return batch(pattern.rows.length, a.dtype, a.rows);
    },
    vjp: (g, { inputs: [a, b], attrs }) => [sparseMul(g, b, patternOf(attrs)), sparseMul(g, a, patternOf(attrs))],
    flops: (node, n) => (4 * node.rows * n * node.cols * node.inputs[0].cols) / patternOf(node.attrs).n,
  },
  /**
   * The factor of A = L Lᵀ, {pattern}: opaque, and no gradient flows through it, since what is made with it depends on the
   * entries of A as their own input.
   */
  sparseCholesky: {
    shape: ([a, elements], attrs, name): Shape => {
      const pattern = patternOf(attrs);
      expect(name, `entries (B, ${pattern.rows.length})`, isMatrix(a, pattern), [a]);
      if (elements !== undefined)
        expect(name, "a batch of coefficients beside the entries", elements.rows === a.rows, [a, elements]);
      return batch(pattern.symbolic.factorSize, a.dtype, a.rows);
    },
    flops: (node, n) => 2 * node.rows * n * patternOf(node.attrs).symbolic.products,
  },
  /** x = A⁻¹ b, {pattern}: dx = A⁻¹ (db − dA x), so that with λ = A⁻¹ g the cotangents are −(λ xᵀ + x λᵀ) and λ. */
  sparseSolve: {
    shape: ([a, factor, b], attrs, name): Shape => {
      const pattern = patternOf(attrs);
      factored(name, a, factor, pattern);
      const fits = isVectors(b, pattern) && b.rows === (b.kind === "batch" ? a.rows : 1);
      expect(name, `right-hand sides (B, ${pattern.n} · width)`, fits, [a, b]);
      return batch(b.cols, a.dtype, a.rows);
    },
    vjp: (g, node) => {
      const [a, factor] = node.inputs;
      const pattern = patternOf(node.attrs);
      const lambda = sparseSolve(a, factor, g, pattern);
      return [neg(sparseOuter(lambda, node, pattern)), null, lambda];
    },
    flops: (node, n) =>
      (4 * node.rows * n * patternOf(node.attrs).symbolic.entries * node.cols) / patternOf(node.attrs).n,
  },
  /** log det A, {pattern}. */
  sparseLogDet: {
    shape: ([a, factor], attrs, name): Shape => {
      factored(name, a, factor, patternOf(attrs));
      return batch(1, a.dtype, a.rows);
    },
    vjp: (g, { inputs: [a, factor], attrs }) => [mul(sparseInverse(a, factor, patternOf(attrs)), g), null],
    flops: (node, n) => 15 * node.rows * n * patternOf(node.attrs).n,
  },
  /** Entries of A⁻¹ on the pattern, those off the diagonal twice, {pattern}. */
  sparseInverse: {
    shape: ([a, factor], attrs, name): Shape => {
      factored(name, a, factor, patternOf(attrs));
      return batch(a.cols, a.dtype, a.rows);
    },
    vjp: () => {
      throw new Error("sparseLogDet: expected at most one derivative; second derivatives of it are not defined here");
    },
    flops: (node, n) => 4 * node.rows * n * patternOf(node.attrs).symbolic.products,
  },
};
