// One list of properties runs over all distributions, on the f64 reference; then single precision and bad arguments.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import type { Distribution } from "../src/distributions/distribution.ts";
import { distributionFromSpec } from "../src/distributions/from-spec.ts";
import { logNormal } from "../src/distributions/log-normal.ts";
import { normal } from "../src/distributions/normal.ts";
import { product } from "../src/distributions/product.ts";
import { softUniform } from "../src/distributions/soft-uniform.ts";
import { truncatedNormal } from "../src/distributions/truncated-normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { batchSum, cast, input, sub } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { erfc } from "../src/numbers/math.ts";
import { checkGradients } from "./helpers/differences.ts";
import { runGraph } from "./helpers/run.ts";

type Cdf = (x: number) => number;
interface Case {
  readonly label: string;
  readonly make: () => Distribution;
  /** Distribution function of each entry. */
  readonly cdfs: readonly Cdf[];
}

const phi: Cdf = (z) => 0.5 * erfc(-z * Math.SQRT1_2);
const normalCdf =
  (mean: number, sd: number): Cdf =>
  (x) =>
    phi((x - mean) / sd);
const uniformCdf =
  (low: number, high: number): Cdf =>
  (x) =>
    (x - low) / (high - low);
const logNormalCdf =
  (mu: number, sigma: number): Cdf =>
  (x) =>
    phi((Math.log(x) - mu) / sigma);
/** The integral of a difference of two logistic functions. */
const softUniformCdf = (low: number, high: number, edge: number): Cdf => {
  const integral: Cdf = (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));
  return (x) => (edge / (high - low)) * (integral((x - low) / edge) - integral((x - high) / edge));
};
/** Above the mean from the upper tail, which keeps its digits. */
const truncatedCdf = (mean: number, sd: number, low: number, high: number): Cdf => {
  const [a, b] = [(low - mean) / sd, (high - mean) / sd];
  const between = (from: number, to: number): number => (from > 0 ? phi(-from) - phi(-to) : phi(to) - phi(from));
  return (x) => between(a, (x - mean) / sd) / between(a, b);
};

const cases: Case[] = [
  { label: "a normal", make: () => normal(1, 0.25), cdfs: [normalCdf(1, 0.25)] },
  { label: "two normals", make: () => normal([0, -3], [0.5, 2]), cdfs: [normalCdf(0, 0.5), normalCdf(-3, 2)] },
  { label: "a uniform", make: () => uniform(0.2, 0.8), cdfs: [uniformCdf(0.2, 0.8)] },
  { label: "two uniforms", make: () => uniform([-1, 100], [3, 101]), cdfs: [uniformCdf(-1, 3), uniformCdf(100, 101)] },
  { label: "a soft uniform", make: () => softUniform(0.2, 0.8, 0.1), cdfs: [softUniformCdf(0.2, 0.8, 0.1)] },
  {
    label: "two soft uniforms",
    make: () => softUniform([-1, 5], [3, 6], [2, 0.3]),
    cdfs: [softUniformCdf(-1, 3, 2), softUniformCdf(5, 6, 0.3)],
  },
  { label: "a log-normal", make: () => logNormal(0.5, 0.75), cdfs: [logNormalCdf(0.5, 0.75)] },
  {
    label: "two log-normals",
    make: () => logNormal([-1, 1], 0.3),
    cdfs: [logNormalCdf(-1, 0.3), logNormalCdf(1, 0.3)],
  },
  { label: "a normal cut on both sides", make: () => truncatedNormal(0, 1, -1, 2), cdfs: [truncatedCdf(0, 1, -1, 2)] },
  {
    label: "a normal cut below",
    make: () => truncatedNormal(1, 0.5, 0, Infinity),
    cdfs: [truncatedCdf(1, 0.5, 0, Infinity)],
  },
  {
    label: "a normal cut above",
    make: () => truncatedNormal(-2, 3, -Infinity, 1),
    cdfs: [truncatedCdf(-2, 3, -Infinity, 1)],
  },
  { label: "a normal not cut", make: () => truncatedNormal(2, 3, -Infinity, Infinity), cdfs: [normalCdf(2, 3)] },
  { label: "a normal's tail", make: () => truncatedNormal(0, 1, 6, Infinity), cdfs: [truncatedCdf(0, 1, 6, Infinity)] },
  {
    label: "normals cut in different ways",
    make: () => truncatedNormal([0, 1], [1, 2], [-1, -Infinity], [Infinity, 2]),
    cdfs: [truncatedCdf(0, 1, -1, Infinity), truncatedCdf(1, 2, -Infinity, 2)],
  },
  {
    label: "a product",
    make: () => product(logNormal(0, 0.5), uniform(-1, 2)),
    cdfs: [logNormalCdf(0, 0.5), uniformCdf(-1, 2)],
  },
];

