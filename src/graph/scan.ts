/**
 * The one loop of the graph: a body that is traced once and runs n times,
 *
 *   s_0 = state,   s_k+1 = step(s_k),   k = 0 … n − 1,   emissions value(s_at(0)), value(s_at(1)), …
 *
 * Neither the size of a plan nor the time to compile it grows with n, nor does memory but for what is emitted. Gradients take about
 * √n states of memory, or all of them where they are small.
 */
import { describe } from "../checks/arguments.ts";
import { apply, expectTensors, tracing } from "./apply.ts";
import { concat, mul, ones } from "./build.ts";
import { byIdentity, lift, placeholder } from "./loop.ts";
import type { LoopBody } from "./loop-data.ts";
import type { OpName } from "./names.ts";
import { placeLoop } from "./plan-loops.ts";
import { scanShapes } from "./scan-rules.ts";
import { scanVjps } from "./scan-vjps.ts";
import { mergeTangents } from "./tangents.ts";
import { batch, isTensor, param, shapeOf, show, type Tensor, topological } from "./tensor.ts";

/** Draws are those of a run, so a loop would repeat them at every step. */
function refuseDraws(op: OpName): void {
  if (op === "random" || op === "bankRows")
    throw new Error(
      `scan: expected a body without random draws, got ${op}, whose draws would be the same at every step; draw before the loop and give the draws as series`,
    );
}

/** Traces a body. @throws where it makes random draws. */
function traceBody<T>(trace: () => T): T {
  const before = tracing.check;
  tracing.check = refuseDraws;
  try {
    return trace();
  } finally {
    tracing.check = before;
  }
}

/** What the body sees of one step. */
export interface ScanStep {
  /** The row of `constants` of this step, the same for all rows of the batch: (B, C). @throws where the loop has none. */
  readonly constants: Tensor;
  /** The columns of `series` of this step, (B, X). @throws where the loop has none. */
  readonly series: Tensor;
  /** The number k of the step, 0 … n − 1: (B, 1). */
  readonly index: Tensor;
}

/** What an emission sees beside the state. */
export interface ScanEmission {
  /** The row of the emission's `constants`, (B, E). @throws where there are none. */
  readonly constants: Tensor;
}

/** Options of `scan`. */
export interface ScanOptions {
  /** The state at the start, (B, S). */
  readonly state: Tensor;
  /** Number n of steps, 1 or more. */
  readonly steps: number;
  /** One step, state (B, S) → next state (B, S). It may use tensors from outside: batches with the rows of the state, and params. */
  readonly step: (state: Tensor, at: ScanStep) => Tensor;
  /** n rows of C numbers that the steps read: times, say, or a forcing. */
  readonly constants?: readonly ArrayLike<number>[];
  /** (B, n·X): each step sees X columns, one step after another. */
  readonly series?: Tensor;
  /** What to return. */
  readonly emit: {
    /** Indices of m states, ascending, repeats allowed: 0 is the initial state, n the last. */
    readonly at: readonly number[];
    /** m rows of E numbers that the emissions read. */
    readonly constants?: readonly ArrayLike<number>[];
    /** What is emitted of a state (B, S), which is the one before step at[j]: (B, Y). The state itself by default. */
    readonly value?: (state: Tensor, at: ScanEmission) => Tensor;
  };
}

/** Rows of constants as a table. @throws unless there are as many rows as asked for, of numbers, of one length. */
function tableOf(what: string, list: readonly ArrayLike<number>[] | undefined, count: number) {
  if (list === undefined) return { width: 0, rows: [] as readonly ArrayLike<number>[] };
  if (!Array.isArray(list) || list.length !== count)
    throw new Error(
      `scan: expected ${what} of ${count} rows, got ${Array.isArray(list) ? list.length : describe(list)}`,
    );
  const width = (list[0] as ArrayLike<number> | undefined)?.length ?? 0;
  const odd = list.findIndex((row) => row?.length !== width || width === 0);
  if (odd >= 0)
    throw new Error(
      `scan: expected ${what} of rows of ${Math.max(1, width)} numbers, got ${describe(list[odd])} in row ${odd}`,
    );
  for (const [i, row] of list.entries())
    for (let c = 0; c < width; c++)
      if (typeof row[c] !== "number")
        throw new Error(`scan: expected ${what} to be numbers, got ${describe(row[c])} in row ${i}`);
  return { width, rows: list };
}

/** A batch of constants as a body sees it, and the scalars that it is made of; only those that the body uses are kept. */
function constantsOf(state: Tensor, width: number) {
  const scalars = Array.from({ length: width }, () => placeholder(param(1, 1, state.dtype)));
  const one = ones(state.dtype, state.rows);
  return { scalars, columns: scalars.map((s) => mul(one, s)) };
}

const refuse = (what: string, option: string): never => {
  throw new Error(`scan: expected ${option} where the body reads ${what}, got none`);
};

/** Keeps the columns of a table whose scalars the body uses. */
function used(
  result: Tensor,
  scalars: readonly Tensor[],
  rows: number,
  value: (row: number, column: number) => number,
): LoopBody {
  const order = new Set(topological([result]));
  const kept = scalars.flatMap((s, c) => (order.has(s) ? [c] : []));
  const table = new Float64Array(rows * kept.length);
  for (let r = 0, at = 0; r < rows; r++) for (const c of kept) table[at++] = value(r, c);
  return { constants: kept.map((c) => scalars[c]), table, result };
}

