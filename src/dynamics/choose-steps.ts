/**
 * The number of steps of a forward model, by step doubling on draws of the prior. With y_n the data by n steps and σ their noise,
 *
 *   e(n) = |y_n − y_2n| / σ,   n doubled until e(n) ≤ share for every draw and datum,
 *
 * and then lowered by what the measured rate of convergence leaves (Hairer, Nørsett & Wanner, Solving Ordinary Differential
 * Equations I, §II.4). e(n) is the error of y_n but for a part 2^−p of it, p the order. It is measured in the data, so it covers
 * interpolation and whatever the forward model makes of a solution. Draws that have converged leave the doubling. The draws are fixed,
 * and computed here in f64, so a problem has one number of steps on every host.
 *
 * σ comes from the Fisher information of the noise, Σ_m w_m ∇g_m ∇g_mᵀ: an error Δg_m counts as √w_m |Δg_m|. Noise that tells no
 * information is taken by its sd, and noise that tells no sd by the sd of its noise-free data over the draws.
 */
import { evaluate } from "../backends/reference/evaluate.ts";
import { add, concat, div, input, mul, sqrt } from "../graph/build.ts";
import { isTensor, type Tensor } from "../graph/tensor.ts";
import { exp, log } from "../numbers/math.ts";
import { columnMoments, orOne, rootMeanSquare } from "../numbers/moments.ts";
import { STREAMS } from "../numbers/random.ts";
import type { AskingModel, SolverError } from "../problem/solvers.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";

/** Draws of the prior. */
const DRAWS = 32;
/** The first number of steps, and the largest. */
const FIRST = 16;
const MOST = 16_384;
/** A draw that is not finite with so many steps has no solution, as far as this method can tell. */
const HOPELESS = 2048;
/** Share of the draws that may have none. */
const LARGEST_FAILED = 0.5;
/** The part of the share that n is lowered to. */
const SAFETY = 0.7;

/** Least growth from a number of steps that did not do: a little more would hardly, and is often matched to the same number. */
const LEAST_GROWTH = 1.5;

/** What the noise tells apart: K numbers of each row, and how much a difference of 1 weighs; null: not known. */
interface Seen {
  readonly of: Float64Array;
  readonly root: Float64Array | null;
  readonly K: number;
}

/** Numbers of steps that are chosen: eight to an octave, so that the last bits of an error do not matter. */
function ladder(n: number): number {
  let unit = 1;
  while (16 * unit < n) unit *= 2;
  return Math.ceil(n / unit) * unit;
}

/** The data by n steps of parameters (rows, D), as the noise sees them. */
function see({ forward, from, noise }: AskingModel, theta: Float64Array, n: number): Seen {
  const t = input("theta", from.size, { dtype: "f64" });
  const clean = forward(t, n);
  const at = noise.at(t, clean);
  const terms = at.fisher?.(clean);
  const whole = (of: Tensor, weight: Parameters<typeof mul>[1]): Tensor =>
    isTensor(weight) && weight.kind === "batch" && weight.cols === of.cols ? weight : add(mul(of, 0), weight);
  const sd = at.sd?.(clean);
  const pairs = terms?.map(({ of, weight }) => ({ of, root: sqrt(whole(of, weight)) })) ?? [
    { of: at.mean?.(clean) ?? clean, root: sd && div(1, sd) },
  ];
  const of = concat(...pairs.map((p) => p.of));
  const roots = pairs.flatMap((p) => p.root ?? []);
  const rows = theta.length / from.size;
  const outputs: Record<string, Tensor> = roots.length === pairs.length ? { of, root: concat(...roots) } : { of };
  const out = evaluate(outputs, { rows, inputs: { theta } });
  return { of: out.of, root: roots.length === pairs.length ? out.root : null, K: of.cols };
}

/** Errors of some draws, in sd of the noise: the largest of the data, and the root mean square; not finite where a solution is not. */
interface Errors {
  readonly largest: Float64Array;
  readonly rms: Float64Array;
}

const rowOf = (x: Float64Array, r: number, width: number): Float64Array => x.subarray(r * width, (r + 1) * width);

/** Some rows of a table. */
const takeRows = (x: Float64Array, width: number, rows: readonly number[]): Float64Array =>
  Float64Array.from({ length: rows.length * width }, (_, k) => x[rows[Math.floor(k / width)] * width + (k % width)]);

function errorsOf(coarse: Seen, fine: Seen, sd: Float64Array): Errors {
  const { K, of, root } = fine;
  const off = of.map((x, i) => Math.abs(x - coarse.of[i]) * (root === null ? 1 / sd[i % K] : root[i]));
  const rows = Array.from({ length: of.length / K }, (_, r) => rowOf(off, r, K));
  return {
    largest: Float64Array.from(rows, (row) => row.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), 0)),
    rms: Float64Array.from(rows, rootMeanSquare),
  };
}

