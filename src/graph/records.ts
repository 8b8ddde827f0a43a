/** Records of a plan, and how loops differ from the others. */
import type { PlanBody, PlanLoop, PlanRecord } from "./plan-data.ts";
import type { Tensor } from "./tensor.ts";

/** The inputs whose numbers a record reads: `scanSum` has those of its loop for the sake of its derivative alone. */
export const readBy = ({ op, inputs }: Tensor): readonly Tensor[] => (op === "scanSum" ? inputs.slice(0, 1) : inputs);

/** The sums of each `scanGrad`. */
export function sumsOf(order: readonly Tensor[]): ReadonlyMap<Tensor, Tensor[]> {
  const sums = new Map<Tensor, Tensor[]>();
  for (const t of order) if (t.op === "scanSum") sums.set(t.inputs[0], [...(sums.get(t.inputs[0]) ?? []), t]);
  return sums;
}

/** The record of a node. */
export function recordOf(t: Tensor, idOf: (t: Tensor) => number, output: number, loop?: PlanLoop): PlanRecord {
  const record = { op: t.op, attrs: t.attrs, inputs: readBy(t).map(idOf), output };
  return loop === undefined ? record : { ...record, attrs: {}, loop };
}

/** The bodies of a loop, with how often each runs. */
export function bodiesOf(loop: PlanLoop): { what: string; body: PlanBody; runs: number }[] {
  const { steps, at, step, emit, backwards } = loop;
  const first = { what: "step", body: step, runs: steps };
  if (backwards === undefined) return [first, { what: "emit", body: emit, runs: at.length }];
  const again = backwards.every < steps ? 2 * steps - backwards.every : steps;
  return [
    { ...first, runs: again },
    { what: "step backwards", body: backwards.step, runs: steps },
    { what: "emit backwards", body: backwards.emit, runs: at.length },
  ];
}
