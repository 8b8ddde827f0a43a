// slow (15 s): trainings on pairs, and simulations of the plate
// The distance from the simulations: which observations are warned of, and that usual ones are not.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normal } from "../src/distributions/normal.ts";
import { input } from "../src/graph/build.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { shareFarther, warningOf } from "../src/infer/foreign.ts";
import { infer } from "../src/infer/infer.ts";
import type { ModelSpec } from "../src/model/model.ts";
import { distances } from "../src/nn/distance.ts";
import { fitDistance } from "../src/nn/fit-distance.ts";
import type { EmbeddingOption } from "../src/nn/fit-embedding.ts";
import { normalAt, uniformAt } from "../src/numbers/random.ts";
import { defineProblem } from "../src/problem/define.ts";
import { eit, rod } from "../src/problems.ts";
import { noiseSd, simulate } from "../src/simulate/simulate.ts";
import { load, toBytes } from "../src/store/store.ts";
import { train } from "../src/train/train.ts";
import { runGraph } from "./helpers/run.ts";

/** A row of data of simulation i, from numbers n(k) ~ N(0, 1) and u(k) ~ U(0, 1) of its own. */
type Row = (n: (k: number) => number, u: (k: number) => number) => readonly number[];

function rowsOf(row: Row, count: number, seed: number): Float32Array {
  const rows = Array.from({ length: count }, (_, i) =>
    row(
      (k) => normalAt(seed, 31, 0, i, k),
      (k) => uniformAt(seed, 32, 0, i, k),
    ),
  );
  return Float32Array.from(rows.flat());
}

/** Warns of rows by the distance from 4000 simulations of data that include their noise, with the limit of 2000 others. */
async function warner(row: Row) {
  const M = row(
    () => 0,
    () => 0,
  ).length;
  const bank = rowsOf(row, 4000, 1);
  const weights = await fitDistance(M, bank, bank, noiseSd({ clean: bank, noisy: bank }, M));
  const outputs = { distance: distances.relations(M)(input("y", M)) };
  const measure = async (y: ArrayLike<number>): Promise<number[]> => {
    const { distance } = await runGraph(outputs, { weights, rows: y.length / M, inputs: { y: Float64Array.from(y) } });
    return Array.from(distance);
  };
  const sorted = (await measure(rowsOf(row, 2000, 2))).sort((a, b) => a - b);
  const kept = Array.from({ length: 201 }, (_, i) => sorted[Math.round((i / 200) * 1999)]);
  const spec = { distances: kept, problem: "rows" } as unknown as ModelSpec;
  const warned = async (y: ArrayLike<number>) => (await measure(y)).map((d) => warningOf(spec, y, d) !== undefined);
  const fresh = await warned(rowsOf(row, 4000, 3));
  return { warned, fresh: fresh.filter(Boolean).length / fresh.length };
}

/** What is foreign to data of a kind, and rows of it that are not. */
interface Kind {
  readonly row: Row;
  readonly foreign: readonly (readonly number[])[];
  readonly usual: readonly (readonly number[])[];
}

const bent =
  (noise: number): Row =>
  (n) => [n(0) + noise * n(4), n(1) + noise * n(5), n(0) ** 2 + noise * n(6)];

