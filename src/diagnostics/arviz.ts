/**
 * Posteriors for ArviZ, the Python package of diagnostics and pictures, as the JSON of its InferenceData: groups by name, and in each
 * group the variables (chain, draw, …), with `coords` and `dims` that name the other dimensions. `arviz.from_json`
 * reads it. Source: the InferenceData schema specification (schema.md of arviz-devs/arviz, commit 42e11a6), which has no number.
 */
import { backendTable, once } from "../backends/select.ts";
import { expectFields } from "../checks/arguments.ts";
import { type OptionsOf, option, pickOptions, readOptions, seed, whole } from "../checks/options.ts";
import { isIncluded } from "../distributions/noise/model.ts";
import { input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { lacksDensity } from "../problem/likelihood.ts";
import { type Parameter, type Problem, problemCheck } from "../problem/problem.ts";
import { problemAtScale } from "../problem/seen.ts";
import { predict } from "../simulate/predict.ts";
import { priorDraws } from "../simulate/prior-draws.ts";
import { VERSION } from "../version.ts";
import { replicateData } from "./predictive.ts";

export const arvizTable = {
  /** Draws of the posterior; those of chains are taken as they are. */
  draws: option(whole(2), 1000),
  /** Seed of draws and noise. */
  seed: option(seed, 0),
  /** The problem, which prior, predictions and log-likelihood need; by default that of the posterior, if it is known. */
  problem: option(problemCheck),
  ...backendTable,
};
/** Options of `toArviz`. */
export type ArvizOptions = OptionsOf<typeof arvizTable>;

/** Nested lists of numbers; null stands for one that is not finite, which JSON has not. */
export type Nested = number | null | readonly Nested[];
/** A group of InferenceData: variables by name. */
export type ArvizGroup = Readonly<Record<string, Nested>>;

/** InferenceData as plain data: `JSON.stringify` it, and read the file by `arviz.from_json`. */
export interface Arviz {
  /** A variable (chain, draw) for each parameter. */
  readonly posterior: ArvizGroup;
  /** The same (1, draw), where the problem is known. */
  readonly prior?: ArvizGroup;
  /** `y` (chain, draw, datum): data simulated again, where the problem can be simulated. */
  readonly posterior_predictive?: ArvizGroup;
  /** `y` (datum). */
  readonly observed_data: ArvizGroup;
  /** `y` (chain, draw, datum), or `joint` (chain, draw) for data that depend on each other; absent without a likelihood. */
  readonly log_likelihood?: ArvizGroup;
  /** `lp` (chain, draw): the log density of the posterior, for a guide log q. */
  readonly sample_stats: ArvizGroup;
  readonly coords: Readonly<Record<string, readonly (string | number)[]>>;
  readonly dims: Readonly<Record<string, readonly string[]>>;
  /** Attributes of the whole; each group has the same, as the schema demands. */
  readonly attrs: Readonly<Record<string, string>>;
  readonly [group: `${string}_attrs`]: Readonly<Record<string, string>>;
}

/** Rows as nested lists of the given shape. */
function nest(values: ArrayLike<number>, shape: readonly number[], from = 0): Nested {
  if (shape.length === 0) return Number.isFinite(values[from]) ? values[from] : null;
  const [count, ...rest] = shape;
  const size = rest.reduce((product, n) => product * n, 1);
  return Array.from({ length: count }, (_, i) => nest(values, rest, from + i * size));
}

interface Known {
  readonly problem?: Problem;
  readonly map?: { readonly problem: Problem | null; readonly spec: { readonly parameters: readonly Parameter[] } };
  readonly chains?: readonly (Float32Array | Float64Array)[];
}

/** Names of dimensions, which variables may not have. */
const RESERVED = ["chain", "draw", "datum"];
const variable = (name: string): string => (RESERVED.includes(name) ? `${name}_` : name);

/** A variable for each parameter, of draws (chains · draws, D). */
const byParameter = (names: readonly string[], theta: ArrayLike<number>, chains: number): ArvizGroup => {
  const D = names.length;
  const draws = theta.length / D / chains;
  const column = (d: number): Float64Array => Float64Array.from({ length: chains * draws }, (_, s) => theta[s * D + d]);
  return Object.fromEntries(names.map((name, d) => [variable(name), nest(column(d), [chains, draws])]));
};

/** log p(y | θ) at parameters and noise-free data: of each datum where they are independent; null without a likelihood. */
async function logLikelihoods(
  problem: Problem,
  { y, scale }: Pick<Posterior, "y" | "scale">,
  { theta, clean }: { readonly theta: Float64Array; readonly clean: Float64Array },
  backend: ArvizOptions,
): Promise<{ readonly values: Float64Array; readonly each: boolean } | null> {
  if (isIncluded(problem.noise) || lacksDensity(problem)) return null;
  const { D, M, noise } = problemAtScale(problem, scale);
  const [t, c] = [input("theta", D, { dtype: "f64" }), input("clean", M, { dtype: "f64" })];
  const observed = input("y", M, { dtype: "f64", repeat: true });
  const own = noise.at(t, c);
  if (!own.each && y.some(Number.isNaN)) return null;
  const value = (own.each ?? own.logDensity)(observed, c);
  const program = atOnce(compile({ likelihood: { outputs: { value } } }));
  const rows = theta.length / D;
  const run = { rows, repeat: rows, inputs: { theta, clean, y } };
  const out = await once(program, pickOptions(backendTable, backend), (executor) => executor.run("likelihood", run));
  return { values: Float64Array.from(out.value), each: own.each !== undefined };
}

/** The groups that need the problem: prior, predictions and log-likelihood at draws (chains · draws, D). */
async function modelGroups(
  problem: Problem,
  posterior: Posterior,
  theta: Float32Array | Float64Array,
  chains: number,
  { seed = 0, ...options }: ArvizOptions,
): Promise<Pick<Arviz, "prior" | "posterior_predictive" | "log_likelihood">> {
  const { D, M } = problem;
  const count = theta.length / D;
  const backend = pickOptions(backendTable, options);
  const names = problem.parameters.map(({ name }) => name);
  const prior = byParameter(names, await priorDraws(problem, count, seed, backend), 1);
  const canSimulate = problem.forward !== null || problem.simulate !== null;
  if (!canSimulate || posterior.y.length !== M) return { prior }; // a set may have another size than those of the problem
  const fixedDraws = { y: posterior.y, scale: posterior.scale, sample: async () => theta };
  const again = problem.noise.lacks.includes("draw")
    ? null
    : await replicateData("toArviz", problem, fixedDraws, { ...backend, draws: count, seed });
  const clean =
    again && !isIncluded(problem.noise) ? (again.clean as Float64Array) : await predict(problem, theta, backend);
  const rows = { theta: Float64Array.from(theta), clean };
  const likelihood = await logLikelihoods(problem, posterior, rows, options);
  const shape = [chains, count / chains];
  return {
    prior,
    ...(again && {
      posterior_predictive: { y: nest(again.replicated as ArrayLike<number>, [...shape, M]) },
    }),
    ...(likelihood && {
      log_likelihood: likelihood.each
        ? { y: nest(likelihood.values, [...shape, M]) }
        : { joint: nest(likelihood.values, shape) },
    }),
  };
}

/**
 * A posterior as InferenceData: posterior, observed data and the log density of its draws; where the problem is known also prior,
 * posterior predictive and log-likelihood. Chains of NUTS stay apart, so that ArviZ can compare them.
 *
 *   writeFileSync("draws.arviz.json", JSON.stringify(await toArviz(posterior)));      import arviz; arviz.from_json("draws.arviz.json")
 *
 * @throws on what is no posterior; where the problem's data cannot be simulated at a draw.
 */
export async function toArviz(posterior: Posterior, options: ArvizOptions = {}): Promise<Arviz> {
  const settings = readOptions("toArviz", arvizTable, options);
  expectFields("toArviz", "a posterior", posterior, "sample", "y", "mean");
  const { problem: own, map, chains: list } = posterior as Posterior & Known;
  const problem = settings.problem ?? own ?? map?.problem ?? null;
  const D = posterior.mean.length;
  const chains = list?.length ?? 1;
  const theta = list ? posterior.draws : await posterior.sample(settings.draws, { seed: settings.seed });
  if (theta === null) throw new Error("internal: chains without draws");
  const parameters = problem?.parameters ?? map?.spec.parameters ?? [];
  const names = Array.from({ length: D }, (_, d) => parameters[d]?.name ?? `theta_${d + 1}`);
  const more = problem ? await modelGroups(problem, posterior, theta, chains, settings) : {};
  const groups = {
    posterior: byParameter(names, theta, chains),
    ...more,
    observed_data: { y: nest(posterior.y, [posterior.y.length]) },
    sample_stats: { lp: nest(await posterior.logProb(theta), [chains, theta.length / D / chains]) },
  };
  const attrs = {
    created_at: new Date().toISOString(),
    inference_library: "retrodict",
    inference_library_version: VERSION,
  };
  const attrsOf = Object.fromEntries(Object.keys(groups).map((group) => [`${group}_attrs`, attrs]));
  const datum = posterior.y.length === problem?.M ? problem.data.map(({ name }) => name) : undefined;
  return {
    ...groups,
    ...attrsOf,
    coords: { datum: datum ?? Array.from(posterior.y.keys()) },
    dims: { y: ["datum"] },
    attrs,
  };
}
