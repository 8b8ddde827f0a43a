/** How a problem is defined: its options, what is refused, and the number of data, which a forward model tells by being traced once. */
import { describe } from "../checks/arguments.ts";
import {
  callback,
  check,
  expectOption,
  flag,
  nullable,
  type OptionsOf,
  option,
  readOptions,
  record,
  required,
  type SettingsOf,
  text,
} from "../checks/options.ts";
import { type Distribution, distribution, sameSupport } from "../distributions/distribution.ts";
import { type NoiseModel, type NoiseOption, noiseModelOf, noiseOption } from "../distributions/noise/model.ts";
import { input } from "../graph/build.ts";
import { isTensor, show, type Tensor, topological } from "../graph/tensor.ts";
import { isLost, isOffset } from "../numbers/offsets.ts";
import { areNamed } from "./columns.ts";
import { layoutOf } from "./layout.ts";
import { MOST_PARAMETERS, type Parameter, type Problem, problemCheck } from "./problem.ts";
import { isSetDeclaration, type SetDeclaration, type SetSize } from "./set.ts";
import { modelOfMembers, repeated } from "./set-noise.ts";
import { CALL_DEFAULTS, resolveSimulator, type Simulator, type SimulatorSpec } from "./simulator.ts";
import { withSolvers } from "./solvers.ts";

const names = check<readonly (string | Parameter)[]>("a list of names", Array.isArray);

/** The options of `defineProblem`. */
export const problemTable = {
  /** The problem's name, which messages, files and reports show. */
  name: required(text),
  /** One line about the problem. */
  description: option(
    check<string>("a string", (x) => typeof x === "string"),
    "",
  ),
  /** Names of the D parameters, with or without units; by default those of the prior, if it is a `joint`, else θ1, θ2, … */
  parameters: option(names),
  /**
   * Number of data, or their names, with or without units. Needed without `forward`, unless `simulate` states M. Or `set({ each, count })`:
   * then `forward` gives the noise-free data of one member of a set, and `noise` is that of one.
   */
  data: option(
    check<number | readonly (string | Parameter)[] | SetDeclaration>(
      "the number of data, a list of their names, or set({ each, count })",
      (x) => typeof x === "number" || Array.isArray(x) || isSetDeclaration(x),
    ),
  ),
  /** Distribution of the parameters (D). */
  prior: required(distribution),
  /** Distribution that data sets are drawn from instead of the prior. */
  proposal: option(nullable(distribution), null),
  /** Forward model, written with ops: parameters (B, D) → noise-free data (B, M), of the type of the parameters. */
  forward: option(nullable(callback<(theta: Tensor) => Tensor>()), null),
  /** Calls `forward` at its first use instead of at once, where that takes long, as making a mesh does; then `data` must be given. */
  deferred: option(flag, false),
  /** A simulator in place of `forward`: a function, or one with how it is called (batches, concurrency, retries, time limit). */
  simulate: option(
    nullable(
      check<Simulator | SimulatorSpec>(
        "a function or { run, batch, … }",
        (x) => typeof x === "function" || (typeof x === "object" && x !== null && !Array.isArray(x)),
      ),
    ),
    null,
  ),
  /**
   * Noise on the data: a noise model, or a function of parameters (B, D) and noise-free data (B, M), tensors of one type, that returns
   * one; null where `simulate`, or pairs from elsewhere, already include it.
   */
  noise: required(nullable<NoiseOption>(noiseOption)),
  /** Training options by name of the preset, then of the guide. */
  presets: option(record, {}),
  /** (count, D) independent draws of the exact posterior, row by row, where it can be drawn from. */
  exact: option(nullable(callback<NonNullable<Problem["exact"]>>()), null),
  /** The problem that this one approximates, as a surrogate does. */
  parent: option(nullable(problemCheck), null),
};
/**
 * The definition of a problem: `name`, `prior`, `noise`, and either `forward` or `simulate`; the rest may be left out. A problem
 * with neither, but with `data`, is of pairs that were simulated elsewhere: `train(problem, { bank: { theta, y } })`.
 */
export type ProblemSpec = OptionsOf<typeof problemTable>;

/** Names of `count` things: the listed ones, or else `prefix` and a number. */
function nameAll(
  owner: string,
  what: string,
  listed: ProblemSpec["parameters"],
  count: number,
  prefix: string,
): readonly Parameter[] {
  const list = listed ?? Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
  if (list.length !== count) throw new Error(`${owner}: expected ${count} ${what}, got ${list.length}`);
  const named = list.map((entry: unknown, i): Parameter => {
    const { name, unit } = (typeof entry === "string" ? { name: entry } : (entry ?? {})) as Partial<Parameter>;
    if (typeof name !== "string" || name === "" || (unit !== undefined && typeof unit !== "string")) {
      throw new Error(`${owner}: expected ${what} to be names or { name, unit }, got ${describe(entry)} at index ${i}`);
    }
    return Object.freeze(unit === undefined ? { name } : { name, unit });
  });
  const twice = named.find((p, i) => named.findIndex((q) => q.name === p.name) < i);
  if (twice) throw new Error(`${owner}: expected ${what} with names of their own, got "${twice.name}" twice`);
  return Object.freeze(named);
}

