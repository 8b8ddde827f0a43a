// slow (16 s): each of the functions that answer is asked at several offsets.
// Parameters and data far from 0: everything answers as it does near 0, and what no double can hold is refused.
// It is long because its tests share the sources, priors and closed forms below.
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import type { Distribution } from "../src/distributions/distribution.ts";
import { logNormal } from "../src/distributions/log-normal.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import type { Noise } from "../src/distributions/noise/noise.ts";
import { poissonNoise } from "../src/distributions/noise/poisson.ts";
import { normal } from "../src/distributions/normal.ts";
import { product } from "../src/distributions/product.ts";
import { softUniform } from "../src/distributions/soft-uniform.ts";
import { truncatedNormal } from "../src/distributions/truncated-normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { evaluate } from "../src/evaluate/evaluate.ts";
import { add, cast, concat, div, exp, input, log, mul, random, square, sub } from "../src/graph/build.ts";
import { compile } from "../src/graph/program.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { spline } from "../src/guides/spline.ts";
import { atOnce } from "../src/host/yielding.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { erfc, log as logOf } from "../src/numbers/math.ts";
import { centreOf } from "../src/numbers/offsets.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { nuts } from "../src/sampling/nuts.ts";
import { decodeBankFile, encodeHead, encodeRecord } from "../src/simulate/bank-file.ts";
import { predict } from "../src/simulate/predict.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { decodeNpy } from "../src/store/npy.ts";
import { load, toBytes } from "../src/store/store.ts";
import { surrogate } from "../src/surrogate/surrogate.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { retrodict } from "./helpers/cli.ts";
import { rejection } from "./helpers/maps.ts";

const folder = fs.mkdtempSync(join(tmpdir(), "retrodict-offsets-"));
test.after(() => fs.rmSync(folder, { recursive: true }));

const kernels = "plain";
const phi = (z: number): number => 0.5 * erfc(-z * Math.SQRT1_2);
const GPS = 1126259462;

interface Far {
  readonly prior: Distribution;
  readonly cdf: (x: number) => number;
}
const far: Readonly<Record<string, Far>> = {
  "a normal": { prior: normal(5200000.25, 0.3), cdf: (x) => phi((x - 5200000.25) / 0.3) },
  "a normal below 0": { prior: normal(-1e9, 2), cdf: (x) => phi((x + 1e9) / 2) },
  "a narrow interval": { prior: uniform(GPS + 0.3, GPS + 0.5), cdf: (x) => (x - (GPS + 0.3)) / 0.2 },
  "an interval of a few numbers of single precision": { prior: uniform(1e9, 1e9 + 200), cdf: (x) => (x - 1e9) / 200 },
  "a half-line": {
    prior: truncatedNormal(1e8, 0.5, 1e8, Infinity),
    cdf: (x) => 2 * phi((x - 1e8) / 0.5) - 1,
  },
  "a log-normal": { prior: logNormal(20, 1e-4), cdf: (x) => phi((logOf(x) - 20) / 1e-4) },
};
const S = 2000;

