/**
 * Bundles the sources into dist/: one file for each entry point, and chunks for what they share.
 *
 * Everything but the worker is bundled in one run, the command line too: a user's problem module imports "retrodict", and it must meet
 * the very modules that the command line runs on, not a second copy of them. What the command line needs from npm ends
 * up in dist/cli.js and in chunks that only it reaches; the library's own files are checked to need nothing from outside.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { thirdPartyNotices } from "./notices.ts";
import { requireBuiltins } from "./require-builtins.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/** The files of package.json's `exports`; a browser loads them. */
const library: Record<string, string> = {
  index: "src/index.ts",
  ops: "src/ops.ts",
  problems: "src/problems.ts",
  infer: "src/infer.ts",
  priors: "src/priors.ts",
  dynamics: "src/dynamics.ts",
  fem: "src/fem.ts",
  diagnostics: "src/diagnostics.ts",
  element: "src/element.ts",
};

/**
 * The larger modules that dist/index.js exports from, each in a file of its own. A bundler loads at once all of a file of which some
 * is used at once and some on demand, so one file for all would bring training to a page that only infers.
 */
const parts: Record<string, string> = {
  train: "src/train/train.ts",
  checkpoint: "src/train/checkpoint.ts",
  store: "src/store/store.ts",
  laplace: "src/infer/laplace.ts",
  surrogate: "src/surrogate/surrogate.ts",
  simulate: "src/simulate/simulate.ts",
  predict: "src/simulate/predict.ts",
  pairs: "src/store/pairs-file.ts",
  umbridge: "src/simulate/umbridge.ts",
  options: "src/simulate/options.ts",
};

/** The script of workers (src/backends/worker/start.ts has its address): one file that works wherever it is copied. */
const workers: Record<string, string> = { worker: "src/backends/worker/worker.ts" };

/** The script of pages that `retrodict page` writes: one file without imports, which stands in the page. */
const pages: Record<string, string> = { page: "src/element/page.ts" };

/** The files of package.json's `bin`; only Node loads them. */
const programs: Record<string, string> = { cli: "src/cli/main.ts" };

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
  define: { RETRODICT_BUNDLED: "true" },
  minify: true,
  // Node prints the line of an uncaught error before its message: without a limit that line is a whole chunk. 200 costs
  // 2 % of what a page loads, gzipped (160: 3 %, 500: 1 %).
  lineLimit: 200,
  sourcemap: "linked",
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

/** The folders of the npm packages whose code is in the bundles. */
const packagesIn = (inputs: Metafile["inputs"]): string[] =>
  Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);

/**
 * Writes the comments by which webpack and Vite leave an import of a computed name alone, instead of warning of it: minified code has
 * lost them. (What follows on the same line is then that much further right than the source map says.)
 */
function markComputedImports(file: string): void {
  // An import of no name is there for side effects, of which the library has none; it would keep what it names in a page's bundle.
  const code = readFileSync(file, "utf8").replace(/\bimport"\.\/chunk-\w+\.js";/g, "");
  const imports = code.replace(/\bimport\((?=Object\.)/g, "import(/* webpackIgnore: true */ /* @vite-ignore */");
  // The line limit may break an address in two; bundlers look for `new URL("literal"`. The break moves before the literal.
  writeFileSync(file, imports.replace(/new URL\("([^"\n]*)\\\n([^"\n]*)"/g, 'new URL(\n"$1$2"'));
}

const isPackage = (path: string): boolean => path.includes("node_modules/");

/**
 * Lightens the source maps. They hold our own sources, which the package does not have otherwise, and not those of npm packages. A
 * file that npm packages make up (the pictures of reports) has no map: it alone would be a third of all.
 */
function lightenMap(file: string): void {
  const map = JSON.parse(readFileSync(`${file}.map`, "utf8"));
  const foreign: boolean[] = map.sources.map(isPackage);
  if (foreign.filter(Boolean).length > 0.75 * foreign.length) {
    writeFileSync(file, readFileSync(file, "utf8").replace(/\/\/# sourceMappingURL=.*\n?$/, ""));
    rmSync(`${file}.map`);
    return;
  }
  map.sourcesContent = map.sourcesContent.map((text: string, i: number) =>
    foreign[i] ? "// of another package" : text,
  );
  writeFileSync(`${file}.map`, JSON.stringify(map));
}

const { metafile } = await build({ ...options, metafile: true, entryPoints: { ...library, ...parts, ...programs } });
const alone = await build({ ...options, metafile: true, entryPoints: workers, splitting: false });
const inPages = await build({ ...options, metafile: true, entryPoints: pages, splitting: false, sourcemap: false });
const outputs = { ...metafile.outputs, ...alone.metafile.outputs, ...inPages.metafile.outputs };

for (const name of Object.keys({ ...library, ...workers, ...pages })) {
  const { files, outside } = reachedAtOnce(outputs, `dist/${name}.js`);
  if (outside.size > 0) {
    const list = [...outside].join(", ");
    throw new Error(`dist/${name}.js: expected no import from outside (a browser loads it), got ${list}`);
  }
  const bytes = [...files].reduce((sum, file) => sum + (outputs[file]?.bytes ?? 0), 0);
  console.log(`dist/${name}.js  ${(bytes / 1024).toFixed(1)} KiB with its chunks`);
}
for (const name of Object.keys(programs)) {
  chmodSync(join(dist, `${name}.js`), 0o755);
  console.log(`dist/${name}.js  ${((outputs[`dist/${name}.js`]?.bytes ?? 0) / 1024).toFixed(1)} KiB`);
}
// AssemblyScript's own library is compiled into the kernels.
const packages = [...packagesIn({ ...metafile.inputs, ...alone.metafile.inputs }), "node_modules/assemblyscript"];
writeFileSync(join(dist, "THIRD-PARTY.txt"), thirdPartyNotices(packages.map((path) => join(root, path))));
for (const name of readdirSync(dist)) {
  if (/\.js(\.map)?$/.test(name) && !outputs[`dist/${name}`])
    rmSync(join(dist, name)); // a chunk of an earlier build
  else if (name.endsWith(".js")) {
    markComputedImports(join(dist, name));
    if (existsSync(join(dist, `${name}.map`))) lightenMap(join(dist, name));
  }
}
