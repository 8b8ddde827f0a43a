/**
 * Coordinates of each datum's own, for guides on Laplace's base (guides/laplace-base.ts): a few steps of Gauss and Newton
 * from a start that is near already, and the curvature where they end.
 */
import type { Executor } from "../backends/backend.ts";
import { compile, type Program } from "../graph/program.ts";
import { packed, triIndex } from "../graph/tensor.ts";
import { atOnce } from "../host/yielding.ts";
import { log } from "../numbers/math.ts";
import type { Problem } from "../problem/problem.ts";
import { climb } from "./climb.ts";
import { STEP_ROWS, traceStep } from "./step.ts";

/**
 * A search ends with the step that starts within 0.2 posterior sd of the mode, by the quadratic model: it ends about its square
 * away. From the best linear estimator darcy takes three. What is left then, a guide can learn.
 */
const ENOUGH = 0.02;
const MOST_STEPS = 30;
/** Rows that search together. */
const ROWS = 256;

/** The program whose plan `step` searches. @throws where the problem has no forward model in ops, or noise without information. */
export const localProgram = (problem: Problem): Program =>
  atOnce(compile({ step: { outputs: traceStep(problem, "gauss-newton"), rows: STEP_ROWS } }));

/** N(m, (C Cᵀ)⁻¹) of one datum. */
export interface Local {
  /** m, (D) */
  readonly z: Float64Array;
  /** C, packed. */
  readonly factor: Float64Array;
  /** log |C Cᵀ| */
  readonly logDet: number;
}

export interface LocalOptions {
  readonly D: number;
  readonly M: number;
  /** (N, D) and (N, M). */
  readonly starts: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Told between parts of a long run how many rows are done: awaited, and what it throws ends the run. */
  readonly onRows?: (done: number) => Promise<void>;
}

/** Finds them for rows of data, and hands each over with its row; null where the posterior is not finite near the start. */
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
    const from = rows.map((row) => part(starts, D, row));
    const ends = await climb(
      executor,
      "step",
      from,
      rows.map((row) => part(y, M, row)),
      MOST_STEPS,
      ENOUGH,
    );
    for (const [i, row] of rows.entries()) {
      const { value, z, factor, logDet } = ends[i];
      each(row, Number.isFinite(value) && Number.isFinite(logDet) ? { z, factor, logDet } : null);
    }
    await onRows?.(first + rows.length);
  }
}

/** w = Cᵀ (z − m) into `out`, from `at`. */
export function whiten(
  { z: m, factor }: Local,
  z: ArrayLike<number>,
  first: number,
  out: Float32Array,
  at: number,
): void {
  const D = m.length;
  for (let d = 0; d < D; d++) {
    let w = 0;
    for (let k = d; k < D; k++) w += factor[triIndex(k, d)] * (z[first + k] - m[k]);
    out[at + d] = w;
  }
}

/** log diag C into `out`, from `at`. */
export function logDiagonal({ z: m, factor }: Local, out: Float32Array, at: number): void {
  for (let d = 0; d < m.length; d++) out[at + d] = log(factor[packed(d + 1) - 1]);
}
