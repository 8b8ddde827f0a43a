// slow (11 s): the package is made and runs in three hosts
// The package as users get it: the result of `npm pack`, unpacked in an empty folder and used from each host.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { shippedModels } from "../src/store/shipped.ts";
import { openPage } from "./helpers/browser.ts";
import { installPackage, root, run } from "./helpers/package.ts";

const newerNode = join(root, "node_modules/node-current/bin/node");
const deno = join(root, "node_modules/.bin/deno");

const PROGRAM = `
import { defineProblem, gaussianNoise, infer, load, normal, save, train, VERSION } from "retrodict";
import { add, columns, concat, cos, mul, sin } from "retrodict/ops";
import { problems } from "retrodict/problems";
import { rectangle } from "retrodict/fem";
import { c2st, klDivergence } from "retrodict/diagnostics";

const problem = defineProblem({
  name: "package",
  prior: normal([0, 0], [0.5, 1]),
  forward: (theta) => {
    const angle = columns(theta, [1]);
    return concat(add(columns(theta, [0]), sin(angle)), mul(cos(angle), 2));
  },
  noise: gaussianNoise(0.1),
});
const map = await train(problem, { guide: "spline", steps: 20, batch: 64, heldOut: 64, seed: 3, kernels: "plain" });
const file = process.argv[2];
await save(map, file);
const again = await load(file, { problem, kernels: "plain" });
const [before, after] = [await infer(map, [0.4, 1.7]), await infer(again, [0.4, 1.7])];
const draws = await after.sample(5, { seed: 7 });
const arm = await infer(await load("arm", { kernels: "plain" }), [1.6, 0.3]);
console.log(JSON.stringify({
  version: VERSION,
  problems: Object.keys(problems),
  cells: rectangle({ cells: 3 }).triangles.length / 3,
  arm: [...arm.mean],
  before: [...before.mean],
  after: [...after.mean],
  draws: [...draws],
  kl: (await klDivergence(before, (theta) => before.logProb(theta), { draws: 100 })).value,
  apart: (await c2st([1, 2, 3, 4, 5], [11, 12, 13, 14, 15], 1)).accuracy,
  logProb: [...(await after.logProb(draws))],
}));
`;

interface Answer {
  readonly version: string;
  readonly problems: readonly string[];
  readonly cells: number;
  /** Posterior mean of a shipped model. */
  readonly arm: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly draws: readonly number[];
  readonly logProb: readonly number[];
  readonly kl: number;
  readonly apart: number;
}

const { folder, path: installed, files: packed, remove } = installPackage();
writeFileSync(join(folder, "program.js"), PROGRAM);
test.after(remove);

test("the package depends on nothing and names files that are there", () => {
  const { dependencies, peerDependencies, peerDependenciesMeta, optionalDependencies, exports, bin } = JSON.parse(
    readFileSync(join(installed, "package.json"), "utf8"),
  );
  assert.equal({ ...dependencies, ...optionalDependencies }, {});
  assert.equal(Object.keys(peerDependencies), ["webgpu"]); // Node's WebGPU, for who wants it
  assert.equal(peerDependenciesMeta, { webgpu: { optional: true } });
  const named = [...Object.values(exports), ...Object.values(bin)].flatMap((entry) =>
    typeof entry === "string" ? [entry] : Object.values(entry as Record<string, string>),
  );
  assert.ok(named.length >= 7);
  for (const path of named) assert.ok(existsSync(join(installed, path)), `expected ${path}, got no such file`);
});

test("the package holds what runs, its types, docs, examples and licences, and nothing else", () => {
  const [code, declarations] = [/^dist\/[\w-]+\.js(\.map)?$/i, /^dist\/types\/(host-types|src\/[\w/.-]+)\.d\.ts$/];
  const single = ["package.json", "README.md", "LICENSE", "llms.txt", "dist/THIRD-PARTY.txt"];
  const kernels = ["", "-relaxed", "-threads", "-relaxed-threads"].map((build) => `dist/kernels${build}.wasm`);
  const models = shippedModels.map((name) => `models/${name}.safetensors`);
  for (const path of [...single, ...kernels, ...models, "dist/worker.js"])
    assert.ok(packed.includes(path), `expected ${path} in the package`);
  const known = [...single, ...kernels, ...models, "CHANGELOG.md", "CONTRIBUTING.md"];
  const pages =
    /^(docs\/([\w-]+\/)?[\w-]+\.md|docs\/images\/[\w-]+\.svg|examples\/([\w-]+\/)?[\w-]+\.(js|ts|html|geo|msh))$/;
  const odd = packed.filter(
    (path) => !known.includes(path) && ![code, declarations, pages].some((kind) => kind.test(path)),
  );
  assert.equal(odd, []);
});

