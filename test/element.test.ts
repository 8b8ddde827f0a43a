// slow (40 s): a page of the element and a page of a model in Chromium
// The element in a page under a strict policy, its bytes, and the one-file pages of `retrodict page`, opened from a disk.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { infer, load } from "../src/index.ts";
import { type OpenPage, withPage } from "./helpers/browser.ts";
import { retrodict, temporary } from "./helpers/cli.ts";
import { PATIENCE, root } from "./helpers/processes.ts";

/** kB, gzipped, that the element may add to a bundle of { infer, load }. */
const MOST_ADDED = 12;
/** Bytes of the page of the shipped rod. */
const MOST_PAGE = 500_000;

const { at, remove } = temporary("retrodict-element-");
test.after(remove);

/** The value of an expression once it is true; the page's policy may forbid to evaluate text there later. */
async function until<T>(page: Page, expression: string): Promise<T> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await page.waitForTimeout(20)) {
    const value = await page.evaluate(expression).catch(() => undefined); // undefined while the page is loaded
    if (value) return value as T;
  }
  throw new Error(`expected ${expression}, got nothing in ${PATIENCE} ms`);
}

/** @throws where axe finds a serious fault; prints why it is skipped, where axe is not installed. */
async function checkAccess({ page }: OpenPage): Promise<void> {
  const axe = join(root, "node_modules/axe-core/axe.min.js");
  if (!existsSync(axe)) return console.log("SKIP axe-core is not installed: npm ci");
  const session = await page.context().newCDPSession(page);
  const expression = `${readFileSync(axe, "utf8")};axe.run().then(({ violations }) => JSON.stringify(violations.filter(({ impact }) => /serious|critical/.test(impact)).map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])))`;
  const { result } = await session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  assert.equal(JSON.parse(String(result.value)), []);
}

const drawsNow = (id: string): string => `JSON.stringify([...(document.getElementById("${id}").drawn?.draws ?? [])])`;

