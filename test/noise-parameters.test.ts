// Noise whose parameters are tensors, whose data are correlated, and mixtures: densities against the same matrices written out,
// draws against their covariance, information against its definition. It is long because the matrices are written out.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CreateExecutor } from "../src/backends/backend.ts";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import { ar1Noise } from "../src/distributions/noise/ar1.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { likelihood } from "../src/distributions/noise/likelihood.ts";
import { mixtureNoise } from "../src/distributions/noise/mixture.ts";
import type { Noise } from "../src/distributions/noise/noise.ts";
import { squaredExponentialNoise } from "../src/distributions/noise/squared-exponential.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { abs, add, batchSum, cast, div, exp, input, mul, slice, square, sub, tile } from "../src/graph/build.ts";
import { grad, jacobian } from "../src/graph/grad.ts";
import { gram } from "../src/graph/linear.ts";
import { type DType, type Tensor, topological } from "../src/graph/tensor.ts";
import { erfc } from "../src/numbers/math.ts";
import { diagonalOf, factorise, invert, packed, solveLower, symmetric, triIndex } from "../src/numbers/triangles.ts";
import { checkGradients } from "./helpers/differences.ts";
import { noGpu, webgpu } from "./helpers/gpu.ts";
import { runGraph } from "./helpers/run.ts";

const f64 = { dtype: "f64" } as const;
const M = 4;
const LOG_2PI = Math.log(2 * Math.PI);

/** A number as a tensor (B, 1) of the type of `like`. */
const at = (value: number, like: Tensor): Tensor => add(mul(slice(like, 0, 1), 0), value);
const listAt = (values: readonly number[], like: Tensor): Tensor => add(mul(like, 0), values);

const SDS = [0.5, 1, 2, 0.25];
const PHI = -0.7;
const LENGTH = 1.5;
const NUGGET = 0.2;
const PLACES = [0, 0.5, 2, 2.5];
const ar1Matrix = (i: number, j: number): number => PHI ** Math.abs(i - j);
const smooth = (at: readonly number[]) => (i: number, j: number) =>
  Math.exp(-((at[i] - at[j]) ** 2) / (2 * LENGTH ** 2)) + (i === j ? NUGGET ** 2 : 0);
const general = [
  [2, 0.3, -0.4, 0],
  [0.3, 1, 0.2, 0.1],
  [-0.4, 0.2, 0.5, 0.05],
  [0, 0.1, 0.05, 0.3],
];

interface Case {
  readonly label: string;
  /** Noise of data of the type of `clean`. */
  readonly make: (clean: Tensor) => Noise;
  readonly covariance: (i: number, j: number) => number;
}
const times = (sds: readonly number[], r: (i: number, j: number) => number) => (i: number, j: number) =>
  sds[i] * sds[j] * r(i, j);
const same = [0.8, 0.8, 0.8, 0.8];
const cases: readonly Case[] = [
  { label: "a covariance", make: () => gaussianNoise({ covariance: general }), covariance: (i, j) => general[i][j] },
  {
    label: "an autoregression of numbers",
    make: () => ar1Noise({ sd: SDS, correlation: PHI }),
    covariance: times(SDS, ar1Matrix),
  },
  {
    label: "an autoregression of one sd",
    make: () => ar1Noise({ sd: 0.8, correlation: PHI }),
    covariance: times(same, ar1Matrix),
  },
  {
    label: "an autoregression of tensors",
    make: (like) => ar1Noise({ sd: listAt(SDS, like), correlation: at(PHI, like) }),
    covariance: times(SDS, ar1Matrix),
  },
  {
    label: "an autoregression of one sd, a tensor",
    make: (like) => ar1Noise({ sd: at(0.8, like), correlation: at(PHI, like) }),
    covariance: times(same, ar1Matrix),
  },
  {
    label: "a squared exponential of numbers",
    make: () => squaredExponentialNoise({ sd: SDS, length: LENGTH, nugget: NUGGET }),
    covariance: times(SDS, smooth([0, 1, 2, 3])),
  },
  {
    label: "a squared exponential of tensors at positions",
    make: (like) =>
      squaredExponentialNoise({
        sd: listAt(SDS, like),
        length: at(LENGTH, like),
        nugget: at(NUGGET, like),
        at: PLACES,
      }),
    covariance: times(SDS, smooth(PLACES)),
  },
  {
    label: "a squared exponential whose sd is a tensor",
    make: (like) => squaredExponentialNoise({ sd: at(0.8, like), length: LENGTH, nugget: NUGGET }),
    covariance: times(same, smooth([0, 1, 2, 3])),
  },
  {
    label: "normal noise of tensors",
    make: (like) => gaussianNoise(listAt(SDS, like)),
    covariance: times(SDS, (i, j) => Number(i === j)),
  },
];

