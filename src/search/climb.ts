/**
 * Climbs to the modes of posteriors, many rows at once, by the steps of step.ts. The damping λ of each row follows its gain,
 *
 *   ρ = (U(z + δ) − U(z)) / predicted,   λ ← λ max(1/10, 1 − (2ρ − 1)³) where U rises,   else λ ← ν λ, ν ← 2 ν
 *
 * (Nielsen, Damping parameter in Marquardt's method, report IMM-REP-1999-05, with 1/10 in place of 1/3), and is 0 near the mode,
 * where the quadratic model is accurate.
 */
import type { Executor } from "../backends/backend.ts";

/** Half the squared distance to the mode in posterior standard deviations at which a mode counts as found, and at which a search ends. */
const CONVERGED = 1e-8;
const TIGHT = 1e-20;
/** With less to gain than this, and where the model was accurate, steps are undamped. */
const NEAR = 1e-4;
const RIGHT = 0.8;
const FIRST_DAMPING = 1e-3;
const SMALL_DAMPING = 1e-2;
const MOST_DAMPING = 1e12;
/** Rounding of U, relative to 1 + |U|: a smaller decrease does not count. */
const ROUNDING = 1e-11;

/** The end of a search. */
export interface Climb {
  /** End point, (D). */
  readonly z: Float64Array;
  /** U at the end; −∞ where it was not finite at the start. */
  readonly value: number;
  /** Half the squared distance to the mode in posterior standard deviations, by the quadratic model; NaN where H has none. */
  readonly decrement: number;
  readonly converged: boolean;
  readonly iterations: number;
  /** Packed Cholesky factor C of H = C Cᵀ, or of H + λ(…) with the least λ that makes it positive definite. */
  readonly factor: Float64Array;
  readonly logDet: number;
  readonly damping: number;
}
interface Climber {
  z: Float64Array;
  /** False where U is not finite at the start. */
  finite: boolean;
  decrement: number;
  damping: number;
  /** Factor of the damping when the next step is refused. */
  growth: number;
  iterations: number;
  done: boolean;
}

/** The outputs of the plan of `traceStep` for one row. */
interface Answer {
  readonly value: number;
  readonly decrement: number;
  readonly next: Float64Array;
  readonly nextValue: number;
  readonly predicted: number;
  readonly factor: Float64Array;
  readonly logDet: number;
}

/** Runs the step for rows of z, data and dampings. */
async function ask(
  executor: Executor,
  plan: string,
  z: readonly Float64Array[],
  y: readonly Float64Array[],
  damping: readonly number[],
): Promise<Answer[]> {
  const flat = (rows: readonly Float64Array[]): Float64Array => {
    const out = new Float64Array(rows.length * rows[0].length);
    for (const [i, row] of rows.entries()) out.set(row, i * row.length);
    return out;
  };
  const inputs = { z: flat(z), y: flat(y), damping: Float64Array.from(damping) };
  const out = (await executor.run(plan, { rows: z.length, inputs })) as Record<string, Float64Array>;
  const row = (name: string, i: number): Float64Array => {
    const width = out[name].length / z.length;
    return out[name].subarray(i * width, (i + 1) * width);
  };
  return z.map((_, i) => ({
    value: out.value[i],
    decrement: out.decrement[i],
    next: row("next", i),
    nextValue: out.nextValue[i],
    predicted: out.predicted[i],
    factor: row("factor", i),
    logDet: out.logDet[i],
  }));
}

/** Moves one climber, or increases its damping. The step that starts from a decrement of at most `enough` ends the search. */
function advance(c: Climber, enough: number, { value, decrement, next, nextValue, predicted }: Answer): void {
  const before = c.decrement;
  c.iterations++;
  c.decrement = decrement;
  c.finite = Number.isFinite(value);
  c.done = !c.finite;
  if (c.done) return;
  const slack = ROUNDING * (1 + Math.abs(value));
  if (nextValue >= value - slack && next.every(Number.isFinite)) {
    c.z = next.slice();
    if (predicted > slack) {
      // With a gain of 1 the model is accurate; with one below ½ steps overshoot, because its curvature is too small.
      const rest = 2 * ((nextValue - value) / predicted) - 1;
      if (rest < 0) c.damping = Math.max(c.damping, FIRST_DAMPING);
      // Right after a refusal the damping is kept, because otherwise every other step might be refused.
      c.damping *= Math.min(2, Math.max(c.growth > 2 ? 1 : 0.1, 1 - rest * rest * rest));
      if (decrement < NEAR && rest > RIGHT && c.damping < SMALL_DAMPING) c.damping = 0;
    }
    c.growth = 2;
    // If rounding limits the distance to the mode, more steps do not shorten it.
    c.done = decrement <= enough || (decrement <= CONVERGED && decrement > 0.25 * before);
    return;
  }
  c.damping = Math.max(c.damping, FIRST_DAMPING) * c.growth;
  c.growth *= 2;
  c.done = c.damping > MOST_DAMPING;
}

/**
 * Climbs from each of the starts (N, D) for its data (N, M). Each step is one run for all rows; rows that have arrived drop out.
 * `plan` names a plan of `traceStep`.
 */
export async function climb(
  executor: Executor,
  plan: string,
  starts: readonly Float64Array[],
  data: readonly Float64Array[],
  most: number,
  enough: number = TIGHT,
): Promise<Climb[]> {
  const climbers = starts.map(
    (z): Climber => ({
      z,
      finite: true,
      decrement: Number.POSITIVE_INFINITY,
      damping: FIRST_DAMPING,
      growth: 2,
      iterations: 0,
      done: false,
    }),
  );
  const run = async (which: readonly number[], damping: (n: number) => number): Promise<[number, Answer][]> => {
    const rows = (of: (n: number) => Float64Array): Float64Array[] => which.map(of);
    const answers = await ask(
      executor,
      plan,
      rows((n) => climbers[n].z),
      rows((n) => data[n]),
      which.map(damping),
    );
    return which.map((n, r) => [n, answers[r]]);
  };
  const all = climbers.map((_, n) => n);
  for (let i = 0; i < most; i++) {
    const left = all.filter((n) => !climbers[n].done);
    if (left.length === 0) break;
    for (const [n, answer] of await run(left, (k) => climbers[k].damping)) advance(climbers[n], enough, answer);
  }
  // The curvature at the ends; where it is not positive definite, with the least damping that makes it so.
  const ends: Climb[] = [];
  let left = all;
  for (let damping = 0; left.length > 0 && damping <= MOST_DAMPING; damping = Math.max(10 * damping, FIRST_DAMPING)) {
    for (const [n, { value, decrement, factor, logDet }] of await run(left, () => damping)) {
      const { z, finite, iterations } = climbers[n];
      const ended = { z, iterations, decrement, factor: factor.slice(), logDet, damping };
      const at = finite && Number.isFinite(value) ? value : Number.NEGATIVE_INFINITY;
      ends[n] = { ...ended, value: at, converged: decrement <= CONVERGED };
    }
    left = left.filter((n) => ends[n].value > Number.NEGATIVE_INFINITY && Number.isNaN(ends[n].logDet));
  }
  return ends;
}