const DRAWS = 20_000;
const f64 = { dtype: "f64" } as const;
/** Nodes of the trapezoidal rule on the line: ±20 standard deviations in steps of a quarter, or of a fifth. */
const nodesOf = (size: number): number => (size === 1 ? 201 : 161);

/** Points of the line, coarse numbers that f32 holds, row by row. */
const realPoints = (d: Distribution): Float64Array =>
  Float64Array.from(
    [-0.5, 0, 0.5, 1.25].flatMap((k) =>
      Array.from(d.realMean, (m, i) => Math.round((m + k * d.realSd[i]) * 4096) / 4096),
    ),
  );

/** Points inside the support, none nearer to an edge than 0.03. */
async function points(d: Distribution): Promise<Float64Array> {
  const x = realPoints(d);
  const out = await runGraph(
    { theta: d.fromReal(input("x", d.size, f64)) },
    { rows: x.length / d.size, inputs: { x } },
  );
  return Float64Array.from(out.theta, (v) => Math.round(v * 4096) / 4096);
}

async function drawsOf(
  d: Distribution,
): Promise<{ theta: Float64Array; real: Float64Array; logDensity: Float64Array }> {
  const theta = d.draw(3, "f64");
  const outputs = { theta, real: d.toReal(theta), logDensity: d.logDensity(theta) };
  return (await runGraph(outputs, { rows: DRAWS, seed: 11 })) as Awaited<ReturnType<typeof drawsOf>>;
}

const column = (x: ArrayLike<number>, d: number, size: number): Float64Array =>
  Float64Array.from({ length: x.length / size }, (_, s) => x[s * size + d]);

/** Mean, sd and the standard errors of both (that of the sd from the sample's fourth moment). */
function summary(x: Float64Array): { mean: number; sd: number; meanError: number; sdError: number } {
  const n = x.length;
  const mean = x.reduce((a, b) => a + b, 0) / n;
  const moment = (k: number): number => x.reduce((a, b) => a + (b - mean) ** k, 0) / n;
  const sd = Math.sqrt(moment(2));
  return {
    mean,
    sd,
    meanError: sd / Math.sqrt(n),
    sdError: (sd * Math.sqrt(moment(4) / moment(2) ** 2 - 1)) / Math.sqrt(4 * n),
  };
}

