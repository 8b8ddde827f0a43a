// One list of properties runs over all distributions, on the f64 reference; then single precision and bad arguments.
// It is long because the list has a row for each family, with its distribution function in closed form.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import { beta } from "../src/distributions/beta.ts";
import { dirichlet } from "../src/distributions/dirichlet.ts";
import { type Distribution, isInside, isLinear } from "../src/distributions/distribution.ts";
import { doubleExponential } from "../src/distributions/double-exponential.ts";
import { exponential } from "../src/distributions/exponential.ts";
import { frameOf } from "../src/distributions/frame.ts";
import { distributionFromSpec } from "../src/distributions/from-spec.ts";
import { gamma, inverseGamma } from "../src/distributions/gamma.ts";
import { halfCauchy } from "../src/distributions/half-cauchy.ts";
import { halfNormal } from "../src/distributions/half-normal.ts";
import { joint } from "../src/distributions/joint.ts";
import { logNormal } from "../src/distributions/log-normal.ts";
import { multivariateNormal } from "../src/distributions/multivariate-normal.ts";
import { normal } from "../src/distributions/normal.ts";
import { ordered } from "../src/distributions/ordered.ts";
import { product, repeat } from "../src/distributions/product.ts";
import { softUniform } from "../src/distributions/soft-uniform.ts";
import { storedPrior } from "../src/distributions/stored-prior.ts";
import { student } from "../src/distributions/student.ts";
import { truncatedNormal } from "../src/distributions/truncated-normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { add, batchSum, cast, input, sub } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { erfc } from "../src/numbers/math.ts";
import { checkGradients } from "./helpers/differences.ts";
import { runGraph } from "./helpers/run.ts";

