// slow (6 s): trainings on pairs from elsewhere
// Pairs that were simulated elsewhere: training on them, how they are split, and refusals that name the file and the row.
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { logNormal } from "../src/distributions/log-normal.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { product } from "../src/distributions/product.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { workOf } from "../src/problem/work.ts";
import { type Pairs, splitPairs } from "../src/simulate/pairs.ts";
import { predict } from "../src/simulate/predict.ts";
import { priorMismatch } from "../src/simulate/prior-check.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { encodeNpy } from "../src/store/npy.ts";
import { loadPairs } from "../src/store/pairs-file.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { bitsOf, rejection, small } from "./helpers/maps.ts";

const folder = fs.mkdtempSync(join(tmpdir(), "retrodict-pairs-"));
test.after(() => fs.rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

/** θ ~ N(0, 1) twice; the data are known from pairs alone. */
const alone = (more: object = {}): Problem =>
  defineProblem({ name: "alone", prior: normal([0, 0], 1), data: 2, noise: gaussianNoise(0.5), ...more });
const options: TrainOptions = {
  guide: gaussian({ hidden: [] }),
  steps: 1000,
  rate: 1e-2,
  batch: 256,
  kernels: "plain",
};

/** θ of the prior, y = (θ1, θ1 + θ2) with and without noise. */
const simulator = defineProblem({
  name: "source",
  prior: normal([0, 0], 1),
  data: 2,
  noise: gaussianNoise(0.5),
  simulate: (theta) => theta.map(([a, b]) => [a, a + b]),
});
const source = await simulate(simulator, 20_000, { seed: 3, kernels: "plain" });
const few: Pairs = { theta: source.theta.subarray(0, 2 * 100), y: source.clean.subarray(0, 2 * 100) };

/** Precision I + 4 AᵀA with A = (1 0; 1 1) of the posterior given y = (0.8, −0.4): mean (5(y1 + y2) − 4 y2, …) · 4/29. */
const exact = {
  mean: [(4 * (5 * 0.4 + 4 * 0.4)) / 29, (4 * (-4 * 0.4 - 9 * 0.4)) / 29],
  sd: [5 / 29, 9 / 29].map(Math.sqrt),
};
async function checkPosterior(map: Awaited<ReturnType<typeof train>>): Promise<void> {
  const posterior = await infer(map, [0.8, -0.4]);
  for (const d of [0, 1]) {
    assert.ok(Math.abs(posterior.mean[d] - exact.mean[d]) < 0.03, `${posterior.mean}, expected ${exact.mean}`);
    assert.ok(Math.abs(posterior.sd[d] / exact.sd[d] - 1) < 0.05, `${posterior.sd}, expected ${exact.sd}`);
  }
}

test("pairs without noise get it afresh, and the posterior is the exact one", async () => {
  const map = await train(alone(), { ...options, bank: { theta: source.theta, y: source.clean } });
  await checkPosterior(map);
  assert.is(map.spec.training.simulations, 18_000);
  assert.is(map.spec.fingerprint.forward, null);
});

test("pairs that hold their noise get none, by the bank or by the problem, to the same bits", async () => {
  const pairs: Pairs = { theta: source.theta, y: source.noisy, noise: "included" };
  const byBank = await train(alone(), { ...options, bank: pairs });
  await checkPosterior(byBank);
  const byProblem = await train(alone({ noise: null }), { ...options, bank: { theta: source.theta, y: source.noisy } });
  assert.is(bitsOf(byProblem), bitsOf(byBank));
  // Had noise been added to noisy data, the posterior would be of the variance 0.5.
  const twice = await infer(await train(alone(), { ...options, bank: { ...pairs, noise: "add" } }), [0.8, -0.4]);
  assert.ok(twice.sd[0] > 1.15 * exact.sd[0], `${twice.sd}`);
});

test("long data that hold their noise are learned from whatever their unit", async () => {
  // 80 data, of size 1 or 1e-4: projected at the unit scale the small ones would all but vanish.
  const theta = source.theta.subarray(0, 4000);
  const data = (unit: number): number[][] =>
    Array.from({ length: 2000 }, (_, i) =>
      Array.from({ length: 80 }, (_x, j) => {
        const [a, b] = [theta[2 * i], theta[2 * i + 1]];
        return unit * (a * Math.cos(j) + b * Math.sin(j) + 0.3 * Math.sin(12.9898 * (80 * i + j) ** 1.01));
      }),
    );
  const problem = defineProblem({ name: "long", prior: normal([0, 0], 1), data: 80, noise: null });
  const losses: number[] = [];
  for (const unit of [1, 1e-4]) {
    const map = await train(problem, { ...options, steps: 400, bank: { theta, y: data(unit) } });
    losses.push(map.spec.training.heldOut.best);
  }
  // The prior alone is ln 2π + 1 = 2.84 nats, the exact posterior of sd 0.3/√40/√2 = 0.034 about −3.9.
  assert.ok(
    losses.every((loss) => loss < -1.5),
    `${losses}`,
  );
  assert.ok(Math.abs(losses[0] - losses[1]) < 0.05, `${losses}`);
});

test("rows may be given as rows or as one list, in single or double precision, to the same bits", async () => {
  const rows = (flat: ArrayLike<number>): number[][] =>
    Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
  const quick = { ...options, steps: 20, batch: 16 };
  const first = bitsOf(await train(alone(), { ...quick, bank: few }));
  for (const bank of [
    { theta: rows(few.theta as Float32Array), y: rows(few.y as Float32Array) },
    { theta: Float64Array.from(few.theta as Float32Array), y: [...(few.y as Float32Array)] },
  ])
    assert.is(bitsOf(await train(alone(), { ...quick, bank })), first);
});

test("every tenth pair is held out, spread over the file, and at most as many as were asked for", () => {
  const numbered = (count: number): Pairs => {
    const theta = Array.from({ length: count }, (_, i) => [i / count, 0]);
    return { theta, y: theta };
  };
  for (const [count, most, held] of [
    [100, 2048, 10],
    [1005, 2048, 100],
    [1000, 7, 7],
    [20, 2048, 2],
  ]) {
    const { train: kept, heldOut } = splitPairs(alone(), numbered(count), most);
    assert.equal([heldOut.count, kept.count], [held, count - held]);
    const rows = Array.from({ length: held }, (_, i) => Math.round(heldOut.theta[2 * i] * count));
    const gaps = rows.map((row, i) => row - (rows[i - 1] ?? -1));
    assert.ok(Math.max(...gaps) - Math.min(...gaps) <= 1, `${rows}`);
    assert.is(new Set([...kept.theta, ...heldOut.theta]).size, count, "every pair is in one of the two");
  }
});

test("a problem of pairs alone says what it cannot do", async () => {
  const problem = alone();
  assert.equal([problem.forward, problem.simulate, problem.M], [null, null, 2]);
  const cases: readonly [Promise<unknown>, RegExp][] = [
    [
      train(problem, { steps: 1 }),
      /^bank: expected pairs \{ theta, y \}, because "alone" has only pairs from elsewhere; got/,
    ],
    [
      train(problem, { bank: few, objective: "elbo" }),
      /^objective "elbo": a bank of pairs .* by NPE alone; use objective "npe"$/,
    ],
    [train(problem, { objective: "elbo", bank: 9 }), /has only pairs from elsewhere/],
    [
      simulate(problem, 10),
      /^simulate: expected a forward model or a simulator, and "alone" has only pairs .*; train it with bank/,
    ],
    [
      predict(problem, [1, 2]),
      /^predict: expected a forward model or a simulator, and "alone" has only pairs from elsewhere$/,
    ],
  ];
  for (const [run, message] of cases) assert.match((await rejection(run)).message, message);
});

test("pairs serve a problem with a forward model too, by NPE alone", async () => {
  const { theta, clean } = await simulate(small, 200, { kernels: "plain" });
  const quick: TrainOptions = { ...options, steps: 20, batch: 16 };
  const map = await train(small, { ...quick, bank: { theta, y: clean } });
  assert.is(map.spec.training.simulations, 180);
  const { message } = await rejection(train(small, { ...quick, objective: "elbo", bank: { theta, y: clean } }));
  assert.match(message, /^objective "elbo": a bank of pairs/);
});

test("an interrupted training on pairs is resumed with the same pairs, and with no others", async () => {
  const quick: TrainOptions = { ...options, steps: 40, batch: 16, evaluateEvery: 10, bank: few };
  const whole = await train(alone(), quick);
  const controller = new AbortController();
  const onProgress = ({ step }: { step: number }): void => void (step >= 10 && controller.abort());
  const stopped = (await rejection(train(alone(), { ...quick, onProgress, signal: controller.signal }))) as never;
  const { checkpoint } = stopped as { checkpoint: TrainOptions["resume"] };
  assert.is(bitsOf(await train(alone(), { ...quick, resume: checkpoint })), bitsOf(whole));
  const y = Float32Array.from(few.y as Float32Array);
  y[17] += 1e-3;
  const { message } = await rejection(train(alone(), { ...quick, bank: { ...few, y }, resume: checkpoint }));
  assert.match(
    message,
    /^resume: expected the options of the interrupted training, pairs: "[0-9a-f]+", got "[0-9a-f]+"/,
  );
});

test("parameters that were not drawn from the prior cause a warning, those that were do not", async () => {
  const priors: Record<string, Problem> = {
    normal: alone(),
    "half-line and interval": alone({ prior: product(logNormal(1, 2), uniform(-1, 5)) }),
  };
  for (const [what, problem] of Object.entries(priors)) {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { theta, count } = await simulate({ ...problem, simulate: (t) => t.map(() => [0, 0]) }, 2000, { seed });
      assert.is(
        await priorMismatch(workOf(problem), { theta: Float32Array.from(theta), count, y: new Float32Array(0) }),
        null,
        what,
      );
      const wider = theta.map((x, i) => (i % 2 === 1 ? x * 0.7 : x));
      assert.match(
        (await priorMismatch(workOf(problem), { theta: Float32Array.from(wider), count, y: new Float32Array(0) })) ??
          "",
        /look drawn from the prior: θ2 has mean/,
      );
      const scaled = theta.map((x, i) => (i % 2 === 0 ? x * 1.5 + 0.1 : x));
      assert.match(
        (await priorMismatch(workOf(problem), { theta: Float32Array.from(scaled), count, y: new Float32Array(0) })) ??
          "",
        /: (the logarithm of )?θ1 has mean/,
      );
    }
  }
  const shifted = (few.theta as Float32Array).map((x) => x + 2);
  const warnings: string[] = [];
  const quick: TrainOptions = {
    ...options,
    steps: 5,
    onWarning: (text) => text.includes("drawn from the prior") && warnings.push(text),
  };
  await train(alone(), { ...quick, bank: { ...few, theta: shifted } });
  assert.is(warnings.length, 1);
  await train(alone({ proposal: normal([2, 2], 1) }), { ...quick, bank: { ...few, theta: shifted } });
  assert.is(warnings.length, 1, "a proposal says where they come from");
});

