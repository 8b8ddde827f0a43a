/**
 * Runs records, and the loops among them in the plainest way: every state is kept, and the sweep back reads it.
 *
 *   s_k+1 = step(s_k),   e_j = emit(s_at(j)),   λ_k = (∂step/∂s)ᵀ λ_k+1 + Σ_{at(j) = k} (∂emit/∂s)ᵀ ē_j
 */
import type { PlanBody, PlanLoop, PlanRecord } from "../../graph/plan.ts";
import { rules } from "../../graph/rules.ts";
import { type Dense, get, type RunState } from "./kernel.ts";
import { kernels } from "./ops.ts";

type Values = readonly Dense[];

/** Writes columns of `from` into columns of `to`, or adds them. */
function copyColumns(to: Dense, at: number, from: Dense, start: number, width: number, add = false): void {
  for (let r = 0; r < to.rows; r++)
    for (let c = 0; c < width; c++) {
      const i = r * to.cols + at + c;
      to.data[i] = (add ? to.data[i] : 0) + get(from, r, start + c);
    }
}

/** Runs a body with the constants of a row of its table. */
function runBody({ records, constants, table }: PlanBody, row: number, values: Values, run: RunState): void {
  for (const [c, id] of constants.entries()) values[id].data[0] = table[row * constants.length + c];
  for (const record of records) {
    const out = values[record.output];
    if (!rules[record.op].accumulates) runRecords([record], values, run);
    else {
      const before = out.data.slice();
      runRecords([record], values, run);
      for (let i = 0; i < before.length; i++) out.data[i] += before[i];
    }
  }
}

function forwards(record: PlanRecord, loop: PlanLoop, values: Values, run: RunState): Float64Array[] {
  const { step, series, seriesOf } = loop;
  const states = [values[record.inputs[loop.backwards ? 1 : 0]].data.slice()];
  for (let k = 0; k < loop.steps; k++) {
    values[loop.state].data.set(states[k]);
    for (const [i, id] of series.entries()) seeSeries(values, id, record.inputs[seriesOf[i]], k);
    runBody(step, k, values, run);
    states.push(values[step.results[0]].data.slice());
  }
  return states;
}

const seeSeries = (values: Values, id: number, of: number, k: number): void =>
  copyColumns(values[id], 0, values[of], k * values[id].cols, values[id].cols);

function scan(record: PlanRecord, loop: PlanLoop, values: Values, run: RunState): void {
  const states = forwards(record, loop, values, run);
  const out = values[record.output];
  loop.at.forEach((k, j) => {
    values[loop.state].data.set(states[k]);
    runBody(loop.emit, j, values, run);
    const emission = values[loop.emit.results[0]];
    copyColumns(out, j * emission.cols, emission, 0, emission.cols);
  });
}

function scanGrad(record: PlanRecord, loop: PlanLoop, values: Values, run: RunState): void {
  const states = forwards(record, loop, values, run);
  const { cotangent, seed, step, emit, widths } = loop.backwards as NonNullable<PlanLoop["backwards"]>;
  const [out, g] = [values[record.output], values[record.inputs[0]]];
  out.data.fill(0);
  const fixed = emit.results.length;
  /** Where the cotangents of the state, of each fixed batch and of each series start. */
  const starts = widths.map((_, i) =>
    widths.slice(0, i).reduce((sum, w, q) => sum + (q < fixed ? w : w * loop.steps), 0),
  );
  const addTo = (i: number, id: number): void => {
    if (id >= 0) copyColumns(out, starts[i], values[id], 0, widths[i], true);
  };
  for (let k = loop.steps; k >= 0; k--) {
    values[loop.state].data.set(states[k]);
    loop.at.forEach((at, j) => {
      if (at !== k) return;
      copyColumns(values[seed], 0, g, j * values[seed].cols, values[seed].cols);
      runBody(emit, j, values, run);
      for (const [i, id] of emit.results.entries()) addTo(i, id);
    });
    if (k === 0) return;
    values[loop.state].data.set(states[k - 1]);
    for (const [i, id] of loop.series.entries()) seeSeries(values, id, record.inputs[loop.seriesOf[i]], k - 1);
    copyColumns(values[cotangent], 0, out, 0, widths[0]);
    runBody(step, k - 1, values, run);
    for (let r = 0; r < out.rows; r++) out.data.fill(0, r * out.cols, r * out.cols + widths[0]);
    step.results.forEach((id, i) => {
      if (i < fixed) addTo(i, id);
      else if (id >= 0) copyColumns(out, starts[i] + (k - 1) * widths[i], values[id], 0, widths[i]);
    });
  }
}

/** Runs records one after another; weights and constants are in place. */
export function runRecords(records: readonly PlanRecord[], values: Values, run: RunState): void {
  for (const record of records) {
    const { op, attrs, inputs, output, loop } = record;
    if (loop !== undefined) (loop.backwards ? scanGrad : scan)(record, loop, values, run);
    else if (op in kernels)
      kernels[op as keyof typeof kernels](
        values[output],
        inputs.map((i) => values[i]),
        attrs,
        run,
      );
  }
}