/** The sd of the noise-free data over the draws that are finite, for noise that tells none of its own. */
function spreadOf({ of, K }: Seen): Float64Array {
  const rows = Array.from({ length: of.length / K }, (_, r) => r).filter((r) => rowOf(of, r, K).every(Number.isFinite));
  return columnMoments(takeRows(of, K, rows), K).sd.map(orOne);
}

/** A number of steps, and the largest error of the draws that had not converged before. */
interface Level {
  readonly n: number;
  readonly worst: number;
}

/** Doubles n until all draws have converged, or have no solution; the last two levels. @throws where thousands of steps do not do. */
function double(model: AskingModel, theta: Float64Array, share: number) {
  const D = model.from.size;
  let draws = Array.from({ length: theta.length / D }, (_, r) => r);
  let before: Level | null = null;
  let coarse = see(model, theta, FIRST);
  for (let n = FIRST; ; n *= 2) {
    const at = takeRows(theta, D, draws);
    const fine = see(model, at, 2 * n);
    const { largest } = errorsOf(coarse, fine, fine.root === null ? spreadOf(fine) : new Float64Array(0));
    const hard = draws.flatMap((_, i) => (largest[i] <= share ? [] : [i]));
    const hopeless = n >= HOPELESS ? hard.filter((i) => !rowOf(fine.of, i, fine.K).every(Number.isFinite)) : [];
    const worst = largest.reduce((most, e) => Math.max(most, Number.isFinite(e) ? e : 0), 0);
    if (hard.length === hopeless.length) return { before, last: { n, worst }, failed: hopeless.length };
    if (2 * n > MOST) throw new Error(tooFine(model, at, largest, n, share));
    before = { n, worst: hard.some((i) => !Number.isFinite(largest[i])) ? Infinity : worst };
    coarse = { ...fine, of: takeRows(fine.of, fine.K, hard), root: fine.root && takeRows(fine.root, fine.K, hard) };
    draws = hard.map((i) => draws[i]);
  }
}

/** The number of steps between two levels whose error the rate between them, at most `order`, puts below the share. */
function lower(before: Level | null, { n, worst }: Level, share: number, order: number): number {
  if (before === null || before.worst === Infinity || !(worst > 0)) return n;
  const rate = Math.min(log(before.worst / worst) / log(n / before.n), order);
  const factor = rate > 0 ? exp(log(worst / (SAFETY * share)) / rate) : 1;
  return ladder(Math.min(n, Math.max(LEAST_GROWTH * before.n, n * factor)));
}

/** The number of steps for all solvers of a forward model, and its error on all draws. @throws where thousands do not suffice. */
export function chooseSteps(model: AskingModel): { readonly steps: number; readonly error: SolverError } {
  const order = Math.min(...model.asking.map((a) => a.order));
  const share = Math.min(...model.asking.map((a) => a.share));
  const { theta } = evaluate(
    { theta: model.from.draw(STREAMS.prior, "f64") },
    { rows: DRAWS, step: SIMULATION_STEPS.solver },
  );
  const { before, last, failed } = double(model, theta, share);
  if (failed > LARGEST_FAILED * DRAWS)
    throw new Error(
      `${model.name}: expected finite solutions on the prior, got none at ${failed} of ${DRAWS} draws; check the prior, or give steps a number`,
    );
  for (let steps = lower(before, last, share, order); ; steps = last.n) {
    const [coarse, fine] = [see(model, theta, steps), see(model, theta, 2 * steps)];
    const { largest, rms } = errorsOf(coarse, fine, fine.root === null ? spreadOf(fine) : new Float64Array(0));
    const finite = rms.filter(Number.isFinite);
    const max = largest.reduce((most, e) => Math.max(most, Number.isFinite(e) ? e : 0), 0);
    const missing = DRAWS - finite.length;
    if (steps < last.n && (max > share || missing > failed)) continue;
    return { steps, error: Object.freeze({ rms: rootMeanSquare(finite), max, count: DRAWS, failed: missing }) };
  }
}

function tooFine(model: AskingModel, theta: Float64Array, largest: Float64Array, n: number, share: number): string {
  const { name, from, asking } = model;
  const worst = largest.reduce((most, e, r) => (e > largest[most] || Number.isNaN(e) ? r : most), 0);
  const at = Array.from(rowOf(theta, worst, from.size), (x) => Number(x.toPrecision(4)));
  const stiff = asking.some(({ method }) => method !== "rosenbrock");
  const advice = stiff ? 'method "rosenbrock" if the equations are stiff, a narrower prior, ' : "a narrower prior, ";
  return (
    `${name}: expected at most ${MOST} steps for errors of ${share} sd of the noise, got ` +
    `${Number(largest[worst].toPrecision(2))} sd with ${n} steps at parameters ${at.join(", ")}; try ${advice}a larger error, or steps as a number`
  );
}
