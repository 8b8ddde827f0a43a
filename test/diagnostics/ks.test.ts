// Kolmogorov–Smirnov statistics against values worked out by hand and against Kolmogorov's distribution.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ksBound,
  ksCompare,
  ksFloor,
  ksOneSample,
  ksPerParameter,
  ksPValue,
  ksTwoSample,
  pool,
  quantile,
} from "../../src/diagnostics/ks.ts";
import { kolmogorovTail } from "../../src/diagnostics/special.ts";
import { generator } from "../helpers/random.ts";

const close = (got: number, want: number, tolerance: number): void =>
  assert.ok(Math.abs(got - want) <= tolerance, `${got}, expected ${want}`);

test("two samples that do not overlap differ by 1, equal ones by 0, whatever their order", () => {
  assert.is(ksTwoSample([1, 2, 3], [4, 5]), 1);
  assert.is(ksTwoSample([4, 5], [1, 2, 3]), 1);
  assert.is(ksTwoSample([3, 1, 2], [2, 3, 1]), 0);
});

test("two samples are compared at every step of both", () => {
  close(ksTwoSample([1, 3, 5, 7], [2, 4, 6, 8]), 0.25, 1e-15);
  close(ksTwoSample([1, 2, 3], [2.5]), 2 / 3, 1e-15);
});

test("ties count as one step", () => {
  close(ksTwoSample([1, 1, 1, 2], [1, 2, 2, 2]), 0.5, 1e-15);
  assert.is(ksTwoSample([0, 0, 0], [0]), 0);
});

test("a sample is compared with a distribution function on both sides of its steps", () => {
  const uniform = (x: number): number => x;
  close(ksOneSample([0.5], uniform), 0.5, 1e-15);
  close(ksOneSample([0.25, 0.75], uniform), 0.25, 1e-15);
  close(ksOneSample([0.9, 0.95], uniform), 0.9, 1e-15);
});

test("two samples of one distribution differ by the floor on average, and rarely by more than the bound", () => {
  const next = generator(4);
  const [rounds, n] = [400, 500];
  const sample = (): Float64Array => Float64Array.from({ length: n }, next);
  let [sum, squares, over] = [0, 0, 0];
  for (let i = 0; i < rounds; i++) {
    const d = ksTwoSample(sample(), sample());
    sum += d;
    squares += d * d;
    if (ksOneSample(sample(), (x) => x) > ksBound(n, 0.05)) over++;
  }
  const error = Math.sqrt((squares / rounds - (sum / rounds) ** 2) / rounds);
  // The floor is asymptotic: at finite n the mean is lower by about 1/(6√n) of it, the steps of 1/n besides.
  close(sum / rounds, ksFloor(n, n), 4 * error + 1 / n);
  assert.ok(over <= 0.05 * rounds + 4 * Math.sqrt(0.05 * 0.95 * rounds), `${over} of ${rounds}`);
  close(ksFloor(1000, 1000), 0.039, 5e-4);
});

test("parameters are compared one by one", () => {
  const a = [1, 10, 2, 20, 3, 30]; // (3, 2)
  const b = [1, 40, 2, 50, 3, 60, 2, 70]; // (4, 2)
  const d = ksPerParameter(a, b, 2);
  close(d[0], 1 / 12, 1e-15);
  assert.is(d[1], 1);
  assert.throws(() => ksPerParameter(a, [1, 2, 3], 2), /expected b \(S, 2\), got 3 numbers/);
});

test("statistics are pooled into mean, median, nine tenths and maximum", () => {
  const { mean, median, p90, max } = pool([4, 1, 3, 2]);
  assert.equal([mean, median, max], [2.5, 2.5, 4]);
  close(p90, 3.7, 1e-14);
  assert.is(quantile([7], 0.3), 7);
  assert.is(quantile([1, 2, 3], 1), 3);
  assert.throws(() => quantile([], 0.5), /expected at least one number, got none/);
  assert.throws(() => quantile([1], 2), /expected p in \[0, 1\], got 2/);
});

test("empty samples and NaN are refused", () => {
  assert.throws(() => ksTwoSample([], [1]), /expected at least one number in a, got none/);
  assert.throws(() => ksTwoSample([1], [1, Number.NaN]), /expected numbers in b, got NaN at index 1/);
  assert.throws(() => ksOneSample([], (x) => x), /expected at least one number in sample, got none/);
  assert.throws(() => pool([]), /expected at least one/);
});

/** P(D ≥ d) by going through all interleavings of n and m numbers. */
function counted(d: number, n: number, m: number): number {
  let [far, all] = [0, 0];
  const walk = (i: number, j: number, most: number): void => {
    const here = Math.max(most, Math.abs(i / n - j / m));
    if (i === n && j === m) {
      all++;
      far += Number(here >= d - 1e-12);
      return;
    }
    if (i < n) walk(i + 1, j, here);
    if (j < m) walk(i, j + 1, here);
  };
  walk(0, 0, 0);
  return far / all;
}

test("p-values count the interleavings of two samples, and tend to Kolmogorov's distribution", () => {
  for (const [n, m] of [
    [1, 1],
    [3, 5],
    [6, 6],
    [4, 7],
  ])
    for (const d of [0.2, 1 / 3, 0.5, 0.75, 1]) close(ksPValue(d, n, m), counted(d, n, m), 1e-12);
  assert.is(ksPValue(0, 10, 10), 1);
  // scipy.stats.ks_2samp(method="exact") of D = 0.06, 1000 and 1000.
  close(ksPValue(0.06, 1000, 1000), 0.054626665107, 1e-9);
  close(ksPValue(0.03, 5000, 5000), kolmogorovTail(0.03 * Math.sqrt(2500)), 1e-4);
});

test("p-values of samples of one distribution are small as often as they should be", () => {
  const next = generator(8);
  const sample = (n: number): Float64Array => Float64Array.from({ length: n }, next);
  let small = 0;
  for (let i = 0; i < 1000; i++) small += Number(ksCompare(sample(120), sample(80), 2).pValue < 0.05);
  // Bonferroni over two independent parameters: 1 − 0.975², and a little less, for D has few values.
  assert.ok(small > 25 && small < 49 + 4.5 * 7, `${small} of 1000`);
});

test("samples are compared parameter by parameter, with a floor and one p-value for all", () => {
  const next = generator(9);
  const [a, b] = [1, 2].map(() => Array.from({ length: 500 }, () => [next(), next()]));
  const same = ksCompare(a, b, 2);
  close(same.pooled, (same.statistics[0] + same.statistics[1]) / 2, 1e-15);
  close(same.floor, ksFloor(500, 500), 0);
  assert.ok(same.pValue > 0.01);
  const moved = ksCompare(
    a,
    b.map(([x, y]) => [x, y + 0.2]),
    2,
  );
  assert.ok(moved.pValues[0] > 0.01 && moved.pValues[1] < 1e-6 && moved.pValue < 1e-6);
  assert.throws(() => ksCompare(a, [[1, 2, 3]], 2), /^ksCompare: expected b \(S, 2\), got 3 numbers in row 1$/);
  assert.throws(() => ksCompare([[1, Number.NaN]], b, 2), /expected finite numbers in a, got NaN in row 1, column 2/);
  assert.throws(() => ksCompare([], b, 2), /^ksCompare: expected a \(S, 2\), got 0 numbers$/);
});

test.run();
