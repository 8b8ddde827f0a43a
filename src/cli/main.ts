#!/usr/bin/env node
/**
 * The command line: `retrodict COMMAND …`. Each command is one file, registered here. Results go to standard output, everything
 * else to standard error. Exit status: 0 done, 1 failed, 2 wrong usage.
 */
import { setFlagsFromString } from "node:v8";
import { Command, CommanderError } from "commander";
import { hostRunsRelaxed } from "../backends/wasm/kernels.ts";
import { VERSION } from "../version.ts";
import { addComputeOptions, type CliCommand, COMMON_OPTIONS, type Output, UsageError } from "./command.ts";
import { evaluateCommand } from "./evaluate.ts";
import { exit, fail, guardProcess, leave, print, say, wantsJson } from "./guard.ts";
import { inferCommand } from "./infer.ts";
import { pageCommand } from "./page.ts";
import { problemsCommand } from "./problems.ts";
import { refineCommand } from "./refine.ts";
import { oneLine } from "./table.ts";
import { trainCommand } from "./train.ts";

const commands = [
  problemsCommand,
  trainCommand,
  inferCommand,
  refineCommand,
  evaluateCommand,
  pageCommand,
] as readonly CliCommand[];

/** Node 20 needs a flag for relaxed SIMD, which is faster; it must be set before any kernel is compiled. */
function allowRelaxed(): void {
  if (hostRunsRelaxed() || "Deno" in globalThis) return;
  try {
    setFlagsFromString("--experimental-wasm-relaxed-simd");
  } catch {
    // The host is not V8; the plain kernels run everywhere.
  }
}

function outputFor(options: { quiet?: boolean }): Output {
  const quiet = options.quiet === true;
  return {
    quiet,
    note: (text) => quiet || say(oneLine(text)),
    warn: (text) => say(oneLine(`retrodict: warning: ${text}`)),
  };
}

/** Has an argument that is missing told before an option that is; commander looks for options first. */
function tellArgumentsFirst(command: Command): void {
  const told = command as Command & Record<"missingMandatoryOptionValue" | "missingArgument", (what: unknown) => void>;
  const tellOption = told.missingMandatoryOptionValue.bind(command);
  told.missingMandatoryOptionValue = (option) => {
    const missing = command.registeredArguments[command.args.length];
    if (missing?.required) told.missingArgument(missing.name());
    tellOption(option);
  };
}

/** @param show gets the help and the version. */
function makeProgram(show: (text: string) => void): Command {
  const program = new Command("retrodict")
    .description("Learn the Bayesian inverse map of a physical model once; answer every observation with a posterior.")
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({ outputError: () => {}, writeOut: show }); // `fail` prints errors
  for (const { name, summary, define, computes = false, run } of commands) {
    const command = program.command(name).description(summary).allowExcessArguments(false);
    define(command);
    tellArgumentsFirst(command);
    if (computes) addComputeOptions(command);
    for (const [flag, text] of COMMON_OPTIONS) command.option(flag, text);
    command.action(async (...all: unknown[]) => {
      const args = all.slice(0, -2) as string[];
      const { json: _json, quiet, ...own } = command.opts<{ json?: boolean; quiet?: boolean }>();
      const result = await run(args, own, outputFor({ quiet }));
      print(result.json, result.text);
    });
  }
  return program;
}

async function main(): Promise<void> {
  allowRelaxed();
  guardProcess();
  let shown = "";
  try {
    await makeProgram((text) => {
      shown += text;
    }).parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) fail(error, error instanceof UsageError ? 2 : 1);
    else if (error.exitCode === 0) {
      const text = shown.trimEnd();
      print({ [error.code === "commander.version" ? "version" : "help"]: text }, text);
    } else if (error.code !== "commander.help" || wantsJson()) fail(error, 2);
    else exit(2); // no command: the help has been printed
  }
  leave();
}

await main();
