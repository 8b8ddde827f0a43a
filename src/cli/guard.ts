/**
 * The process of a command, and what a user's module may do to it. Under --json one object is all that ever reaches standard
 * output. A module that exits, throws where nothing catches, or awaits what never comes is told of as an error. Standard error
 * may close or be full at any time, because prose is not worth a training. Whether the command has ended is state of this module,
 * as there is one process.
 */
import { reasonText } from "../checks/arguments.ts";
import { harmless } from "./table.ts";

/** JSON escapes the control characters below U+0020, and not the others. */
const jsonText = (value: unknown): string => harmless(JSON.stringify(value));

const asked = (flag: string): boolean => process.argv.includes(flag);
export const wantsJson = (): boolean => asked("--json");

let ended = false;
const writeOut = process.stdout.write.bind(process.stdout);
const writeErr = process.stderr.write.bind(process.stderr);

/** Prose on standard error. */
export const say = (text: string): void => void process.stderr.write(`${harmless(text)}\n`);

/** Ends the process as the command line, not as a module of a user. */
export function exit(status: number): never {
  ended = true;
  process.exit(status);
}

/** The result of the command, once. @throws when standard output cannot be written. */
export function print(json: unknown, text: string | undefined): void {
  ended = true;
  process.exitCode = 0;
  const shown = wantsJson() ? jsonText(json) : text && harmless(text);
  if (shown !== undefined) writeOut(`${shown}\n`);
}

/** One line for people, an object for programs. */
export function fail(error: unknown, status: number): void {
  const line = reasonText(error)
    .replace(/^error: /, "")
    .replace(/\s*\n\s*/g, " ");
  say(`retrodict: ${line}`);
  if (process.env.DEBUG && error instanceof Error && error.stack) say(error.stack);
  try {
    print({ error: line }, undefined);
  } catch {
    // Standard output is what failed.
  }
  process.exitCode = status;
}

/** Ends the process when its outputs are written, although a module may have left a timer or a server behind. */
export const leave = (): void => void writeOut("", () => setImmediate(() => process.exit())); // after an error event of the stream

/** Fails and ends the process, unless the command has ended already. */
function giveUp(message: string): void {
  if (ended) return;
  fail(new Error(message), 1);
  process.exit();
}

/** Watches the process from now on. */
export function guardProcess(): void {
  process.stderr.on("error", () => {}); // closed: `2>&1 | head -1`
  process.stderr.write = ((...args: Parameters<typeof writeErr>) => {
    try {
      return writeErr(...args);
    } catch {
      return true; // a file on a full disk throws
    }
  }) as typeof writeErr;
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") exit(0); // the reader has seen enough
    say(`retrodict: cannot write standard output: ${message}`);
    exit(1);
  });
  if (wantsJson())
    process.stdout.write = ((...args: Parameters<typeof writeOut>) => process.stderr.write(...args)) as typeof writeOut;
  process.on("uncaughtException", (error) =>
    giveUp(`an error in a timer, an event or a promise that nothing awaits: ${reasonText(error)}`),
  );
  process.on("beforeExit", () =>
    giveUp("the module of the problem, or its simulate(), awaits a promise that never settles"),
  );
  process.on("exit", (status) => giveUp(`the module of the problem ended the process, by exit(${status})`));
}