const packedOf = (of: (i: number, j: number) => number): Float64Array => {
  const out = new Float64Array(packed(M));
  for (let i = 0; i < M; i++) for (let j = 0; j <= i; j++) out[triIndex(i, j)] = of(i, j);
  return out;
};
function factorOf(of: (i: number, j: number) => number): Float64Array {
  const l = packedOf(of);
  assert.is(factorise(l), -1);
  return l;
}

const executors: readonly [string, CreateExecutor | undefined, readonly DType[]][] = [
  ["the reference", undefined, ["f32", "f64"]],
  ["wasm", createWasm, ["f32", "f64"]],
  ...Object.entries(webgpu).map(([name, create]) => [name, create, ["f32"]] as [string, CreateExecutor, DType[]]),
];
if (noGpu) test("draws on WebGPU", () => console.log(`SKIP ${noGpu}`));
const ROWS = 10_000;
const sumOf = (list: ArrayLike<number>): number => Array.from(list).reduce((sum, v) => sum + v, 0);

for (const { label, make, covariance } of cases) {
  test(`the density of ${label} is that of its covariance, and so are its sds`, async () => {
    const [y, clean] = [input("y", M, f64), input("clean", M, f64)];
    const noise = make(clean);
    const values = {
      y: Float64Array.of(0.5, -1, 2, 0.25, 3, 1, -2, 0),
      clean: Float64Array.of(0, 0.5, 1, 0, 1, 1, 1, 1),
    };
    const out = { density: noise.logDensity(y, clean), sd: (noise.sd as NonNullable<Noise["sd"]>)(clean) };
    const l = factorOf(covariance);
    for (const [, create, types] of executors) {
      if (!types.includes("f64")) continue;
      const { density, sd } = await runGraph(out, { rows: 2, inputs: values, create });
      for (const r of [0, 1]) {
        const z = solveLower(
          l,
          values.y.subarray(r * M, (r + 1) * M).map((v, m) => v - values.clean[r * M + m]),
        );
        const want =
          -0.5 * z.reduce((s, v) => s + v * v, 0) -
          diagonalOf(l).reduce((s, v) => s + Math.log(v), 0) -
          (M / 2) * LOG_2PI;
        // Some tens of roundings, of terms of some tens.
        assert.ok(Math.abs(density[r] - want) < 1e-12 * 50, `${density[r]} for ${want}`);
        for (let m = 0; m < M; m++) assert.ok(Math.abs(sd[r * M + m] / Math.sqrt(covariance(m, m)) - 1) < 1e-14);
      }
    }
  });

  for (const [where, create, types] of executors)
    for (const dtype of types)
      test(`draws of ${label} on ${where} in ${dtype} are standard normal when whitened`, async () => {
        const clean = tile(cast(input("clean", M), dtype), 2);
        const drawn = cast(sub(make(clean).draw(clean, 7), clean), where === "webgpu" ? "f32" : "f64");
        const inputs = { clean: new Float32Array(ROWS * M).fill(0) };
        const rows = (await runGraph({ drawn }, { rows: ROWS, seed: 3, inputs, create })).drawn;
        const l = factorOf(covariance);
        const z = new Float64Array(rows.length);
        for (let r = 0; r < 2 * ROWS; r++)
          z.set(solveLower(l, Float64Array.from(rows.subarray(r * M, (r + 1) * M))), r * M);
        for (let m = 0; m < M; m++) {
          const column = Float64Array.from({ length: 2 * ROWS }, (_, r) => z[r * M + m]);
          const ks = ksOneSample(column, (x) => 0.5 * erfc(-x * Math.SQRT1_2));
          assert.ok(ks < ksBound(2 * ROWS, 1e-6), `KS ${ks} in column ${m}`);
          for (let k = 0; k < m; k++) {
            let sum = 0;
            for (let r = 0; r < 2 * ROWS; r++) sum += (z[r * M + m] * z[r * M + k]) / Math.sqrt(2 * ROWS);
            assert.ok(Math.abs(sum) < 5, `columns ${m} and ${k}: ${sum} standard errors`);
          }
        }
      });
}