const table = (rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i));
const wrong: readonly [string, object, RegExp][] = [
  ["no data", { theta: few.theta }, /^bank.y: expected data \(N, 2\), got undefined$/],
  ["an unknown key", { ...few, x: few.theta }, /^bank: expected a number or \{ theta, y, noise \}, got "x"$/],
  ["an unknown noise", { ...few, noise: "none" }, /^bank.noise: expected "add" or "included", got "none"$/],
  [
    "too few data",
    { theta: table(50, 2), y: table(49, 2) },
    /^bank.y: expected 50 rows, as many as bank.theta has, got 49$/,
  ],
  [
    "a number left over",
    { theta: table(1, 51), y: table(50, 2) },
    /^bank.theta: expected rows of 2 parameters, got 51 numbers/,
  ],
  ["hardly any pairs", { theta: table(19, 2), y: table(19, 2) }, /^bank.theta: expected at least 20 pairs, got 19$/],
  [
    "a short row",
    { theta: Array.from({ length: 30 }, (_, i) => (i === 12 ? [1] : [1, 2])), y: table(30, 2) },
    /^bank.theta, row 13: expected 2 parameters, got 1$/,
  ],
  [
    "NaN",
    { theta: table(30, 2), y: table(30, 2).map((x, i) => (i === 45 ? Number.NaN : x)) },
    /^bank.y, row 23: expected finite numbers, got NaN in column 2$/,
  ],
  [
    "more than single precision holds",
    { theta: table(30, 2), y: Float64Array.from(table(30, 2), (x, i) => (i === 4 ? 1e39 : x)) },
    /^bank.y, row 3: expected finite numbers, got 1e\+39 in column 1, too large for single precision$/,
  ],
  [
    "texts",
    { theta: Array(30).fill(["1", 2]), y: table(30, 2) },
    /^bank.theta, row 1: expected finite numbers, got "1"/,
  ],
  [
    "what does not fit",
    { theta: { length: 2 ** 40 }, y: [] },
    /^bank.theta: expected at most 268435456 numbers, got \d+ rows/,
  ],
];
for (const [what, bank, message] of wrong) {
  test(`pairs with ${what} are refused by table and row`, async () => {
    assert.match((await rejection(train(alone(), { ...options, bank: bank as Pairs }))).message, message);
  });
}

