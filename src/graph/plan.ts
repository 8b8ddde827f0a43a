/**
 * A plan: the records that an executor runs, in order, as plain data. Records read and write values; a value is in a region:
 *
 *   slot       batch tensors of the current shard; a slot is used again once its last reader has run
 *   weights    the slab of trained parameters        frozen   the slab of untrained ones (scalers, projections)
 *   sums       params that shards add to: first the gradient of the weights slab, entry by entry, then other sums
 *   temporary  params that are computed once for each step   constant  fixed numbers
 *
 * Three phases: `prologue` (params from weights), `shard` (once for each shard of rows), `epilogue` (from sums over all shards).
 */
import type { OpName } from "./names.ts";
import { rules } from "./rules.ts";
import { attrsKey, simplify } from "./simplify.ts";
import { type Attrs, type DType, type Kind, shapeOf, show, type Tensor, topological } from "./tensor.ts";

/** Place of a value. */
export type Region = "slot" | "weights" | "frozen" | "sums" | "temporary" | "constant";
/** When a record runs. */
export type Phase = "prologue" | "shard" | "epilogue";

/** A tensor of the plan, with its place. */
export interface Value {
  readonly kind: Kind;
  readonly rows: number;
  readonly cols: number;
  readonly dtype: DType;
  readonly region: Region;
  /** Index of the slot, or byte offset in the region. */
  readonly at: number;
}
/** One op on values, by their indices. */
export interface PlanRecord {
  readonly op: OpName;
  readonly attrs: Attrs;
  readonly inputs: readonly number[];
  readonly output: number;
}
/** A value that the caller reads. */
export interface PlanOutput {
  readonly name: string;
  readonly value: number;
}
/** An ordered list of records over values in regions. */
export interface Plan {
  readonly name: string;
  /** Rows of the untiled batch that one pass over the shard records takes: fixed by the plan, never by the number of threads. */
  readonly shardRows: number;
  /** Rows of every run if they are known in advance, else 0. */
  readonly rows: number;
  readonly values: readonly Value[];
  readonly records: Readonly<Record<Phase, readonly PlanRecord[]>>;
  /** Bytes of each slot for one row of the untiled batch. */
  readonly slots: readonly number[];
  readonly inputs: readonly { name: string; cols: number; dtype: DType; repeat: boolean }[];
  readonly outputs: readonly PlanOutput[];
  readonly constants: readonly { at: number; dtype: DType; values: readonly number[] }[];
  readonly bytes: {
    readonly temporary: number;
    readonly constant: number;
    readonly sums32: number;
    readonly sums64: number;
  };
  /** Whether `sums` starts with the gradient of the weights. */
  readonly hasGradient: boolean;
}

/** A named param in a slab. */
export interface SlabEntry {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  /** Bytes from the start of the slab, a multiple of 256. */
  readonly offset: number;
  /** Training starts from draws of U(−init, init). */
  readonly init: number;
}
/** Named params one after another in memory. */
export interface Slab {
  readonly entries: readonly SlabEntry[];
  readonly bytes: number;
}

/** Bytes of one number. */
export const bytesOf = (dtype: DType): number => (dtype === "f32" ? 4 : 8);
/** Rounded up to a multiple of `to`. */
export const align = (n: number, to: number): number => Math.ceil(n / to) * to;
/** Each param has at least 32 bytes of slack, so that a kernel may work in whole vectors. */
const paramBytes = (t: { rows: number; cols: number; dtype: DType }): number =>
  align(t.rows * t.cols * bytesOf(t.dtype) + 32, 256);

/** Lays out the named params of all plans, in the order in which the forward graphs use them. @throws when shapes of one name differ. */
export function layOutSlab(leaves: readonly Tensor[]): Slab {
  const entries = new Map<string, SlabEntry>();
  let bytes = 0;
  for (const leaf of leaves) {
    const name = leaf.attrs.name as string;
    const known = entries.get(name);
    if (known !== undefined) {
      if (known.rows !== leaf.rows || known.cols !== leaf.cols) {
        throw new Error(`weights "${name}": expected one shape, got (${known.rows}, ${known.cols}) and ${show(leaf)}`);
      }
      continue;
    }
    entries.set(name, { name, rows: leaf.rows, cols: leaf.cols, offset: bytes, init: leaf.attrs.init as number });
    bytes += paramBytes(leaf);
  }
  return { entries: [...entries.values()], bytes };
}

/** The graph of a plan, and the rows that it is made for. */
export interface PlanSpec {
  readonly name: string;
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Gradient of each named weight, which the plan leaves in the gradient slab. */
  readonly gradients?: ReadonlyMap<string, Tensor>;
  readonly shardRows: number;
  readonly rows?: number;
}

