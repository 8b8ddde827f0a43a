// slow (22 s): seventy processes of the command line
/** The command line as a process: its exit status, its two outputs, and the files that it writes. */
import * as fs from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mixture } from "../src/guides/mixture.ts";
import { parseCsv } from "../src/store/csv.ts";
import { decodeModel } from "../src/store/model-file.ts";
import { VERSION } from "../src/version.ts";
import { INTERRUPTS, libraryUrl, retrodict, temporary, tiny, tinyModel } from "./helpers/cli.ts";

const { at, write, remove } = temporary("retrodict-cli-");
test.after(remove);
const { model, trainTiny } = tinyModel(at);

test("problems are listed by name with their sizes", async () => {
  const { status, out, err } = await retrodict(["problems"]);
  assert.is(status, 0, err);
  assert.match(out, /^name +D +M +guides +presets +description\n/);
  assert.match(out, /^banana +2 +1 +.*gaussian.* fast default +/m);
  assert.match(out, /^arm +4 +2 +.* fast default paper +/m);
});

test("--surrogate trains through a network that is fitted first, and tells its error", async () => {
  const { status, out, err } = await retrodict([
    ...[...tiny, "--surrogate", "--surrogate-steps", "100"],
    ...["--out", at("by-surrogate"), "--json"],
  ]);
  assert.is(status, 0, err);
  assert.match(err, /^banana: fitting a surrogate$/m);
  assert.match(err, /^surrogate: rms error [\d.]+ noise sd, 99 % of errors within .* on 2048 held-out simulations$/m);
  assert.match(err, /^banana-surrogate: 2 parameters, 1 data; .* 20 steps of 64$/m);
  const { problem, surrogate } = JSON.parse(out);
  assert.equal([problem, surrogate.of], ["banana-surrogate", "banana"]);
  assert.ok(surrogate.error.rms > 0.1 && surrogate.error.rms < 2, `${surrogate.error.rms}`); // after so few steps
  assert.match(surrogate.warning, /^the surrogate of "banana" has an rms error of/);
  assert.match(err, /^retrodict: warning: the surrogate of "banana" has an rms error of .* more steps \(100\)/m);
  const none = await retrodict([...tiny, "--surrogate-steps", "9", "--out", at("by-none")]);
  assert.is(none.status, 2);
  assert.match(none.err, /--surrogate-steps: expected --surrogate/);
});

test("with --json every command prints one object on standard output", async () => {
  const { status, out, err } = await retrodict(["problems", "--json"]);
  assert.is(status, 0, err);
  assert.is(out.trimEnd().split("\n").length, 1);
  const { problems } = JSON.parse(out);
  assert.is(problems.find((p: { name: string }) => p.name === "arm").D, 4);
});

test("training writes a model file and tells its record as JSON, progress apart", async () => {
  const { status, out, err } = await trainTiny();
  assert.is(status, 0, err);
  const record = JSON.parse(out);
  assert.is(record.model, model);
  assert.is(record.training.steps, 20);
  assert.is(record.training.seed, 3);
  assert.match(err, "banana: 2 parameters, 1 data");
  const { spec } = await decodeModel(fs.readFileSync(model));
  assert.equal(spec.training, record.training);
});

test("a mixture is asked for by --guide, and its model infers", async () => {
  const path = at("mixture.safetensors");
  const train = await retrodict([...tiny, "--guide", "mixture", "--out", path, "--json"]);
  assert.is(train.status, 0, train.err);
  assert.equal(JSON.parse(train.out).guide, { name: "mixture", options: mixture().options });
  const infer = await retrodict(["infer", path, "--data", "-", "--json"], "0.5\n");
  assert.is(infer.status, 0, infer.err);
  assert.match(infer.out, /"mean":\[-?[\d.]+,-?[\d.]+\]/);
});

test("a model is refined for one observation, and refuses others", async () => {
  await trainTiny();
  const out = at("refined.safetensors");
  const few = ["--simulations", "200", "--rounds", "1", "--steps", "50", "--cases", "0"];
  const made = await retrodict(["refine", model, "--data", "-", "--out", out, ...few, "--json"], "0.5\n");
  assert.is(made.status, 0, made.err);
  const { rounds, mean, y } = JSON.parse(made.out);
  assert.equal([rounds.length, rounds[0].simulations, mean.length, y], [1, 200, 2, [0.5]]);
  assert.match(made.err, /^round 1: trained on 200 simulations in [\d.]+ % of the prior \(by prior\); /m);
  assert.is((await retrodict(["infer", out, "--data", "-"], "0.5\n")).status, 0);
  const other = await retrodict(["infer", out, "--data", "-"], "0.6\n");
  assert.is(other.status, 1);
  assert.match(other.err, /expected the observation that this map was refined for, got another/);
  const two = await retrodict(["refine", model, "--data", "-", "--out", out, ...few], "0.5\n0.6\n");
  assert.is(two.status, 2);
  assert.match(two.err, /--data: expected one observation, for which the model is refined, got 2/);
});

