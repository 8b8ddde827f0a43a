/** Rewrites a graph before it is planned: equal nodes become one, and nodes that change nothing are removed. */
import { concat, columns as pickColumns } from "./build.ts";
import { maps } from "./names.ts";
import { type Attrs, sameShape, type Tensor, topological } from "./tensor.ts";

/** The value of a constant whose entries are all the same, else undefined. */
function uniformValue(t: Tensor): number | undefined {
  if (t.op !== "constant") return undefined;
  const values = t.attrs.values as number[];
  return values.every((v) => v === values[0]) ? values[0] : undefined;
}

type Rule = (t: Tensor) => Tensor | undefined;
const unlessSpread = (x: Tensor, t: Tensor): Tensor | undefined => (sameShape(x, t) ? x : undefined);

/** The row or scalar s of `ones · s`, else undefined. */
const spreadOf = ({ op, inputs: [a, b] }: Tensor): Tensor | undefined => {
  if (op !== "mul") return undefined;
  if (a.op === "ones" && b.kind === "param") return b;
  return b.op === "ones" && a.kind === "param" ? a : undefined;
};

/** An elementwise op broadcasts by itself: `ones · s` beside a batch is s. */
function unspread(t: Tensor): Tensor | undefined {
  for (const [i, x] of t.inputs.entries()) {
    const s = spreadOf(x);
    if (s === undefined || !t.inputs.some((y, j) => j !== i && y.kind === "batch")) continue;
    const inputs = t.inputs.map((y, j) => (j === i ? s : y));
    const cols = Math.max(...inputs.map((y) => y.cols));
    // Products with ones stay as they are: they are what is looked for here.
    if (cols === t.cols && !(t.op === "mul" && inputs.some((y) => y.op === "ones")))
      return Object.freeze({ ...t, inputs });
  }
  return undefined;
}

/** Columns of tensors side by side that lie within one of them, or are some of them. */
function columnsOfConcat(parts: readonly Tensor[], indices: readonly number[]): Tensor | undefined {
  const ends: number[] = [];
  for (const x of parts) ends.push((ends.at(-1) ?? 0) + x.cols);
  const partOf = (c: number): number => ends.findIndex((end) => c < end);
  const used = indices.filter((c) => c >= 0).map(partOf);
  if (used.length === 0) return undefined;
  const [first] = used;
  if (used.every((p) => p === first)) {
    const from = ends[first] - parts[first].cols;
    return pickColumns(
      parts[first],
      indices.map((c) => (c < 0 ? -1 : c - from)),
    );
  }
  const some = parts.slice(first, (used.at(-1) as number) + 1);
  const from = ends[first] - parts[first].cols;
  const width = some.reduce((sum, x) => sum + x.cols, 0);
  return indices.length === width && indices.every((c, i) => c === from + i) ? concat(...some) : undefined;
}

/** Rules that look through arrangements alone: gradients flow through both sides in the same way. */
export function rearranged(t: Tensor): Tensor | undefined {
  if (isMap(t)) return unspread(t);
  if (t.op !== "columns") return undefined;
  const indices = t.attrs.indices as number[];
  const [x] = t.inputs;
  if (indices.length === x.cols && indices.every((c, i) => c === i)) return x;
  if (x.op === "concat") return columnsOfConcat(x.inputs, indices);
  if (x.op !== "columns") return undefined;
  const inner = x.attrs.indices as number[];
  return pickColumns(
    x.inputs[0],
    indices.map((c) => (c < 0 ? -1 : inner[c])),
  );
}
const isMap = ({ op }: Tensor): boolean => Object.hasOwn(maps, op);

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

/** The same outputs, in the same order, over a smaller graph. */
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
    const step = (t: Tensor): Tensor | undefined => rules[t.op]?.(t) ?? rearranged(t);
    for (let next = step(simpler); next !== undefined; next = step(simpler)) simpler = next;
    // A rule may have made new nodes: each needs an id.
    for (const t of simpler.inputs)
      if (!ids.has(t)) simpler = Object.freeze({ ...simpler, inputs: simpler.inputs.map(unique) });
    replaced.set(node, ids.has(simpler) ? simpler : unique(simpler));
  }
  return outputs.map((t) => replaced.get(t) as Tensor);
}
