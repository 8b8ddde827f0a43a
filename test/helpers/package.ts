/** The package as its users get it: what `npm pack` makes, unpacked where nothing else is. */
import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PATIENCE, root } from "./processes.ts";

export { root } from "./processes.ts";

/** Runs to the end. @throws with what was printed, unless the status is 0. */
export function run(folder: string, command: string, args: readonly string[]): string {
  const env = { ...process.env, NO_COLOR: "1", NODE_OPTIONS: "", TSX_TSCONFIG_PATH: "" };
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder,
    env,
    encoding: "utf8",
    timeout: PATIENCE,
    shell: process.platform === "win32" && !/\.exe$/i.test(command), // npm and deno are scripts there
  });
  if (error) throw error;
  assert.is(status, 0, `${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const newestIn = (folder: string): number =>
  Math.max(...readdirSync(folder, { recursive: true }).map((name) => changedAt(join(folder, String(name)))));

/** Whether the process runs whose number a lock holds; also while that cannot be told, because the lock has just gone. */
function isHeld(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(lock, "utf8")), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Does something that only one process may do at a time; others wait. A lock that an ended process has left is broken. */
function alone(action: () => void): void {
  const lock = join(root, "node_modules/.retrodict-lock");
  const own = `${lock}-${process.pid}`;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  writeFileSync(own, String(process.pid));
  try {
    for (;;) {
      try {
        linkSync(own, lock); // it appears with its content, unless another is there
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        if (isHeld(lock)) Atomics.wait(pause, 0, 0, 200);
        else rmSync(lock, { force: true });
      }
    }
    try {
      action();
    } finally {
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** Builds what is missing in dist/ or older than the sources: tests may run in a tree that was never built. */
function buildWhatIsStale({ types }: { readonly types: boolean }): void {
  run(root, process.execPath, ["--import", "tsx", "scripts/build-wasm.ts", "--if-stale"]);
  const made = ["package.json", "scripts/build-js.ts", "scripts/build-types.ts", "scripts/host-types.d.ts"].map(
    (name) => changedAt(join(root, name)),
  );
  const sources = Math.max(newestIn(join(root, "src")), ...made);
  const stale = (file: string): boolean => changedAt(join(root, "dist", file)) < sources;
  if (stale("cli.js")) run(root, process.execPath, ["--import", "tsx", "scripts/build-js.ts"]);
  if (types && stale("types/src/index.d.ts"))
    run(root, process.execPath, ["--import", "tsx", "scripts/build-types.ts"]);
}

/** Brings what runs in dist/ up to the sources. */
export const buildPrograms = (): void => alone(() => buildWhatIsStale({ types: false }));

export interface Installed {
  /** A folder whose node_modules hold the package, and nothing else. */
  readonly folder: string;
  /** Where the package is in it. */
  readonly path: string;
  /** The files of the package. */
  readonly files: readonly string[];
  readonly remove: () => void;
}

/** Builds what is stale, packs it, and unpacks it in a folder of its own. */
export function installPackage(): Installed {
  const folder = mkdtempSync(join(tmpdir(), "retrodict-package-"));
  const path = join(folder, "node_modules/retrodict");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  let told = "";
  alone(() => {
    buildWhatIsStale({ types: true });
    told = run(root, npm, ["pack", "--json", "--ignore-scripts", "--offline", "--pack-destination", folder]);
  });
  const [{ filename, files }] = JSON.parse(told) as [{ filename: string; files: { path: string }[] }];
  mkdirSync(path, { recursive: true });
  run(folder, "tar", ["-xzf", join(folder, filename), "-C", path, "--strip-components=1"]);
  rmSync(join(folder, filename));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  return {
    folder,
    path,
    files: files.map((file) => file.path),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
