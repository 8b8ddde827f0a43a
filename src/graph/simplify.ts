/** Rewrites a graph before it is planned: equal nodes become one, and steps that change nothing go. */
import { columns as pickColumns } from "./build.ts";
import { type Attrs, sameShape, type Tensor, topological } from "./tensor.ts";

/** The value of a constant whose entries are all the same, else undefined. */
function uniformValue(t: Tensor): number | undefined {
  if (t.op !== "constant") return undefined;
  const values = t.attrs.values as number[];
  return values.every((v) => v === values[0]) ? values[0] : undefined;
}

type Rule = (t: Tensor) => Tensor | undefined;
const unlessSpread = (x: Tensor, t: Tensor): Tensor | undefined => (sameShape(x, t) ? x : undefined);

/** Identities, by op; each answers a simpler node of the same shape, or undefined. */
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
  columns: (t) => {
    const indices = t.attrs.indices as number[];
    const [x] = t.inputs;
    if (indices.length === x.cols && indices.every((c, i) => c === i)) return x;
    if (x.op !== "columns") return undefined;
    const inner = x.attrs.indices as number[];
    return pickColumns(
      x.inputs[0],
      indices.map((c) => (c < 0 ? -1 : inner[c])),
    );
  },
};

/** Lists that are longer, as tables of sparse matrices are, go by identity: to compare them would cost more than two copies. */
const LONG_LIST = 256;
const tables = new WeakMap<object, number>();
let tableCount = 0;
/** A number for a table, always the same. */
function tableId(table: object): number {
  const known = tables.get(table);
  if (known !== undefined) return known;
  tables.set(table, ++tableCount);
  return tableCount;
}

/** Attributes as a key. JSON writes −0 as 0 and ±∞ and NaN as null: keep them apart. */
const exact = (_key: string, v: unknown): unknown => {
  if (typeof v === "number" && (!Number.isFinite(v) || Object.is(v, -0))) return `${Object.is(v, -0) ? "-0" : v}`;
  const long = ArrayBuffer.isView(v) || (Array.isArray(v) && v.length > LONG_LIST);
  return long ? `table ${tableId(v as object)}` : v;
};

export const attrsKey = (attrs: Attrs): string => JSON.stringify(attrs, exact);

/** The same outputs over a smaller graph. */
export function simplify(outputs: readonly Tensor[]): Tensor[] {
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
    for (let next = rules[simpler.op]?.(simpler); next !== undefined; next = rules[simpler.op]?.(simpler))
      simpler = next;
    // A rule may have made new nodes: give every one of them its identity.
    for (const t of simpler.inputs)
      if (!ids.has(t)) simpler = Object.freeze({ ...simpler, inputs: simpler.inputs.map(unique) });
    replaced.set(node, ids.has(simpler) ? simpler : unique(simpler));
  }
  return outputs.map((t) => replaced.get(t) as Tensor);
}
