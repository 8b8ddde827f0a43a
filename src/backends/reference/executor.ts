/**
 * The oracle: runs programs in plain f64, the whole batch at once, with an array for every value. No shards, no slots, no
 * vectors. Types are ignored, so that f32 programs give the values that f32 kernels approximate. Weights stay f64 between updates.
 */
import type { Plan, Slab, Value } from "../../graph/plan.ts";
import type { Program } from "../../graph/program.ts";
import type { CreateExecutor, Executor, Rows, RunOptions } from "../backend.ts";
import { bankOf, expectInputs, expectSlab, optimiserOf, planOf, rowsOfBank } from "../requests.ts";
import type { Dense, RunState } from "./kernel.ts";
import { ReferenceOptimiser } from "./optimiser.ts";
import { runRecords } from "./scan.ts";

const floats = (slab: Slab): number => slab.bytes / 4;

/** Makes an executor that computes in f64 whatever the types of the program. */
export const createReference: CreateExecutor = async (
  program: Program,
  { optimiser: options } = {},
): Promise<Executor> => {
  const slabs = {
    weights: new Float64Array(floats(program.weights)),
    frozen: new Float64Array(floats(program.frozen)),
  };
  const gradients = new Map<string, Float64Array>();
  const banks = new Map<string, Dense>();
  const optimiser = options && new ReferenceOptimiser(options, program.weights);

  /** An array for every value: weights and their gradients are windows on the slabs. */
  function allocate(plan: Plan, rows: number, gradient: Float64Array): Dense[] {
    const constants = new Map(plan.constants.map((c) => [c.at, c.values]));
    const dataOf = (v: Value, count: number): Float64Array => {
      const start = v.at / 4;
      if (v.region === "weights" || v.region === "frozen") return slabs[v.region].subarray(start, start + count);
      if (v.region === "constant") return Float64Array.from(constants.get(v.at) as readonly number[]);
      const isGradient = plan.hasGradient && v.region === "sums" && v.at < program.weights.bytes;
      return isGradient ? gradient.subarray(start, start + count) : new Float64Array(count);
    };
    return plan.values.map((v) => {
      const count = v.kind === "batch" ? v.rows * rows : v.rows;
      return { kind: v.kind, rows: count, cols: v.cols, data: dataOf(v, count * v.cols) };
    });
  }

  function execute(name: string, run: RunState): Record<string, Float64Array> {
    const plan = planOf(program, name, "reference");
    expectInputs(plan, run.inputs, run.rows, run.repeat);
    const gradient = new Float64Array(plan.hasGradient ? floats(program.weights) : 0);
    gradients.set(name, gradient);
    const values = allocate(plan, run.rows, gradient);
    for (const { op, attrs } of plan.records.shard) if (op === "bankRows") bankOf(banks, attrs.bank as string, name);
    runRecords([...plan.records.prologue, ...plan.records.shard, ...plan.records.epilogue], values, run);
    return Object.fromEntries(plan.outputs.map((o) => [o.name, values[o.value].data]));
  }

  return {
    backend: "reference",
    device: "f64",
    readWeights: async (slab = "weights") => Float32Array.from(slabs[slab]),
    async writeWeights(values, slab = "weights") {
      expectSlab(slab, program[slab], values);
      slabs[slab].set(values);
    },
    async readGradient(plan) {
      const gradient = gradients.get(plan);
      if (gradient === undefined) throw new Error(`internal: plan "${plan}" has not run: it has no gradient yet`);
      return Float32Array.from(gradient);
    },
    async writeBank(name, values) {
      const rows = rowsOfBank(program, name, values);
      banks.set(name, { kind: "param", rows, cols: program.banks[name], data: Float64Array.from(values) });
    },
    async run(plan, { rows, inputs = {}, repeat = 1, seed = 0, step = 0 }: RunOptions): Promise<Record<string, Rows>> {
      const out = execute(plan, { rows, inputs, repeat, seed, step, banks });
      return Object.fromEntries(Object.entries(out).map(([name, data]) => [name, data.slice()]));
    },
    async train(plan, { rows, seed, firstStep, rates, loss, inputs = {} }) {
      const own = optimiserOf(optimiser);
      const losses: number[] = [];
      for (let s = 0; s < rates.length; s++) {
        const out = execute(plan, { rows, inputs, repeat: 1, seed, step: firstStep + s, banks });
        losses.push(out[loss][0]);
        const finite = Number.isFinite(losses[s]);
        const gradient = gradients.get(plan) as Float64Array;
        if (!finite || !own.update(slabs.weights, gradient, rates[s]))
          return { done: s, losses: Float64Array.from(losses) };
      }
      return { done: rates.length, losses: Float64Array.from(losses) };
    },
    readOptimiser: async () => optimiserOf(optimiser).read(),
    writeOptimiser: async (state) => optimiserOf(optimiser).write(state),
    fault: () => undefined, // a fault shows as NaN
    dispose() {},
  };
};
