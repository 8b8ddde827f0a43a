// slow (12 s): sums and quadratures for each family, and draws of it
// Every family of noise of independent data, and categorical noise, in one list: densities against closed forms and sums or
// quadrature, moments, Fisher information, gradients, edges, and draws. It is long because the list has a row for each family.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CreateExecutor } from "../src/backends/backend.ts";
import { createReference } from "../src/backends/reference/executor.ts";
import { createExecutor } from "../src/backends/select.ts";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import { chiSquareTail } from "../src/diagnostics/special.ts";
import { bernoulliNoise } from "../src/distributions/noise/bernoulli.ts";
import { betaNoise } from "../src/distributions/noise/beta.ts";
import { binomialNoise } from "../src/distributions/noise/binomial.ts";
import { categoricalNoise } from "../src/distributions/noise/categorical.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { logNormalNoise } from "../src/distributions/noise/log-normal.ts";
import { negativeBinomialNoise } from "../src/distributions/noise/negative-binomial.ts";
import type { Noise, NoiseParameter } from "../src/distributions/noise/noise.ts";
import { poissonNoise } from "../src/distributions/noise/poisson.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { add, batchSum, cast, input, mul, sumFeatures, tile } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { lgamma } from "../src/numbers/math.ts";
import { checkGradients } from "./helpers/differences.ts";
import { noGpu, webgpu } from "./helpers/gpu.ts";
import { runGraph } from "./helpers/run.ts";

/** Nodes of a sum or a quadrature: values of y and their weights. */
type Nodes = readonly (readonly [y: number, weight: number])[];

interface Family {
  readonly label: string;
  /** The noise with its parameter; families without one ignore it. */
  readonly make: (parameter: NoiseParameter) => Noise;
  /** The parameter, and whether it may be a tensor that gradients flow to; null: there is none. */
  readonly parameter: number | null;
  readonly smooth?: boolean;
  /** Noise-free data. */
  readonly clean: readonly number[];
  readonly nodes: (c: number, p: number) => Nodes;
  /** log p(y|c) in closed form. */
  readonly logDensity: (y: number, c: number, p: number) => number;
  /** y, c where the density is 0. */
  readonly impossible: readonly (readonly [y: number, c: number])[];
  /** y, c where it is NaN, because the noise-free datum is out of range. */
  readonly invalid: readonly (readonly [y: number, c: number])[];
}

const counts =
  (most: (c: number, p: number) => number): Family["nodes"] =>
  (c, p) =>
    Array.from({ length: most(c, p) + 1 }, (_, k) => [k, 1]);
/** The trapezoidal rule in t, y = y(t) with the derivative dy(t). */
const rule = (reach: number, count: number, y: (t: number) => number, dy: (t: number) => number): Nodes =>
  Array.from({ length: count }, (_, i) => {
    const t = reach * ((2 * i) / (count - 1) - 1);
    return [y(t), (dy(t) * 2 * reach) / (count - 1)] as const;
  });
const powers = (y: number, p: number): number => (y === 0 ? 0 : y * Math.log(p));
const choose = (n: number, k: number): number => lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
const odds = (l: number): number => 1 / (1 + Math.exp(-l));

const negativeBinomial: Family = {
  label: "negative binomial",
  make: (dispersion) => negativeBinomialNoise({ dispersion }),
  parameter: 2.5,
  smooth: true,
  clean: [0.2, 1, 7],
  nodes: counts((c, r) => Math.ceil(60 + 60 * (c + (c * c) / r))),
  logDensity: (y, c, r) => lgamma(y + r) - lgamma(r) - lgamma(y + 1) - r * Math.log1p(c / r) + powers(y, c / (r + c)),
  impossible: [
    [-1, 2],
    [0.5, 2],
    [3, 0],
  ],
  invalid: [[1, -0.5]],
};

