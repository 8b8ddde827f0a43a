/**
 * Runs a simulator at drawn parameters. Simulations in the bank file are taken from there; the rest is simulated and appended to it.
 * Row i of a seed has the same parameters in every run, so the result depends neither on the batches, nor on the number of
 * concurrent calls, nor on where a run was interrupted.
 */

import { randomWord, STREAMS } from "../numbers/random.ts";
import type { Problem } from "../problem/problem.ts";
import type { CallSettings, Simulator } from "../problem/simulator.ts";
import type { Outcome } from "./answer.ts";
import { type BankFile, openBankFile } from "./bank-file.ts";
import { failureOf, type Job, runCalls } from "./calls.ts";
import { conditioned, droppedWarning, refuseHopeless, takeRows } from "./finite.ts";
import { type SimulationControl, SimulationStopped } from "./options.ts";

interface Request {
  readonly problem: Problem & { readonly simulate: Simulator; readonly calls: CallSettings };
  /** Drawn parameters, (count, D). */
  readonly theta: Float64Array;
  readonly seed: number;
  /** Step of the counter that they were drawn at. */
  readonly step: number;
  readonly control: SimulationControl;
}

/** The simulations so far, row by row. */
function makeTable({ problem: { D, M }, theta }: Pick<Request, "problem" | "theta">) {
  const count = theta.length / D;
  const table = {
    count,
    theta: theta.slice(),
    data: new Float64Array(count * M),
    /** 0: missing, 1: simulated, 2: failed. */
    state: new Uint8Array(count),
    done: 0,
    failed: 0,
    set(row: number, data: Float64Array | null): void {
      table.state[row] = data === null ? 2 : 1;
      table.done++;
      if (data === null) table.failed++;
      else table.data.set(data, row * M);
    },
  };
  return table;
}
type Table = ReturnType<typeof makeTable>;

/**
 * Takes these simulations from the bank file, as far as it has them, with the parameters in the file: its data belong to them,
 * and kernels of another build may draw parameters that differ in the last bits.
 */
function takeKept(bank: BankFile, step: number, { D, M }: Problem, table: Table): void {
  for (const record of bank.records) {
    if (record.step !== step) continue;
    record.rows.forEach((row, i) => {
      if (row >= table.count || table.state[row] !== 0) return;
      table.theta.set(record.theta.subarray(i * D, (i + 1) * D), row * D);
      table.set(row, record.failed[i] === 0 ? record.data.subarray(i * M, (i + 1) * M) : null);
    });
  }
}

/** The outcomes of a call as a record of the bank file. */
function recordOf(outcomes: readonly Outcome[], step: number, { D, M }: Problem, table: Table) {
  const theta = new Float64Array(outcomes.length * D);
  const data = new Float64Array(outcomes.length * M);
  outcomes.forEach(({ row, data: values }, i) => {
    theta.set(table.theta.subarray(row * D, (row + 1) * D), i * D);
    if (values !== null) data.set(values, i * M);
  });
  const rows = Uint32Array.from(outcomes, ({ row }) => row);
  return { step, rows, failed: Uint32Array.from(outcomes, (o) => (o.data === null ? 1 : 0)), theta, data };
}

/** The rows that succeeded, without gaps. */
function compact({ theta, data, state, count, failed }: Table, { D, M }: Problem) {
  const rows = failed === 0 ? null : Array.from(state.keys()).filter((row) => state[row] === 1);
  return { count: count - failed, theta: takeRows(theta, rows, D), data: takeRows(data, rows, M) };
}

/**
 * The parameters (count, D) and their data (count, M); fewer rows where failed ones are dropped.
 * @throws when a row fails and failures are errors, when more than half fail, and when the bank file is of other simulations;
 * `SimulationStopped` when aborted.
 */
export async function simulateRows(
  request: Request,
): Promise<{ count: number; theta: Float64Array; data: Float64Array }> {
  const { problem, seed, step, control } = request;
  const { name, D, M, simulate, calls, prior, proposal } = problem;
  const { bankFile, onSimulate, onWarning = console.warn, signal } = control;
  const count = request.theta.length / D;
  const identity = { problem: name, D, M, prior: prior.spec, proposal: proposal?.spec ?? null, seed };
  const bank = bankFile === undefined ? null : await openBankFile(bankFile, identity, count);
  const table = makeTable(request);
  if (bank !== null) takeKept(bank, step, problem, table);
  const kept = table.done;
  const started = performance.now();
  let first: Error | undefined;
  const report = (): void => {
    const perSecond = ((table.done - kept) * 1000) / Math.max(performance.now() - started, 1);
    const secondsLeft = table.done === count ? 0 : (count - table.done) / perSecond;
    onSimulate?.({ done: table.done, count, kept, failed: table.failed, perSecond, secondsLeft });
  };
  const job: Job = {
    run: simulate,
    calls,
    M,
    count,
    thetaOf: (row) => table.theta.slice(row * D, (row + 1) * D),
    seedOf: (row) => randomWord(seed, STREAMS.simulators, step, row, 0),
    signal,
  };
  const check = (): void => refuseHopeless("simulate", table.failed, table.done, count, first?.message);
  report();
  check();
  const missing = Array.from({ length: count }, (_, row) => row).filter((row) => table.state[row] === 0);
  await runCalls(job, missing, async (outcomes) => {
    if (outcomes.length === 0) return;
    for (const outcome of outcomes) {
      table.set(outcome.row, outcome.data);
      if (outcome.data === null) first ??= failureOf(job, outcome);
    }
    await bank?.append(recordOf(outcomes, step, problem, table));
    report();
    check();
  });
  if (table.done < count) throw new SimulationStopped(table.done, count, bankFile);
  if (table.failed > 0) onWarning(droppedWarning(table.failed, count, conditioned(name), first?.message));
  return compact(table, problem);
}
