/**
 * Tangent loops: (s, ds_1, …, ds_D) ↦ (step(s), J ds_1 + …, …, J ds_D + …), with J the Jacobian of a step by the state, and the dots its
 * Jacobians by what the loop takes from outside. Several tangents of one loop share its states, so they are merged into one loop
 * before a plan is made, together with the loop itself; inputs whose tangent is 0 are left out.
 */
import { apply } from "./apply.ts";
import { columns, concat, constant, mul, ones, slice } from "./build.ts";
import { byIdentity, placeholder, substitute } from "./loop.ts";
import type { Loop, LoopGrad } from "./loop-data.ts";
import { rearranged } from "./rearrange.ts";
import { simplify } from "./simplify.ts";
import { shapeOf, type Tensor, topological } from "./tensor.ts";
import type { Grad } from "./vjp.ts";

/** Zeros in the shape of a batch. */
export const zeros = ({ cols, dtype, rows }: Tensor): Tensor =>
  mul(ones(dtype, rows), constant(new Float64Array(cols), dtype));

/** Tangents of what a body computes, from those of some of its leaves; null: no dependence. */
function push(result: Tensor, pairs: readonly (readonly [leaf: Tensor, tangent: Tensor])[], grad: Grad): Tensor | null {
  const any = placeholder(shapeOf(result));
  const pulled = grad(
    result,
    pairs.map(([leaf]) => leaf),
    any,
  );
  const used = pairs.flatMap(([, tangent], i) => (pulled[i] === null ? [] : [[pulled[i], tangent] as const]));
  const batches = used.filter(([p]) => p.kind === "batch");
  const sweeps = used.filter(([p]) => p.kind === "param");
  // One sweep for all batches, side by side.
  if (batches.length > 0)
    sweeps.push([concat(...batches.map(([p]) => p)), concat(...batches.map(([, tangent]) => tangent))]);
  const parts = sweeps.flatMap(([p, tangent]) => grad(p, [any], tangent).filter((t) => t !== null));
  return parts.length === 0 ? null : parts.reduce((a, b) => apply("add", [a, b]));
}

/** The inputs, by position, whose tangents a tangent takes, beside that of the state. */
interface Along {
  readonly fixed: readonly number[];
  readonly series: readonly number[];
  readonly params: readonly number[];
}

/**
 * The loop with several tangents: of each, its own fixed batches, series and params follow those of the loop, tangent by tangent. It
 * emits `value`, what the loop emits, if that is asked for, then the tangents of it.
 */
function withTangents(loop: Loop, all: readonly Along[], value: boolean, grad: Grad): Loop {
  const S = loop.state.cols;
  const state = placeholder({ ...shapeOf(loop.state), cols: (1 + all.length) * S });
  const own = (t: Tensor): Tensor => placeholder(shapeOf(t));
  const tangents = all.map((along, d) => {
    const fixed = along.fixed.map((i) => [loop.fixed[i], own(loop.fixed[i])] as const);
    const series = along.series.map((i) => [loop.series[i], own(loop.series[i])] as const);
    const params = along.params.map((i) => [loop.params[i], own(loop.params[i])] as const);
    const ofState = [loop.state, slice(state, (1 + d) * S, (2 + d) * S)] as const;
    const step = push(loop.step.result, [ofState, ...fixed, ...series, ...params], grad) ?? zeros(loop.state);
    const emit = push(loop.emit.result, [ofState, ...fixed, ...params], grad) ?? zeros(loop.emit.result);
    return { fixed, series, params, step, emit };
  });
  const bodies = [
    concat(loop.step.result, ...tangents.map((t) => t.step)),
    concat(...(value ? [loop.emit.result] : []), ...tangents.map((t) => t.emit)),
  ];
  const replaced = substitute(bodies, new Map([[loop.state, slice(state, 0, S)]]));
  const [next, emitted] = simplify(replaced, { more: rearranged, keep: "detach" });
  const placeholders = (part: "fixed" | "series" | "params"): Tensor[] => [
    ...loop[part],
    ...tangents.flatMap((t) => t[part].map(([, tangent]) => tangent)),
  ];
  return byIdentity({
    ...loop,
    state,
    fixed: placeholders("fixed"),
    series: placeholders("series"),
    params: placeholders("params"),
    step: { ...loop.step, result: next },
    emit: { ...loop.emit, result: emitted },
    tangent: undefined,
  });
}