const kinds: Readonly<Record<string, Kind>> = {
  "y₃ = θ₁², noise of .05": { row: bent(0.05), foreign: [[1, 0, -1]], usual: [[1, 0, 1]] },
  "y₃ = θ₁² without noise": {
    row: bent(0),
    foreign: [
      [1, 0, -1],
      [1, 0, 1.1],
    ],
    usual: [
      [1, 0, 1],
      [-2, 1, 4],
    ],
  },
  "y₄ = θ₁θ₂ of three parameters": {
    row: (n) => [n(0), n(1), n(2), n(0) * n(1) + 0.05 * n(6)],
    foreign: [
      [1, 1, 0, -1],
      [-1, 1, 2, 1],
    ],
    usual: [
      [1, 1, 0, 1],
      [-1, 1, 2, -1],
    ],
  },
  "y₃ and y₄ on a circle": {
    row: (n) => [n(0), n(1) + 0.1 * n(4), Math.cos(n(0)), Math.sin(n(0))],
    foreign: [
      [0.5, 0, Math.cos(0.5) + 0.5, Math.sin(0.5)],
      [0.5, 0, 0, 0],
    ],
    usual: [[0.5, 0, Math.cos(0.5), Math.sin(0.5)]],
  },
  "two channels that are always equal": {
    row: (n) => [n(0), n(0)],
    foreign: [
      [1, 1.01],
      [0, -1],
    ],
    usual: [
      [1, 1],
      [-2, -2],
    ],
  },
  "a channel that is the sum of two, in other units": {
    row: (n) => [n(0), 1000 * n(1), n(0) + n(1)],
    foreign: [
      [1, 1000, 1.99],
      [0, 0, 1],
    ],
    usual: [
      [1, 1000, 2],
      [0.5, -500, 0],
    ],
  },
  "a channel a billion times smaller than another": {
    row: (n) => [1e9 * n(0), n(1)],
    foreign: [
      [0, 9],
      [0, -1e6],
    ],
    usual: [[0, 2]],
  },
  "a channel of two values alike": {
    row: (n, u) => [n(0), u(0) < 0.5 ? 0 : 1],
    foreign: [
      [0, 2],
      [0, 0.5],
      [0, -1],
    ],
    usual: [
      [0, 0],
      [0, 1],
    ],
  },
  "a channel of two values, one of them rare": {
    row: (n, u) => [n(0), u(0) < 0.03 ? 5 : 4],
    foreign: [
      [0, 6],
      [0, 4.5],
      [0, 3],
    ],
    usual: [
      [0, 4],
      [0, 5],
    ],
  },
  "one channel that is 0 or 1": { row: (_n, u) => [u(0) < 0.5 ? 0 : 1], foreign: [[3], [0.5]], usual: [[0], [1]] },
  "counts up to 3": {
    row: (_n, u) => [[0, 1, 2].filter((k) => u(k) < 0.6).length],
    foreign: [[7], [-2]],
    usual: [[0], [1], [2], [3]],
  },
  "a sensor that is saturated in a quarter of all simulations": {
    row: (n) => [n(0), Math.min(n(0) + 0.3 * n(1), 0.7)],
    foreign: [
      [1, 5],
      [0, 3],
    ],
    usual: [
      [1, 0.7],
      [0.8, 0.7],
      [0, 0],
    ],
  },
  "a value that a quarter of all simulations have": {
    row: (n, u) => [u(0) < 0.25 ? 9 : n(0)],
    foreign: [[40]],
    usual: [[9], [0]],
  },
};

for (const [name, { row, foreign, usual }] of Object.entries(kinds)) {
  test(`what departs from ${name} is foreign, and at most 2 % of fresh data are`, async () => {
    const { warned, fresh } = await warner(row);
    for (const y of foreign) assert.equal(await warned(y), [true], `${y}`);
    for (const y of usual) assert.equal(await warned(y), [false], `${y}`);
    assert.ok(fresh <= 0.02, `${fresh}`);
  });
}

/** θ ~ N(0, 1) twice, data of it with noise of sd ½, and a third column of pairs. */
const alone = defineProblem({ name: "alone", prior: normal([0, 0], 1), data: 3, noise: null });

