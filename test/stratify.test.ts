// Stratified banks: each draw follows its distribution, and all together follow it more closely than independent draws do.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ksOneSample } from "../src/diagnostics/ks.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { mul, sumFeatures } from "../src/graph/build.ts";
import { erfc } from "../src/numbers/math.ts";
import { defineProblem } from "../src/problem/define.ts";
import { workOf } from "../src/problem/work.ts";
import { stratifiedBank, stratify } from "../src/simulate/stratify.ts";

const phi = (z: number): number => 0.5 * erfc(-z * Math.SQRT1_2);
const sumOf = (D: number) =>
  defineProblem({
    name: "sum",
    prior: normal(new Float64Array(D).fill(1), 2),
    forward: (theta) => sumFeatures(mul(theta, 3)), // (B, D) → (B, 1)
    noise: gaussianNoise(0.5),
  });
const bankOf = async (D: number, count: number, seed = 4) =>
  (await stratifiedBank(workOf(sumOf(D)), count, seed, { kernels: "plain" })).bank;

test("in one dimension every cell of equally many draws gives one", () => {
  const [count, over] = [100, 8];
  const theta = Float32Array.from({ length: count * over }, (_, i) => ((i * 37) % (count * over)) + 0.5);
  const kept = stratify(theta, 1, count, 7);
  const cells = Array.from(kept, (i) => Math.floor(theta[i] / over));
  assert.equal(
    [...cells].sort((a, b) => a - b),
    Array.from({ length: count }, (_, c) => c),
  );
  assert.not.equal(
    cells,
    [...cells].sort((a, b) => a - b),
  ); // shuffled
  const places = new Set(Array.from(kept, (i) => Math.floor(theta[i] % over)));
  assert.is(places.size, over); // anywhere in a cell
});

test("draws follow their distribution in every direction, and in few dimensions closer than independent ones", async () => {
  const count = 3000;
  for (const [D, most] of [
    [1, 0.2],
    [2, 0.5],
    [5, 1],
  ]) {
    const { theta } = await bankOf(D, count);
    for (let d = 0; d < D; d++) {
      const column = Float64Array.from({ length: count }, (_, i) => theta[i * D + d]);
      const ks = ksOneSample(column, (x) => phi((x - 1) / 2));
      // √n times the statistic of independent draws is 0.87 on average and above 1.95 once in a thousand. Here it has the
      // 8 n draws' own, a third of that, and what is left within cells.
      assert.ok(ks * Math.sqrt(count) < 1.95 * Math.max(most, 1 / Math.sqrt(8)), `KS ${ks} in column ${d} of ${D}`);
    }
  }
});

test("boxes hold numbers of draws that vary far less than by chance", async () => {
  const [count, cells] = [4096, 8];
  const { theta } = await bankOf(2, count);
  const held = new Float64Array(cells * cells);
  for (let i = 0; i < count; i++) {
    const [a, b] = [0, 1].map((d) => Math.floor(cells * phi((theta[2 * i + d] - 1) / 2)));
    held[a * cells + b]++;
  }
  const mean = count / cells ** 2;
  const variance = held.reduce((sum, n) => sum + (n - mean) ** 2, 0) / held.length;
  // By chance the mean itself, 64; the 8 n draws leave 8, and cells of one draw that a box cuts through some more.
  assert.ok(variance < 0.45 * mean, `variance ${variance}`);
});

test("data belong to their parameters, the seed decides, and rows are in no order", async () => {
  const { theta, clean, noisy, count } = await bankOf(2, 1000);
  let square = 0;
  for (let i = 0; i < count; i++) {
    assert.ok(Math.abs(clean[i] - 3 * (theta[2 * i] + theta[2 * i + 1])) < 1e-5);
    square += (noisy[i] - clean[i]) ** 2 / count;
  }
  assert.ok(Math.abs(square / 0.25 - 1) < 5 * Math.sqrt(2 / count), `noise of variance ${square}`);
  const first = theta.subarray(0, 400).reduce((sum, x) => sum + x, 0) / 400;
  assert.ok(Math.abs(first - 1) < (5 * 2) / Math.sqrt(400), `the first 200 rows have mean ${first}`);
  assert.equal((await bankOf(2, 1000)).theta, theta);
  assert.not.equal((await bankOf(2, 1000, 5)).theta, theta);
});

test.run();