const known = new WeakMap<LoopGrad, Map<string, Loop>>();
function remembered(gradient: LoopGrad, key: string, make: () => Loop): Loop {
  const others = known.get(gradient) ?? new Map<string, Loop>();
  known.set(gradient, others);
  const before = others.get(key);
  if (before !== undefined) return before;
  const made = make();
  others.set(key, made);
  return made;
}

/** The loop of (s, ds) along all wanted inputs that are not params. It emits the tangent alone. */
export const tangentOf = (gradient: LoopGrad, grad: Grad): Loop =>
  remembered(gradient, "batches", () => {
    const made = withTangents(gradient.loop, [{ ...gradient.wanted, params: [] }], false, grad);
    return byIdentity({ ...made, tangent: { gradient, grad } });
  });

/** The loop of (s, ds) along one wanted param. */
export const tangentOfParam = (gradient: LoopGrad, param: number, grad: Grad): Loop =>
  remembered(gradient, `param ${param}`, () => {
    const along = { fixed: [], series: [], params: [gradient.wanted.params[param]] };
    return withTangents(gradient.loop, [along], false, grad);
  });

// ---- tangents of one loop together

/** Whether each column of a tensor is 0 whatever the inputs of the graph are. */
function zeroColumns(t: Tensor, known: Map<Tensor, readonly boolean[]>): readonly boolean[] {
  const before = known.get(t);
  if (before !== undefined) return before;
  const of = (x: Tensor): readonly boolean[] => zeroColumns(x, known);
  const all = (x: Tensor): readonly boolean[] => {
    const zero = of(x);
    return zero.length === t.cols ? zero : new Array<boolean>(t.cols).fill(zero[0]);
  };
  const both = (join: (a: boolean, b: boolean) => boolean): readonly boolean[] => {
    const [a, b] = t.inputs.map(all);
    return a.map((zero, c) => join(zero, b[c]));
  };
  const table: Partial<Record<Tensor["op"], () => readonly boolean[]>> = {
    constant: () => (t.rows === 1 ? (t.attrs.values as number[]).map((v) => v === 0) : []),
    mul: () => both((a, b) => a || b),
    add: () => both((a, b) => a && b),
    sub: () => both((a, b) => a && b),
    neg: () => of(t.inputs[0]),
    concat: () => t.inputs.flatMap(of),
    columns: () => (t.attrs.indices as number[]).map((c) => c < 0 || of(t.inputs[0])[c]),
  };
  const found = table[t.op]?.() ?? [];
  const zero = found.length === t.cols ? found : new Array<boolean>(t.cols).fill(false);
  known.set(t, zero);
  return zero;
}

/** A tangent in the graph: its loop's inputs, and its own, by what they are tangents of. */
interface Member {
  readonly node: Tensor;
  readonly base: readonly Tensor[];
  readonly state: Tensor;
  readonly fixed: readonly Tensor[];
  readonly series: readonly Tensor[];
}

function memberOf(node: Tensor): Member | undefined {
  const { tangent } = (node.op === "scan" ? node.attrs.loop : {}) as Partial<Loop>;
  if (tangent === undefined) return undefined;
  const { loop, wanted } = tangent.gradient;
  const [both, ...rest] = node.inputs;
  if (both.op !== "concat" || both.inputs.length !== 2 || both.inputs[0].cols !== loop.state.cols) return undefined;
  const take = (count: number): Tensor[] => rest.splice(0, count);
  const fixed = take(loop.fixed.length);
  const ofFixed = take(wanted.fixed.length);
  const series = take(loop.series.length);
  const ofSeries = take(wanted.series.length);
  return {
    node,
    base: [both.inputs[0], ...fixed, ...series, ...rest],
    state: both.inputs[1],
    fixed: ofFixed,
    series: ofSeries,
  };
}

