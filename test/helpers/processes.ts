/** Processes that tests start: scripts of this repository, and the hosts that the library runs on. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Milliseconds after which a process is ended. Only one that hangs takes so long, however busy the machine is. */
export const PATIENCE = 1_200_000;

export interface Ended {
  /** Null where a signal ended it. */
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  /** Default: the root of the repository. */
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether a shell finds the program, as on Windows, where npm is a script. */
  readonly shell?: boolean;
}

/** Runs a program to its end. @throws when it does not start. */
export function run(program: string, args: readonly string[], { cwd = root, env, shell }: RunOptions = {}): Ended {
  const options = { cwd, env: { ...process.env, ...env }, shell, encoding: "utf8", timeout: PATIENCE } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (error) throw error;
  return { status, out: stdout, err: stderr };
}

export interface Host {
  readonly name: string;
  readonly program: string;
  /** Before a script, which may be TypeScript. */
  readonly args: readonly string[];
}

export const thisNode: Host = { name: "this Node", program: process.execPath, args: ["--import", "tsx"] };
const newerNode: Host = {
  name: "a newer Node",
  program: join(root, "node_modules/node-current/bin/node"),
  args: [],
};
const deno: Host = {
  name: "Deno",
  program: join(root, "node_modules/.bin/deno"),
  args: ["run", "-A", "--no-prompt"],
};
/** JavaScriptCore: the others are V8. */
const bun: Host = { name: "Bun", program: join(root, "node_modules/.bin/bun"), args: [] };
export const otherHosts: readonly Host[] = [newerNode, deno, bun];

const found = new Map<Host, boolean>();

/** Whether a host is installed; where it is not, prints why the test is skipped. */
export function isInstalled(host: Host): boolean {
  const known = found.get(host) ?? spawnSync(host.program, ["--version"], { timeout: PATIENCE }).status === 0;
  found.set(host, known);
  if (!known) console.log(`SKIP ${host.name} is not installed`);
  return known;
}

/** Runs a script, by its path in the repository or in full, on a host. In this Node "retrodict" is the sources. */
export const runOn = (
  { program, args }: Host,
  script: string,
  more: readonly string[] = [],
  options?: RunOptions,
): Ended =>
  run(program, [...args, resolve(root, script), ...more], {
    ...options,
    env: { TSX_TSCONFIG_PATH: join(root, "tsconfig.json"), ...options?.env },
  });
export const runScript = (script: string, args?: readonly string[], options?: RunOptions): Ended =>
  runOn(thisNode, script, args, options);

/** Runs code, a module at the root of the repository, in this Node. */
export const runCode = (code: string, options?: RunOptions): Ended =>
  run(process.execPath, [...thisNode.args, "--input-type=module", "--eval", code], options);
