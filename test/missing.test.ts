// slow (15 s): small maps are trained
// Maps that are trained for missing data and for noise of any scale: the linear base is the exact posterior of what was observed, masks
// are drawn as stated, corrections are exact, files hold them, and what a map was not trained for is refused by name.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evaluate } from "../src/backends/reference/evaluate.ts";
import { categoricalNoise } from "../src/distributions/noise/categorical.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { poissonNoise } from "../src/distributions/noise/poisson.ts";
import { normal } from "../src/distributions/normal.ts";
import { add, constant, exp, input, matmul, slice, where } from "../src/graph/build.ts";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { makeInverseMap } from "../src/model/model.ts";
import { defineProblem } from "../src/problem/define.ts";
import { unpackRow } from "../src/problem/layout.ts";
import type { Problem } from "../src/problem/problem.ts";
import { linearGaussian, linearGaussianPosterior } from "../src/problems/linear-gaussian.ts";
import { nuts } from "../src/sampling/nuts.ts";
import { decodeModel, encodeModel } from "../src/store/model-file.ts";
import { type Missing, readCircumstances, type ScaleOptions, withCircumstances } from "../src/train/circumstances.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";

const quiet = { onWarning: () => {} };
const NaN_ = Number.NaN;

/** A curved problem of four data, and the problem of some of them. */
const curved = (
  of: readonly number[] = [0, 1, 2, 3],
  scale = 1,
  noise = (sd: number[]) => gaussianNoise(sd),
): Problem =>
  defineProblem({
    name: "curved",
    prior: normal([0, 0], 1),
    forward: (theta) => {
      const matrix = Float64Array.from(
        { length: 2 * of.length },
        (_, k) =>
          [
            [1, 0.5, -0.3, 0.8],
            [0.2, -1, 0.6, 0.4],
          ][Math.floor(k / of.length)][of[k % of.length]],
      );
      return exp(matmul(theta, constant(matrix, theta.dtype, 2)));
    },
    noise: noise(of.map((m) => scale * [0.1, 0.2, 0.15, 0.1][m])),
  });
const y = [1.3, 0.7, 1.1, 1.2];

const short: TrainOptions = {
  ...quiet,
  guide: gaussian({ hidden: [16] }),
  steps: 300,
  batch: 64,
  bank: 2000,
  heldOut: 256,
};

test("on a linear base a map of a linear problem is exact before it is trained, for any subset and noise scale", async () => {
  const guide = gaussian({ hidden: [], base: "linear" });
  const options: TrainOptions = {
    ...quiet,
    guide,
    steps: 1,
    batch: 64,
    heldOut: 64,
    rate: 1e-9,
    missing: "any",
    noise: { scale: [0.5, 2] },
  };
  const map = await train(linearGaussian, options);
  for (const [every, scale] of [
    [3, 1.3],
    [2, 0.5],
    [20, 2],
    [1, 1],
  ]) {
    const data = Array.from({ length: 20 }, (_, i) => (i % every || every === 1 ? Math.sin(i) : NaN_));
    const { mean, sd } = await infer(map, data, { noise: { scale } });
    const exact = await laplace(linearGaussian, data, { noise: { scale } });
    // Single precision of matrices whose condition is at most 1 + 20/0.5² (unit entries at most 0.5, noise 0.25): 100 u, and a few terms.
    for (let d = 0; d < 10; d++) {
      assert.ok(Math.abs(mean[d] - exact.mean[d]) < 1e-4 * exact.sd[d], `mean ${d}: ${mean[d]} for ${exact.mean[d]}`);
      assert.ok(Math.abs(sd[d] / exact.sd[d] - 1) < 1e-4, `sd ${d}`);
    }
  }
  const whole = linearGaussianPosterior(Array.from({ length: 20 }, (_, i) => Math.sin(i)));
  const all = await infer(
    map,
    Array.from({ length: 20 }, (_, i) => Math.sin(i)),
  );
  for (const [d, m] of all.mean.entries()) assert.ok(Math.abs(m - whole.mean[d]) < 1e-4);
});