for (const [what, { prior, cdf }] of Object.entries(far)) {
  test(`draws of ${what} are distinct, within its support and of its law, and reach a simulator as they are`, async () => {
    const seen: number[] = [];
    const problem = defineProblem({
      name: "far",
      prior,
      data: 1,
      noise: null,
      simulate: (rows) =>
        rows.map(([x]) => {
          seen.push(x);
          return [x];
        }),
    });
    const { theta, clean, noisy } = await simulate(problem, S, { seed: 3, kernels });
    assert.instance(theta, Float64Array);
    assert.equal(
      [theta, clean, noisy],
      [seen, seen, seen].map((x) => Float64Array.from(x)),
    );
    // The interval of 0.2 s has 840,000 numbers: of 2000 draws about two fall on others.
    assert.ok(new Set(theta).size > S - 15, `${new Set(theta).size}`);
    assert.ok(theta.every((x) => x >= prior.low[0] && x <= prior.high[0]));
    assert.ok(ksOneSample(theta, cdf) < ksBound(S, 1e-6));
  });

  test(`${what} about its centre has the density and the map to the line of the distribution itself`, async () => {
    const centre = centreOf(prior.mean, prior.sd) as Float64Array;
    assert.equal(centre, prior.mean);
    const about = prior.about(centre);
    const near = input("near", 1);
    const theta = input("theta", 1, { dtype: "f64" });
    const single = about.toReal(near);
    const outputs = {
      logP: about.logDensity(near),
      back: about.fromReal(single),
      volume: about.logDetToReal(near),
      real: single,
      expected: prior.logDensity(theta),
      expectedVolume: prior.logDetToReal(theta),
      expectedReal: prior.toReal(theta),
    };
    const executor = await createWasm(atOnce(compile({ both: { outputs } })), { build: kernels });
    const points = [-1.2, -0.5, 0.1, 1.2].map((z) => Math.fround(z * prior.sd[0]));
    const inputs = { near: points, theta: points.map((x) => x + centre[0]) };
    const out = await executor.run("both", { rows: points.length, inputs });
    for (const [i, x] of points.entries()) {
      assert.ok(Math.abs(out.logP[i] - out.expected[i]) < 2e-5 * (1 + Math.abs(out.expected[i])), `log p at ${x}`);
      assert.ok(
        Math.abs(out.volume[i] - out.expectedVolume[i]) < 2e-5 * (1 + Math.abs(out.volume[i])),
        `volume at ${x}`,
      );
      assert.ok(Math.abs(out.back[i] - x) < 1e-5 * prior.sd[0], `back at ${x}`);
      // In z. On the line that has no bounds the coordinate itself is less its centre.
      const [z, expected] = [
        (out.real[i] - about.realMean[0]) / about.realSd[0],
        (out.expectedReal[i] - prior.realMean[0]) / prior.realSd[0],
      ];
      assert.ok(Math.abs(z - expected) < 2e-5, `z at ${x}: ${z}, ${expected}`);
    }
  });
}

/** θ₁, θ₂ ~ N(offset, 0.3²); y = θ + N(0, 0.1²), and 1e6 + 0.01 θ with noise of 0.001. */
const linear = (offset: number, more: object = {}): Problem =>
  defineProblem({
    name: "far-linear",
    prior: normal([offset, offset], 0.3),
    forward: (theta) => concat(theta, add(mul(theta, 0.01), 1e6)),
    noise: gaussianNoise([0.1, 0.1, 0.001, 0.001]),
    ...more,
  });
const near = [0.2, -0.1];
const dataOf = (offset: number): number[] => [
  ...near.map((x) => offset + x),
  ...near.map((x, d) => 0.01 * (offset + x) + 1e6 + (d === 0 ? 0.0005 : 0)),
];
/** Prior, two data of 0.1 and two of 0.001/0.01 = 0.1: precisions add. */
const PRECISION = 1 / 0.09 + 100 + 100;
const closed = { sd: PRECISION ** -0.5, mean: [(100 * 0.2 + 100 * 0.25) / PRECISION, (200 * -0.1) / PRECISION] };
const OFFSETS = [0, 5200000.25, 1e9] as const;
/** The linear base is the posterior of a linear model: one small step leaves it. */
const quick: TrainOptions = {
  guide: gaussian({ hidden: [4], base: "linear" }),
  steps: 1,
  rate: 1e-12,
  batch: 8,
  heldOut: 256,
  seed: 1,
  kernels,
  onWarning: () => {}, // of a single step
};

/** Largest distance of means and relative distance of sds, in posterior sds. */
function apart(q: { mean: ArrayLike<number>; sd: ArrayLike<number> }, offset: number): number {
  const off = closed.mean.map((m, d) => Math.max(Math.abs(q.mean[d] - offset - m), Math.abs(q.sd[d] - closed.sd)));
  return Math.max(...off) / closed.sd;
}

