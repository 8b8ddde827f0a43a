/**
 * Holds a backend to the f64 reference: |got − want| ≤ factor · u · scale, entry by entry, with u = 2^-24 for f32 and 2^-53
 * for f64 (half a unit in the last place of 1).
 */
import type { CreateExecutor, Rows } from "../../src/backends/backend.ts";
import { createReference } from "../../src/backends/reference/executor.ts";
import { compile, type Program } from "../../src/graph/program.ts";
import { type DType, type Tensor, topological } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { type Leaf, plant } from "./leaves.ts";
import { fillSlab } from "./run.ts";

export interface Comparison {
  readonly name: string;
  readonly leaves: readonly Leaf[];
  readonly build: (...x: Tensor[]) => Tensor;
  /** Allowed error in units of u · scale; 0 asks for the very number. */
  readonly factor: number;
  /** Scale of the error; by default the value itself. Computed by the reference, so it may use any op. */
  readonly scale?: (...x: Tensor[]) => Tensor;
}

export const roundoff: Readonly<Record<DType, number>> = { f32: 2 ** -24, f64: 2 ** -53 };

interface Prepared {
  readonly program: Program;
  readonly values: (rows: number) => Record<string, Float64Array>;
}

/** One program for all comparisons: plan "graph" is what backends run, plan "scale" is for the reference alone. */
function prepare(cases: readonly Comparison[], dtype: DType): Prepared {
  const planted = cases.map((c, i) => plant(c.leaves, dtype, `case ${i} leaf `));
  const outputs = cases.map((c, i) => [`${i}`, c.build(...planted[i].tensors)] as const);
  const scales = cases.flatMap((c, i) => (c.scale ? [[`${i}`, c.scale(...planted[i].tensors)] as const] : []));
  const program = atOnce(
    compile({
      graph: { outputs: Object.fromEntries(outputs) },
      scale: { outputs: Object.fromEntries(scales) },
    }),
  );
  const values = (rows: number) => Object.assign({}, ...planted.map((p, i) => p.values(rows, 100 * rows + i)));
  return { program, values };
}

function check(what: string, c: Comparison, dtype: DType, got: Rows, want: Rows, scale: Rows): void {
  if (got.length !== want.length) throw new Error(`${what}: expected ${want.length} numbers, got ${got.length}`);
  for (let i = 0; i < want.length; i++) {
    const allowed = c.factor * roundoff[dtype] * Math.abs(scale[scale.length === 1 ? 0 : i]);
    const same = Object.is(got[i], want[i]) || got[i] === want[i];
    if (!same && !(Math.abs(got[i] - want[i]) <= allowed)) {
      throw new Error(`${what}: entry ${i} of ${want.length}: expected ${want[i]} ± ${allowed}, got ${got[i]}`);
    }
  }
}

/**
 * Runs every comparison for every row count on every backend.
 * @throws with the backend, the case, the rows, the entry, and what was expected and came.
 */
export async function compareWithReference(
  backends: readonly CreateExecutor[],
  dtype: DType,
  cases: readonly Comparison[],
  rowCounts: readonly number[],
): Promise<void> {
  const { program, values } = prepare(cases, dtype);
  const reference = await createReference(program);
  const executors = await Promise.all(backends.map((create) => create(program)));
  try {
    for (const rows of rowCounts) {
      const inputs = values(rows);
      const options = { rows, inputs, seed: 3, step: rows };
      for (const executor of [reference, ...executors]) await executor.writeWeights(fillSlab(program.weights, inputs));
      const want = await reference.run("graph", options);
      const scales = await reference.run("scale", options);
      for (const executor of executors) {
        const got = await executor.run("graph", options);
        cases.forEach((c, i) => {
          check(`${executor.device}: ${c.name}, ${rows} rows`, c, dtype, got[i], want[i], scales[i] ?? want[i]);
        });
      }
    }
  } finally {
    for (const executor of executors) executor.dispose();
  }
}

/** Names of the kernels that the comparisons call, `op_dtype`. */
export function kernelsUsed(cases: readonly Comparison[], dtype: DType): Set<string> {
  const nodes = topological(cases.map((c) => c.build(...plant(c.leaves, dtype).tensors)));
  return new Set(nodes.map((t) => `${t.op}_${t.dtype}`));
}
