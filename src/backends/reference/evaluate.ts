/** The values of a graph at once, without an executor: for small graphs whose numbers are needed while something is defined. */
import { isTensor, type Tensor, topological } from "../../graph/tensor.ts";
import type { Dense, RunState } from "./kernel.ts";
import { kernels } from "./ops.ts";

/** Values (B, cols) of batches, row by row, for `rows` rows. The graph must have no weights and no inputs. */
export function evaluate(outputs: readonly Tensor[], rows: number, seed: number): Float64Array[] {
  const run: RunState = { rows, repeat: 1, seed, step: 0, inputs: {}, banks: new Map() };
  const values = new Map<Tensor, Dense>();
  for (const node of topological(outputs.filter(isTensor))) {
    const count = node.kind === "batch" ? node.rows * rows : node.rows;
    const { op, attrs, kind, cols, inputs } = node;
    if (op === "param" || op === "input") throw new Error(`internal: ${op} in a graph that is evaluated at once`);
    const data =
      op === "constant" ? Float64Array.from(attrs.values as readonly number[]) : new Float64Array(count * cols);
    const out: Dense = { kind, rows: count, cols, data };
    if (op !== "constant")
      kernels[op](
        out,
        inputs.map((t) => values.get(t) as Dense),
        attrs,
        run,
      );
    values.set(node, out);
  }
  return outputs.map((t) => (values.get(t) as Dense).data);
}