/** Slots by lifetime: a free slot goes to the next value that needs about as much. */
class SlotPool {
  readonly sizes: number[] = [];
  private readonly free: number[] = [];
  take(bytesPerRow: number): number {
    let best = -1;
    for (const slot of this.free) {
      const fits = this.sizes[slot] >= bytesPerRow && this.sizes[slot] <= 2 * bytesPerRow;
      if (fits && (best < 0 || this.sizes[slot] < this.sizes[best])) best = slot;
    }
    if (best < 0) return this.sizes.push(bytesPerRow) - 1;
    this.free.splice(this.free.indexOf(best), 1);
    return best;
  }
  release(slot: number): void {
    this.free.push(slot);
  }
}

interface Graph {
  /** Values that the caller reads, by the names of the request. */
  readonly outputs: readonly Tensor[];
  /** The weight that a node is the gradient of. */
  readonly gradientOf: ReadonlyMap<Tensor, string>;
  /** Every node that they need, each after its inputs. */
  readonly order: readonly Tensor[];
}

function simplified({ outputs: named, gradients = new Map() }: PlanSpec): Graph {
  const read = Object.values(named);
  const roots = simplify([...read, ...gradients.values()]);
  const gradientOf = new Map<Tensor, string>();
  [...gradients.keys()].forEach((name, i) => {
    const node = roots[read.length + i];
    // A gradient that is shared, or is no sum, is copied to its place: kernels of params work in whole vectors, and the numbers
    // that they leave behind the last entry must not reach the norm of the gradient.
    const inPlace = !gradientOf.has(node) && rules[node.op].accumulates;
    gradientOf.set(inPlace ? node : Object.freeze({ ...node, op: "detach", inputs: [node], attrs: {} }), name);
  });
  const outputs = roots.slice(0, read.length);
  return { outputs, gradientOf, order: topological([...outputs, ...gradientOf.keys()]) };
}

/** When each node is computed. @throws when a batch tensor depends on a sum over the same batch. */
function phasesOf(plan: string, order: readonly Tensor[]): ReadonlyMap<Tensor, Phase | "leaf"> {
  const phases = new Map<Tensor, Phase | "leaf">();
  const isLate = (t: Tensor): boolean => phases.get(t) === "epilogue" || rules[t.op].accumulates === true;
  for (const t of order) {
    const late = t.inputs.find(isLate);
    if (t.op === "param" || t.op === "constant") phases.set(t, "leaf");
    else if (t.kind === "param" && !rules[t.op].accumulates) phases.set(t, late ? "epilogue" : "prologue");
    else if (late)
      throw new Error(
        `plan "${plan}": expected ${t.op} to depend on rows and weights only, got a sum over the batch (${late.op})`,
      );
    else phases.set(t, "shard");
  }
  return phases;
}

/** Gives each node of the order a place in a region; `gradientBytes`, those of the weights, come first among the sums. */
function place(
  { outputs, gradientOf, order }: Graph,
  slabs: { readonly weights: Slab; readonly frozen: Slab },
  gradientBytes: number,
) {
  const pool = new SlotPool();
  const bytes = { temporary: 0, constant: 0, sums32: gradientBytes, sums64: 0 };
  const reserve = (key: keyof typeof bytes, t: Tensor): number => {
    const at = bytes[key];
    bytes[key] += paramBytes(t);
    return at;
  };
  const offsetIn = (slab: Slab, name: unknown): number =>
    (slab.entries.find((entry) => entry.name === name) as SlabEntry).offset;
  const placeOf = (t: Tensor): Pick<Value, "region" | "at"> => {
    if (t.kind === "batch") return { region: "slot", at: pool.take(t.rows * t.cols * bytesOf(t.dtype)) };
    if (gradientOf.has(t)) return { region: "sums", at: offsetIn(slabs.weights, gradientOf.get(t)) };
    if (rules[t.op].accumulates) return { region: "sums", at: reserve(t.dtype === "f32" ? "sums32" : "sums64", t) };
    if (t.op === "constant") return { region: "constant", at: reserve("constant", t) };
    if (t.op !== "param") return { region: "temporary", at: reserve("temporary", t) };
    const region = t.attrs.frozen ? "frozen" : "weights";
    return { region, at: offsetIn(slabs[region], t.attrs.name) };
  };

  const lastUse = new Map(outputs.map((t) => [t, order.length]));
  for (const [i, t] of order.entries())
    for (const x of [t, ...t.inputs]) lastUse.set(x, Math.max(i, lastUse.get(x) ?? 0));
  const values = new Map<Tensor, Value>();
  for (const [i, t] of order.entries()) {
    values.set(t, { ...shapeOf(t), ...placeOf(t) });
    // Only after the output has its place: it never shares the slot of an input.
    for (const x of new Set([t, ...t.inputs]))
      if (x.kind === "batch" && lastUse.get(x) === i) pool.release((values.get(x) as Value).at);
  }
  /** The f64 sums lie after the f32 ones. */
  const settle = (v: Value): Value =>
    v.region === "sums" && v.dtype === "f64" ? { ...v, at: v.at + bytes.sums32 } : v;
  return { values: [...values.values()].map(settle), slots: pool.sizes, bytes };
}

