/** Shape rules of ops with sparse matrices: fixed ones, and for each sample a symmetric one by its entries on one pattern. */
import type { SparseMatrix } from "../sparse/matrix.ts";
import type { SparsePattern } from "../sparse/pattern.ts";
import type { SparseName } from "./names.ts";
import { fail, type Rule, sameType } from "./rule.ts";
import { type Attrs, batch, type Tensor } from "./tensor.ts";

/** The pattern that an op has as its attribute. */
export const patternOf = ({ attrs }: { readonly attrs: Attrs }): SparsePattern => attrs.pattern as SparsePattern;

function expect(name: string, expected: string, fits: boolean, got: readonly Tensor[]): void {
  if (!fits) fail(name, expected, got);
  sameType(name, got);
}

/** The number of unknowns that `sparseSolve` is given, or that are wanted of it. */
export const unknownsOf = ({ n, last }: SparsePattern, part: unknown): number => (part === "last" ? last : n);

/** Right-hand sides: n unknowns, any number of sides. */
const isVectors = (x: Tensor, { n }: SparsePattern): boolean => x.cols % n === 0;
const isMatrix = (a: Tensor, { rows }: SparsePattern): boolean => a.kind === "batch" && a.cols === rows.length;

function factored(name: string, values: Tensor, factor: Tensor, pattern: SparsePattern): void {
  const fits = isMatrix(values, pattern) && factor.rows === values.rows && factor.cols === pattern.symbolic.factorSize;
  expect(name, `entries (B, ${pattern.rows.length}) and their factor by sparseCholesky`, fits, [values, factor]);
}

/** The rows of the table. */
export const sparseRules: Readonly<Record<SparseName, Rule>> = {
  /** A fixed sparse matrix, {matrix}: (B, F) → (B, G). */
  linearMap: {
    shape: ([x], { matrix }, name) => {
      const { inputs, outputs } = matrix as SparseMatrix;
      expect(name, `a batch (B, ${inputs})`, x.kind === "batch" && x.cols === inputs, [x]);
      return batch(outputs, x.dtype, x.rows);
    },
    flops: (node, rows) => 2 * node.rows * rows * (node.attrs.matrix as SparseMatrix).index.length,
  },
  /** A x, {pattern}. */
  sparseMul: {
    shape: ([a, x], attrs, name) => {
      const pattern = patternOf({ attrs });
      const fits = isMatrix(a, pattern) && x.kind === "batch" && x.rows === a.rows && isVectors(x, pattern);
      expect(name, `entries (B, ${pattern.rows.length}) and vectors (B, ${pattern.n} · width)`, fits, [a, x]);
      return batch(x.cols, x.dtype, x.rows);
    },
    flops: (node, rows) => (4 * node.rows * rows * patternOf(node).rows.length * node.cols) / patternOf(node).n,
  },
  /** a bᵀ + b aᵀ on the pattern, a b on its diagonal, {pattern}. */
  sparseOuter: {
    shape: ([a, b], attrs, name) => {
      const pattern = patternOf({ attrs });
      const fits = a.kind === "batch" && b.kind === "batch" && a.rows === b.rows && a.cols === b.cols;
      expect(name, `two batches (B, ${pattern.n} · width)`, fits && isVectors(a, pattern), [a, b]);
      return batch(pattern.rows.length, a.dtype, a.rows);
    },
    flops: (node, rows) => (4 * node.rows * rows * node.cols * node.inputs[0].cols) / patternOf(node).n,
  },
  /** The factor of A = L Lᵀ, {pattern}: opaque, read only by the ops below. */
  sparseCholesky: {
    shape: ([a, coefficients], attrs, name) => {
      const pattern = patternOf({ attrs });
      expect(name, `entries (B, ${pattern.rows.length})`, isMatrix(a, pattern), [a]);
      if (coefficients !== undefined)
        expect(name, "a batch of coefficients beside the entries", coefficients.rows === a.rows, [a, coefficients]);
      return batch(pattern.symbolic.factorSize, a.dtype, a.rows);
    },
    flops: (node, rows) => 2 * node.rows * rows * patternOf(node).symbolic.products,
  },
  /** x = A⁻¹ b, {pattern, given, wanted}: b is 0, or x is wanted, but for the last unknowns of the pattern, where these are "last". */
  sparseSolve: {
    shape: ([a, factor, b], attrs, name) => {
      const pattern = patternOf({ attrs });
      factored(name, a, factor, pattern);
      const [from, to] = [unknownsOf(pattern, attrs.given), unknownsOf(pattern, attrs.wanted)];
      const fits = b.cols % from === 0 && b.rows === (b.kind === "batch" ? a.rows : 1);
      expect(name, `right-hand sides (B, ${from} · width)`, fits, [a, b]);
      // Single precision needs a step of refinement, which takes all unknowns.
      expect(name, "double precision for the last unknowns alone", a.dtype === "f64" || from + to === 2 * pattern.n, [
        a,
      ]);
      return batch((b.cols / from) * to, a.dtype, a.rows);
    },
    flops: (node, rows) => {
      const { n, last, symbolic } = patternOf(node);
      const { given, wanted } = node.attrs;
      const share = (part: unknown): number =>
        part === "last" ? Math.min(1, (last * last) / (2 * symbolic.entries)) : 1;
      const width = node.cols / (wanted === "last" ? last : n);
      return 2 * node.rows * rows * symbolic.entries * width * (share(given) + share(wanted));
    },
  },
  /** log det A, {pattern}. */
  sparseLogDet: {
    shape: ([a, factor], attrs, name) => {
      factored(name, a, factor, patternOf({ attrs }));
      return batch(1, a.dtype, a.rows);
    },
    flops: (node, rows) => 15 * node.rows * rows * patternOf(node).n,
  },
  /** Entries of A⁻¹ on the pattern, those off the diagonal twice, {pattern}. */
  sparseInverse: {
    shape: ([a, factor], attrs, name) => {
      factored(name, a, factor, patternOf({ attrs }));
      return batch(a.cols, a.dtype, a.rows);
    },
    flops: (node, rows) => 4 * node.rows * rows * patternOf(node).symbolic.products,
  },
};
