// slow (40 s): the examples train until their posteriors are right
/** The examples as a visitor runs them: the arm as a process, a user's own problem in code and on the command line. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { type InverseMap, infer, load, train } from "retrodict";
import { test } from "uvu";
import * as assert from "uvu/assert";
import pendulum from "../examples/pendulum.js";
import plate from "../examples/plate.js";
import { batchSum, input } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import { potential } from "../src/problem/likelihood.ts";
import type { Problem } from "../src/problem/problem.ts";
import { findModes } from "../src/report/modes.ts";
import { density } from "../src/report/sample.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { retrodict } from "./helpers/cli.ts";
import { checkGradients } from "./helpers/differences.ts";
import { runScript } from "./helpers/processes.ts";

const folder = fs.mkdtempSync(join(tmpdir(), "retrodict-examples-"));
test.after(() => fs.rmSync(folder, { recursive: true }));

test("the arm example prints a table for each observation, saves its model, draws its page and picture", async () => {
  const [out, picture] = [join(folder, "deep", "out"), join(folder, "arm.svg")];
  const args = ["--steps", "50", "--out", out, "--picture", picture];
  const { status, out: printed, err } = runScript("examples/arm.ts", args);
  assert.is(status, 0, err);
  assert.is(printed.match(/^ +parameter +unit +true +mean +sd +5 % +95 % +KS$/gm)?.length, 4);
  assert.is(printed.match(/^ +angle 3 +rad( +[−\d.]+){6}$/gm)?.length, 4);
  assert.is(printed.match(/^ +re-simulation error \d\.\d{4} m \(exact draws: 0\.\d{4} m\)$/gm)?.length, 4);
  assert.match(printed, "two exact samples give 0.039 on average");
  assert.match(printed, /^Inference: [\d.]+ ms per observation/m);

  const { spec } = await load(join(out, "arm.safetensors"));
  assert.equal([spec.problem, spec.training.steps], ["arm", 50]);

  const html = fs.readFileSync(join(out, "arm.html"), "utf8");
  const { document } = parseHTML(html);
  assert.is(document.querySelectorAll(".cards svg").length, 4 * 2, "learned and exact fans");
  assert.is(document.querySelectorAll(".pairs > svg").length, 4);
  assert.is(document.querySelectorAll(".pairs > svg")[0].querySelectorAll(":scope > svg").length, 16 + 4 + 3);
  assert.is(document.querySelectorAll("article table tbody tr").length, 4 * 4);
  assert.not.match(html, /NaN|undefined|https?:(?!\/\/www\.w3\.org\/)/, "no hole, and nothing from elsewhere");

  const svg = fs.readFileSync(picture, "utf8");
  assert.match(svg, /^<svg [^>]*><style>/);
  assert.is(parseHTML(svg).document.querySelectorAll("svg svg").length, 4 * 2);
  assert.not.match(svg, /NaN|undefined/);
  assert.ok(svg.length < 250_000, `${svg.length} characters`);
});

test("the arm example refuses options that it does not know and a number of steps that is none", () => {
  for (const [args, message] of [
    [["--stepz", "5"], /^arm: .*--stepz/m],
    [["--steps", "few"], /^arm: train: expected steps to be a whole number from 1 to \d+, got NaN$/m],
  ] as const) {
    const { status, err } = runScript("examples/arm.ts", ["--out", join(folder, "refused"), ...args]);
    assert.is(status, 1);
    assert.match(err, message);
  }
});

/** Shares of 100 simulated cases whose true parameter is within its 90 % interval, and whose posterior the data narrow. */
async function coverage(
  problem: Problem,
  map: InverseMap,
): Promise<{ name: string; inside: number; narrowed: number }[]> {
  const count = 100;
  const { theta, noisy } = await simulate(problem, count, { seed: 99, kernels: "plain" });
  const data = Array.from({ length: count }, (_, i) => noisy.subarray(i * problem.M, (i + 1) * problem.M));
  const posteriors = await infer(map, data, { draws: 1000 });
  return problem.parameters.map(({ name }, d) => {
    const inside = posteriors.filter((posterior, i) => {
      const truth = theta[i * problem.D + d];
      return truth > posterior.quantile(0.05)[d] && truth < posterior.quantile(0.95)[d];
    });
    const narrowed = posteriors.filter(({ sd }) => sd[d] < 0.8 * problem.prior.sd[d]);
    return { name, inside: inside.length, narrowed: narrowed.length };
  });
}
// A share of 90 % of 100 independent cases has a standard deviation of 3 %: four of them either way.
const LEAST_INSIDE = 78;

