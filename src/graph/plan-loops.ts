/**
 * Loops in plans. The bodies of a loop are lists of records over values of the same plan. What a body takes from outside are the values
 * of the record's inputs themselves; what it computes lies in slots, taken where the loop stands and free again after it. Gradients
 * of params are sums: the records of a body that make them add to the places of the plan's own sums, step by step.
 */

import { fuse } from "./fuse.ts";
import type { Ground } from "./ground.ts";
import { type Loop, type LoopBody, type LoopGrad, loopOf } from "./loop-data.ts";
import { bytesOf, type PlanBody, type PlanLoop, type PlanRecord } from "./plan-data.ts";
import { rearranged } from "./rearrange.ts";
import { readBy, recordOf, sumsOf } from "./records.ts";
import { rules } from "./rules.ts";
import { simplify } from "./simplify.ts";
import { type Tensor, topological } from "./tensor.ts";

/** Bytes of states for each row that are kept without checkpoints: 2 MiB for a shard of 64 rows. */
const KEEP_BYTES = 32_768;

/** Steps from one checkpoint to the next, and the number of states that are kept: about 2√n, or n where they are small. */
function checkpointsOf({ steps, state }: Loop): { every: number; kept: number } {
  if (steps * state.rows * state.cols * bytesOf(state.dtype) <= KEEP_BYTES) return { every: steps, kept: 1 + steps };
  const every = Math.ceil(Math.sqrt(steps));
  return { every, kept: Math.ceil(steps / every) + every };
}

type Ids = Map<Tensor, number>;

/** The sums that make up a gradient of a param: it is one of them, or adds them. */
function termsOf(t: Tensor): Tensor[] {
  if (rules[t.op].accumulates) return [t];
  if (t.op !== "add")
    throw new Error(`internal: the gradient of a param in a loop is ${t.op}, not a sum over the batch`);
  return t.inputs.flatMap(termsOf);
}

/** Places what a body computes. `sums` are gradients of params, each with the values that it is added to. */
function placeBody(
  results: readonly (Tensor | null)[],
  sums: readonly { readonly of: Tensor; readonly to: readonly number[] }[],
  outer: Ids,
  ground: Ground,
): { records: PlanRecord[]; results: number[] } {
  const made = results.filter((t) => t !== null);
  const roots = fuse(simplify([...made, ...sums.map(({ of }) => of)], { more: rearranged }));
  const targets = new Map<Tensor, number[]>();
  sums.forEach(({ to }, i) => {
    for (const t of termsOf(roots[made.length + i])) targets.set(t, [...(targets.get(t) ?? []), ...to]);
  });
  const ends = new Set(roots.slice(0, made.length));
  const order = topological([...ends, ...targets.keys()], [...outer.keys()]).filter((t) => !outer.has(t));
  const ids: Ids = new Map(outer);
  const idOf = (t: Tensor): number => ids.get(t) as number;
  const lastUse = new Map<Tensor, number>();
  for (const [i, t] of order.entries()) for (const x of [t, ...readBy(t)]) lastUse.set(x, i);
  const loops = sumsOf(order);
  const records: PlanRecord[] = [];
  const own = new Set<Tensor>();
  for (const [i, t] of order.entries()) {
    const to = targets.get(t);
    if (t.op === "constant") ids.set(t, ground.add(t, ground.constant(t)));
    else if (t.op === "scanSum")
      continue; // its loop adds to its places
    else if (to !== undefined) for (const id of to) records.push(recordOf(t, idOf, id));
    else {
      ids.set(t, ground.add(t, ground.take(t)));
      own.add(t);
      const inner = (loops.get(t) ?? []).map((x) => [x.attrs.index as number, targets.get(x) ?? []] as const);
      records.push(recordOf(t, idOf, idOf(t), loopOf(t) && placeLoop(t, ids, new Map(inner), ground)));
    }
    for (const x of new Set([t, ...readBy(t)]))
      if (own.has(x) && !ends.has(x) && lastUse.get(x) === i) ground.pool.release(ground.values[idOf(x)].at);
  }
  for (const t of ends) if (own.has(t)) ground.pool.release(ground.values[idOf(t)].at);
  let at = 0;
  return { records, results: results.map((t) => (t === null ? -1 : idOf(roots[at++]))) };
}