/** Parameters as functions of x (B, 2), for derivatives. */
const parametric: readonly [string, (x: Tensor, clean: Tensor) => Noise, ((x: number[]) => number[][]) | null][] = [
  [
    "normal noise, one sd",
    (x) => gaussianNoise(exp(slice(x, 0, 1))),
    ([a]) => covarianceOf((i, j) => (i === j ? Math.exp(2 * a) : 0)),
  ],
  [
    "normal noise relative to the data",
    (x, clean) => gaussianNoise(add(mul(abs(clean), exp(slice(x, 0, 1))), 0.1)),
    null,
  ],
  [
    "an autoregression of one sd",
    (x) => ar1Noise({ sd: exp(slice(x, 0, 1)), correlation: mul(slice(x, 1, 2), 0.5) }),
    ([a, b]) => covarianceOf((i, j) => Math.exp(2 * a) * (b / 2) ** Math.abs(i - j)),
  ],
  [
    "an autoregression of several sds",
    (x, clean) =>
      ar1Noise({ sd: exp(mul(listAt([1, -1, 0.5, 2], clean), slice(x, 0, 1))), correlation: mul(slice(x, 1, 2), 0.5) }),
    ([a, b]) => {
      const s = [1, -1, 0.5, 2].map((k) => Math.exp(k * a));
      return covarianceOf((i, j) => s[i] * s[j] * (b / 2) ** Math.abs(i - j));
    },
  ],
  [
    "a squared exponential",
    (x, clean) =>
      squaredExponentialNoise({
        sd: exp(mul(listAt([1, -1, 0.5, 2], clean), slice(x, 0, 1))),
        length: exp(slice(x, 1, 2)),
        nugget: 0.3,
      }),
    ([a, b]) => {
      const s = [1, -1, 0.5, 2].map((k) => Math.exp(k * a));
      return covarianceOf(
        (i, j) => s[i] * s[j] * (Math.exp(-((i - j) ** 2) / (2 * Math.exp(2 * b))) + (i === j ? 0.09 : 0)),
      );
    },
  ],
  [
    "a squared exponential of one sd",
    (x) => squaredExponentialNoise({ sd: exp(slice(x, 0, 1)), length: 1.2, nugget: 0.3 }),
    ([a]) => covarianceOf((i, j) => Math.exp(2 * a) * (Math.exp(-((i - j) ** 2) / (2 * 1.44)) + (i === j ? 0.09 : 0))),
  ],
  ["Student's noise", (x) => studentNoise({ scale: exp(slice(x, 0, 1)), degrees: 3 }), null],
  [
    "Student's noise of unknown degrees",
    (x) => studentNoise({ scale: exp(slice(x, 0, 1)), degrees: add(exp(slice(x, 1, 2)), 1) }),
    null,
  ],
  [
    "a mixture",
    (x) =>
      mixtureNoise([
        { noise: gaussianNoise(exp(slice(x, 0, 1))) },
        { weight: mul(exp(slice(x, 1, 2)), 0.1), noise: studentNoise({ scale: 3, degrees: 2 }) },
      ]),
    null,
  ],
];
function covarianceOf(of: (i: number, j: number) => number): number[][] {
  return Array.from({ length: M }, (_, i) => Array.from({ length: M }, (_x, j) => of(i, j)));
}

const X = [0.25, 0.5];
for (const [label, make] of parametric)
  test(`the density of ${label} has the gradients that differences give, of its parameters too`, async () => {
    const [x, y, clean] = [input("x", 2, f64), input("y", M, f64), input("clean", M, f64)];
    const total = batchSum(make(x, clean).logDensity(y, clean));
    const values = {
      x: [...X, -0.5, 0.25],
      y: [0.5, 0.25, -1, 2, 1, 0, 3, -2],
      clean: [0.25, 0.5, 0.75, 1.5, 1, 1, 2, -1],
    };
    await checkGradients(total, [x, y, clean], grad(total, [x, y, clean]), { rows: 2, values });
  });

