/** The interface of a command, and what commands share: options from tables, errors of usage, output. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type BackendOptions, backendTable } from "../backends/select.ts";
import { type Check, type OptionTable, path } from "../checks/options.ts";

/** Options that every command takes, and their lines in the help. */
export const COMMON_OPTIONS = [
  ["--json", "print one JSON object on standard output, and nothing else there"],
  ["--quiet", "print results, warnings and errors only"],
] as const;

/** Options of the commands that compute. */
export type ComputeOptions = Pick<BackendOptions, "backend" | "kernels" | "threads">;

/** Decimal numbers. JavaScript also reads "" and "0x1" as numbers; these are refused. */
const WHOLE = /^-?\d+$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A parser for commander: returns the word as a number or as it is, whichever the check accepts. */
export const parserOf =
  <T>({ expected, test, whole }: Check<T>) =>
  (word: string): unknown => {
    const numbers = (whole ? WHOLE : DECIMAL).test(word) ? [Number(word)] : [];
    const value = [...numbers, word].find(test);
    if (value === undefined) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  };

/**
 * Adds options of a table, all or some, to a command: `heldOut` becomes --held-out, with the choices, default and help line of its
 * row. The function that owns the table fills in defaults, so commander returns only the options that were given.
 * @param unless text after the default: what takes precedence over it.
 */
export function addOptions<Table extends OptionTable>(
  command: Command,
  table: Table,
  names: readonly (keyof Table & string)[] = Object.keys(table),
  unless = "",
): Command {
  for (const name of names) {
    const { check, default: byDefault, help } = table[name];
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const text = byDefault === undefined ? help : `${help} (default: ${byDefault}${unless})`;
    const value = check === path ? "FILE" : check.choices !== undefined || check.test("a name") ? "NAME" : "N";
    const option = new Option(`${flag} <${value}>`, text);
    command.addOption(check.choices ? option.choices(check.choices as string[]) : option.argParser(parserOf(check)));
  }
  return command;
}

export const addComputeOptions = (command: Command): Command =>
  addOptions(command, backendTable, ["backend", "kernels", "threads"]);

export interface Output {
  /** A line on standard error; --quiet omits it. */
  note(text: string): void;
  /** A warning on standard error, also with --quiet. */
  warn(text: string): void;
  /** Whether progress is hidden. */
  readonly quiet: boolean;
}

/** The result of a command, for standard output: `json` with --json, else `text`. */
export interface Result {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text?: string;
}

/** A command: `define` adds its arguments and options, `run` receives them parsed. */
export interface CliCommand<Options = Record<string, unknown>> {
  readonly name: string;
  readonly summary: string;
  readonly define: (command: Command) => void;
  /** Whether it has --backend, --kernels and --threads. */
  readonly computes?: boolean;
  readonly run: (args: readonly string[], options: Options, output: Output) => Promise<Result>;
}

/** Wrong usage of the command line: status 2. */
export class UsageError extends Error {}

/** A word for a shell, quoted if necessary. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** An error about the contents of a file, with the file's name. */
export const withFile = (path: string, error: Error): Error =>
  error.message.includes(`"${path}"`) ? error : new Error(`"${path}": ${error.message}`, { cause: error });