test("Laplace's approximation and chains of part of the data are those of the problem of these data", async () => {
  const of = [0, 2, 3];
  const seen = y.map((v, m) => (of.includes(m) ? v : NaN_));
  const given = await laplace(curved(), seen, { noise: { scale: 1.5 } });
  const alone = await laplace(
    curved(of, 1.5),
    of.map((m) => y[m]),
  );
  for (const [d, m] of given.mean.entries()) assert.ok(Math.abs(m - alone.mean[d]) < 1e-9);
  for (const [k, c] of given.covariance.entries()) assert.ok(Math.abs(c - alone.covariance[k]) < 1e-9);
  assert.ok(Math.abs(given.logEvidence - alone.logEvidence) < 1e-9);
  assert.ok(Number.isNaN(given.y[1]) && given.y[0] === y[0]);
  const withNull = await laplace(curved(), [y[0], null, y[2], y[3]] as number[], { noise: { scale: 1.5 } });
  assert.equal(withNull.mean, given.mean);
  const [chains, own] = await Promise.all([
    nuts(curved(), seen, { noise: { scale: 1.5 }, draws: 50 }),
    nuts(
      curved(of, 1.5),
      of.map((m) => y[m]),
      { draws: 50 },
    ),
  ]);
  // One seed and one density up to rounding: chains part only where a rounding decides.
  for (const [d, m] of chains.mean.entries()) assert.ok(Math.abs(m - own.mean[d]) < 0.2 * own.sd[d]);
  const [row, full] = await laplace(curved(), [seen, y], { noise: [{ scale: 1.5 }, { scale: [1, 1, 1, 1] }] });
  assert.ok(Math.abs(row.mean[0] - given.mean[0]) < 1e-9);
  assert.ok(Math.abs(full.mean[0] - (await laplace(curved(), y)).mean[0]) < 1e-9);
});

for (const [label, options] of [
  ["gaussian", { guide: gaussian({ hidden: [16] }) }],
  ["coupling on a linear base", { guide: coupling({ blocks: 1, hidden: [16], base: "linear", separate: false }) }],
  ["gaussian on Laplace's base", { guide: gaussian({ hidden: [16], base: "laplace" }), steps: 100 }],
  ["principal components", { embedding: { principal: 3 } }],
  ["logarithms", { embedding: "log" }],
  ["the ELBO", { objective: "elbo", bank: 0, steps: 60, particles: 2 }],
] as const)
  test(`${label}: a map for missing data and noise scales is corrected to the exact posterior of what was observed`, async () => {
    const map = await train(curved(), {
      ...short,
      ...options,
      missing: { rate: [0, 0.9] },
      noise: { scale: [0.5, 2], each: true },
    });
    for (const [of, scale] of [
      [[0, 2, 3], 1.5],
      [[1], 0.8],
      [[0, 1, 2, 3], 1],
    ] as const) {
      const seen = y.map((v, m) => ((of as readonly number[]).includes(m) ? v : NaN_));
      const posterior = await infer(map, seen, { noise: { scale: [scale, scale, scale, scale] } });
      assert.is(posterior.warning, undefined);
      const corrected = await posterior.correct({ method: "psis", draws: 4000 });
      const truth = curved(of, scale);
      const exact = await nuts(
        truth,
        of.map((m) => y[m]),
        { draws: 1500 },
      );
      // Two Monte Carlo means of at least 400 effective draws: 5 standard errors of √(2/400) sd.
      for (const [d, m] of corrected.mean.entries())
        assert.ok(
          Math.abs(m - exact.mean[d]) < 5 * Math.sqrt(2 / Math.min(400, corrected.ess)) * exact.sd[d],
          `${of}: ${m} for ${exact.mean[d]}`,
        );
    }
  });

test("chains in the noise of a guide start at a posterior of part of the data", async () => {
  const map = await train(curved(), {
    ...short,
    guide: coupling({ blocks: 1, hidden: [8] }),
    missing: "any",
    noise: { scale: [0.5, 2] },
  });
  const posterior = await infer(map, [y[0], NaN_, y[2], NaN_], { noise: { scale: 1.5 } });
  const corrected = await posterior.correct({ method: "nuts", drawsPerChain: 200 });
  const exact = await nuts(curved([0, 2], 1.5), [y[0], y[2]], { draws: 1000 });
  for (const [d, m] of corrected.mean.entries()) assert.ok(Math.abs(m - exact.mean[d]) < 0.25 * exact.sd[d]);
  assert.throws(() => corrected.quantile(2));
  const other = await infer(map, [y[0], NaN_, y[2], y[3]], { noise: { scale: 1.5 } });
  const fails = await nuts(curved(), [y[0], NaN_, y[2], NaN_], { start: other, noise: { scale: 1.5 } }).catch((e) => e);
  assert.match(fails.message, /expected start to be a posterior of the same data/);
});

