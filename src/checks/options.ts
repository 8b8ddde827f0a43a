/**
 * Options of public functions, guides and commands. Each has one table, a row an option: how it is checked, its default, and
 * its line of help on the command line. The type that users see, the defaults, the checks and the errors all come from the
 * table:
 *
 *   const inferTable = {
 *     draws: option(whole(2), 4096, "draws of each posterior"),
 *     signal: option(abortSignal),
 *   };
 *   export type InferOptions = OptionsOf<typeof inferTable>;       // { readonly draws?: number; … }
 *   const { draws, signal } = readOptions("infer", inferTable, options); // number, AbortSignal | undefined
 *
 * A row made by `required` must be given.
 *
 * The comment on a row is what an editor shows of the option, and what docs/api says of it.
 */
import { describe, reasonText, toError } from "./arguments.ts";

/** Condition on a value. */
export interface Check<T> {
  /** Completes "expected steps to be …". */
  readonly expected: string;
  readonly test: (value: unknown) => boolean;
  /** Whether its numbers are whole: the command line then expects digits alone. */
  readonly whole?: boolean;
  /** Completes "got …" where the value itself would not say what is wrong with it. */
  readonly got?: (value: unknown) => string;
  /** The names to choose from, where it is one of a few. */
  readonly choices?: readonly T[];
  /** Whether it is a function that is told of events: see `listener`. */
  readonly listens?: boolean;
}

