// slow (25 s): splines at every width, on every backend
// The spline kernels in f32 against the f64 reference, and against what a monotone spline must do.
//
// Knots are known to a few ε · bound (ε = 2^-24), so an answer must be the exact one at an argument moved by as much: it
// may differ by what the reference changes by over ±16 ε · bound, and by a few roundings of its own. That takes in narrow
// bins, where derivatives change fast, and knots, where second derivatives jump.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CreateExecutor, Rows } from "../../src/backends/backend.ts";
import { createReference } from "../../src/backends/reference/executor.ts";
import { input, mul, spline, splineGrad, tile } from "../../src/graph/build.ts";
import { type SplineAttrs, splineParams } from "../../src/graph/spline-rules.ts";
import { wasmBuilds } from "../helpers/backends.ts";
import { noGpu, webgpu } from "../helpers/gpu.ts";
import { generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

const EPSILON = 2 ** -24;
const backends = { ...wasmBuilds, ...webgpu };

interface Data {
  readonly rows: number;
  readonly dims: number;
  readonly x: Float32Array;
  readonly p: Float32Array;
  readonly g: Float32Array;
}

/** Arguments in ±1.1 bound, raw parameters and cotangents in ±spread and ±1. */
function draw(rows: number, dims: number, { bins, bound }: SplineAttrs, spread: number): Data {
  const next = generator(rows + dims + bins);
  const uniform = (count: number, scale: number) =>
    Float32Array.from({ length: count }, () => scale * (2 * next() - 1));
  const p = uniform(rows * dims * splineParams(bins), spread);
  return { rows, dims, x: uniform(rows * dims, 1.1 * bound), p, g: uniform(rows * 2 * dims, 1) };
}

/** One row after another with the same raw parameters. */
const alike = (data: Data, x: Float32Array): Data => {
  const width = data.p.length / data.rows;
  const p = Float32Array.from({ length: x.length * width }, (_, i) => data.p[i % width]);
  return { rows: x.length, dims: 1, x, p, g: new Float32Array(2 * x.length).fill(1) };
};

/** Values and log-derivatives (rows, 2 D); cotangents of x and of the raw parameters (rows, 3 K D). */
async function evaluate(create: CreateExecutor, { rows, dims, x, p, g }: Data, attrs: SplineAttrs) {
  const [tx, tp, tg] = [input("x", dims), input("p", dims * splineParams(attrs.bins)), input("g", 2 * dims)];
  const outputs = { y: spline(tx, tp, attrs), grad: splineGrad(tx, tp, tg, attrs) };
  return (await runGraph(outputs, { create, rows, inputs: { x, p, g } })) as { y: Rows; grad: Rows };
}

const maps = (values: Float32Array, f: (v: number) => number): Float32Array => values.map(f);

const cases = [
  { bins: 2, bound: 1, rows: 200, dims: 1, spread: 2 },
  { bins: 3, bound: 3.25, rows: 13, dims: 3, spread: 2 },
  { bins: 8, bound: 3, rows: 1, dims: 2, spread: 2 },
  { bins: 24, bound: 4, rows: 500, dims: 1, spread: 2 },
  { bins: 24, bound: 4, rows: 65, dims: 4, spread: 0.1 },
  { bins: 16, bound: 4, rows: 200, dims: 2, spread: 30 },
  { bins: 128, bound: 4, rows: 40, dims: 1, spread: 3 },
];

for (const [backend, create] of Object.entries(backends)) {
  for (const { rows, dims, spread, ...options } of cases) {
    for (const inverse of [false, true]) {
      const attrs = { ...options, inverse };
      const name = `${inverse ? "inverse, " : ""}${attrs.bins} bins, ${rows} rows of ${dims}, raw numbers to ${spread}`;
      test(`${backend}: values, log-derivatives and gradients are those of the f64 reference (${name})`, async () => {
        const data = draw(rows, dims, attrs, spread);
        const got = await evaluate(create, data, attrs);
        const want = await evaluate(createReference, data, attrs);
        const moved = 16 * EPSILON * attrs.bound;
        const up = await evaluate(createReference, { ...data, x: maps(data.x, (v) => v + moved) }, attrs);
        const down = await evaluate(createReference, { ...data, x: maps(data.x, (v) => v - moved) }, attrs);
        const check = (key: "y" | "grad", at: number, allowed: number): void => {
          const slack = Math.max(Math.abs(up[key][at] - want[key][at]), Math.abs(down[key][at] - want[key][at]));
          const error = Math.abs(got[key][at] - want[key][at]);
          assert.ok(
            error <= allowed + slack,
            `${key}[${at}]: ${got[key][at]}, not ${want[key][at]} ± ${allowed + slack}`,
          );
        };
        want.y.forEach((v, i) => {
          const isLog = i % (2 * dims) >= dims;
          check("y", i, isLog ? 64 * EPSILON * (1 + Math.abs(v)) : 4 * EPSILON * attrs.bound);
        });
        // Of a row's gradients all are sums of like terms: their roundings go by the largest.
        const width = want.grad.length / rows;
        for (let row = 0; row < rows; row++) {
          const largest = Math.max(1, ...want.grad.subarray(row * width, (row + 1) * width).map(Math.abs));
          for (let i = 0; i < width; i++) check("grad", row * width + i, 256 * EPSILON * largest);
        }
      });
    }
  }

  const typical: SplineAttrs = { bins: 24, bound: 4, inverse: false };
  const line = (bound: number, count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => bound * ((2.1 * i) / (count - 1) - 1.05));

  test(`${backend}: each tile of a tiled batch is splined on its own`, async () => {
    const { x, p, g } = draw(13, 2, typical, 2);
    const [tx, tp, tg] = [input("x", 2), input("p", 2 * splineParams(typical.bins)), input("g", 4)];
    const [once, twice] = [
      [tx, tp, tg],
      [tile(tx, 2), tile(tp, 2), mul(tile(tg, 2), 2)],
    ].map(([a, b, c]) => ({ y: spline(a, b, typical), grad: splineGrad(a, b, c, typical) }));
    const graph = { y: once.y, grad: once.grad, tiledY: twice.y, tiledGrad: twice.grad };
    const out = await runGraph(graph, { create, rows: 13, inputs: { x, p, g } });
    assert.equal([...out.tiledY], [...out.y, ...out.y]);
    assert.equal(
      [...out.tiledGrad],
      [...out.grad, ...out.grad].map((v) => 2 * v),
    ); // doubling is exact
  });

  test(`${backend}: the inverse of the forward spline is the identity, and their log-derivatives cancel`, async () => {
    const data = alike(draw(1, 1, typical, 2), line(4, 1000));
    const { y } = await evaluate(create, data, typical);
    const there = { ...data, x: Float32Array.from(data.x, (_, i) => y[2 * i]) };
    const back = await evaluate(create, there, { ...typical, inverse: true });
    data.x.forEach((x, i) => {
      // y is rounded to ε · bound, which the way back stretches by its slope.
      const slope = Math.exp(back.y[2 * i + 1]);
      assert.ok(Math.abs(back.y[2 * i] - x) <= 4 * EPSILON * 4 * (1 + slope), `${back.y[2 * i]}, not ${x}`);
      assert.ok(Math.abs(back.y[2 * i + 1] + y[2 * i + 1]) <= 1e-3, `log-derivatives at ${x}`);
    });
  });

  for (const inverse of [false, true]) {
    const attrs = { ...typical, inverse };
    const way = inverse ? "inverse" : "forward";

    test(`${backend}: the ${way} spline is monotone, and its slope integrates to its rise`, async () => {
      const data = alike(draw(1, 1, attrs, 1), line(4, 8193));
      const { y } = await evaluate(create, data, attrs);
      let integral = 0;
      for (let i = 1; i < data.rows; i++) {
        assert.ok(y[2 * i] - y[2 * i - 2] >= -4 * EPSILON * attrs.bound, `falls at ${data.x[i]}`);
        // The trapezoidal rule is off by step³ f‴ / 12, here 1e-9 f‴: 1e-5 in all where f‴ is about 1.
        integral += ((data.x[i] - data.x[i - 1]) * (Math.exp(y[2 * i - 1]) + Math.exp(y[2 * i + 1]))) / 2;
        assert.ok(
          Math.abs(y[2 * i] - y[0] - integral) <= 1e-4 * attrs.bound,
          `rises by ${y[2 * i] - y[0]}, not ${integral}`,
        );
      }
    });

    test(`${backend}: the ${way} spline of raw numbers 0 is the identity`, async () => {
      const data = draw(100, 2, attrs, 0);
      const { y } = await evaluate(create, data, attrs);
      data.x.forEach((x, i) => {
        const at = (i >> 1) * 4 + (i & 1);
        assert.ok(Math.abs(y[at] - x) <= 2 * EPSILON * attrs.bound, `${y[at]}, not ${x}`);
        assert.ok(Math.abs(y[at + 2]) <= 32 * EPSILON, `log-derivative ${y[at + 2]}`);
      });
    });

    test(`${backend}: the ${way} spline is the identity outside its bounds, and meets it there`, async () => {
      const { bound } = attrs;
      const outside = [bound, -bound, 1.5 * bound, -3e38, Number.POSITIVE_INFINITY];
      const inside = [bound * (1 - EPSILON), -bound * (1 - EPSILON)];
      const data = alike(draw(1, 1, attrs, 2), Float32Array.from([...outside, ...inside]));
      const { y, grad } = await evaluate(create, data, attrs);
      const width = grad.length / data.rows;
      outside.forEach((_, i) => {
        assert.equal([...y.subarray(2 * i, 2 * i + 2)], [data.x[i], 0]);
        const raw = grad.subarray(i * width, (i + 1) * width);
        assert.ok(
          raw.every((v, j) => v === (j === 0 ? 1 : 0)),
          `gradient at ${data.x[i]}: ${raw}`,
        );
      });
      for (let i = outside.length; i < data.rows; i++) {
        assert.ok(Math.abs(y[2 * i] - data.x[i]) <= 4 * EPSILON * bound, `${y[2 * i]} at ${data.x[i]}`);
        assert.ok(Math.abs(y[2 * i + 1]) <= 1e-3, `log-derivative ${y[2 * i + 1]} at ${data.x[i]}`);
      }
    });

    test(`${backend}: the ${way} spline of raw numbers ±30 is finite, as is its gradient`, async () => {
      const data = draw(300, 1, attrs, 1);
      const { y, grad } = await evaluate(create, { ...data, p: maps(data.p, (v) => (v < 0 ? -30 : 30)) }, attrs);
      assert.ok(y.every(Number.isFinite));
      assert.ok(grad.every(Number.isFinite));
    });

    test(`${backend}: NaN in one sample of the ${way} spline stays in that sample`, async () => {
      const data = draw(8, 1, attrs, 1);
      const sound = await evaluate(create, data, attrs);
      const width = splineParams(attrs.bins);
      const spoilt = [
        { ...data, x: maps(data.x, (v) => v) },
        { ...data, x: maps(data.x, () => 0), p: maps(data.p, (v) => v) },
      ];
      spoilt[0].x[3] = Number.NaN;
      spoilt[1].p[3 * width + 1] = Number.NaN;
      for (const [i, bad] of spoilt.entries()) {
        const { y, grad } = await evaluate(create, bad, attrs);
        assert.ok([y[6], y[7], grad[3 * (width + 1)]].every(Number.isNaN), `${y[6]}, ${y[7]}`);
        if (i === 0) assert.equal([...y.subarray(8)], [...sound.y.subarray(8)]);
        assert.ok(y.every((v, at) => at >> 1 === 3 || Number.isFinite(v)));
      }
    });
  }
}

if (noGpu) test("splines on WebGPU", () => console.log(`SKIP ${noGpu}`));

test.run();
