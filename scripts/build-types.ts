/**
 * Writes the declarations of the sources into dist/types/, so that they compile in every project:
 *
 * - Only those that a user's compiler reaches from package.json's `exports` are kept; what is internal may need other types.
 * - Classes of the host that they name are imported from host-types.d.ts, because a project may be without the types of its host.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const types = join(root, "dist/types");
const hostTypes = join(types, "host-types.d.ts");

/** A declaration without its comments. */
const codeOf = (file: string): string => readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");

/** The declarations that `exports` names, what they import by relative addresses, and so on. */
function reached(): Set<string> {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const entries = Object.values(exports).flatMap((entry) => (entry as { types?: string }).types ?? []);
  const found = new Set(entries.map((path) => join(root, path)));
  for (const file of found)
    for (const [, path] of codeOf(file).matchAll(/\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)\.[jt]s"/g))
      found.add(join(dirname(file), `${path}.d.ts`));
  return found;
}

/** Imports the classes of the host that a declaration names. */
function importHostTypes(file: string): void {
  const code = codeOf(file);
  const names = ["AbortSignal", "URL"].filter((name) => new RegExp(`\\b${name}\\b`).test(code));
  if (names.length === 0) return;
  const path = relative(dirname(file), hostTypes).replaceAll("\\", "/").replace(".d.ts", ".js");
  const line = `import type { ${names.join(", ")} } from "${path}";\n`;
  writeFileSync(file, line + readFileSync(file, "utf8"));
}

rmSync(types, { recursive: true, force: true }); // declarations of sources that have gone
const compiler = join(root, "node_modules/typescript/bin/tsc");
const options = { cwd: root, stdio: "inherit" } as const;
const { status, error } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], options);
if (error) throw error;
if (status !== 0) throw new Error(`tsc: expected exit status 0, got ${status}`);

const kept = reached();
const all = readdirSync(types, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
for (const { parentPath, name } of all) if (!kept.has(join(parentPath, name))) rmSync(join(parentPath, name));
for (const file of kept) importHostTypes(file);
copyFileSync(join(root, "scripts/host-types.d.ts"), hostTypes);
console.log(`dist/types  ${kept.size} of ${all.length} declarations`);
