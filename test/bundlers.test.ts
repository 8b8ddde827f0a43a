// slow (45 s): bundles by Vite and esbuild, each opened in Chromium
// The package through bundlers with as little configuration as each needs; the bundles are then opened in Chromium.
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { type BuildOptions, build as esbuild } from "esbuild";
import { rolldown } from "rolldown";
import { rollup } from "rollup";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createLogger, createServer, type InlineConfig, build as vite } from "vite";
import webpack from "webpack";
import { infer, load, shippedModels, train } from "../src/index.ts";
import { arm } from "../src/problems.ts";
import { type OpenPage, type PageOptions, withPage } from "./helpers/browser.ts";
import { ask } from "./helpers/lab.ts";
import { installPackage, root } from "./helpers/package.ts";

const { folder, path: installed, remove } = installPackage();
test.after(remove);
const app = join(root, "test/fixtures/app");
for (const file of ["index.html", "main.js"]) copyFileSync(join(app, file), join(folder, file));

/** What this Node answers to what fixtures/app/main.js asks. */
const observation = [1.6, 0.3];
const settings = { preset: "fast", steps: 20, batch: 32, heldOut: 64, seed: 1, kernels: "plain" } as const;
const shippedHere = async (): Promise<number[]> => [
  ...(await infer(await load("arm", { kernels: "plain" }), observation)).mean,
];
const trainedHere = async (): Promise<number[]> => [...(await infer(await train(arm, settings), observation)).mean];

/** Opens what was bundled: it must answer, to the bit, what this Node does, and nothing may go wrong unseen. */
async function tryOut(place: string, options: PageOptions = {}, folders: object = {}): Promise<void> {
  await withPage(place, options, async (open) => {
    assert.equal(await ask(open, "shipped", folders), { mean: await shippedHere(), corrected: true });
    for (const [more, device] of waysOf(options)) {
      const expected = { mean: await trainedHere(), device, notice: null };
      assert.equal(await ask(open, "trained", more), expected);
    }
    assert.equal(open.errors, []);
  });
}

/** How a page can train: what is asked for, and what is told of it. */
const waysOf = ({ isolated = false }: PageOptions): readonly (readonly [object, string])[] => [
  [{}, "wasm plain"],
  [{ worker: true }, "wasm plain"],
  ...(isolated ? [[{ threads: 2 }, "wasm plain, 2 threads"] as const] : []),
];

/** A logger of Vite that keeps warnings. */
function telling(warnings: string[]): InlineConfig {
  const customLogger = createLogger("warn");
  customLogger.warn = customLogger.warnOnce = (message) => void warnings.push(message);
  return { customLogger };
}

const configured = (more: InlineConfig): InlineConfig => ({
  root: folder,
  configFile: false,
  logLevel: "error",
  cacheDir: join(folder, "cache"),
  ...more,
});

/** Files that a page loads besides its modules, without threads and with them. */
const beside = ["kernels.wasm", "kernels-relaxed.wasm", "worker.js"];
const threaded = ["kernels-threads.wasm", "kernels-relaxed-threads.wasm"];

/** A page in a folder with another script in place of its own. */
function writePage(out: string, script: string): void {
  const html = readFileSync(join(app, "index.html"), "utf8");
  writeFileSync(join(out, "index.html"), html.replace('type="module" src="./main.js"', script));
}

const byEsbuild: BuildOptions = {
  absWorkingDir: folder,
  entryPoints: ["main.js"],
  bundle: true,
  minify: true,
  logLevel: "silent", // warnings are answered
};

/** What a bundler gives back of warnings; each is configured as its guide has it, and no more. */
type Bundle = (out: string) => Promise<readonly string[]>;

const bundlers: Readonly<Record<string, Bundle>> = {
  esbuild: async (out) => {
    const { warnings } = await esbuild({ ...byEsbuild, outdir: join(out, "js"), splitting: true, format: "esm" });
    return warnings.map(({ text }) => text);
  },
  Rollup: async (out) => {
    const warnings: string[] = [];
    const bundle = await rollup({
      input: join(folder, "main.js"),
      plugins: [nodeResolve()], // which Rollup needs for any package
      onwarn: ({ message }) => void warnings.push(message),
    });
    await bundle.write({ dir: join(out, "js") });
    await bundle.close();
    return warnings;
  },
  Rolldown: async (out) => {
    const warnings: string[] = [];
    const onLog = (level: string, { message }: { message: string }): void =>
      void (level === "warn" && warnings.push(message));
    const bundle = await rolldown({ cwd: folder, input: "./main.js", onLog });
    await bundle.write({ dir: join(out, "js") });
    await bundle.close();
    return warnings;
  },
  "webpack 5": async (out) => {
    const output = { path: join(out, "js") };
    const compiler = webpack({ context: folder, entry: "./main.js", mode: "production", output, performance: false });
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) =>
      compiler.run((error, found) => (error ? reject(error) : resolve(found))),
    );
    await new Promise((resolve) => compiler.close(resolve));
    const { errors = [], warnings = [] } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
    assert.equal(errors, []);
    return warnings.map(({ message }) => message);
  },
  Vite: async (out) => {
    const warnings: string[] = [];
    await vite(configured({ build: { outDir: out }, ...telling(warnings) }));
    return warnings;
  },
};

