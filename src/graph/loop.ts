/**
 * Bodies of loops: small graphs of their own, whose leaves are placeholders for what changes from step to step (the state, the
 * constants, the series) and for what does not (batches and params from outside). An op carries its loop as an attribute, which
 * is compared by identity.
 */
import { apply } from "./apply.ts";
import { apart, columnAlone, rearranged } from "./rearrange.ts";
import { simplify, tableId } from "./simplify.ts";
import { type Shape, shapeOf, type Tensor, topological } from "./tensor.ts";

let placeholders = 0;
/** A leaf of a body. */
export const placeholder = (shape: Shape): Tensor => apply("placeholder", [], { id: ++placeholders, shape });

/** Makes attributes of an object that is compared by identity. */
export const byIdentity = <T extends object>(x: T): T =>
  Object.defineProperty(x, "toJSON", { value: () => `loop ${tableId(x)}` });

/** The same graph with some nodes replaced, and what looks through arrangements simplified. */
export function substitute(outputs: readonly Tensor[], by: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const made = new Map(by);
  for (const node of topological(outputs, [...by.keys()])) {
    if (made.has(node)) continue;
    const inputs = node.inputs.map((t) => made.get(t) as Tensor);
    let next: Tensor = inputs.every((t, i) => t === node.inputs[i]) ? node : Object.freeze({ ...node, inputs });
    const simpler = (t: Tensor): Tensor | undefined => rearranged(t) ?? columnAlone(t);
    for (let t = simpler(next); t !== undefined; t = simpler(next)) next = t;
    made.set(node, next);
  }
  return outputs.map((t) => made.get(t) as Tensor);
}

/** Outputs that depend on placeholders alone, and the tensors from outside for which new ones stand. */
export interface Lifted {
  readonly outputs: readonly Tensor[];
  readonly fixed: readonly Tensor[];
  readonly params: readonly Tensor[];
  readonly placeholders: { readonly fixed: readonly Tensor[]; readonly params: readonly Tensor[] };
}

/**
 * Closes a body: the largest parts of it that depend on no placeholder are computed once, outside, and placeholders stand for them.
 * Constants stay inside.
 */
export function lift(bodies: readonly Tensor[], own: readonly Tensor[]): Lifted {
  const inner = new Set<Tensor>(own);
  for (const t of topological(bodies)) if (t.inputs.some((x) => inner.has(x))) inner.add(t);
  // Rules must not look into tensors from outside, by which gradients may be taken: placeholders hide them. Ones are nobody's.
  const outer = new Set([...inner].flatMap((t) => t.inputs).filter((t) => !inner.has(t)));
  for (const t of bodies) if (!inner.has(t)) outer.add(t);
  const standIns = new Map<Tensor, Tensor>();
  const hide = (t: Tensor): void => void standIns.set(t, placeholder(shapeOf(t)));
  for (const t of outer) if (t.op !== "constant" && t.op !== "ones") hide(t);
  const hidden = new Map([...own.map((t) => [t, t] as const), ...standIns]);
  const arranged = substitute(bodies, hidden).map(apart);
  for (const t of topological(arranged)) if (t.op === "ones") hide(t);
  const outputs = simplify(substitute(arranged, standIns), { more: rearranged, keep: "detach" });
  const left = new Set(topological(outputs));
  const used = [...standIns].filter(([, by]) => left.has(by));
  const [batches, shared] = (["batch", "param"] as const).map((kind) => used.filter(([t]) => t.kind === kind));
  return {
    outputs,
    fixed: batches.map(([t]) => t),
    params: shared.map(([t]) => t),
    placeholders: { fixed: batches.map(([, by]) => by), params: shared.map(([, by]) => by) },
  };
}
