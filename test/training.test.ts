// slow (10 s): trainings that are cut, resumed and cancelled
// Training: stopping and resuming, failing with a reason, and the effect of options. accuracy.test.ts tests the posteriors.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DeviceLost } from "../src/backends/backend.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { add, exp, mul, relu, sqrt, sub } from "../src/graph/build.ts";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { loadCheckpoint, saveCheckpoint } from "../src/store/store.ts";
import { type Checkpoint, TrainingStopped } from "../src/train/checkpoint.ts";
import type { Progress, TrainOptions } from "../src/train/options.ts";
import type { Schedule } from "../src/train/schedules.ts";
import { train } from "../src/train/train.ts";
import { bitsOf, rejection, small } from "./helpers/maps.ts";

const folder = mkdtempSync(join(tmpdir(), "training-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A training that takes a fraction of a second. */
const base: TrainOptions = {
  guide: gaussian({ hidden: [8] }),
  steps: 120,
  batch: 32,
  rate: 5e-3,
  heldOut: 64,
  evaluateEvery: 10,
  seed: 3,
  kernels: "plain",
};

/** Trains until a step is passed, then aborts. */
async function interrupted(problem: Problem, options: TrainOptions, after: number): Promise<TrainingStopped> {
  const controller = new AbortController();
  const onProgress = ({ step }: Progress): void => {
    if (step >= after) controller.abort();
  };
  const error = await rejection(train(problem, { ...options, onProgress, signal: controller.signal }));
  assert.instance(error, TrainingStopped);
  return error as TrainingStopped;
}

/** Bits and record of the held-out losses. */
const resultOf = (map: Awaited<ReturnType<typeof train>>): unknown => [
  bitsOf(map),
  map.spec.training.heldOut,
  map.spec.training.steps,
];

const resumed: Readonly<Record<string, TrainOptions>> = {
  "Adam and fresh simulations": base,
  "AMSGrad, a bank and clipping": {
    ...base,
    optimiser: "amsgrad",
    bank: 200,
    clip: 0.5,
    schedule: { kind: "robbinsMonro", delay: 20, power: 0.7 },
  },
  "the ELBO": { ...base, objective: "elbo", particles: 3 },
  "couplings, whose permutations are drawn": { ...base, guide: coupling({ blocks: 3, hidden: [6] }) },
};
for (const [what, options] of Object.entries(resumed)) {
  test(`an interrupted training ends with the bits of an uninterrupted one: ${what}`, async () => {
    const whole = await train(small, options);
    for (const [after, file] of [
      [1, false],
      [33, true],
      [70, false],
    ] as const) {
      const { checkpoint, step, reason } = await interrupted(small, options, after);
      assert.is(reason, "aborted");
      assert.is(checkpoint.step, step);
      assert.ok(step >= after && step < 120);
      const path = join(folder, "a.checkpoint");
      if (file) await saveCheckpoint(checkpoint, path);
      const map = await train(small, { ...options, resume: file ? await loadCheckpoint(path) : checkpoint });
      assert.equal(resultOf(map), resultOf(whole));
    }
  });
}

test("a training may be interrupted many times, and a checkpoint used more than once", async () => {
  const whole = await train(small, base);
  let resume: Checkpoint | undefined;
  for (const after of [20, 40, 80]) resume = (await interrupted(small, { ...base, resume }, after)).checkpoint;
  const twice = [await train(small, { ...base, resume }), await train(small, { ...base, resume })];
  for (const map of twice) assert.equal(resultOf(map), resultOf(whole));
  assert.ok(twice[0].spec.training.seconds >= (resume?.seconds ?? Infinity), "seconds count all parts");
});

test("a checkpoint file holds the checkpoint, and is written whole", async () => {
  const { checkpoint } = await interrupted(small, { ...base, optimiser: "amsgrad" }, 25);
  const path = join(folder, "b.checkpoint");
  await saveCheckpoint(checkpoint, path);
  assert.equal(await loadCheckpoint(path), checkpoint);
  assert.equal(
    readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    [],
  );
  const early = (await interrupted(small, base, 1)).checkpoint; // no held-out loss yet: the best one is infinite
  await saveCheckpoint(early, path);
  assert.equal(await loadCheckpoint(path), early);
});

test("a signal that is aborted already stops training at step 0, with a checkpoint to start from", async () => {
  const error = (await rejection(train(small, { ...base, signal: AbortSignal.abort() }))) as TrainingStopped;
  assert.instance(error, TrainingStopped);
  assert.is(error.message, "training: stopped at step 0 of 120");
  assert.is(error.name, "TrainingStopped");
  assert.equal(resultOf(await train(small, { ...base, resume: error.checkpoint })), resultOf(await train(small, base)));
});

test("if a device is lost, training continues on wasm to the same bits, says so, and counts its time once", async () => {
  let lost = false;
  const onProgress = ({ step }: Progress): void => {
    if (lost || step < 60) return;
    lost = true;
    throw new DeviceLost("webgpu: the device was lost (unplugged); use another");
  };
  const told: string[] = [];
  const began = performance.now();
  const map = await train(small, { ...base, onProgress, onWarning: (message) => told.push(message) });
  const took = (performance.now() - began) / 1000;
  const { notice, seconds, device } = map.spec.training;
  assert.match(
    notice ?? "",
    /^backend: wasm computes from step \d+ on, because webgpu: the device was lost \(unplugged\)$/,
  );
  assert.equal(told, [notice]);
  assert.is(device, "wasm plain");
  assert.ok(seconds <= took, `${seconds} s of ${took}`);
  assert.equal(resultOf(map), resultOf(await train(small, base)));
  lost = false;
  const error = await rejection(train(small, { ...base, backend: "wasm", onProgress }));
  assert.is((error as TrainingStopped).reason, "lost");
  assert.instance(error.cause, DeviceLost);
});

test("a checkpoint is refused with other options, which are named, and for another problem", async () => {
  const { checkpoint: resume } = await interrupted(small, base, 20);
  const other: [TrainOptions, RegExp][] = [
    [
      { rate: 1e-3 },
      /^resume: expected the options of the interrupted training, rate: 0.005, got 0.001; start afresh or give the same$/,
    ],
    [{ steps: 200 }, /^resume: .*, steps: 120, got 200;/],
    [{ seed: 4 }, /^resume: .*, seed: 3, got 4;/],
    [{ guide: gaussian({ hidden: [9] }) }, /^resume: .*, guide: \{"name":"gaussian",.*\[8\].*, got .*\[9\]/],
    [{ objective: "elbo" }, /^resume: .*, objective: "npe", got "elbo";/],
    [{ schedule: { kind: "constant" } }, /^resume: .*, schedule: \{"kind":"cosine"\}, got \{"kind":"constant"\};/],
  ];
  for (const [options, message] of other) {
    assert.match((await rejection(train(small, { ...base, resume, ...options }))).message, message);
  }
  const renamed = defineProblem({ name: "renamed", prior: small.prior, forward: small.forward, noise: small.noise });
  const { message } = await rejection(train(renamed, { ...base, resume }));
  assert.is(message, 'resume: expected a checkpoint of "renamed", got one of "small"');
});

/** θ ~ N(0, 1): a forward model that breaks where θ > 3.9, which is about one in 20,000. */
const fragile = (break_: "root" | "overflow"): Problem =>
  defineProblem({
    name: "fragile",
    prior: normal(0, 1),
    // Beyond the limit: the root of a negative number, or e^100,000.
    forward: (theta) => (break_ === "root" ? sqrt(sub(3.9, theta)) : add(theta, exp(mul(relu(sub(theta, 3.9)), 1e6)))),
    noise: gaussianNoise(0.1),
  });

for (const how of ["root", "overflow"] as const) {
  test(`a forward model that breaks in training (${how}) stops it, with the step, a hint and the last good state`, async () => {
    const options: TrainOptions = { ...base, steps: 4000, batch: 64, evaluateEvery: 40, seed: 6 };
    const error = (await rejection(train(fragile(how), options))) as TrainingStopped;
    assert.instance(error, TrainingStopped);
    assert.is(error.reason, "diverged");
    assert.match(
      error.message,
      /^training: expected a finite loss and gradient, got loss .* at step \d+ of 4000; try a lower rate, .* forward model overflows$/,
    );
    assert.match(error.message, new RegExp(` at step ${error.step} of`));
    const { checkpoint } = error;
    assert.ok(checkpoint.step <= error.step && checkpoint.step > error.step - 40 && checkpoint.step % 40 === 0);
    for (const slab of [checkpoint.weights, checkpoint.best.weights, checkpoint.optimiser.m, checkpoint.optimiser.v]) {
      assert.ok(slab.every(Number.isFinite));
    }
    // Carrying on meets the same simulations: it ends at the same step, by the same bits.
    const again = (await rejection(train(fragile(how), { ...options, resume: checkpoint }))) as TrainingStopped;
    assert.is(again.message, error.message);
  });
}

test("a rate so large that the weights overflow stops training", async () => {
  const error = (await rejection(
    train(small, { ...base, rate: 1e30, schedule: { kind: "constant" } }),
  )) as TrainingStopped;
  assert.instance(error, TrainingStopped);
  assert.ok(error.checkpoint.weights.every(Number.isFinite));
});

test("a forward model that breaks on the prior is refused before training, with where and what", async () => {
  const problem = defineProblem({
    name: "broken",
    prior: normal([0, 0], 1),
    forward: (theta) => sqrt(theta),
    noise: gaussianNoise(1),
  });
  const { message } = await rejection(train(problem, base));
  assert.match(
    message,
    /^simulate: expected finite data of "broken" for θ = \(.*\), row 1 of 8192, got NaN in column [12]; check the forward model there$/,
  );
});

test("training that no longer improves is ended when patience is", async () => {
  const options: TrainOptions = { ...base, steps: 2000, rate: 0.3, schedule: { kind: "constant" }, patience: 4 };
  const { steps, heldOut } = (await train(small, options)).spec.training;
  assert.ok(steps < 2000);
  assert.is(steps, heldOut.bestStep + 4 * 10);
  assert.ok(heldOut.final >= heldOut.best);
});

test("patience is as long for a training that was interrupted while it waited", async () => {
  const options: TrainOptions = { ...base, steps: 2000, rate: 0.3, schedule: { kind: "constant" }, patience: 4 };
  const whole = await train(small, options);
  const { bestStep } = whole.spec.training.heldOut;
  const { checkpoint } = await interrupted(small, options, bestStep + 25);
  assert.ok(checkpoint.step < bestStep + 40 && checkpoint.best.step === bestStep);
  assert.equal(resultOf(await train(small, { ...options, resume: checkpoint })), resultOf(whole));
});

test("the weights that are kept are those of the best held-out loss", async () => {
  const options: TrainOptions = { ...base, steps: 300, rate: 0.1, schedule: { kind: "constant" } };
  const losses: number[] = [];
  const map = await train(small, {
    ...options,
    onProgress: ({ step, heldOut }) => step % 10 === 0 && losses.push(heldOut),
  });
  const { best, bestStep, final } = map.spec.training.heldOut;
  assert.ok(best < final && bestStep < 300, `${best} at ${bestStep}, ${final}`);
  assert.is(best, Math.min(...losses));
  assert.is(final, losses[29]);
  const shorter = await train(small, { ...options, steps: bestStep });
  assert.is(bitsOf(shorter), bitsOf(map));
});

test("progress says how far training is, how well and how fast it goes", async () => {
  const seen: Progress[] = [];
  const map = await train(small, { ...base, onProgress: (p) => seen.push(p) });
  assert.equal(
    seen.map((p) => p.step),
    seen.map((p) => p.step).sort((a, b) => a - b),
  );
  assert.is(seen[seen.length - 1].step, 120);
  for (const { steps, step, loss, heldOut, stepsPerSecond, secondsLeft } of seen) {
    assert.is(steps, 120);
    assert.ok(Number.isFinite(loss));
    assert.is(Number.isNaN(heldOut), step < 10);
    assert.ok(stepsPerSecond > 0);
    assert.ok(Math.abs(secondsLeft - (120 - step) / stepsPerSecond) < 1e-9);
  }
  assert.is(seen[seen.length - 1].heldOut, map.spec.training.heldOut.final);
  assert.ok(seen[0].loss > seen[seen.length - 1].loss);
});

test("the record of a training says what was done", async () => {
  const { training, parameters, D, M, problem, guide } = (
    await train(small, { ...base, objective: "elbo", particles: 2 })
  ).spec;
  const { seconds, heldOut, curve, weights, ...rest } = training;
  assert.ok(weights?.cases === 32 && weights.kHat < 0.7 && weights.efficiency > 0.1, JSON.stringify(weights));
  assert.is(curve?.steps[curve.steps.length - 1], 120);
  assert.is(curve?.heldOut[curve.heldOut.length - 1], heldOut.final);
  assert.ok(curve?.train.length === curve?.steps.length && curve?.train.every(Number.isFinite));
  assert.equal(rest, {
    objective: "elbo",
    steps: 120,
    seed: 3,
    batch: 32,
    particles: 2,
    simulations: 120 * 32,
    device: "wasm plain",
  });
  assert.ok(seconds > 0 && heldOut.bestStep > 0);
  assert.equal(
    { D, M, problem, parameters },
    { D: 2, M: 3, problem: "small", parameters: [{ name: "θ1" }, { name: "θ2" }] },
  );
  assert.equal(guide, { name: "gaussian", options: { hidden: [8], activation: "silu", separate: false } });
});

const schedules: Schedule[] = [
  { kind: "constant" },
  { kind: "step", at: 60, factor: 0.1 },
  { kind: "cosine", warmup: 10 },
  { kind: "robbinsMonro", delay: 30, power: 1 },
];
test("every schedule and both optimisers train, each to weights of its own", async () => {
  const bits = new Set<string>();
  for (const schedule of schedules) {
    for (const optimiser of ["adam", "amsgrad"] as const) {
      const map = await train(small, { ...base, schedule, optimiser });
      assert.ok(map.spec.training.heldOut.best < 4, `${map.spec.training.heldOut.best}`); // about 4.4 at the start
      bits.add(bitsOf(map));
    }
  }
  assert.is(bits.size, 8);
});

test("clipping changes the steps, and no clipping is allowed", async () => {
  const maps = await Promise.all([0.01, 0, 1e9].map((clip) => train(small, { ...base, clip })));
  assert.is(bitsOf(maps[1]), bitsOf(maps[2]));
  assert.not.equal(bitsOf(maps[0]), bitsOf(maps[1]));
});

test("a bank is simulated once; pairs are drawn from it with fresh noise", async () => {
  const asked: number[] = [];
  const problem = defineProblem({
    name: "counted",
    prior: normal(0, 1),
    data: 1,
    noise: gaussianNoise(0.5),
    simulate: (theta) => {
      asked.push(theta.length);
      return theta.map(([x]) => [x]);
    },
  });
  const map = await train(problem, { ...base, guide: gaussian({ hidden: [] }), bank: 3, steps: 2000, rate: 1e-2 });
  assert.equal(asked, [3, 64]);
  assert.is(map.spec.training.simulations, 3);
  // Three pairs with fresh noise: y alone tells little, but had the noise not been fresh, three data would tell all.
  const usual = await train(problem, { ...base, guide: gaussian({ hidden: [] }), bank: 5000, steps: 1000, rate: 1e-2 });
  const [{ mean, sd }] = await infer(usual, [[0.5]]);
  assert.ok(Math.abs(mean[0] - 0.4) < 0.05 && Math.abs(sd[0] - Math.sqrt(0.2)) < 0.05, `${mean}, ${sd}`);
});

test("simulators that answer nonsense are refused with what came", async () => {
  const answers: [string, unknown, RegExp][] = [
    ["nothing", undefined, /^simulate: expected 50 rows of data for 50 parameters, got undefined$/],
    ["too few", [[1]], /^simulate: expected 50 rows of data for 50 parameters, got 1$/],
    ["numbers", Array(50).fill(1), /^simulate: .*, got numbers; a row is a list: write thetas => .* \[f\(theta\)\]\)$/],
    ["texts", Array(50).fill(["1"]), /^simulate: expected numbers in row 1, got "1" in column 1$/],
    ["long rows", Array(50).fill([1, 2]), /^simulate: expected 1 number in row 1, got 2$/],
    [
      "NaN",
      Array(50).fill([Number.NaN]),
      /^simulate: expected data for θ = \(-?[\d.]+\), row 1 of 50, got NaN in column 1, where a finite number is needed$/,
    ],
  ];
  for (const [, answer, message] of answers) {
    const problem = defineProblem({
      name: "nonsense",
      prior: normal(0, 1),
      data: 1,
      noise: gaussianNoise(1),
      simulate: () => answer as number[][],
    });
    assert.match((await rejection(train(problem, { ...base, bank: 50 }))).message, message);
  }
});

test("10,000 steps take no more memory than 2,000", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heap = new Map<number, number>();
  let grown = 0;
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (pages) {
    grown += pages;
    return grow.call(this, pages);
  };
  const pages = new Map<number, number>();
  try {
    const onProgress = ({ step, weights }: Progress): void => {
      if (step % 2000 > 0 || weights !== undefined) return; // the weights of the map are computed by other programs
      collect();
      heap.set(step, process.memoryUsage().heapUsed);
      pages.set(step, grown);
    };
    const guide = gaussian({ hidden: [8] });
    await train(small, { ...base, guide, steps: 10_000, batch: 16, evaluateEvery: 500, heldOut: 32, onProgress });
  } finally {
    WebAssembly.Memory.prototype.grow = grow;
  }
  assert.equal([...heap.keys()], [2000, 4000, 6000, 8000, 10_000]);
  assert.ok((pages.get(2000) as number) > 0);
  assert.is(pages.get(10_000), pages.get(2000), "pages of wasm memory");
  const growth = (heap.get(10_000) as number) - (heap.get(2000) as number);
  assert.ok(growth < 200_000, `${growth} bytes`); // a number a step would be 64 kB, a checkpoint a held-out loss 30 kB
});

test.run();
