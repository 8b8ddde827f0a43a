/**
 * Type-checks src, shaders, test, bench, examples and scripts (assembly/ is checked by its own compiler). The packages
 * that bench/ compares with are installed apart, by `npm ci --prefix bench`; where they are missing, the errors in the
 * benchmark files that import them are left out, and how many is said.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = join(root, "node_modules/typescript/bin/tsc");

/** The packages of bench/package.json that are not installed. */
function missingPeers(): string[] {
  const path = join(root, "bench/package.json");
  if (!existsSync(path)) return [];
  const names = Object.keys(JSON.parse(readFileSync(path, "utf8")).dependencies ?? {});
  return names.filter((name) => !existsSync(join(root, "bench/node_modules", name)));
}

/** Whether a source file imports one of the packages, or a path within one. */
function imports(file: string, packages: string[]): boolean {
  const source = readFileSync(join(root, file), "utf8");
  return packages.some((name) => [`"${name}"`, `"${name}/`].some((text) => source.includes(text)));
}

const { stdout, stderr, status, error } = spawnSync(process.execPath, [tsc, "-p", ".", "--pretty", "false"], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 1 << 26,
});
if (error) throw error;
const missing = missingPeers();
const forgiven = new Map<string, boolean>();
let errors = 0;
let leftOut = 0;
let shown = true; // whether the diagnostic that a continuation line belongs to is shown
for (const line of `${stdout}${stderr}`.split("\n")) {
  const file = /^([^\s(][^(]*)\(\d+,\d+\): error/.exec(line)?.[1];
  if (file !== undefined) {
    if (!forgiven.has(file)) forgiven.set(file, file.startsWith("bench/") && imports(file, missing));
    shown = !forgiven.get(file);
    shown ? errors++ : leftOut++;
  } else if (/^error/.test(line)) {
    shown = true;
    errors++;
  }
  if (shown && line.trim() !== "") console.error(line);
}
if (status !== 0 && errors + leftOut === 0) throw new Error(`tsc: expected exit status 0, got ${status}`);
const note = leftOut > 0 ? `, ${leftOut} left out in bench (not installed: ${missing.join(", ")})` : "";
console.log(`typecheck: ${errors} errors${note}`);
if (errors > 0) process.exitCode = 1;