const sources: Readonly<Record<string, (offset: number) => [Problem, TrainOptions]>> = {
  "an online simulation": (offset) => [linear(offset), quick],
  "a bank": (offset) => [linear(offset), { ...quick, bank: 8192 }],
  "a simulator": (offset) => [
    linear(offset, {
      forward: null,
      data: 4,
      simulate: (rows: Float64Array[]) => rows.map(([a, b]) => [a, b, a * 0.01 + 1e6, b * 0.01 + 1e6]),
    }),
    { ...quick, bank: 8192 },
  ],
};
for (const [what, make] of Object.entries(sources)) {
  test(`maps from ${what} answer the closed form at any offset, with the same numbers`, async () => {
    const means: number[][] = [];
    for (const offset of OFFSETS) {
      const map = await train(...make(offset));
      const q = await infer(map, dataOf(offset));
      // 8192 simulations estimate the coefficients: 5/√8192 of an sd is 5 of their standard errors.
      assert.ok(apart(q, offset) < 0.055, `${offset}: ${apart(q, offset)}`);
      assert.is(q.warning, undefined);
      const draws = await q.sample(4000, { seed: 4 });
      assert.instance(draws, offset === 0 ? Float32Array : Float64Array);
      const first = draws.filter((_, i) => i % 2 === 0);
      assert.ok(ksOneSample(first, (x) => phi((x - q.mean[0]) / q.sd[0])) < ksBound(4000, 1e-6));
      const at = await q.logProb(q.mean);
      means.push([...Array.from(q.mean, (m) => m - offset), ...q.sd, at[0]]);
      const again = await infer(await load(await toBytes(map)), dataOf(offset));
      assert.equal(again.mean, q.mean);
      assert.equal(await again.sample(10), await q.sample(10));
    }
    // Rounding: of θ at 1e9, 1.2e-7, and of the data, 2e-9; both are seen through single precision in prior sds.
    for (const other of means.slice(1))
      for (const [i, x] of other.entries()) assert.ok(Math.abs(x - means[0][i]) < 1e-5, `${x}, ${means[0][i]}`);
  });
}

test("Laplace's approximation, chains and corrections are those near 0", async () => {
  for (const offset of OFFSETS.slice(1)) {
    const problem = linear(offset);
    const [y, zero] = [dataOf(offset), dataOf(0)];
    const [q, at0] = [await laplace(problem, y), await laplace(linear(0), zero)];
    assert.ok(apart(q, offset) < 2e-5, `Laplace: ${apart(q, offset)}`); // rounding of data at 1e9 beside their noise
    assert.ok(Math.abs(q.logEvidence - at0.logEvidence) < 1e-4);
    assert.instance(await q.sample(3), Float64Array);
    const chains = await nuts(problem, y, { chains: 4, draws: 500, warmup: 100, seed: 2, kernels });
    assert.ok(apart(chains, offset) < 0.15, `chains: ${apart(chains, offset)}`); // 1000 effective draws: 4.7 standard errors
    assert.ok(chains.diagnostics.rHat < 1.02);
    const from = await nuts(problem, y, { chains: 1, draws: 20, warmup: 20, start: [offset, offset + 0.1], kernels });
    assert.ok(Math.abs(from.mean[0] - offset) < 1);
    const map = await train(problem, quick);
    for (const method of ["psis", "nuts"] as const) {
      const c = await (await infer(map, y)).correct({ method, chains: 4, drawsPerChain: 400, seed: 6 });
      assert.ok(apart(c, offset) < 0.15, `${method}: ${apart(c, offset)}`);
      assert.instance(c.draws, Float64Array);
      assert.ok(Math.abs(c.quantile(0.5)[0] - offset - closed.mean[0]) < 0.2 * closed.sd);
      assert.ok(Math.abs(c.logEvidence - at0.logEvidence) < 0.1);
    }
  }
});

test("predictions are of the parameters themselves, and data far from 0 alone are centred", async () => {
  const problem = linear(1e9);
  assert.equal(
    await predict(problem, [1e9 + 0.25, 1e9 - 0.5]),
    Float64Array.of(1e9 + 0.25, 1e9 - 0.5, 1e6 + 0.01 * (1e9 + 0.25), 1e6 + 0.01 * (1e9 - 0.5)),
  );
  const ordinary = defineProblem({
    name: "signal",
    prior: normal(0, 1),
    forward: (theta) => add(mul(theta, 0.01), 1e6),
    noise: gaussianNoise(0.005),
  });
  const { theta, clean, noisy } = await simulate(ordinary, 500, { seed: 1 });
  assert.instance(theta, Float32Array);
  assert.instance(noisy, Float64Array);
  // Rounding of θ, which is single, times 0.01.
  assert.ok(clean.every((y, i) => Math.abs(y - 1e6 - 0.01 * theta[i]) < 4e-9));
  const q = await infer(await train(ordinary, quick), [1e6 + 0.01]);
  // Precision 1 + (0.01/0.005)² = 5, mean 4/5.
  assert.ok(Math.abs(q.mean[0] - 0.8) < 0.03 && Math.abs(q.sd[0] - 5 ** -0.5) < 0.02, `${q.mean} ${q.sd}`);
  assert.instance(await q.sample(2), Float32Array);
});

