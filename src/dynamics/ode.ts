/**
 * Solutions of ordinary differential equations as one op of a forward model,
 *
 *   du/dt = f(t, u; θ, g(t)),   u(start) = u₀,
 *
 * by n equal steps of one method (explicit.ts, rosenbrock.ts). The steps are a scan, so graphs do not grow with n and gradients are
 * those of the discrete solution: of parameters, initial states and all tensors that f uses. What is known in advance, the times of the
 * stages and the forcing there, is computed while the graph is made.
 */
import { describe } from "../checks/arguments.ts";
import { readOptions } from "../checks/options.ts";
import {
  add,
  cast,
  columns,
  concat,
  constant,
  mul,
  ones,
  slice,
  split,
  square,
  sub,
  sumFeatures,
  where,
} from "../graph/build.ts";
import { jvp } from "../graph/grad.ts";
import { scan } from "../graph/scan.ts";
import { isTensor, show, type Tensor, topological } from "../graph/tensor.ts";
import { stepsHere } from "../problem/solvers.ts";
import { chooseSteps } from "./choose-steps.ts";
import { type Drive, readForcing, timesOf } from "./forcing.ts";
import { matchedSteps, placesOf } from "./grid.ts";
import { combine, type Method, type Model, type Moment } from "./method.ts";
import { methods, type OdeOptions, odeTable, type RightHandSide } from "./options.ts";

/** States of an implicit method, whose cost grows with their cube. */
const MOST_IMPLICIT = 16;

/**
 * The solution of du/dt = rhs(t, u) at given times, (B, times × states): all states at the first time, then all at the second.
 * It computes in the type of its parameters. A row whose solution is not finite, or whose last step has an error as large as the
 * solution because it is too long for the method, is NaN.
 * @throws when an option is missing or invalid, shapes do not fit, or `rhs` does not return one rate for each state.
 */
export function ode(options: OdeOptions): Tensor {
  const settings = readOptions("ode", odeTable, options);
  const { start, method: name, steps, error: share } = settings;
  const method = methods[name]();
  const times = timesOf("times", settings.times);
  if (!(times[0] >= start))
    throw new Error(`ode: expected times from the start on, which is ${start}, got ${times[0]}; state start`);
  if (!(times[times.length - 1] > start))
    throw new Error(`ode: expected a time after the start, which is ${start}, got ${times[0]} alone`);
  const drive = readForcing(settings.forcing, start, times[times.length - 1]);
  const parameters = readParameters(settings.parameters);
  const u = readInitial(settings.initial, parameters);
  if (name === "rosenbrock" && u.cols > MOST_IMPLICIT)
    throw new Error(`ode: expected at most ${MOST_IMPLICIT} states with method "rosenbrock", got ${u.cols}`);
  const n = stepsHere(steps === "auto" ? null : steps, {
    method: name,
    order: method.order,
    share,
    suit: (least) => matchedSteps(least, times, start, drive?.knots ?? []),
    choose: chooseSteps,
  });
  const equations = trace(settings.rhs, u, parameters, drive?.series.length ?? 0);
  return solve({ method, equations, u, times, start, n, drive });
}

/** The parameters, column by column. */
function readParameters(given: OdeOptions["parameters"]): readonly Tensor[] {
  const list = isTensor(given) ? [given] : Array.from(given);
  for (const t of list as readonly unknown[])
    if (!isTensor(t) || t.kind !== "batch" || t.rows !== list[0].rows || t.dtype !== list[0].dtype)
      throw new Error(
        `ode: expected parameters to be tensors (B, F) of one type, got ${isTensor(t) ? `${show(t)} ${t.dtype}` : describe(t)}`,
      );
  return list.flatMap(split);
}