type Cdf = (x: number) => number;
interface Case {
  readonly label: string;
  readonly make: () => Distribution;
  /** Distribution function of each entry; null where there is no closed form. */
  readonly cdfs: readonly (Cdf | null)[];
  /** Scale of exponentials that meet at a cusp, which the trapezoidal rule sums to (h/2b)/tanh(h/2b) for steps of h. */
  readonly cusp?: number;
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

const exponentialCdf =
  (rate: number): Cdf =>
  (x) =>
    -Math.expm1(-rate * x);
/** Student's, in closed form for 1, 2 and 4 degrees of freedom. */
const studentCdf =
  (mean: number, scale: number, degrees: 1 | 2 | 4): Cdf =>
  (x) => {
    const t = (x - mean) / scale;
    if (degrees === 1) return 0.5 + Math.atan(t) / Math.PI;
    if (degrees === 2) return 0.5 + t / (2 * Math.sqrt(2 + t * t));
    const s = 1 + (t * t) / 4;
    return 0.5 + (0.375 * t * (1 - (t * t) / (12 * s))) / Math.sqrt(s);
  };
const doubleExponentialCdf =
  (mean: number, scale: number): Cdf =>
  (x) =>
    x < mean ? 0.5 * Math.exp((x - mean) / scale) : 1 - 0.5 * Math.exp((mean - x) / scale);
/** The sum of a normal variable of sd 1 and an exponential one of rate 1, less a mean. */
const normalExponentialCdf =
  (mean: number): Cdf =>
  (x) =>
    phi(x - mean) - Math.exp(0.5 - (x - mean)) * phi(x - mean - 1);

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
  {
    label: "two half-normals",
    make: () => halfNormal([0.5, 3]),
    cdfs: [0.5, 3].map((sd) => (x: number) => 2 * phi(x / sd) - 1),
  },
  { label: "a half-Cauchy", make: () => halfCauchy(2), cdfs: [(x) => (2 / Math.PI) * Math.atan(x / 2)] },
  { label: "two exponentials", make: () => exponential([0.5, 4]), cdfs: [exponentialCdf(0.5), exponentialCdf(4)] },
  {
    label: "a double exponential",
    make: () => doubleExponential(1.5, 0.75),
    cdfs: [doubleExponentialCdf(1.5, 0.75)],
    cusp: 0.75,
  },
  { label: "a Cauchy", make: () => student(0.5, 2, 1), cdfs: [studentCdf(0.5, 2, 1)] },
  {
    label: "two Students",
    make: () => student([0, -3], [1, 0.25], [2, 4]),
    cdfs: [studentCdf(0, 1, 2), studentCdf(-3, 0.25, 4)],
  },
  {
    label: "a normal with correlations",
    make: () =>
      multivariateNormal({
        mean: [1, -2],
        covariance: [
          [4, 1.8],
          [1.8, 1],
        ],
      }),
    cdfs: [normalCdf(1, 2), normalCdf(-2, 1)],
  },
  {
    label: "two ascending parameters",
    make: () => ordered(normal(0.5, 1), exponential(1)),
    cdfs: [normalCdf(0.5, 1), normalExponentialCdf(0.5)],
  },
  { label: "a gamma", make: () => gamma(2, 0.5), cdfs: [(x) => 1 - Math.exp(-x / 2) * (1 + x / 2)] },
  { label: "a gamma of a shape below 1", make: () => gamma(0.5, 2), cdfs: [(x) => 2 * phi(Math.sqrt(4 * x)) - 1] },
  {
    label: "an inverse gamma",
    make: () => inverseGamma(3, 2),
    cdfs: [(x) => Math.exp(-2 / x) * (1 + 2 / x + 2 / (x * x))],
  },
  {
    label: "an inverse gamma without variance",
    make: () => inverseGamma(2, 1),
    cdfs: [(x) => Math.exp(-1 / x) * (1 + 1 / x)],
  },
  {
    label: "two betas",
    make: () => beta([2, 0.5], [1, 0.5]),
    cdfs: [(x) => x * x, (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
  },
  {
    label: "a simplex of three weights",
    make: () => dirichlet([2, 1, 1]),
    // Beta(2, 2) and Beta(1, 3)
    cdfs: [(x) => x * x * (3 - 2 * x), (x) => 1 - (1 - x) ** 3],
  },
  {
    label: "a joint of fixed parts",
    make: () => joint({ a: halfNormal(2), b: student(0, 1, 4) }),
    cdfs: [(x) => 2 * phi(x / 2) - 1, studentCdf(0, 1, 4)],
  },
];

const DRAWS = 20_000;
const f64 = { dtype: "f64" } as const;
/** Nodes of the trapezoidal rule on the line: ±20 standard deviations in steps of a quarter, or of a fifth. */
const nodesOf = (size: number): number => (size === 1 ? 201 : 161);

/** Points of the line, coarse numbers that f32 holds, row by row. */
const realPoints = (d: Distribution): Float64Array =>
  Float64Array.from(
    [-0.5, 0.1, 0.5, 1.25].flatMap((k) =>
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

/** By elimination with the largest pivot. */
function determinant(rows: readonly (readonly number[])[]): number {
  const a = rows.map((row) => [...row]);
  let out = 1;
  for (let k = 0; k < a.length; k++) {
    const p = a.reduce((best, row, i) => (i >= k && Math.abs(row[k]) > Math.abs(a[best][k]) ? i : best), k);
    if (p !== k) [a[p], a[k], out] = [a[k], a[p], -out];
    out *= a[k][k];
    for (let i = k + 1; i < a.length; i++) {
      const factor = a[i][k] / a[k][k];
      a[i] = a[i].map((x, j) => x - factor * a[k][j]);
    }
  }
  return out;
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

for (const { label, make, cdfs, cusp } of cases) {
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
    const h = (d.realSd[0] * step) / 2 / (cusp ?? 1);
    assert.ok(Math.abs(total - (cusp ? h / Math.tanh(h) : 1)) < 1e-6, `${total}`);
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
    const columns = [];
    for (let i = 0; i < d.size; i++) {
      const moved = (by: number) => theta.map((v, k) => (k % d.size === i ? v + by : v));
      columns.push([await run({ theta: moved(h) }), await run({ theta: moved(-h) })]);
    }
    for (let r = 0; r < rows; r++) {
      const jacobian = columns.map(([up, down]) =>
        Array.from({ length: d.size }, (_, j) => (up.real[r * d.size + j] - down.real[r * d.size + j]) / (2 * h)),
      );
      const want = Math.log(Math.abs(determinant(jacobian)));
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
      if (cdf) {
        const ks = ksOneSample(x, cdf);
        assert.ok(ks < ksBound(DRAWS, 1e-6), `KS ${ks} in column ${i}`);
      }
      const hasMoments = !["halfCauchy", "student"].includes(d.name) && !label.endsWith("without variance");
      for (const [sample, mean, sd] of [
        ...(hasMoments ? [[x, d.mean[i], d.sd[i]] as const] : []),
        [z, d.realMean[i], d.realSd[i]] as const,
      ]) {
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
      const isEdge = r % 3 === 0 && isInside(d, edges[r]);
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

  test(`what a model file holds of ${label} has its moments, its bounds and its map to the line`, async () => {
    const d = make();
    const again = distributionFromSpec(JSON.parse(JSON.stringify(storedPrior(d))));
    for (const key of ["mean", "sd", "realMean", "realSd", "low", "high", "heavy"] as const)
      assert.equal(again[key], d[key]);
    const theta = d.draw(3, "f64");
    const x = d.toReal(theta);
    const pairs = [
      [x, again.toReal(theta)],
      [d.fromReal(x), again.fromReal(x)],
      [d.logDetToReal(theta), again.logDetToReal(theta)],
    ];
    const outputs = Object.fromEntries(
      pairs.flatMap(([a, b], i) => [[`want${i}`, a] as const, [`got${i}`, b] as const]),
    );
    const out = await runGraph(outputs, { rows: 100, seed: 4, create: createWasm });
    for (const i of pairs.keys()) assert.equal(out[`got${i}`], out[`want${i}`]);
    assert.is(isLinear(again), isLinear(d));
    assert.throws(() => again.draw(1, "f64"), /expected the problem for draws of the prior/);
  });

  test(`${label} about a centre is the same distribution, with the same coordinates of guides`, async () => {
    const d = make();
    const centre = d.mean.map((m, i) => Math.round((m + 0.3 * d.sd[i]) * 64) / 64);
    const theta = input("theta", d.size, f64);
    const [want, stored] = [frameOf(d), distributionFromSpec(JSON.parse(JSON.stringify(storedPrior(d))))];
    const inputs = { theta: await points(d) };
    for (const [kind, about] of [
      ["itself", d.about(centre)],
      ["its file", stored.about(centre)],
    ] as const) {
      const [got, less] = [frameOf(about), sub(theta, centre)];
      const outputs = {
        z: want.toGuide(theta),
        zAbout: got.toGuide(less),
        logDet: want.logDet(theta),
        logDetAbout: got.logDet(less),
        back: add(got.fromGuide(got.toGuide(less)), centre),
        ...(kind === "itself" && { p: d.logDensity(theta), pAbout: about.logDensity(less) }),
      };
      const out = await runGraph(outputs, { rows: inputs.theta.length / d.size, inputs });
      for (const [a, b] of [
        [out.zAbout, out.z],
        [out.logDetAbout, out.logDet],
        [out.back, inputs.theta],
        ...(kind === "itself" ? [[out.pAbout, out.p]] : []),
      ])
        for (const [k, x] of a.entries())
          assert.ok(Math.abs(x - b[k]) < 1e-11 * (1 + Math.abs(b[k])), `${kind}: ${x}, expected ${b[k]}`);
    }
    const shifted = add(d.about(centre).draw(3, "f64"), centre);
    const draws = await runGraph({ shifted, plain: d.draw(3, "f64") }, { rows: 100, seed: 4 });
    for (const [k, x] of draws.shifted.entries())
      assert.ok(
        Math.abs(x - draws.plain[k]) < 1e-11 * (d.sd[k % d.size] + Math.abs(x)),
        `${x}, expected ${draws.plain[k]}`,
      );
  });
}

test("where moments are infinite, the median and half the central distance stand in their place", () => {
  const [low, high] = [phi(-1), phi(1)];
  const quantile = (cdf: Cdf, p: number): number => {
    let [a, b] = [-1e4, 1e4];
    for (let i = 0; i < 100; i++) [a, b] = cdf((a + b) / 2) < p ? [(a + b) / 2, b] : [a, (a + b) / 2];
    return a;
  };
  const half: Cdf = (x) => (x < 0 ? 0 : (2 / Math.PI) * Math.atan(x / 3));
  for (const [d, cdf] of [
    [student(0.5, 2, 1), studentCdf(0.5, 2, 1)],
    [student(-1, 0.1, 2), studentCdf(-1, 0.1, 2)],
    [halfCauchy(3), half],
  ] as const) {
    const want = (quantile(cdf, high) - quantile(cdf, low)) / 2;
    assert.ok(Math.abs(d.sd[0] - want) < 1e-7 * want, `${d.name}: ${d.sd[0]}, by bisection ${want}`);
    assert.ok(Math.abs(cdf(d.mean[0]) - 0.5) < 1e-12);
  }
});

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
    [() => halfNormal(-1), /^halfNormal: expected sd > 0 and finite, got -1$/],
    [() => student(0, 1, 0.4), /^student: expected degrees at least 0.5 and finite, got 0.4$/],
    [() => exponential([1, 0]), /^exponential: expected rate > 0 and finite, got 0 at index 1$/],
    [() => uniform(input("x", 1) as never, 1), /^uniform: expected low to be a number or numbers, got a tensor$/],
    [() => multivariateNormal({ mean: 0 }), /expected one of covariance, precision and factor, got none$/],
    [
      () => multivariateNormal({ mean: 0, covariance: [1], factor: [1] }),
      /expected one of .* got covariance and factor$/,
    ],
    [() => multivariateNormal({ mean: 0, covariance: [1, 2, 3] }), /covariance to be a square matrix, got 3 numbers$/],
    [() => multivariateNormal({ mean: 0, covariance: [[1, 2], [3]] }), /a square matrix, got a row of 1 among 2$/],
    [
      () => multivariateNormal({ mean: 0, covariance: [1, 2, 3, 9] }),
      /covariance to be symmetric, got 3 at \(2, 1\) and 2 at \(1, 2\)$/,
    ],
    [
      () => multivariateNormal({ mean: 0, precision: [1, 2, 2, 1] }),
      /precision to be positive definite, got a pivot of -3 in row 2$/,
    ],
    [
      () => multivariateNormal({ mean: 0, factor: [1, 1, 0, 1] }),
      /factor to be lower triangular .* got 1 at \(1, 2\)$/,
    ],
    [
      () => multivariateNormal({ mean: [0, 0, 0], covariance: [1, 0, 0, 1] }),
      /expected mean and covariance of one length, got 3 and 2$/,
    ],
    [() => ordered(normal([0, 0], 1), exponential(1)), /^ordered: expected first to have one entry, got 2$/],
    [
      () => ordered(normal(0, 1), normal(0, 1)),
      /^ordered: expected increments on \(0, ∞\), got \[-Infinity, Infinity\]/,
    ],
    [() => repeat(normal(0, 1), 0), /^repeat: expected a count that is a whole number of at least 1, got 0$/],
  ];
  for (const [f, message] of list)
    assert.throws(f, (e: Error) => message.test(e.message) || assert.unreachable(e.message));
});

test("bad specs are named", () => {
  for (const [spec, message] of [
    [{ name: "toString" }, /expected one of normal, .* got "toString"/],
    [null, /expected one of .* got null/],
    [{ name: "normal", mean: [0], sd: ["1"] }, /expected sd to be a number or numbers, got "1"/],
    [{ name: "product", parts: 3 }, /expected parts to be a list, got 3/],
    [{ name: "normal", mean: [0], sd: [0] }, /^normal: expected sd > 0 and finite, got 0$/],
    [
      { name: "frame", bijection: { kind: "linear", mean: [0, 0], factor: [[1, 0]] } },
      /factor of 2 rows, got an array of 1$/,
    ],
    [
      { name: "frame", bijection: { kind: "linear", mean: [0], factor: [[-1]] } },
      /factor to be lower triangular with a positive diagonal, got -1/,
    ],
    [{ name: "frame", bijection: { kind: "none" } }, /^bijection: expected one of box, .* got "none"$/],
    [
      {
        name: "frame",
        bijection: { kind: "box", low: [0], high: [null] },
        mean: [1],
        sd: [0],
        realMean: [0],
        realSd: [1],
      },
      /^prior: expected sd > 0, got 0$/,
    ],
  ] as const) {
    assert.throws(
      () => distributionFromSpec(spec),
      (e: Error) => message.test(e.message) || assert.unreachable(e.message),
    );
  }
});

test.run();