const families: readonly Family[] = [
  {
    label: "normal",
    make: gaussianNoise,
    parameter: 0.7,
    smooth: true,
    clean: [-1, 0, 2],
    nodes: (c, s) =>
      rule(
        12,
        1001,
        (t) => c + s * t,
        () => s,
      ),
    logDensity: (y, c, s) => -0.5 * ((y - c) / s) ** 2 - Math.log(s) - 0.5 * Math.log(2 * Math.PI),
    impossible: [],
    invalid: [],
  },
  {
    // Beyond y = sinh(20) s the tail of five degrees holds less than 1e-30.
    label: "Student's",
    make: (scale) => studentNoise({ scale, degrees: 5 }),
    parameter: 0.7,
    smooth: true,
    clean: [-1, 2],
    nodes: (c, s) =>
      rule(
        20,
        4001,
        (t) => c + s * Math.sinh(t),
        (t) => s * Math.cosh(t),
      ),
    logDensity: (y, c, s) =>
      lgamma(3) - lgamma(2.5) - 0.5 * Math.log(5 * Math.PI) - Math.log(s) - 3 * Math.log1p(((y - c) / s) ** 2 / 5),
    impossible: [],
    invalid: [],
  },
  {
    label: "log-normal",
    make: logNormalNoise,
    parameter: 0.4,
    smooth: true,
    clean: [0.1, 1, 20],
    nodes: (c, s) =>
      rule(
        14,
        1401,
        (t) => c * Math.exp(s * t),
        (t) => c * s * Math.exp(s * t),
      ),
    logDensity: (y, c, s) => -0.5 * (Math.log(y / c) / s) ** 2 - Math.log(y * s) - 0.5 * Math.log(2 * Math.PI),
    impossible: [
      [0, 1],
      [-2, 1],
    ],
    invalid: [
      [1, -1],
      [1, 0],
    ],
  },
  {
    label: "Poisson",
    make: (exposure) => poissonNoise({ exposure }),
    parameter: 2.5,
    smooth: true,
    clean: [0.1, 1, 6],
    nodes: counts((c, e) => Math.ceil(40 + 8 * c * e)),
    logDensity: (y, c, e) => powers(y, c * e) - c * e - lgamma(y + 1),
    impossible: [
      [-1, 2],
      [0.5, 2],
      [3, 0],
    ],
    invalid: [[1, -0.5]],
  },
  negativeBinomial,
  { ...negativeBinomial, label: "nearly Poisson negative binomial", parameter: 400, nodes: counts((c) => 40 + 8 * c) },
  {
    label: "binomial",
    make: (trials) => binomialNoise({ trials }),
    parameter: 9,
    clean: [0.1, 0.5, 0.97],
    nodes: counts((_c, n) => n),
    logDensity: (y, c, n) => choose(n, y) + powers(y, c) + powers(n - y, 1 - c),
    impossible: [
      [-1, 0.5],
      [0.5, 0.5],
      [10, 0.5],
      [1, 0],
      [8, 1],
    ],
    invalid: [
      [1, -0.5],
      [1, 1.5],
    ],
  },
  {
    label: "Bernoulli",
    make: () => bernoulliNoise(),
    parameter: null,
    clean: [0.1, 0.5, 0.97],
    nodes: counts(() => 1),
    logDensity: (y, c) => powers(y, c) + powers(1 - y, 1 - c),
    impossible: [
      [-1, 0.5],
      [0.5, 0.5],
      [2, 0.5],
      [1, 0],
      [0, 1],
    ],
    invalid: [
      [1, -0.5],
      [1, 1.5],
    ],
  },
  {
    label: "Bernoulli (logits)",
    make: () => bernoulliNoise({ logits: true }),
    parameter: null,
    clean: [-3, 0, 1.5],
    nodes: counts(() => 1),
    logDensity: (y, l) => powers(y, odds(l)) + powers(1 - y, odds(-l)),
    impossible: [
      [-1, 0.5],
      [0.5, 0.5],
      [2, 0.5],
    ],
    invalid: [],
  },
  {
    // y = 1/(1 + e^−t): tails fall like e^(−a |t|), a ≥ 0.75.
    label: "beta",
    make: (concentration) => betaNoise({ concentration }),
    parameter: 3,
    smooth: true,
    clean: [0.25, 0.5, 0.7],
    nodes: () => rule(36, 3601, odds, (t) => odds(t) * odds(-t)).filter(([y]) => y > 0 && y < 1),
    logDensity: (y, c, k) =>
      (c * k - 1) * Math.log(y) + ((1 - c) * k - 1) * Math.log1p(-y) + lgamma(k) - lgamma(c * k) - lgamma((1 - c) * k),
    impossible: [
      [0, 0.5],
      [1, 0.5],
      [-1, 0.5],
      [2, 0.5],
      [0.3, 0],
      [0.3, 1],
    ],
    invalid: [
      [0.5, -0.5],
      [0.5, 1.5],
    ],
  },
];

