// slow (60 s): hundreds of thousands of draws for each of many parameters, in two types
// Draws in ops against exact distribution functions: gamma, beta, Dirichlet, Poisson, binomial, negative binomial, categorical.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CreateExecutor } from "../src/backends/backend.ts";
import { createReference } from "../src/backends/reference/executor.ts";
import { createExecutor } from "../src/backends/select.ts";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import { chiSquareTail, gammaQ } from "../src/diagnostics/special.ts";
import { binomialDraw, categoricalDraw, negativeBinomialDraw, poissonDraw } from "../src/distributions/count-draws.ts";
import { betaDraw, dirichletDraw, gammaDraw, logGammaDraw } from "../src/distributions/draws.ts";
import { cast, input } from "../src/graph/build.ts";
import type { DType, Tensor } from "../src/graph/tensor.ts";
import { exp, lgamma, log, log1p } from "../src/numbers/math.ts";
import { noGpu, webgpu } from "./helpers/gpu.ts";
import { runGraph } from "./helpers/run.ts";

const COLS = 20;
const TYPES = ["f32", "f64"] as const;
/** Each test fails by chance with probability 1e-6. */
const LEVEL = 1e-6;

type Draw = (cols: number, dtype: DType) => Tensor;

/** `count` draws of one distribution. */
async function drawsOf(draw: Draw, dtype: DType, count: number, create: CreateExecutor = createWasm) {
  const { drawn } = await runGraph({ drawn: cast(draw(COLS, dtype), "f64") }, { rows: count / COLS, seed: 11, create });
  return Float64Array.from(drawn);
}

function checkMoments(x: Float64Array, mean: number, sd: number, what: string): void {
  const average = x.reduce((a, b) => a + b, 0) / x.length;
  assert.ok(Math.abs(average - mean) < (5 * sd) / Math.sqrt(x.length), `${what}: mean ${average} for ${mean}`);
}

// ---- gamma: KS against P(a, x)

// In f32 a fraction (2^−126)^a of draws underflows: 1.3 % of shape 0.05, which is left to f64 and to logarithms.
for (const dtype of TYPES) {
  for (const shape of [...(dtype === "f64" ? [0.05] : []), 0.3, 0.9, 1, 1.5, 10, 300]) {
    test(`gamma draws of shape ${shape} in ${dtype} follow their distribution function`, async () => {
      const n = 100_000;
      const x = await drawsOf((cols, type) => gammaDraw(shape, cols, 3, 1, type), dtype, n);
      const ks = ksOneSample(x, (v) => 1 - gammaQ(shape, v));
      assert.ok(ks < ksBound(n, LEVEL), `KS ${ks}`);
      checkMoments(x, shape, Math.sqrt(shape), "gamma");
    });
  }
}

/** The distribution function of log X, X gamma of a shape so small that x^a / Γ(a + 1) is it: the next factor is 1 − a x / (a + 1). */
test("the logarithms of gamma draws of tiny shapes do not underflow, and follow their law", async () => {
  for (const dtype of TYPES) {
    for (const shape of [1e-2, 1e-4, 1e-6]) {
      const n = 200_000;
      const x = await drawsOf((cols, type) => logGammaDraw(shape, cols, 3, 1, type), dtype, n);
      assert.ok(x.every(Number.isFinite));
      const cdf = (v: number): number => (v > -30 ? 1 - gammaQ(shape, exp(v)) : exp(shape * v - lgamma(shape + 1)));
      const ks = ksOneSample(x, cdf);
      assert.ok(ks < ksBound(n, LEVEL), `KS ${ks} of shape ${shape} in ${dtype}`);
    }
  }
});

