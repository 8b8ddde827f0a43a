/** Rewrites a graph before it is planned: equal nodes become one, and nodes that change nothing are removed. */
import { columns as pickColumns } from "./build.ts";
import { type Attrs, sameShape, type Tensor, topological } from "./tensor.ts";

/** The value of a constant whose entries are all the same, else undefined. */
export function uniformValue(t: Tensor): number | undefined {
  if (t.op !== "constant") return undefined;
  const values = t.attrs.values as number[];
  return values.every((v) => v === values[0]) ? values[0] : undefined;
}

/** A simpler node of the same shape, or undefined. */
export type Rule = (t: Tensor) => Tensor | undefined;
const unlessSpread = (x: Tensor, t: Tensor): Tensor | undefined => (sameShape(x, t) ? x : undefined);

/** Columns in their order, and columns of columns. */
export function columnsAgain(x: Tensor, indices: readonly number[]): Tensor | undefined {
  if (indices.length === x.cols && indices.every((c, i) => c === i)) return x;
  if (x.op !== "columns") return undefined;
  const inner = x.attrs.indices as number[];
  return pickColumns(
    x.inputs[0],
    indices.map((c) => (c < 0 ? -1 : inner[c])),
  );
}

/** Identities by op. Each returns a simpler node of the same shape, or undefined. */
const rules: Partial<Record<Tensor["op"], Rule>> = {
  add: (t) => {
    const [a, b] = t.inputs;
    if (uniformValue(b) === 0) return unlessSpread(a, t);
    return uniformValue(a) === 0 ? unlessSpread(b, t) : undefined;
  },
  sub: (t) => (uniformValue(t.inputs[1]) === 0 ? unlessSpread(t.inputs[0], t) : undefined),
  mul: (t) => {
    const [a, b] = t.inputs;
    if (uniformValue(b) === 1) return unlessSpread(a, t);
    return uniformValue(a) === 1 ? unlessSpread(b, t) : undefined;
  },
  div: (t) => (uniformValue(t.inputs[1]) === 1 ? unlessSpread(t.inputs[0], t) : undefined),
  neg: (t) => (t.inputs[0].op === "neg" ? t.inputs[0].inputs[0] : undefined),
  detach: (t) => t.inputs[0],
  columns: (t) => columnsAgain(t.inputs[0], t.attrs.indices as number[]),
};

/** Longer lists, such as the tables of sparse matrices, are compared by identity: comparing entries costs more than a copy. */
const LONG_LIST = 256;
const tables = new WeakMap<object, number>();
let tableCount = 0;
/** The number of a table: the same each time. */
export function tableId(table: object): number {
  const known = tables.get(table);
  if (known !== undefined) return known;
  tables.set(table, ++tableCount);
  return tableCount;
}

/** JSON writes −0 as 0, and ±∞ and NaN as null: this keeps them apart. */
const exact = (_key: string, v: unknown): unknown => {
  if (typeof v === "number" && (!Number.isFinite(v) || Object.is(v, -0))) return `${Object.is(v, -0) ? "-0" : v}`;
  const long = ArrayBuffer.isView(v) || (Array.isArray(v) && v.length > LONG_LIST);
  return long ? `table ${tableId(v as object)}` : v;
};

/** Attributes as text: equal for equal attributes. */
export const attrsKey = (attrs: Attrs): string => JSON.stringify(attrs, exact);

/**
 * The same outputs, in the same order, over a smaller graph; `more` is tried where no rule here fits. A graph that will be
 * differentiated must `keep` what stops gradients.
 */
export function simplify(outputs: readonly Tensor[], { more, keep }: { more?: Rule; keep?: "detach" } = {}): Tensor[] {
  const replaced = new Map<Tensor, Tensor>();
  const known = new Map<string, Tensor>();
  const ids = new Map<Tensor, number>();
  const unique = (t: Tensor): Tensor => {
    const key = `${t.op}|${t.dtype}|${t.rows}|${t.cols}|${t.inputs.map((i) => ids.get(i)).join(",")}|${attrsKey(t.attrs)}`;
    const first = known.get(key);
    if (first !== undefined) return first;
    known.set(key, t);
    ids.set(t, ids.size);
    return t;
  };
  for (const node of topological(outputs)) {
    const inputs = node.inputs.map((t) => replaced.get(t) as Tensor);
    const same = inputs.every((t, i) => t === node.inputs[i]);
    const rebuilt = same ? node : Object.freeze({ ...node, inputs });
    let simpler: Tensor = rebuilt;
    const step = (t: Tensor): Tensor | undefined => (t.op === keep ? undefined : rules[t.op]?.(t)) ?? more?.(t);
    for (let next = step(simpler); next !== undefined; next = step(simpler)) simpler = next;
    // A rule may have made new nodes: each needs an id.
    for (const t of simpler.inputs)
      if (!ids.has(t)) simpler = Object.freeze({ ...simpler, inputs: simpler.inputs.map(unique) });
    replaced.set(node, ids.has(simpler) ? simpler : unique(simpler));
  }
  return outputs.map((t) => replaced.get(t) as Tensor);
}
