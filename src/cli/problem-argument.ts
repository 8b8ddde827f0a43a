/** PROBLEM on the command line: the name of a built-in problem, or a module file whose default export is one. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { toError } from "../checks/arguments.ts";
import { isProblem, type Problem } from "../problem/problem.ts";
import { problems } from "../problems/table.ts";
import { UsageError } from "./command.ts";

const MODULE = /\.(js|mjs|cjs|ts|mts)$/i;

/** Advice if the host cannot run a module, by error code. */
const HINTS: Readonly<Record<string, string>> = {
  ERR_UNKNOWN_FILE_EXTENSION: "this host does not run TypeScript; use Node 22.18 or newer, or compile it to JavaScript",
  ERR_MODULE_NOT_FOUND: "a module that it imports was not found",
};

/** Seconds that a module may take to load. */
const LOADING_S = 300;

/** What a promise gives, if it does within some seconds. */
async function within<T>(seconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`expected it to load within ${seconds} s; do long work in simulate()`);
    timer = setTimeout(() => reject(error), 1000 * seconds).unref(); // a module that waits for nothing is told of earlier
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The problem named `text`. @throws UsageError if the name is unknown; Error if the module cannot be run or exports no problem. */
export async function findProblemArgument(text: string): Promise<Problem> {
  if (Object.hasOwn(problems, text)) return problems[text];
  if (!MODULE.test(text)) {
    const names = Object.keys(problems).join(", ");
    throw new UsageError(`PROBLEM: expected one of ${names}, or a module file (.js, .mjs, .ts), got "${text}"`);
  }
  const path = resolve(text);
  if (!existsSync(path)) throw new Error(`cannot read "${text}": no such file`);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await within(LOADING_S, import(pathToFileURL(path).href));
  } catch (error) {
    const { code = "", message } = toError(error) as NodeJS.ErrnoException;
    const reason = HINTS[code] ? `${HINTS[code]} (${message.split("\n")[0]})` : message;
    throw new Error(`cannot run "${text}": ${reason}`, { cause: error });
  }
  if (isProblem(module.default)) return module.default;
  const named = Object.keys(module).filter((key) => isProblem(module[key]));
  const got =
    named.length > 0
      ? `the problem "${named[0]}" as a named export`
      : "default" in module
        ? `a ${typeof module.default}`
        : "no default export";
  throw new Error(`"${text}": expected the default export to be a problem, as defineProblem() returns it, got ${got}`);
}
