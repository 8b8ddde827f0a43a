#!/usr/bin/env node
/**
 * The command line: `retrodict COMMAND …`. Each command is one file, registered here. Results go to standard output, everything
 * else to standard error. Exit status: 0 done, 1 failed, 2 wrong usage.
 */
import { setFlagsFromString } from "node:v8";
import { Command, CommanderError } from "commander";
import { hostRunsRelaxed } from "../backends/wasm/kernels.ts";
import { VERSION } from "../version.ts";
import { addComputeOptions, type CliCommand, COMMON_OPTIONS, type Output, type Result, UsageError } from "./command.ts";
import { evaluateCommand } from "./evaluate.ts";
import { inferCommand } from "./infer.ts";
import { problemsCommand } from "./problems.ts";
import { trainCommand } from "./train.ts";

const commands = [problemsCommand, trainCommand, inferCommand, evaluateCommand] as readonly CliCommand[];

/** Node 20 needs a flag for relaxed SIMD, which is faster; it must be set before any kernel is compiled. */
function allowRelaxed(): void {
  if (hostRunsRelaxed() || "Deno" in globalThis) return;
  try {
    setFlagsFromString("--experimental-wasm-relaxed-simd");
  } catch {
    // The host is not V8; the plain kernels run everywhere.
  }
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

function outputFor(options: { quiet?: boolean }): Output {
  const quiet = options.quiet === true;
  return { quiet, note: (text) => quiet || say(text), warn: (text) => say(`retrodict: warning: ${text}`) };
}

function print(result: Result, json: boolean): void {
  const text = json ? JSON.stringify(result.json) : result.text;
  if (text !== undefined) process.stdout.write(`${text}\n`);
}

function makeProgram(): Command {
  const program = new Command("retrodict")
    .description("Learn the Bayesian inverse map of a physical model once; answer every observation with a posterior.")
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({ outputError: () => {} }); // `fail` prints errors
  for (const { name, summary, define, computes = false, run } of commands) {
    const command = program.command(name).description(summary).allowExcessArguments(false);
    define(command);
    if (computes) addComputeOptions(command);
    for (const [flag, text] of COMMON_OPTIONS) command.option(flag, text);
    command.action(async (...all: unknown[]) => {
      const args = all.slice(0, -2) as string[];
      const { json = false, ...options } = command.opts<{ json?: boolean; quiet?: boolean }>();
      const { quiet, ...own } = options;
      print(await run(args, own, outputFor({ quiet })), json);
    });
  }
  return program;
}

/** Reports an error as one line on standard error and, with --json, as an object on standard output. */
function fail(error: unknown, status: number): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const line = message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  say(`retrodict: ${line}`);
  if (process.env.DEBUG && stack) say(stack);
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify({ error: line })}\n`);
  process.exitCode = status;
}

async function main(): Promise<void> {
  allowRelaxed();
  process.stdout.on("error", ({ code }: { code?: string }) => process.exit(code === "EPIPE" ? 0 : 1)); // a closed pipe
  try {
    await makeProgram().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return; // help or version was asked for
      if (error.code !== "commander.help") fail(error, 2);
      else process.exitCode = 2; // no command: the help has been printed
    } else {
      fail(error, error instanceof UsageError ? 2 : 1);
    }
  }
}

await main();
