/**
 * Writes the declarations of the sources into dist/types/, and keeps those that a user's compiler comes to from package.json's
 * `exports`: declarations of what is internal would only have to compile in every project, and weigh.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const types = join(root, "dist/types");

/** The declarations that `exports` names. */
function entries(): string[] {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.values(exports).flatMap((entry) => (entry as { types?: string }).types ?? []);
}

/** These files and what they import, by relative addresses, and so on. */
function reached(files: Iterable<string>): Set<string> {
  const found = new Set(files);
  for (const file of found) {
    const code = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [, path] of code.matchAll(/\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)\.[jt]s"/g))
      found.add(join(dirname(file), `${path}.d.ts`));
  }
  return found;
}

rmSync(types, { recursive: true, force: true }); // declarations of sources that have gone
const compiler = join(root, "node_modules/typescript/bin/tsc");
const { status, error } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (error) throw error;
if (status !== 0) throw new Error(`tsc: expected exit status 0, got ${status}`);

const kept = reached(entries().map((path) => join(root, path)));
const all = readdirSync(types, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
for (const { parentPath, name } of all) {
  const path = join(parentPath, name);
  if (!kept.has(path)) rmSync(path);
}
console.log(`dist/types  ${kept.size} of ${all.length} declarations`);
