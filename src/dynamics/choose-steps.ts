/**
 * The number of steps of a forward model, by step doubling on draws of the prior: with y_n the data of n steps and σ their noise,
 *
 *   e(n) = max over draws and data of |y_n − y_2n| / σ ≤ share,
 *
 * where n grows by the factor that the order p promises, (e / share)^(1/p) (Hairer, Nørsett & Wanner, Solving Ordinary Differential
 * Equations I, §II.4). As e(n) is the error of y_n up to 2^−p of itself, and steps are doubled in the data themselves, it covers the
 * interpolation and whatever the forward model makes of the solution. The draws are fixed, and computed here in f64, so one problem has
 * one number of steps on every host.
 */
import { evaluate } from "../backends/reference/evaluate.ts";
import { input, mul, sqrt, square, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { exp, log } from "../numbers/math.ts";
import { STREAMS } from "../numbers/random.ts";
import type { AskingModel, SolverError } from "../problem/solvers.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";

/** Draws of the prior. */
const DRAWS = 32;
const FIRST = 16;
const MOST = 16_384;
/** Largest growth of n at once: far from convergence its order says little. */
const GROWTH = 8;
/** The part of the share that n is chosen for. */
const SAFETY = 0.8;
/** Share of the draws that may have no finite solution. */
const LARGEST_FAILED = 0.5;

/** Numbers of steps that are chosen: four to an octave, so that the last bits of an error do not matter. */
function ladder(n: number): number {
  let unit = 1;
  while (8 * unit < n) unit *= 2;
  return Math.ceil(n / unit) * unit;
}

/** Errors of draws, in sd of the noise: NaN where the solution is not finite. */
interface Errors {
  readonly largest: Float64Array;
  readonly rms: Float64Array;
}

/** Data in units of their noise: what differences of two forward models are measured in. */
function errorsOf({ forward, from, noise }: AskingModel, theta: Float64Array, n: number): Errors {
  const rows = theta.length / from.size;
  const t = input("theta", from.size, { dtype: "f64" });
  const fine = forward(t, 2 * n);
  const scale = noise.information ?? 1;
  const difference: Tensor = sqrt(mul(square(sub(forward(t, n), fine)), scale));
  const { out } = evaluate({ out: difference }, { rows, inputs: { theta } });
  const M = out.length / rows;
  const largest = Float64Array.from({ length: rows }, (_, r) =>
    out.subarray(r * M, (r + 1) * M).reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), 0),
  );
  const rms = Float64Array.from({ length: rows }, (_, r) =>
    Math.sqrt(out.subarray(r * M, (r + 1) * M).reduce((sum, e) => sum + e * e, 0) / M),
  );
  return { largest, rms };
}

/** Rows of a table, by their numbers. */
const take = (theta: Float64Array, D: number, rows: readonly number[]): Float64Array =>
  Float64Array.from({ length: rows.length * D }, (_, k) => theta[rows[Math.floor(k / D)] * D + (k % D)]);

/** The smallest number of steps of the ladder that the order promises to suffice, and its error. @throws where thousands do not. */
export function chooseSteps(model: AskingModel): { readonly steps: number; readonly error: SolverError } {
  const { name, from, asking } = model;
  const order = Math.min(...asking.map((a) => a.order));
  const share = Math.min(...asking.map((a) => a.share));
  const { theta } = evaluate(
    { theta: from.draw(STREAMS.prior, "f64") },
    { rows: DRAWS, step: SIMULATION_STEPS.solver },
  );
  const all = Array.from({ length: DRAWS }, (_, r) => r);
  for (let n = FIRST; ; ) {
    const { largest, rms } = errorsOf(model, theta, n);
    const odd = all.filter((r) => !Number.isFinite(largest[r]));
    const fine = all.filter((r) => Number.isFinite(largest[r]));
    const worst = fine.reduce((most, r) => Math.max(most, largest[r]), 0);
    if (worst <= share) {
      const finer = odd.length === 0 ? null : firstFinite(model, take(theta, from.size, odd), n);
      if (finer === null) {
        if (odd.length > LARGEST_FAILED * DRAWS) throw new Error(tooMany(name, odd.length));
        const square = fine.reduce((sum, r) => sum + rms[r] * rms[r], 0) / Math.max(1, fine.length);
        return { steps: n, error: Object.freeze({ rms: Math.sqrt(square), max: worst, count: DRAWS, failed: odd.length }) };
      }
      n = finer;
      continue;
    }
    const factor = Math.min(exp(log(worst / (SAFETY * share)) / order), GROWTH);
    const next = ladder(Math.max(n * factor, n + 1));
    if (next > MOST) throw new Error(tooFine(model, theta, largest, n, share));
    n = next;
  }
}

/** The first of much larger numbers of steps with which a solution that was not finite is; null for none. */
function firstFinite(model: AskingModel, theta: Float64Array, n: number): number | null {
  for (let steps = 4 * n; steps <= Math.max(4 * n, MOST / 4); steps *= 4)
    if (errorsOf(model, theta, steps).largest.some(Number.isFinite)) return steps;
  return null;
}

const tooMany = (name: string, failed: number): string =>
  `${name}: expected the equations to have finite solutions on the prior, got none at ${failed} of ${DRAWS} draws; check the prior, or give steps a number`;

function tooFine(model: AskingModel, theta: Float64Array, largest: Float64Array, n: number, share: number): string {
  const { name, from, asking } = model;
  const worst = largest.reduce((most, e, r) => (e > largest[most] || Number.isNaN(largest[most]) ? r : most), 0);
  const at = Array.from(theta.subarray(worst * from.size, (worst + 1) * from.size), (x) => Number(x.toPrecision(4)));
  const stiff = asking.some(({ method }) => method !== "rosenbrock");
  const advice = stiff ? 'method "rosenbrock" if the equations are stiff, a narrower prior, ' : "a narrower prior, ";
  return (
    `${name}: expected at most ${MOST} steps for an error of ${share} sd of the noise, got an error of ` +
    `${Number(largest[worst].toPrecision(2))} with ${n} steps at parameters ${at.join(", ")}; try ${advice}a larger error, or steps, a number`
  );
}