/** A row of a table. `default` is undefined where the option has none, or where it depends on others: the comment says which. */
export interface Option<T, Default extends T | undefined = T | undefined> {
  readonly check: Check<T>;
  readonly default: Default;
  /** One line for the command line. */
  readonly help: string;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds options of every type
export type OptionTable = Readonly<Record<string, Option<any>>>;

type ValueOf<Row> = Row extends Option<infer T> ? T : never;
type RequiredNames<Table extends OptionTable> = {
  [Name in keyof Table]: [Table[Name]["default"]] extends [never] ? Name : never;
}[keyof Table];
type Optional<Table extends OptionTable> = {
  readonly [Name in keyof Table as Name extends RequiredNames<Table> ? never : Name]?: ValueOf<Table[Name]> | undefined;
};
type Required<Table extends OptionTable> = {
  readonly [Name in keyof Table as Name extends RequiredNames<Table> ? Name : never]: ValueOf<Table[Name]>;
};

/** The options that a caller gives; only required ones must be there. */
export type OptionsOf<Table extends OptionTable> = [RequiredNames<Table>] extends [never]
  ? Optional<Table>
  : Required<Table> & Optional<Table>;

/** The options that a function reads; required ones and those with a default are there. */
export type SettingsOf<Table extends OptionTable> = {
  readonly [Name in keyof Table]: [Table[Name]["default"]] extends [undefined]
    ? Name extends RequiredNames<Table>
      ? ValueOf<Table[Name]>
      : ValueOf<Table[Name]> | undefined
    : ValueOf<Table[Name]>;
};

/** A row without a default, or with one. */
export function option<T>(check: Check<T>): Option<T, undefined>;
export function option<T>(check: Check<T>, byDefault: undefined, help?: string): Option<T, undefined>;
export function option<T>(check: Check<T>, byDefault: T, help?: string): Option<T, T>;
export function option<T>(check: Check<T>, byDefault?: T, help = ""): Option<T> {
  return { check, default: byDefault, help };
}

const REQUIRED = Symbol("required");

/** A row that must be given. */
export const required = <T>(check: Check<T>, help = ""): Option<T, never> => ({
  check,
  default: REQUIRED as never,
  help,
});

/** Whether an option must be given. */
export const isRequired = (row: Option<unknown>): boolean => row.default === REQUIRED;

// ---- checks

/** A whole number from `least` to `most`. */
export const whole = (least: number, most: number = Number.MAX_SAFE_INTEGER): Check<number> => ({
  expected:
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${least}`
      : `a whole number from ${least} to ${most}`,
  whole: true,
  test: (x) => Number.isInteger(x) && (x as number) >= least && (x as number) <= most,
});

/** Any safe integer, negative ones too. */
export const seed: Check<number> = {
  expected: "a whole number",
  whole: true,
  test: (x) => Number.isSafeInteger(x),
};

/** A number for which `test` holds; NaN never passes. */
export const number = (expected: string, test: (x: number) => boolean): Check<number> => ({
  expected,
  test: (x) => typeof x === "number" && !Number.isNaN(x) && test(x),
});

/** A finite number above 0. */
export const positive: Check<number> = number("a finite number above 0", (x) => x > 0 && x < Infinity);

export const flag: Check<boolean> = { expected: "true or false", test: (x) => typeof x === "boolean" };

/** One of a few names. */
export const oneOf = <const T>(...choices: readonly T[]): Check<T> => ({
  expected: `one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`,
  test: (x) => choices.includes(x as T),
  choices,
});

/** A function whose answer is used. */
// biome-ignore lint/suspicious/noExplicitAny: any function may be asked for
export const callback = <F extends (...args: any[]) => unknown>(): Check<F> => ({
  expected: "a function",
  test: (x) => typeof x === "function",
});

/** A function that is called with events. Its promise is not awaited; if it is rejected, the next event throws the error. */
// biome-ignore lint/suspicious/noExplicitAny: any function may be asked for
export const listener = <F extends (...args: any[]) => unknown>(): Check<F> => ({ ...callback<F>(), listens: true });

/** A string that is not empty. */
export const text: Check<string> = {
  expected: "a string that is not empty",
  test: (x) => typeof x === "string" && x !== "",
};

/** The path of a file or a folder. */
export const path: Check<string> = {
  expected: "a path, as a string",
  test: (x) => typeof x === "string" && x !== "",
};

/** An object that is no list: a dictionary of values that a caller passes on. */
export const record: Check<Readonly<Record<string, unknown>>> = {
  expected: "an object",
  test: (x) => typeof x === "object" && x !== null && !Array.isArray(x),
};

export const abortSignal: Check<AbortSignal> = {
  expected: "an AbortSignal",
  test: (x) => typeof (x as Partial<AbortSignal> | null)?.aborted === "boolean",
};

/** Accepts null as well as the values of `check`. */
export const nullable = <T>({ expected, test, got }: Check<T>): Check<T | null> => ({
  expected: `${expected}, or null`,
  test: (x) => x === null || test(x),
  got,
});

/** A check that this file does not have; `expected` completes "expected NAME to be …". */
export const check = <T>(expected: string, test: (value: unknown) => boolean): Check<T> => ({ expected, test });

// ---- reading

/** Refuses what is not an object, and names that the table does not have. */
export function expectNames(owner: string, names: readonly string[], given: unknown): asserts given is object {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new Error(`${owner}: expected options { ${names.join(", ")} }, got ${describe(given)}`);
  const odd = Object.keys(given).find((name) => !names.includes(name));
  if (odd !== undefined) throw new Error(`${owner}: expected options ${names.join(", ")}; got "${odd}"`);
}

/** Refuses one value. */
export function expectOption<T>(
  owner: string,
  name: string,
  { expected, test, got = describe }: Check<T>,
  value: unknown,
): asserts value is T {
  if (!test(value)) throw new Error(`${owner}: expected ${name} to be ${expected}, got ${got(value)}`);
}

type Listener = (...args: readonly unknown[]) => unknown;

/** A listener whose promises are watched: an unhandled rejection would end the program. The rejection is told at once, too. */
function watched(owner: string, name: string, listen: Listener): Listener {
  let failure: Error | undefined;
  return (...event) => {
    if (failure !== undefined) throw failure;
    let answer: Partial<PromiseLike<unknown>> | undefined | null;
    try {
      answer = listen(...event) as typeof answer;
    } catch (thrown) {
      throw toError(thrown);
    }
    if (typeof answer?.then !== "function") return;
    Promise.resolve(answer).catch((cause) => {
      failure = new Error(`${owner}: expected ${name} to succeed, got a rejected promise: ${reasonText(cause)}`, {
        cause,
      });
      console.warn(failure.message); // there may be no next event
    });
  };
}

/** The options, with each listener watched. */
export const withWatchedListeners = <Options extends object>(
  owner: string,
  table: OptionTable,
  given: Options,
): Options => ({
  ...given,
  ...Object.fromEntries(
    Object.entries(given)
      .filter(([name, value]) => table[name]?.check.listens && value !== undefined)
      .map(([name, value]) => [name, watched(owner, name, value)]),
  ),
});

/**
 * All options of a table: checked, and with their defaults. A value of undefined is an option that was left out.
 * @throws with the name of the first option that is unknown or invalid, what was expected, and what came.
 */
export function readOptions<Table extends OptionTable>(
  owner: string,
  table: Table,
  given: unknown = {},
): SettingsOf<Table> {
  expectNames(owner, Object.keys(table), given);
  const settings = Object.entries(table).map(([name, row]) => {
    const value = (given as Readonly<Record<string, unknown>>)[name];
    if (value === undefined && !isRequired(row)) return [name, row.default];
    expectOption(owner, name, row.check, value);
    return [name, row.check.listens ? watched(owner, name, value as Listener) : value];
  });
  return Object.fromEntries(settings) as SettingsOf<Table>;
}

/** The options of one table among those of several, to pass them on; those that were left out stay out. */
export function pickOptions<Table extends OptionTable>(table: Table, given: object): OptionsOf<Table> {
  const values = given as Readonly<Record<string, unknown>>;
  const names = Object.keys(table).filter((name) => values[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, values[name]])) as OptionsOf<Table>;
}

// ---- sizes

/** Numbers of the largest array that is made: 2 GiB of f32. */
const MOST_NUMBERS = 0x1fffffff;

/** Refuses a count of rows of `width` numbers that no array could hold. @throws naming the largest count. */
export function expectRoom(owner: string, name: string, count: number, width: number): void {
  const most = Math.floor(MOST_NUMBERS / width);
  if (count > most) throw new Error(`${owner}: expected ${name} to be at most ${most}, got ${count}`);
}
