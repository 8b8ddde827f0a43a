/**
 * A plan as kernels, in order. Consecutive elementwise records of one shape become one kernel, and values that only this kernel reads
 * are never written.
 */
import { choleskyKernels } from "../../../shaders/cholesky.wgsl.ts";
import { denseKernels } from "../../../shaders/dense.wgsl.ts";
import { denseGradKernels } from "../../../shaders/dense_grad.wgsl.ts";
import { flowKernels } from "../../../shaders/flow.wgsl.ts";
import { indexKernels, outputKernel } from "../../../shaders/index_ops.wgsl.ts";
import type { Kernel, MakeKernels } from "../../../shaders/kernel.ts";
import { isGather, isMap, mapKernel } from "../../../shaders/map.wgsl.ts";
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
  ...denseKernels,
  ...denseGradKernels,
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
  /** The kernels that turn batch outputs into rows for the caller. */
  readonly outputs: readonly Kernel[];
}

/** Whether an op can run here. */
export const hasKernels = (op: string): boolean =>
  isMap(op) || op === "param" || op === "constant" || Object.hasOwn(kernels, op);

/** @throws where a program has ops that this backend lacks. */
export function refuseUnknownOps(program: Program): void {
  for (const { name, records } of Object.values(program.plans)) {
    const odd = Object.values(records)
      .flat()
      .find(({ op }) => !hasKernels(op));
    const why = odd?.loop ? "loops run on wasm only" : "sparse systems are solved on wasm only";
    if (odd)
      throw new Error(
        `webgpu: expected ops that it has, got "${odd.op}" in plan "${name}": ${why}; use backend "wasm", or a surrogate()`,
      );
  }
}

/** The number of buffers of one kernel that every device supports. */
const MOST_BUFFERS = 8;
/** The most chains that wait for further links. */
const MOST_OPEN = 8;

const sameShape = (a: Value, b: Value): boolean => a.kind === b.kind && a.rows === b.rows && a.cols === b.cols;

/** How many records, or outputs of the plan, read a value. */
function readers({ records, outputs }: Plan): ReadonlyMap<number, number> {
  const count = new Map<number, number>();
  const read = (value: number): void => void count.set(value, (count.get(value) ?? 0) + 1);
  for (const { inputs } of Object.values(records).flat()) for (const value of new Set(inputs)) read(value);
  for (const { value } of outputs) read(value);
  return count;
}

/** Records that will be one kernel, with the values that it loads, those that it makes, and those of them that it must write. */
interface Chain {
  readonly links: readonly PlanRecord[];
  readonly loaded: ReadonlySet<number>;
  readonly made: ReadonlySet<number>;
  readonly kept: ReadonlySet<number>;
}

/**
 * The kernels of a phase. A chain stays open while later records are emitted before it, until one of them needs a value that the
 * chain makes, or takes a slot that the chain reads or writes (a slot is reused once its last reader has run). The steps are functions
 * inside of this one, because they share the open chains and the kernels that were emitted.
 */
function kernelsOf(records: readonly PlanRecord[], plan: Plan): Kernel[] {
  const uses = readers(plan);
  const place = (v: number): string => `${plan.values[v].region} ${plan.values[v].at}`;
  const out: Kernel[] = [];
  let open: Chain[] = [];

  const chainOf = (links: readonly PlanRecord[]): Chain => {
    const made = new Set(links.map(({ output }) => output));
    const within = new Map<number, number>();
    for (const { inputs } of links) for (const v of new Set(inputs)) within.set(v, (within.get(v) ?? 0) + 1);
    // Sums must always be written: a gradient may have no reader in the plan.
    const leaves = (v: number): boolean =>
      (uses.get(v) ?? 0) > (within.get(v) ?? 0) || plan.values[v].region === "sums";
    return {
      links,
      made,
      loaded: new Set(links.flatMap(({ inputs }) => inputs).filter((v) => !made.has(v))),
      kept: new Set([...made].filter(leaves)),
    };
  };
  const longer = ({ links, made }: Chain, record: PlanRecord): Chain | null => {
    if (!sameShape(plan.values[links[0].output], plan.values[record.output])) return null;
    if (isGather(record.op) && record.inputs.some((v) => made.has(v))) return null; // it reads entries other than its own
    const chain = chainOf([...links, record]);
    const tables = chain.links.filter(({ op }) => isGather(op)).length;
    const places = [...chain.loaded, ...chain.kept].map(place);
    // No kernel may read and write one slot.
    return places.length + tables <= MOST_BUFFERS && new Set(places).size === places.length ? chain : null;
  };
  const emit = ({ links, kept }: Chain): void => {
    const [first] = links;
    if (links.length === 1 && !isMap(first.op)) out.push(...kernels[first.op](first, plan));
    else out.push(mapKernel(links, kept, plan));
  };
  /** Closes the open chains that must run before a record. */
  const makeWay = (record: PlanRecord, own: Chain | null): void => {
    const target = place(record.output);
    const bars = (chain: Chain): boolean =>
      chain !== own &&
      (record.inputs.some((v) => chain.made.has(v)) ||
        [...chain.loaded, ...chain.kept].some((v) => place(v) === target));
    for (const chain of open) if (bars(chain)) emit(chain);
    open = open.filter((chain) => !bars(chain));
  };
  for (const record of records) {
    if (!isMap(record.op) && !isGather(record.op)) {
      makeWay(record, null);
      out.push(...kernels[record.op](record, plan));
      continue;
    }
    // A chain that makes what the record reads is preferred to others of its shape.
    const candidates = open
      .map((chain) => ({ chain, next: longer(chain, record), near: record.inputs.some((v) => chain.made.has(v)) }))
      .filter(({ next }) => next !== null)
      .sort((a, b) => Number(b.near) - Number(a.near));
    const found = candidates[0] as { chain: Chain; next: Chain } | undefined;
    makeWay(record, found?.chain ?? null);
    if (found) open[open.indexOf(found.chain)] = found.next;
    else open.push(chainOf([record]));
    if (open.length > MOST_OPEN) emit(open.shift() as Chain);
  }
  open.forEach(emit);
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
