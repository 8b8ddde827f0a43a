/**
 * Checks of the requests to an executor, the same on every backend. Most errors are `internal:`, because callers have already
 * checked the input of users: these find our own mistakes.
 */
import type { Plan, Slab, Value } from "../graph/plan.ts";
import type { Program } from "../graph/program.ts";
import type { DType } from "../graph/tensor.ts";
import type { BackendName, Rows, RunOptions } from "./backend.ts";

/** Inputs of a run by name. */
export type Inputs = NonNullable<RunOptions["inputs"]>;

/** A plan by name. @throws where the program has none of that name. */
export function planOf({ plans }: Program, name: string, backend: BackendName): Plan {
  const plan = plans[name];
  if (plan === undefined)
    throw new Error(`${backend}: expected a plan of ${Object.keys(plans).join(", ")}, got "${name}"`);
  return plan;
}

/** @throws unless the values fill the slab. */
export function expectSlab(name: string, { bytes }: Slab, { length }: Float32Array): void {
  if (4 * length !== bytes) throw new Error(`internal: ${name} slab: expected ${bytes / 4} numbers, got ${length}`);
}

/** @throws unless each input of the plan has the numbers that its rows need. */
export function expectInputs(plan: Plan, inputs: Inputs, rows: number, repeat: number): void {
  for (const { name, cols, repeat: repeats } of plan.inputs) {
    const want = Math.ceil(rows / (repeats ? repeat : 1)) * cols;
    const got = inputs[name]?.length;
    if (got !== want)
      throw new Error(`internal: input "${name}" of plan "${plan.name}": expected ${want} numbers, got ${got}`);
  }
}

/** Number of rows of a bank. @throws unless `values` are whole rows of it. */
export function rowsOfBank({ banks }: Program, name: string, values: Float32Array): number {
  const cols = banks[name];
  if (cols === undefined || values.length === 0 || values.length % cols !== 0)
    throw new Error(`internal: bank "${name}": expected rows of ${cols} numbers, got ${values.length} numbers`);
  return values.length / cols;
}

/** A bank by name. @throws where a plan draws from a bank that was not written. */
export function bankOf<T>(banks: ReadonlyMap<string, T>, name: string, plan: string): T {
  const bank = banks.get(name);
  if (bank === undefined) throw new Error(`internal: plan "${plan}" draws from bank "${name}", which was not written`);
  return bank;
}

/** The optimiser of an executor. @throws where it was made without one. */
export function optimiserOf<T>(optimiser: T | undefined): T {
  if (optimiser === undefined) throw new Error("internal: an executor without optimiser cannot train");
  return optimiser;
}

/** The output that training minimises. */
export function lossOf({ name, outputs, values, hasGradient }: Plan, loss: string): Value {
  const output = outputs.find((o) => o.name === loss);
  const value = output && values[output.value];
  if (!hasGradient || value?.kind !== "param" || value.dtype !== "f64")
    throw new Error(`internal: plan "${name}" has no gradient or no f64 loss "${loss}"`);
  return value;
}

/** The rows of an input, each of which serves `every` rows of a run, that serve `count` rows of the run from `start` on. */
export function servingRows(
  values: Rows | readonly number[],
  cols: number,
  every: number,
  start: number,
  count: number,
): Rows | readonly number[] {
  const from = Math.floor(start / every) * cols;
  const to = (Math.floor((start + count - 1) / every) + 1) * cols;
  return ArrayBuffer.isView(values) ? values.subarray(from, to) : values.slice(from, to);
}

/** An array of zeros of a type. */
export const newRows = (count: number, dtype: DType): Rows =>
  dtype === "f32" ? new Float32Array(count) : new Float64Array(count);