for (const [what, third, off] of [
  ["7", () => 7, [1e12, 7.01, -7]],
  ["7 up to rounding", (i: number) => 7 + (i % 3) * 4.8e-7, [8, 6.99, 0]],
  ["0", () => 0, [1e12, 1e-9, -1]],
] as const) {
  for (const embedding of ["standardise", "log", { principal: 3 }] as readonly EmbeddingOption[]) {
    test(`a column that is always ${what} does not reach the guide by ${JSON.stringify(embedding)}; what differs there is warned of`, async () => {
      const told: string[] = [];
      const theta = rowsOf((n) => [n(0), n(1)], 3000, 5);
      const y = Float32Array.from({ length: 9000 }, (_, k) => {
        const [i, j] = [Math.floor(k / 3), k % 3];
        return j === 2 ? third(i) : theta[2 * i + j] + 0.5 * normalAt(6, 31, 0, i, j);
      });
      const map = await train(alone, {
        ...{ bank: { theta, y }, guide: gaussian({ hidden: [8] }), steps: 200, batch: 64, seed: 1, kernels: "plain" },
        ...{ embedding, onWarning: (message: string) => void told.push(message) },
      });
      const about = told.filter((message) => message.includes("the same in all simulations"));
      assert.is(about.length, 1, told.join("; "));
      assert.match(
        about[0],
        /^column 3 of the data is the same in all simulations \([07]\): the guide does not see it/,
      );
      assert.ok(map.spec.training.warnings?.includes(about[0]));
      const again = await load(toBytes(map), { kernels: "plain" });
      assert.equal(again.spec.constant, [{ column: 3, value: what === "0" ? 0 : 7 }]);
      const usual = await infer(again, [0.5, -1, third(1)]);
      assert.is(usual.warning, undefined);
      for (const value of off) {
        const odd = await infer(again, [0.5, -1, value]);
        assert.match(odd.warning ?? "", `column 3 of the observation is ${value}, and was ${what[0]} in all`);
        assert.is(odd.farther, 0);
        odd.mean.forEach((m, d) => {
          assert.ok(Math.abs(m - usual.mean[d]) < 1e-6 * usual.sd[d], `${value}: ${odd.mean}, ${usual.mean}`);
        });
      }
    });
  }
}

test("a distance that is not a number is never that of a usual observation", () => {
  for (const kept of [
    [0, 1, 2],
    [1, 1, 1],
    [-1, 0],
  ]) {
    const spec = { distances: kept, problem: "any" } as unknown as ModelSpec;
    assert.match(warningOf(spec, [0], Number.NaN) ?? "", "immeasurably");
    assert.is(shareFarther(kept, Number.NaN), 0);
    assert.ok(warningOf(spec, [0], Number.POSITIVE_INFINITY) !== undefined);
    const most = kept[kept.length - 1];
    if (kept[0] === most) assert.is(warningOf(spec, [0], most + 1e-6), undefined, "equal up to rounding");
    assert.ok(shareFarther(kept, most) > 0);
  }
});

test("the distance of old model files, by residuals, can be traced still", async () => {
  const weights = {
    ...{ "distance.mean": [1, 0], "distance.perNoise": [1, 2], "distance.perSpread": [1, 0.5] },
    ...{ "distance.perSignal": [0.5, 0], "distance.directions": [1, 0, 0, 0] }, // one direction, the first channel
    ...{ "distance.slope": [1, 1, 1], "distance.shift": [0, 0, -100] },
  };
  const outputs = { distance: distances.residual(2)(input("y", 2)) };
  const named = Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, Float32Array.from(values)]));
  const { distance } = await runGraph(outputs, { weights: named, rows: 2, inputs: { y: [5, 3, 5, 0.5] } });
  // r = (4, 6): c = 4, e = (0, 3); then r = (4, 1).
  assert.equal(Array.from(distance), [9, 4]);
});

for (const [problem, count] of [
  [rod, 1000],
  [eit, 400],
] as const) {
  test(`the shipped map of ${problem.name} warns of other noise and of one channel that is off, and of at most 2 % of fresh data`, async () => {
    const map = await load(problem.name, { problem });
    const { M } = problem;
    const { clean, noisy } = await simulate({ ...problem, proposal: null }, count, { seed: 71 });
    const sd = problem.noise.fixed?.constantSd as number;
    const share = async (change: (c: number, n: number, row: number, j: number) => number): Promise<number> => {
      const y = clean.map((c, i) => change(c, noisy[i] - c, Math.floor(i / M), i % M));
      const rows = Array.from({ length: count }, (_, i) => y.subarray(i * M, (i + 1) * M));
      return (await infer(map, rows, { draws: 2 })).filter(({ warning }) => warning !== undefined).length / count;
    };
    const fresh = await share((c, n) => c + n);
    const noise = await share((c, n) => c + 3 * n);
    const single = await share((c, n, row, j) => {
      const sign = uniformAt(72, 8, 0, row, 1) < 0.5 ? -6 : 6;
      return c + n + (j === Math.floor(uniformAt(72, 8, 0, row, 0) * M) ? sign * sd : 0);
    });
    const least = problem === rod ? 0.75 : 0.95;
    assert.ok(fresh <= 0.02 && noise >= least && single >= 0.8, `${fresh}, ${noise}, ${single}`);
  });
}

test.run();