/** Places a loop whose inputs have places; `sums` are, by index, the values that gradients of params are added to. */
export function placeLoop(
  t: Tensor,
  outer: ReadonlyMap<Tensor, number>,
  sums: ReadonlyMap<number, readonly number[]>,
  ground: Ground,
): PlanLoop {
  const gradient = t.op === "scanGrad" ? (t.attrs.grad as LoopGrad) : null;
  const loop = gradient === null ? (t.attrs.loop as Loop) : gradient.loop;
  const { state, fixed, series, params, steps, at } = loop;
  const inputs = (gradient === null ? t.inputs : t.inputs.slice(1)).map((x) => outer.get(x) as number);
  const [ofSeries, ofParams] = [1 + fixed.length, 1 + fixed.length + series.length];
  const ids: Ids = new Map([
    ...fixed.map((x, i) => [x, inputs[1 + i]] as const),
    ...params.map((x, i) => [x, inputs[ofParams + i]] as const),
  ]);
  const taken: number[] = [];
  const own = (x: Tensor): number => {
    const place = ground.take(x);
    taken.push(place.at);
    const id = ground.add(x, place);
    ids.set(x, id);
    return id;
  };
  const constantsOf = ({ constants, table }: LoopBody) => ({
    constants: constants.map((c) => ids.get(c) ?? own(c)),
    table,
  });
  const skipped = gradient === null ? 0 : 1;
  const base = {
    steps,
    at,
    state: own(state),
    series: series.map(own),
    seriesOf: series.map((_, i) => skipped + ofSeries + i),
  };
  const [ofStep, ofEmit] = [constantsOf(loop.step), constantsOf(loop.emit)];
  const bodyOf = (
    constants: ReturnType<typeof constantsOf>,
    results: readonly (Tensor | null)[],
    ofParams: readonly (Tensor | null)[] = [],
  ): PlanBody => {
    const added = ofParams.flatMap((of, i) => (of !== null && sums.has(i) ? [{ of, to: sums.get(i) ?? [] }] : []));
    return { ...constants, ...placeBody(results, added, ids, ground) };
  };
  // All slots that last as long as the loop are taken before those of the bodies, which are free again after each.
  const sweep = gradient && placeSweep(gradient);
  const step = bodyOf(ofStep, [loop.step.result]);
  const emit = gradient ? { ...ofEmit, records: [], results: [] } : bodyOf(ofEmit, [loop.emit.result]);
  const backwards = gradient && sweep && { ...sweep, ...placeCotangents(gradient) };
  for (const slot of taken) ground.pool.release(slot);
  return { ...base, step, emit, ...(backwards && { backwards }) };

  function placeSweep({ wanted, cotangent, seed }: LoopGrad) {
    const { every, kept } = checkpointsOf(loop);
    const states = ground.pool.take(kept * state.rows * state.cols * bytesOf(state.dtype));
    taken.push(states);
    const parts = [state, ...wanted.fixed.map((i) => fixed[i]), ...wanted.series.map((i) => series[i])];
    return { cotangent: own(cotangent), seed: own(seed), widths: parts.map((x) => x.cols), every, states };
  }
  function placeCotangents({ wanted, step, emit }: LoopGrad) {
    const place = (constants: typeof ofStep, results: readonly (Tensor | null)[]): PlanBody => {
      const batches = results.length - wanted.params.length;
      return bodyOf(constants, results.slice(0, batches), results.slice(batches));
    };
    return { step: place(ofStep, step), emit: place(ofEmit, emit) };
  }
}