/** Noise-free data of x, with their derivatives. */
const SLOPES = [
  [1, 0.5, -1, 2],
  [0.5, 1, 1, -1],
];
const cleanOf = (x: Tensor): Tensor => add(mul(slice(x, 0, 1), SLOPES[0]), mul(slice(x, 1, 2), SLOPES[1]));

async function informationOf(noise: Noise, x: Tensor, clean: Tensor): Promise<Float64Array> {
  const terms = (noise.fisher?.(clean) ?? []).filter(({ of }) => topological([of]).includes(x));
  assert.ok(terms.length > 0);
  const sum = terms.map(({ of, weight }) => gram(jacobian(of, x), weight)).reduce((a, b) => add(a, b));
  return (await runGraph({ sum }, { rows: 1, inputs: { x: Float64Array.from(X) } })).sum as Float64Array;
}

for (const [label, make, covariance] of parametric)
  if (covariance !== null)
    test(`the information of ${label} is ∂cᵀΣ⁻¹∂c + ½ tr(Σ⁻¹∂Σ Σ⁻¹∂Σ)`, async () => {
      const x = input("x", 2, f64);
      const clean = cleanOf(x);
      const got = await informationOf(make(x, clean), x, clean);
      const sigma = covariance(X);
      const inverse = symmetric(invert(factorOf((i, j) => sigma[i][j])));
      // Central differences with Richardson's step: errors of h⁴ and of rounding/h, both some 1e-11.
      const h = 1e-3;
      const slopes = [0, 1].map((k) => {
        const moved = (t: number): number[][] => covariance(X.map((v, d) => (d === k ? v + t : v)));
        const central = (t: number): number[][] => {
          const [up, down] = [moved(t), moved(-t)];
          return up.map((row, i) => row.map((v, j) => (v - down[i][j]) / (2 * t)));
        };
        const [fine, coarse] = [central(h / 2), central(h)];
        return fine.map((row, i) => row.map((v, j) => (4 * v - coarse[i][j]) / 3));
      });
      const product = slopes.map((s) =>
        Array.from({ length: M }, (_, i) =>
          Array.from({ length: M }, (_x, j) => s.reduce((sum, row, k) => sum + inverse[i * M + k] * row[j], 0)),
        ),
      );
      for (let a = 0; a < 2; a++)
        for (let b = 0; b <= a; b++) {
          let want = 0;
          for (let i = 0; i < M; i++)
            for (let j = 0; j < M; j++)
              want += inverse[i * M + j] * SLOPES[a][i] * SLOPES[b][j] + 0.5 * product[a][i][j] * product[b][j][i];
          assert.ok(
            Math.abs(got[triIndex(a, b)] - want) < 1e-7 * Math.abs(want) + 1e-9,
            `${a} ${b}: ${got[triIndex(a, b)]} for ${want}`,
          );
        }
    });

test("the information of noise of one datum is the mean of the squared slope of its density, by quadrature", async () => {
  const one = (x: Tensor): Tensor => slice(x, 0, 1);
  const families: readonly [string, (x: Tensor, clean: Tensor) => Noise, number][] = [
    ["relative", (_x, clean) => gaussianNoise(add(mul(abs(clean), 0.5), 0.1)), 40],
    ["Student", (x) => studentNoise({ scale: exp(slice(x, 1, 2)), degrees: 3 }), 4e4],
  ];
  for (const [label, make, reach] of families) {
    const x = input("x", 2, f64);
    const clean = one(x);
    const got = await informationOf(make(x, clean), x, clean);
    const y = input("y", 1, f64);
    const density = make(x, clean).logDensity(y, clean);
    const slope = grad(density, [x])[0] as Tensor;
    const limit = Math.asinh(reach);
    const count = 40_001;
    const t = Float64Array.from({ length: count }, (_, k) => limit * ((2 * k) / (count - 1) - 1));
    const inputs = {
      y: t.map((v) => Math.sinh(v) + X[0]),
      x: Float64Array.from({ length: 2 * count }, (_, i) => X[i % 2]),
    };
    const out = await runGraph({ density, slope }, { rows: count, inputs });
    const want = new Float64Array(3);
    for (let k = 0; k < count; k++) {
      const mass = Math.exp(out.density[k]) * Math.cosh(t[k]) * ((2 * limit) / (count - 1));
      for (let a = 0; a < 2; a++)
        for (let b = 0; b <= a; b++) want[triIndex(a, b)] += mass * out.slope[2 * k + a] * out.slope[2 * k + b];
    }
    // What lies beyond: about (3 + 1)² t^−3 of Student's tail.
    for (const [k, w] of want.entries())
      assert.ok(Math.abs(got[k] - w) < 1e-6 * Math.max(1, Math.abs(w)), `${label} ${k}: ${got[k]} for ${w}`);
  }
});