test("a parameter beyond the support is refused with its row, a rounded end of it is not", async () => {
  const problem = alone({ prior: uniform([0, -1], [0.1, 1]), parameters: ["depth", "slope"] });
  const theta = Float64Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 0.1 * ((i + 1) / 61) : 0));
  theta[2 * 7] = Math.fround(0.1); // above 0.1 as a double
  const quick: TrainOptions = { ...options, steps: 2, onWarning: () => {} };
  await train(problem, { ...quick, bank: { theta, y: table(30, 2) } });
  theta[2 * 21 + 1] = -1.5;
  const { message } = await rejection(train(problem, { ...quick, bank: { theta, y: table(30, 2) } }));
  assert.is(message, "bank.theta, row 22: expected slope within the support of the prior, [-1, 1], got -1.5");
});

test("files give the pairs that memory gives, as NumPy in both precisions, CSV and JSON", async () => {
  const quick: TrainOptions = { ...options, steps: 10, batch: 16 };
  const want = bitsOf(await train(alone(), { ...quick, bank: few }));
  const lines = (flat: Float32Array): string[] =>
    Array.from({ length: 100 }, (_, i) => `${flat[2 * i]},${flat[2 * i + 1]}`);
  const [theta, y] = [few.theta as Float32Array, few.y as Float32Array];
  fs.writeFileSync(at("theta.npy"), encodeNpy(theta, [100, 2]));
  const double = Buffer.from(encodeNpy(new Float32Array(400), [400])); // its head, with twice the bytes a number
  const head = Buffer.from(
    double
      .subarray(0, 128)
      .toString("latin1")
      .replace("<f4", "<f8")
      .replace("(400,)", "(100,2)")
      .replace("}", "}")
      .padEnd(128),
    "latin1",
  );
  head[127] = 10;
  fs.writeFileSync(at("y.npy"), Buffer.concat([head.subarray(0, 128), Buffer.from(Float64Array.from(y).buffer)]));
  fs.writeFileSync(at("theta.csv"), `a,b\n${lines(theta).join("\n")}\n`);
  fs.writeFileSync(at("y.json"), `[${lines(y).map((line) => `[${line}]`)}]`);
  for (const [a, b] of [
    ["theta.npy", "y.npy"],
    ["theta.csv", "y.json"],
  ]) {
    assert.is(bitsOf(await train(alone(), { ...quick, bank: await loadPairs(at(a), at(b)) })), want);
  }
});

