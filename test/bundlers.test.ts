// The package through bundlers, as its users configure them: not at all where that will do; then opened in Chromium.
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createServer, type InlineConfig, build as vite } from "vite";
import { infer, load, train } from "../src/index.ts";
import { arm } from "../src/problems/index.ts";
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
    assert.equal(await ask(open, "trained"), await trainedHere());
    assert.equal(open.errors, []);
  });
}

const configured = (more: InlineConfig): InlineConfig => ({
  root: folder,
  configFile: false,
  logLevel: "error",
  cacheDir: join(folder, "cache"),
  ...more,
});

test("Vite builds without a word of configuration: kernels and models come along", async () => {
  await vite(configured({ build: { outDir: "vite" } }));
  const assets = readdirSync(join(folder, "vite/assets")).join(" ");
  for (const name of ["kernels", "kernels-relaxed"]) assert.match(assets, new RegExp(`${name}-[\\w-]+\\.wasm`));
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

test("a bundle by esbuild finds kernels that are copied beside it, and models in the folder above", async () => {
  const out = await bundled("esbuild", "esm", 'type="module"');
  for (const file of ["kernels.wasm", "kernels-relaxed.wasm"])
    copyFileSync(join(installed, "dist", file), join(out, "js", file));
  cpSync(join(installed, "models"), join(out, "models"), { recursive: true });
  await tryOut(out);
});

test("a bundle by esbuild finds them where it is told that they are", async () => {
  const out = await bundled("told", "esm", 'type="module"');
  mkdirSync(join(out, "assets"));
  for (const file of ["dist/kernels.wasm", "dist/kernels-relaxed.wasm", "models/arm.safetensors"])
    copyFileSync(join(installed, file), join(out, "assets", file.replace(/.*\//, "")));
  await tryOut(out, {}, { kernels: "assets", models: "/assets/" });
});

test("a bundle that is no module, and so has no address of its own, says so, and works when it is told", async () => {
  const out = await bundled("classic", "iife", "defer");
  cpSync(join(folder, "told/assets"), join(out, "assets"), { recursive: true });
  await withPage(out, {}, async (open: OpenPage) => {
    const expected = "load: expected the address of this module, got none (bundle as ESM); say where the models are";
    assert.match(await ask<string>(open, "failed"), expected);
  });
  await tryOut(out, {}, { kernels: "assets", models: "assets" });
});

test.run();
