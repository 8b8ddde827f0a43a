/** The command line as a process, as it is built: that starts in a fifth of the time that its sources take. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildPrograms } from "./package.ts";
import { type Ended, PATIENCE, type RunOptions, root } from "./processes.ts";

buildPrograms();

const dist = join(root, "dist");
/** Address of a file that modules of problems import from: "index.js", "ops.js". The command line has loaded the same. */
export const libraryUrl = (file: string): string => pathToFileURL(join(dist, file)).href;

/** Runs the command line, at the root unless `cwd` is given, with `env` added to the environment. */
export function retrodict(
  args: readonly string[],
  input = "",
  { cwd = root, env = {} }: Pick<RunOptions, "cwd" | "env"> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [join(dist, "cli.js"), ...args], {
    cwd,
    env: { ...process.env, DEBUG: "", ...env },
    timeout: PATIENCE,
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.on("error", () => {}).end(input); // a command that fails early reads nothing
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, out, err })));
}

/**
 * Code for a module of a problem: it presses Ctrl-C, as soon as the command line tells how far training has come. To that end all
 * of a second is a millisecond here: each tenth of the steps is told.
 */
export const INTERRUPTS = `
const [now, write] = [performance.now.bind(performance), process.stderr.write.bind(process.stderr)];
performance.now = () => 1000 * now();
process.stderr.write = (text, ...rest) => {
  if (/^step \\d/.test(text)) {
    process.stderr.write = write;
    process.kill(process.pid, "SIGINT");
  }
  return write(text, ...rest);
};`;

/** A folder of its own: paths in it, files written to it, and its end. */
export function temporary(prefix: string) {
  const folder = fs.mkdtempSync(join(tmpdir(), prefix));
  const at = (name: string): string => join(folder, name);
  const write = (name: string, content: string | Uint8Array): string => {
    fs.writeFileSync(at(name), content);
    return at(name);
  };
  return { at, write, remove: (): void => fs.rmSync(folder, { recursive: true }) };
}

export const tiny = ["train", "banana", "--steps", "20", "--batch", "64", "--seed", "3", "--kernels", "plain"];

/** A tiny model, trained once for all tests that read one. */
export function tinyModel(at: (name: string) => string) {
  const model = at("model.safetensors");
  let trained: Promise<Ended> | undefined;
  return { model, trainTiny: (): Promise<Ended> => (trained ??= retrodict([...tiny, "--out", model, "--json"])) };
}
