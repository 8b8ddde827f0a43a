// slow (20 s): twenty-five processes of the command line
/** What a module of a problem may do to the command line, and what may happen to its outputs. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { defineProblem } from "../src/problem/define.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { train } from "../src/train/train.ts";
import { VERSION } from "../src/version.ts";
import { libraryUrl, retrodict, temporary, tiny } from "./helpers/cli.ts";
import { rejection, small } from "./helpers/maps.ts";
import { root, runCode } from "./helpers/processes.ts";

const { at, write, remove } = temporary("retrodict-guard-");
test.after(remove);

/** A module of a problem with a simulator of one parameter and one number; `names` go into the problem. */
const moduleOf = (name: string, code: string, names = ""): string =>
  write(
    `${name}.mjs`,
    `import { defineProblem, gaussianNoise, normal } from "${libraryUrl("index.js")}";
const pairs = (rows) => rows.map(([a]) => [a]);
${code}
export default defineProblem({
  name: "guarded", prior: normal(0, 1), data: 1, noise: gaussianNoise(0.1), simulate, ${names}
});`,
  );
const quick = ["--simulations", "64", "--held-out", "16", "--steps", "5", "--guide", "gaussian"];
const trainOn = (module: string, ...more: string[]) =>
  retrodict(["train", module, "--out", at("model"), "--json", ...quick, ...more]);

const unsettled = /awaits a promise that never settles$/;
const exited = /the module of the problem ended the process, by exit\(\d+\)$/;
const uncaught = /^an error in a timer, an event or a promise that nothing awaits: .*oh/;
const failing: readonly [what: string, code: string, message: RegExp][] = [
  ["a simulate that never settles", "const simulate = () => new Promise(() => {});", unsettled],
  ["a module that never settles", "await new Promise(() => {}); const simulate = pairs;", unsettled],
  [
    "a simulate that settles at first only",
    "let n = 0; const simulate = (rows) => n++ ? new Promise(() => {}) : pairs(rows);",
    unsettled,
  ],
  ["a simulate that exits", "const simulate = () => process.exit(0);", exited],
  ["a module that exits", "process.exit(0); const simulate = pairs;", exited],
  ["a timer that exits", "setTimeout(() => process.exit(7), 1); const simulate = () => new Promise(() => {});", exited],
  [
    "a timer that throws",
    "setTimeout(() => { throw new Error('oh'); }, 1); const simulate = () => new Promise(() => {});",
    uncaught,
  ],
  [
    "an event that throws",
    "setImmediate(() => process.emit('oh')); process.on('oh', () => { throw new Error('oh'); }); const simulate = () => new Promise(() => {});",
    uncaught,
  ],
  ["a promise that nothing awaits", "Promise.reject(new Error('oh')); const simulate = pairs;", uncaught],
  [
    "a simulate that rejects with undefined",
    "const simulate = () => Promise.reject();",
    /θ = .*got undefined, which is no Error$/,
  ],
  ["a simulate that throws a string", "const simulate = () => { throw 'oh'; };", /θ = .*got "oh", which is no Error$/],
  [
    "a simulate that rejects with null",
    "const simulate = () => Promise.reject(null);",
    /θ = .*got null, which is no Error$/,
  ],
  [
    "a module that throws nothing",
    "const simulate = pairs; throw undefined;",
    /cannot run .*: undefined, which is no Error$/,
  ],
];
for (const [n, [what, code, message]] of failing.entries()) {
  test(`${what} ends with status 1 and one JSON object that says so`, async () => {
    const { status, out, err } = await trainOn(moduleOf(`failing${n}`, code));
    assert.is(status, 1, err);
    assert.match(JSON.parse(out).error, message);
    assert.match(err, /^retrodict: [^\n]+\n$/m);
  });
}

test("a module that leaves a timer behind does not keep the command from ending", async () => {
  const { status, out, err } = await trainOn(moduleOf("stays", "setInterval(() => {}, 1000); const simulate = pairs;"));
  assert.is(status, 0, err);
  assert.is(JSON.parse(out).training.steps, 5);
});

