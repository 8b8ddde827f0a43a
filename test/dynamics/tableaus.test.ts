/**
 * Order conditions by rooted trees (Butcher; Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, §II.2): a method has
 * order p if, for all trees τ of at most p nodes,
 *
 *   Σ_i b_i Φ_i(τ) = 1/γ(τ),   Φ_i(τ) = Π_children Σ_j a_ij Φ_j(child),   γ(τ) = |τ| Π_children γ(child),
 *
 * and its interpolant order q if Σ_i w_i(θ) Φ_i(τ) = θ^|τ| / γ(τ) up to q nodes. For Rosenbrock methods α_ij + γ_ij stands in
 * place of a_ij at nodes with one child, α_ij at others (Hairer & Wanner, volume II, §IV.7).
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dopri5Tableau, rk4Tableau, type Tableau, tsit5Tableau } from "../../src/dynamics/explicit.ts";
import { rosenbrock, rosenbrockTables } from "../../src/dynamics/rosenbrock.ts";

interface Tree {
  readonly nodes: number;
  readonly children: readonly Tree[];
}

/** Multisets of trees with so many nodes in all, from a list of them. */
function forests(trees: readonly Tree[], nodes: number, from = 0): Tree[][] {
  if (nodes === 0) return [[]];
  const out: Tree[][] = [];
  for (let i = from; i < trees.length; i++)
    if (trees[i].nodes <= nodes)
      out.push(...forests(trees, nodes - trees[i].nodes, i).map((rest) => [trees[i], ...rest]));
  return out;
}

/** All rooted trees of at most so many nodes: 1, 1, 2, 4, 9 of them with 1 … 5 nodes. */
function treesUpTo(most: number): Tree[] {
  const trees: Tree[] = [];
  for (let nodes = 1; nodes <= most; nodes++)
    trees.push(...forests(trees, nodes - 1).map((children) => ({ nodes, children })));
  return trees;
}

const density = ({ nodes, children }: Tree): number => children.reduce((product, c) => product * density(c), nodes);

type Matrix = readonly (readonly number[])[];
const times = (a: Matrix, x: readonly number[]): number[] =>
  a.map((row) => row.reduce((sum, v, j) => sum + v * x[j], 0));

/** Φ (s) of a tree; `one` stands at nodes with one child. */
function weightsOf(tree: Tree, a: Matrix, one: Matrix): number[] {
  const matrix = tree.children.length === 1 ? one : a;
  return tree.children
    .map((child) => times(matrix, weightsOf(child, a, one)))
    .reduce((product, factor) => product.map((v, i) => v * factor[i]), new Array<number>(a.length).fill(1));
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
const five = treesUpTo(5);
const upTo = (order: number): Tree[] => five.filter(({ nodes }) => nodes <= order);

/** Coefficients are printed with 16 digits, and terms are up to 100 in size. */
const ROUNDING = 1e-13;

/** The tableau with its last stage, at the end of the step. */
function whole({ a, b, c }: Tableau): { a: Matrix; c: readonly number[] } {
  const rows = [...a, b].map((row) => c.map((_, j) => row[j] ?? 0));
  return { a: rows, c };
}

test("there are 17 rooted trees of at most five nodes", () => assert.is(five.length, 17));

for (const tableau of [tsit5Tableau, dopri5Tableau, rk4Tableau]) {
  const { name, order, within, b, error, weights } = tableau;
  const { a, c } = whole(tableau);

  test(`the nodes of ${name} are the sums of its rows`, () => {
    a.forEach((row, i) => {
      assert.ok(Math.abs(row.reduce((sum, x) => sum + x, 0) - c[i]) < ROUNDING, `node ${i}`);
    });
  });

  test(`${name} fulfils the conditions of order ${order}`, () => {
    for (const tree of upTo(order)) {
      const got = dot([...b, 0], weightsOf(tree, a, a));
      assert.ok(Math.abs(got * density(tree) - 1) < ROUNDING * density(tree), `${got}, expected 1/${density(tree)}`);
    }
  });

  test(`the interpolant of ${name} fulfils the conditions of order ${within} and ends where the step does`, () => {
    for (const x of [0.1, 0.37, 0.5, 0.8, 1])
      for (const tree of upTo(within)) {
        const [got, want] = [dot(weights(x), weightsOf(tree, a, a)), x ** tree.nodes / density(tree)];
        assert.ok(Math.abs(got - want) < ROUNDING, `${got}, expected ${want} at ${x}`);
      }
    weights(1).forEach((w, i) => {
      assert.ok(Math.abs(w - (b[i] ?? 0)) < ROUNDING, `weight ${i}: ${w}`);
    });
    assert.ok(weights(0).every((w) => Math.abs(w) < ROUNDING));
  });

  test(`the estimate of the error of ${name} is of order ${order - 1}, and no higher`, () => {
    const values = upTo(order).map((tree) => ({ tree, value: dot(error, weightsOf(tree, a, a)) }));
    for (const { tree, value } of values)
      if (tree.nodes < order) assert.ok(Math.abs(value) < ROUNDING, `${value} with ${tree.nodes} nodes`);
    assert.ok(values.some(({ tree, value }) => tree.nodes === order && Math.abs(value) > 1e-4));
  });
}

/** The inverse of a lower triangle. */
function inverse(l: Matrix): number[][] {
  const n = l.length;
  const out = l.map((_, i) => l.map((_row, j) => Number(i === j)));
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      for (let k = j; k < i; k++) out[i][j] -= l[i][k] * out[k][j];
      out[i][j] /= l[i][i];
    }
  return out;
}

test("the Rosenbrock method fulfils the conditions of order 4, its embedded one and its interpolant those of order 3", () => {
  const { gamma, a, c, nodes, drifts } = rosenbrockTables;
  const n = a.length;
  const square = (rows: Matrix): number[][] => rows.map((row) => Array.from({ length: n }, (_, j) => row[j] ?? 0));
  const product = (x: Matrix, y: Matrix): number[][] =>
    x.map((row) => row.map((_, j) => row.reduce((sum, v, k) => sum + v * y[k][j], 0)));
  // V = Γ K undoes the transformation: Γ⁻¹ = 1/γ − C, α = A Γ, b = m Γ.
  const g = inverse(square(c).map((row, i) => row.map((x, j) => (i === j ? 1 / gamma : -x))));
  const alpha = product(square(a), g);
  const beta = alpha.map((row, i) => row.map((x, j) => x + g[i][j]));
  const back = (weights: readonly number[]): number[] => product([weights], g)[0];
  const residual = (weights: readonly number[], tree: Tree, want: number): number =>
    Math.abs(dot(back(weights), weightsOf(tree, alpha, beta)) - want);
  const embedded = rosenbrock.step.map((m, i) => m - rosenbrock.error[i]);
  for (const tree of upTo(4)) assert.ok(residual(rosenbrock.step, tree, 1 / density(tree)) < 1e-12);
  for (const tree of upTo(3)) {
    assert.ok(residual(embedded, tree, 1 / density(tree)) < 1e-12);
    for (const x of [0.2, 0.5, 0.9])
      assert.ok(residual(rosenbrock.weights(x), tree, x ** tree.nodes / density(tree)) < 1e-12);
  }
  const sum = (row: readonly number[]): number => row.reduce((total, x) => total + x, 0);
  for (let i = 0; i < n; i++) {
    assert.ok(Math.abs(sum(alpha[i]) - nodes[i]) < 1e-12);
    assert.ok(Math.abs(sum(g[i]) - drifts[i]) < 1e-12);
  }
});

test.run();
