/**
 * Reverse-mode differentiation: the reverse sweep builds more graph.
 *
 *   x̄_i = Σ over uses of x_i of vjp_i(ȳ),   Griewank & Walther, Evaluating Derivatives, 2nd ed., §3.2
 *
 * Forward mode is its transpose: J t is the gradient by v of tᵀ(Jᵀ v), which is linear in v, so that v itself drops out.
 */
import { apply } from "./apply.ts";
import { add, batchSum, constant, mul, ones, rowWeight, sumFeatures } from "./build.ts";
import { sameShape, show, type Tensor, topological } from "./tensor.ts";
import { vjps } from "./vjps.ts";

/** Undoes broadcasting: sums a cotangent to the shape of the operand. */
function reduceTo(g: Tensor, target: Tensor): Tensor {
  let out = g;
  const scalar = target.kind === "param" && target.rows === 1 && target.cols === 1;
  if (target.cols === 1 && (out.cols > 1 || (scalar && out.kind === "param"))) out = sumFeatures(out);
  if (target.kind === "param" && out.kind === "batch") out = batchSum(out);
  if (!sameShape(out, target)) throw new Error(`internal: cotangent ${show(out)} for a tensor ${show(target)}`);
  return out;
}

/**
 * Gradients of `output` with respect to each of `wrt`; null where it does not depend on one.
 * For a batch output (B, 1), the gradient of a batch is row by row, and the gradient of a param is that of the sum over the
 * batch. A param output must be (1, 1). With `seed`, the cotangent of the output, any shape will do.
 * @throws when there is no seed and the output is not a column or a scalar.
 */
export function grad(output: Tensor, wrt: readonly Tensor[], seed?: Tensor): (Tensor | null)[] {
  if (seed === undefined && output.cols !== 1)
    throw new Error(`grad: expected a scalar (B, 1) or (1, 1), got ${show(output)}`);
  const order = topological([output]);
  const needed = new Set<Tensor>(wrt);
  for (const node of order) if (node.inputs.some((t) => needed.has(t)) && vjps[node.op]) needed.add(node);
  const cotangents = new Map<Tensor, Tensor>();
  // Rows that pad a block must not reach a sum over the batch.
  const column = wrt.some((t) => t.kind === "param") ? rowWeight : ones;
  cotangents.set(
    output,
    seed ?? (output.kind === "batch" ? column(output.dtype, output.rows) : constant(1, output.dtype)),
  );
  for (const node of order.reverse()) {
    const g = cotangents.get(node);
    const vjp = vjps[node.op];
    if (g === undefined || vjp === null || !needed.has(node)) continue;
    const wants = (i: number): boolean => needed.has(node.inputs[i]);
    vjp(g, node, grad, wants).forEach((cotangent, i) => {
      const target = node.inputs[i];
      if (cotangent === null || !needed.has(target)) return;
      const reduced = reduceTo(cotangent, target);
      const before = cotangents.get(target);
      cotangents.set(target, before === undefined ? reduced : add(before, reduced));
    });
  }
  return wrt.map((t) => cotangents.get(t) ?? null);
}

/** A leaf of the shape of `output`, which stands for any cotangent of it. */
const anyCotangent = ({ op, kind, rows, cols, dtype }: Tensor): Tensor =>
  apply(kind === "batch" ? "input" : "param", [], { name: `cotangent of ${op}`, rows, cols, dtype });

/** The map t ↦ J t for J = ∂output/∂wrt; it sweeps back to `wrt` once. Null when `output` does not depend on `wrt`. */
function pushForward(output: Tensor, wrt: Tensor): ((tangent: Tensor) => Tensor) | null {
  const v = anyCotangent(output);
  const [pulled] = grad(output, [wrt], v);
  if (pulled === null) return null;
  return (tangent) => {
    if (!sameShape(tangent, wrt) || tangent.dtype !== wrt.dtype)
      throw new Error(`jvp: expected a tangent ${show(wrt)} ${wrt.dtype}, got ${show(tangent)} ${tangent.dtype}`);
    const [pushed] = grad(pulled, [v], tangent);
    if (pushed === null || topological([pushed]).includes(v))
      throw new Error("internal: a vector-Jacobian product is not linear in its cotangent");
    return pushed;
  };
}

