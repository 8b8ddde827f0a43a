// Our side of W5: a plan of one factorisation and one solution for all right-hand sides, over any number of samples.

import type { Executor, Rows } from "../../src/backends/backend.ts";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import type { KernelBuild } from "../../src/backends/wasm/kernels-url.ts";
import { constant, input, sparseCholesky, sparseSolve } from "../../src/graph/build.ts";
import { compile } from "../../src/graph/program.ts";
import { atOnce } from "../../src/host/yielding.ts";
import type { Systems } from "./systems.ts";
import { stepsOf } from "./wasm-internals.ts";

/** Rows of a call whose stages are timed one by one: those of a shard of such large systems. */
export const STAGE_ROWS = 8;

export interface OwnSolver {
  readonly executor: Executor;
  /** x (rows, n · SIDES) of the first samples. */
  solve(rows: number): Promise<Rows>;
  /** The factorisation alone and the substitutions alone, over STAGE_ROWS samples. */
  stages(): Promise<{ factor: () => void; solve: () => void }>;
}

export async function ownSolver(systems: Systems, build: KernelBuild): Promise<OwnSolver> {
  const { pattern, entries, load } = systems;
  const values = input("entries", pattern.rows.length, { dtype: "f64" });
  const x = sparseSolve(values, sparseCholesky(values, pattern), constant(load, "f64"), pattern);
  const program = atOnce(compile({ solve: { outputs: { x } } }));
  const executor = await createWasm(program, { build });
  const all = new Float64Array(entries.length * pattern.rows.length);
  for (const [sample, values] of entries.entries()) all.set(values, sample * values.length);
  const solve = async (rows: number): Promise<Rows> => {
    const inputs = { entries: all.subarray(0, rows * pattern.rows.length) };
    return (await executor.run("solve", { rows, inputs })).x;
  };
  return {
    executor,
    solve,
    stages: async () => {
      await solve(STAGE_ROWS);
      const { records, shardRows } = program.plans.solve;
      const steps = stepsOf(executor, "solve", STAGE_ROWS, shardRows);
      const step = (op: string) => steps[records.shard.findIndex((record) => record.op === op)].run;
      return { factor: step("sparseCholesky"), solve: step("sparseSolve") };
    },
  };
}
