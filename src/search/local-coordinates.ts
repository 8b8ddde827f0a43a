/**
 * Local coordinates of each observation, for guides on Laplace's base (guides/laplace-base.ts): a few Gauss–Newton steps from the best
 * of some points that are already near the mode, and the curvature where they end.
 */
import type { Executor } from "../backends/backend.ts";
import { compile, type Program } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { log } from "../numbers/math.ts";
import type { Centre } from "../numbers/offsets.ts";
import { addTransposedTimes, diagonalOf } from "../numbers/triangles.ts";
import type { Layout } from "../problem/layout.ts";
import type { Problem } from "../problem/problem.ts";
import { problemSeenAs } from "../problem/seen.ts";
import { withDataAbout, workAbout } from "../problem/work.ts";
import { climb } from "./climb.ts";
import { STEP_ROWS, traceStep, traceValue } from "./step.ts";

/**
 * A search ends with the step that starts within 0.2 posterior sd of the mode, by the quadratic model; it then ends within about the
 * square of that. From the best linear estimator, darcy takes three steps. A guide can learn the rest.
 */
const ENOUGH = 0.02;
const MOST_STEPS = 50;
/** Rows that are searched together. */
const ROWS = 256;

/** The program of the search: `step`, and `value`, that of U alone. @throws where the problem has no forward model in ops, or noise without information. */
export const localProgram = (problem: Problem): Program =>
  atOnce(
    compile({
      step: { outputs: traceStep(problem, "gauss-newton"), rows: STEP_ROWS },
      value: { outputs: { value: traceValue(problem) } },
    }),
  );

/** The program of a problem of rows of a layout, about the centres of its parameters and data. */
export const localProgramOf = (problem: Problem, layout: Layout, parameters: Centre, data: Centre): Program =>
  localProgram(withDataAbout(workAbout(problemSeenAs(problem, layout), parameters), data));

/** N(m, (C Cᵀ)⁻¹), the approximation of the posterior of one observation. */
export interface Local {
  /** m, (D) */
  readonly z: Float64Array;
  /** C, packed. */
  readonly factor: Float64Array;
  /** log |C Cᵀ| */
  readonly logDet: number;
  /** Whether the search came near the mode; if not, C may be the factor of a damped curvature. */
  readonly found: boolean;
}

/** Observations and the starts of their searches. */
export interface LocalOptions {
  readonly D: number;
  readonly M: number;
  /** Points (N, K D) to start from, K for each row. */
  readonly starts: ArrayLike<number>;
  /** Observations (N, M). */
  readonly y: ArrayLike<number>;
  /** Called between the parts of a long run with the number of rows that are done; it is awaited, and an error in it ends the run. */
  readonly onRows?: (done: number) => Promise<void>;
}

/** Finds the coordinates of all observations and calls `each` with every row; null where the posterior is not finite near the start. */
export async function localise(
  executor: Executor,
  { D, M, starts, y, onRows }: LocalOptions,
  each: (row: number, local: Local | null) => void,
): Promise<void> {
  const N = y.length / M;
  const part = (flat: ArrayLike<number>, width: number, row: number): Float64Array =>
    Float64Array.from({ length: width }, (_, k) => flat[row * width + k]);
  for (let first = 0; first < N; first += ROWS) {
    const rows = Array.from({ length: Math.min(ROWS, N - first) }, (_, i) => first + i);
    const data = rows.map((row) => part(y, M, row));
    const from = await highest(
      executor,
      rows.map((row) => part(starts, starts.length / N, row)),
      data,
      D,
    );
    const ends = await climb(executor, "step", from, data, MOST_STEPS, ENOUGH);
    for (const [i, row] of rows.entries()) {
      const { value, z, factor, logDet, decrement, damping } = ends[i];
      const found = decrement <= ENOUGH && damping === 0;
      each(row, Number.isFinite(value) && Number.isFinite(logDet) ? { z, factor, logDet, found } : null);
    }
    await onRows?.(first + rows.length);
  }
}

/** Of the points (K D) of each row that where U is highest; the first where U is finite at none. */
async function highest(
  executor: Executor,
  points: readonly Float64Array[],
  data: readonly Float64Array[],
  D: number,
): Promise<Float64Array[]> {
  const K = points[0].length / D;
  if (K === 1) return [...points];
  const M = data[0].length;
  const [z, y] = [new Float64Array(points.length * K * D), new Float64Array(points.length * K * M)];
  for (const [i, own] of points.entries()) {
    z.set(own, i * K * D);
    for (let k = 0; k < K; k++) y.set(data[i], (i * K + k) * M);
  }
  const { value } = await executor.run("value", { rows: points.length * K, inputs: { z, y } });
  return points.map((own, i) => {
    let best = 0;
    for (let k = 1; k < K; k++) {
      const [u, most] = [value[i * K + k], value[i * K + best]];
      if (u > most || (Number.isFinite(u) && !Number.isFinite(most))) best = k;
    }
    return own.slice(best * D, (best + 1) * D);
  });
}

/** w = Cᵀ (z − m) into `out`, from `at`. */
export function whiten(
  { z: m, factor }: Local,
  z: ArrayLike<number>,
  first: number,
  out: Float32Array,
  at: number,
): void {
  const away = m.map((v, d) => z[first + d] - v);
  const whitened = new Float64Array(m.length);
  addTransposedTimes(factor, away, 1, whitened);
  out.set(whitened, at);
}

/** log diag C into `out`, from `at`. */
export function logDiagonal({ factor }: Local, out: Float32Array, at: number): void {
  out.set(diagonalOf(factor).map(log), at);
}
