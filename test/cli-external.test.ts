// slow (10 s): thirty processes of the command line
/** The command line with simulators and pairs from elsewhere: files, a bank on disk, and the example as its users run it. */
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { simulate } from "../src/simulate/simulate.ts";
import { decodeModel } from "../src/store/model-file.ts";
import { encodeNpy } from "../src/store/npy.ts";
import { load } from "../src/store/store.ts";
import { libraryUrl, retrodict, temporary } from "./helpers/cli.ts";
import { small } from "./helpers/maps.ts";

const { at, write, remove } = temporary("retrodict-cli-external-");
test.after(remove);
const weightsOf = async (path: string): Promise<string> => {
  const { tensors } = await decodeModel(fs.readFileSync(path));
  return Object.keys(tensors)
    .sort()
    .map((name) => Buffer.from(tensors[name].data.buffer).toString("base64"))
    .join();
};

/** A problem that is known from pairs alone: four lines. */
const alone = write(
  "alone.mjs",
  `import { defineProblem, gaussianNoise, normal } from "${libraryUrl("index.js")}";
export default defineProblem({
  name: "alone", prior: normal([0.5, -1], [1, 2]), data: 3, noise: gaussianNoise([0.3, 0.5, 0.4]),
});`,
);
const { theta, clean, noisy } = await simulate(small, 300, { kernels: "plain" });
const thetaFile = write("theta.npy", encodeNpy(theta, [300, 2]));
const yFile = write("y.npy", encodeNpy(clean, [300, 3]));
const quick = ["--guide", "gaussian", "--steps", "20", "--batch", "32", "--kernels", "plain"];

test("a model trained through a surrogate is corrected from its file and the problem, whose simulator alone is needed", async () => {
  const problem = write(
    "line.mjs",
    `import { defineProblem, gaussianNoise, normal } from "${libraryUrl("index.js")}";
export default defineProblem({
  name: "line", prior: normal([0, 0], 1), data: 2, noise: gaussianNoise(0.5),
  simulate: (thetas) => thetas.map(([a, b]) => [a + b, a - b]),
});`,
  );
  const model = at("line.safetensors");
  const trained = await retrodict([
    ...["train", problem, "--out", model, "--surrogate", "--surrogate-steps", "200", "--guide", "gaussian"],
    ...["--steps", "300", "--batch", "64", "--kernels", "plain"],
  ]);
  assert.is(trained.status, 0, trained.err);
  const infer = ["infer", model, "--data", "-", "--correct", "psis", "--json"];
  const { status, out, err } = await retrodict([...infer, "--problem", problem], "1,0.5\n");
  assert.is(status, 0, err);
  const [{ mean, sd, correction }] = JSON.parse(out).observations;
  // (a + b, a − b) is √2 times a rotation: each parameter has precision 1 + 2/0.25, and mean 8/9 of what solves for y.
  const want = [(8 / 9) * 0.75, (8 / 9) * 0.25];
  assert.is(correction.method, "psis");
  for (const d of [0, 1]) {
    assert.ok(Math.abs(mean[d] - want[d]) < 4.5 / 3 / Math.sqrt(correction.ess), `${mean} for ${want}`);
    assert.ok(Math.abs(sd[d] - 1 / 3) < 4.5 / 3 / Math.sqrt(correction.ess), `${sd}`);
  }
  const none = await retrodict(infer, "1,0.5\n");
  assert.is(none.status, 1);
  assert.match(none.err, /--correct: expected --problem FILE, the module of "line"/);
});