const sameList = (a: readonly Tensor[], b: readonly Tensor[]): boolean =>
  a.length === b.length && a.every((t, i) => t === b[i]);

/** One node for all members, and what stands for each of them and for the loop itself. */
function merge(members: readonly Member[], value: Tensor | undefined): Map<Tensor, Tensor> {
  const [{ node, base }] = members;
  const { gradient, grad } = (node.attrs.loop as Loop).tangent as NonNullable<Loop["tangent"]>;
  const { loop, wanted } = gradient;
  const zeroes = new Map<Tensor, readonly boolean[]>();
  const moves = (t: Tensor): boolean => !zeroColumns(t, zeroes).every((zero) => zero);
  const alive = (list: readonly Tensor[]): number[] => list.flatMap((t, i) => (moves(t) ? [i] : []));
  const parts = members.map((m) => ({ ...m, ofFixed: alive(m.fixed), ofSeries: alive(m.series) }));
  const all = parts.map(({ ofFixed, ofSeries }) => ({
    fixed: ofFixed.map((i) => wanted.fixed[i]),
    series: ofSeries.map((i) => wanted.series[i]),
    params: [],
  }));
  const [ofSeries, ofParams] = [1 + loop.fixed.length, 1 + loop.fixed.length + loop.series.length];
  const merged = apply(
    "scan",
    [
      concat(base[0], ...members.map((m) => m.state)),
      ...base.slice(1, ofSeries),
      ...parts.flatMap((p) => p.ofFixed.map((i) => p.fixed[i])),
      ...base.slice(ofSeries, ofParams),
      ...parts.flatMap((p) => p.ofSeries.map((i) => p.series[i])),
      ...base.slice(ofParams),
    ],
    { loop: withTangents(loop, all, value !== undefined, grad) },
  );
  const Y = loop.emit.result.cols;
  const width = merged.cols / loop.at.length;
  const part = (q: number): Tensor =>
    columns(
      merged,
      Array.from({ length: loop.at.length * Y }, (_, i) => Math.floor(i / Y) * width + q * Y + (i % Y)),
    );
  const nodes = [...(value === undefined ? [] : [value]), ...members.map((m) => m.node)];
  return new Map(nodes.map((t, q) => [t, part(q)]));
}

/** The same outputs with all tangents of a loop, and the loop itself, in one loop. */
export function mergeTangents(outputs: readonly Tensor[]): readonly Tensor[] {
  const order = topological(outputs);
  const all = order.flatMap((t) => memberOf(t) ?? []);
  if (all.length === 0) return outputs;
  const { tangent } = all[0].node.attrs.loop as Loop;
  const like = all.filter(
    (m) => (m.node.attrs.loop as Loop).tangent?.gradient === tangent?.gradient && sameList(m.base, all[0].base),
  );
  const nodes = new Set(like.map((m) => m.node));
  // A tangent that is made of another one waits for it.
  const free = like.filter((m) => !topological(m.node.inputs).some((t) => nodes.has(t)));
  const before = new Set(topological(free.flatMap((m) => m.node.inputs)));
  const value = order.find(
    (t) =>
      t.op === "scan" && t.attrs.loop === tangent?.gradient.loop && sameList(t.inputs, all[0].base) && !before.has(t),
  );
  const by = merge(free, value);
  const made = new Map<Tensor, Tensor>();
  for (const t of topological([...by.values(), ...outputs])) {
    const inputs = t.inputs.map((x) => made.get(by.get(x) ?? x) as Tensor);
    made.set(t, inputs.every((x, i) => x === t.inputs[i]) ? t : Object.freeze({ ...t, inputs }));
  }
  return mergeTangents(outputs.map((t) => made.get(by.get(t) ?? t) as Tensor));
}
