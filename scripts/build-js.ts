/**
 * Bundles the sources into dist/: one file for each entry point, and chunks for what they share.
 *
 * Everything but the worker is bundled in one run, the command line too: a user's problem module imports "retrodict", and it must meet
 * the very modules that the command line runs on, not a second copy of them. What the command line needs from npm ends
 * up in dist/cli.js and in chunks that only it reaches; the library's own files are checked to need nothing from outside.
 */
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/** The files of package.json's `exports`; a browser loads them. */
const library: Record<string, string> = {
  index: "src/index.ts",
  ops: "src/ops.ts",
  problems: "src/problems.ts",
  fem: "src/fem.ts",
  diagnostics: "src/diagnostics.ts",
};

/** What a worker loads (src/backends/worker/start.ts has its address), browsers too: one file, which stands alone wherever it is copied. */
const workers: Record<string, string> = { worker: "src/backends/worker/worker.ts" };

/** The files of package.json's `bin`; only Node loads them. */
const programs: Record<string, string> = { cli: "src/cli/main.ts" };

/**
 * Lets a CommonJS package of the command line use Node's own modules: `require("events")` has no meaning in an ES
 * module, so it becomes an import of "node:events".
 */
const requireBuiltins: Plugin = {
  name: "require-builtins",
  setup({ onResolve, onLoad }) {
    const names = new RegExp(`^(node:)?(${builtinModules.join("|")})$`);
    onResolve({ filter: names }, ({ path, kind }) => {
      const name = `node:${path.replace(/^node:/, "")}`;
      return kind === "require-call" ? { path: name, namespace: "builtin" } : { path: name, external: true };
    });
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `import builtin from "${path}"; module.exports = builtin;`,
    }));
  },
};

const options: BuildOptions = {
  absWorkingDir: root,
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["import"],
  external: ["webgpu"], // a native module for Node, which the user installs or not
  define: { RETRODICT_BUNDLED: "true" },
  minify: true,
  logLevel: "warning",
  legalComments: "none", // they are in THIRD-PARTY.txt
  plugins: [requireBuiltins],
};

/** The outputs that are loaded as soon as `entry` is, itself included, and what they import from outside. */
function reachedAtOnce(outputs: Metafile["outputs"], entry: string): { files: Set<string>; outside: Set<string> } {
  const files = new Set([entry]);
  const outside = new Set<string>();
  for (const file of files) {
    for (const { path, kind, external } of outputs[file]?.imports ?? []) {
      if (kind === "dynamic-import") continue;
      (external ? outside : files).add(path);
    }
  }
  return { files, outside };
}

/** The licences of the npm packages whose code is in the bundles: theirs ask to travel with it. */
function thirdPartyNotices({ inputs }: Metafile): string {
  const packages = Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  const notices = [...new Set(packages)].sort().map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, path, "package.json"), "utf8"));
    const file = readdirSync(join(root, path)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(root, path, file), "utf8").trim() : `Licence: ${license}`;
    return `${name} ${version}\n\n${text}\n`;
  });
  return notices.join(`\n${"-".repeat(80)}\n\n`);
}

const { metafile } = await build({ ...options, metafile: true, entryPoints: { ...library, ...programs } });
const alone = await build({ ...options, metafile: true, entryPoints: workers, splitting: false });
const outputs = { ...metafile.outputs, ...alone.metafile.outputs };

for (const name of Object.keys({ ...library, ...workers })) {
  const { files, outside } = reachedAtOnce(outputs, `dist/${name}.js`);
  if (outside.size > 0) {
    const list = [...outside].join(", ");
    throw new Error(`dist/${name}.js: expected no import from outside (a browser loads it), got ${list}`);
  }
  const bytes = [...files].reduce((sum, file) => sum + (outputs[file]?.bytes ?? 0), 0);
  console.log(`dist/${name}.js  ${(bytes / 1024).toFixed(1)} KiB with its chunks`);
}
for (const name of Object.keys(programs)) {
  const path = join(dist, `${name}.js`);
  const text = readFileSync(path, "utf8");
  if (!text.startsWith("#!")) writeFileSync(path, `#!/usr/bin/env node\n${text}`);
  chmodSync(path, 0o755);
  console.log(`dist/${name}.js  ${((outputs[`dist/${name}.js`]?.bytes ?? 0) / 1024).toFixed(1)} KiB`);
}
writeFileSync(join(dist, "THIRD-PARTY.txt"), thirdPartyNotices(metafile));
for (const name of readdirSync(dist)) {
  if (name.endsWith(".js") && !outputs[`dist/${name}`]) rmSync(join(dist, name)); // a chunk of an earlier build
}