/** Bundlers that copy kernels, models and the worker by themselves. */
const copying = ["webpack 5", "Vite"];

/** The files below a folder with their bytes. */
const filesOf = (place: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(place, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [relative(place, path), readFileSync(path, "base64")]),
  );

for (const [name, bundle] of Object.entries(bundlers)) {
  const copies = copying.includes(name);
  const where = copies ? "kernels, models and the worker come along" : "it finds what is copied beside it";
  test(`${name} bundles a page without a word of configuration, and ${where}`, async () => {
    const out = join(folder, "by", name.replace(/ .*/, "").toLowerCase());
    assert.equal(await bundle(out), []);
    const files = filesOf(out);
    // The package webgpu is for Node, and native: where it is installed, the page is the same.
    const link = join(folder, "node_modules/webgpu");
    symlinkSync(join(root, "node_modules/webgpu"), link, "junction");
    assert.equal(await bundle(out), []);
    rmSync(link);
    assert.equal(filesOf(out), files);

    const scripts = Object.keys(files).filter((path) => path.endsWith(".js")).length;
    assert.ok(scripts > 4, "parts that are loaded when they are called for");
    const assets = Object.keys(files).filter((path) => /\.(wasm|safetensors)$/.test(path));
    assert.is(assets.length, copies ? 4 + shippedModels.length : 0, assets.join());
    if (!copies) {
      for (const file of [...beside, ...threaded]) copyFileSync(join(installed, "dist", file), join(out, "js", file));
      cpSync(join(installed, "models"), join(out, "models"), { recursive: true });
    }
    if (name !== "Vite") writePage(out, `${name.startsWith("webpack") ? "defer" : 'type="module"'} src="./js/main.js"`);
    await tryOut(out, { isolated: true });
  });
}

test("what Vite builds with a relative base works on a sub-path, in an isolated page", async () => {
  await vite(configured({ base: "./", build: { outDir: "sub/path" } }));
  await tryOut(join(folder, "sub"), { path: "/path/index.html", isolated: true });
});

test("Vite's development server serves it without a word of configuration", async () => {
  const warnings: string[] = [];
  const server = await createServer(configured({ server: { host: "127.0.0.1", port: 0 }, ...telling(warnings) }));
  try {
    await server.listen();
    const [address] = server.resolvedUrls?.local ?? [];
    await tryOut(folder, { origin: new URL(address).origin, path: "/" });
    assert.equal(warnings, []);
  } finally {
    await server.close();
  }
});

test("a bundle by esbuild without the worker beside it trains on the page's own thread, and says why", async () => {
  rmSync(join(folder, "by/esbuild/js/worker.js"));
  await withPage(join(folder, "by/esbuild"), {}, async (open) => {
    const { mean, notice } = await ask<{ mean: number[]; notice: string }>(open, "trained", { worker: true });
    assert.equal(mean, await trainedHere());
    const expected = `worker: the calling thread computes, because no worker starts from ${open.origin}/js/worker.js (its script could not be loaded, or `;
    assert.ok(notice.startsWith(expected), notice);
  });
});

test("a bundle by esbuild finds them in the given folders", async () => {
  const out = join(folder, "told");
  await bundlers.esbuild(out);
  writePage(out, 'type="module" src="./js/main.js"');
  mkdirSync(join(out, "assets"));
  for (const file of [...beside.map((name) => `dist/${name}`), "models/arm.safetensors"])
    copyFileSync(join(installed, file), join(out, "assets", file.replace(/.*\//, "")));
  await tryOut(out, {}, { kernels: "assets", models: "/assets/", worker: "assets" });
});

test("a bundle that is not a module says that it has no address, and works if it is given one", async () => {
  const out = join(folder, "classic");
  const silent = { "empty-import-meta": "silent" } as const;
  await esbuild({ ...byEsbuild, outdir: join(out, "js"), format: "iife", logOverride: silent });
  writePage(out, 'defer src="./js/main.js"');
  cpSync(join(folder, "told/assets"), join(out, "assets"), { recursive: true });
  await withPage(out, {}, async (open: OpenPage) => {
    const expected = "load: expected the address of this module, got none (bundle as ESM); say where the models are";
    assert.match(await ask<string>(open, "failed"), expected);
    await ask(open, "shipped", { kernels: "assets", models: "assets" });
    const { notice } = await ask<{ notice: string }>(open, "trained", { worker: true });
    assert.match(notice, "because this module does not know its own address (bundle as ESM); copy worker.js");
  });
  await tryOut(out, {}, { kernels: "assets", models: "assets", worker: "/assets/" });
});

test.run();
