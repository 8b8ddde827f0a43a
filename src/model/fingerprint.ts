/** Recognises the problem that a model was trained on, by D, M, and the forward model, log-prior and noise at 8 fixed parameters. */
import { type BackendOptions, once } from "../backends/select.ts";
import { drawNoise } from "../distributions/noise/model.ts";
import { add, input, mul } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { meanOf, varianceOf } from "../numbers/moments.ts";
import { isOffset } from "../numbers/offsets.ts";
import { STREAMS } from "../numbers/random.ts";
import type { Problem } from "../problem/problem.ts";
import type { Solver } from "../problem/solvers.ts";
import { restored, workOf } from "../problem/work.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import type { Fingerprint, ModelSpec } from "./model.ts";

/** Parameters at which a problem is evaluated. */
const ROWS = 8;
/** Relative difference up to which values count as equal. */
const TOLERANCE = 1e-5;

const rowsOf = (flat: ArrayLike<number>, count: number): number[][] => {
  const width = flat.length / count;
  return Array.from({ length: count }, (_, i) => Array.from({ length: width }, (_x, j) => flat[i * width + j]));
};

type Rows = Fingerprint["theta"];

/** Numbers of the fixed data, at most, and their rows, at least. */
const NOISE_NUMBERS = 512;
const NOISE_ROWS = 2;

/** Evaluates forward model, log-prior and noise at 8 draws of the prior. */
export async function fingerprintOf(problem: Problem, options: BackendOptions = {}): Promise<Fingerprint> {
  const found = await modelAt(problem, options);
  const noise = await noiseAt(problem, options, found);
  return noise === null ? found : { ...found, noise };
}

/**
 * Evaluates the noise at the first rows of fixed parameters and the noise-free data that are known of them: fixed data, drawn once, and
 * their log density. Null for noise without a density. Without a forward model the noise-free data are ½, which all families take.
 */
async function noiseAt(
  { D, M, noise }: Problem,
  options: BackendOptions,
  { theta, forward }: Pick<Fingerprint, "theta" | "forward">,
  given?: Rows,
): Promise<Fingerprint["noise"] | null> {
  if (noise.lacks.includes("logDensity")) return null;
  const rows = given?.length ?? Math.min(theta.length, Math.max(NOISE_ROWS, Math.floor(NOISE_NUMBERS / M)));
  const clean = theta.slice(0, rows).map((_, i) => forward?.[i] ?? new Array<number>(M).fill(0.5));
  const [t, c, y] = [
    input("theta", D, { dtype: "f64" }),
    input("clean", M, { dtype: "f64" }),
    input("y", M, { dtype: "f64" }),
  ];
  const drawn = noise.lacks.includes("draw") ? add(mul(c, 0), 1) : drawNoise(noise, t, c);
  const program = atOnce(
    compile({
      draw: { outputs: { y: drawn } },
      density: { outputs: { logDensity: noise.at(t, c).logDensity(y, c) } },
    }),
  );
  const seen = { theta: Float64Array.from(theta.slice(0, rows).flat()), clean: Float64Array.from(clean.flat()) };
  return once(program, options, async (executor) => {
    const run = { rows, seed: 0, step: SIMULATION_STEPS.fingerprint, inputs: seen };
    const made = given?.flat() ?? Array.from((await executor.run("draw", run)).y);
    const inputs = { ...seen, y: Float64Array.from(made) };
    const { logDensity } = await executor.run("density", { rows, inputs });
    const finite = made.every(Number.isFinite) && (given !== undefined || logDensity.every(Number.isFinite));
    return finite ? { y: rowsOf(made, rows), logDensity: Array.from(logDensity) } : null;
  });
}

