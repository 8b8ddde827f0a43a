/**
 * Re-simulation error: how far the data of drawn parameters lie from those of the true ones (arXiv 2305.20004, §4),
 *
 *   E_s |f(θ_s) − f(θ*)|,   and the root mean square of [f_j(θ_s) − f_j(θ*)]/σ_j over draws s and data j.
 *
 * Where the truth is not known the datum itself stands for f(θ*), and its own noise is then in the number. It hardly
 * discriminates: a posterior that is too narrow has a smaller error than the exact one, one that lacks a mode has the same.
 */
import type { BackendOptions } from "../backends/select.ts";
import type { Problem } from "../problem/problem.ts";
import { predict } from "../simulate/simulate.ts";
import { flatRows, type Rows } from "./arrays.ts";

export interface Resimulation {
  /** Mean over draws of the Euclidean distance in data, in their own unit. */
  readonly distance: number;
  /** Root mean square over draws and data, in noise sd; NaN where no sd is given. */
  readonly rms: number;
}

/**
 * The error of data `clean` (S, M) of drawn parameters against `target` (M). `noiseSd`: one for all data, or (M).
 * @throws when shapes do not fit.
 */
export function resimulationError(
  clean: Rows,
  target: ArrayLike<number>,
  noiseSd?: number | ArrayLike<number>,
): Resimulation {
  const M = target.length;
  const data = flatRows("resimulationError", "clean data", clean, M);
  const sd = sdOf("resimulationError", noiseSd, M);
  const S = data.length / M;
  let [distance, squares] = [0, 0];
  for (let s = 0; s < S; s++) {
    let square = 0;
    for (let j = 0; j < M; j++) {
      const off = data[s * M + j] - target[j];
      square += off * off;
      squares += ((off / sd[j]) * (off / sd[j])) / (S * M);
    }
    distance += Math.sqrt(square) / S;
  }
  return { distance, rms: Math.sqrt(squares) };
}

/** The same from parameters: draws (S, D), and either the true ones (D) or the datum (M). @throws without a forward model. */
export async function resimulate(
  problem: Problem,
  draws: Rows,
  target: { readonly theta: ArrayLike<number> } | { readonly y: ArrayLike<number> },
  backend: BackendOptions = {},
): Promise<Resimulation> {
  const theta = flatRows("resimulate", "draws", draws, problem.D);
  const clean = await predict(problem, theta, backend);
  const aim = "theta" in target ? await predict(problem, target.theta, backend) : target.y;
  if (aim.length !== problem.M)
    throw new Error(`resimulate: expected the data of one case, ${problem.M} numbers, got ${aim.length}`);
  return resimulationError(clean, aim, problem.noise.sd);
}

/** Noise sd of each datum (M). @throws on another length and where one is not positive. */
export function sdOf(owner: string, given: number | ArrayLike<number> | undefined, M: number): Float64Array {
  if (given === undefined) return new Float64Array(M).fill(Number.NaN);
  const sd = typeof given === "number" ? new Float64Array(M).fill(given) : Float64Array.from(given);
  if (sd.length !== M) throw new Error(`${owner}: expected the noise sd of ${M} data, got ${sd.length}`);
  const bad = sd.findIndex((s) => !(s > 0));
  if (bad >= 0) throw new Error(`${owner}: expected a noise sd above 0, got ${sd[bad]} for datum ${bad + 1}`);
  return sd;
}
