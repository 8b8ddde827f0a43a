/**
 * A plan as kernels, in order. Elementwise records of one shape that follow one another become one kernel, and what none but they
 * read is never written.
 */
import { choleskyKernels } from "../../../shaders/cholesky.wgsl.ts";
import { flowKernels } from "../../../shaders/flow.wgsl.ts";
import { indexKernels, outputKernel } from "../../../shaders/index_ops.wgsl.ts";
import type { Kernel, MakeKernels } from "../../../shaders/kernel.ts";
import { isMap, mapKernel } from "../../../shaders/map.wgsl.ts";
import { randomKernels } from "../../../shaders/random.wgsl.ts";
import { reduceKernels } from "../../../shaders/reduce.wgsl.ts";
import { sparseKernels } from "../../../shaders/sparse.wgsl.ts";
import { triangleKernels } from "../../../shaders/triangle.wgsl.ts";
import type { Phase, Plan, PlanRecord, Value } from "../../graph/plan.ts";
import type { Program } from "../../graph/program.ts";

/** Op → kernels; the elementwise ones are in map.wgsl.ts. */
const kernels: Readonly<Record<string, MakeKernels>> = {
  ...indexKernels,
  ...reduceKernels,
  ...randomKernels,
  ...triangleKernels,
  ...choleskyKernels,
  ...flowKernels,
  ...sparseKernels,
};

export interface Schedule {
  readonly plan: Plan;
  readonly prologue: readonly Kernel[];
  readonly shard: readonly Kernel[];
  readonly epilogue: readonly Kernel[];
  /** Of outputs that are batches: rows for the caller. */
  readonly outputs: readonly Kernel[];
}

/** Whether an op can run here. */
export const hasKernels = (op: string): boolean =>
  isMap(op) || op === "param" || op === "constant" || Object.hasOwn(kernels, op);

/** @throws where a program has ops that this backend has not. */
export function refuseUnknownOps(program: Program): void {
  for (const { name, records } of Object.values(program.plans)) {
    const odd = Object.values(records)
      .flat()
      .find(({ op }) => !hasKernels(op));
    if (odd)
      throw new Error(
        `webgpu: expected ops that it has, got "${odd.op}" in plan "${name}": sparse systems are solved on wasm only; use backend "wasm", or a surrogate()`,
      );
  }
}

/** Buffers of one kernel that every device has. */
const MOST_BUFFERS = 8;

const sameShape = (a: Value, b: Value): boolean => a.kind === b.kind && a.rows === b.rows && a.cols === b.cols;

/** Values that a record outside of a phase's chain reads, or that leave the plan: by value, how many read it. */
function readers({ records, outputs }: Plan): Map<number, number> {
  const count = new Map<number, number>();
  const read = (value: number): void => void count.set(value, (count.get(value) ?? 0) + 1);
  for (const { inputs } of Object.values(records).flat()) for (const value of new Set(inputs)) read(value);
  for (const { value } of outputs) read(value);
  return count;
}

/** Splits records of a phase into kernels. */
function kernelsOf(records: readonly PlanRecord[], plan: Plan): Kernel[] {
  const uses = readers(plan);
  const out: Kernel[] = [];
  let chain: PlanRecord[] = [];

  /** What of the chain is read by others, or lies where it must be left: sums and gradients. */
  const keptOf = (links: readonly PlanRecord[]): Set<number> => {
    const within = new Map<number, number>();
    for (const { inputs } of links) for (const v of new Set(inputs)) within.set(v, (within.get(v) ?? 0) + 1);
    return new Set(
      links
        .map(({ output }) => output)
        .filter((v) => (uses.get(v) ?? 0) > (within.get(v) ?? 0) || plan.values[v].region === "sums"),
    );
  };
  const place = (v: number): string => `${plan.values[v].region} ${plan.values[v].at}`;
  /** Slots are taken again by later values: no kernel may read and write one slot. */
  const fits = (links: readonly PlanRecord[]): boolean => {
    const made = new Set(links.map(({ output }) => output));
    const loaded = new Set(links.flatMap(({ inputs }) => inputs).filter((v) => !made.has(v)));
    const kept = keptOf(links);
    if (loaded.size + kept.size > MOST_BUFFERS) return false;
    const places = [...loaded, ...kept].map(place);
    return new Set(places).size === places.length;
  };
  const close = (): void => {
    if (chain.length > 0) out.push(mapKernel(chain, keptOf(chain), plan));
    chain = [];
  };
  for (const record of records) {
    if (!isMap(record.op)) {
      close();
      out.push(...kernels[record.op](record, plan));
      continue;
    }
    const longer = [...chain, record];
    if (chain.length > 0 && !(sameShape(plan.values[chain[0].output], plan.values[record.output]) && fits(longer)))
      close();
    chain.push(record);
  }
  close();
  return out;
}

export function scheduleOf(plan: Plan): Schedule {
  const phase = (name: Phase): Kernel[] => kernelsOf(plan.records[name], plan);
  const outputs = plan.outputs.flatMap(({ name, value }) => {
    const { kind, cols, rows } = plan.values[value];
    return kind === "batch" ? [outputKernel(name, value, cols, rows)] : [];
  });
  return { plan, prologue: phase("prologue"), shard: phase("shard"), epilogue: phase("epilogue"), outputs };
}
