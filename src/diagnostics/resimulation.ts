/**
 * Re-simulation error: the distance of the data of drawn parameters from those of the true ones (arXiv 2305.20004, §4),
 *
 *   E_s |f(θ_s) − f(θ*)|,   and the root mean square of [f_j(θ_s) − f_j(θ*)]/σ_j over draws s and components j.
 *
 * If θ* is unknown the observation itself replaces f(θ*), and the error then includes its noise. The error discriminates poorly:
 * a posterior that is too narrow has a smaller error than the exact one, and a posterior that lacks a mode has the same error.
 */

import { type BackendOptions, backendTable } from "../backends/select.ts";
import { expectFields, expectList } from "../checks/arguments.ts";
import { readOptions } from "../checks/options.ts";
import { flatRows, type Rows } from "../checks/rows.ts";
import { isIncluded } from "../distributions/noise/model.ts";
import { expectProblem } from "../problem/expect.ts";
import type { Problem } from "../problem/problem.ts";
import { cleanSdRows, meanRows, noiseSdRows } from "../simulate/noise-sd.ts";
import { predict, replicate } from "../simulate/predict.ts";

/** A re-simulation error. */
export interface Resimulation {
  /** Mean over draws of the Euclidean distance, in the unit of the data. */
  readonly distance: number;
  /** Root mean square over draws and components, in noise sd; NaN without noise sd. */
  readonly rms: number;
}

/**
 * The error of noise-free data `clean` (S, M) of drawn parameters against `target` (M). `noiseSd`: one for all components,
 * (M), or (S, M).
 * @throws when shapes do not fit, or a noise sd is not positive.
 */
export function resimulationError(
  clean: Rows,
  target: ArrayLike<number>,
  noiseSd?: number | ArrayLike<number>,
): Resimulation {
  expectList("resimulationError", "target", target);
  const M = target.length;
  const data = flatRows("resimulationError", "clean data", clean, M);
  const S = data.length / M;
  const sd = sdRows("resimulationError", noiseSd, S, M);
  let [distance, squares] = [0, 0];
  for (let s = 0; s < S; s++) {
    let square = 0;
    for (let j = 0; j < M; j++) {
      const off = data[s * M + j] - target[j];
      square += off * off;
      squares += (off / sd[s * M + j]) ** 2 / (S * M);
    }
    distance += Math.sqrt(square) / S;
  }
  return { distance, rms: Math.sqrt(squares) };
}

/**
 * The same from parameters: draws (S, D), and either the true parameters (D) or the observation (M). The noise sd is that at the true
 * parameters, or at each draw. `backend`: where to compute.
 * @throws without a forward model, or when shapes do not fit.
 */
export async function resimulate(
  problem: Problem,
  draws: Rows,
  target: { readonly theta: ArrayLike<number> } | { readonly y: ArrayLike<number> },
  backend: BackendOptions = {},
): Promise<Resimulation> {
  expectProblem("resimulate", problem);
  readOptions("resimulate", backendTable, backend);
  if (!("theta" in Object(target))) expectFields("resimulate", "{ theta } or { y }", target, "y");
  const theta = flatRows("resimulate", "draws", draws, problem.D);
  const drawn = await replicate("resimulate", problem, theta, backend, [0]);
  const clean = drawn.data[0];
  const included = isIncluded(problem.noise);
  if ("theta" in target) {
    const aim = await predict(problem, target.theta, backend);
    expectAim(aim, problem);
    const sd = included ? undefined : await cleanSdRows(problem, { theta: target.theta, clean: aim }, backend);
    return resimulationError(clean, aim, sd);
  }
  expectAim(target.y, problem);
  const rows = { theta: drawn.theta, clean };
  const sd = included ? undefined : await noiseSdRows(problem, rows, backend);
  return resimulationError(await meanRows(problem, rows, backend), target.y, sd);
}

function expectAim(aim: ArrayLike<number>, { M }: Problem): void {
  if (aim.length !== M) throw new Error(`resimulate: expected one observation of ${M} numbers, got ${aim.length}`);
}

/**
 * Noise sd of each component of S rows (S, M), NaN where none are given, from one for all, (M) or (S, M).
 * @throws on another length and where one is not positive.
 */
export function sdRows(
  owner: string,
  given: number | ArrayLike<number> | undefined,
  S: number,
  M: number,
): Float64Array {
  if (given === undefined) return new Float64Array(S * M).fill(Number.NaN);
  const sd = typeof given === "number" ? new Float64Array(M).fill(given) : Float64Array.from(given);
  if (sd.length !== M && sd.length !== S * M)
    throw new Error(`${owner}: expected ${M} noise sd, one a component, got ${sd.length}`);
  const bad = sd.findIndex((s) => !(s > 0));
  if (bad >= 0) throw new Error(`${owner}: expected a noise sd above 0, got ${sd[bad]} for component ${(bad % M) + 1}`);
  return sd.length === S * M ? sd : Float64Array.from({ length: S * M }, (_, i) => sd[i % M]);
}