test("the pendulum's posteriors cover the parameters that made the data and stay in their support", async () => {
  const map = await train(pendulum, { steps: 500, batch: 256, seed: 1, kernels: "plain" });
  for (const { name, inside, narrowed } of await coverage(pendulum, map)) {
    assert.ok(inside >= LEAST_INSIDE, `${name}: ${inside} of 100 in their 90 % interval`);
    assert.ok(narrowed >= 80, `${name}: the data narrow ${narrowed} of 100 posteriors`);
  }
  const { noisy } = await simulate(pendulum, 10, { seed: 98, kernels: "plain" });
  const data = Array.from({ length: 10 }, (_, i) => noisy.subarray(i * pendulum.M, (i + 1) * pendulum.M));
  for (const posterior of await infer(map, data)) {
    const draws = await posterior.sample(1000, { seed: 4 });
    const outside = draws.filter((value, k) => {
      const d = k % pendulum.D;
      return !(value >= pendulum.prior.low[d] && value <= pendulum.prior.high[d]);
    });
    assert.is(outside.length, 0, `${outside}`);
  }
});

test("the plate's posteriors cover the conductivities that made the data", async () => {
  const options = { guide: "gaussian", bank: 4000, steps: 1000, heldOut: 500, seed: 1, kernels: "plain" } as const;
  const map = await train(plate, options);
  for (const { name, inside, narrowed } of await coverage(plate, map)) {
    assert.ok(inside >= LEAST_INSIDE, `${name}: ${inside} of 100 in their 90 % interval`);
    assert.ok(narrowed >= 80, `${name}: the data narrow ${narrowed} of 100 posteriors`);
  }
});

test("the plate is trained through its solver by the ELBO, whose held-out loss falls", async () => {
  const losses: number[] = [];
  const options = {
    guide: "gaussian",
    objective: "elbo",
    steps: 60,
    batch: 16,
    heldOut: 32,
    evaluateEvery: 20,
  } as const;
  await train(plate, { ...options, seed: 1, kernels: "plain", onProgress: ({ heldOut }) => losses.push(heldOut) });
  const seen = losses.filter(Number.isFinite);
  assert.ok(seen[seen.length - 1] < 0.5 * seen[0], `${seen}`);
});

test("the gradient of the plate's potential is that of finite differences", async () => {
  const [rows, f64] = [2, { dtype: "f64" } as const];
  const { theta, noisy } = await simulate(plate, rows, { seed: 5, kernels: "plain" });
  const [t, y] = [input("theta", plate.D, f64), input("y", plate.M, f64)];
  const total = batchSum(potential(plate, t, y));
  const values = { theta: theta.map((v) => Math.round(v * 4096) / 4096), y: noisy };
  await checkGradients(total, [t], grad(total, [t]), { rows, values });
});

for (const objective of ["npe", "elbo"]) {
  test(`the plate is trained from its file by the command line, by ${objective}`, async () => {
    const model = join(folder, `plate-${objective}.safetensors`);
    const args = ["train", "examples/plate.js", "--objective", objective, "--guide", "gaussian"];
    const { status, out, err } = await retrodict([
      ...[...args, "--steps", "10", "--batch", "16"],
      ...["--held-out", "16", "--out", model, "--json"],
    ]);
    assert.is(status, 0, err);
    assert.is(JSON.parse(out).training.objective, objective);
    const { spec } = await load(model, { problem: plate });
    assert.equal(spec.problem, "plate");
  });
}

test("the pendulum is trained by the command line from its file", async () => {
  const model = join(folder, "pendulum.safetensors");
  const args = ["train", "examples/pendulum.js", "--steps", "20", "--batch", "64", "--out", model, "--json"];
  const { status, out, err } = await retrodict(args);
  assert.is(status, 0, err);
  assert.is(JSON.parse(out).problem, "pendulum");
  const { spec } = await load(model, { problem: pendulum });
  assert.equal(spec.parameters, [
    { name: "frequency", unit: "Hz" },
    { name: "damping", unit: "1/s" },
    { name: "amplitude", unit: "deg" },
  ]);
});

test("modes of draws are found with their shares", () => {
  // Points at the golden angle fill two discs, of 60 and 40 draws, ten apart.
  const turn = 2.399963229728653;
  const draws = Array.from({ length: 100 }, (_, i) => {
    const [radius, centre] = [Math.sqrt((i % 60) / 60), i < 60 ? 0 : 10];
    return [centre + radius * Math.cos(turn * i), radius * Math.sin(turn * i)];
  });
  const modes = findModes(draws.flat(), [1, 1], 0.5, 3);
  assert.equal(
    modes.map(({ share }) => share),
    [0.6, 0.4],
  );
  assert.ok(modes[0].at < 60 && modes[1].at >= 60);
  assert.is(findModes(draws.flat(), [10, 10], 0.5, 3).length, 1, "in larger units they are one");
});

test("the density of a sample integrates to one", () => {
  const values = Float64Array.from({ length: 400 }, (_, i) => Math.sin(i) + (i % 2) * 3);
  const step = 0.02;
  const grid = Array.from({ length: 501 }, (_, i) => -4 + step * i);
  const total = density(values, grid).reduce((a, b) => a + b, 0) * step;
  assert.ok(Math.abs(total - 1) < 1e-6, `${total}`); // the kernel is smooth: sums converge faster than any power
});

test.run();
