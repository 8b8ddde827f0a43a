/** Solutions of equations with known ones: orders of convergence, gradients, forcing, stiffness, and rows that fail. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type OdeOptions, ode } from "../../src/dynamics.ts";
import {
  add,
  batchSum,
  columns,
  concat,
  cos,
  input,
  mul,
  neg,
  sin,
  square,
  sub,
  sumFeatures,
} from "../../src/graph/build.ts";
import { grad } from "../../src/graph/grad.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { checkGradients } from "../helpers/differences.ts";
import { runGraph } from "../helpers/run.ts";

const f64 = { dtype: "f64" } as const;
const methods = ["tsit5", "dopri5", "rk4", "rosenbrock"] as const;
/** Orders at the steps, and between them: an interpolant of order q leaves an error of order q + 1. */
const orders = { tsit5: [5, 5], dopri5: [5, 5], rk4: [4, 4], rosenbrock: [4, 4] } as const;

/** Logistic growth, a time-dependent decay, and an oscillator of frequency k: smooth, with known solutions. */
const rhs: OdeOptions["rhs"] = (t, [u, v, a, b], [k]) => [
  mul(mul(k, u), sub(1, u)),
  neg(mul(mul(t, v), k)),
  mul(k, b),
  neg(mul(k, a)),
];
const initial = [0.2, 1, 0, 1];
const exact = (k: number, t: number): number[] => [
  1 / (1 + 4 * Math.exp(-k * t)),
  Math.exp((-k * t * t) / 2),
  Math.sin(k * t),
  Math.cos(k * t),
];

async function errorOf(method: (typeof methods)[number], times: readonly number[], steps: number): Promise<number> {
  const k = 1.25;
  const y = ode({ parameters: input("k", 1, f64), initial, times, method, steps, rhs });
  const out = await runGraph({ y }, { rows: 1, inputs: { k: [k] } });
  return Math.max(...times.flatMap((t, j) => exact(k, t).map((want, s) => Math.abs(out.y[4 * j + s] - want))));
}

/** Steps of the coarser solution; the finer one has four times as many, so that a third of the time is a third of a step in both. */
const COARSE = 25;

for (const method of methods) {
  const [atSteps, between] = orders[method];

  test(`${method} converges with order ${atSteps} at its steps`, async () => {
    const [coarse, fine] = [await errorOf(method, [1, 2], 2 * COARSE), await errorOf(method, [1, 2], 8 * COARSE)];
    const order = Math.log2(coarse / fine) / 2;
    assert.ok(Math.abs(order - atSteps) < 0.2, `order ${order}, errors ${coarse} and ${fine}`);
  });

  test(`${method} converges with order ${between} between its steps`, async () => {
    const times = [2 / 3, 4 / 3, 2]; // a third of a step, and two thirds, after steps
    const [coarse, fine] = [await errorOf(method, times, COARSE), await errorOf(method, times, 4 * COARSE)];
    const order = Math.log2(coarse / fine) / 2;
    assert.ok(Math.abs(order - between) < 0.2, `order ${order}, errors ${coarse} and ${fine}`);
  });

  test(`gradients by parameters and initial states are those of differences with ${method}`, async () => {
    const [theta, start] = [input("theta", 2, f64), input("start", 2, f64)];
    const y = ode({
      parameters: theta,
      initial: start,
      times: [0.3, 0.7, 1],
      method,
      steps: 6,
      rhs: (t, [x, v], [k, c]) => [v, sub(sin(mul(t, c)), add(mul(k, sin(x)), mul(c, v)))],
    });
    const total = batchSum(sumFeatures(square(y)));
    const values = { theta: [1.5, 0.25, 0.75, 0.5], start: [0.5, -0.25, 1, 0.125] };
    await checkGradients(total, [theta, start], grad(total, [theta, start]), { rows: 2, values });
  });

  test(`${method} takes forcing by a cubic spline, and its rate of change where it needs that`, async () => {
    // x′ = −k x + k g, g = sin t: x = (k² sin t − k cos t + k e^(−kt)) / (k² + 1) from x = 0.
    const knots = Array.from({ length: 201 }, (_, i) => i / 50);
    const y = ode({
      parameters: input("k", 1, f64),
      initial: [0],
      times: [1, 2.5, 4],
      steps: 80,
      method,
      forcing: { times: knots, values: knots.map(Math.sin), order: "cubic" },
      rhs: (_t, [x], [k], [g]) => [mul(k, sub(g, x))],
    });
    const k = 2;
    const out = await runGraph({ y }, { rows: 1, inputs: { k: [k] } });
    for (const [j, t] of [1, 2.5, 4].entries()) {
      const want = (k * k * Math.sin(t) - k * Math.cos(t) + k * Math.exp(-k * t)) / (k * k + 1);
      // The spline is off by 5/384 h⁴ = 2e-9, the methods of order 4 by about h⁴ k⁴ / 120 = 1e-6 times the solution.
      const tolerance = method === "tsit5" || method === "dopri5" ? 2e-8 : 1e-6;
      assert.ok(Math.abs(out.y[j] - want) < tolerance, `${out.y[j]}, expected ${want}`);
    }
  });
}

