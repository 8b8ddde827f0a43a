// Noise models: their draws against known distribution functions, their densities against quadrature and differences.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CreateExecutor } from "../src/backends/backend.ts";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { mixtureNoise } from "../src/distributions/noise/mixture.ts";
import type { Noise } from "../src/distributions/noise/noise.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { add, batchSum, cast, input, mul, slice, sub, tile } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import type { DType, Tensor } from "../src/graph/tensor.ts";
import { erfc } from "../src/numbers/math.ts";
import { checkGradients } from "./helpers/differences.ts";
import { noGpu, webgpu } from "./helpers/gpu.ts";
import { runGraph } from "./helpers/run.ts";

type Cdf = (x: number) => number;
interface Case {
  readonly label: string;
  /** Noise of data of the type of `like`. */
  readonly make: (like: Tensor) => Noise;
  /** Distribution function of each of the two data's noise. */
  readonly cdfs: readonly [Cdf, Cdf];
  /** How far out the density is integrated, and the mass that is left there at most. */
  readonly reach: number;
  readonly left: number;
}

const phi: Cdf = (z) => 0.5 * erfc(-z * Math.SQRT1_2);
/** Student's distribution functions of few degrees in closed form (Abramowitz & Stegun 26.7.3–4). */
const student: Readonly<Record<number, Cdf>> = {
  1: (t) => 0.5 + Math.atan(t) / Math.PI,
  2: (t) => 0.5 + t / (2 * Math.sqrt(2 + t * t)),
  4: (t) => 0.5 + (3 / 8) * (t / Math.sqrt(1 + (t * t) / 4)) * (1 - (t * t) / (12 * (1 + (t * t) / 4))),
};
const scaled =
  (cdf: Cdf, scale: number): Cdf =>
  (x) =>
    cdf(x / scale);
const studentCase = (degrees: number, reach: number, left: number): Case => ({
  label: `Student's noise of ${degrees} degrees`,
  make: () => studentNoise({ scale: 0.5, degrees }),
  cdfs: [scaled(student[degrees], 0.5), scaled(student[degrees], 0.5)],
  reach,
  left,
});

// Beyond t the tail of few degrees holds about t^−ν: 2/(πt), 1/t² and 12/t⁴ of both sides together.
const cases: Case[] = [
  {
    label: "normal noise",
    make: () => gaussianNoise(0.1),
    cdfs: [scaled(phi, 0.1), scaled(phi, 0.1)],
    reach: 2,
    left: 1e-9,
  },
  {
    label: "normal noise of two sds",
    make: () => gaussianNoise([0.1, 3]),
    cdfs: [scaled(phi, 0.1), scaled(phi, 3)],
    reach: 40,
    left: 1e-9,
  },
  studentCase(1, 5000, 1e-4),
  studentCase(2, 5000, 2e-8),
  studentCase(4, 500, 2e-8),
  {
    // t differs from z by about z³/4ν.
    label: "Student's noise of a million degrees",
    make: () => studentNoise({ scale: [1, 2], degrees: 1e6 }),
    cdfs: [phi, scaled(phi, 2)],
    reach: 30,
    left: 1e-6,
  },
  {
    label: "normal noise of a tensor",
    make: (like) => gaussianNoise(add(mul(slice(like, 0, 1), 0), 0.1)),
    cdfs: [scaled(phi, 0.1), scaled(phi, 0.1)],
    reach: 2,
    left: 1e-9,
  },
  {
    label: "Student's noise of tensors",
    make: (like) => studentNoise({ scale: add(mul(like, 0), [0.5, 2]), degrees: add(mul(slice(like, 0, 1), 0), 2) }),
    cdfs: [scaled(student[2], 0.5), scaled(student[2], 2)],
    reach: 20_000,
    left: 2e-8,
  },
  {
    label: "a mixture with a share of outliers",
    make: () => mixtureNoise([{ noise: gaussianNoise(0.1) }, { weight: 0.2, noise: gaussianNoise([1, 3]) }]),
    cdfs: [(x) => 0.8 * phi(x / 0.1) + 0.2 * phi(x), (x) => 0.8 * phi(x / 0.1) + 0.2 * phi(x / 3)],
    reach: 40,
    left: 1e-9,
  },
  {
    label: "a mixture of three parts, a weight a tensor",
    make: (like) =>
      mixtureNoise([
        { weight: add(mul(slice(like, 0, 1), 0), 0.3), noise: gaussianNoise(0.1) },
        { noise: studentNoise({ scale: 0.5, degrees: 4 }) },
        { weight: 0.1, noise: gaussianNoise(2) },
      ]),
    cdfs: [
      (x) => 0.3 * phi(x / 0.1) + 0.6 * student[4](x / 0.5) + 0.1 * phi(x / 2),
      (x) => 0.3 * phi(x / 0.1) + 0.6 * student[4](x / 0.5) + 0.1 * phi(x / 2),
    ],
    reach: 500,
    left: 2e-8,
  },
];

const ROWS = 10_000;
const M = 2;
const f64 = { dtype: "f64" } as const;

