/**
 * A model that ops cannot express: a function from parameters to data, how it is called (rows in a call, calls at a time, calls that
 * fail), and what it learns of each call.
 */
import {
  callback,
  number,
  type OptionsOf,
  oneOf,
  option,
  readOptions,
  required,
  type SettingsOf,
  whole,
} from "../checks/options.ts";

/** Information for a simulator about a call, besides the parameters. */
export interface SimulatorCall {
  /** Aborted when the call takes longer than `timeout`, and when its result is no longer needed. */
  readonly signal: AbortSignal;
  /**
   * A whole number for each row, for simulators with noise of their own. It depends on the seed and the row alone, not on how rows
   * are cut into calls, so the same run gives the same data.
   */
  readonly seeds: readonly number[];
}

/** A simulator: one row of data for each row of parameters, noise-free, or noisy where the noise of the problem is null. */
export type Simulator = (
  theta: Float64Array[],
  call: SimulatorCall,
) => readonly ArrayLike<number>[] | Promise<readonly ArrayLike<number>[]>;

/** The longest time that timers of all hosts can wait, in seconds. */
const LONGEST = 2_147_483;

/** How a simulator is called. */
export const callTable = {
  /** Rows of parameters in one call, at most. */
  batch: option(whole(1), 256),
  /** Calls that run at the same time. */
  concurrency: option(whole(1, 1024), 1),
  /**
   * How often a failed call is repeated. A batch that still fails is cut in halves, until the rows to blame stand alone. An error
   * with the property `permanent: true` is not repeated.
   */
  retries: option(whole(0, 100), 0),
  /** Seconds before the first repetition; each further one waits twice as long, at most 30 s. */
  backoff: option(
    number(`seconds from 0 to ${LONGEST}`, (x) => x >= 0 && x <= LONGEST),
    0.5,
  ),
  /** Seconds that a call may take; 0: any time. A function that answers at once, without a promise, cannot be cut short. */
  timeout: option(
    number(`seconds from 0 (any time) to ${LONGEST}`, (x) => x >= 0 && x <= LONGEST),
    0,
  ),
  /**
   * What happens to parameters whose simulation fails, or whose data are not finite. "stop": an error. "drop": they are left out
   * (at most half of all) with a warning, because the posteriors are then conditioned on the simulator succeeding.
   */
  failures: option(oneOf("stop", "drop"), "stop"),
};
/** All settings of the calls of a simulator. */
export type CallSettings = SettingsOf<typeof callTable>;

/** A simulator and how it is called. */
export const simulatorTable = {
  /** The function that simulates. */
  run: required(callback<Simulator>()),
  /** Number of parameters that it takes, where it knows: compared with the problem's. */
  D: option(whole(1)),
  /** Number of data that it returns, where it knows: compared with the problem's. */
  M: option(whole(1)),
  ...callTable,
};
/** A simulator with the settings of its calls. */
export type SimulatorSpec = OptionsOf<typeof simulatorTable>;

/** The settings of calls by default. */
export const CALL_DEFAULTS: CallSettings = Object.freeze(readOptions("simulate", callTable));

/** A simulator with all settings of its calls. */
export interface ResolvedSimulator {
  readonly run: Simulator;
  readonly calls: CallSettings;
  readonly D?: number;
  readonly M?: number;
}

/** A function, or a spec, as a simulator with all settings. @throws naming what is wrong; `owner` opens the message. */
export function resolveSimulator(owner: string, simulate: Simulator | SimulatorSpec): ResolvedSimulator {
  if (typeof simulate === "function") return { run: simulate, calls: CALL_DEFAULTS };
  const { run, D, M, ...calls } = readOptions(`${owner}: simulate`, simulatorTable, simulate);
  return { run, calls: Object.freeze(calls), D, M };
}