test("--quiet training prints its warnings, here that it is short, and nothing else", async () => {
  const { status, out, err } = await retrodict([...tiny, "--out", at("quiet.safetensors"), "--quiet"]);
  assert.equal({ status, out }, { status: 0, out: "" });
  assert.match(err, /^retrodict: warning: 20 steps [^\n]+\n$/);
});

test("an interrupted training that is resumed ends with the weights of an uninterrupted one", async () => {
  const options = ["--guide", "gaussian", "--steps", "2000", "--batch", "64", "--kernels", "plain"];
  const module = write(
    "interrupted.mjs",
    moduleOf(`export default problem; if (process.env.INTERRUPT) {${INTERRUPTS}}`),
  );
  const whole = await retrodict(["train", module, ...options, "--out", at("whole.safetensors"), "--quiet"]);
  assert.is(whole.status, 0, whole.err);
  const args = ["train", module, ...options, "--out", at("cut.safetensors")];
  const cut = await retrodict(args, "", { env: { INTERRUPT: "yes" } });
  assert.is(cut.status, 1, cut.err);
  const checkpoint = at("cut.checkpoint.safetensors");
  assert.match(cut.err, /retrodict: training: stopped at step \d+ of 2000; saved step \d+ to /);
  assert.ok(cut.err.includes(`continue with: retrodict ${args.join(" ")} --resume ${checkpoint}`), cut.err);
  assert.not(fs.existsSync(at("cut.safetensors")));

  const other = await retrodict([...args, "--resume", checkpoint, "--rate", "0.5", "--quiet"]);
  assert.is(other.status, 1);
  assert.match(other.err, /^retrodict: .*resume: expected .*rate.* 0\.5/);

  const resumed = await retrodict([...args, "--resume", checkpoint]);
  assert.is(resumed.status, 0, resumed.err);
  assert.match(resumed.err, /from step \d+/);
  const read = (name: string) => decodeModel(fs.readFileSync(at(`${name}.safetensors`)));
  const [a, b] = [await read("whole"), await read("cut")];
  assert.equal(Object.keys(b.tensors), Object.keys(a.tensors));
  // Compared as bytes: a difference would be printed number by number.
  const same = (name: string): boolean =>
    Buffer.from(b.tensors[name].data.buffer).equals(Buffer.from(a.tensors[name].data.buffer));
  for (const name of Object.keys(a.tensors)) assert.ok(same(name), `${name} differs`);
  assert.equal(b.spec.training.heldOut, a.spec.training.heldOut);
});

test("inference prints a table for each observation", async () => {
  await trainTiny();
  const { status, out, err } = await retrodict(["infer", model, "--data", "-"], "y\n0.5\n1.25\n");
  assert.is(status, 0, err);
  const lines = out.split("\n");
  assert.is(lines[0], "observation 1");
  assert.match(lines[1], /^parameter +mean +sd +5 % +95 %$/);
  assert.match(lines[2], /^θ1 +-?[\d.]+ +[\d.]+ +-?[\d.]+ +-?[\d.]+$/);
  assert.is(lines[5], "observation 2");
});

test("every command that computes takes the options of where, and reports it; results do not depend on the number of threads", async () => {
  await trainTiny();
  const asked = async (args: readonly string[]): Promise<Record<string, unknown>> => {
    const { status, out, err } = await retrodict([...args, "--json", "--kernels", "plain"], "0.5\n");
    assert.is(status, 0, err);
    return JSON.parse(out);
  };
  const evaluating = ["evaluate", model, "--cases", "2", "--calibration", "20", "--against", "none"];
  for (const args of [["infer", model, "--data", "-", "--correct", "psis"], evaluating]) {
    const [one, two] = [await asked(args), await asked([...args, "--threads", "2", "--backend", "wasm"])];
    assert.equal([one.device, two.device], ["wasm plain", "wasm plain, 2 threads"]);
    for (const key of ["ks", "calibration"]) assert.equal(two[key], one[key]);
    const means = [one, two].map(({ observations }) => (observations as { mean: number[] }[] | undefined)?.[0].mean);
    assert.equal(means[1], means[0]);
    const refused = await retrodict([...args, "--backend", "abacus"], "0.5\n");
    assert.is(refused.status, 2);
    assert.match(refused.err, /--backend.*'abacus' is invalid.*webgpu/);
  }
});