/** Addresses of the links of a page in Markdown that are relative. */
const linksOf = (text: string): string[] =>
  [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, address]) => address);

test("llms.txt has the form of llmstxt.org, and links all pages, examples and types, which are in the package", () => {
  const text = readFileSync(join(installed, "llms.txt"), "utf8");
  assert.match(text, /^# Retrodict\n\n> .+\n\n/);
  const [, ...sections] = text.split(/^## .+\n\n/m);
  assert.ok(sections.length >= 3);
  for (const line of sections.flatMap((section) => section.trim().split("\n")))
    assert.match(line, /^- \[[^\]]+\]\([^)]+\): \S/); // a link and what is there, on one line
  const links = linksOf(text);
  for (const path of links) assert.ok(packed.includes(path), `llms.txt: expected ${path} in the package`);
  const { exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  const types = Object.values<{ types?: string }>(exports).flatMap((entry) => entry.types?.replace("./", "") ?? []);
  for (const path of [...packed.filter((name) => /^(docs|examples)\/[\w-]+\.(md|js|ts)$/.test(name)), ...types])
    assert.ok(links.includes(path), `llms.txt: expected a link to ${path}`);
});

test("files that the README links are in the package", () => {
  const links = linksOf(readFileSync(join(installed, "README.md"), "utf8"));
  assert.ok(links.length > 5);
  for (const path of links) assert.ok(packed.includes(path), `README.md: expected ${path} in the package`);
});

test("THIRD-PARTY.txt has the licence text of every package that is bundled", () => {
  const notices = readFileSync(join(installed, "dist/THIRD-PARTY.txt"), "utf8").split(`\n${"-".repeat(80)}\n`);
  assert.ok(notices.length > 40);
  for (const notice of notices) {
    const [name] = notice.trim().split("\n");
    assert.match(name, /^[@\w./-]+ \d+\.\d+\.\d+\S* \([\w.-]+\)$/);
    assert.match(notice, /Copyright|contributed|licensed/i, name);
    assert.match(notice, /WITHOUT WARRANT(Y|IES)|"AS IS"/i, name); // every licence in use disclaims
    if (name.includes("(Apache-2.0)")) assert.match(notice, "END OF TERMS AND CONDITIONS", name);
  }
  assert.ok(notices.some((notice) => notice.trim().startsWith("valibot ")));
});

const UNCAUGHT: Readonly<Record<string, string>> = {
  "y: expected 2 numbers, got 3": `import { infer, load } from "retrodict"; await infer(await load("arm"), [1, 2, 3]);`,
  "load: ": `import { load } from "retrodict"; await load("nothing-here");`,
  "train: expected steps ": `import { train } from "retrodict"; import { arm } from "retrodict/problems"; await train(arm, { steps: 0 });`,
  "columns: ": `import { columns } from "retrodict/ops"; columns({ cols: 1 }, [-1]);`,
  "rectangle: ": `import { rectangle } from "retrodict/fem"; rectangle({ cells: 0 });`,
  "c2st: ": `import { c2st } from "retrodict/diagnostics"; await c2st([1, 2, 3], [], 1);`,
};

test("an uncaught error fits on one screen: its message is not lost below a line of code", () => {
  for (const [message, program] of Object.entries(UNCAUGHT)) {
    writeFileSync(join(folder, "uncaught.js"), program);
    const { status, stderr } = spawnSync(process.execPath, ["uncaught.js"], { cwd: folder, encoding: "utf8" });
    assert.is(status, 1);
    assert.match(stderr, `Error: ${message}`);
    assert.ok(stderr.length < 2000 && stderr.split("\n").length <= 25, stderr);
  }
});

test("source maps name the sources that errors come from", () => {
  writeFileSync(join(folder, "uncaught.js"), UNCAUGHT["y: expected 2 numbers, got 3"]);
  const options = { cwd: folder, encoding: "utf8" } as const;
  const { stderr } = spawnSync(process.execPath, ["--enable-source-maps", "uncaught.js"], options);
  assert.match(stderr, /expected \$\{M\} numbers[\s\S]*src[\w/]*\/problem\.ts:\d+:\d+/);
  for (const path of packed.filter((name) => name.endsWith(".map"))) {
    const map = JSON.parse(readFileSync(join(installed, path), "utf8"));
    for (const [i, source] of map.sources.entries()) {
      assert.match(source, /^\.\.\/(src|shaders|node_modules|package\.json)\b|^builtin:/, path);
      const isForeign = /node_modules/.test(source); // its text is left out
      assert.is(map.sourcesContent[i] === "// of another package", isForeign, `${path}: ${source}`);
    }
  }
});

/** Runs the program on a host and checks that the saved map answers as the one in memory. */
function tryOn(host: string, command: string, args: readonly string[] = []): Answer {
  const out = run(folder, command, [...args, "program.js", `${host}.safetensors`]);
  const answer = JSON.parse(out.slice(out.indexOf("{"))) as Answer;
  assert.equal(answer.after, answer.before);
  assert.is(answer.draws.length, 10);
  assert.ok([...answer.draws, ...answer.logProb].every(Number.isFinite));
  return answer;
}

test("it trains, saves, loads and infers in this Node", () => {
  const { version, problems, cells, kl, apart, arm } = tryOn("node", process.execPath);
  assert.is(version, JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version);
  assert.ok(problems.includes("arm"));
  assert.is(cells, 18);
  // The prior of the height is N(0, 0.25²), and the datum is no rare one.
  assert.ok(arm.length === 4 && Math.abs(arm[0]) < 0.5, `${arm}`);
  assert.is(kl, 0);
  assert.is(apart, 1);
});

test("it does the same, to the bit, in a newer Node", () => {
  if (!existsSync(newerNode)) return console.log("SKIP the package node-current is not installed");
  assert.equal(tryOn("newer", newerNode), tryOn("node", process.execPath));
});

test("it does the same, to the bit, in Deno", () => {
  if (!existsSync(deno)) return console.log("SKIP the package deno is not installed");
  assert.equal(tryOn("deno", deno, ["run", "-A"]), tryOn("node", process.execPath));
});

/** Trains on WebGPU, without one of the host's own (Deno), and prints by what, or why not. */
const ADAPTER = `
Object.defineProperty(globalThis, "navigator", { value: undefined });
const { defineProblem, gaussian, gaussianNoise, normal, train } = await import("retrodict");
const problem = defineProblem({ name: "small", prior: normal([0], [1]), forward: (theta) => theta, noise: gaussianNoise(1) });
const settings = { guide: gaussian({ hidden: [8] }), steps: 1, batch: 32, heldOut: 64, seed: 1, backend: "webgpu" };
console.log(await train(problem, settings).then(({ spec }) => spec.training.device, ({ message }) => message));
`;

test("Node and Deno find the package webgpu where it is installed, and say so where it is not", () => {
  writeFileSync(join(folder, "adapter.js"), ADAPTER);
  const hosts = { [process.execPath]: [], ...(existsSync(deno) && { [deno]: ["run", "-A"] }) };
  const tell = (host: string): string => run(folder, host, [...hosts[host], "adapter.js"]);
  for (const host of Object.keys(hosts))
    assert.match(tell(host), 'the package "webgpu" in Node, which is not installed');
  const link = join(folder, "node_modules/webgpu");
  symlinkSync(join(root, "node_modules/webgpu"), link, "junction");
  for (const host of Object.keys(hosts)) assert.match(tell(host), /^webgpu \w|this host has no adapter/);
  rmSync(link);
});

const PAGE = `<!doctype html><script type="importmap">
{ "imports": { "retrodict": "./node_modules/retrodict/dist/index.js" } }</script><script type="module">
import { infer, load } from "retrodict";
const answer = async () => [...(await infer(await load("arm", { kernels: "plain" }), [1.6, 0.3])).mean];
const elsewhere = (place) => load("rod", { models: place }).then(({ spec }) => spec.problem, (error) => error.message);
window.found = Promise.all([answer(), elsewhere("node_modules/retrodict/models"), elsewhere("nowhere")]);
</script>`;

test("a page finds the shipped models, and its posteriors have the same bits as in this Node", async () => {
  writeFileSync(join(folder, "index.html"), PAGE);
  const open = await openPage(folder);
  if (typeof open === "string") return console.log(`SKIP ${open}`);
  try {
    const found = await open.page.evaluate(() => (window as unknown as { found: Promise<unknown[]> }).found);
    const [arm, rod, lost] = found as [number[], string, string];
    assert.equal(arm, tryOn("node", process.execPath).arm);
    assert.is(rod, "rod");
    assert.match(
      lost,
      `load: expected a model at ${open.origin}/nowhere/rod.safetensors, got HTTP 404; copy the folder`,
    );
  } finally {
    await open.close();
  }
});

test("its command infers with a model that ships with the package", () => {
  writeFileSync(join(folder, "data.csv"), "1.6,0.3\n");
  const cli = join(installed, "dist/cli.js");
  const out = run(folder, process.execPath, [cli, "infer", "arm", "--data", "data.csv", "--json"]);
  assert.is(JSON.parse(out).observations[0].mean.length, 4);
});

test("its command lists the problems", () => {
  const out = run(folder, process.execPath, [join(installed, "dist/cli.js"), "problems"]);
  assert.match(out, /^arm +4 +2 /m);
  if (process.platform !== "win32") assert.ok(statSync(join(installed, "dist/cli.js")).mode & 0o100);
});

test.run();