const refused: readonly [string, () => unknown, RegExp][] = [
  [
    "a prior that double precision cannot hold",
    () => linear(1e17),
    /^far-linear: expected θ1 to vary .*, got values around 100000000000000000 with an sd of 0.3; subtract a reference value from it$/,
  ],
  [
    "a log-normal beyond single precision",
    () => linear(0, { prior: product(normal(0, 1), logNormal(100, 1)) }),
    /^far-linear: expected θ2 to vary .*, got logarithms around 100 with an sd of 1; choose a unit in which it is of order 1$/,
  ],
  ["a log-normal below it", () => linear(0, { prior: logNormal([-100, 0], 1) }), /expected θ1 .*; choose a unit/],
  ["a spread whose square is 0", () => linear(0, { prior: normal(0, [1, 1e-30]) }), /expected θ2 .*; choose a unit/],
  [
    "a proposal",
    () => linear(0, { proposal: softUniform(1e17, [1e17 + 64, 1e17 + 64], 1) }),
    /expected θ1 .*; subtract a/,
  ],
];
for (const [what, make, message] of refused)
  test(`${what} is refused with what to do`, () => {
    assert.throws(make, message);
  });

const signal = (offset: number, more: object = {}): Problem =>
  defineProblem({
    name: "signal",
    prior: normal(0, 1),
    forward: (theta) => add(theta, offset),
    noise: gaussianNoise(0.5),
    ...more,
  });

test("data that double precision cannot hold are refused, or told where nobody knows their noise", async () => {
  const { message } = await rejection(train(signal(1e17), quick));
  assert.match(
    message,
    /^simulate: data "y1" of "signal" lie around 100000000000000000, .*; subtract a reference value/,
  );
  const simulated = signal(1e17, {
    forward: null,
    data: 2,
    noise: null,
    simulate: (rows: Float64Array[]) => rows.map(([x]) => [1e17 + 64 * x, x]),
  });
  const warnings: string[] = [];
  await train(simulated, { ...quick, bank: 500, onWarning: (text) => warnings.push(text) });
  assert.match(
    warnings.join(),
    /data "y1" of "signal" lie around .*: it is taken for constant; if it is not, subtract/,
  );
});

test("noise that depends on the data sees them, not what is left of them", async () => {
  // sd 0.5 e^(y − 1e6 − θ̄): as large as that of a problem whose data lie near 0.
  const size = (y: Tensor, offset: number): Tensor => exp(mul(sub(y, offset), 0.25));
  const noise = (offset: number): Noise => ({
    ...gaussianNoise(0.5),
    additive: undefined,
    draw: (clean, stream) =>
      add(clean, mul(mul(cast(random("normal", 1, stream, clean.rows), clean.dtype), 0.5), size(clean, offset))),
    logDensity: (y, clean) => {
      const sd = mul(size(clean, offset), 0.5);
      return sub(mul(square(div(sub(y, clean), sd)), -0.5), log(sd));
    },
  });
  for (const options of [{ bank: 4000 }, {}, { objective: "elbo", steps: 30, rate: 1e-3 }] as const) {
    const answers: number[] = [];
    for (const offset of [0, 1e6]) {
      const problem = signal(offset, { noise: noise(offset) });
      const q = await infer(await train(problem, { ...quick, ...options }), [offset + 0.7]);
      answers.push(q.mean[0], q.sd[0]);
    }
    // Rounding of data at 1e6, 1e-10, beside sums of single precision.
    assert.ok(Math.abs(answers[2] - answers[0]) < 1e-4 && Math.abs(answers[3] - answers[1]) < 1e-4, `${answers}`);
  }
});