test("draws are written as NumPy, CSV and JSON with the same numbers", async () => {
  await trainTiny();
  const data = write("y.json", "[[0.5], [1.25]]");
  const shape = [2, 50, 2];
  const run = async (name: string): Promise<Buffer> => {
    const args = ["infer", model, "--data", data, "--samples", "50", "--seed", "5", "--out", at(name), "--json"];
    const { status, out, err } = await retrodict(args);
    assert.is(status, 0, err);
    const answer = JSON.parse(out);
    assert.equal(answer.shape, shape);
    assert.is(answer.observations.length, 2);
    for (const key of ["mean", "sd", "q05", "q95"]) assert.is(answer.observations[0][key].length, 2, key);
    return fs.readFileSync(at(name));
  };
  const npy = await run("draws.npy");
  assert.match(npy.subarray(0, 128).toString("latin1"), "'descr': '<f4', 'fortran_order': False, 'shape': (2, 50, 2)");
  const numbers = new Float32Array(new Uint8Array(npy.subarray(128)).buffer);
  assert.is(numbers.length, 200);
  assert.not.equal(numbers.subarray(0, 100), numbers.subarray(100));
  const { names, rows } = parseCsv((await run("draws.csv")).toString());
  assert.equal(names, ["observation", "draw", "θ1", "θ2"]);
  assert.equal([...rows[57].subarray(0, 2)], [2, 8]);
  assert.equal(Float32Array.from(rows.flatMap((row) => [...row.subarray(2)])), numbers);
  const json = JSON.parse((await run("draws.json")).toString());
  assert.equal(Float32Array.from(json.draws.flat(2)), numbers);
});

test("an observation far from all simulations causes a warning", async () => {
  await trainTiny();
  const { status, out, err } = await retrodict(["infer", model, "--data", "-", "--json", "--quiet"], "1000\n");
  assert.is(status, 0, err);
  assert.match(err, /^retrodict: warning: the observation is [\d.]+ times as far from the simulations/);
  assert.match(JSON.parse(out).observations[0].warning, "times as far");
});

const moduleOf = (end: string): string => `
import { defineProblem, gaussianNoise, normal } from "${libraryUrl("index.js")}";
import { square } from "${libraryUrl("ops.js")}";
const problem = defineProblem({
  name: "squares", parameters: [{ name: "depth", unit: "m" }, "slope"], prior: normal([0, 0], [1, 1]),
  forward: square, noise: gaussianNoise(0.1),
});
${end}`;

test("a module whose default export is a problem is trained on, and units are shown", async () => {
  const module = write("squares.mjs", moduleOf("export default problem;"));
  const out = at("squares.safetensors");
  const train = await retrodict(["train", module, "--out", out, "--steps", "5", "--guide", "gaussian"]);
  assert.is(train.status, 0, train.err);
  const infer = await retrodict(["infer", out, "--data", "-"], "[0.5, 1]");
  assert.is(infer.status, 0, infer.err);
  assert.match(infer.out, /^parameter +unit +mean/);
  assert.match(infer.out, /^depth +m +-?\d/m);
});

test("columns of observations are reordered by name, with a note, and other names are refused", async () => {
  const named = moduleOf("export default problem;").replace("forward:", 'data: ["u", "v"], forward:');
  const out = at("named.safetensors");
  const train = await retrodict([
    "train",
    write("named.mjs", named),
    "--out",
    out,
    "--steps",
    "5",
    "--guide",
    "gaussian",
  ]);
  assert.is(train.status, 0, train.err);
  const answers = ["u,v\n0.5,1\n", "v,u\n1,0.5\n", '"","v","u"\n"1",1,0.5\n', "0.5,1\n"].map((text) =>
    retrodict(["infer", out, "--data", "-", "--json"], text),
  );
  const [first, ...others] = await Promise.all(answers);
  assert.is(first.status, 0, first.err);
  assert.match(first.err, /the first line was taken for names: u, v/);
  for (const { out: answer } of others) assert.is(answer, first.out);
  assert.match(others[1].err, /retrodict: warning: the first column was taken for names of rows/);
  const refused = await retrodict(["infer", out, "--data", "-"], "u,w\n0.5,1\n");
  assert.is(refused.status, 1);
  assert.match(refused.err, /standard input: expected columns u, v in any order, got "w"/);
});