for (const { label, make, cdfs } of cases) {
  test(`the density of ${label} integrates to 1`, async () => {
    const d = make();
    const count = nodesOf(d.size);
    const step = 40 / (count - 1);
    const rows = count ** d.size;
    const x = Float64Array.from({ length: rows * d.size }, (_, k) => {
      const [row, i] = [Math.floor(k / d.size), k % d.size];
      const node = Math.floor(row / count ** i) % count;
      return d.realMean[i] + d.realSd[i] * step * (node - (count - 1) / 2);
    });
    const theta = d.fromReal(input("x", d.size, f64));
    const out = await runGraph({ log: sub(d.logDensity(theta), d.logDetToReal(theta)) }, { rows, inputs: { x } });
    const cell = d.realSd.reduce((volume, s) => volume * s * step, 1);
    // The rule's error falls like exp(−2π · width/step): far below rounding for densities as smooth as these.
    const total = Array.from(out.log).reduce((sum, v) => sum + Math.exp(v), 0) * cell;
    assert.ok(Math.abs(total - 1) < 1e-6, `${total}`);
  });

  test(`the map of ${label} to the line has an inverse and the log-determinant that differences give`, async () => {
    const d = make();
    const theta = await points(d);
    const rows = theta.length / d.size;
    const t = input("theta", d.size, f64);
    const run = (inputs: { theta: Float64Array }) =>
      runGraph({ real: d.toReal(t), back: d.fromReal(d.toReal(t)), logDet: d.logDetToReal(t) }, { rows, inputs });
    const out = await run({ theta });
    theta.forEach((v, k) => {
      assert.ok(Math.abs(out.back[k] - v) <= 1e-12 * Math.max(1, Math.abs(v)), `${out.back[k]} for ${v}`);
    });
    // Central differences with h: truncation h² f‴/6f′ = (h/a)²/3 ≤ 4e-8 relative at a = 0.03 from an edge.
    const h = 1e-5;
    const [up, down] = [await run({ theta: theta.map((v) => v + h) }), await run({ theta: theta.map((v) => v - h) })];
    for (let r = 0; r < rows; r++) {
      let want = 0;
      for (let i = 0; i < d.size; i++)
        want += Math.log((up.real[r * d.size + i] - down.real[r * d.size + i]) / (2 * h));
      assert.ok(Math.abs(out.logDet[r] - want) < 1e-6, `${out.logDet[r]}, by differences ${want}`);
    }
  });

  test(`draws of ${label} follow its distribution function, moments and support`, async () => {
    const d = make();
    const { theta, real, logDensity } = await drawsOf(d);
    assert.is(cdfs.length, d.size);
    assert.ok(logDensity.every(Number.isFinite));
    cdfs.forEach((cdf, i) => {
      const [x, z] = [column(theta, i, d.size), column(real, i, d.size)];
      assert.ok(x.every((v) => v >= d.low[i] && v <= d.high[i]));
      const ks = ksOneSample(x, cdf);
      assert.ok(ks < ksBound(DRAWS, 1e-6), `KS ${ks} in column ${i}`);
      for (const [sample, mean, sd] of [
        [x, d.mean[i], d.sd[i]],
        [z, d.realMean[i], d.realSd[i]],
      ] as const) {
        const s = summary(sample);
        assert.ok(Math.abs(s.mean - mean) < 5 * s.meanError, `mean ${s.mean}, expected ${mean}`);
        assert.ok(Math.abs(s.sd - sd) < 5 * s.sdError, `sd ${s.sd}, expected ${sd}`);
      }
    });
  });

  test(`the log-density and log-determinant of ${label} have the gradients that differences give`, async () => {
    const d = make();
    const t = input("x", d.size, f64);
    const [theta, real] = [await points(d), realPoints(d)];
    const inReal = (x: Tensor): Tensor => d.logDensity(d.fromReal(x));
    for (const [f, x] of [
      [d.logDensity, theta],
      [d.logDetToReal, theta],
      [inReal, real],
    ] as const) {
      const total = batchSum(f(t));
      await checkGradients(total, [t], grad(total, [t]), { rows: x.length / d.size, values: { x }, relative: 1e-5 });
    }
  });

  test(`outside its support the density of ${label} is 0, and its gradient and map stay finite`, async () => {
    const d = make();
    const edges = [...d.low, ...d.high].flatMap((edge, k) => {
      if (!Number.isFinite(edge)) return [];
      const [i, sign] = [k % d.size, k < d.size ? -1 : 1];
      const at = (shift: number): number[] => Array.from(d.mean, (m, j) => (j === i ? edge + sign * shift : m));
      return [at(0), at(1e-6), at(3)];
    });
    if (edges.length === 0) return;
    const t = input("theta", d.size, f64);
    const logDensity = d.logDensity(t);
    const [gradient] = grad(logDensity, [t]) as Tensor[];
    const outputs = { logDensity, gradient, real: d.toReal(t), logDet: d.logDetToReal(t) };
    const out = await runGraph(outputs, { rows: edges.length, inputs: { theta: edges.flat() } });
    edges.forEach((_, r) => {
      const isEdge = r % 3 === 0;
      assert.is(Number.isFinite(out.logDensity[r]), isEdge, `row ${r}: ${out.logDensity[r]}`);
      if (!isEdge) assert.is(out.logDensity[r], -Infinity);
    });
    assert.ok([...out.gradient, ...out.real, ...out.logDet].every(Number.isFinite));
  });

  test(`${label} runs in single precision, where its draws stay inside and keep their map`, async () => {
    const d = make();
    const theta = d.draw(3, "f32");
    const outputs = {
      theta,
      wide: d.logDensity(cast(theta, "f64")),
      real: d.toReal(theta),
      back: d.fromReal(d.toReal(theta)),
      logDensity: d.logDensity(theta),
      logDet: d.logDetToReal(theta),
    };
    const got = await runGraph(outputs, { rows: 1000, seed: 11, create: createWasm });
    const t = input("theta", d.size, f64);
    const oracle = { logDensity: d.logDensity(t), logDet: d.logDetToReal(t) };
    const want = await runGraph(oracle, { rows: 1000, inputs: { theta: Float64Array.from(got.theta) } });
    assert.ok([...got.wide, ...got.real, ...got.logDet].every(Number.isFinite));
    // 16 roundings of 2^-24 of terms of up to ~20, and of θ itself against its distance from an edge.
    got.logDensity.forEach((v, r) => {
      assert.ok(Math.abs(v - want.logDensity[r]) < 3e-5 * (1 + Math.abs(v)), `${v} ${want.logDensity[r]}`);
    });
    for (let k = 0; k < got.theta.length; k++) {
      const i = k % d.size;
      const inner = Math.min(got.theta[k] - d.low[i], d.high[i] - got.theta[k]);
      const error = Math.abs(got.back[k] - got.theta[k]);
      assert.ok(
        error < 2e-6 * (Math.abs(got.theta[k]) + Math.min(inner, 20 * d.sd[i])),
        `${got.back[k]} for ${got.theta[k]}`,
      );
    }
  });

  test(`${label} is made again from its spec, which is plain JSON`, () => {
    const d = make();
    const again = distributionFromSpec(JSON.parse(JSON.stringify(d.spec)));
    assert.equal(again.spec, d.spec);
    for (const key of ["mean", "sd", "realMean", "realSd", "low", "high"] as const) assert.equal(again[key], d[key]);
  });
}

