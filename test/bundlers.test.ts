// slow (45 s): bundles by Vite and esbuild, each opened in Chromium
// The package through bundlers with as little configuration as each needs; the bundles are then opened in Chromium.
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createServer, type InlineConfig, build as vite } from "vite";
import { infer, load, train } from "../src/index.ts";
import { arm } from "../src/problems.ts";
import { type OpenPage, type PageOptions, withPage } from "./helpers/browser.ts";
import { ask } from "./helpers/lab.ts";
import { installPackage, root } from "./helpers/package.ts";

const { folder, path: installed, remove } = installPackage();
test.after(remove);
const app = join(root, "test/fixtures/app");
for (const file of ["index.html", "main.js"]) copyFileSync(join(app, file), join(folder, file));

/** What this Node answers to what fixtures/app/main.js asks. */
const datum = [1.6, 0.3];
const settings = { preset: "fast", steps: 20, batch: 32, heldOut: 64, seed: 1, kernels: "plain" } as const;
const shippedHere = async (): Promise<number[]> => [
  ...(await infer(await load("arm", { kernels: "plain" }), datum)).mean,
];
const trainedHere = async (): Promise<number[]> => [...(await infer(await train(arm, settings), datum)).mean];

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

const configured = (more: InlineConfig): InlineConfig => ({
  root: folder,
  configFile: false,
  logLevel: "error",
  cacheDir: join(folder, "cache"),
  ...more,
});

test("Vite builds without a word of configuration: kernels, models and the worker come along", async () => {
  await vite(configured({ build: { outDir: "vite" } }));
  const assets = readdirSync(join(folder, "vite/assets")).join(" ");
  for (const name of ["kernels", "kernels-relaxed"]) assert.match(assets, new RegExp(`${name}-[\\w-]+\\.wasm`));
  assert.is(assets.match(/\bworker-[\w-]+\.js/g)?.length, 1);
  for (const name of ["arm", "rod", "eit"]) assert.match(assets, new RegExp(`${name}-[\\w-]+\\.safetensors`));
  await tryOut(join(folder, "vite"));
});

test("what Vite builds with a relative base works on a sub-path, in an isolated page", async () => {
  await vite(configured({ base: "./", build: { outDir: "sub/path" } }));
  await tryOut(join(folder, "sub"), { path: "/path/index.html", isolated: true });
});

test("Vite's development server serves it without a word of configuration", async () => {
  const server = await createServer(configured({ server: { host: "127.0.0.1", port: 0 } }));
  try {
    await server.listen();
    const [address] = server.resolvedUrls?.local ?? [];
    await tryOut(folder, { origin: new URL(address).origin, path: "/" });
  } finally {
    await server.close();
  }
});

/** A bundle by esbuild in a folder, with a page that loads it. */
async function bundled(name: string, format: "esm" | "iife", kind: string): Promise<string> {
  const out = join(folder, name);
  await esbuild({
    absWorkingDir: folder,
    entryPoints: ["main.js"],
    outdir: join(name, "js"),
    bundle: true,
    minify: true,
    splitting: format === "esm",
    format,
    logLevel: "error",
    logOverride: { "empty-import-meta": "silent" },
  });
  const html = readFileSync(join(app, "index.html"), "utf8");
  writeFileSync(join(out, "index.html"), html.replace('type="module" src="./main.js"', `${kind} src="./js/main.js"`));
  return out;
}

/** What a page loads beside its modules, where threads are not asked for. */
const files = ["kernels.wasm", "kernels-relaxed.wasm", "worker.js"];
const threaded = ["kernels-threads.wasm", "kernels-relaxed-threads.wasm"];

test("a bundle by esbuild finds kernels and worker that are copied beside it, and models in the folder above", async () => {
  const out = await bundled("esbuild", "esm", 'type="module"');
  for (const file of [...files, ...threaded]) copyFileSync(join(installed, "dist", file), join(out, "js", file));
  cpSync(join(installed, "models"), join(out, "models"), { recursive: true });
  await tryOut(out, { isolated: true });
});

test("a bundle by esbuild without the worker beside it trains on the page's own thread, and says why", async () => {
  rmSync(join(folder, "esbuild/js/worker.js"));
  await withPage(join(folder, "esbuild"), {}, async (open) => {
    const { mean, notice } = await ask<{ mean: number[]; notice: string }>(open, "trained", { worker: true });
    assert.equal(mean, await trainedHere());
    const expected = `worker: the calling thread computes, because no worker starts from ${open.origin}/js/worker.js (its script could not be loaded, or `;
    assert.ok(notice.startsWith(expected), notice);
  });
});

test("a bundle by esbuild finds them where it is told that they are", async () => {
  const out = await bundled("told", "esm", 'type="module"');
  mkdirSync(join(out, "assets"));
  for (const file of [...files.map((name) => `dist/${name}`), "models/arm.safetensors"])
    copyFileSync(join(installed, file), join(out, "assets", file.replace(/.*\//, "")));
  await tryOut(out, {}, { kernels: "assets", models: "/assets/", worker: "assets" });
});

test("a bundle that is no module, and so has no address of its own, says so, and works when it is told", async () => {
  const out = await bundled("classic", "iife", "defer");
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