test("tensors give the densities of the same numbers", async () => {
  const [y, clean] = [input("y", M, f64), input("clean", M, f64)];
  const pairs: readonly [string, Noise, Noise][] = [
    ["gaussian", gaussianNoise(0.3), gaussianNoise(at(0.3, clean))],
    ["gaussian, each", gaussianNoise(SDS), gaussianNoise(listAt(SDS, clean))],
    ["student", studentNoise({ scale: 0.3, degrees: 2.5 }), studentNoise({ scale: at(0.3, clean), degrees: 2.5 })],
    [
      "student, degrees",
      studentNoise({ scale: SDS, degrees: 2.5 }),
      studentNoise({ scale: SDS, degrees: at(2.5, clean) }),
    ],
    ["ar1", ar1Noise({ sd: SDS, correlation: 0.4 }), ar1Noise({ sd: SDS, correlation: at(0.4, clean) })],
    [
      "squared exponential",
      squaredExponentialNoise({ sd: 0.3, length: 2 }),
      squaredExponentialNoise({ sd: 0.3, length: at(2, clean) }),
    ],
    [
      "mixture",
      mixtureNoise([{ weight: 0.9, noise: gaussianNoise(0.3) }, { noise: gaussianNoise(3) }]),
      mixtureNoise([{ noise: gaussianNoise(0.3) }, { weight: at(0.1, clean), noise: gaussianNoise(3) }]),
    ],
  ];
  const inputs = { y: Float64Array.of(0.5, 0.25, -1, 2), clean: Float64Array.of(0.25, 0.5, 0, 1.5) };
  for (const [label, a, b] of pairs) {
    const out = await runGraph(
      {
        a: a.logDensity(y, clean),
        b: b.logDensity(y, clean),
        drawA: a.draw(clean, 5),
        drawB: b.draw(clean, 5),
        sdA: (a.sd as NonNullable<Noise["sd"]>)(clean),
        sdB: (b.sd as NonNullable<Noise["sd"]>)(clean),
      },
      { rows: 1, inputs, seed: 2 },
    );
    // The factor of a squared exponential of nugget 1e-3 has a condition of about 1e3.
    const close = (p: number, q: number): boolean => Math.abs(p - q) <= 1e-10 * Math.max(1, Math.abs(p));
    assert.ok(close(out.a[0], out.b[0]), `${label}: ${out.a[0]}, ${out.b[0]}`);
    for (const [p, q] of [
      [out.drawA, out.drawB],
      [out.sdA, out.sdB],
    ])
      for (const [m, v] of p.entries()) assert.ok(close(v, q[m]), `${label}: ${v}, ${q[m]}`);
    if (a.each && b.each) {
      const each = await runGraph({ a: a.each(y, clean), b: b.each(y, clean) }, { rows: 1, inputs });
      assert.ok(close(sumOf(each.a), out.a[0]) && close(sumOf(each.b), out.a[0]), label);
    }
  }
});

