// slow (12 s): the package in three hosts, and bundled
// The package in other places: a folder with an odd name, another server, a bundle, and loaded by `require`.
import { spawn } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { infer, load } from "../src/index.ts";
import { installPackage, root, run } from "./helpers/package.ts";
import { serve } from "./helpers/server.ts";

const newerNode = join(root, "node_modules/node-current/bin/node");
const deno = join(root, "node_modules/.bin/deno");
const { folder, path: installed, remove } = installPackage();
test.after(remove);

const DATUM = "[1.6, 0.3]";
const expected = async (): Promise<string> => {
  const { mean } = await infer(await load("arm", { kernels: "plain" }), JSON.parse(DATUM));
  return JSON.stringify([...mean]);
};
const asks = (from: string): string => `import { infer, load } from ${JSON.stringify(from)};
const { mean } = await infer(await load("arm", { kernels: "plain" }), ${DATUM});
console.log(JSON.stringify([...mean]));
`;
/** Trains by workers: what ran is told, and why it is less than what was asked for. */
const trains = (
  from: string,
  problems: string,
  folders: object = {},
): string => `import { setFolders, train } from "${from}";
import { arm } from "${problems}";
setFolders(${JSON.stringify(folders)});
for (const more of [{ worker: true }, { threads: 2 }]) {
  const options = { preset: "fast", steps: 10, batch: 64, heldOut: 64, kernels: "plain", ...more };
  const { device, notice } = (await train(arm, options)).spec.training;
  console.log(device + (notice ?? ""));
}
`;
const TRAINED = "wasm plain\nwasm plain, 2 threads";

const hosts: readonly (readonly [string, string, readonly string[]])[] = [
  ["this Node", process.execPath, []],
  ["a newer Node", newerNode, []],
  ["Deno", deno, ["run", "-A", "--no-prompt"]],
];
for (const [name, program, args] of hosts) {
  test(`${name} imports it from a folder whose name has to be escaped, by a relative path`, async () => {
    if (!existsSync(program)) return console.log(`SKIP ${name} is not installed`);
    const odd = join(folder, "my lab #1 (50 %)");
    cpSync(installed, join(odd, "retrodict"), { recursive: true });
    writeFileSync(join(odd, "program.mjs"), asks("./retrodict/dist/index.js"));
    assert.is(run(odd, program, [...args, "program.mjs"]).trim(), await expected());
  });

  test(`${name} runs a bundle of it with kernels and models beside`, async () => {
    if (!existsSync(program)) return console.log(`SKIP ${name} is not installed`);
    writeFileSync(join(folder, "entry.mjs"), asks("retrodict"));
    const out = join(folder, "bundle/js");
    const entry = { entryPoints: ["entry.mjs"], outfile: join(out, "program.mjs") };
    await build({ absWorkingDir: folder, bundle: true, format: "esm", logLevel: "error", ...entry });
    copyFileSync(join(installed, "dist/kernels.wasm"), join(out, "kernels.wasm"));
    cpSync(join(installed, "models"), join(folder, "bundle/models"), { recursive: true });
    assert.is(run(out, program, [...args, "program.mjs"]).trim(), await expected());
  });

  test(`${name} runs a bundle of it that trains with workers, whose script is in the given folder`, async () => {
    if (!existsSync(program)) return console.log(`SKIP ${name} is not installed`);
    writeFileSync(join(folder, "trains.mjs"), trains("retrodict", "retrodict/problems", { worker: "a #1 (50 %)" }));
    const out = join(folder, "workers");
    mkdirSync(join(out, "a #1 (50 %)"), { recursive: true });
    const entry = { entryPoints: ["trains.mjs"], outfile: join(out, "program.mjs") };
    await build({ absWorkingDir: folder, bundle: true, format: "esm", logLevel: "error", ...entry });
    for (const file of ["kernels.wasm", "kernels-threads.wasm"])
      copyFileSync(join(installed, "dist", file), join(out, file));
    copyFileSync(join(installed, "dist/worker.js"), join(out, "a #1 (50 %)/worker.js"));
    assert.is(run(out, program, [...args, "program.mjs"]).trim(), TRAINED);
  });
}

test("Deno imports it from a server, which gives it kernels, models and workers too", async () => {
  if (!existsSync(deno)) return console.log("SKIP Deno is not installed");
  const cdn = await serve({ folder: installed });
  try {
    mkdirSync(join(folder, "far"), { recursive: true });
    writeFileSync(
      join(folder, "far/program.mjs"),
      asks(`${cdn.origin}/dist/index.js`) + trains(`${cdn.origin}/dist/index.js`, `${cdn.origin}/dist/problems.js`),
    );
    const env = { ...process.env, NO_COLOR: "1", DENO_DIR: join(folder, "deno") };
    const child = spawn(deno, ["run", "-A", "--no-prompt", "program.mjs"], { cwd: join(folder, "far"), env });
    let [out, told] = ["", ""];
    child.stdout.on("data", (text) => (out += text));
    child.stderr.on("data", (text) => (told += text));
    const status = await new Promise((resolve) => child.on("close", resolve));
    assert.is(status, 0, told);
    assert.is(out.trim(), `${await expected()}\n${TRAINED}`);
    for (const path of ["/dist/kernels.wasm", "/models/arm.safetensors", "/dist/worker.js"])
      assert.ok(cdn.asked.includes(path), `${path} of ${cdn.asked}`);
  } finally {
    await cdn.close();
  }
});

const entries = ["index", "infer", "ops", "problems", "priors", "dynamics", "fem", "diagnostics"];

test("no entry awaits at its top level: each can be made a CommonJS module", async () => {
  for (const name of entries) {
    const entryPoints = [join(installed, `dist/${name}.js`)];
    const logOverride = { "empty-import-meta": "silent" } as const;
    const { outputFiles } = await build({
      entryPoints,
      bundle: true,
      format: "cjs",
      write: false,
      logLevel: "silent",
      logOverride,
    });
    assert.ok(outputFiles[0].contents.length > 500, name);
  }
});

test("a newer Node requires each entry as if it were CommonJS", () => {
  if (!existsSync(newerNode)) return console.log("SKIP a newer Node is not installed");
  const names = entries.map((name) => (name === "index" ? "retrodict" : `retrodict/${name}`));
  const script = `for (const name of ${JSON.stringify(names)}) console.log(Object.keys(require(name)).length)`;
  writeFileSync(join(folder, "required.cjs"), script);
  const counts = run(folder, newerNode, ["required.cjs"]).trim().split("\n").map(Number);
  assert.is(counts.length, entries.length);
  assert.ok(
    counts.every((count) => count > 0),
    `${counts}`,
  );
});

test.run();