/** @throws unless a body returned a batch of the rows and type of the state. */
function expectRows(what: string, got: unknown, state: Tensor): Tensor {
  if (!isTensor(got)) throw new Error(`scan: expected ${what} to return a tensor, got ${describe(got)}`);
  if (got.kind !== "batch" || got.rows !== state.rows || got.dtype !== state.dtype)
    throw new Error(
      `scan: expected ${what} to return a batch with the rows of the state ${show(state)} ${state.dtype}, got ${show(got)} ${got.dtype}`,
    );
  return got;
}

function expectOptions(options: ScanOptions): void {
  if (typeof options !== "object" || options === null)
    throw new Error(`scan: expected options { state, steps, step, emit }, got ${describe(options)}`);
  const { state, steps, step, series, emit } = options;
  expectTensors("scan", state);
  if (state.kind !== "batch") throw new Error(`scan: expected a batch (B, S) as the state, got ${show(state)}`);
  if (!Number.isInteger(steps) || steps < 1)
    throw new Error(`scan: expected a whole number of steps, 1 or more, got ${describe(steps)}`);
  if (typeof step !== "function") throw new Error(`scan: expected step to be a function, got ${describe(step)}`);
  if (series !== undefined) {
    expectTensors("scan", series);
    const fits = series.kind === "batch" && series.rows === state.rows && series.dtype === state.dtype;
    if (!fits || series.cols % steps !== 0)
      throw new Error(
        `scan: expected a series of ${steps}·X columns, with the rows and type of the state ${show(state)} ${state.dtype}, got ${show(series)} ${series.dtype}`,
      );
  }
  const at = emit?.at;
  if (!Array.isArray(at) || at.length === 0)
    throw new Error(`scan: expected emit.at to be a list of states to return, got ${describe(at)}`);
  const bad = at.findIndex((k, j) => !Number.isInteger(k) || k < 0 || k > steps || k < (at[j - 1] ?? 0));
  if (bad >= 0)
    throw new Error(`scan: expected emit.at to ascend within 0..${steps}, got ${describe(at[bad])} at index ${bad}`);
}

/**
 * Runs a body n times and returns what it emits: (B, m·Y), one emission after another. The body is traced once, so it must compute
 * by ops alone and make no random draws. Gradients flow to the state, the series, and the batches and params that the bodies use;
 * second derivatives are gradients of Jacobian-vector products. Runs on wasm in f32 and f64.
 * @throws where options or the shapes that the bodies return do not fit.
 */
export function scan(options: ScanOptions): Tensor {
  expectOptions(options);
  const { state, steps, series, emit } = options;
  const given = tableOf("constants", options.constants, steps);
  const emitted = tableOf("emit.constants", emit.constants, emit.at.length);
  const s = placeholder(shapeOf(state));
  const x = series && placeholder(batch(series.cols / steps, series.dtype, series.rows));
  const ofStep = constantsOf(state, given.width + 1);
  const ofEmit = constantsOf(state, emitted.width);
  const next = traceBody(() =>
    options.step(s, {
      get constants() {
        return given.width > 0 ? concat(...ofStep.columns.slice(0, -1)) : refuse("constants", "constants");
      },
      get series() {
        return x ?? refuse("series", "series");
      },
      index: ofStep.columns[given.width],
    }),
  );
  expectRows("step", next, state);
  if (next.cols !== state.cols)
    throw new Error(`scan: expected step to return a state ${show(state)}, got ${show(next)}`);
  const value = traceBody(() =>
    emit.value === undefined
      ? s
      : emit.value(s, {
          get constants() {
            return emitted.width > 0 ? concat(...ofEmit.columns) : refuse("constants", "emit.constants");
          },
        }),
  );
  expectRows("emit.value", value, state);
  const own = [s, ...(x === undefined ? [] : [x]), ...ofStep.scalars, ...ofEmit.scalars];
  const { outputs, fixed, params, placeholders } = lift([next, value], own);
  const odd = fixed.find((t) => t.rows !== state.rows || t.dtype !== state.dtype);
  if (odd)
    throw new Error(
      `scan: expected batches from outside with the rows and type of the state ${show(state)} ${state.dtype}, got ${show(odd)} ${odd.dtype} (${odd.op})`,
    );
  const sum = topological(outputs).find((t) => t.op === "batchSum" || t.op === "denseWeightGrad");
  if (sum) throw new Error(`scan: expected a body that keeps rows apart, got a sum over the batch (${sum.op})`);
  const reads = x !== undefined && topological(outputs).includes(x);
  const loop = byIdentity({
    steps,
    at: Int32Array.from(emit.at),
    state: s,
    fixed: placeholders.fixed,
    series: reads ? [x] : [],
    params: placeholders.params,
    step: used(outputs[0], ofStep.scalars, steps, (r, c) => (c < given.width ? given.rows[r][c] : r)),
    methods: { shapes: scanShapes, vjps: scanVjps, place: placeLoop, merge: mergeTangents },
    emit: used(outputs[1], ofEmit.scalars, emit.at.length, (r, c) => emitted.rows[r][c]),
  });
  return apply("scan", [state, ...fixed, ...(reads ? [series as Tensor] : []), ...params], { loop });
}