test("a parameter out of its range makes densities, draws and sds of that row alone NaN", async () => {
  const families: readonly [string, (p: Tensor) => Noise, number, number][] = [
    ["gaussian", (p) => gaussianNoise(p), 0.5, 0],
    ["negative sd", (p) => gaussianNoise(p), 0.5, -0.5],
    ["student", (p) => studentNoise({ scale: p, degrees: 3 }), 0.5, -1],
    ["degrees", (p) => studentNoise({ scale: 1, degrees: p }), 3, 0.4],
    ["ar1", (p) => ar1Noise({ sd: 1, correlation: p }), 0.5, -1],
    ["length", (p) => squaredExponentialNoise({ sd: 1, length: p }), 0.5, 0],
    ["mixture", (p) => mixtureNoise([{ noise: gaussianNoise(1) }, { weight: p, noise: gaussianNoise(2) }]), 0.5, 1],
  ];
  for (const [label, make, good, bad] of families)
    for (const [where, create, types] of executors)
      for (const dtype of types) {
        const [clean, p] = [cast(input("clean", M), dtype), cast(input("p", 1), dtype)];
        const noise = make(p);
        const outputs = {
          drawn: noise.draw(clean, 3),
          density: noise.logDensity(clean, clean),
        };
        const inputs = { clean: new Float32Array(2 * M), p: Float32Array.of(good, bad) };
        const { drawn, density } = await runGraph(outputs, { rows: 2, inputs, create });
        assert.ok(Number.isFinite(density[0]) && Number.isNaN(density[1]), `${label}, ${where} ${dtype}: ${density}`);
        const finite = Array.from({ length: 2 * M }, (_, i) => Number.isFinite(drawn[i]));
        assert.ok(finite.slice(0, M).every(Boolean), `${label}: ${drawn}`);
        // What is correlated starts with a number that is right.
        assert.ok(
          finite.slice(M + 1).every((f) => !f),
          `${label}, ${where} ${dtype}: ${drawn}`,
        );
      }
});

test("a likelihood of one's own does what the same family does, and says what it cannot", async () => {
  const own = likelihood({
    name: "own",
    draw: (c, { normal }) => add(c, mul(normal(), 0.3)),
    logDensity: (y, c) => sub(mul(square(div(sub(y, c), 0.3)), -0.5), Math.log(0.3) + LOG_2PI / 2),
    sd: (c) => at(0.3, c) && listAt([0.3, 0.3, 0.3, 0.3], c),
  });
  const [y, clean] = [input("y", M, f64), input("clean", M, f64)];
  const same = gaussianNoise(0.3);
  const inputs = { y: Float64Array.of(0.5, 0.25, -1, 2), clean: Float64Array.of(0.25, 0.5, 0, 1.5) };
  const out = await runGraph(
    { a: own.logDensity(y, clean), b: same.logDensity(y, clean), c: own.draw(clean, 4), d: same.draw(clean, 4) },
    { rows: 1, inputs, seed: 1 },
  );
  assert.ok(Math.abs(out.a[0] - out.b[0]) < 1e-12);
  assert.equal([...out.c], [...out.d]);
  const whole = likelihood({ name: "whole", logDensity: (a, b) => slice(sub(a, b), 0, 1) });
  const list: [() => unknown, RegExp][] = [
    [() => likelihood({}), /^likelihood: expected draw, logDensity, or both, got neither$/],
    [() => likelihood({ logDensity: 3 as never }), /expected logDensity to be a function, got 3/],
    [
      () => whole.draw(clean, 1),
      /^likelihood "whole": expected draw, which was not given; .*use laplace\(\) or nuts\(\)/,
    ],
    [
      () => likelihood({ draw: (c) => c }).logDensity(y, clean),
      /expected logDensity, which was not given; .*objective "npe"/,
    ],
    [
      () => whole.each?.(y, clean),
      /expected logDensity of each of the data, \(B, 4\), for a mixture or for missing data, got \(B, 1\)/,
    ],
    [
      () => likelihood({ logDensity: (a) => slice(a, 0, 2) }).logDensity(y, clean),
      /expected logDensity to return \(B, 1\) or \(B, 4\) of type f64, got \(B, 2\) f64/,
    ],
    [
      () => likelihood({ draw: (c) => cast(c, "f32") }).draw(clean, 1),
      /to return \(B, 4\) of type f64, got \(B, 4\) f32/,
    ],
    [() => likelihood({ draw: () => 7 as never }).draw(clean, 1), /expected draw to return .* got 7/],
    [
      () => likelihood({ draw: (c, r) => Array.from({ length: 9 }, () => r.normal()).reduce(add, c) }).draw(clean, 1),
      /expected at most 8 calls for random numbers/,
    ],
  ];
  for (const [f, message] of list)
    assert.throws(f, (e: Error) => message.test(e.message) || assert.unreachable(e.message));
});

