/** Rules for the bodies of loops, which arrange and broadcast small tensors at every step. */
import { apply } from "./apply.ts";
import { columns, concat, constant } from "./build.ts";
import { maps } from "./names.ts";
import { columnsAgain } from "./simplify.ts";
import type { Tensor } from "./tensor.ts";

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
  if (used.length === indices.length && used.every((p) => parts[p].cols === 1))
    return concat(...used.map((p) => parts[p]));
  const [first] = used;
  if (used.every((p) => p === first)) {
    const from = ends[first] - parts[first].cols;
    return columns(
      parts[first],
      indices.map((c) => (c < 0 ? -1 : c - from)),
    );
  }
  const some = parts.slice(first, (used.at(-1) as number) + 1);
  const from = ends[first] - parts[first].cols;
  const width = some.reduce((sum, x) => sum + x.cols, 0);
  return indices.length === width && indices.every((c, i) => c === from + i) ? concat(...some) : undefined;
}

/** Columns that are put among zeros and added to others beside them: cotangents of the columns of a state. */
function gathered({ op, inputs: [a, b] }: Tensor): Tensor | undefined {
  if (op !== "add" || a.op !== "columns" || b.op !== "columns" || a.cols !== b.cols) return undefined;
  const [left, right] = [a, b].map(({ attrs }) => attrs.indices as number[]);
  if (left.some((c, i) => c >= 0 && right[i] >= 0)) return undefined;
  const parts = [a, b].flatMap(({ inputs: [x] }) => (x.op === "concat" ? x.inputs : [x]));
  const width = a.inputs[0].cols;
  return columns(
    concat(...parts),
    left.map((c, i) => (c < 0 && right[i] >= 0 ? width + right[i] : c)),
  );
}

/** A node that needs fewer copies. Gradients flow through both in the same way. */
export function rearranged(t: Tensor): Tensor | undefined {
  if (t.op === "concat" && t.inputs.some((x) => x.op === "concat"))
    return concat(...t.inputs.flatMap((x) => (x.op === "concat" ? x.inputs : [x])));
  const together = gathered(t);
  if (together !== undefined) return together;
  if (Object.hasOwn(maps, t.op)) return unspread(t);
  if (t.op !== "columns") return undefined;
  const indices = t.attrs.indices as number[];
  const [x] = t.inputs;
  return x.op === "concat" ? columnsOfConcat(x.inputs, indices) : columnsAgain(x, indices);
}

/** Tensors of more columns stay whole: one op on all of them is then cheaper than one on each. */
const MOST_COLUMNS = 8;
/** The longest way from columns to the tensors side by side that they are columns of. */
const MOST_DEPTH = 32;

/**
 * A column of an elementwise function of tensors side by side is that function of a column of each. Null unless all ways back end at
 * such tensors, or at leaves, one at least at the former; then neither `concat` nor `columns` need run.
 */
function columnOf(x: Tensor, c: number, depth: number): { column: Tensor; parts: number } | null {
  if (x.cols === 1) return { column: x, parts: 0 };
  if (depth > MOST_DEPTH) return null;
  if (x.op === "placeholder" && x.kind === "batch") return { column: columns(x, [c]), parts: 0 };
  if (x.op === "constant") {
    const values = x.attrs.values as readonly number[];
    return x.rows === 1 ? { column: constant([values[c]], x.dtype), parts: 0 } : null;
  }
  if (x.op === "concat") {
    if (x.inputs.some((t) => t.cols !== 1)) return null;
    return { column: x.inputs[c], parts: 1 };
  }
  if (!Object.hasOwn(maps, x.op)) return null;
  const operands = x.inputs.map((t) => columnOf(t, c, depth + 1));
  if (operands.some((o) => o === null)) return null;
  const made = operands as { column: Tensor; parts: number }[];
  return {
    column: apply(
      x.op,
      made.map((o) => o.column),
    ),
    parts: made.reduce((sum, o) => sum + o.parts, 0),
  };
}

/** A column of a tensor that need not be made for it. */
export function columnAlone(t: Tensor): Tensor | undefined {
  const [x] = t.inputs;
  const indices = t.attrs.indices as number[];
  if (t.op !== "columns" || indices.length !== 1 || indices[0] < 0 || x.cols > MOST_COLUMNS) return undefined;
  if (!Object.hasOwn(maps, x.op)) return undefined;
  const found = columnOf(x, indices[0], 0);
  return found !== null && found.parts > 0 && found.column.kind === "batch" ? found.column : undefined;
}

/** A state, column by column where each can be computed alone. */
export function apart(x: Tensor): Tensor {
  if (x.cols > MOST_COLUMNS || !Object.hasOwn(maps, x.op)) return x;
  const found = Array.from({ length: x.cols }, (_, c) => columnOf(x, c, 0));
  if (found.some((f) => f === null || f.parts === 0 || f.column.kind !== "batch")) return x;
  return concat(...found.map((f) => (f as { column: Tensor }).column));
}
