// slow (8 s): two small maps are trained
// Streams of readings: the posterior after each reading is that of the set of them, within a window that of the last ones.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { add, exp, slice } from "../src/graph/build.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { spline } from "../src/guides/spline.ts";
import { type AmortisedPosterior, infer } from "../src/infer/infer.ts";
import { stream } from "../src/infer/stream.ts";
import { uniformAt } from "../src/numbers/random.ts";
import { defineProblem } from "../src/problem/define.ts";
import { set } from "../src/problem/set.ts";
import { train } from "../src/train/train.ts";

const options = {
  onWarning: () => {},
  steps: 100,
  batch: 32,
  heldOut: 64,
  embedding: { set: { hidden: [16], features: 8 } },
} as const;
const numbers = await train(
  defineProblem({
    name: "sample",
    data: set({ each: 1, count: [2, 12] }),
    prior: normal([0, 0], [1, 0.5]),
    forward: (t) => slice(t, 0, 1),
    noise: (t) => gaussianNoise(exp(slice(t, 1, 2))),
  }),
  { ...options, guide: gaussian({ hidden: [16] }) },
);
/** Members of two numbers, which depend on each other, far from 0: data have a centre. */
const pairs = await train(
  defineProblem({
    name: "pairs",
    data: set({ each: 2, count: [1, 12] }),
    prior: normal([0, 0], 1),
    forward: (t) => add(t, 1e6),
    noise: gaussianNoise({ covariance: [[1, 0.5], [0.5, 1]] }), // biome-ignore format: a matrix
  }),
  { ...options, guide: spline({ bins: 4, embedding: [16], hidden: [8] }) },
);
const normals = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, i) => 3 * (uniformAt(seed, 0, 0, i, 0) - 0.5));

/** Sums in single precision in another order, of features of order 1, which a small network makes larger by no more than 100. */
function expectSame(one: AmortisedPosterior | null, other: AmortisedPosterior, label: string): void {
  assert.ok(one !== null, label);
  for (const [d, mean] of other.mean.entries()) {
    assert.ok(Math.abs(one.mean[d] - mean) < 5e-4 * other.sd[d], `${label}: mean ${one.mean[d]} for ${mean}`);
    assert.ok(Math.abs(one.sd[d] / other.sd[d] - 1) < 5e-4, `${label}: sd ${one.sd[d]} for ${other.sd[d]}`);
  }
  assert.ok(Math.abs(one.distance / other.distance - 1) < 1e-3, `${label}: ${one.distance} for ${other.distance}`);
  assert.is(one.y.join(), other.y.join(), label); // NaN where there is no member
}

test("the posterior after each reading is that of the set of all", async () => {
  const y = normals(12, 1);
  const s = stream(numbers);
  assert.is(await s.push(y[0]), null); // the map takes two and more
  for (let n = 2; n <= 12; n++) {
    expectSame(await s.push(y[n - 1]), await infer(numbers, set(y.slice(0, n))), `${n}`);
    assert.is(s.count, n);
  }
  assert.match(
    await s.push(1).catch((e) => e.message),
    /^stream: expected at most 12 readings, .* got 13; give a window/,
  );
  s.reset();
  assert.is(s.count, 0);
  const [one, two, three] = await Promise.all([s.push(y[0]), s.push(y[1]), s.push(y[2])]);
  assert.is(one, null);
  expectSame(two, await infer(numbers, set(y.slice(0, 2))), "in order");
  const corrected = await (three as AmortisedPosterior).correct({ method: "psis", draws: 500 });
  assert.ok(Number.isFinite(corrected.mean[0]));
});

test("members of several numbers stream too, one by one or many at once, about their centre", async () => {
  const y = Array.from({ length: 7 }, (_, i) => normals(2, i + 2).map((x) => 1e6 + x));
  assert.ok(pairs.work.data !== null);
  const s = stream(pairs);
  for (let n = 1; n <= 5; n++) expectSame(await s.push(y[n - 1]), await infer(pairs, set(y.slice(0, n))), `${n}`);
  expectSame(await s.push(set(y.slice(5))), await infer(pairs, set(y)), "many");
});

test("a window keeps the last readings, and missing ones leave the posterior as it is", async () => {
  const y = normals(30, 9);
  const s = stream(numbers, { window: 5 });
  for (let n = 1; n <= 30; n++) {
    const posterior = await s.push(y[n - 1]);
    if (n % 7 === 6) expectSame(posterior, await infer(numbers, set(y.slice(Math.max(0, n - 5), n))), `${n}`);
  }
  const [gone, none, back] = [
    await s.push(Number.NaN),
    await s.push(null),
    await s.push(set([null, y[0]] as number[])),
  ];
  assert.is(gone, none);
  expectSame(gone, await infer(numbers, set(y.slice(25))), "missing");
  expectSame(back, await infer(numbers, set([...y.slice(26), y[0]])), "back");
});

test("what a stream cannot take is refused by name, and the next reading is taken", async () => {
  const s = stream(numbers);
  const reason = (reading: unknown): Promise<string> => s.push(reading as number).then(String, (e) => e.message);
  assert.match(await reason([1, 2]), /expected 1 numbers, got 2/);
  assert.match(await reason(Number.POSITIVE_INFINITY), /expected finite numbers, got Infinity/);
  assert.match(await reason("one"), /expected/);
  assert.is(await s.push(1), null);
  assert.is(s.count, 1);
  assert.throws(() => stream(numbers, { window: 13 }), /^stream: expected a window of 2 to 12 readings/);
  const plain = { ...numbers, spec: { ...numbers.spec, rows: undefined } };
  assert.throws(() => stream(plain), /^stream: expected a map of sets, and the data of "sample" have one length/);
});

test.run();