/** The initial states (B, S). */
function readInitial(given: OdeOptions["initial"], parameters: readonly Tensor[]): Tensor {
  const list: readonly unknown[] = isTensor(given) || typeof given === "number" ? [given] : Array.from(given);
  const like = [...parameters, ...list.filter(isTensor)][0];
  if (like === undefined) throw new Error("ode: expected a tensor among parameters and initial, got numbers alone");
  if (list.length === 0) throw new Error("ode: expected at least one initial state, got none");
  const states = list.map((x, i): Tensor => {
    if (typeof x === "number" && Number.isFinite(x)) return mul(ones(like.dtype, like.rows), x);
    if (isTensor(x) && x.kind === "batch" && x.rows === like.rows && (x.cols === 1 || list.length === 1))
      return cast(x, like.dtype);
    throw new Error(
      `ode: expected initial to be a tensor (B, S), or finite numbers and tensors (B, 1), got ${isTensor(x) ? show(x) : describe(x)} at index ${i}`,
    );
  });
  return concat(...states);
}

/** The equations on state vectors, and whether they depend on time. */
interface Equations {
  readonly usesTime: boolean;
  /** Series of the forcing. */
  readonly driven: number;
  readonly rates: (t: Tensor, u: Tensor, forcing: readonly Tensor[]) => Tensor;
}

/** Traces the right-hand side once, to check what it returns. */
function trace(rhs: RightHandSide, u: Tensor, parameters: readonly Tensor[], driven: number): Equations {
  const S = u.cols;
  const rates: Equations["rates"] = (t, state, forcing) => {
    const out: unknown = rhs(t, split(state), parameters, forcing);
    const expected = `ode: expected rhs to return ${S} rates, one for each state`;
    if (!Array.isArray(out) || out.length !== S)
      throw new Error(`${expected}, got ${Array.isArray(out) ? out.length : describe(out)}`);
    return concat(
      ...out.map((rate: unknown, i) => {
        if (typeof rate === "number" && Number.isFinite(rate)) return mul(ones(state.dtype, state.rows), rate);
        if (isTensor(rate) && rate.cols === 1 && rate.dtype === state.dtype) {
          if (rate.kind === "batch" && rate.rows === state.rows) return rate;
          if (rate.kind === "param" && rate.rows === 1) return mul(ones(state.dtype, state.rows), rate);
        }
        throw new Error(
          `${expected}, each (B, 1) ${state.dtype} or a number, got ${isTensor(rate) ? `${show(rate)} ${rate.dtype}` : describe(rate)} at index ${i}`,
        );
      }),
    );
  };
  const t = mul(ones(u.dtype, u.rows), 0);
  const forcing = Array.from({ length: driven }, () => mul(ones(u.dtype, u.rows), 0));
  const usesTime = topological([rates(t, u, forcing)]).includes(t);
  return { usesTime, driven, rates };
}

interface Task {
  readonly method: Method;
  readonly equations: Equations;
  readonly u: Tensor;
  readonly times: Float64Array;
  readonly start: number;
  readonly n: number;
  readonly drive: Drive | null;
}

/** The columns that a step, or an emission, is given: for each node of the method the time and the forcing, then their rates of change. */
function layout({ method, equations: { usesTime, driven } }: Task) {
  const width = Number(usesTime) + driven;
  const nodes = method.nodes.length;
  return { width, nodes, total: width === 0 ? 0 : width * (nodes + Number(method.drifts)) };
}

/** The numbers of those columns for the step from `t`. */
function numbersAt({ method, equations: { usesTime }, drive }: Task, t: number, h: number): number[] {
  const series = drive?.series ?? [];
  const of = (time: number): number[] => [...(usesTime ? [time] : []), ...series.map((s) => s.at(time))];
  const rates = [...(usesTime ? [1] : []), ...series.map((s) => s.rate(t))];
  return [...method.nodes.flatMap((c) => of(t + c * h)), ...(method.drifts ? rates : [])];
}