test("pairs from two files train a problem that has no simulator", async () => {
  const model = at("alone.safetensors");
  const args = ["train", alone, "--bank", thetaFile, yFile, "--held-out", "25", "--out", model, "--json", ...quick];
  const { status, out, err } = await retrodict(args);
  assert.is(status, 0, err);
  assert.match(err, "275 pairs to train on, 25 held out");
  assert.is(JSON.parse(out).training.simulations, 275);
  const answer = await retrodict(["infer", model, "--data", "-", "--json"], "0.4,-1,0.1\n");
  assert.is(answer.status, 0, answer.err);
  assert.is(JSON.parse(answer.out).observations[0].mean.length, 2);
  const measured = write("noisy.npy", encodeNpy(noisy, [300, 3]));
  const other = at("included.safetensors");
  const included = [
    "train",
    alone,
    "--bank",
    thetaFile,
    measured,
    "--bank-noise",
    "included",
    "--out",
    other,
    ...quick,
  ];
  assert.is((await retrodict(included)).status, 0);
  assert.is.not(await weightsOf(other), await weightsOf(model));
});

test("pairs that do not look drawn from the prior are warned of", async () => {
  const shifted = write(
    "shifted.npy",
    encodeNpy(
      theta.map((x) => x + 3),
      [300, 2],
    ),
  );
  const args = ["train", alone, "--bank", shifted, yFile, "--out", at("shifted.safetensors"), "--quiet", ...quick];
  const { status, err } = await retrodict(args);
  assert.is(status, 0, err);
  assert.match(err, /^retrodict: warning: the pairs do not look drawn from the prior: θ1 has mean 3\.\d+/);
});

/** A simulator of 5 rows a call, which presses Ctrl-C at the call that INTERRUPT numbers. */
const slow = write(
  "slow.mjs",
  `import { defineProblem, gaussianNoise, normal } from "${libraryUrl("index.js")}";
let calls = 0;
const run = async (theta) => {
  if (++calls === Number(process.env.INTERRUPT)) process.kill(process.pid, "SIGINT");
  await new Promise(setImmediate);
  return theta.map(([a, b]) => [a, a + b]);
};
export default defineProblem({
  name: "slow", prior: normal([0, 0], 1), data: 2, noise: gaussianNoise(0.5), simulate: { run, batch: 5, concurrency: 2 },
});`,
);

test("Ctrl-C while simulating keeps the simulations, and the same command continues to the same weights", async () => {
  const bank = at("slow.bank");
  const sizes = ["--simulations", "500", "--held-out", "50", ...quick];
  const args = ["train", slow, "--out", at("slow.safetensors"), "--bank-file", bank, ...sizes];
  const cut = await retrodict(args, "", { env: { INTERRUPT: "40" } });
  assert.is(cut.status, 1, cut.err);
  const done = Number(
    /simulate: stopped at (\d+) of 550 simulations; they are kept in ".*slow.bank"/.exec(cut.err)?.[1],
  );
  assert.ok(done >= 150 && done < 550 && done % 5 === 0, cut.err);
  assert.not(fs.existsSync(at("slow.safetensors")));
  const before = fs.statSync(bank).size;
  const rest = await retrodict(args);
  assert.is(rest.status, 0, rest.err);
  assert.ok(fs.statSync(bank).size > before);
  const whole = await retrodict(["train", slow, "--out", at("whole.safetensors"), ...sizes]);
  assert.is(whole.status, 0, whole.err);
  assert.is(await weightsOf(at("slow.safetensors")), await weightsOf(at("whole.safetensors")));
  const other = await retrodict([...args, "--seed", "9", "--quiet"]);
  assert.is(other.status, 1);
  assert.match(other.err, /^retrodict: ".*slow.bank": expected simulations with seed 9, got a bank with seed 0/);
});