/** Rows drawn for a problem of M data. */
function rowsOf(M: number, missing: Missing, noise?: ScaleOptions, count = 4000) {
  const problem = defineProblem({
    name: "rows",
    prior: normal(new Float64Array(M), 1),
    forward: (t) => add(t, 0),
    noise: gaussianNoise(1),
  });
  const rows = withCircumstances(problem, readCircumstances(problem, missing, noise));
  const clean = input("clean", M, { dtype: "f64" });
  const row = rows.noise.at(input("theta", M, { dtype: "f64" }), clean).draw(clean, 101);
  const { out } = evaluate({ out: row }, { rows: count, inputs: { clean: new Float64Array(count * M) } });
  const { width } = rows.layout;
  return Array.from({ length: count }, (_, i) => unpackRow(rows.layout, out.slice(i * width, (i + 1) * width)));
}
/** A share of `count` draws within 4.5 standard errors of p, which 1 of 150,000 exceeds. */
const near = (share: number, p: number, count: number, label: string): void =>
  assert.ok(Math.abs(share - p) <= 4.5 * Math.sqrt((p * (1 - p)) / count), `${label}: ${share} for ${p}`);
const shareOf = <T>(rows: readonly T[], test: (row: T) => boolean): number => rows.filter(test).length / rows.length;

test("data are missing at the rate, in the groups and in the runs that are stated", () => {
  const alone = rowsOf(5, { rate: 0.3, complete: 0.25 });
  const mask = (row: (typeof alone)[number]): number[] => Array.from(row.mask ?? []);
  near(
    shareOf(alone, (r) => mask(r)[2] === 0),
    0.3 * 0.75,
    4000,
    "one datum",
  );
  near(
    shareOf(alone, (r) => mask(r).every(Boolean)),
    0.25 + 0.75 * 0.7 ** 5,
    4000,
    "complete",
  );
  near(
    shareOf(alone, (r) => mask(r)[0] === 0 && mask(r)[1] === 0),
    0.75 * 0.09,
    4000,
    "two",
  );
  assert.ok(alone.every((r) => mask(r).every((o, m) => o === 1 || (o === 0 && r.y[m] === 0))));
  near(
    shareOf(rowsOf(1, "any"), (r) => r.mask?.[0] === 0),
    0.75 / 2,
    4000,
    "any",
  );
  const blocks = rowsOf(4, { rate: 0.5, complete: 0, blocks: [[0, 1]] });
  // Half of the rows fail by groups: then 0 and 1 are alike, and 2 and 3 are observed.
  near(
    shareOf(blocks, (r) => r.mask?.[0] !== r.mask?.[1]),
    0.25,
    4000,
    "groups",
  );
  near(
    shareOf(blocks, (r) => r.mask?.[3] === 0),
    0.25,
    4000,
    "others",
  );
  const runs = rowsOf(10, { rate: 0.4, complete: 0, runs: true });
  const gaps = (r: (typeof runs)[number]): number =>
    mask(r).filter((o, m) => o === 0 && (m === 0 || mask(r)[m - 1] === 1)).length;
  const isRun = shareOf(runs, (r) => gaps(r) === 1 && mask(r).filter((o) => o === 0).length === 4);
  // Runs begin at −4…9 evenly, and 7 of 14 lie inside; by chance alone 7 · 0.4⁴ · 0.6⁶ of the others do.
  near(isRun, 0.5 * 0.5 + 0.5 * 7 * 0.4 ** 4 * 0.6 ** 6, 4000, "runs");
});

test("noise scales are uniform in their logarithm, and drawn for each where that is asked", () => {
  const one = rowsOf(3, { rate: 0 }, { scale: [0.5, 2] });
  near(
    shareOf(one, (r) => (r.logScale?.[0] ?? 9) < 0),
    0.5,
    4000,
    "median",
  );
  assert.ok(one.every((r) => Math.abs(r.logScale?.[0] ?? 9) <= Math.log(2)));
  const spread = one.reduce((sum, r) => sum + r.y[0] ** 2, 0) / 4000;
  const expected = (4 - 0.25) / (2 * Math.log(4)); // E s²
  assert.ok(Math.abs(spread / expected - 1) < 0.15, `${spread} for ${expected}`);
  const each = rowsOf(3, { rate: 0 }, { scale: [0.5, 2], each: true });
  near(
    shareOf(each, (r) => r.logScale?.[0] === r.logScale?.[1]),
    0.5,
    4000,
    "one for all",
  );
});

