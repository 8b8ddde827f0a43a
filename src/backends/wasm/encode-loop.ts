/** Encodes loops, as assembly/scan.ts reads them: programs that have some load this. */
import type { PlanBody } from "../../graph/plan.ts";
import type { LoopTask } from "./encode-plan.ts";

/** Appends a loop to its record: what it runs and where, then its bodies. */
export function encodeLoop({ code, start, record, loop, plan, valueAt, table, emitRecord }: LoopTask): void {
  const { steps, at, state, series, seriesOf, backwards } = loop;
  const { dtype } = plan.values[state];
  const placeOf = (i: number): number => (i < 0 ? 0 : valueAt(plan.values[i]));
  const slotAt = (slot: number): number => valueAt({ ...plan.values[state], at: slot });
  const first = code.length;
  const offset = (): number => (code.length - start) * 4;
  code.push(steps, at.length, table(at), placeOf(state), 0, series.length, 0, 0, 0, 0);
  code.push(...(backwards ? [placeOf(backwards.cotangent), placeOf(backwards.seed), backwards.every] : [0, 0, 0]));
  code.push(backwards ? slotAt(backwards.states) : 0, 0);
  /** Notes in a word where a part starts, and appends it. */
  const part = (word: number, write: () => void): void => {
    code[first + word] = offset();
    write();
  };
  const emitBody = (body: PlanBody): void => {
    const at = code.length;
    code.push(0, 0, body.constants.length, table(body.table, dtype), body.results.length);
    code.push(...body.constants.map(placeOf), ...body.results.map(placeOf));
    code[at] = offset();
    body.records.forEach(emitRecord);
    code[at + 1] = offset();
  };
  part(4, () => {
    for (const [i, id] of series.entries())
      code.push(placeOf(id), plan.values[id].cols, placeOf(record.inputs[seriesOf[i]]));
  });
  part(6, () => emitBody(loop.step));
  part(7, () => emitBody(loop.emit)); // which has no records in a gradient
  if (backwards === undefined) return;
  part(8, () => emitBody(backwards.step));
  part(9, () => emitBody(backwards.emit));
  part(14, () => code.push(...backwards.widths));
}
