/** Makes plans of graphs: order, lifetimes, places. The parts of a plan are in plan-data.ts. */
import { Ground } from "./ground.ts";
import { loopOf } from "./loop-data.ts";
import {
  bytesOf,
  type Phase,
  type Plan,
  type PlanLoop,
  type PlanRecord,
  paramBytes,
  type Slab,
  type SlabEntry,
  type Value,
} from "./plan-data.ts";
import { bodiesOf, readBy, recordOf, sumsOf } from "./records.ts";
import { rules } from "./rules.ts";
import { attrsKey, simplify } from "./simplify.ts";
import { shapeOf, show, type Tensor, topological } from "./tensor.ts";

export * from "./plan-data.ts";

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
  let roots = simplify([...read, ...gradients.values()]);
  const loop = topological(roots).map(loopOf).find(Boolean);
  if (loop !== undefined) roots = simplify(loop.methods.merge(roots));
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
  const ground = new Ground(gradientBytes);
  const { values } = ground;
  const offsetIn = (slab: Slab, name: unknown): number =>
    (slab.entries.find((entry) => entry.name === name) as SlabEntry).offset;
  const placeOf = (t: Tensor): Pick<Value, "region" | "at"> => {
    if (t.kind === "batch") return ground.take(t);
    if (gradientOf.has(t)) return { region: "sums", at: offsetIn(slabs.weights, gradientOf.get(t)) };
    if (rules[t.op].accumulates)
      return { region: "sums", at: ground.reserve(t.dtype === "f32" ? "sums32" : "sums64", t) };
    if (t.op === "constant") return ground.constant(t);
    if (t.op !== "param") return { region: "temporary", at: ground.reserve("temporary", t) };
    const region = t.attrs.frozen ? "frozen" : "weights";
    return { region, at: offsetIn(slabs[region], t.attrs.name) };
  };

  const ids = new Map(order.map((t, i) => [t, i]));
  values.length = order.length; // those of the bodies of loops follow
  const set = (t: Tensor): void => {
    values[ids.get(t) as number] ??= { ...shapeOf(t), ...placeOf(t) };
  };
  const lastUse = new Map(outputs.map((t) => [t, order.length]));
  for (const [i, t] of order.entries())
    for (const x of [t, ...readBy(t)]) lastUse.set(x, Math.max(i, lastUse.get(x) ?? 0));
  const loops = new Map<Tensor, PlanLoop>();
  const sums = sumsOf(order);
  for (const [i, t] of order.entries()) {
    set(t);
    const loop = loopOf(t);
    if (loop !== undefined) {
      const own = sums.get(t) ?? [];
      own.forEach(set); // the loop adds to them
      const places = new Map(own.map((x) => [x.attrs.index as number, [ids.get(x) as number]]));
      loops.set(t, loop.methods.place(t, ids, places, ground));
    }
    // Only after the output has its place: it never shares the slot of an input.
    for (const x of new Set([t, ...readBy(t)]))
      if (x.kind === "batch" && lastUse.get(x) === i) ground.pool.release(values[ids.get(x) as number].at);
  }
  /** The f64 sums lie after the f32 ones. */
  const settle = (v: Value): Value =>
    v.region === "sums" && v.dtype === "f64" ? { ...v, at: v.at + ground.bytes.sums32 } : v;
  return {
    values: values.map(settle),
    ids,
    loops,
    slots: ground.pool.sizes,
    bytes: ground.bytes,
    constants: ground.constants,
  };
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
  const { values, ids, loops, slots, bytes, constants } = place(
    graph,
    { weights, frozen },
    hasGradient ? weights.bytes : 0,
  );
  const idOf = (t: Tensor): number => ids.get(t) as number;
  const recordsOf = (phase: Phase): PlanRecord[] =>
    order
      .filter((t) => phases.get(t) === phase && t.op !== "scanSum")
      .map((t) => recordOf(t, idOf, idOf(t), loops.get(t)));
  return {
    name: spec.name,
    shardRows: spec.shardRows,
    rows: spec.rows ?? 0,
    values,
    records: { prologue: recordsOf("prologue"), shard: recordsOf("shard"), epilogue: recordsOf("epilogue") },
    slots,
    inputs: inputsOf(spec.name, order),
    outputs: Object.keys(spec.outputs).map((name, i) => ({ name, value: idOf(outputs[i]) })),
    constants,
    bytes,
    hasGradient,
  };
}

/** Floating-point operations, and bytes read and written, of one run over `rows` rows. */
export function cost(plan: Plan, rows: number): { flops: number; bytes: number } {
  const total = { flops: 0, bytes: 0 };
  const size = (v: Value): number => (v.kind === "batch" ? v.rows * rows : v.rows) * v.cols * bytesOf(v.dtype);
  const count = (records: readonly PlanRecord[], times: number): void => {
    for (const record of records) {
      const node = {
        ...plan.values[record.output],
        op: record.op,
        attrs: record.attrs,
        inputs: record.inputs.map((i) => plan.values[i]),
      };
      total.flops += times * (rules[record.op].flops?.(node as unknown as Tensor, rows) ?? 0);
      total.bytes += times * [record.output, ...record.inputs].reduce((n, i) => n + size(plan.values[i]), 0);
      if (record.loop) for (const { body, runs } of bodiesOf(record.loop)) count(body.records, times * runs);
    }
  };
  count(Object.values(plan.records).flat(), 1);
  return total;
}

/** The plan as text, one line for each record: `%7 slot 3 = dense(%5, %6) {"bias":true,…}  (B, 100) f32`. */
export function printPlan(plan: Plan): string {
  const name = (i: number): string => {
    const v = plan.values[i];
    return i < 0 ? "0" : `%${i}[${v.region} ${v.at}]`;
  };
  const lines = [
    `plan ${plan.name}: shards of ${plan.shardRows} rows, ${plan.slots.length} slots, ${plan.slots.reduce((a, b) => a + b, 0)} bytes a row`,
  ];
  const print = (records: readonly PlanRecord[], indent: string): void => {
    for (const r of records) {
      const v = plan.values[r.output];
      const attrs = Object.keys(r.attrs).length > 0 ? ` ${attrsKey(r.attrs).slice(0, 80)}` : "";
      lines.push(
        `${indent}${name(r.output)} = ${r.op}(${r.inputs.map(name).join(", ")})${attrs}  ${show(v)} ${v.dtype}`,
      );
      if (r.loop === undefined) continue;
      for (const { what, body, runs } of bodiesOf(r.loop)) {
        lines.push(`${indent}  ${what}, ${runs} times → ${body.results.map(name).join(", ")}:`);
        print(body.records, `${indent}    `);
      }
    }
  };
  for (const [phase, records] of Object.entries(plan.records)) {
    if (records.length > 0) lines.push(`${phase}:`);
    print(records, "  ");
  }
  for (const o of plan.outputs) lines.push(`output ${o.name} = ${name(o.value)}`);
  return lines.join("\n");
}
