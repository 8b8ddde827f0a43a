// slow (23 s): shipped models trained anew to their first loss, and evaluated
// The models that the package ships: they are found by name, equal the result of their training, and answer correctly.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ksFloor, ksPerParameter } from "../src/diagnostics/ks.ts";
import { infer } from "../src/infer/infer.ts";
import { arm, findProblem } from "../src/problems.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { decodeSafetensors } from "../src/store/safetensors.ts";
import { isModelName, shippedModel, shippedModels } from "../src/store/shipped.ts";
import { load } from "../src/store/store.ts";
import { TrainingStopped } from "../src/train/checkpoint.ts";
import { fullSettings } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { retrodict } from "./helpers/cli.ts";
import { bitsOf, rejection } from "./helpers/maps.ts";

const models = fileURLToPath(new URL("../models", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "shipped-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const kernels = "plain";

test("every file of the folder models is shipped under its name, and nothing else", () => {
  assert.equal(readdirSync(models).sort(), shippedModels.map((name) => `${name}.safetensors`).sort());
});

for (const name of shippedModels) {
  test(`"${name}" is loaded by its name, fits the built-in problem, and keeps what its evaluation found`, async () => {
    const problem = findProblem(name);
    const map = await load(name, { problem }); // refuses another forward model or prior
    assert.is((await load(name)).problem, null);
    const { spec } = map;
    assert.equal([spec.problem, spec.D, spec.M], [name, problem.D, problem.M]);
    assert.equal(spec.parameters, problem.parameters);
    const { steps, batch, objective, guide } = fullSettings(problem, { preset: "default" });
    assert.equal([spec.training.steps, spec.training.batch, spec.training.objective], [steps, batch, objective]);
    assert.is(spec.guide.name, guide.name);
    assert.match(spec.training.device, "plain");
    const { calibration } = spec;
    assert.ok(calibration && calibration.cases >= 100 && calibration.calibration.cases >= 1000);
    assert.is.not(calibration.verdict.level, "doubtful");
    assert.is(calibration.calibration.sbc.curves.length, problem.D);
  });
}

test("the weights of shipped models are in half precision, and their scalers are not", async () => {
  for (const name of shippedModels) {
    const { trained } = await load(name);
    const { tensors } = decodeSafetensors(new Uint8Array(readFileSync(join(models, `${name}.safetensors`))));
    for (const [key, { dtype }] of Object.entries(tensors))
      assert.is(dtype, trained.includes(key) ? "F16" : "F32", `${name}: ${key}`);
  }
});

/** Why training stops at the first held-out loss. */
async function firstHeldOut(name: string): Promise<readonly [number, number]> {
  const controller = new AbortController();
  const stopped = await rejection(
    train(findProblem(name), {
      preset: "default",
      seed: 1,
      kernels,
      signal: controller.signal,
      onProgress: ({ heldOut }) => Number.isFinite(heldOut) && controller.abort(),
    }),
  );
  assert.instance(stopped, TrainingStopped);
  return (stopped as TrainingStopped).checkpoint.heldOut[0];
}

for (const name of ["arm", "rod"]) {
  test(`training "${name}" again begins as in the file: its first held-out loss has the same bits`, async () => {
    const { curve } = (await load(name)).spec.training;
    assert.equal(await firstHeldOut(name), [curve?.steps[0], curve?.heldOut[0]]);
  });
}

test("the shipped arm's posteriors are those of its exact sampler on fresh data", async () => {
  const [count, draws] = [20, 1000];
  const map = await load("arm", { kernels });
  const { noisy } = await simulate(arm, count, { seed: 41, kernels });
  const data = Array.from({ length: count }, (_, i) => noisy.subarray(2 * i, 2 * i + 2));
  let sum = 0;
  for (const [i, posterior] of (await infer(map, data)).entries()) {
    const exact = (arm.exact as NonNullable<typeof arm.exact>)(data[i], draws, i);
    const statistics = ksPerParameter(await posterior.sample(draws, { seed: i }), exact, 4);
    sum += statistics.reduce((a, b) => a + b, 0) / (4 * count);
  }
  // One KS of two exact samples has a standard deviation of 0.26 √(2/1000), those of one datum's parameters are correlated;
  // 0.005 is what the guide may be off by.
  assert.ok(sum < ksFloor(draws, draws) + 5 * 0.26 * Math.sqrt(2 / draws / count) + 0.005, `${sum}`);
});

test("a shipped rod's posterior is corrected by reliable weights", async () => {
  const problem = findProblem("rod");
  const map = await load("rod", { problem, kernels });
  const { noisy } = await simulate(problem, 1, { seed: 5, kernels });
  const corrected = await (await infer(map, noisy)).correct({ method: "psis" });
  assert.ok((corrected.kHat as number) < 0.7 && corrected.ess > 300, corrected.note);
});

test("a name without slash, dot and colon is a shipped model's; a file of that name is read by its path", async () => {
  for (const name of ["arm", "my-model", "Model_2"]) assert.ok(isModelName(name), name);
  for (const place of ["./arm", "arm.safetensors", "a/b", "C:\\arm", "https://x/arm", "data:,", "-", "", "2"])
    assert.not(isModelName(place), place);
  const here = process.cwd();
  process.chdir(folder);
  try {
    writeFileSync("arm", readFileSync(join(models, "rod.safetensors")));
    writeFileSync("mine", readFileSync(join(models, "rod.safetensors")));
    assert.is((await load("arm")).spec.problem, "arm");
    assert.is((await load("./arm")).spec.problem, "rod");
    assert.is((await load("mine")).spec.problem, "rod");
  } finally {
    process.chdir(here);
  }
});

test("a name that is no shipped model's and no file's is refused with those that there are", async () => {
  assert.match(
    (await rejection(load("leg"))).message,
    `load: expected the name of a shipped model, ${shippedModels.join(", ")}, or a path, got "leg"`,
  );
});

test("models may lie elsewhere, at a path or a URL; where they do not, the error says what to do", async () => {
  const arm = bitsOf(await load("arm"));
  const url = pathToFileURL(models);
  for (const place of [models, `${models}/`, url, new URL(`${url.href}/`), url.href])
    assert.is(bitsOf(await load("arm", { models: place })), arm);
  assert.is(shippedModel("arm", ""), "arm.safetensors");
  assert.is(String(shippedModel("arm", new URL("https://host/m?v=1"))), "https://host/m/arm.safetensors");
  const { message } = await rejection(load("eit", { models: folder }));
  assert.match(message, /cannot read ".*eit\.safetensors": no such file or folder; copy the folder models/);
  // biome-ignore lint/suspicious/noExplicitAny: what no type allows
  const odd = await rejection(load("arm", { models: 3 as any }));
  assert.match(odd.message, "load: expected models to be a URL or a path of a folder, got 3");
});

test("the command line knows shipped models by name, and corrects them with the built-in problem", async () => {
  const plain = await retrodict(["infer", "arm", "--data", "-", "--json"], "1.6,0.3\n");
  assert.is(plain.status, 0, plain.err);
  const [{ mean, farther }] = JSON.parse(plain.out).observations;
  assert.is(mean.length, 4);
  assert.ok(farther > 0);
  const corrected = await retrodict(["infer", "rod", "--data", "-", "--correct", "psis", "--json"], `${ROD}\n`);
  assert.is(corrected.status, 0, corrected.err);
  assert.is(JSON.parse(corrected.out).observations[0].correction.method, "psis");
  const unknown = await retrodict(["infer", "leg", "--data", "-"], "1\n");
  assert.is(unknown.status, 1);
  assert.match(unknown.err, `expected the name of a shipped model, ${shippedModels.join(", ")}, or a path, got "leg"`);
});

/** u = 1 − x at the sensors: what a uniform rod gives. */
const ROD = Array.from({ length: 9 }, (_, k) => 0.85 - 0.0875 * k).join(",");

test.run();
