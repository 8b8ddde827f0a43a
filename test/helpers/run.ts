/** Runs a graph on a backend in one call. */
import type { CreateExecutor, Rows, RunOptions } from "../../src/backends/backend.ts";
import { createReference } from "../../src/backends/reference/executor.ts";
import { compile, type Program } from "../../src/graph/program.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";

export type Arrays = Readonly<Record<string, ArrayLike<number>>>;

export interface GraphRun extends Partial<RunOptions> {
  /** Entries of both slabs by name, row by row. */
  readonly weights?: Arrays;
  readonly banks?: Arrays;
  readonly create?: CreateExecutor;
}

/** A slab with the named entries filled in. */
export function fillSlab(slab: Program["weights"], values: Arrays): Float32Array {
  const out = new Float32Array(slab.bytes / 4);
  for (const { name, rows, cols, offset } of slab.entries) {
    const given = values[name];
    if (given?.length !== rows * cols)
      throw new Error(`weights "${name}": expected ${rows * cols}, got ${given?.length}`);
    out.set(given, offset / 4);
  }
  return out;
}

/** The outputs of a graph, compiled as a program of one plan; by default on the f64 reference, with 8 rows. */
export async function runGraph(
  outputs: Readonly<Record<string, Tensor>>,
  { weights = {}, banks = {}, create = createReference, rows = 8, ...options }: GraphRun = {},
): Promise<Record<string, Rows>> {
  const program = atOnce(compile({ graph: { outputs, rows } }));
  const executor = await create(program);
  try {
    await executor.writeWeights(fillSlab(program.weights, weights));
    await executor.writeWeights(fillSlab(program.frozen, weights), "frozen");
    for (const [name, values] of Object.entries(banks)) await executor.writeBank(name, Float32Array.from(values));
    return await executor.run("graph", { rows, ...options });
  } finally {
    executor.dispose();
  }
}
