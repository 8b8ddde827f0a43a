// The oracle itself, against values known from other sources.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Rows } from "../../src/backends/backend.ts";
import { erf, input, logSumExp, probit, spline } from "../../src/graph/build.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { draw, generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

function near(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
  assert.is(got.length, want.length);
  for (let i = 0; i < want.length; i++) {
    const bound = tolerance * Math.max(1, Math.abs(want[i]));
    assert.ok(Math.abs(got[i] - want[i]) <= bound, `${what}[${i}]: expected ${want[i]}, got ${got[i]}`);
  }
}

async function column(op: (x: Tensor) => Tensor, values: readonly number[]): Promise<Rows> {
  const { y } = await runGraph({ y: op(input("x", 1)) }, { rows: values.length, inputs: { x: values } });
  return y;
}

test("erf has its tabulated values", async () => {
  // Abramowitz & Stegun, table 7.1, with more digits from 2/√π ∫ exp(−t²) dt in multiple precision.
  const want = [-1, 0, 0.5204998778130465, 0.8427007929497149, 0.9953222650189527, 0.9999779095030014, 1];
  near(await column(erf, [-8, 0, 0.5, 1, 2, 3, 8]), want, 4e-16, "erf");
});

test("probit has its tabulated values, also far in the tails", async () => {
  const want = [-6.361340902404056, -1.2815515655446004, 0, 0.6744897501960817, 1.959963984540054];
  near(await column(probit, [1e-10, 0.1, 0.5, 0.75, 0.975]), want, 1e-14, "probit");
  const edges = await column(probit, [0, 1, -0.1, 1.1]);
  assert.equal([...edges].map(String), ["-Infinity", "Infinity", "NaN", "NaN"]);
});

test("logSumExp does not overflow", async () => {
  const { y } = await runGraph({ y: logSumExp(input("x", 2)) }, { rows: 2, inputs: { x: [1000, 1000, -1000, -1000] } });
  near(y, [1000 + Math.LN2, -1000 + Math.LN2], 1e-15, "logSumExp");
});

// ---- splines

const BOUND = 3;
const softplus = (x: number): number => Math.log(1 + Math.exp(x));

async function splineOf(
  raw: readonly number[],
  bins: number,
  inverse: boolean,
  xs: ArrayLike<number>,
): Promise<[number, number][]> {
  const rows = xs.length;
  const p = Array.from({ length: rows }, () => raw).flat();
  const graph = spline(input("x", 1), input("p", raw.length), { bins, bound: BOUND, inverse });
  const { y } = await runGraph({ y: graph }, { rows, inputs: { x: Array.from(xs), p } });
  return Array.from({ length: rows }, (_, r) => [y[2 * r], y[2 * r + 1]]);
}
const points = Array.from({ length: 121 }, (_, i) => -BOUND + (i * 2 * BOUND) / 120);
const anyRaw = (bins: number, seed: number): number[] =>
  Array.from(draw(generator(seed), 3 * bins - 1, { low: -2, high: 2 }));

test("a spline with raw parameters 0 is the identity", async () => {
  for (const bins of [2, 7]) {
    for (const [i, [y, log]] of (await splineOf(new Array(3 * bins - 1).fill(0), bins, false, points)).entries()) {
      near([y, log], [points[i], 0], 1e-14, `spline of ${bins} bins at ${points[i]}`);
    }
  }
});

test("a spline passes through its knots with their slopes", async () => {
  const bins = 4;
  const raw = anyRaw(bins, 1);
  const lengths = (from: number): number[] => {
    const e = raw.slice(from, from + bins).map((v) => Math.exp(v));
    const total = e.reduce((a, b) => a + b, 0);
    return e.map((v) => 2 * BOUND * (1e-3 + ((1 - 1e-3 * bins) * v) / total));
  };
  const knots = (sizes: number[]): number[] =>
    sizes.slice(0, -1).map((_, k) => sizes.slice(0, k + 1).reduce((a, b) => a + b, -BOUND));
  const [x, y] = [knots(lengths(0)), knots(lengths(bins))];
  // A raw slope of 0 stands for 1.
  const shift = Math.log(Math.exp(1 - 1e-3) - 1);
  const logSlopes = raw.slice(2 * bins).map((s) => Math.log(1e-3 + softplus(s + shift)));
  const got = await splineOf(raw, bins, false, x);
  near(
    got.map((v) => v[0]),
    y,
    1e-14,
    "heights of the knots",
  );
  near(
    got.map((v) => v[1]),
    logSlopes,
    1e-13,
    "log slopes of the knots",
  );
});

test("the log-derivative of a spline and of its inverse is that of its differences", async () => {
  const h = 1e-5; // truncation h²/6 y‴ and rounding 1e-16/h are below 1e-8 for curvatures of order 10
  for (const inverse of [false, true]) {
    for (const seed of [2, 3, 4]) {
      const raw = anyRaw(5, seed);
      const inner = points.slice(1, -1);
      const at = await splineOf(raw, 5, inverse, inner);
      const up = await splineOf(
        raw,
        5,
        inverse,
        inner.map((x) => x + h),
      );
      const down = await splineOf(
        raw,
        5,
        inverse,
        inner.map((x) => x - h),
      );
      // At a knot the curvature jumps: the error is then of order h.
      const errors = at.map(([, log], i) => Math.abs(Math.exp(log) - (up[i][0] - down[i][0]) / (2 * h)));
      assert.ok(errors.every((e) => e < 1e-3));
      assert.ok(errors.filter((e) => e < 1e-6).length > 0.95 * errors.length);
    }
  }
});

test("a spline and its inverse undo each other, outside the bound too", async () => {
  const xs = [...points, -5, 4, 100];
  for (const seed of [5, 6, 7]) {
    const raw = anyRaw(6, seed);
    const there = await splineOf(raw, 6, false, xs);
    const back = await splineOf(
      raw,
      6,
      true,
      there.map((v) => v[0]),
    );
    near(
      back.map((v) => v[0]),
      xs,
      1e-12,
      "x",
    );
    near(
      back.map((v) => -v[1]),
      there.map((v) => v[1]),
      1e-11,
      "log-derivative",
    );
    assert.equal(there.slice(-3), [
      [-5, 0],
      [4, 0],
      [100, 0],
    ]);
  }
});

test.run();