const f64 = { dtype: "f64" } as const;
const column = (x: ArrayLike<number>): number[] => Array.from(x);

/** Values of tensors made of noise at data y and noise-free data c, (n) each. */
async function at<T extends string>(
  y: readonly number[],
  c: readonly number[],
  outputs: (y: Tensor, clean: Tensor) => Record<T, Tensor>,
  create?: CreateExecutor,
): Promise<Record<T, number[]>> {
  const [data, clean] = [input("y", 1, f64), input("clean", 1, f64)];
  const graph: Record<string, Tensor> = outputs(data, clean);
  // Also those that the outputs do not read.
  const zero = mul(add(mul(data, 0), mul(clean, 0)), 0);
  const got = await runGraph({ ...graph, zero }, { rows: y.length, inputs: { y, clean: c }, create });
  return Object.fromEntries(Object.entries(got).map(([k, v]) => [k, column(v)])) as Record<T, number[]>;
}

for (const family of families) {
  const { label, make, parameter, nodes, logDensity } = family;
  const value = parameter ?? 1;
  const noise = make(value);

  test(`the density of ${label} noise is its closed form, sums to 1, and has the mean and sd that the noise tells`, async () => {
    for (const c of family.clean) {
      const list = nodes(c, value);
      const y = list.map(([v]) => v);
      const all = y.map(() => c);
      const got = await at(y, all, (data, clean) => ({
        density: noise.logDensity(data, clean),
        each: noise.each?.(data, clean) as Tensor,
        sd: noise.sd?.(clean) as Tensor,
        mean: noise.mean?.(clean) ?? clean,
      }));
      y.forEach((v, i) => {
        const want = logDensity(v, c, value);
        assert.ok(
          Math.abs(got.density[i] - want) <= 1e-11 * (1 + Math.abs(want)),
          `${v} | ${c}: ${got.density[i]}, ${want}`,
        );
        assert.ok(Math.abs(got.each[i] - got.density[i]) <= 1e-14 * (1 + Math.abs(want)));
      });
      const moment = (f: (y: number) => number): number =>
        list.reduce((sum, [v, w], i) => sum + w * Math.exp(got.density[i]) * f(v), 0);
      assert.ok(Math.abs(moment(() => 1) - 1) < 1e-8, `mass ${moment(() => 1)} at ${c}`);
      const mean = moment((v) => v);
      const sd = Math.sqrt(moment((v) => (v - mean) ** 2));
      assert.ok(
        Math.abs(mean - got.mean[0]) <= 1e-7 * (1 + Math.abs(mean)),
        `mean ${mean}, told ${got.mean[0]} at ${c}`,
      );
      assert.ok(Math.abs(sd - got.sd[0]) <= 1e-7 * sd, `sd ${sd}, told ${got.sd[0]} at ${c}`);
    }
  });

  test(`the Fisher information of ${label} noise is the mean of squared scores`, async () => {
    const tensor = family.smooth === true;
    for (const c of family.clean) {
      const list = nodes(c, value);
      const y = list.map(([v]) => v);
      const [data, clean, p] = [input("y", 1, f64), input("clean", 1, f64), input("p", 1, f64)];
      const of = tensor ? make(p) : noise;
      const both = tensor ? [clean, p] : [clean];
      const density = of.logDensity(data, clean);
      const scores = grad(density, both);
      const terms = of.fisher?.(clean);
      if (terms === undefined) return void assert.ok(tensor && label.includes("negative"), "only they lack it");
      const graph: Record<string, Tensor> = { zero: sumFeatures(mul(add(add(data, clean), p), 0)) };
      scores.forEach((t, i) => {
        graph[`score ${i}`] = t as Tensor;
      });
      terms.forEach(({ of: quantity, weight }, i) => {
        graph[`weight ${i}`] = add(mul(quantity, 0), weight);
        grad(sumFeatures(quantity), both).forEach((t, k) => {
          if (t !== null) graph[`slope ${i} ${k}`] = t;
        });
      });
      const inputs = { y, clean: y.map(() => c), p: y.map(() => value) };
      const got = await runGraph(graph, { rows: y.length, inputs });
      for (let a = 0; a < both.length; a++) {
        for (let b = 0; b <= a; b++) {
          const want = list.reduce((sum, [v, w], i) => {
            const s = Math.exp(logDensity(v, c, value));
            return s === 0 ? sum : sum + w * s * got[`score ${a}`][i] * got[`score ${b}`][i];
          }, 0);
          const told = terms.reduce(
            (sum, _, i) =>
              sum + got[`weight ${i}`][0] * (got[`slope ${i} ${a}`]?.[0] ?? 0) * (got[`slope ${i} ${b}`]?.[0] ?? 0),
            0,
          );
          assert.ok(
            Math.abs(told - want) <= 1e-6 * (1 + Math.abs(want)),
            `${a}, ${b} at ${c}: ${told}, scores ${want}`,
          );
        }
      }
    }
  });

  test(`the density of ${label} noise has the gradients that differences give`, async () => {
    const [y, clean, p] = [input("y", 1, f64), input("clean", 1, f64), input("p", 1, f64)];
    const tensor = family.smooth === true;
    const density = (tensor ? make(p) : noise).logDensity(y, clean);
    const list = nodes(family.clean[1], value);
    const middle = Math.floor(list.length / 2);
    // Leaves are on the grid of single precision, and differences stay within the support.
    const data = family.clean.map((c) => Math.fround(nodes(c, value)[Math.min(middle, 3)][0]));
    const inside = data.map((v, i) => (list.length > 100 && list[1][1] !== 1 ? Math.fround(family.clean[i]) : v));
    const values = {
      y: inside.map((v) => (noise.data === "unit" ? 0.375 : v)),
      clean: family.clean.map((c) => Math.round(c * 64) / 64),
      p: family.clean.map(() => value),
    };
    const total = batchSum(tensor ? density : add(density, mul(p, 0)));
    const leaves = tensor ? [clean, p] : [clean];
    await checkGradients(total, leaves, grad(total, leaves), { rows: data.length, values, step: 2 ** -10 });
  });

  test(`${label} noise is −∞ outside its support and NaN for noise-free data out of range, with finite gradients`, async () => {
    const list = [...family.impossible, ...family.invalid];
    if (list.length === 0) return;
    for (const create of [createReference, createWasm]) {
      const got = await at(
        list.map(([y]) => y),
        list.map(([, c]) => c),
        (y, clean) => {
          const density = noise.logDensity(y, clean);
          return { density, slope: grad(density, [clean])[0] as Tensor };
        },
        create,
      );
      list.forEach(([y, c], i) => {
        const expected = i < family.impossible.length ? -Infinity : Number.NaN;
        assert.ok(Object.is(got.density[i], expected), `p(${y} | ${c}): ${got.density[i]}`);
        if (expected === -Infinity) assert.ok(Number.isFinite(got.slope[i]), `slope at ${y} | ${c}: ${got.slope[i]}`);
      });
    }
  });

  test(`draws of ${label} noise follow its density, in f32 and f64`, async () => {
    for (const dtype of ["f32", "f64"] as const) {
      const rows = 20_000;
      const clean = tile(cast(input("clean", family.clean.length, { repeat: true }), dtype), 2);
      const { drawn } = await runGraph(
        { drawn: cast(noise.draw(clean, 7), "f64") },
        { rows, repeat: rows, seed: 3, inputs: { clean: family.clean }, create: createWasm },
      );
      assert.is(drawn.length, 2 * rows * family.clean.length);
      assert.not.ok(drawn.some((v: number) => Object.is(v, -0)));
      family.clean.forEach((c, m) => {
        const sample = Float64Array.from({ length: 2 * rows }, (_, r) => drawn[r * family.clean.length + m]);
        checkSample(
          sample,
          nodes(c, value),
          (y) => logDensity(y, c, value),
          noise.data === "counts",
          `${label} at ${c} in ${dtype}`,
        );
      });
    }
  });
}