test("the times need not begin at the start, and the initial state may be saved", async () => {
  const k = input("k", 1, f64);
  const y = ode({
    parameters: k,
    initial: [1],
    times: [-1, 0, 1],
    start: -1,
    steps: 40,
    rhs: (_t, [u], [a]) => [mul(a, u)],
  });
  const out = await runGraph({ y }, { rows: 1, inputs: { k: [0.5] } });
  assert.is(out.y[0], 1);
  assert.ok(Math.abs(out.y[1] - Math.exp(0.5)) < 1e-9 && Math.abs(out.y[2] - Math.exp(1)) < 1e-9);
});

test("initial states may be numbers and tensors, and the right-hand side may use other tensors and return numbers", async () => {
  const [p, q] = [input("p", 2, f64), input("q", 1, f64)];
  const y = ode({
    parameters: [columns(p, [0]), columns(p, [1])],
    initial: [2, q],
    times: [2],
    steps: 8,
    rhs: (_t, _u, [a, b]) => [add(add(a, b), mul(q, 3)), -1],
  });
  const out = await runGraph({ y }, { rows: 2, inputs: { p: [1, 2, 3, 4], q: [0.5, 1] } });
  const want = [2 + 2 * 4.5, 0.5 - 2, 2 + 2 * 10, 1 - 2];
  out.y.forEach((v, i) => {
    assert.ok(Math.abs(v - want[i]) < 1e-13, `${v}, expected ${want[i]}`);
  });
});

test("forcing by straight lines is exact where the right-hand side is", async () => {
  // x′ = g with g from 0 to 2 over one second and back: ∫ g = t² up to 1.
  const forcing = {
    times: [0, 1, 2],
    values: [
      [0, 2, 0],
      [1, 1, 1],
    ],
  };
  const y = ode({
    parameters: input("k", 1, f64),
    initial: [0],
    times: [0.5, 1, 2],
    steps: 4,
    forcing,
    rhs: (_t, _u, [k], [g, one]) => [mul(mul(k, g), one)],
  });
  const out = await runGraph({ y }, { rows: 1, inputs: { k: [1] } });
  [0.25, 1, 2].forEach((want, j) => {
    assert.ok(Math.abs(out.y[j] - want) < 1e-14, `${out.y[j]}, expected ${want}`);
  });
});

/** Robertson's reaction: rates of .04, 1e4 and 3e7 (Hairer & Wanner, volume II, §IV.1). */
const robertson: OdeOptions["rhs"] = (_t, [a, b, c], [k]) => {
  const [first, second, third] = [mul(mul(k, 0.04), a), mul(mul(b, c), 1e4), mul(square(b), 3e7)];
  return [sub(second, first), sub(sub(first, second), third), third];
};
/** The start is near the slow manifold, .04 a = 3e7 b²: no uniform steps of a useful size resolve the way there. */
const slow = [1 - 3.65e-5, 3.65e-5, 0];

