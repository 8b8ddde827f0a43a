/** The numbers of a graph at once, in f64: for questions that must be answered while a graph is made, when no executor is there yet. */
import { simplify } from "../../graph/simplify.ts";
import { type Tensor, topological } from "../../graph/tensor.ts";
import type { Dense, RunState } from "./kernel.ts";
import { kernels } from "./ops.ts";

/** The rows of a run, and the counter of its draws. */
export type EvaluateOptions = Partial<Pick<RunState, "inputs" | "seed" | "step">> & Pick<RunState, "rows">;

/** The values of tensors without weights and banks, row by row. */
export function evaluate<Names extends string>(
  outputs: Readonly<Record<Names, Tensor>>,
  { rows, inputs = {}, seed = 0, step = 0 }: EvaluateOptions,
): Record<Names, Float64Array> {
  const names = Object.keys(outputs) as Names[];
  const roots = simplify(names.map((name) => outputs[name]));
  const run: RunState = { rows, repeat: 1, seed, step, inputs, banks: new Map() };
  const values = new Map<Tensor, Dense>();
  for (const t of topological(roots)) {
    const count = t.kind === "batch" ? t.rows * rows : t.rows;
    if (t.op === "param") throw new Error("internal: a graph with weights cannot be evaluated at once");
    const data =
      t.op === "constant" ? Float64Array.from(t.attrs.values as number[]) : new Float64Array(count * t.cols);
    const out: Dense = { kind: t.kind, rows: count, cols: t.cols, data };
    if (t.op !== "constant")
      kernels[t.op](
        out,
        t.inputs.map((x) => values.get(x) as Dense),
        t.attrs,
        run,
      );
    values.set(t, out);
  }
  return Object.fromEntries(names.map((name, i) => [name, (values.get(roots[i]) as Dense).data])) as Record<
    Names,
    Float64Array
  >;
}
