/**
 * A damped oscillator in closed form, released from rest at amplitude A,
 *
 *   x(t) = A e^{−ζωt} cos(ω_d t),   ω_d = ω √(1 − ζ²),
 *
 * read at ten times with noise of sd 0.05; θ = (log ω, log ζ, A), normal. Its exact draws: given ω and ζ the amplitude is normal,
 *
 *   A | ω, ζ, y ~ N(m, v),   p(y | ω, ζ) ∝ √v exp(m²/2v),   1/v = 1/s² + |h|²/σ²,   m = v (1/s² + h·y/σ²)   for A ~ N(1, s²),
 *
 * with h the readings of amplitude 1; ω and ζ are drawn from cells of a grid, within a cell evenly. The grid is refined where
 * the mass is.
 */
import { columns, concat, cos, exp, maximum, mul, neg, sqrt, square, sub } from "../src/graph/build.ts";
import { defineProblem, gaussianNoise, normal, type Problem } from "../src/index.ts";
import { normalAt, uniformAt } from "../src/numbers/random.ts";
import { resample } from "../src/sampling/weighted.ts";

const TIMES = Float64Array.from({ length: 10 }, (_, k) => 0.5 + 0.5 * k);
const NOISE = 0.05;
const MEAN = [Math.log(2), Math.log(0.1), 1];
const SD = [0.3, 0.4, 0.3];
/** Cells along ω and ζ, and passes, each over the part that holds all but EDGE of the mass. */
const CELLS = 400;
const PASSES = 3;
const EDGE = 1e-7;

interface Amplitude {
  readonly logMass: number;
  readonly mean: number;
  readonly sd: number;
}

/** The amplitude given ω and ζ, and the log mass of the two. */
function amplitude(u: number, v: number, y: ArrayLike<number>): Amplitude {
  const [omega, zeta] = [Math.exp(u), Math.exp(v)];
  const damped = omega * Math.sqrt(1 - zeta * zeta);
  let [precision, along] = [1 / SD[2] ** 2, MEAN[2] / SD[2] ** 2];
  for (const [k, t] of TIMES.entries()) {
    const h = Math.exp(-zeta * omega * t) * Math.cos(damped * t);
    precision += (h * h) / NOISE ** 2;
    along += (h * y[k]) / NOISE ** 2;
  }
  const prior = ((u - MEAN[0]) / SD[0]) ** 2 + ((v - MEAN[1]) / SD[1]) ** 2;
  const logMass = 0.5 * ((along * along) / precision - Math.log(precision) - prior);
  return { logMass, mean: along / precision, sd: Math.sqrt(1 / precision) };
}

/** Draws (count, 3). */
function exact(y: ArrayLike<number>, count: number, seed: number): Float32Array {
  let box = [0, 1].map((d) => [MEAN[d] - 6 * SD[d], Math.min(MEAN[d] + 6 * SD[d], d === 1 ? -1e-9 : Infinity)]);
  const mass = new Float64Array(CELLS * CELLS);
  const at = (d: number, k: number): number => box[d][0] + ((box[d][1] - box[d][0]) * k) / CELLS;
  for (let pass = 0; ; pass++) {
    for (let c = 0; c < mass.length; c++)
      mass[c] = amplitude(at(0, Math.floor(c / CELLS) + 0.5), at(1, (c % CELLS) + 0.5), y).logMass;
    const top = mass.reduce((a, b) => Math.max(a, b));
    const sum = mass.reduce((total, l) => total + Math.exp(l - top), 0);
    for (let c = 0; c < mass.length; c++) mass[c] = Math.exp(mass[c] - top) / sum;
    if (pass === PASSES - 1) break;
    box = [0, 1].map((d) => {
      const sums = new Float64Array(CELLS);
      for (let c = 0; c < mass.length; c++) sums[d === 0 ? Math.floor(c / CELLS) : c % CELLS] += mass[c];
      const within = [...sums.keys()].filter((k) => sums[k] > EDGE / CELLS);
      return [at(d, Math.max(0, within[0] - 1)), at(d, Math.min(CELLS, within[within.length - 1] + 2))];
    });
  }
  const out = new Float32Array(3 * count);
  const cells = resample(mass, count, seed);
  for (const [s, cell] of cells.entries()) {
    const omega = at(0, Math.floor(cell / CELLS) + uniformAt(seed, 0, 1, s, 0));
    const zeta = at(1, (cell % CELLS) + uniformAt(seed, 0, 1, s, 1));
    const { mean, sd } = amplitude(omega, zeta, y);
    out.set([omega, zeta, mean + sd * normalAt(seed, 0, 2, s, 0)], 3 * s);
  }
  return out;
}

/** A damped oscillator: frequency, damping and amplitude from ten displacements. */
export const oscillator: Problem = defineProblem({
  name: "oscillator",
  description: "which frequency, damping and amplitude give ten displacements of a damped oscillator",
  parameters: ["log ω", "log ζ", "amplitude"],
  prior: normal(MEAN, SD),
  forward: (theta) => {
    const omega = exp(columns(theta, [0])); // (B, 1)
    const zeta = exp(columns(theta, [1]));
    const damped = mul(omega, sqrt(maximum(sub(1, square(zeta)), 1e-6))); // a guide may draw ζ above 1, which the prior hardly does
    const rows = Array.from(TIMES, (t) => mul(exp(neg(mul(mul(zeta, omega), t))), cos(mul(damped, t))));
    return mul(concat(...rows), columns(theta, [2])); // (B, 10)
  },
  noise: gaussianNoise(NOISE),
  exact,
});
