/** Options of `ode`. */
import type { Numbers } from "../checks/arguments.ts";
import { callback, check, type OptionsOf, oneOf, option, positive, required } from "../checks/options.ts";
import { isTensor, type Tensor } from "../graph/tensor.ts";
import { dopri5Tableau, explicit, rk4Tableau, tsit5Tableau } from "./explicit.ts";
import type { Method } from "./method.ts";
import { rosenbrock } from "./rosenbrock.ts";

const isList = (x: unknown): x is ArrayLike<unknown> => typeof x === "object" && x !== null && "length" in x;

/** Rates of change of the states (B, 1), one for each; a number stands for a constant rate. */
export type Rates = readonly (Tensor | number)[];

/**
 * The right-hand side: time (B, 1), states, parameters and forcing (B, 1) each → the rate of change of each state. It is written in
 * ops, traced once or twice for a solution, and may use other tensors of the forward model too.
 */
export type RightHandSide = (
  t: Tensor,
  states: readonly Tensor[],
  parameters: readonly Tensor[],
  forcing: readonly Tensor[],
) => Rates;

/** The methods by name. */
export const methods = {
  tsit5: () => explicit(tsit5Tableau),
  dopri5: () => explicit(dopri5Tableau),
  rk4: () => explicit(rk4Tableau),
  rosenbrock: () => rosenbrock,
} satisfies Readonly<Record<string, () => Method>>;
/** Name of a method. */
export type MethodName = keyof typeof methods;

/** The options of a forcing. */
export const forcingTable = {
  /** Ascending times of the values, from the start to the last save time at least. */
  times: required(check<ArrayLike<number>>("a list of times", isList)),
  /** Values at the times: one list, or a list for each of several series. */
  values: required(
    check<ArrayLike<number> | readonly ArrayLike<number>[]>("a list of numbers, or a list of such lists", isList),
  ),
  /** Straight lines between the values, or a cubic spline (of at least four). */
  order: option(oneOf("linear", "cubic"), "linear"),
};
/** A forcing: series of numbers that are known, such as a ground motion. */
export type Forcing = OptionsOf<typeof forcingTable>;

/** The options of `ode`. */
export const odeTable = {
  /** Tensors (B, F) whose columns `rhs` is given as parameters; their gradients are those of the solution. */
  parameters: required(
    check<Tensor | readonly Tensor[]>("a tensor or a list of tensors", (x) => isTensor(x) || isList(x)),
  ),
  /** The S states at `start`: a tensor (B, S), or a list of numbers and tensors (B, 1). */
  initial: required(
    check<Tensor | readonly (Tensor | number)[] | Numbers>(
      "a tensor (B, S), or a list of numbers and tensors (B, 1)",
      (x) => isTensor(x) || isList(x) || typeof x === "number",
    ),
  ),
  /** Times at which the states are saved, ascending; the first may be the start. */
  times: required(check<ArrayLike<number>>("a list of times", isList)),
  /** The right-hand side: (t, states, parameters, forcing) → rates of change, one for each state. */
  rhs: required(callback<RightHandSide>()),
  /** "tsit5", "dopri5" (both of order 5) or "rk4" (of order 4), which are explicit; "rosenbrock" (of order 4) for stiff equations. */
  method: option(oneOf("tsit5", "dopri5", "rk4", "rosenbrock"), "tsit5"),
  /** Time of the initial state. */
  start: option(
    check<number>("a finite number", (x) => Number.isFinite(x)),
    0,
  ),
  /** Number of equal steps from the start to the last time; "auto": chosen from prior and noise of the problem, once. */
  steps: option(
    check<number | "auto">(
      'a whole number of at least 1, or "auto"',
      (x) => x === "auto" || (Number.isInteger(x) && (x as number) >= 1),
    ),
    "auto",
  ),
  /** With "auto", the largest error of a datum, in sd of its noise. */
  error: option(positive, 0.02),
  /** Series of numbers over time that `rhs` is given. */
  forcing: option(check<Forcing>("{ times, values, order }", (x) => typeof x === "object" && x !== null)),
};
/** Options of `ode`. */
export type OdeOptions = OptionsOf<typeof odeTable>;