const module = (name: string, end: string): string => write(name, moduleOf(end));
const garbage = write("garbage.safetensors", "this is no model file");
const out = ["--out", at("never.safetensors")];
const cases: readonly [what: string, args: readonly string[], status: number, message: RegExp, input?: string][] = [
  ["an unknown command", ["frobnicate"], 2, /unknown command 'frobnicate'/],
  ["train without anything", ["train"], 2, /missing required argument 'PROBLEM'/],
  ["infer with options alone", ["infer", "--seed", "1"], 2, /missing required argument 'MODEL'/],
  ["train without --out", ["train", "arm"], 2, /required option '--out <FILE>' not specified/],
  ["an unknown option", ["problems", "--frobnicate"], 2, /unknown option '--frobnicate'/],
  ["an argument too many", ["problems", "arm"], 2, /too many arguments/],
  ["no output file", ["train", "banana"], 2, /required option '--out <FILE>' not specified/],
  ["an unknown problem", ["train", "bananas", ...out], 2, /expected one of .*banana.*, got "bananas"/],
  ["no steps", ["train", "banana", ...out, "--steps", "0"], 2, /--steps.*'0' is invalid.*from 1 to 100000000/],
  ["steps that are no number", ["train", "banana", ...out, "--steps", "1e3"], 2, /'1e3' is invalid/],
  ["a rate of 0", ["train", "banana", ...out, "--rate", "0"], 2, /above 0/],
  ["an unknown guide", ["train", "banana", ...out, "--guide", "oracle"], 2, /'oracle' is invalid.*gaussian/],
  ["an unknown preset", ["train", "arm", ...out, "--preset", "slow"], 2, /--preset: expected .*fast.*, got "slow"/],
  ["a folder that is not there", ["train", "banana", "--out", at("no/x")], 1, /cannot write ".*no\/x": no such/],
  ["a module that is not there", ["train", at("none.mjs"), ...out], 1, /cannot read ".*none\.mjs": no such file/],
  [
    "a module that fails",
    ["train", write("bad.mjs", "throw new Error('oh');"), ...out],
    1,
    /cannot run ".*bad.mjs": oh/,
  ],
  [
    "a module without a default",
    ["train", module("n.mjs", "export { problem };"), ...out],
    1,
    /got the problem "problem" as a named/,
  ],
  ["a module of another kind", ["train", write("k.mjs", "export default 1;"), ...out], 1, /a problem.*, got a number/],
  ["threads too many", ["infer", model, "--data", "-", "--threads", "9"], 2, /--threads.*from 1 to 8, or "auto"/],
  ["no data", ["infer", model], 2, /required option '--data <FILE>' not specified/],
  ["a model that is not there", ["infer", at("none"), "--data", "-"], 1, /cannot read ".*none": no such file/],
  [
    "a model that is none",
    ["infer", garbage, "--data", "-"],
    1,
    /".*garbage.*": safetensors: expected a safetensors file, as save\(\) writes it, got text/,
  ],
  ["data that are not there", ["infer", model, "--data", at("none")], 1, /cannot read ".*none": no such file/],
  [
    "data of another length",
    ["infer", model, "--data", "-"],
    1,
    /standard input: row 2: expected 1 numbers, got 2/,
    "1\n2,3",
  ],
  ["data that are no numbers", ["infer", model, "--data", "-"], 1, /row 1, column 1: expected a finite number/, "nan"],
  [
    "draws of an unknown kind",
    ["infer", model, "--data", "-", "--out", at("x.xls")],
    2,
    /\.npy, \.csv, \.json, \.arviz\.json, got/,
  ],
  ["samples without a file", ["infer", model, "--data", "-", "--samples", "9"], 2, /--samples: expected --out FILE/],
];
for (const [what, args, status, message, input] of cases) {
  test(`${what} ends with status ${status} and one line that says so`, async () => {
    await trainTiny();
    const ended = await retrodict(args, input);
    assert.is(ended.status, status, ended.err);
    assert.is(ended.out, "");
    assert.match(ended.err, /^retrodict: [^\n]+\n$/);
    assert.match(ended.err, message);
    assert.not(fs.existsSync(at("never.safetensors")));
  });
}

test("an error under --json is an object on standard output too", async () => {
  const { status, out } = await retrodict(["infer", at("none"), "--data", "-", "--json"]);
  assert.is(status, 1);
  assert.match(JSON.parse(out).error, "no such file");
});

test("a stack is shown when DEBUG asks for it, and only then", async () => {
  const stack = /\n {4}at /;
  const shown = await retrodict(["train", "x", ...out], "", { env: { DEBUG: "1" } });
  assert.is(shown.status, 2);
  assert.match(shown.err, stack);
  assert.not.match((await retrodict(["train", "x", ...out])).err, stack);
});

test("no command shows the help and is wrong usage; asking for help or the version is not", async () => {
  const none = await retrodict([]);
  assert.is(none.status, 2);
  assert.match(none.err, "Usage: retrodict");
  const help = await retrodict(["train", "--help"]);
  assert.is(help.status, 0);
  for (const option of ["preset", "guide", "objective", "steps", "seed", "backend", "resume", "json", "quiet"]) {
    assert.match(help.out, `--${option}`);
  }
  assert.equal(await retrodict(["--version"]), { status: 0, out: `${VERSION}\n`, err: "" });
});

test.run();