const out = ["--out", at("never.safetensors")];
const cases: readonly [what: string, args: readonly string[], status: number, message: RegExp][] = [
  [
    "one file of two",
    ["train", alone, "--bank", thetaFile, ...out],
    2,
    /--bank: expected two files, THETA and Y, got 1/,
  ],
  [
    "PROBLEM after the files",
    ["train", ...out, "--bank", thetaFile, yFile, alone],
    2,
    /two files.*PROBLEM before --bank/,
  ],
  ["no files for a problem of pairs", ["train", alone, ...out], 2, /--bank: .*"alone" has no simulator; got none/],
  ["noise of no bank", ["train", slow, "--bank-noise", "add", ...out], 2, /--bank-noise: expected --bank THETA Y/],
  ["an unknown noise", ["train", alone, "--bank", thetaFile, yFile, "--bank-noise", "x", ...out], 2, /'x' is invalid/],
  [
    "the ELBO on pairs",
    ["train", alone, "--bank", thetaFile, yFile, "--objective", "elbo", ...out],
    2,
    /--objective: expected npe.*got elbo/,
  ],
  [
    "pairs and a number of simulations",
    ["train", slow, "--bank", thetaFile, yFile, "--simulations", "9", ...out],
    2,
    /--simulations: expected no --bank/,
  ],
  [
    "a bank file of a forward model",
    ["train", "arm", "--bank-file", at("x"), ...out],
    2,
    /--bank-file: .*"arm", which has none/,
  ],
  ["no simulations", ["train", slow, "--simulations", "0", ...out], 2, /--simulations.*'0' is invalid/],
  [
    "a file that is not there",
    ["train", alone, "--bank", thetaFile, at("none"), ...out],
    1,
    /cannot read ".*none": no such/,
  ],
  [
    "files the wrong way round",
    ["train", alone, "--bank", yFile, thetaFile, ...out],
    1,
    /y.npy, row 1: expected 2 parameters, got 3/,
  ],
];
for (const [what, args, status, message] of cases) {
  test(`${what} ends with status ${status} and one line that says so`, async () => {
    const ended = await retrodict(args);
    assert.is(ended.status, status, ended.err);
    assert.is(ended.out, "");
    assert.match(ended.err, /^retrodict: [^\n]+\n$/);
    assert.match(ended.err, message);
    assert.not(fs.existsSync(at("never.safetensors")));
  });
}

const example = ["train", "examples/external.js", "--simulations", "300", "--held-out", "40", ...quick];

test("the example of a simulator trains from its file, and prints its rates with units", async () => {
  const model = at("epidemic.safetensors");
  const bank = at("epidemic.bank");
  const first = await retrodict([...example, "--out", model, "--bank-file", bank, "--json"]);
  assert.is(first.status, 0, first.err);
  assert.is(JSON.parse(first.out).training.simulations, 300);
  const { spec } = await load(model);
  assert.equal(spec.parameters[0], { name: "contact rate", unit: "1/d" });
  const { mtimeMs } = fs.statSync(bank);
  const again = await retrodict([...example, "--out", model, "--bank-file", bank, "--steps", "25"]);
  assert.is(again.status, 0, again.err);
  assert.is(fs.statSync(bank).mtimeMs, mtimeMs, "simulated once");
});

test("the example trains on a UM-Bridge server, if one is given", async () => {
  let evaluations = 0;
  const answers: Readonly<Record<string, (body: { input: number[][] }) => object>> = {
    "/Info": () => ({ protocolVersion: 1.0, models: ["epidemic"] }),
    "/ModelInfo": () => ({ support: { Evaluate: true } }),
    "/InputSizes": () => ({ inputSizes: [2] }),
    "/OutputSizes": () => ({ outputSizes: [14] }),
    "/Evaluate": ({ input: [[beta, gamma]] }) => {
      evaluations++;
      return { output: [Array.from({ length: 14 }, (_, day) => 0.01 * Math.exp(Math.min(3, (beta - gamma) * day)))] };
    },
  };
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (part) => (text += part));
    request.on("end", () => response.end(JSON.stringify(answers[request.url ?? ""](JSON.parse(text || "{}")))));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = [...example, "--out", at("served.safetensors")];
    const { status, err } = await retrodict(args, "", { env: { UMBRIDGE_URL: url } });
    assert.is(status, 0, err);
    assert.is(evaluations, 340);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test.run();
