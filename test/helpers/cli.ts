/** The command line as a process. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line; `act` sees the process while it runs. */
export function retrodict(
  args: readonly string[],
  input = "",
  act: (child: ChildProcess) => void = () => {},
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", join(root, "src/cli/main.ts"), ...args], {
    cwd: root,
    env: { ...process.env, DEBUG: "", ...env },
    timeout: 100_000,
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.on("error", () => {}).end(input); // a command that fails early reads nothing
  act(child);
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, out, err })));
}

/** A folder of its own: paths in it, files written to it, and its end. */
export function temporary(prefix: string) {
  const folder = fs.mkdtempSync(join(tmpdir(), prefix));
  const at = (name: string): string => join(folder, name);
  const write = (name: string, content: string): string => {
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