test("a function of one's own draws masks", () => {
  const rows = rowsOf(2, ({ uniform }) => where(add(slice(uniform(1), 0, 1), -0.25), add(uniform(2), 1), 0));
  near(
    shareOf(rows, (r) => r.mask?.[0] === 0 && r.mask?.[1] === 0),
    0.25,
    4000,
    "both",
  );
  assert.ok(rows.every((r) => r.mask?.[0] === r.mask?.[1]));
});

test("a file holds what a map was trained for, and its posteriors are the same to the bit", async () => {
  const map = await train(curved(), { ...short, steps: 20, missing: "any", noise: { scale: [0.5, 2] } });
  const { spec, tensors } = await decodeModel(await encodeModel(map, "0"));
  assert.equal(spec.rows, { missing: true, scale: { low: 0.5, high: 2, each: false } });
  const again = await makeInverseMap(spec, tensors, null);
  const data = [y[0], NaN_, y[2], NaN_];
  const [a, b] = await Promise.all([map, again].map((m) => infer(m, data, { noise: { scale: 1.2 } })));
  assert.equal(a.mean, b.mean);
  assert.is(a.distance, b.distance);
  for (const change of [
    { rows: undefined },
    { distance: "relations" },
    { embedding: { ...spec.embedding, size: 3 } },
  ]) {
    const broken = encodeModel({ spec: { ...map.spec, ...change } as typeof map.spec, tensors: map.tensors }, "0");
    const error = await Promise.resolve(broken)
      .then(decodeModel)
      .catch((e) => e);
    assert.match(error.message, /model file: expected (rows, directions and the distance|embedding.size)/);
  }
});

test("what a map was not trained for is refused by name", async () => {
  const reason = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "none",
      (e) => e.message,
    );
  const plain = await train(curved(), { ...short, steps: 5 });
  assert.match(
    await reason(infer(plain, [1, NaN_, 1, 1])),
    /^y: expected finite numbers, got NaN in column 2; data may be missing where the map was trained with the option missing$/,
  );
  assert.match(
    await reason(infer(plain, y, { noise: { scale: 1 } })),
    /^infer: expected no noise for a map that was trained with the noise of "curved" alone/,
  );
  const masked = await train(curved(), { ...short, steps: 5, missing: "any", noise: { scale: [1.5, 2] } });
  assert.match(
    await reason(infer(masked, y)),
    /^infer: expected noise.scale from 1.5 to 2, for which the map was trained, got 1, the noise of the problem; give noise/,
  );
  assert.match(
    await reason(infer(masked, y, { noise: { scale: 3 } })),
    /from 1.5 to 2, for which the map was trained, got 3$/,
  );
  assert.match(
    await reason(infer(masked, y, { noise: { scale: [1.5, 2, 2, 2] } })),
    /expected one noise.scale for all data/,
  );
  assert.match(
    await reason(infer(masked, y, { noise: { scale: [1.5, 2] } })),
    /expected noise.scale to be a positive number, or 4 of them/,
  );
  assert.match(
    await reason(infer(masked, y, { noise: [{ scale: 2 }, { scale: 2 }] })),
    /expected noise of 1 observations, got 2/,
  );
  assert.match(
    await reason(infer(masked, [1, Number.POSITIVE_INFINITY, NaN_, 1], { noise: { scale: 2 } })),
    /got Infinity in column 2/,
  );
  const start = (options: TrainOptions, problem = curved()): Promise<string> =>
    reason(train(problem, { ...short, steps: 5, ...options }));
  assert.match(
    await start({ missing: { rate: 2 } }),
    /expected rate to be a number from 0 to 1, or two in order, got 2/,
  );
  assert.match(
    await start({ missing: { blocks: [[4]] } }),
    /expected blocks of missing to hold indices from 0 to 3, got 4/,
  );
  assert.match(await start({ missing: "some" as "any" }), /expected missing to be "any"/);
  assert.match(await start({ noise: { scale: [2, 1] } }), /expected scale to be two numbers .* the lower one first/);
  assert.match(await start({ missing: "any", embedding: "none" }), /embedding: expected one that standardises/);
  assert.match(await start({ missing: () => 3 as never }), /expected missing to return masks \(B, 4\)/);
  const of = (noise: () => Parameters<typeof defineProblem>[0]["noise"]): Problem =>
    curved(undefined, 1, noise as never);
  assert.match(
    await start(
      { noise: { scale: [0.5, 2] } },
      of(() => poissonNoise()),
    ),
    /noise.scale: expected noise with a scale/,
  );
  assert.match(
    await start(
      { missing: "any" },
      of(() => categoricalNoise({ classes: 2 })),
    ),
    /density of each of the data, because data may be missing, got "categorical"/,
  );
});

test.run();
