/**
 * Moments of the noise as numbers, for what measures in noise sd. Where noise depends on parameters and noise-free data, they are
 * computed in double precision at simulations; one number for all simulations is the median of theirs, because a few simulations
 * with large noise (a prior of the sd over scales, a few large counts) would dominate a mean.
 */
import { type BackendOptions, once } from "../backends/select.ts";
import { drawNoise } from "../distributions/noise/model.ts";
import type { Noise } from "../distributions/noise/noise.ts";
import { cast, input, mul, sub } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import type { Tensor } from "../graph/tensor.ts";
import { atOnce } from "../host/yielding.ts";
import { columnMeans, columnSds } from "../numbers/moments.ts";
import type { Problem } from "../problem/problem.ts";
import { SIMULATION_STEPS } from "./steps.ts";

type Has = Pick<Problem, "D" | "M" | "noise">;
/** Parameters (N, D) and noise-free data (N, M), in the coordinates of the problem. */
export interface NoiselessRows {
  readonly theta: ArrayLike<number>;
  readonly clean: ArrayLike<number>;
}

/** The sd of each of the data, where it is the same for all simulations; null where it is not, or unknown. */
export function constantSd({ M, noise }: Has): Float64Array | null {
  const sd = noise.fixed?.constantSd;
  return sd === undefined ? null : Float64Array.from({ length: M }, (_, m) => (typeof sd === "number" ? sd : sd[m]));
}

/** Evaluates something of the noise at rows, (N, M). */
async function atRows(
  { D, M, noise }: Has,
  { theta, clean }: NoiselessRows,
  backend: BackendOptions,
  of: (noise: Noise, clean: Tensor, theta: Tensor) => Tensor,
): Promise<Float64Array> {
  const [t, c] = [input("theta", D, { dtype: "f64" }), input("clean", M, { dtype: "f64" })];
  const value = of(noise.at(t, c), c, t);
  const program = atOnce(compile({ noise: { outputs: { value: cast(value, "f64") } } }));
  const rows = clean.length / M;
  const inputs = {
    theta: Float64Array.from({ length: rows * D }, (_, i) => theta[i]),
    clean: Float64Array.from(clean),
  };
  const run = { rows, seed: 0, step: SIMULATION_STEPS.noise, inputs };
  return (await once(program, backend, (executor) => executor.run("noise", run))).value as Float64Array;
}

/**
 * The sd of the noise of each of the data at each row, (N, M). Where the noise model does not tell it, one for all rows, from draws;
 * NaN where it has none either.
 */
export async function noiseSdRows(problem: Has, rows: NoiselessRows, backend: BackendOptions): Promise<Float64Array> {
  const { noise, M } = problem;
  const constant = constantSd(problem) ?? (noise.hasSd ? null : await typicalNoiseSd(problem, rows, backend));
  if (constant === null)
    return atRows(problem, rows, backend, (own, clean) => own.sd?.(clean) ?? mul(clean, Number.NaN));
  return Float64Array.from({ length: rows.clean.length }, (_, i) => constant[i % M] || Number.NaN);
}

/**
 * The same in units of the noise-free data: the sd of the data over the slope of their mean, where that is another number, as n times a
 * probability is. The slope is that over all rows: for means that are not linear in the noise-free data it is an average one.
 */
export async function cleanSdRows(problem: Has, rows: NoiselessRows, backend: BackendOptions): Promise<Float64Array> {
  const sd = await noiseSdRows(problem, rows, backend);
  if (!problem.noise.hasMean) return sd;
  const slopes = slopesOf(rows.clean, await meanRows(problem, rows, backend), problem.M);
  return sd.map((s, i) => s / slopes[i % problem.M]);
}

/** The spread of the means of the data over that of the noise-free data, (M); 1 where neither varies. */
export function slopesOf(clean: ArrayLike<number>, mean: ArrayLike<number>, M: number): Float64Array {
  const [from, to] = [clean, mean].map((rows) => columnSds(rows, M, columnMeans(rows, M)));
  return from.map((s, j) => (s > 0 && to[j] > 0 ? to[j] / s : 1));
}

/** The mean of the data at each row, (N, M): the noise-free data themselves, unless the noise says otherwise. */
export function meanRows<T extends ArrayLike<number>>(
  problem: Has,
  rows: NoiselessRows & { readonly clean: T },
  backend: BackendOptions,
): Promise<T | Float64Array> {
  if (!problem.noise.hasMean) return Promise.resolve(rows.clean);
  return atRows(problem, rows, backend, (noise, clean) => noise.mean?.(clean) ?? clean);
}

/** Rows that one noise sd for all of them is found from. */
const LOOKED_AT = 1024;

/**
 * The sd of the noise of each of the data, (M): the median over simulations where it varies, and the root mean square of draws of
 * the noise where the noise model does not tell its sd; 0 where it is unknown.
 */
export async function typicalNoiseSd(
  problem: Has,
  rows: NoiselessRows,
  backend: BackendOptions,
): Promise<Float64Array> {
  const { D, M, noise } = problem;
  const constant = constantSd(problem);
  if (constant !== null) return constant;
  const all = rows.clean.length / M;
  const finite: number[] = [];
  for (let r = 0; r < all && finite.length < LOOKED_AT; r++) {
    let row = 0;
    while (row < M && Number.isFinite(rows.clean[r * M + row])) row++;
    if (row === M) finite.push(r);
  }
  if (finite.length === 0) return new Float64Array(M);
  const take = (table: ArrayLike<number>, width: number): Float64Array =>
    Float64Array.from(finite.flatMap((r) => Array.from({ length: width }, (_, k) => table[r * width + k])));
  const some = { theta: take(rows.theta, D), clean: take(rows.clean, M) };
  if (noise.hasSd) return columnMedians(await noiseSdRows(problem, some, backend), M);
  if (noise.lacks.includes("draw")) return new Float64Array(M);
  const off = await atRows(problem, some, backend, (own, clean, theta) =>
    sub(drawNoise(noise, theta, clean), own.mean?.(clean) ?? clean),
  );
  const squares = new Float64Array(M);
  off.forEach((x, i) => {
    squares[i % M] += (x * x) / finite.length;
  });
  return squares.map(Math.sqrt);
}

/** The median of the finite numbers of each column of rows (N, M); 0 where there are none. */
export function columnMedians(rows: ArrayLike<number>, M: number): Float64Array {
  const N = rows.length / M;
  return Float64Array.from({ length: M }, (_, j) => {
    const sorted = Float64Array.from({ length: N }, (_x, r) => rows[r * M + j])
      .filter(Number.isFinite)
      .sort();
    return sorted.length === 0 ? 0 : sorted[Math.floor((sorted.length - 1) / 2)];
  });
}