const thetaOf = (size: number): Tensor => input("theta", size, { dtype: "f64" });

/** The number M of data of a forward model, by tracing it once. */
function traceForward(owner: string, forward: (theta: Tensor) => Tensor, size: number): number {
  const theta = thetaOf(size);
  return checkForward(owner, theta, forward(theta)).cols;
}

/** A forward model that is traced and checked at its first use. */
function deferredForward(owner: string, forward: (theta: Tensor) => Tensor, M: number): (theta: Tensor) => Tensor {
  return (theta) => {
    const y = checkForward(owner, theta, forward(theta));
    if (y.cols === M) return y;
    throw new Error(`${owner}: expected forward to return ${M} data, as data says, got ${show(y)}`);
  };
}

function checkForward(owner: string, theta: Tensor, y: unknown): Tensor {
  const expected = `${owner}: expected forward to return data (B, M)`;
  if (!isTensor(y)) throw new Error(`${expected}, got ${describe(y)}`);
  if (y.kind !== "batch" || y.rows !== theta.rows)
    throw new Error(`${expected}, got ${show(y)} that is not one row a sample`);
  if (y.dtype !== theta.dtype)
    throw new Error(
      `${expected} of the type of theta, got ${y.dtype} for ${theta.dtype}; make constants with theta.dtype`,
    );
  const nodes = topological([y], [theta]);
  const drawn = nodes.find((t) => t.op === "random" || t.op === "bankRows");
  if (drawn)
    throw new Error(
      `${owner}: expected forward to be noise-free, got random draws in it; define them by the option noise`,
    );
  const other = nodes.find((t) => t.op === "input" && t !== theta);
  if (other) throw new Error(`${owner}: expected forward to depend on theta alone, got an input "${other.attrs.name}"`);
  if (!nodes.includes(theta)) throw new Error(`${owner}: expected forward to depend on theta, got data that do not`);
  return y;
}

/** The data of a problem, or those of one member of a set. */
type Named = number | readonly (string | Parameter)[] | undefined;

/** Number of data where no forward model tells it. */
function countOf(owner: string, data: Named, simulated: number | undefined): number {
  const count = typeof data === "object" ? data.length : (data ?? simulated);
  if (count === undefined || !Number.isInteger(count) || count < 1)
    throw new Error(
      `${owner}: expected data, without forward or with a deferred one, to be the number of data or their names, got ${describe(data)}`,
    );
  if (simulated !== undefined && simulated !== count)
    throw new Error(`${owner}: expected data ${simulated}, as simulate gives, got ${count}`);
  return count;
}

/** The data come from a forward model, from a simulator, or from elsewhere: from one of them. */
function expectOneSource({ name, forward, simulate, data, noise }: SettingsOf<typeof problemTable>): void {
  if (forward !== null && simulate !== null) throw new Error(`${name}: expected either forward or simulate, got both`);
  if (forward === null && simulate === null && data === undefined)
    throw new Error(`${name}: expected forward, simulate, or data alone (for pairs from elsewhere), got none of them`);
  if (noise === null && forward !== null)
    throw new Error(`${name}: expected a noise model beside forward, whose data are noise-free, got null`);
}

type OfData = Pick<Problem, "data" | "M" | "layout" | "set" | "forward" | "noise">;

/** Data of one length. */
const alone = (data: readonly Parameter[], forward: Problem["forward"], noise: NoiseModel): OfData => {
  const M = data.length;
  return { data, M, layout: layoutOf(M), set: null, forward, noise };
};

/** Data that are sets, of names, forward model and noise of one member. */
function ofSets(
  { count: [least, most] }: SetDeclaration,
  members: readonly Parameter[],
  forward: Problem["forward"],
  noise: NoiseModel,
): OfData {
  const size: SetSize = { each: members.length, least, most, ...(areNamed(members) && { names: members }) };
  const data = Array.from({ length: most }, (_, i) =>
    members.map(({ name, unit }) => Object.freeze({ name: `${name} of ${i + 1}`, ...(unit && { unit }) })),
  ).flat();
  const all = forward && ((theta: Tensor) => repeated(forward(theta), most));
  return { ...alone(data, all, modelOfMembers(noise, most)), set: Object.freeze(size) };
}

/**
 * An inverse problem. `forward` is traced once, in f64, to find the number of data, unless it is deferred.
 * @throws when something is missing, unknown or does not fit the rest, with what was expected and what came.
 */
