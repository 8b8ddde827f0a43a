/** Vector-Jacobian products of ops with sparse matrices. */
import { type SparseMatrix, transposed } from "../sparse/matrix.ts";
import { linearMap, mul, neg, type SolvePart, sparseInverse, sparseMul, sparseOuter, sparseSolve } from "./build.ts";
import type { SparseName } from "./names.ts";
import { patternOf } from "./sparse-rules.ts";
import type { Vjp } from "./vjp.ts";

/** The rows of the table. */
export const sparseVjps: Readonly<Record<SparseName, Vjp | null>> = {
  linearMap: (g, { attrs }) => [linearMap(g, transposed(attrs.matrix as SparseMatrix))],
  sparseMul: (g, node) => {
    const [a, x] = node.inputs;
    return [sparseOuter(g, x, patternOf(node)), sparseMul(a, g, patternOf(node))];
  },
  sparseOuter: (g, node) => {
    const [a, b] = node.inputs;
    return [sparseMul(g, b, patternOf(node)), sparseMul(g, a, patternOf(node))];
  },
  /** Ops that read a factor take the entries of A as an input of their own: gradients flow through those. */
  sparseCholesky: null,
  /**
   * dx = A⁻¹ (db − dA x), so that with λ = A⁻¹ g the cotangents are −(λ xᵀ + x λᵀ) and λ. Where g or b are of the last unknowns,
   * λ and x are found for all of them by half of the substitutions.
   */
  sparseSolve: (g, node) => {
    const [a, factor, b] = node.inputs;
    const pattern = patternOf(node);
    const { given, wanted } = node.attrs as SolvePart;
    const lambda = sparseSolve(a, factor, g, pattern, { given: wanted });
    const x = wanted === "last" ? sparseSolve(a, factor, b, pattern, { given }) : node;
    const ofB = given === "last" ? sparseSolve(a, factor, g, pattern, { given: wanted, wanted: given }) : lambda;
    return [neg(sparseOuter(lambda, x, pattern)), null, ofB];
  },
  sparseLogDet: (g, node) => {
    const [a, factor] = node.inputs;
    return [mul(sparseInverse(a, factor, patternOf(node)), g), null];
  },
  sparseInverse: () => {
    throw new Error("sparseLogDet: expected at most one derivative; second derivatives of it are not defined here");
  },
};
