/**
 * Reverse-mode differentiation: the reverse sweep builds more graph.
 *
 *   x̄_i = Σ over uses of x_i of vjp_i(ȳ),   Griewank & Walther, Evaluating Derivatives, 2nd ed., §3.2
 */
import { add, batchSum, constant, ones, rowWeight, sumFeatures } from "./build.ts";
import { ops } from "./ops.ts";
import { sameShape, show, type Tensor } from "./tensor.ts";

/** Every node that the outputs need, inputs before uses; not what `leaves` are made of. */
export function topological(outputs: readonly Tensor[], leaves: readonly Tensor[] = []): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  const stack: { node: Tensor; next: number }[] = [];
  for (const output of outputs) {
    if (!seen.has(output)) stack.push({ node: output, next: 0 });
    seen.add(output);
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next === top.node.inputs.length || leaves.includes(top.node)) {
        order.push(top.node);
        stack.pop();
        continue;
      }
      const child = top.node.inputs[top.next++];
      if (!seen.has(child)) {
        seen.add(child);
        stack.push({ node: child, next: 0 });
      }
    }
  }
  return order;
}

/** Undoes broadcasting: sums a cotangent to the shape of the operand that was spread. */
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
 * A batch output (B, 1) gives the gradient of each row by itself, and of params that of the sum over the batch; a param
 * output (1, 1) that of itself.
 * @throws when the output is not a column or a scalar.
 */
export function grad(output: Tensor, wrt: readonly Tensor[], seed?: Tensor): (Tensor | null)[] {
  if (seed === undefined && output.cols !== 1)
    throw new Error(`grad: expected a scalar (B, 1) or (1, 1), got ${show(output)}`);
  const order = topological([output]);
  const needed = new Set<Tensor>(wrt);
  for (const node of order) if (node.inputs.some((t) => needed.has(t)) && ops[node.op].vjp) needed.add(node);
  const cotangents = new Map<Tensor, Tensor>();
  // Rows that pad a block must not reach a sum over the batch.
  const column = wrt.some((t) => t.kind === "param") ? rowWeight : ones;
  cotangents.set(
    output,
    seed ?? (output.kind === "batch" ? column(output.dtype, output.rows) : constant(1, output.dtype)),
  );
  for (const node of order.reverse()) {
    const g = cotangents.get(node);
    const vjp = ops[node.op].vjp;
    if (g === undefined || vjp === undefined || !needed.has(node)) continue;
    vjp(g, node).forEach((cotangent, i) => {
      const target = node.inputs[i];
      if (cotangent === null || !needed.has(target)) return;
      const reduced = reduceTo(cotangent, target);
      const before = cotangents.get(target);
      cotangents.set(target, before === undefined ? reduced : add(before, reduced));
    });
  }
  return wrt.map((t) => cotangents.get(t) ?? null);
}
