// slow (6 s): the package is made and opened in Chromium
// The bytes a page loads before its first posterior, gzipped: the entry with its chunks, one build of the kernels, the arm's model.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withPage } from "./helpers/browser.ts";
import { installPackage } from "./helpers/package.ts";

/** kB of all that is loaded; a page with pictures loads several times as much. */
const MOST = 260;
/** kB of what esbuild makes of `import { infer, load }`, without kernels and model. */
const MOST_BUNDLED = 49;

const { folder, path: installed, remove } = installPackage();
test.after(remove);

const kB = (files: Iterable<string>): number =>
  [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(installed, file)), { level: 9 }).length / 1000, 0);

/** What an entry imports without being asked to, itself included. */
function eager(entry: string): Set<string> {
  const files = new Set([entry]);
  for (const file of files)
    for (const [, name] of readFileSync(join(installed, file), "utf8").matchAll(
      /(?:from|import)\s*"\.\/([\w-]+\.js)"/g,
    ))
      files.add(`dist/${name}`);
  return files;
}

const entry = eager("dist/infer.js");
const whole = eager("dist/index.js");
const [plain, relaxed, arm] = ["dist/kernels.wasm", "dist/kernels-relaxed.wasm", "models/arm.safetensors"];

test("a page that infers loads less than 260 kB before the first posterior of the arm", () => {
  const [code, kernels, model] = [kB(entry), Math.max(kB([plain]), kB([relaxed])), kB([arm])];
  const sum = code + kernels + model;
  console.log(
    `gzip, kB: entry ${code.toFixed(1)} in ${entry.size} files (of retrodict itself ${kB(whole).toFixed(1)} in ${whole.size}), kernels ${kernels.toFixed(1)}, model ${model.toFixed(1)}, in all ${sum.toFixed(1)}`,
  );
  assert.ok(entry.size > 1 && model > 50, "less than there must be");
  assert.ok(sum <= MOST, `${sum}`);
});

test("in Chromium it loads that, the check of the model file, and nothing else", () => {
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html><link rel="icon" href="data:,"><script type="module">
import { infer, load } from "./node_modules/retrodict/dist/infer.js";
window.mean = load("arm").then((map) => infer(map, [1.6, 0.3])).then(({ mean }) => [...mean]);
</script>`,
  );
  return withPage(folder, {}, async ({ page, asked, errors }) => {
    await page.waitForFunction("'mean' in window");
    assert.is(((await page.evaluate("mean")) as number[]).length, 4);
    const loaded = asked.map((path) => path.replace("/node_modules/retrodict/", "")).filter((p) => p !== "/index.html");
    const expected = [...entry, relaxed, arm];
    for (const file of expected) assert.ok(loaded.includes(file), `${file} is not loaded`);
    const later = loaded.filter((file) => !expected.includes(file));
    console.log(`gzip, kB: loaded with the model ${kB(later).toFixed(1)}, in all ${kB(loaded).toFixed(1)}`);
    // They are imported when `load` is called; samplers, training and the like are not among them.
    const text = later.map((file) => readFileSync(join(installed, file), "utf8")).join("");
    assert.match(text, /expected metadata of JSON/);
    assert.not.match(text, /nuts:|surrogate:|laplace:|evaluate:/);
    assert.ok(kB(loaded) <= MOST);
    assert.equal(errors, []);
  });
});

test("a bundler leaves out what a page does not call", async () => {
  const size = async (imported: string): Promise<number> => {
    writeFileSync(join(folder, "page.js"), `import ${imported} from "retrodict"; globalThis.lab = ${imported};`);
    const { outputFiles } = await build({
      absWorkingDir: folder,
      entryPoints: ["page.js"],
      outdir: "out",
      bundle: true,
      splitting: true,
      minify: true,
      format: "esm",
      write: false,
    });
    const page = outputFiles.find(({ path }) => path.endsWith("page.js"));
    const chunks = [...(page?.text ?? "").matchAll(/(?:from|import)\s*"\.\/([\w-]+\.js)"/g)].map(([, name]) => name);
    const needed = outputFiles.filter((file) => file === page || chunks.some((name) => file.path.endsWith(name)));
    return needed.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length / 1000, 0);
  };
  const [some, more] = [await size("{ infer, load }"), await size("{ infer, load, save, train }")];
  console.log(`gzip, kB: bundled for { infer, load } ${some.toFixed(1)}, with train and save ${more.toFixed(1)}`);
  assert.ok(some <= MOST_BUNDLED, `${some}`);
  assert.ok(some < more && more < kB(whole), `${some}, ${more}, ${kB(whole)}`);
});

test.run();
