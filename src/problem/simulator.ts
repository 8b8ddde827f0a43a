/**
 * A model that ops cannot express: a function from parameters to data, how it is called (how many parameters at a time,
 * how many calls side by side, what is done about calls that fail), and what it is told of each call.
 */
import { describe } from "../checks/arguments.ts";

/** What a simulator is told of a call, beside the parameters. */
export interface SimulatorCall {
  /** Aborted when the call takes longer than `timeout` or nobody waits for its answer any more. */
  readonly signal: AbortSignal;
  /** A whole number for each row, for simulators with noise of their own: it depends on the seed and the row alone, not on
   *  how rows are cut into calls, so the same run gives the same data. */
  readonly seeds: readonly number[];
}

/** Data for a list of parameters, a row each: noise-free, or noisy where the noise of the problem is null. */
export type Simulator = (
  theta: Float64Array[],
  call: SimulatorCall,
) => readonly ArrayLike<number>[] | Promise<readonly ArrayLike<number>[]>;

/** How a simulator is called. */
export interface CallSettings {
  /** Parameters a call, at most. */
  readonly batch: number;
  /** Calls at a time. */
  readonly concurrency: number;
  /** How often a call that has failed is made again. What fails for good is cut in halves, to find the rows that are to
   *  blame. An error with a property `permanent: true` is believed at once. */
  readonly retries: number;
  /** Seconds before the first repetition; each further one waits twice as long, at most 30 s. */
  readonly backoff: number;
  /** Seconds that a call may take; 0: any time. A function that answers at once, without a promise, cannot be cut short. */
  readonly timeout: number;
  /** What is done about parameters that cannot be simulated, or whose data are not finite: "stop" with an error, or "drop"
   *  them (at most half of all) with a warning, for posteriors then are of the prior given that the simulator succeeds. */
  readonly failures: "stop" | "drop";
}

/** A simulator with the settings of its calls; what is left out has its default. */
export interface SimulatorSpec extends Partial<CallSettings> {
  readonly run: Simulator;
  /** How many parameters it takes and data it gives, where it knows: compared with the problem's. */
  readonly D?: number;
  readonly M?: number;
}

export const CALL_DEFAULTS: CallSettings = Object.freeze({
  batch: 256,
  concurrency: 1,
  retries: 0,
  backoff: 0.5,
  timeout: 0,
  failures: "stop",
});

const keys: readonly string[] = ["run", "D", "M", ...Object.keys(CALL_DEFAULTS)];
/** The longest time that timers of all hosts can wait, in seconds. */
const LONGEST = 2_147_483;

/** Settings by name: what they must be, and the test. */
const rules: Readonly<Record<string, readonly [expected: string, test: (x: number) => boolean]>> = {
  D: ["a whole number of at least 1", (x) => Number.isInteger(x) && x >= 1],
  M: ["a whole number of at least 1", (x) => Number.isInteger(x) && x >= 1],
  batch: ["a whole number of at least 1", (x) => Number.isInteger(x) && x >= 1],
  concurrency: ["a whole number from 1 to 1024", (x) => Number.isInteger(x) && x >= 1 && x <= 1024],
  retries: ["a whole number from 0 to 100", (x) => Number.isInteger(x) && x >= 0 && x <= 100],
  backoff: [`seconds from 0 to ${LONGEST}`, (x) => x >= 0 && x <= LONGEST],
  timeout: [`seconds from 0 (any time) to ${LONGEST}`, (x) => x >= 0 && x <= LONGEST],
};

/** @throws naming the first setting that makes no sense. */
export function checkCalls(owner: string, given: object): void {
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || !Object.hasOwn(rules, key)) continue;
    const [expected, test] = rules[key];
    if (typeof value !== "number" || !test(value))
      throw new Error(`${owner}: expected ${key} to be ${expected}, got ${describe(value)}`);
  }
  const { failures } = given as Partial<CallSettings>;
  if (failures !== undefined && failures !== "stop" && failures !== "drop")
    throw new Error(`${owner}: expected failures to be "stop" or "drop", got ${describe(failures)}`);
}

export interface ResolvedSimulator {
  readonly run: Simulator;
  readonly calls: CallSettings;
  readonly D?: number;
  readonly M?: number;
}

/** A function, or a spec, as a simulator with all settings. @throws naming what is wrong, in the name of `owner`. */
export function resolveSimulator(owner: string, given: unknown): ResolvedSimulator {
  if (typeof given === "function") return { run: given as Simulator, calls: CALL_DEFAULTS };
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new Error(`${owner}: expected simulate to be a function or { run, batch, … }, got ${describe(given)}`);
  const odd = Object.keys(given).find((key) => !keys.includes(key));
  if (odd !== undefined) throw new Error(`${owner}: expected simulate to have only ${keys.join(", ")}, got "${odd}"`);
  const { run, D, M, ...settings } = given as SimulatorSpec;
  if (typeof run !== "function")
    throw new Error(`${owner}: expected simulate.run to be a function, got ${describe(run)}`);
  checkCalls(`${owner}: simulate`, given);
  const set = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return { run, calls: Object.freeze({ ...CALL_DEFAULTS, ...set }), D, M };
}
