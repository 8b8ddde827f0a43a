/**
 * Sums in the bodies of loops, such as the stages of a Runge–Kutta method, u + Σ h a_j k_j: chains of additions and of products
 * with numbers become one op, `combine`. It adds from the left to the right as the chain does, so the bits are the same.
 */
import { apply } from "./apply.ts";
import { uniformValue } from "./simplify.ts";
import { sameShape, type Tensor, topological } from "./tensor.ts";

/** c · x */
interface Term {
  readonly c: number;
  readonly x: Tensor;
}

/** A tensor as a number times another of its shape. */
function termOf(t: Tensor): Term {
  const [a, b] = t.inputs;
  if (t.op === "neg") return { c: -1, x: a };
  if (t.op !== "mul") return { c: 1, x: t };
  const [left, right] = [uniformValue(a), uniformValue(b)];
  if (right !== undefined && sameShape(a, t)) return { c: right, x: a };
  return left !== undefined && sameShape(b, t) ? { c: left, x: b } : { c: 1, x: t };
}

/** The same outputs with sums as one op each. */
export function fuse(outputs: readonly Tensor[]): Tensor[] {
  const uses = new Map<Tensor, number>();
  const use = (t: Tensor): void => void uses.set(t, (uses.get(t) ?? 0) + 1);
  const order = topological(outputs);
  for (const t of order) t.inputs.forEach(use);
  outputs.forEach(use);
  const made = new Map<Tensor, Tensor>();
  /** The terms of the left operand: those of a sum that nothing else reads. */
  const spine = (t: Tensor): Term[] => {
    const now = made.get(t) as Tensor;
    if (now.op !== "combine" || uses.get(t) !== 1) return [termOf(now)];
    const coefficients = now.attrs.coefficients as readonly number[];
    return now.inputs.map((x, j) => ({ c: coefficients[j], x }));
  };
  const sum = (t: Tensor): Tensor | undefined => {
    const [a, b] = t.inputs;
    if ((t.op !== "add" && t.op !== "sub") || t.kind !== "batch" || !sameShape(a, t) || !sameShape(b, t))
      return undefined;
    const last = termOf(made.get(b) as Tensor);
    const terms = [...spine(a), t.op === "add" ? last : { ...last, c: -last.c }];
    if (terms.length === 2 && terms[0].c === 1 && Math.abs(terms[1].c) === 1) return undefined;
    return apply(
      "combine",
      terms.map(({ x }) => x),
      { coefficients: terms.map(({ c }) => c) },
    );
  };
  for (const t of order) {
    const inputs = t.inputs.map((x) => made.get(x) as Tensor);
    const same = inputs.every((x, i) => x === t.inputs[i]);
    made.set(t, sum(t) ?? (same ? t : Object.freeze({ ...t, inputs })));
  }
  return outputs.map((t) => made.get(t) as Tensor);
}