// (X/a)^(1/3) of a gamma number is normal of mean 1 − 1/9a and variance 1/9a, up to O(1/a) (Wilson & Hilferty 1931): 1e-4 in the KS
// distance for a = 1e6, far below the bound.
test("gamma draws of huge shapes are normal after Wilson and Hilferty's root", async () => {
  for (const [dtype, shape] of [
    ["f32", 1e6],
    ["f64", 1e6],
    ["f64", 1e9],
  ] as const) {
    const n = 200_000;
    const x = await drawsOf((cols, type) => gammaDraw(shape, cols, 3, 1, type), dtype, n);
    const z = x.map((v) => (Math.cbrt(v / shape) - 1 + 1 / (9 * shape)) * 3 * Math.sqrt(shape));
    const ks = ksOneSample(z, (v) => 1 - gammaQ(0.5, (v * v) / 2) / 2 - (v < 0 ? 1 - gammaQ(0.5, (v * v) / 2) : 0));
    // In f32 draws of 1e6 lie on a grid of 1/16, 6e-5 of the sd.
    assert.ok(ks < ksBound(n, LEVEL) + 1e-4, `KS ${ks} of shape ${shape} in ${dtype}`);
  }
});

// ---- beta and Dirichlet

test("beta draws follow their distribution function in closed form", async () => {
  const n = 200_000;
  const cases: [number, number, (x: number) => number][] = [
    [1, 1, (x) => x],
    [3, 1, (x) => x ** 3],
    [0.2, 1, (x) => x ** 0.2],
    [0.5, 0.5, (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    [2, 2, (x) => x * x * (3 - 2 * x)],
  ];
  for (const dtype of TYPES) {
    for (const [a, b, cdf] of cases) {
      const x = await drawsOf((cols, type) => betaDraw(a, b, cols, 3, 1, type), dtype, n);
      assert.ok(x.every((v) => v > 0 && v < 1));
      const ks = ksOneSample(x, cdf);
      assert.ok(ks < ksBound(n, LEVEL), `KS ${ks} of ${a}, ${b} in ${dtype}`);
    }
  }
});

test("beta draws of tiny and huge shapes have their moments", async () => {
  for (const dtype of TYPES) {
    for (const [a, b] of [
      [1e-3, 1e-3],
      [0.01, 2],
      [1e5, 3e5],
    ]) {
      const x = await drawsOf((cols, type) => betaDraw(a, b, cols, 3, 1, type), dtype, 200_000);
      const mean = a / (a + b);
      checkMoments(x, mean, Math.sqrt((mean * (1 - mean)) / (a + b + 1)), `beta ${a}, ${b} in ${dtype}`);
    }
  }
});

test("Dirichlet draws sum to 1, and each entry is a beta number", async () => {
  const shape = [0.5, 1, 1.5];
  for (const dtype of TYPES) {
    const { x } = await runGraph(
      { x: cast(dirichletDraw(shape, 3, 3, 1, dtype), "f64") },
      { rows: 100_000, seed: 2, create: createWasm },
    );
    for (let r = 0; r < 100_000; r++)
      assert.ok(Math.abs(x[3 * r] + x[3 * r + 1] + x[3 * r + 2] - 1) < (dtype === "f32" ? 1e-6 : 1e-14));
    // Of shapes 1 and 2 in sum with the rest: F(x) = 1 − (1 − x)².
    const second = Float64Array.from({ length: 100_000 }, (_, r) => x[3 * r + 1]);
    const ks = ksOneSample(second, (v) => 1 - (1 - v) ** 2);
    assert.ok(ks < ksBound(100_000, LEVEL), `KS ${ks}`);
  }
});

// ---- counts: χ² over about 50 cells of equal probability, and the mean

/** Cells of counts: the last count of each, and its probability. */
function cellsOf(logPmf: (k: number) => number, mean: number, sd: number, most: number) {
  const low = Math.max(0, Math.floor(mean - 9 * sd - 30));
  const high = Math.min(most, Math.ceil(mean + 9 * sd + 60 * (1 + (sd * sd) / Math.max(mean, 1e-9))));
  const cells: { last: number; p: number }[] = [{ last: low, p: 0 }];
  for (let k = low; k <= high; k++) {
    const cell = cells[cells.length - 1];
    cell.p += exp(logPmf(k));
    cell.last = k;
    if (cell.p > 0.02 && k < high) cells.push({ last: k, p: 0 });
  }
  return cells;
}

function checkCounts(
  x: Float64Array,
  logPmf: (k: number) => number,
  mean: number,
  sd: number,
  most: number,
  what: string,
) {
  assert.ok(
    x.every((v) => Number.isInteger(v) && v >= 0 && v <= most),
    `${what}: whole numbers`,
  );
  checkMoments(x, mean, sd, what);
  const cells = cellsOf(logPmf, mean, sd, most);
  const total = cells.reduce((sum, c) => sum + c.p, 0);
  assert.ok(Math.abs(total - 1) < 1e-6, `${what}: the oracle sums to ${total}`);
  const counts = new Float64Array(cells.length);
  x.forEach((v) => {
    let [from, to] = [0, cells.length - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (v <= cells[middle].last) to = middle;
      else from = middle + 1;
    }
    counts[from]++;
  });
  // Cells of less than ten expected draws join the one before.
  const merged: [number, number][] = [];
  cells.forEach(({ p }, i) => {
    const expected = p * x.length;
    if (merged.length > 0 && (expected < 10 || merged[merged.length - 1][1] < 10)) {
      merged[merged.length - 1][0] += counts[i];
      merged[merged.length - 1][1] += expected;
    } else merged.push([counts[i], expected]);
  });
  if (merged.length < 2) return;
  const statistic = merged.reduce((sum, [got, want]) => sum + (got - want) ** 2 / want, 0);
  const p = chiSquareTail(statistic, merged.length - 1);
  assert.ok(p > LEVEL, `${what}: χ² ${statistic} over ${merged.length} cells, p ${p}`);
}

const logPoisson =
  (mean: number) =>
  (k: number): number =>
    k * log(mean) - mean - lgamma(k + 1);
const logChoose = (n: number, k: number): number => lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);

const N = 200_000;
for (const dtype of TYPES) {
  for (const mean of [1e-3, 0.5, 3, 9.99, 10, 10.01, 30, 1000, 1e6]) {
    test(`Poisson draws of mean ${mean} in ${dtype} have their probabilities`, async () => {
      const x = await drawsOf((cols, type) => poissonDraw(mean, cols, 5, 1, type), dtype, N);
      checkCounts(x, logPoisson(mean), mean, Math.sqrt(mean), Infinity, `mean ${mean}`);
    });
  }

  for (const [n, p] of [
    [1, 0.3],
    [7, 0.5],
    [20, 0.5],
    [20, 0.49],
    [40, 0.75],
    [1000, 0.0005],
    [1000, 0.01],
    [1000, 0.9999],
    [1e6, 1e-6],
    [1e6, 0.3],
  ]) {
    test(`binomial draws of ${n} trials at ${p} in ${dtype} have their probabilities`, async () => {
      const x = await drawsOf((cols, type) => binomialDraw(n, p, cols, 5, 1, type), dtype, N);
      const pmf = (k: number): number => logChoose(n, k) + k * log(p) + (n - k) * log1p(-p);
      checkCounts(x, pmf, n * p, Math.sqrt(n * p * (1 - p)), n, `${n} trials at ${p}`);
    });
  }

  for (const [mean, size] of [
    [2, 0.5],
    [0.01, 3],
    [50, 4],
    [1000, 1e5],
  ]) {
    test(`negative binomial draws of mean ${mean} and dispersion ${size} in ${dtype} have their probabilities`, async () => {
      const x = await drawsOf((cols, type) => negativeBinomialDraw(mean, size, cols, 5, 1, type), dtype, N / 2);
      const pmf = (k: number): number =>
        lgamma(k + size) - lgamma(size) - lgamma(k + 1) - size * log1p(mean / size) + k * log(mean / (mean + size));
      checkCounts(x, pmf, mean, Math.sqrt(mean + (mean * mean) / size), Infinity, `mean ${mean}`);
    });
  }
}

test("categorical draws have their probabilities", async () => {
  const p = [0.1, 0.6, 0, 0.25, 0.05];
  for (const dtype of TYPES) {
    const drawn = cast(categoricalDraw(input("logits", 5, { dtype, repeat: true }), 4), "f64");
    const inputs = { logits: p.map((v) => (v === 0 ? -Infinity : log(v))) };
    const { x } = await runGraph({ x: drawn }, { rows: 100_000, repeat: 100_000, inputs, create: createWasm, seed: 3 });
    const counts = p.map((_, k) => Array.from(x).filter((v) => v === k).length);
    assert.is(
      counts.reduce((a, b) => a + b),
      100_000,
    );
    assert.is(counts[2], 0);
    const statistic = counts.reduce((sum, c, k) => sum + (p[k] === 0 ? 0 : (c - 1e5 * p[k]) ** 2 / (1e5 * p[k])), 0);
    assert.ok(chiSquareTail(statistic, 3) > LEVEL, `χ² ${statistic}`);
  }
});

// ---- parameters as tensors, and equal numbers everywhere

/** Rates and shapes over all regimes, a row each; the second one is refused. */
const levels = [0, -1, 1e-3, 0.4, 1, 4, 9.9, 10.1, 25, 300, 1e5, Infinity, Number.NaN];
const everything = (dtype: DType): Record<string, Tensor> => {
  const level = input("level", 1, { dtype });
  const odds = input("odds", 3, { dtype });
  return {
    poisson: poissonDraw(level, 3, 5, 1, dtype),
    binomial: binomialDraw(input("trials", 1, { dtype }), odds, 3, 6, 1, dtype),
    fixedTrials: binomialDraw([5, 100, 1000], odds, 3, 6, 1, dtype),
    negative: negativeBinomialDraw(level, [0.5, 4, 100], 3, 7, 1, dtype),
    gamma: gammaDraw(level, 3, 8, 1, dtype),
    beta: betaDraw(odds, level, 3, 9, 1, dtype),
  };
};
const REPEATS = 150;
const places = {
  rows: levels.length * REPEATS,
  inputs: {
    level: Array.from({ length: levels.length * REPEATS }, (_, i) => levels[i % levels.length]),
    trials: Array.from(
      { length: levels.length * REPEATS },
      (_, i) => [0, 1, 7, 30, 500, 1e5, 1e6, -1, 2.5, NaN][i % 10],
    ),
    odds: Array.from({ length: 3 * levels.length * REPEATS }, (_, i) => [0, 0.02, 0.5, 0.7, 1][i % 5]),
  },
};

test("draws are the same counts on the reference, on wasm and with threads, in f64", async () => {
  const graph = everything("f64");
  const want = await runGraph(graph, { ...places, create: createReference });
  const threaded: CreateExecutor = (program) => createExecutor(program, { kernels: "plain", threads: 3 });
  for (const create of [createWasm, threaded]) {
    const got = await runGraph(graph, { ...places, create });
    for (const [name, values] of Object.entries(want)) {
      // Normal numbers are single precision, and rounded on wasm: so gamma draws differ by 1e-6, and counts that are drawn from them at
      // worst where 1e-6 of a mean of 1e5 moves a proposal to the next number.
      let differ = 0;
      values.forEach((v, i) => {
        if (Object.is(got[name][i], v)) return;
        if (name === "gamma" || name === "beta")
          assert.ok(Math.abs(got[name][i] - v) <= 1e-5 * Math.abs(v), `${name} ${i}`);
        else differ++;
      });
      assert.ok(differ <= (name === "negative" ? 0.002 * values.length : 0), `${name}: ${differ} differ`);
    }
  }
});

test("in f32, draws are the same counts but where rounding decides, and NaN exactly where parameters are out of range", async () => {
  if (noGpu) console.log(`SKIP ${noGpu}`);
  const graph = everything("f32");
  const want = await runGraph(graph, { ...places, create: createReference });
  for (const create of [createWasm, ...Object.values(webgpu)]) {
    const got = await runGraph(graph, { ...places, create });
    for (const name of ["poisson", "binomial", "fixedTrials", "negative"]) {
      let differ = 0;
      want[name].forEach((v, i) => {
        assert.is(Number.isNaN(got[name][i]), Number.isNaN(v), `${name} ${i}`);
        if (!Number.isNaN(v) && got[name][i] !== v) differ++;
        const level = levels[Math.floor(i / 3) % levels.length];
        if (name === "poisson") assert.is(Number.isNaN(v), !(level >= 0 && level < Infinity), `${level}: ${v}`);
      });
      // Sums of probabilities, and steps of proposals far from the mean, are rounded to 1e-6 of 1: a thousandth for means of 1e5.
      assert.ok(differ <= 0.002 * want[name].length, `${name}: ${differ} of ${want[name].length} differ`);
    }
  }
});

test.run();