test("draws next to the edge of a box are inside it in both types", async () => {
  // 0.8 lies between two f32 numbers, and the box is some seven of them wide: many draws fall to its edges.
  const d = uniform(0.8 - 4e-7, 0.8);
  for (const dtype of ["f32", "f64"] as const) {
    const theta = d.draw(1, dtype);
    const twice = cast(cast(theta, dtype === "f32" ? "f64" : "f32"), dtype);
    const outputs = { once: d.logDensity(theta), twice: d.logDensity(twice), wide: d.logDensity(cast(twice, "f64")) };
    const out = await runGraph(outputs, { rows: 2000, seed: 1, create: createWasm });
    assert.ok([...out.once, ...out.twice, ...out.wide].every(Number.isFinite));
  }
});

test("draws of a backend in double precision are those of the reference", async () => {
  const d = product(...cases.map((c) => c.make()));
  assert.is(d.streams, cases.length + 3); // a product of two is among them, and two soft uniforms of two each
  const theta = d.draw(3, "f64");
  const outputs = { theta, real: d.toReal(theta), logDensity: d.logDensity(theta) };
  const [got, want] = [
    await runGraph(outputs, { rows: 100, seed: 5, create: createWasm }),
    await runGraph(outputs, { rows: 100, seed: 5 }),
  ];
  // Normals are made in single precision on one side: 2e-6 of their sd, more in real space near an edge.
  got.theta.forEach((v, k) => {
    assert.ok(Math.abs(v - want.theta[k]) < 4e-6 * (Math.abs(v) + 8 * d.sd[k % d.size]), `${v} ${want.theta[k]}`);
  });
  assert.ok([...got.real, ...got.logDensity].every(Number.isFinite));
});