/** The same by the classical method in 160,000 steps: h λ is at most .6, so the error is far below 1e-6. */
function robertsonAt(times: readonly number[]): number[][] {
  const h = 2.5e-4;
  const f = ([a, b, c]: number[]): number[] => {
    const [first, second, third] = [0.04 * a, 1e4 * b * c, 3e7 * b * b];
    return [second - first, first - second - third, third];
  };
  const plus = (u: number[], k: number[], w: number): number[] => u.map((x, i) => x + w * k[i]);
  const out: number[][] = [];
  let u = slow;
  for (let n = 1; n <= Math.round(times[times.length - 1] / h); n++) {
    const k1 = f(u);
    const k2 = f(plus(u, k1, h / 2));
    const k3 = f(plus(u, k2, h / 2));
    const k4 = f(plus(u, k3, h));
    u = u.map((x, i) => x + (h / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]));
    if (times.some((t) => Math.round(t / h) === n)) out.push(u);
  }
  return out;
}

test("Robertson's reaction needs the implicit method: explicit ones give NaN", async () => {
  const times = [0.4, 4, 40];
  const make = (method: (typeof methods)[number]): Tensor =>
    ode({ parameters: input("k", 1, f64), initial: slow, times, steps: 100, method, rhs: robertson });
  const run = async (y: Tensor) => (await runGraph({ y }, { rows: 1, inputs: { k: [1] } })).y;
  for (const method of ["tsit5", "dopri5", "rk4"] as const)
    assert.ok((await run(make(method))).every(Number.isNaN), method);
  const got = await run(make("rosenbrock"));
  robertsonAt(times)
    .flat()
    .forEach((want, i) => {
      // The first tenth of a second, a quarter of a step, is one of fast change: errors there are about 1e-4 of what changes.
      assert.ok(Math.abs(got[i] - want) < 1e-4 * Math.abs(want), `${got[i]}, expected ${want}`);
    });
});

test("a row whose steps are too long for its stiffness is NaN, and the others are not", async () => {
  const k = input("k", 1, f64);
  const y = ode({
    parameters: k,
    initial: [1, 1],
    times: [0, 1, 2],
    steps: 20,
    rhs: (t, [u, v], [a]) => [mul(a, sub(cos(t), u)), neg(v)],
  });
  const out = await runGraph({ y }, { rows: 3, inputs: { k: [1, 60, 5] } });
  const rows = [0, 1, 2].map((r) => Array.from(out.y.subarray(6 * r, 6 * r + 6)));
  assert.ok(rows[0].every(Number.isFinite) && rows[2].every(Number.isFinite));
  assert.ok(rows[1].every(Number.isNaN), `${rows[1]}`);
});

test("a solution that ends before the last time is NaN", async () => {
  const k = input("k", 1, f64); // u′ = k u² from 1 ends at 1/k
  const y = ode({ parameters: k, initial: [1], times: [1, 2], steps: 60, rhs: (_t, [u], [a]) => [mul(a, square(u))] });
  const out = await runGraph({ y }, { rows: 2, inputs: { k: [0.25, 2] } });
  assert.ok(Math.abs(out.y[1] - 2) < 1e-6);
  assert.ok(Number.isNaN(out.y[2]) && Number.isNaN(out.y[3]));
});

test("tiled batches are solved tile by tile", async () => {
  const k = input("k", 1, f64);
  const { tile } = await import("../../src/graph/build.ts");
  const y = ode({ parameters: tile(k, 2), initial: [1], times: [1], steps: 10, rhs: (_t, [u], [a]) => [mul(a, u)] });
  const out = await runGraph({ y: concat(y, y) }, { rows: 2, inputs: { k: [0.5, 1] } });
  assert.ok([0.5, 1, 0.5, 1].every((a, r) => Math.abs(out.y[2 * r] - Math.exp(a)) < 1e-7));
});

test.run();