test("a file that does not fit is refused by its name, and the row", async () => {
  const npy = (name: string, data: Float32Array, shape: number[]): string => {
    fs.writeFileSync(at(name), encodeNpy(data, shape));
    return at(name);
  };
  const good = npy("good.npy", table(50, 2), [50, 2]);
  const bad = table(50, 2);
  bad[77] = Number.POSITIVE_INFINITY;
  fs.writeFileSync(at("bad.csv"), "1,2\n3,x\n");
  const cases: readonly [string, string, RegExp][] = [
    [at("absent.npy"), good, /^cannot read ".*absent.npy": no such file/],
    [good, npy("wide.npy", table(50, 3), [50, 3]), /wide.npy, row 1: expected 2 data, got 3$/],
    [npy("none.npy", table(0, 2), [0, 2]), good, /none.npy: expected rows of numbers, got none: shape \(0, 2\)$/],
    [
      good,
      npy("vast.npy", table(0, 2), [2 ** 52, 0]),
      /vast.npy: expected rows of numbers, got none: shape \(\d+, 0\)$/,
    ],
    [good, npy("empty.npy", table(0, 2), [0]), /empty.npy: expected rows of numbers, got none: shape \(0\)$/],
    [good, npy("short.npy", table(49, 2), [49, 2]), /short.npy: expected 50 rows, as many as .*good.npy has, got 49$/],
    [good, npy("inf.npy", bad, [50, 2]), /inf.npy: row 39, column 2: expected a finite number, got Infinity$/],
    [npy("flat.npy", table(50, 2), [100]), good, /flat.npy, row 1: expected 2 parameters, got 1$/],
    [
      npy("deep.npy", table(50, 2), [50, 2, 1]),
      good,
      /deep.npy: expected shape \(N, columns\), or one axis, got \(50, 2, 1\)$/,
    ],
    [good, at("bad.csv"), /bad.csv: row 2, column 2: expected a number, got "x"$/],
  ];
  for (const [theta, y, message] of cases) {
    const run = loadPairs(theta, y).then((bank) => train(alone(), { ...options, bank }));
    assert.match((await rejection(run)).message, message);
  }
});

test.run();