const executors: readonly [string, CreateExecutor | undefined, readonly DType[]][] = [
  ["the reference", undefined, ["f32", "f64"]],
  ["wasm", createWasm, ["f32", "f64"]],
  ...Object.entries(webgpu).map(([name, create]) => [name, create, ["f32"]] as [string, CreateExecutor, DType[]]),
];
if (noGpu) test("draws on WebGPU", () => console.log(`SKIP ${noGpu}`));

for (const { label, make, cdfs, reach, left } of cases) {
  for (const [where, create, types] of executors) {
    for (const dtype of types) {
      test(`draws of ${label} on ${where} in ${dtype} follow its distribution function`, async () => {
        const clean = tile(cast(input("clean", M), dtype), 2);
        const outputs = { drawn: cast(sub(make(clean).draw(clean, 7), clean), where === "webgpu" ? "f32" : "f64") };
        const inputs = { clean: new Float32Array(ROWS * M).fill(0) };
        const { drawn } = await runGraph(outputs, { rows: ROWS, seed: 3, inputs, create });
        assert.is(drawn.length, 2 * ROWS * M);
        assert.ok(drawn.every(Number.isFinite));
        cdfs.forEach((cdf, m) => {
          const sample = Float64Array.from({ length: 2 * ROWS }, (_, r) => drawn[r * M + m]);
          const ks = ksOneSample(sample, cdf);
          assert.ok(ks < ksBound(2 * ROWS, 1e-6), `KS ${ks} in column ${m}`);
        });
      });
    }
  }

  test(`the density of ${label} integrates to 1`, async () => {
    // Over the first datum, the second at its centre, whose own density is integrated in turn: y = sinh(t)/10.
    const limit = Math.asinh(10 * reach);
    const count = 4001;
    const t = Float64Array.from({ length: count }, (_, k) => limit * ((2 * k) / (count - 1) - 1));
    const c = input("clean", M, f64);
    const logDensity = make(c).logDensity(input("y", M, f64), c);
    const along = async (m: number): Promise<Float64Array> => {
      const y = new Float64Array(count * M);
      t.forEach((v, k) => {
        y[k * M + m] = Math.sinh(v) / 10;
      });
      return (await runGraph({ logDensity }, { rows: count, inputs: { y, clean: new Float64Array(count * M) } }))
        .logDensity as Float64Array;
    };
    const [first, second] = [await along(0), await along(1)];
    const centre = first[(count - 1) / 2];
    const step = (2 * limit) / (count - 1);
    const integral = (log: Float64Array): number =>
      log.reduce((sum, v, k) => sum + Math.exp(v - centre) * (Math.cosh(t[k]) / 10) * step, 0);
    // p(y1, y2) = p1 p2, so ∫p(y1, 0) dy1 · ∫p(0, y2) dy2 = p(0, 0).
    const total = integral(first) * integral(second) * Math.exp(centre);
    assert.ok(Math.abs(total - 1) < 2 * left + 1e-8, `${total}`);
  });

  test(`the density of ${label} has the gradients that differences give`, async () => {
    const [y, clean] = [input("y", M, f64), input("clean", M, f64)];
    const total = batchSum(make(clean).logDensity(y, clean));
    const values = { y: [0.5, 0.25, -1, 2], clean: [0.25, 0.5, 0, 1.5] };
    await checkGradients(total, [y, clean], grad(total, [y, clean]), { rows: 2, values });
  });
}

test("the standard deviation of noise is that of its draws, or the scale where there is none", () => {
  assert.is(gaussianNoise(0.1).constantSd, 0.1);
  assert.equal(gaussianNoise([0.1, 0.2]).constantSd, [0.1, 0.2]);
  assert.is(studentNoise({ scale: 1, degrees: 4 }).constantSd, Math.SQRT2);
  assert.is(studentNoise({ scale: 3, degrees: 1 }).constantSd, 3);
});

test("bad noise is named, with what was expected and what came", () => {
  const list: [() => unknown, RegExp][] = [
    [() => gaussianNoise(-1), /^gaussianNoise: expected sd > 0 and finite, got -1$/],
    [() => gaussianNoise([1, Number.NaN]), /expected sd a number, got NaN at index 1/],
    [() => studentNoise({ scale: 0, degrees: 3 }), /^studentNoise: expected scale > 0 and finite, got 0$/],
    [
      () => studentNoise({ scale: 1, degrees: 0.1 }),
      /expected degrees to be a finite number of at least 0.5, or a tensor, got 0.1/,
    ],
    [() => gaussianNoise([1, 2]).draw(input("c", 3), 1), /expected noise-free data \(B, 2\), got \(B, 3\)/],
    [() => gaussianNoise(1).logDensity(input("y", 2), input("c", 3)), /expected y \(B, 3\), got \(B, 2\)/],
    [() => gaussianNoise(1).logDensity(input("y", 2), tile(input("c", 2), 3)), /expected y \(3B, 2\), got \(B, 2\)/],
  ];
  for (const [f, message] of list)
    assert.throws(f, (e: Error) => message.test(e.message) || assert.unreachable(e.message));
});

test.run();