test("the element shows the posterior of its attributes under a strict policy, and tells what is wrong with them", async () => {
  const folder = at("site");
  mkdirSync(folder);
  for (const name of ["dist", "models"]) symlinkSync(join(root, name), join(folder, name));
  writeFileSync(
    join(folder, "page.js"),
    `import { defineElement } from "./dist/element.js";
window.events = [];
for (const name of ["posterior", "fault"]) arm.addEventListener(name, () => events.push(name));
defineElement(); defineElement();`,
  );
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html><html lang="en"><head><title>Element</title><link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'">
<script type="module" src="page.js"></script></head><body><main><h1>Element</h1>
<retrodict-posterior id="arm" model="arm" data="1.6, 0.3" draws="50" seed="4" kernels="plain"></retrodict-posterior></main></body></html>`,
  );
  const map = await load("arm", { kernels: "plain" });
  const expected = async (y: number[]): Promise<string> =>
    JSON.stringify([...(await (await infer(map, y)).sample(50, { seed: 4 }))]);
  await withPage(folder, {}, async (open) => {
    const { page, errors } = open;
    await until(page, "window.events?.length === 1");
    assert.is(await page.evaluate(drawsNow("arm")), await expected([1.6, 0.3]));
    const inside = (selector: string): string => `arm.shadowRoot.querySelectorAll("${selector}").length`;
    assert.equal(await page.evaluate(inside("svg[role=img][aria-label]")), 4);
    assert.equal(await page.evaluate(inside("tbody tr")), 4);
    assert.match(
      await page.evaluate<string>("arm.shadowRoot.querySelector('[role=status]').textContent"),
      /^Posterior: base height/,
    );
    await page.evaluate("arm.setAttribute('data', '1.2 -0.4')");
    await until(page, "events.length === 2");
    assert.is(await page.evaluate(drawsNow("arm")), await expected([1.2, -0.4]));
    await page.evaluate("arm.data = [1, 0.1]");
    await until(page, "events.length === 3");
    assert.is(await page.evaluate(drawsNow("arm")), await expected([1, 0.1]));
    await page.evaluate("arm.data = '1, x'");
    await until(page, "events.length === 4");
    assert.equal(await page.evaluate("events"), ["posterior", "posterior", "posterior", "fault"]);
    assert.match(await page.evaluate<string>("arm.shadowRoot.querySelector('[role=alert]').textContent"), /got "x"/);
    await page.evaluate("arm.setAttribute('picture', 'table'), arm.setAttribute('data', '1.6, .3')");
    await until(page, "events.length === 5");
    assert.equal(await page.evaluate(inside("svg")), 0);
    await checkAccess(open);
    assert.equal(errors, []);
  });
});

test("the element adds less than 12 kB to a bundle of { infer, load }, and can be imported where there is no DOM", async () => {
  const size = async (code: string): Promise<number> => {
    const { outputFiles } = await build({
      stdin: { contents: code, resolveDir: join(root, "dist") },
      bundle: true,
      splitting: true,
      outdir: at("bundle"),
      minify: true,
      format: "esm",
      write: false,
    });
    const page = outputFiles.find(({ path }) => path.endsWith("stdin.js"));
    const chunks = [...(page?.text ?? "").matchAll(/(?:from|import)\s*"\.\/([\w-]+\.js)"/g)].map(([, name]) => name);
    const needed = outputFiles.filter((file) => file === page || chunks.some((name) => file.path.endsWith(name)));
    return needed.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length / 1000, 0);
  };
  const alone = await size(`import { infer, load } from "./infer.js"; globalThis.lab = { infer, load };`);
  const both = await size(
    `import { infer, load } from "./infer.js"; import { defineElement } from "./element.js"; globalThis.lab = { infer, load }; defineElement();`,
  );
  console.log(`gzip, kB: { infer, load } ${alone.toFixed(1)}, with the element ${both.toFixed(1)}`);
  assert.ok(both - alone <= MOST_ADDED, `${both - alone}`);
  const { RetrodictPosterior } = await import(pathToFileURL(join(root, "dist/element.js")).href);
  assert.type(RetrodictPosterior, "function");
});

test("the page of the rod opens from a disk, computes what Node does, and takes data from sliders, text and address", async () => {
  const out = at("rod.html");
  const { status, err } = await retrodict(["page", "rod", "--out", out]);
  assert.is(status, 0, err);
  const { length } = readFileSync(out);
  console.log(`the page of the rod: ${(length / 1000).toFixed(0)} kB`);
  assert.ok(length <= MOST_PAGE, `${length}`);
  const map = await load("rod", { kernels: "plain" });
  const expected = async (y: number[]): Promise<string> =>
    JSON.stringify([...(await (await infer(map, y)).sample(1000, { seed: 0 }))]);
  const y = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];
  await withPage(root, { origin: pathToFileURL(out).href, path: `#data=${y}` }, async (open) => {
    const { page, errors } = open;
    const shows = async (data: number[]): Promise<void> => {
      const wanted = await expected(data);
      await until(page, `${drawsNow("posterior")} === ${JSON.stringify(wanted)}`);
    };
    await shows(y);
    assert.is(await page.locator("#sliders input").count(), 9);
    await page.fill("#data", [...y].map((u) => u + 0.01).join(" "));
    await shows([...y].map((u) => u + 0.01));
    await page.focus("#sliders input");
    await page.keyboard.press("ArrowLeft");
    const moved = await until<string>(page, "/^#data=/.test(location.hash) && location.hash.slice(6)");
    await shows(moved.split(",").map(Number));
    await page.fill("#data", "1, 2");
    await until(page, "/expected 9 numbers, got 2/.test(document.getElementById('said').textContent)");
    assert.match(String(await page.textContent("main")), /Can it be believed\?.*accurate/s);
    await checkAccess(open);
    assert.equal(errors, []);
  });
  const bad = await retrodict(["page", "rod", "--out", at("rod.txt")]);
  assert.is(bad.status, 2);
  assert.match(bad.err, /--out: expected a name that ends in \.html/);
});

test.run();