/** Evaluates forward model and log-prior at 8 draws of the prior, or at the parameters `at` (N, D). */
async function modelAt(problem: Problem, options: BackendOptions, at?: Rows): Promise<Fingerprint> {
  const { prior, centre } = workOf(problem);
  const theta = input("theta", problem.D, { dtype: "f64" });
  const outputs = {
    logPrior: problem.prior.logDensity(theta),
    ...(problem.forward && { forward: problem.forward(theta) }),
  };
  const program = atOnce(
    compile({
      draw: { outputs: { theta: restored(prior.draw(STREAMS.prior, "f64"), centre) } },
      evaluate: { outputs },
    }),
  );
  const rows = at?.length ?? ROWS;
  const solvers = problem.solvers();
  return once(program, options, async (executor) => {
    const drawn =
      at?.flat() ??
      Array.from((await executor.run("draw", { rows: ROWS, seed: 0, step: SIMULATION_STEPS.fingerprint })).theta);
    const out = await executor.run("evaluate", { rows, inputs: { theta: Float64Array.from(drawn) } });
    return {
      theta: rowsOf(drawn, rows),
      forward: out.forward === undefined ? null : rowsOf(out.forward, rows),
      logPrior: Array.from(out.logPrior),
      ...(solvers.length > 0 && { solvers }),
    };
  });
}

const differ = (one: readonly number[], other: readonly number[]): boolean => {
  // An offset that single precision cannot hold would hide everything else in the scale.
  const mean = meanOf(one);
  const shift = isOffset(mean, Math.sqrt(varianceOf(one))) && one.some((x) => x !== mean) ? mean : 0;
  const [a, b] = [one, other].map((list) => list.map((x) => x - shift));
  const scale = Math.max(...a.map(Math.abs), ...b.map(Math.abs), Number.MIN_VALUE);
  return a.length !== b.length || a.some((x, i) => !(Math.abs(x - b[i]) <= TOLERANCE * scale));
};

/**
 * A model of a surrogate also accepts the problem that the surrogate stands for, whose forward model differs a little; not where the
 * guide was trained in coordinates that it finds by the surrogate's own.
 */
const standsFor = ({ problem, guide }: ModelSpec, { name }: Problem): boolean =>
  problem === `${name}-surrogate` && guide.options.base !== "laplace";

const nameOf = ({ method, steps }: Solver): string => `${steps} steps of ${method}`;

/** @throws when `problem` is not the one that the model was trained on, naming the difference. */
export async function checkFingerprint(spec: ModelSpec, problem: Problem, backend: BackendOptions): Promise<void> {
  const refuse = (what: string): never => {
    throw new Error(
      `load: the model was trained on another problem "${spec.problem}": ${what} differs from that of "${problem.name}", which was given`,
    );
  };
  if (problem.D !== spec.D) refuse(`the number of parameters (${spec.D} in the file, ${problem.D})`);
  if (problem.M !== spec.M) refuse(`the number of data (${spec.M} in the file, ${problem.M})`);
  const { theta, forward, logPrior, noise, solvers } = spec.fingerprint;
  const [was, is] = [solvers, problem.solvers()].map((list) => list?.map(nameOf).join(" and ") ?? "");
  if (was !== "" && is !== "" && was !== is)
    refuse(`the solution of its differential equations (${was} in the file, ${is}; give steps to ode)`);
  const now = await modelAt(problem, backend, theta);
  if (differ(logPrior, now.logPrior)) refuse("the log-prior at 8 fixed parameters");
  if (noise !== undefined) {
    const own = await noiseAt(problem, backend, { theta, forward }, noise.y);
    if (own == null || differ(noise.logDensity, own.logDensity)) refuse("the log-density of the noise at fixed data");
  }
  if (forward === null || now.forward === null || standsFor(spec, problem)) return;
  // Column by column, because each may have its own unit, and so its own scale.
  const column = (table: readonly (readonly number[])[], j: number): number[] => table.map((row) => row[j]);
  const other = Array.from({ length: spec.M }, (_, j) => j).find((j) =>
    differ(column(forward, j), column(now.forward as number[][], j)),
  );
  if (other !== undefined) refuse(`the forward model at 8 fixed parameters (column ${other + 1} of the data)`);
}