/** The right-hand side as methods call it, within a body that is given these columns. */
function modelOf(task: Task, given: Tensor | undefined) {
  const { equations, u } = task;
  const { width, nodes, total } = layout(task);
  const still = (): Tensor => mul(ones(u.dtype, u.rows), 0);
  const part = (i: number): Tensor | null => (given && width > 0 ? slice(given, i * width, (i + 1) * width) : null);
  const moments = Array.from({ length: nodes }, (_, i): Moment => {
    const all = part(i);
    const list = all === null ? [] : split(all);
    return { all, t: equations.usesTime ? list[0] : still(), forcing: list.slice(Number(equations.usesTime)) };
  });
  const model: Model = {
    slope: ({ t, forcing }, state) => equations.rates(t, state, forcing),
    drift: ({ all }, slope) => (all === null ? null : jvp(slope, all, part(total / width - 1) as Tensor)),
  };
  return { model, at: (i: number): Moment => moments[i] };
}

function solve(task: Task): Tensor {
  const { method, u, times, start, n } = task;
  const S = u.cols;
  const { h, at, shares } = placesOf(times, start, n);
  const timeOf = (k: number): number => start + k * h;
  const { total } = layout(task);
  const scale = method.scale(h);
  const scaled = (weights: readonly number[]): number[] => weights.map((w) => w * scale);
  // One more emission: the state before the last step, whose error tells whether the steps suit the equations.
  const slot = at.findIndex((k) => k > n - 1);
  const extra = slot < 0 ? at.length : slot;
  const insert = <T>(list: readonly T[], x: T): T[] => [...list.slice(0, extra), x, ...list.slice(extra)];
  const tables = total === 0 ? undefined : Array.from({ length: n }, (_, k) => numbersAt(task, timeOf(k), h));
  const all = insert(at, n - 1);
  const within =
    shares &&
    insert(shares, 0).map((x, j) => [
      ...numbersAt(task, timeOf(all[j]), h).slice(0, total),
      ...(x === 0 ? new Array<number>(method.weights(0).length).fill(0) : scaled(method.weights(x))),
    ]);
  const stages = (state: Tensor, given: Tensor | undefined, whole: boolean): Tensor[] => {
    const { model, at: moment } = modelOf(task, given);
    return method.stages(model, state, moment, h, whole);
  };
  const out = scan({
    state: u,
    steps: n,
    constants: tables,
    step: (state, at) => {
      const v = stages(state, total === 0 ? undefined : at.constants, false);
      return combine(state, v, scaled(method.step));
    },
    emit: {
      at: all,
      constants: within ?? undefined,
      value:
        within === null
          ? undefined
          : (state, { constants }) => {
              const v = stages(state, total === 0 ? undefined : slice(constants, 0, total), true);
              return combine(state, v, split(slice(constants, total, total + v.length)));
            },
    },
  });
  const part = (j: number): Tensor => slice(out, j * S, (j + 1) * S);
  const saved = columns(
    out,
    allBut(all.length, extra).flatMap((j) => Array.from({ length: S }, (_, s) => j * S + s)),
  );
  const last = numbersAt(task, timeOf(n - 1), h);
  const before = part(extra);
  const v = stages(before, total === 0 ? undefined : mul(ones(u.dtype, u.rows), constant(last, u.dtype)), true);
  return mul(saved, sound(u, before, combine(before, v, scaled(method.step)), v, scaled(method.error)));
}

const allBut = (count: number, without: number): number[] =>
  Array.from({ length: count }, (_, j) => j).filter((j) => j !== without);

/** The error of a step, as a share of the size of the states, above which steps are too long. */
const LARGEST_ERROR = 0.1;
/** Below the squares of all sizes that matter, so that a state at rest is sound. */
const LEAST = 1e-30;

/** 1 (B, 1) where the error of the last step is small beside the states, else NaN. */
function sound(start: Tensor, before: Tensor, after: Tensor, v: readonly Tensor[], weights: readonly number[]): Tensor {
  const size = (x: Tensor): Tensor => sumFeatures(square(x));
  const error = combine(mul(before, 0), v, weights);
  const states = add(add(size(before), size(after)), size(start));
  const margin = sub(add(mul(states, LARGEST_ERROR * LARGEST_ERROR), LEAST), size(error));
  return where(margin, 1, Number.NaN); // a margin that is no number is not above 0 either
}
