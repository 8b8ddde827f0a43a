/**
 * Compiles assembly/index.ts into the modules that asconfig.json names: `plain` (SIMD), `relaxed` (SIMD + FMA), and each for
 * threads that share memory, with assembly/threads.ts beside it.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const asc = join(root, "node_modules/assemblyscript/bin/asc.js");

interface Target {
  outFile: string;
  enable: string[];
}

/** The part of asconfig.json that is read here. */
interface Config {
  entries: string[];
  targets: Record<string, Target>;
}

/** Time of the last change of a file in ms since 1970; 0 where there is none. */
function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** The newest change of anything that the modules are compiled from. */
function sourcesChangedAt(config: Config): number {
  const folders = config.entries.map((entry) => join(root, dirname(entry)));
  const files = folders.flatMap((dir) => readdirSync(dir, { recursive: true }).map((name) => join(dir, String(name))));
  // assembly/math64.ts shares its polynomials with src/numbers/math.ts.
  const shared = ["asconfig.json", "src/numbers/polynomials.ts"].map((name) => join(root, name));
  return Math.max(...[...files, ...shared, join(asc, "../../package.json")].map(changedAt));
}

/**
 * Compiles one target. It is written beside its final name and renamed, so that a program which starts meanwhile reads
 * either the old module or the new one, never half of one. It bears the time at which its compilation began, so that a
 * source that changed while it ran counts as newer.
 */
async function compile(target: string, { outFile, enable }: Target): Promise<void> {
  const startedAt = new Date();
  const out = join(root, outFile);
  const draft = join(dirname(out), `.${process.pid}-${basename(out)}`);
  mkdirSync(dirname(out), { recursive: true });
  const threads = enable.includes("threads") ? ["assembly/threads.ts"] : [];
  const args = [asc, ...threads, "--config", "asconfig.json", "--target", target, "--outFile", draft];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) {
    rmSync(draft, { force: true });
    throw new Error(`asc --target ${target}: expected exit status 0, got ${code}`);
  }
  const kib = (statSync(draft).size / 1024).toFixed(1);
  utimesSync(draft, startedAt, startedAt);
  renameSync(draft, out);
  console.log(`${outFile}  ${kib} KiB  ${((Date.now() - startedAt.getTime()) / 1000).toFixed(1)} s`);
}

export interface BuildOptions {
  /** One of the modules; default all. */
  readonly only?: string;
  /** Leaves out those that are newer than what they are made of. */
  readonly ifStale?: boolean;
}

/** Compiles the kernels. @throws when one of them does not compile, after all have ended. */
export async function buildKernels({ only, ifStale = false }: BuildOptions = {}): Promise<void> {
  const config: Config = JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8"));
  if (only !== undefined && !Object.hasOwn(config.targets, only))
    throw new Error(`--only: expected one of ${Object.keys(config.targets).join(", ")}, got "${only}"`);
  const sourcesAt = sourcesChangedAt(config);
  const targets = Object.entries(config.targets).filter(
    ([name, { outFile }]) =>
      (only === undefined || name === only) && !(ifStale && changedAt(join(root, outFile)) > sourcesAt),
  );
  const results = await Promise.allSettled(targets.map(([name, target]) => compile(name, target)));
  const failed = results.flatMap((result) => (result.status === "rejected" ? [String(result.reason)] : []));
  if (failed.length > 0) throw new Error(failed.join("\n"));
}
