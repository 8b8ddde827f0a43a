/** What a command is, and what the commands share: wrong usage, checked option values, and where output goes. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { BackendOptions } from "../backends/select.ts";
import { MAX_THREADS } from "../host/workers.ts";

/** Options that every command takes, with what is said of them in the help. */
export const COMMON_OPTIONS = [
  ["--json", "print one JSON object on standard output, and nothing else there"],
  ["--quiet", "print results, warnings and errors only"],
] as const;

/** Options of the commands that compute. */
export type ComputeOptions = Pick<BackendOptions, "backend" | "kernels" | "threads">;

export const addComputeOptions = (command: Command): Command =>
  command
    .addOption(new Option("--backend <NAME>", "what computes").choices(["auto", "wasm", "webgpu"]))
    .addOption(
      new Option("--kernels <NAME>", "plain: same bits on every host; relaxed: faster").choices([
        "auto",
        "plain",
        "relaxed",
      ]),
    )
    .option("--threads <N>", "workers that share each batch, 1 to 8 or auto: the same bits, sooner", threadCount);

/** A number of threads, for commander. */
function threadCount(text: string): number | "auto" {
  if (text === "auto" || /^[1-8]$/.test(text)) return text === "auto" ? text : Number(text);
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MAX_THREADS}, or auto.`);
}

export interface Output {
  /** Prose on standard error, left out by --quiet. */
  note(text: string): void;
  /** Shown whatever the options. */
  warn(text: string): void;
  /** Whether a bar or lines may tell of progress. */
  readonly quiet: boolean;
}

/** What a command answers: `json` for --json, else `text` on standard output. */
export interface Result {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text?: string;
}

/** One command; `define` adds its arguments and options, `run` gets them as commander has parsed them. */
export interface CliCommand<Options = Record<string, unknown>> {
  readonly name: string;
  readonly summary: string;
  readonly define: (command: Command) => void;
  /** Whether it takes the options that say where to compute. */
  readonly computes?: boolean;
  readonly run: (args: readonly string[], options: Options, output: Output) => Promise<Result>;
}

/** The command line asks for what there is not: status 2. */
export class UsageError extends Error {}

/** A whole number from `least` to 2^32 − 1, for commander. */
export const whole =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= 0xffffffff) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
  };

/** A number above 0, for commander. */
export const positive = (text: string): number => {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number above 0.");
};

/** A word for a shell: quoted where it must be. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** An error about what is in a file, told with the file's name, once. */
export const withFile = (path: string, error: Error): Error =>
  error.message.includes(`"${path}"`) ? error : new Error(`"${path}": ${error.message}`, { cause: error });