/** χ² of counts over cells of at least ten expected draws, or KS against the running integral. Level 1e-6. */
function checkSample(
  x: Float64Array,
  list: Nodes,
  logDensity: (y: number) => number,
  isCount: boolean,
  what: string,
): void {
  const p = list.map(([y, w]) => w * Math.exp(logDensity(y)));
  if (!isCount) {
    let sum = 0;
    const cumulative = p.map((v) => (sum += v) - v / 2);
    const y = list.map(([v]) => v);
    const cdf = (v: number): number => {
      let [from, to] = [0, y.length - 1];
      if (v <= y[0]) return 0;
      if (v >= y[to]) return 1;
      while (to - from > 1) {
        const middle = (from + to) >> 1;
        if (y[middle] <= v) from = middle;
        else to = middle;
      }
      return cumulative[from] + ((v - y[from]) / (y[to] - y[from])) * (cumulative[to] - cumulative[from]);
    };
    const ks = ksOneSample(x, cdf);
    return void assert.ok(ks < ksBound(x.length, 1e-6), `${what}: KS ${ks}`);
  }
  const got = new Float64Array(list.length);
  for (const v of x) {
    assert.ok(Number.isInteger(v) && v >= 0 && v < list.length, `${what}: ${v}`);
    got[v]++;
  }
  let [statistic, cells, seen, expected] = [0, 0, 0, 0];
  p.forEach((v, k) => {
    seen += got[k];
    expected += v * x.length;
    if (expected < 10 && k < p.length - 1) return;
    if (expected > 0) statistic += (seen - expected) ** 2 / Math.max(expected, 1);
    cells++;
    [seen, expected] = [0, 0];
  });
  if (cells > 1) assert.ok(chiSquareTail(statistic, cells - 1) > 1e-6, `${what}: χ² ${statistic} over ${cells} cells`);
}

