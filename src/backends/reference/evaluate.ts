/** The numbers of a graph at once, in f64: for questions that must be answered while a graph is made, when no executor is there yet. */
import { compile } from "../../graph/program.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { atOnce } from "../../host/yielding.ts";
import { expectInputs } from "../requests.ts";
import type { Dense, RunState } from "./kernel.ts";
import { runRecords } from "./scan.ts";

/** The rows of a run, and the counter of its draws. */
export type EvaluateOptions = Partial<Pick<RunState, "inputs" | "seed" | "step">> & Pick<RunState, "rows">;

/** The values of tensors without weights and banks, row by row. */
export function evaluate<Names extends string>(
  outputs: Readonly<Record<Names, Tensor>>,
  { rows, inputs = {}, seed = 0, step = 0 }: EvaluateOptions,
): Record<Names, Float64Array> {
  const { weights, plans } = atOnce(compile({ now: { outputs, rows } }));
  if (weights.bytes > 0) throw new Error("internal: a graph with weights cannot be evaluated at once");
  const plan = plans.now;
  expectInputs(plan, inputs, rows, 1);
  const constants = new Map(plan.constants.map((c) => [c.at, c.values]));
  const values = plan.values.map((v): Dense => {
    const count = v.kind === "batch" ? v.rows * rows : v.rows;
    const given = v.region === "constant" ? constants.get(v.at) : undefined;
    const data = given === undefined ? new Float64Array(count * v.cols) : Float64Array.from(given);
    return { kind: v.kind, rows: count, cols: v.cols, data };
  });
  const { prologue, shard, epilogue } = plan.records;
  runRecords([...prologue, ...shard, ...epilogue], values, { rows, repeat: 1, seed, step, inputs, banks: new Map() });
  return Object.fromEntries(plan.outputs.map((o) => [o.name, values[o.value].data])) as Record<Names, Float64Array>;
}