test("counts far from 0 stay counts: their density is finite, and guides on every base learn from them", async () => {
  // Counts of 1e10 ± 1e5. Given θ they are normal but for a skewness of 1e-5, so the posterior of θ is N(z/2, 1/2), z = (y − 1e10)/1e5.
  const problem = defineProblem({
    name: "counts",
    prior: normal(0, 1),
    forward: (theta) => add(mul(theta, 1e5), 1e10),
    noise: poissonNoise(),
  });
  const { noisy } = await simulate(problem, 3, { seed: 9, kernels });
  assert.ok(noisy.every(Number.isInteger), `${noisy}`);
  for (const options of [
    { guide: gaussian({ hidden: [8], base: "linear" }), objective: "elbo", bank: 0, steps: 300, rate: 1e-3 },
    { guide: gaussian({ hidden: [8], base: "laplace" }), bank: 1000, steps: 1, rate: 1e-12 },
  ] as const) {
    const map = await train(problem, { ...quick, ...options });
    for (const y of noisy) {
      const q = await infer(map, [y]);
      const z = (y - 1e10) / 1e5;
      // The guides start at this posterior; the ELBO's steps of Adam move each weight by the rate, in all by a hundredth or two.
      assert.ok(Math.abs(q.mean[0] - z / 2) < 0.05 && Math.abs(q.sd[0] - Math.SQRT1_2) < 0.05, `${q.mean}, ${z / 2}`);
    }
  }
});

test("a guide on Laplace's base and a flow answer at an offset as near 0, and correct in their own noise", async () => {
  for (const guide of [gaussian({ hidden: [4], base: "laplace" }), spline({ base: "linear" })]) {
    const answers: number[][] = [];
    for (const offset of [0, 5200000.25]) {
      const map = await train(linear(offset), { ...quick, guide, bank: 2000 });
      const q = await infer(map, dataOf(offset));
      assert.ok(apart(q, offset) < 0.12, `${guide.name}: ${apart(q, offset)}`);
      answers.push([...q.mean].map((m) => m - offset));
      const chains = await q.correct({ method: "nuts", chains: 2, drawsPerChain: 300 });
      assert.ok(apart(chains, offset) < 0.25, `chains: ${apart(chains, offset)}`);
    }
    for (const d of [0, 1]) assert.ok(Math.abs(answers[1][d] - answers[0][d]) < 1e-4, `${answers}`);
  }
});

test("pairs from elsewhere are centred by the prior and by themselves, and those of another prior are told", async () => {
  const offset = 5200000.25;
  const { theta, clean } = await simulate(linear(offset), 4000, { seed: 8, kernels });
  const alone = linear(offset, { forward: null, data: 4 });
  const warnings: string[] = [];
  const onWarning = (text: string): void => void warnings.push(text);
  const map = await train(alone, { ...quick, bank: { theta, y: clean }, onWarning });
  assert.not.match(warnings.join(), "drawn from the prior");
  assert.ok(apart(await infer(map, dataOf(offset)), offset) < 0.08);
  warnings.length = 0;
  await train(alone, { ...quick, bank: { theta, y: Float32Array.from(clean) }, onWarning });
  assert.match(warnings.join(), /^bank.y: the data lie so far from 0 that single precision, .*; give them in double/);
  const single = await infer(map, Float32Array.from(dataOf(offset)));
  assert.match(
    single.warning ?? "",
    /^the observation is given in single precision, .*: give numbers of double precision/,
  );
  assert.match(inspect(single), /θ1 +5200000\.[0-9]{4,} +0\.0/);
  await train(alone, { ...quick, bank: { theta: theta.map((x) => x + 0.2), y: clean }, onWarning });
  assert.match(warnings.join(), /θ1 has mean 5200000.4\d+ and sd 0.[23]\d*, the prior 5200000.25 and 0.3;/);
});

test("a bank file holds data in double precision, and files of version 0.1 are read", async () => {
  const bankFile = join(folder, "far.bank");
  const problem = sources["a simulator"](1e9)[0];
  const first = await simulate(problem, 50, { bankFile, kernels });
  const again = await simulate(problem, 50, { bankFile, kernels });
  assert.equal(again.clean, first.clean);
  assert.instance(again.clean, Float64Array);
  const identity = { problem: "old", D: 1, M: 2, prior: null, proposal: null, seed: 0 };
  const record = { step: -1, rows: Uint32Array.of(3), failed: Uint32Array.of(0), theta: Float64Array.of(0.5) };
  const old = encodeRecord({ ...record, data: Float32Array.of(1.5, 2.5) });
  const { records } = decodeBankFile(Buffer.concat([encodeHead(identity), old]), "old", identity);
  assert.equal(records, [{ ...record, data: Float64Array.of(1.5, 2.5) }]);
});