// ---- categorical: observations of several data

for (const logits of [false, true]) {
  const K = 3;
  const shares = [0.2, 0.5, 0.3];
  const clean = logits ? shares.map((p) => Math.log(p) + 5) : shares.map((p) => 4 * p);
  const noise = categoricalNoise({ classes: K, logits });
  const label = `categorical noise of ${logits ? "logits" : "weights"}`;

  test(`${label}: density, mean, sd and Fisher information of the classes`, async () => {
    const y = [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0.5, 0.5, 0];
    const rows = y.length / K;
    const [data, c] = [input("y", K, f64), input("clean", K, f64)];
    const density = noise.logDensity(data, c);
    const { fisher } = noise as Required<Noise>;
    const [{ of, weight }] = fisher(c);
    const graph = {
      density,
      score: grad(density, [c])[0] as Tensor,
      mean: noise.mean?.(c) as Tensor,
      sd: noise.sd?.(c) as Tensor,
    };
    const slopes = Array.from({ length: K }, (_, k) => {
      const unit = Array.from({ length: K }, (_x, j) => (j === k ? 1 : 0));
      return grad(sumFeatures(mul(of, unit)), [c])[0] as Tensor;
    });
    const inputs = { y, clean: Array.from({ length: rows * K }, (_, i) => clean[i % K]) };
    const got = await runGraph(
      { ...graph, weight: weight as Tensor, ...Object.fromEntries(slopes.map((t, k) => [`slope ${k}`, t])) },
      { rows, inputs },
    );
    shares.forEach((p, k) => {
      assert.ok(Math.abs(got.density[k] - Math.log(p)) < 1e-12);
      assert.ok(Math.abs(got.mean[k] - p) < 1e-12);
      assert.ok(Math.abs(got.sd[k] - Math.sqrt(p * (1 - p))) < 1e-12);
      assert.is(got.density[3 + k], -Infinity);
    });
    for (let a = 0; a < K; a++) {
      for (let b = 0; b < K; b++) {
        const want = shares.reduce((sum, p, k) => sum + p * got.score[k * K + a] * got.score[k * K + b], 0);
        const told = shares.reduce((sum, _, k) => sum + got.weight[k] * got[`slope ${k}`][a] * got[`slope ${k}`][b], 0);
        assert.ok(Math.abs(told - want) < 1e-12, `${a}, ${b}: ${told}, ${want}`);
      }
    }
  });

  test(`${label}: gradients, and draws of one class for each observation`, async () => {
    const [data, c] = [input("y", 2 * K, f64), input("clean", 2 * K, f64)];
    const total = batchSum(noise.logDensity(data, c));
    const values = { y: [0, 1, 0, 0, 0, 1], clean: [...clean, 0.5, 2, 1].map((v) => Math.round(v * 64) / 64) };
    await checkGradients(total, [c], grad(total, [c]), { rows: 1, values });
    const rows = 40_000;
    const drawn = cast(noise.draw(input("clean", 2 * K, { repeat: true }), 7), "f64");
    const inputs = { clean: [...clean, ...clean] };
    const { y } = await runGraph({ y: drawn }, { rows, repeat: rows, seed: 3, inputs, create: createWasm });
    for (const first of [0, K]) {
      const got = shares.map((_, k) =>
        Array.from({ length: rows }, (_x, r) => y[r * 2 * K + first + k]).reduce((a, b) => a + b),
      );
      assert.is(
        got.reduce((a, b) => a + b),
        rows,
      );
      const statistic = got.reduce((sum, n, k) => sum + (n - rows * shares[k]) ** 2 / (rows * shares[k]), 0);
      assert.ok(chiSquareTail(statistic, K - 1) > 1e-6, `χ² ${statistic}`);
    }
  });
}

