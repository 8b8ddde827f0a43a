/** Vector-Jacobian products of ops on packed lower triangles. */
import { add, choleskyGrad, columns, concat, mul, neg, outerTril, triMul, triSolve } from "./build.ts";
import type { TriangleName } from "./names.ts";
import { columnOf, packedOrder, type Tensor } from "./tensor.ts";
import type { Vjp } from "./vjp.ts";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * The cotangent of A from L and the cotangent G of L, as `choleskyGrad` computes it in one step: the lower triangle of S + Sᵀ
 * with a single diagonal, S = L⁻ᵀ Φ(Lᵀ G) L⁻¹, Φ the lower triangle with its diagonal halved (Murray, arXiv
 * 1602.07527). About 5 n nodes, all of which have derivatives.
 */
function choleskyGradByColumns(l: Tensor, g: Tensor): Tensor {
  const n = packedOrder(l.cols);
  const solve = (x: Tensor): Tensor => triSolve(l, x, { transpose: true });
  const phi = (c: number): Tensor => {
    const mask = range(n).map((i) => (i < c ? 0 : i === c ? 0.5 : 1));
    return mul(triMul(l, columns(g, columnOf(n, c)), { transpose: true }), mask);
  };
  const left = concat(...range(n).map((c) => solve(phi(c)))); // entry (i, c) at c n + i
  const row = (i: number): number[] => range(n).map((c) => c * n + i);
  const s = concat(...range(n).map((i) => solve(columns(left, row(i))))); // entry (i, j) at i n + j
  const pairs = range(n).flatMap((i) => range(i + 1).map((j) => [i, j]));
  const lower = pairs.map(([i, j]) => i * n + j);
  const mirrored = pairs.map(([i, j]) => (i === j ? -1 : j * n + i));
  return add(columns(s, lower), columns(s, mirrored));
}

export const triangleVjps: Readonly<Record<TriangleName, Vjp>> = {
  triMul: (g, { inputs: [l, x], attrs: { transpose } }) => [
    transpose ? outerTril(x, g) : outerTril(g, x),
    triMul(l, g, { transpose: !transpose }),
  ],
  triSolve: (g, node) => {
    const transpose = node.attrs.transpose as boolean;
    const dx = triSolve(node.inputs[0], g, { transpose: !transpose });
    return [neg(transpose ? outerTril(node, dx) : outerTril(dx, node)), dx];
  },
  outerTril: (g, { inputs: [a, b] }) => [triMul(g, b), triMul(g, a, { transpose: true })],
  cholesky: (g, node) => [choleskyGrad(node, g)],
  /**
   * The step written out has derivatives of all orders. G mostly depends on L; the cotangent that flows back that way is not
   * this node's, so both enter as copies (which the simplifier removes).
   */
  choleskyGrad: (g, { inputs }, grad) => {
    const copies = inputs.map((t) => columns(t, range(t.cols)));
    return grad(choleskyGradByColumns(copies[0], copies[1]), copies, g);
  },
};
