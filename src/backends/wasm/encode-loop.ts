/** Encodes loops, as assembly/scan.ts reads them: programs that have some load this. */
import type { PlanBody } from "../../graph/plan.ts";
import type { Program } from "../../graph/program.ts";
import type { EncodeLoop, LoopTask } from "./encode-plan.ts";
import type { KernelBuild } from "./kernels-url.ts";
import { type LoopCode, loopCode, type Part } from "./loop-code.ts";

/** How the loops of a program are encoded, and the code that is generated for them. */
export interface Loops {
  readonly encode: EncodeLoop;
  readonly module?: WebAssembly.Module;
}
/** For which kernels, whether over a memory that threads share, and whether code is generated at all. */
export interface LoopOptions {
  readonly build: KernelBuild;
  readonly shared: boolean;
  readonly generated: boolean;
}
/** Makes the code of the loops of a program. */
export async function makeLoops(program: Program, { build, shared, generated }: LoopOptions): Promise<Loops> {
  const made = generated ? await loopCode(program, build, shared) : undefined;
  return { encode: (task) => encodeLoop(task, made?.parts), module: made?.module };
}

/** Appends a loop to its record: what it runs and where, then its bodies. */
function encodeLoop(
  { code, start, record, loop, plan, valueAt, opcode, table, emitRecord }: LoopTask,
  parts: LoopCode["parts"] | undefined,
): void {
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
  const emitPart = (part: Part): void => {
    if (!("operands" in part)) {
      emitRecord(part);
      return;
    }
    const { name, operands, numbers } = part;
    const at = numbers.length > 0 ? table(numbers, dtype) : 0;
    code.push(opcode(name), 4 * (3 + operands.length), at, ...operands.map(placeOf));
  };
  const emitBody = (body: PlanBody): void => {
    const at = code.length;
    code.push(0, 0, body.constants.length, table(body.table, dtype), body.results.length);
    code.push(...body.constants.map(placeOf), ...body.results.map(placeOf));
    code[at] = offset();
    (parts?.get(body) ?? body.records).forEach(emitPart);
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