test("a surrogate of a model far from 0 is as good as near it", async () => {
  const small = { bank: 800, heldOut: 200, steps: 300, hidden: 16, blocks: 1, seed: 1, kernels } as const;
  const far = await surrogate(linear(1e9), small);
  const near = await surrogate(linear(0), small);
  assert.ok(Math.abs(far.error.rms - near.error.rms) < 0.05 * near.error.rms, `${far.error.rms}, ${near.error.rms}`);
  assert.ok(apart(await laplace(far, dataOf(1e9)), 1e9) < 0.3);
});

test("an evaluation at an offset finds the map sound", async () => {
  const map = await train(linear(5200000.25), { ...quick, bank: 8192 });
  const found = await evaluate(map, { cases: 6, draws: 300, calibration: 200, seed: 4 });
  assert.is(found.against.name, "quadrature");
  assert.ok((found.ks?.guide.mean ?? 1) < 0.12, `${found.ks?.guide.mean}`);
  assert.ok(found.calibration.sbc.passed && found.warned === 0);
  assert.ok(found.resimulation !== null && found.resimulation.guide < 3);
});

test("a loaded model knows its problem from one whose signal is another beside the same offset", async () => {
  const slope = (by: number): Problem =>
    signal(0, { forward: (theta: Tensor) => add(mul(theta, by), 1e6), noise: gaussianNoise(0.005) });
  const bytes = await toBytes(await train(slope(0.01), quick));
  await load(bytes, { problem: slope(0.01) });
  const { message } = await rejection(load(bytes, { problem: slope(0.02) }));
  assert.match(message, /the forward model at 8 fixed parameters \(column 1 of the data\)/);
});

test("a worker and threads answer the same bits", async () => {
  const map = await train(linear(1e9), quick);
  const q = await infer(map, dataOf(1e9));
  const other = await infer(map, dataOf(1e9), { threads: 2 });
  assert.equal(await other.sample(100, { seed: 2 }), await q.sample(100, { seed: 2 }));
});

test("the command line writes double precision where draws need it", async () => {
  const offset = 1e9;
  const model = join(folder, "far.safetensors");
  const out = join(folder, "draws");
  fs.writeFileSync(model, await toBytes(await train(linear(offset), quick)));
  const data = join(folder, "y.csv");
  fs.writeFileSync(data, `${dataOf(offset).join(",")}\n`);
  const q = await infer(await load(model), dataOf(offset), { kernels });
  const draws = [...(await q.sample(20, { seed: 0 }))];
  const read: Readonly<Record<string, (bytes: Buffer) => number[]>> = {
    npy: (bytes) => [...decodeNpy(bytes).data],
    csv: (bytes) =>
      String(bytes)
        .trim()
        .split("\n")
        .slice(1)
        .flatMap((line) => line.split(",").slice(2).map(Number)),
    json: (bytes) => JSON.parse(String(bytes)).draws[0].flat(),
  };
  for (const [kind, numbers] of Object.entries(read)) {
    const args = ["infer", model, "--data", data, "--samples", "20", "--out", `${out}.${kind}`, "--kernels", kernels];
    const { status, out: told, err } = await retrodict(args);
    assert.is(status, 0, err);
    assert.equal(numbers(fs.readFileSync(`${out}.${kind}`)), draws);
    assert.match(told, /θ1 +1000000000\.2[0-2]\d\d /); // mean 0.213, to four digits of its sd
  }
});

test("a forward model in the steps of a training at an offset is refused on WebGPU, which has no double precision", async () => {
  const { message } = await rejection(train(linear(1e9), { ...quick, backend: "webgpu", kernels: undefined }));
  assert.match(
    message,
    /^train: the offsets of "far-linear" need double precision .*; use backend "wasm", or objective/,
  );
});

test.run();