test("bad parameters are named, with what was expected and what came", () => {
  const clean = input("c", M, f64);
  const list: [() => unknown, RegExp][] = [
    [
      () =>
        gaussianNoise({
          covariance: [
            [1, 2],
            [2, 1],
          ],
        }),
      /^gaussianNoise: expected a positive definite covariance, got one whose datum 2 has the variance 1 and none left/,
    ],
    [
      () =>
        gaussianNoise({
          covariance: [
            [1, 0.5],
            [0.4, 1],
          ],
        }),
      /expected a symmetric covariance, got 0.4 in row 2, column 1, and 0.5 on the other side/,
    ],
    [
      () => gaussianNoise({ covariance: [[1, 0], [0]] }),
      /expected covariance \(M, M\), .*, got 2 rows with 1 numbers in row 2/,
    ],
    [() => gaussianNoise({ covariance: [1, 0, 1] }), /expected covariance \(M, M\), .*, got 3 numbers/],
    [
      () =>
        gaussianNoise({
          covariance: [
            [1, Number.NaN],
            [Number.NaN, 1],
          ],
        }),
      /expected finite numbers in covariance, got NaN in row 1, column 2/,
    ],
    [() => gaussianNoise({ covariance: 3 as never }), /expected covariance \(M, M\), .*, got 3$/],
    [() => gaussianNoise({ covariance: [[1]], sd: 2 } as never), /expected covariance, got "sd"/],
    [() => gaussianNoise(slice(clean, 0, 2)).draw(clean, 1), /expected noise-free data \(B, 2\), got \(B, 4\)/],
    [() => ar1Noise({ sd: 1, correlation: 1 }), /^ar1Noise: expected correlation between −1 and 1, got 1$/],
    [() => ar1Noise({ sd: 1, correlation: clean }), /^ar1Noise: expected correlation \(B, 1\), got one of 4 columns/],
    [() => squaredExponentialNoise({ sd: 1, length: 0 }), /expected length > 0 and finite, got 0/],
    [
      () => squaredExponentialNoise({ sd: [1, 1], length: 1, at: [1, 2, 3] }),
      /expected as many positions as sd, 2, got 3/,
    ],
    [
      () => squaredExponentialNoise({ sd: 1, length: 1, nugget: 0 }),
      /expected nugget at least 0.00001 and finite, got 0/,
    ],
    [
      () => {
        const long = input("long", 300, f64);
        return squaredExponentialNoise({ sd: 1, length: slice(long, 0, 1) }).draw(long, 1);
      },
      /expected at most 256 data with a length or nugget that is a tensor, got 300/,
    ],
    [() => mixtureNoise([{ noise: gaussianNoise(1) }]), /^mixtureNoise: expected a list of at least two/],
    [
      () =>
        mixtureNoise([
          { weight: 0.5, noise: gaussianNoise(1) },
          { weight: 0.6, noise: gaussianNoise(1) },
        ]),
      /expected weights that sum to 1, got 1.1/,
    ],
    [
      () => mixtureNoise([{ noise: gaussianNoise(1) }, { noise: gaussianNoise(1) }]),
      /expected at most one part without weight, got 2/,
    ],
    [
      () => mixtureNoise([{ noise: gaussianNoise(1) }, { weight: 0.1, noise: ar1Noise({ sd: 1, correlation: 0 }) }]),
      /expected noise whose data are independent, got "ar1" in part 2/,
    ],
    [
      () => mixtureNoise([{ noise: gaussianNoise([1, 2]) }, { weight: 0.1, noise: gaussianNoise([1, 2, 3]) }]),
      /expected parts of one size, got (2 and 3|3 and 2)/,
    ],
  ];
  for (const [f, message] of list)
    assert.throws(f, (e: Error) => message.test(e.message) || assert.unreachable(e.message));
});

test.run();