/** Zeros in the shape and type of a tensor. */
const zerosLike = ({ kind, rows, cols, dtype }: Tensor): Tensor => {
  const zeros = constant(new Float64Array(kind === "batch" ? cols : rows * cols), dtype, kind === "batch" ? 1 : rows);
  return kind === "batch" ? mul(ones(dtype, rows), zeros) : zeros;
};

/**
 * Jacobian-vector product (∂output/∂wrt) · tangent, of the shape of `output`; `tangent` has the shape and type of `wrt`.
 * If both are batches, each row has its own Jacobian.
 * @throws when the tangent has another shape or type.
 */
export const jvp = (output: Tensor, wrt: Tensor, tangent: Tensor): Tensor =>
  pushForward(output, wrt)?.(tangent) ?? zerosLike(output);

/** Row i of the identity, for each row of a batch. */
const unit = (t: Tensor, i: number): Tensor =>
  mul(
    ones(t.dtype, t.rows),
    constant(
      Array.from({ length: t.cols }, (_, c) => Number(c === i)),
      t.dtype,
    ),
  );

/** One Jacobian for each row of the batch, (B, M) by (B, D), as the list of its columns or of its rows. */
export interface Jacobian {
  /** `columns`: D tensors (B, M), ∂output/∂x_d. `rows`: M tensors (B, D), ∂output_m/∂x. */
  readonly by: "columns" | "rows";
  readonly parts: readonly Tensor[];
}

/**
 * The Jacobian of each row, output (B, M) by x (B, D), with one evaluation of the output and D sweeps forward or M sweeps
 * backward, whichever is fewer.
 * @throws unless both are batches of one row count.
 */
export function jacobian(output: Tensor, x: Tensor): Jacobian {
  if (output.kind !== "batch" || x.kind !== "batch" || output.rows !== x.rows)
    throw new Error(`jacobian: expected batches (B, M) and (B, D), got ${show(output)} and ${show(x)}`);
  const each = (t: Tensor, part: (seed: Tensor) => Tensor): Tensor[] =>
    Array.from({ length: t.cols }, (_, i) => part(unit(t, i)));
  if (output.cols < x.cols)
    return { by: "rows", parts: each(output, (seed) => grad(output, [x], seed)[0] ?? zerosLike(x)) };
  const push = pushForward(output, x);
  return { by: "columns", parts: each(x, (seed) => push?.(seed) ?? zerosLike(output)) };
}

/**
 * The columns (B, D) of the Hessian of each row, value (B, 1) by x (B, D): the Jacobian of the gradient, and through loops, whose
 * gradients have no second derivative, the gradients of Jacobian-vector products.
 */
export function hessian(value: Tensor, x: Tensor): readonly Tensor[] {
  if (!topological([value]).some(({ op }) => op === "scan"))
    return jacobian(grad(value, [x])[0] ?? zerosLike(x), x).parts;
  const push = pushForward(value, x);
  return Array.from({ length: x.cols }, (_, i) => (push && grad(push(unit(x, i)), [x])[0]) ?? zerosLike(x));
}

/** Gradients of a scalar param by all trained weights, by name; last layer first, so that a weight's gradient is formed while its cotangent is still in cache. */
export function gradientsOf(loss: Tensor): ReadonlyMap<string, Tensor> {
  const leaves = topological([loss]).filter((t) => t.op === "param" && !t.attrs.frozen);
  const gradients = new Map<string, Tensor>();
  grad(loss, leaves).forEach((g, i) => {
    if (g === null) return;
    const name = leaves[i].attrs.name as string;
    if (gradients.has(name)) throw new Error(`internal: weights "${name}" traced twice`);
    gradients.set(name, g);
  });
  return new Map([...gradients].reverse());
}