test("a narrow or far cut of a normal keeps its mass to the last digits", async () => {
  for (const [low, high] of [
    [1, 1 + 1e-6],
    [-9, -8.5],
    [8.5, 9],
    [-40, 40],
    [-0.001, 0.001],
    [10, Infinity],
  ]) {
    const d = truncatedNormal(0, 1, low, high);
    const at = high === Infinity ? low : (low + high) / 2;
    const out = await runGraph({ log: d.logDensity(input("theta", 1, f64)) }, { rows: 1, inputs: { theta: [at] } });
    const between = low > 0 ? phi(-low) - phi(-high) : phi(high) - phi(low);
    // A narrow interval's difference of Φ cancels: its mass is the density in the middle times the width.
    const mass = high - low < 1e-3 ? (Math.exp((-at * at) / 2) / Math.sqrt(2 * Math.PI)) * (high - low) : between;
    const want = (-at * at) / 2 - Math.log(Math.sqrt(2 * Math.PI)) - Math.log(mass);
    assert.ok(
      Math.abs(out.log[0] - want) < 1e-8 * (1 + Math.abs(want)),
      `[${low}, ${high}]: ${out.log[0]}, expected ${want}`,
    );
  }
});

test("bad arguments are named, with what was expected and what came", () => {
  const list: [() => unknown, RegExp][] = [
    [() => normal([0, 0], [1, -0.5]), /^normal: expected sd > 0 and finite, got -0.5 at index 1$/],
    [() => normal([0, 0], [1, 1, 1]), /^normal: expected mean and sd of one length, got 2 and 3$/],
    [() => normal(Number.NaN, 1), /^normal: expected mean a number, got NaN$/],
    [() => normal([], 1), /expected mean to hold at least one number, got none/],
    [() => normal("0" as never, 1), /expected mean to be a number or numbers, got "0"/],
    [() => normal(0, undefined as never), /expected sd to be a number or numbers, got undefined/],
    [() => normal(Infinity, 1), /expected mean finite, got Infinity/],
    [() => uniform(1, 1), /^uniform: expected low < high, got 1$/],
    [() => uniform(0, Infinity), /expected high finite, got Infinity/],
    [() => softUniform(1, 1, 1), /^softUniform: expected low < high, got 1$/],
    [() => softUniform([0, 0], 1, [1, 0]), /^softUniform: expected edge > 0 and finite, got 0 at index 1$/],
    [() => logNormal(0, 0), /expected sigma > 0 and finite, got 0/],
    [() => logNormal(0, 40), /standard deviation that is a positive, finite number, got Infinity/],
    [() => truncatedNormal(0, 1, 3, 2), /expected low < high, got 3/],
    [() => truncatedNormal(0, 1, 13, 14), /leave at least 1e-30 of the normal's mass, got \[13, 14\]/],
    [() => product(), /expected at least one distribution, got none/],
    [() => product(normal(0, 1), {} as never), /expected distributions, got an object .* at index 1/],
    [() => normal([0, 0], 1).logDensity(input("theta", 3)), /^normal: expected theta \(B, 2\), got \(B, 3\)$/],
    [() => product(normal(0, 1)).toReal(input("theta", 3)), /^product: expected theta \(B, 1\), got \(B, 3\)$/],
    [() => distributionFromSpec({ name: "toString" }), /expected one of normal, .* got "toString"/],
    [() => distributionFromSpec(null), /expected one of .* got null/],
    [
      () => distributionFromSpec({ name: "normal", mean: [0], sd: ["1"] }),
      /expected sd to be a number or numbers, got "1"/,
    ],
    [() => distributionFromSpec({ name: "product", parts: 3 }), /expected parts to be a list, got 3/],
  ];
  for (const [f, message] of list)
    assert.throws(f, (e: Error) => message.test(e.message) || assert.unreachable(e.message));
});

test.run();
