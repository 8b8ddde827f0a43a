/**
 * What a solver inside a forward model learns from the problem around it. A forward model is traced many times, and each trace must
 * take the same number of steps, which the prior and the noise decide: so the number is chosen once, at the first use after the
 * definition, and later traces are given it. Solvers are known by their order in the trace.
 */
import type { Distribution } from "../distributions/distribution.ts";
import type { NoiseModel } from "../distributions/noise/model.ts";
import { input } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Errors of a solver in sd of the noise, over parameters drawn for the purpose. */
export interface SolverError {
  /** Root mean square, and largest. */
  readonly rms: number;
  readonly max: number;
  /** Parameters that were drawn, and those among them at which the solution is not finite. */
  readonly count: number;
  readonly failed: number;
}

/** A solver of a forward model. */
export interface Solver {
  /** Name of its method. */
  readonly method: string;
  readonly steps: number;
  /** The error of the data that its steps cause; absent where the number of steps was given. */
  readonly error?: SolverError;
}

/** A solver that asks for its steps. */
export interface Asking {
  readonly method: string;
  /** Order of convergence. */
  readonly order: number;
  /** Largest error, in sd of the noise. */
  readonly share: number;
  /** A number of steps of at least n that suits it. */
  readonly suit: (n: number) => number;
  /** Chooses a common n for all solvers of a forward model. */
  readonly choose: (model: AskingModel) => { readonly steps: number; readonly error: SolverError };
}

/** A forward model whose solvers ask for their steps. */
export interface AskingModel extends ModelParts {
  /** The forward model with a number of steps. */
  readonly forward: (theta: Tensor, steps: number) => Tensor;
  readonly asking: readonly Asking[];
}

/** The parts of a problem that decide the number of steps. */
export interface ModelParts {
  readonly name: string;
  /** What parameters are drawn from. */
  readonly from: Distribution;
  readonly noise: NoiseModel;
}

/** A solver of a trace: with its steps, or asking for them. */
type Meeting = { readonly given: Solver; readonly asking: null } | { readonly given: null; readonly asking: Asking };

interface Trace {
  /** Steps of the solvers that ask, before they are chosen. */
  readonly trial: number;
  readonly settled: readonly Solver[] | null;
  readonly met: Meeting[];
}

/** The forward model that is being traced: tracing is synchronous, and a solver has no other way to find the problem. */
let current: Trace | null = null;

function traced<T>(trace: Trace, run: () => T): T {
  const before = current;
  current = trace;
  try {
    return run();
  } finally {
    current = before;
  }
}

/** The steps of a solver that is being traced: those given, or those chosen. @throws outside of a problem's forward model. */
export function stepsHere(steps: number | null, asking: Asking): number {
  const { method } = asking;
  if (current === null) {
    if (steps !== null) return steps;
    throw new Error(
      'ode: expected steps, a number, outside of the forward model of a problem, got "auto", which needs its prior and noise',
    );
  }
  const place = current.met.length;
  current.met.push(steps === null ? { given: null, asking } : { given: { method, steps }, asking: null });
  if (steps !== null) return steps;
  const settled = current.settled?.[place];
  if (current.settled !== null && settled?.method !== method)
    throw new Error("ode: expected the forward model to solve the same equations each time, got others");
  return settled?.steps ?? asking.suit(current.trial);
}

/** A forward model with the steps of its solvers. */
export interface Solved {
  readonly forward: (theta: Tensor) => Tensor;
  /** The same with any steps: the shape of the data does not depend on them. */
  readonly shape: (theta: Tensor) => Tensor;
  /** Whether there are any, as far as a trace has told. */
  readonly isSolver: () => boolean;
  /** Its solvers, in the order of the trace. */
  readonly solvers: () => readonly Solver[];
}

/** A forward model whose solvers know their problem. */
export function withSolvers(forward: (theta: Tensor) => Tensor, parts: () => ModelParts): Solved {
  let settled: readonly Solver[] | null = null;
  let found = false;
  /** A trace with a number of steps for those that ask; it settles the solvers where none does. */
  const attempt = (theta: Tensor, trial: number) => {
    const met: Meeting[] = [];
    const y = traced({ trial, settled: null, met }, () => forward(theta));
    found ||= met.length > 0;
    if (met.every(({ given }) => given !== null)) settled = met.map(({ given }) => given as Solver);
    return { y, met };
  };
  const choose = (met: readonly Meeting[]): readonly Solver[] => {
    const asking = met.flatMap((solver) => solver.asking ?? []);
    const model = { ...parts(), asking, forward: (theta: Tensor, steps: number) => attempt(theta, steps).y };
    const { steps, error } = asking[0].choose(model);
    return met.map(({ given, asking: ask }) => given ?? { method: ask.method, steps: ask.suit(steps), error });
  };
  return {
    shape: (theta) => attempt(theta, 1).y,
    forward: (theta) => {
      if (settled === null) {
        const { y, met } = attempt(theta, 1);
        if (settled !== null) return y;
        settled = choose(met);
      }
      return traced({ trial: 1, settled, met: [] }, () => forward(theta));
    },
    isSolver: () => found,
    solvers: () => {
      if (settled === null) {
        const { met } = attempt(input("theta", parts().from.size, { dtype: "f64" }), 1);
        settled ??= choose(met);
      }
      return settled;
    },
  };
}