test("an impossible class has the density 0, and weights below 0 have none", async () => {
  const noise = categoricalNoise({ classes: 2 });
  const [y, c] = [input("y", 2, f64), input("clean", 2, f64)];
  const density = noise.logDensity(y, c);
  const inputs = { y: [1, 0, 0, 1, 1, 0, 1, 0], clean: [0, 1, 0, 1, -1, 2, 0, 0] };
  const got = await runGraph({ density, slope: grad(density, [c])[0] as Tensor }, { rows: 4, inputs });
  assert.equal(Array.from(got.density), [-Infinity, 0, Number.NaN, Number.NaN]);
  assert.ok(Array.from(got.slope.subarray(0, 4)).every(Number.isFinite));
});

// ---- draws on all executors

test("draws of counts are the same on the reference, on wasm and with threads", async () => {
  const level = input("level", 4, f64);
  const chance = input("chance", 4, f64);
  const graph = {
    poisson: poissonNoise({ exposure: 2 }).draw(level, 7),
    binomial: binomialNoise({ trials: [1, 10, 100, 1000] }).draw(chance, 7),
    bernoulli: bernoulliNoise().draw(chance, 7),
    logits: bernoulliNoise({ logits: true }).draw(level, 7),
    categorical: categoricalNoise({ classes: 2 }).draw(level, 7),
    negative: negativeBinomialNoise({ dispersion: 3 }).draw(level, 7),
  };
  const rows = 400;
  const inputs = {
    level: Array.from({ length: 4 * rows }, (_, i) => [0.01, 2, 12, 400][i % 4]),
    chance: Array.from({ length: 4 * rows }, (_, i) => [0, 0.2, 0.6, 1][(i >> 2) % 4]),
  };
  const want = await runGraph(graph, { rows, inputs });
  const threaded: CreateExecutor = (program) => createExecutor(program, { kernels: "plain", threads: 3 });
  for (const create of [createWasm, threaded]) {
    const got = await runGraph(graph, { rows, inputs, create });
    for (const [name, values] of Object.entries(want)) {
      const differ = Array.from(values).filter((v, i) => v !== got[name][i]).length;
      // Gamma numbers differ by 1e-7 between executors, whose normal numbers are single precision.
      assert.ok(differ <= (name === "negative" ? 1 : 0), `${name}: ${differ}`);
    }
  }
});