test("a module that never settles although a timer runs is given up after its time", async () => {
  const preload = write(
    "preload.mjs",
    "const wait = setTimeout; globalThis.setTimeout = (f, ms, ...rest) => wait(f, ms === 300_000 ? 300 : ms, ...rest);",
  );
  const module = moduleOf("waits", "setInterval(() => {}, 1000); await new Promise(() => {}); const simulate = pairs;");
  const { status, out, err } = await retrodict(["train", module, "--out", at("waits"), "--json"], "", {
    env: { NODE_OPTIONS: `--import ${pathToFileURL(preload)}` },
  });
  assert.is(status, 1, err);
  assert.match(JSON.parse(out).error, /waits\.mjs": expected it to load within 300 s; do long work in simulate\(\)$/);
});

test("what a module prints goes to standard error under --json, and the result alone to standard output", async () => {
  const code = `import { stdout } from "node:process";
console.log("one"); process.stdout.write("two\\n"); stdout.write("three\\n");
const simulate = (rows) => { console.info("four"); return pairs(rows); };`;
  const module = moduleOf("prints", code);
  const { status, out, err } = await trainOn(module);
  assert.is(status, 0, err);
  assert.is(JSON.parse(out).problem, "guarded");
  for (const word of ["one", "two", "three", "four"]) assert.match(err, word);
  const infer = await retrodict(["infer", at("model"), "--data", "-", "--problem", module, "--json"], "0.5\n");
  assert.is(infer.status, 0, infer.err);
  assert.is(JSON.parse(infer.out).observations.length, 1);
});

test("help and version are one JSON object under --json, and text without", async () => {
  for (const args of [["--help"], ["train", "--help"], ["help", "infer"], ["-h"]]) {
    const { status, out, err } = await retrodict([...args, "--json"]);
    assert.equal([status, err], [0, ""]);
    assert.match(JSON.parse(out).help, /^Usage: retrodict/);
    assert.is((await retrodict(args)).out, `${JSON.parse(out).help}\n`);
  }
  const { status, out } = await retrodict(["--version", "--json"]);
  assert.equal([status, JSON.parse(out)], [0, { version: VERSION }]);
  const none = await retrodict(["--json"]);
  assert.equal([none.status, Object.keys(JSON.parse(none.out))], [2, ["error"]]);
});

test("control characters in names are shown, not obeyed, in tables, notes, errors and JSON", async () => {
  const bad = "\\u001b[31m\\u009b2J\\u202e";
  const names = `name: "p${bad}", parameters: ["a${bad}\\nb"]`;
  const module = moduleOf("escapes", "const simulate = pairs;", names);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const control = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/;
  const ended = [
    await trainOn(module),
    await retrodict(["infer", at("model"), "--data", "-"], "0.5\n"),
    await retrodict(["infer", at("model"), "--data", "-", "--correct", "psis"], "0.5\n"),
    await retrodict(["train", "\u001b[31m\u009b2J.mjs", "--out", at("none"), "--json"]),
  ];
  for (const { out, err } of ended) assert.not.match(out + err, control);
  assert.match(ended[0].err, /^p\\u001b\[31m\\u009b2J\\u202e: 1 parameters/m);
  assert.is(JSON.parse(ended[0].out).problem, "p\u001b[31m\u009b2J\u202e");
  assert.match(ended[1].out, /^a\\u001b\[31m\\u009b2J\\u202e\\nb +-?\d/m);
});

for (const [what, close] of [
  ["closed", (child: ReturnType<typeof spawn>) => child.stderr?.destroy()],
  [
    "closed after its first line",
    (child: ReturnType<typeof spawn>) => child.stderr?.once("data", () => child.stderr?.destroy()),
  ],
] as const) {
  test(`a training whose standard error is ${what} goes on and is saved`, async () => {
    const child = spawn(process.execPath, [join(root, "dist/cli.js"), ...tiny, "--out", at(what)]);
    close(child);
    child.stdout.resume();
    const status = await new Promise((ended) => child.on("close", ended));
    assert.is(status, 0);
    assert.ok(fs.statSync(at(what)).size > 1000);
  });
}

test("a full standard error does not end a training, and a full standard output is an error", async () => {
  if (!fs.existsSync("/dev/full")) return console.log("SKIP no /dev/full");
  for (const [fd, status] of [
    [2, 0],
    [1, 1],
  ] as const) {
    const full = fs.openSync("/dev/full", "w");
    const stdio = ["ignore", "pipe", "pipe"] as ("ignore" | "pipe" | number)[];
    stdio[fd] = full;
    const child = spawn(process.execPath, [join(root, "dist/cli.js"), ...tiny, "--out", at(`full${fd}`), "--json"], {
      stdio,
    });
    fs.closeSync(full);
    let err = "";
    child.stderr?.on("data", (text) => (err += text));
    child.stdout?.resume();
    assert.is(await new Promise((ended) => child.on("close", ended)), status);
    assert.ok(fs.statSync(at(`full${fd}`)).size > 1000);
    if (fd === 1) assert.match(err, /retrodict: cannot write standard output: ENOSPC/);
  }
});

const base = { guide: "gaussian", steps: 60, batch: 32, heldOut: 64, seed: 3, kernels: "plain" } as const;
const rejecting = async (): Promise<never> => {
  throw new Error("no network");
};

test("a listener that returns a rejected promise ends the work with an error of the library's own", async () => {
  const outside = defineProblem({
    ...{ name: "outside", prior: normal(0, 1), data: 1, noise: gaussianNoise(0.1) },
    simulate: { run: (rows) => rows.map(([a]) => [a]), batch: 10 },
  });
  const error = async (work: Promise<unknown>): Promise<string> => (await rejection(work)).message;
  const got = (name: string, reason: string): string =>
    `expected ${name} to succeed, got a rejected promise: ${reason}`;
  const { warn } = console;
  const warned: string[] = [];
  console.warn = (text: string) => void warned.push(text);
  try {
    assert.is(
      await error(train(small, { ...base, onProgress: rejecting })),
      `train: ${got("onProgress", "no network")}`,
    );
    const throwing = (): never => {
      throw undefined;
    };
    assert.is(await error(train(small, { ...base, onProgress: throwing })), "undefined, which is no Error");
    const onSimulate = () => Promise.reject(undefined);
    assert.is(
      await error(simulate(outside, 400, { onSimulate })),
      `simulate: ${got("onSimulate", "undefined, which is no Error")}`,
    );
    assert.is(
      await error(train(outside, { ...base, bank: 400, onSimulate })),
      `train: ${got("onSimulate", "undefined, which is no Error")}`,
    );
    assert.ok(warned.length >= 3 && warned.every((text) => text.includes("got a rejected promise")));
  } finally {
    console.warn = warn;
  }
});

test("a rejection after the last event is told, and does not end the program", () => {
  const { status, out, err } = runCode(`import { train } from "retrodict"; import { banana } from "retrodict/problems";
    const onProgress = ({ step }) => step === 5 ? Promise.reject(new Error("late")) : undefined;
    const map = await train(banana, { guide: "gaussian", steps: 5, batch: 8, heldOut: 16, onProgress });
    await new Promise((f) => setTimeout(f, 50));
    console.log(map.spec.training.steps);`);
  assert.equal([status, out], [0, "5\n"]);
  assert.match(err, "train: expected onProgress to succeed, got a rejected promise: late");
});

test.run();