export function defineProblem(spec: ProblemSpec): Problem {
  const owner = typeof spec?.name === "string" && spec.name !== "" ? spec.name : "defineProblem";
  const settings = readOptions(owner, problemTable, spec);
  const { name, description, prior, proposal, forward, presets, exact, parent } = settings;
  const sets = isSetDeclaration(settings.data) ? settings.data : null;
  const data = sets === null ? (settings.data as Named) : sets.each;
  if (sets !== null && forward === null)
    throw new Error(`${name}: expected a forward model of one member for data that are sets, got none`);
  expectOneSource(settings);
  if (proposal !== null) expectProposal(name, proposal, prior);
  const D = prior.size;
  if (D > MOST_PARAMETERS)
    throw new Error(`${name}: expected a prior of at most ${MOST_PARAMETERS} parameters, got ${D}`);
  const named = nameAll(name, "parameters", settings.parameters ?? prior.names, D, "θ");
  for (const from of [prior, proposal]) if (from !== null) expectHeld(name, from, named);
  const simulator = settings.simulate === null ? null : resolveSimulator(name, settings.simulate);
  if (simulator?.D !== undefined && simulator.D !== D)
    throw new Error(`${name}: expected a prior of ${simulator.D} parameters, as simulate takes, got one of ${D}`);
  const deferred = settings.deferred && forward !== null;
  // The noise is read only once the steps of solvers are chosen, which is after the definition.
  const solved = forward && withSolvers(forward, () => ({ name, from: proposal ?? prior, noise }));
  const m = solved === null || deferred ? countOf(name, data, simulator?.M) : traceForward(name, solved.shape, D);
  const source = forward === null ? "data" : "what forward returns";
  const noise = noiseModelOf(name, settings.noise, D, m, source);
  if (typeof data === "number" && data !== m)
    throw new Error(`${name}: expected ${sets ? "each" : "data"} ${m}, as forward returns, got ${data}`);
  const names = nameAll(name, "data", typeof data === "number" ? undefined : data, m, "y");
  const single = deferred && solved ? deferredForward(name, solved.forward, m) : (solved?.forward ?? null);
  const of = sets === null ? alone(names, single, noise) : ofSets(sets, names, single, noise);
  return Object.freeze({
    name,
    description,
    parameters: named,
    D,
    ...of,
    prior,
    proposal,
    solvers: () => solved?.solvers() ?? [],
    simulate: simulator?.run ?? null,
    // Some parameters in the tails of a prior may need more steps than a solver takes: they are dropped and counted.
    calls: simulator?.calls ?? (solved?.isSolver() ? { ...CALL_DEFAULTS, failures: "drop" as const } : CALL_DEFAULTS),
    presets: Object.freeze({ ...presets }),
    exact,
    parent,
  });
}

/** Logarithms of the numbers that single precision holds with all its digits, and the sd around the mean that must be among them. */
const LOG_RANGE = 87;
const REACH = 6;
/** Spreads with squares that single precision holds. */
const LEAST_SPREAD = 1e-18;
const LARGEST_SPREAD = 1e18;

/** @throws where neither single precision nor a centre in double precision can hold the draws of a distribution. */
function expectHeld(owner: string, from: Distribution, parameters: readonly Parameter[]): void {
  const { mean, sd, low, high, realMean, realSd, heavy } = from;
  for (const [d, { name }] of parameters.entries()) {
    const refuse = (got: string, advice: string): never => {
      throw new Error(
        `${owner}: expected ${name} to vary within the range and the digits of numbers, got ${got}; ${advice}`,
      );
    };
    if (isLost(mean[d], sd[d]))
      refuse(`values around ${mean[d]} with an sd of ${sd[d]}`, "subtract a reference value from it");
    const half = Number.isFinite(low[d]) !== Number.isFinite(high[d]) && !(heavy?.[d] && low[d] === -Infinity);
    const far = half && !isOffset(mean[d], sd[d]) ? Math.abs(realMean[d]) + REACH * realSd[d] : 0;
    const fits = half || (sd[d] >= LEAST_SPREAD && sd[d] <= LARGEST_SPREAD);
    if (far > LOG_RANGE || !fits)
      refuse(
        half ? `logarithms around ${realMean[d]} with an sd of ${realSd[d]}` : `an sd of ${sd[d]}`,
        "choose a unit in which it is of order 1",
      );
  }
}

/**
 * A proposal must stay within the support of the prior, because the prior's map takes its draws to the whole line.
 * @throws where it does not, and where it is no distribution or one of another number of parameters.
 */
export function expectProposal(owner: string, proposal: Distribution, prior: Distribution): void {
  expectOption(owner, "proposal", distribution, proposal);
  if (proposal.size !== prior.size)
    throw new Error(`${owner}: expected a proposal of ${prior.size} parameters, got ${proposal.size}`);
  if (prior.inside !== undefined && !sameSupport(prior, proposal))
    throw new Error(
      `${owner}: expected a proposal with the support of the prior "${prior.name}", which is no box, got "${proposal.name}"; use a proposal of the same families`,
    );
  for (let i = 0; i < prior.size; i++) {
    if (proposal.low[i] >= prior.low[i] && proposal.high[i] <= prior.high[i]) continue;
    const [want, got] = [prior, proposal].map((d) => `[${d.low[i]}, ${d.high[i]}]`);
    throw new Error(`${owner}: expected a proposal within the support of the prior, ${want}, got ${got} at index ${i}`);
  }
}
