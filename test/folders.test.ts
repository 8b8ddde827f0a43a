// Where kernels and models are looked for, and the errors if they are missing.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelsUrl } from "../src/backends/wasm/kernels-url.ts";
import { type Folders, foldersSet, inFolder, setFolders } from "../src/host/folders.ts";
import { infer, load } from "../src/index.ts";
import { serve } from "./helpers/server.ts";
import { messageOf, rejection } from "./helpers/store.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "folders-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
test.after.each(() => setFolders({ kernels: undefined, models: undefined }));

const answer = async (): Promise<number[]> => {
  const map = await load("arm");
  return [...(await infer(map, [1.6, 0.3], { kernels: "plain", draws: 64 })).mean];
};

test("kernels and models are taken from folders of one's own, at paths, file: and http: URLs", async () => {
  const expected = await answer();
  copyFileSync(join(root, "dist/kernels.wasm"), join(folder, "kernels.wasm"));
  copyFileSync(join(root, "models/arm.safetensors"), join(folder, "arm.safetensors"));
  const host = await serve({ folder });
  try {
    const places = [folder, `${folder}/`, relative(process.cwd(), folder), pathToFileURL(folder), host.origin];
    for (const place of places) {
      setFolders({ kernels: place, models: place });
      assert.equal(await answer(), expected, `${place}`);
    }
    const asked = ["/arm.safetensors", "/kernels.wasm"];
    assert.equal(host.asked.filter((path) => asked.includes(path)).sort(), asked);
  } finally {
    await host.close();
  }
});

test("what is not named stays, undefined is beside the package again, and what is kept is plain", () => {
  setFolders({ kernels: new URL("https://host/k?v=1") });
  setFolders({ models: "elsewhere" });
  assert.equal(foldersSet(), { kernels: "https://host/k?v=1", models: "elsewhere" });
  assert.is(String(kernelsUrl("relaxed")), "https://host/k/kernels-relaxed.wasm");
  setFolders({ kernels: undefined });
  assert.equal(foldersSet(), { models: "elsewhere" });
  assert.match(String(kernelsUrl("plain")), /^file:.*dist\/kernels\.wasm$/);
  assert.is(inFolder("", "a.wasm"), "a.wasm");
});

test("in a page a folder is relative to the page", () => {
  const host = globalThis as { document?: { baseURI: string } };
  host.document = { baseURI: "https://host/lab/page.html" };
  try {
    setFolders({ kernels: "wasm", models: "/models" });
  } finally {
    delete host.document;
  }
  assert.equal(foldersSet(), { kernels: "https://host/lab/wasm", models: "https://host/models" });
});

test("folders that make no sense are refused, and change nothing", () => {
  const odd = (folders: unknown): string => messageOf(() => setFolders(folders as Folders));
  assert.match(odd("dist"), 'setFolders: expected options { kernels, models, worker }, got "dist"');
  assert.match(odd({ kernel: "x" }), 'setFolders: expected options kernels, models, worker; got "kernel"');
  assert.match(
    odd({ kernels: "x", models: 3 }),
    "setFolders: expected models to be a URL or a path of a folder, got 3",
  );
  assert.equal(foldersSet(), {});
});

test("where there are no kernels the error says so, what came, and what to do", async () => {
  const map = await load("arm");
  const away = async (kernels: string): Promise<string> => {
    setFolders({ kernels });
    return rejection(infer(map, [1.6, 0.3], { kernels: "plain" }));
  };
  const empty = mkdtempSync(join(folder, "empty-"));
  const hint = "; copy kernels*.wasm from dist/ of the package there, or say where they are: setFolders(";
  assert.match(await away(empty), `cannot read "${empty}/kernels.wasm": no such file or folder${hint}`);
  writeFileSync(join(empty, "kernels.wasm"), "<!doctype html>");
  assert.match(await away(empty), `expected WebAssembly at ${empty}/kernels.wasm, got something else${hint}`);
  const host = await serve({ folder: empty });
  assert.match(
    await away(`${host.origin}/x`),
    `expected WebAssembly at ${host.origin}/x/kernels.wasm, got HTTP 404${hint}`,
  );
  await host.close();
  assert.match(await away(host.origin), `expected WebAssembly at ${host.origin}/kernels.wasm, got no answer (`);
});

test("a page that a server returns for a model is an error with its address", async () => {
  writeFileSync(join(folder, "rod.safetensors"), "<!doctype html><title>Not found</title>");
  setFolders({ models: folder });
  const message = await rejection(load("rod"));
  assert.match(message, "a page of HTML or XML");
  assert.match(message, `(at ${join(folder, "rod.safetensors")}); copy the folder models`);
});

test.run();
