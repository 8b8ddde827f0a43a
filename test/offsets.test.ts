// Parameters and data far from 0: everything answers as it does near 0, and what no double can hold is refused.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import type { Distribution } from "../src/distributions/distribution.ts";
import { logNormal } from "../src/distributions/log-normal.ts";
import { gaussianNoise, type Noise } from "../src/distributions/noise.ts";
import { normal } from "../src/distributions/normal.ts";
import { product } from "../src/distributions/product.ts";
import { softUniform } from "../src/distributions/soft-uniform.ts";
import { truncatedNormal } from "../src/distributions/truncated-normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { add, concat, exp, input, mul, random, slice, sub } from "../src/graph/build.ts";
import { compile } from "../src/graph/program.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { atOnce } from "../src/host/yielding.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { erfc, log } from "../src/numbers/math.ts";
import { centreOf } from "../src/numbers/offsets.ts";
import { defineProblem, type Problem } from "../src/problem/problem.ts";
import { nuts } from "../src/sampling/nuts.ts";
import { predict, simulate } from "../src/simulate/simulate.ts";
import { load, toBytes } from "../src/store/store.ts";
import { surrogate } from "../src/surrogate/surrogate.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { rejection } from "./helpers/maps.ts";

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
  "a log-normal": { prior: logNormal(20, 1e-4), cdf: (x) => phi((log(x) - 20) / 1e-4) },
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
      other.forEach((x, i) => assert.ok(Math.abs(x - means[0][i]) < 1e-5, `${x}, ${means[0][i]}`));
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

test.run();
