/** Rules for the bodies of loops, which arrange and broadcast small tensors at every step. */
import { columns, concat } from "./build.ts";
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

/** A node that needs fewer copies. Gradients flow through both in the same way. */
export function rearranged(t: Tensor): Tensor | undefined {
  if (Object.hasOwn(maps, t.op)) return unspread(t);
  if (t.op !== "columns") return undefined;
  const indices = t.attrs.indices as number[];
  const [x] = t.inputs;
  return x.op === "concat" ? columnsOfConcat(x.inputs, indices) : columnsAgain(x, indices);
}