/** Inputs that the caller gives for each run. @throws if two inputs of the same name differ. */
function inputsOf(plan: string, order: readonly Tensor[]): Plan["inputs"] {
  const inputs = order
    .filter((t) => t.op === "input")
    .map((t) => ({ name: t.attrs.name as string, cols: t.cols, dtype: t.dtype, repeat: t.attrs.repeat as boolean }));
  const twice = inputs.find((a, i) => inputs.findIndex((b) => b.name === a.name) < i);
  if (twice) throw new Error(`plan "${plan}": expected one width, type and repeat for input "${twice.name}", got two`);
  return inputs;
}

/** Orders, places and records a graph. @throws when inputs clash, or a batch tensor depends on a sum over the same batch. */
export function makePlan(spec: PlanSpec, weights: Slab, frozen: Slab): Plan {
  const graph = simplified(spec);
  const { outputs, order } = graph;
  const phases = phasesOf(spec.name, order);
  const hasGradient = spec.gradients !== undefined;
  const { values, slots, bytes } = place(graph, { weights, frozen }, hasGradient ? weights.bytes : 0);
  const ids = new Map(order.map((t, i) => [t, i]));
  const idOf = (t: Tensor): number => ids.get(t) as number;
  const recordsOf = (phase: Phase): PlanRecord[] =>
    order
      .filter((t) => phases.get(t) === phase)
      .map((t) => ({ op: t.op, attrs: t.attrs, inputs: t.inputs.map(idOf), output: idOf(t) }));
  return {
    name: spec.name,
    shardRows: spec.shardRows,
    rows: spec.rows ?? 0,
    values,
    records: { prologue: recordsOf("prologue"), shard: recordsOf("shard"), epilogue: recordsOf("epilogue") },
    slots,
    inputs: inputsOf(spec.name, order),
    outputs: Object.keys(spec.outputs).map((name, i) => ({ name, value: idOf(outputs[i]) })),
    constants: order
      .filter((t) => t.op === "constant")
      .map((t) => ({ at: values[idOf(t)].at, dtype: t.dtype, values: t.attrs.values as number[] })),
    bytes,
    hasGradient,
  };
}

/** Floating-point operations, and bytes read and written, of one run over `rows` rows. */
export function cost(plan: Plan, rows: number): { flops: number; bytes: number } {
  let flops = 0;
  let bytes = 0;
  const size = (v: Value): number => (v.kind === "batch" ? v.rows * rows : v.rows) * v.cols * bytesOf(v.dtype);
  for (const record of Object.values(plan.records).flat()) {
    const node = {
      ...plan.values[record.output],
      op: record.op,
      attrs: record.attrs,
      inputs: record.inputs.map((i) => plan.values[i]),
    };
    flops += rules[record.op].flops?.(node as unknown as Tensor, rows) ?? 0;
    bytes += [record.output, ...record.inputs].reduce((n, i) => n + size(plan.values[i]), 0);
  }
  return { flops, bytes };
}

/** The plan as text, one line for each record: `%7 slot 3 = dense(%5, %6) {"bias":true,…}  (B, 100) f32`. */
export function printPlan(plan: Plan): string {
  const name = (i: number): string => {
    const v = plan.values[i];
    return `%${i}[${v.region} ${v.at}]`;
  };
  const lines = [
    `plan ${plan.name}: shards of ${plan.shardRows} rows, ${plan.slots.length} slots, ${plan.slots.reduce((a, b) => a + b, 0)} bytes a row`,
  ];
  for (const [phase, records] of Object.entries(plan.records)) {
    if (records.length > 0) lines.push(`${phase}:`);
    for (const r of records) {
      const v = plan.values[r.output];
      const attrs = Object.keys(r.attrs).length > 0 ? ` ${attrsKey(r.attrs).slice(0, 80)}` : "";
      lines.push(`  ${name(r.output)} = ${r.op}(${r.inputs.map(name).join(", ")})${attrs}  ${show(v)} ${v.dtype}`);
    }
  }
  for (const o of plan.outputs) lines.push(`output ${o.name} = ${name(o.value)}`);
  return lines.join("\n");
}
