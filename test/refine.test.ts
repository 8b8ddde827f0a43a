// slow (4 s): trainings of several rounds
// Refinement for one observation: the regions, the draws of the prior within them, and what is learnt there, against closed forms.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { columns, concat } from "../src/graph/build.ts";
import { mul } from "../src/graph/elementwise.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { columnMoments } from "../src/numbers/moments.ts";
import { defineProblem } from "../src/problem/define.ts";
import { refine } from "../src/refine/refine.ts";
import { drawWithin, type Part, partOf, within } from "../src/refine/region.ts";
import { load, save } from "../src/store/store.ts";
import { train } from "../src/train/train.ts";
import { rejection } from "./helpers/maps.ts";

const quiet = { onWarning: () => {}, kernels: "plain" } as const;
const folder = mkdtempSync(join(tmpdir(), "retrodict-refine-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A disc of a radius about the origin, as the part of a density −|θ|². */
const disc = (radius: number): Part => ({
  level: -radius * radius,
  posterior: {
    sample: async (count) => new Float32Array(2 * count).map((_, i) => radius * 0.9 * Math.sin(i * 12.9898) * 0.7),
    logProb: async (theta) => {
      const flat = theta as Float64Array;
      return Float64Array.from({ length: flat.length / 2 }, (_, i) => -(flat[2 * i] ** 2) - flat[2 * i + 1] ** 2);
    },
  },
});
const box = (half: number) => ({ D: 2, prior: uniform(-half, [half, half]) });
/** |θ|² of uniform draws in a disc of radius r is uniform between 0 and r². */
function expectUniformDisc(theta: Float64Array, radius: number): void {
  const count = theta.length / 2;
  const squares = Float64Array.from(
    { length: count },
    (_, i) => (theta[2 * i] ** 2 + theta[2 * i + 1] ** 2) / radius ** 2,
  ).sort();
  const ks = squares.reduce((most, u, i) => Math.max(most, Math.abs(u - (i + 0.5) / count)), 0);
  assert.ok(squares[count - 1] <= 1 && ks < 1.95 / Math.sqrt(count), `${ks} of ${count}`); // 1 in 1000 of uniform draws
}

test("draws of the prior within a region are uniform where the prior is, by rejection and by walkers", async () => {
  const near = await drawWithin(box(1), [disc(0.5)], { count: 2000, seed: 1, kernels: "plain" });
  assert.is(near.by, "prior");
  const wanted = Math.PI / 16;
  assert.ok(Math.abs(near.accepted - wanted) < 5 * Math.sqrt(wanted / 16_384), `${near.accepted}`); // five standard errors
  expectUniformDisc(near.theta, 0.5);
  const far = await drawWithin(box(40), [disc(0.5)], { count: 2000, seed: 1, kernels: "plain" });
  assert.is(far.by, "walkers");
  expectUniformDisc(far.theta, 0.5);
});

test("walkers stay in the support, and follow a prior that is not flat", async () => {
  const narrow = { D: 2, prior: uniform([0, -40], [40, 40]) };
  const { theta, by } = await drawWithin(narrow, [disc(0.5)], { count: 2000, seed: 2, kernels: "plain" });
  assert.is(by, "walkers");
  assert.ok(
    theta.every((x, i) => i % 2 === 1 || x >= 0),
    "a half of the disc",
  );
  // N(0, 0.1²) about 60 sd beside a wide second entry: within the disc nearly all of it.
  const peaked = { D: 2, prior: normal([0, 0], [0.1, 1000]) };
  const drawn = await drawWithin(peaked, [disc(0.5)], { count: 2000, seed: 3, kernels: "plain" });
  assert.is(drawn.by, "walkers");
  const { sd } = columnMoments(drawn.theta, 2);
  assert.ok(Math.abs(sd[0] - 0.1) < (5 * 0.1) / Math.sqrt(4000), `${sd[0]}`);
});

test("a region is all of its parts, and a level leaves out the probability that is asked for", async () => {
  const theta = Float64Array.of(0.1, 0, 0.3, 0, 0.6, 0);
  assert.equal(await within([disc(0.5), disc(0.2)], theta, 2), [0]);
  assert.equal(await within([disc(0.2), disc(1)], theta, 2), [0]);
  const map = await train(peak, { guide: gaussian({ hidden: [] }), steps: 50, bank: 500, ...quiet });
  const posterior = await infer(map, [0.2, 0.2]);
  const { level } = await partOf(posterior, 0.05, 7);
  const inside = await within(
    [{ posterior, level }],
    Float64Array.from(await posterior.sample(10_000, { seed: 8 })),
    2,
  );
  assert.ok(Math.abs(inside.length - 9500) < 5 * Math.sqrt(2 * 10_000 * 0.05 * 0.95), `${inside.length}`); // of two samples
});

/** Data that pin two parameters to 1/50 of the prior: θ | y ~ N(y, 0.02²), but for the edges of the box. */
const NOISE = 0.02;
const peak = defineProblem({
  name: "peak",
  prior: uniform(-1, [1, 1]),
  forward: (theta) => concat(columns(theta, [0]), mul(columns(theta, [1]), 1)),
  noise: gaussianNoise(NOISE),
});
const y = [0.3, -0.4];
const base = await train(peak, { guide: gaussian({ hidden: [16] }), steps: 60, bank: 1000, ...quiet });
const told: string[] = [];
const refined = await refine(base, y, {
  simulations: 1000,
  rounds: 4,
  train: { steps: 1500 },
  onProgress: ({ round, stage, training }) => void (training ?? told.push(`${round} ${stage}`)),
  ...quiet,
});

test("rounds narrow a poor map to the exact posterior, by the forward model alone", () => {
  const { mean, sd } = refined.posterior;
  for (const d of [0, 1]) {
    // A tenth of the exact sd, where the first map was off by many.
    assert.ok(Math.abs(mean[d] - y[d]) < NOISE / 10, `mean ${mean[d]}, not ${y[d]}`);
    assert.ok(Math.abs(sd[d] / NOISE - 1) < 0.1, `sd ${sd[d]}, not ${NOISE}`);
  }
});

test("the record tells simulations, shares and coverage, and progress the stages", () => {
  const { rounds, coverage, y: of } = refined.record;
  assert.equal(of, y);
  assert.ok(rounds.length >= 2 && rounds.length <= 4, `${rounds.length}`);
  for (const [i, { simulations, used, accepted, left }] of rounds.entries()) {
    assert.is(simulations, 1000);
    assert.ok(used >= simulations && accepted > 0 && accepted <= 1 && left > 0 && left <= 1, JSON.stringify(rounds[i]));
    if (i > 0) assert.ok(accepted <= rounds[i - 1].accepted * 1.2, "regions are within one another");
  }
  assert.ok(rounds[rounds.length - 1].left > 0.8 || rounds.length === 4, "it ends where nothing is gained");
  assert.is(coverage?.cases, 200);
  assert.ok(refined.record.outside < 0.01, `${refined.record.outside}`);
  assert.equal(told.slice(0, 3), ["1 drawing", "1 simulating", "1 training"]);
  assert.is(told[told.length - 1], `${rounds.length} checking`);
});

test("a refined map is saved with its record, and refuses other observations", async () => {
  const path = join(folder, "refined.safetensors");
  await save(refined.map, path);
  const again = await load(path, { problem: peak });
  assert.equal(again.spec.refined, refined.map.spec.refined);
  assert.equal([...(await infer(again, y)).mean], [...(await infer(refined.map, y)).mean]);
  const error = await rejection(infer(again, [0.3, -0.41]));
  assert.match(error.message, /^infer: expected the observation that this map was refined for, got another;/);
  const { efficiency } = await (await infer(again, y)).correct({ method: "psis" });
  assert.ok((efficiency as number) > 0.9, `${efficiency}`); // it still knows the likelihood
});

test("a simulator with noise of its own is refined too, and the same seed gives the same bits", async () => {
  const own = defineProblem({
    name: "own",
    data: 1,
    prior: uniform(-1, [1]),
    noise: null,
    simulate: (theta, { seeds }) => theta.map(([t], i) => [t + 0.05 * Math.sin(seeds[i])]),
  });
  const start = await train(own, { guide: gaussian({ hidden: [8] }), steps: 50, bank: 500, ...quiet });
  const options = { simulations: 300, rounds: 2, cases: 0, train: { steps: 100 }, seed: 5, ...quiet };
  const [a, b] = [await refine(start, [0.2], options), await refine(start, [0.2], options)];
  assert.equal([...a.posterior.mean], [...b.posterior.mean]);
  assert.is(a.record.coverage, null);
  assert.ok(Math.abs(a.posterior.mean[0] - 0.2) < 0.1, `${a.posterior.mean[0]}`);
});

test("what cannot be refined is refused in words", async () => {
  const pairs = defineProblem({ name: "pairs", data: 1, prior: uniform(-1, [1]), noise: null });
  const bank = { theta: new Array(100).fill(0).map((_, i) => [i / 100]), y: new Array(100).fill(0).map((_, i) => [i]) };
  const ofPairs = await train(pairs, { bank, steps: 5, ...quiet });
  const masked = await train(peak, { missing: "any", steps: 5, guide: "gaussian", ...quiet });
  const cases: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
    [() => refine(ofPairs, [1]), /^refine: expected a problem that can be simulated/],
    [() => refine({ ...base, problem: null }, y), /^refine: expected the problem beside this model/],
    [() => refine(base, y, { rounds: 0 }), /^refine: expected rounds to be a whole number from 1/],
    [() => refine(base, [1]), /^y: expected 2 numbers, got 1/],
    [() => refine(masked, y), /^refine: expected a map of complete data/],
    [() => refine(base, y, { signal: AbortSignal.abort(new Error("enough")) }), /^enough$/],
  ];
  for (const [run, message] of cases) assert.match((await rejection(run())).message, message);
});

test.run();