test("densities in f32 agree with f64, on wasm and on WebGPU", async () => {
  if (noGpu) console.log(`SKIP ${noGpu}`);
  for (const { label, make, parameter, clean, nodes } of families) {
    const noise = make(parameter ?? 1);
    const list = clean.flatMap((c) => {
      const y = nodes(c, parameter ?? 1).filter((_, i, all) => i % Math.ceil(all.length / 20) === 0);
      return y.map(([v]) => [Math.fround(v), Math.fround(c)] as const);
    });
    const inputs = { y: list.map(([v]) => v), clean: list.map(([, c]) => c) };
    const graphOf = (dtype: "f32" | "f64") => ({
      p: noise.logDensity(input("y", 1, { dtype }), input("clean", 1, { dtype })),
    });
    const want = await runGraph(graphOf("f64"), { rows: list.length, inputs });
    for (const create of [createWasm, ...Object.values(webgpu)]) {
      const got = await runGraph(graphOf("f32"), { rows: list.length, inputs, create });
      want.p.forEach((v: number, i: number) => {
        if (Math.abs(v) > 200 || list[i][0] >= 1 - 2 ** -20) return; // parts are larger than the sum, or y is rounded to its edge
        // Parts of up to about 400 that cancel, each rounded to 6e-8.
        const bound = 1e-4 + 1e-5 * Math.abs(v);
        assert.ok(Math.abs(got.p[i] - v) < bound, `${label} at ${list[i]}: ${got.p[i]}, ${v}`);
      });
    }
  }
});

test("bad parameters of noise are named", () => {
  const list: [() => unknown, RegExp][] = [
    [() => logNormalNoise(0), /^logNormalNoise: expected sd > 0 and finite, got 0$/],
    [() => poissonNoise({ exposure: -1 }), /^poissonNoise: expected exposure > 0 and finite, got -1$/],
    [() => negativeBinomialNoise({} as { dispersion: number }), /^negativeBinomialNoise: expected dispersion/],
    [() => negativeBinomialNoise({ dispersion: Infinity }), /expected dispersion > 0 and finite, got Infinity/],
    [() => binomialNoise({ trials: 2.5 }), /^binomialNoise: expected trials a whole number from 1 to 2\^24, got 2.5$/],
    [() => binomialNoise({ trials: [3, 0] }), /expected trials a whole number from 1 to 2\^24, got 0 at index 1/],
    [
      () => bernoulliNoise({ logits: 1 as unknown as boolean }),
      /^bernoulliNoise: expected logits to be true or false, got 1$/,
    ],
    [() => betaNoise({ concentration: 0 }), /^betaNoise: expected concentration > 0 and finite, got 0$/],
    [() => categoricalNoise({ classes: 1 }), /^categoricalNoise: expected classes to be a whole number from 2/],
    [
      () => categoricalNoise({ classes: 3 }).draw(input("c", 4), 1),
      /^categoricalNoise: expected noise-free data of a multiple of 3 data, 3 for each observation, got \(B, 4\)$/,
    ],
    [
      () => binomialNoise({ trials: [3, 4] }).draw(input("c", 3), 1),
      /^binomialNoise: expected noise-free data \(B, 2\), got/,
    ],
    [() => poissonNoise().logDensity(input("y", 2), input("c", 3)), /^poissonNoise: expected y \(B, 3\), got \(B, 2\)/],
  ];
  for (const [f, message] of list)
    assert.throws(f, (e: Error) => message.test(e.message) || assert.unreachable(e.message));
});

test.run();
