/** What `ode` refuses, and with which words; and the steps that it chooses. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { matchedSteps, placesOf } from "../../src/dynamics/grid.ts";
import { cubic, linear } from "../../src/dynamics/spline.ts";
import { type OdeOptions, ode } from "../../src/dynamics.ts";
import { add, constant, div, exp, input, mul, slice, square, sub, tile } from "../../src/graph/build.ts";
import { defineProblem, gaussianNoise, logNormal, normal, uniform } from "../../src/index.ts";
import { runGraph } from "../helpers/run.ts";

const k = input("k", 1, { dtype: "f64" });
const good = {
  parameters: k,
  initial: [1],
  times: [1, 2],
  steps: 10,
  rhs: (_t, [u], [a]) => [mul(a, u)],
} satisfies OdeOptions;
const line = { times: [0, 1, 2], values: [0, 1, 0] };

/** Options that do not fit, and what the error says. */
const refused: readonly (readonly [change: object, message: RegExp])[] = [
  [{ times: [] }, /expected times to hold at least one time, got none/],
  [{ times: [1, 1] }, /expected times to be ascending, got 1 after 1 at index 1/],
  [{ times: [2, 1] }, /expected times to be ascending, got 1 after 2/],
  [{ times: [1, Number.NaN] }, /expected times to be finite, got NaN at index 1/],
  [{ times: [0] }, /expected a time after the start, which is 0, got 0 alone/],
  [{ start: 1.5 }, /expected times from the start on, which is 1.5, got 1; state start/],
  [{ times: [-1, 1] }, /expected times from the start on, which is 0, got -1/],
  [{ method: "euler" }, /expected method to be one of "tsit5", "dopri5", "rk4", "rosenbrock", got "euler"/],
  [{ steps: 0 }, /expected steps to be a whole number of at least 1, or "auto", got 0/],
  [{ steps: "auto" }, /expected steps, a number, outside of the forward model of a problem, got "auto"/],
  [{ error: 0 }, /expected error to be a finite number above 0, got 0/],
  [{ initial: [] }, /expected at least one initial state, got none/],
  [{ initial: [Number.NaN] }, /expected initial to be a tensor \(B, S\), or finite numbers.*got NaN at index 0/],
  [{ initial: [tile(k, 2)] }, /got \(2B, 1\) at index 0/],
  [{ parameters: [] }, /expected a tensor among parameters and initial, got numbers alone/],
  [{ parameters: [1] }, /expected parameters to be tensors \(B, F\) of one type, got 1/],
  [{ parameters: [k, input("q", 1)] }, /expected parameters to be tensors.*got \(B, 1\) f32/],
  [{ parameters: constant(1, "f64") }, /expected parameters to be tensors \(B, F\) of one type, got \(1, 1\) f64/],
  [{ rhs: () => [] }, /expected rhs to return 1 rates, one for each state, got 0/],
  [{ rhs: () => k }, /expected rhs to return 1 rates, one for each state, got a tensor/],
  [{ rhs: () => [undefined] }, /expected rhs to return 1 rates.*got undefined at index 0/],
  [
    { rhs: () => [input("x", 1)] },
    /expected rhs to return 1 rates.*each \(B, 1\) f64 or a number, got \(B, 1\) f32 at index 0/,
  ],
  [
    { method: "rosenbrock", initial: new Array(17).fill(0), rhs: () => new Array(17).fill(0) },
    /at most 16 states.*got 17/,
  ],
  [
    { forcing: { times: [0, 1], values: [0, 1] } },
    /expected forcing from 0 to 2, the start and the last time, got 0 to 1/,
  ],
  [{ forcing: { times: [0, 1, 2], values: [0, 1] } }, /expected 3 forcing values, one for each time, got 2/],
  [{ forcing: { times: [0, 2, 1], values: [0, 1, 2] } }, /expected forcing times to be ascending/],
  [{ forcing: { ...line, order: "cubic" } }, /expected at least 4 forcing times for order "cubic", got 3/],
  [{ forcing: { ...line, order: "step" } }, /expected order to be one of "linear", "cubic", got "step"/],
  [{ forcing: { ...line, values: [0, Number.NaN, 1] } }, /expected forcing values to be finite, got NaN at index 1/],
  [{ forcing: { ...line, values: [] } }, /expected forcing values of at least one series, got none/],
  [{ tolerance: 1 }, /expected options parameters, initial.*got "tolerance"/],
];

for (const [change, message] of refused)
  test(`ode refuses ${JSON.stringify(change).slice(0, 60)}: ${message.source.slice(0, 60)}`, () => {
    assert.throws(() => ode({ ...good, ...change } as OdeOptions), message);
  });

test("save times are found among the steps, with rounding", () => {
  assert.equal(placesOf([0.1, 0.2, 0.3], 0, 3), { h: 0.3 / 3, at: [1, 2, 3], shares: null });
  const { at, shares } = placesOf([0, 0.25, 1], 0, 2);
  assert.equal(at, [0, 0, 1]);
  assert.equal(shares, [0, 0.5, 1]);
});

test("steps are matched to evenly spaced times, and to the knots of a forcing by lines", () => {
  const days = Array.from({ length: 10 }, (_, i) => 2.1 * i);
  assert.is(matchedSteps(64, days, 0, []), 72); // nine cells
  assert.is(matchedSteps(64, [1, 2, 4], 0, []), 64);
  assert.is(matchedSteps(10, [1, 2], 0, [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]), 16);
  assert.is(matchedSteps(100, [0.1234567, Math.PI], 0, []), 100);
});

test("a linear series and a cubic spline give polynomials of their degree exactly", () => {
  const times = [0, 0.3, 1, 1.1, 2, 2.6];
  const p = (t: number): number => 1 - t + 2 * t * t - 0.5 * t ** 3;
  const slope = (t: number): number => -1 + 4 * t - 1.5 * t * t;
  const spline = cubic(times, times.map(p));
  const lines = linear(
    times,
    times.map((t) => 3 - 2 * t),
  );
  for (const t of [0, 0.1, 0.3, 0.77, 1.05, 1.9, 2.6]) {
    assert.ok(Math.abs(spline.at(t) - p(t)) < 1e-14 && Math.abs(spline.rate(t) - slope(t)) < 1e-13, `${t}`);
    assert.ok(Math.abs(lines.at(t) - (3 - 2 * t)) < 1e-15 && Math.abs(lines.rate(t) + 2) < 1e-14, `${t}`);
  }
});

/** A pendulum of unknown frequency, seen at five times. */
const pendulum = (noise: number, more: object = {}) =>
  defineProblem({
    name: "pendulum",
    prior: logNormal(0.5, 0.3),
    noise: gaussianNoise(noise),
    forward: (theta) => {
      const y = ode({
        parameters: theta,
        initial: [1, 0],
        times: [1, 2, 3, 4, 5],
        rhs: (_t, [x, v], [w]) => [v, mul(mul(square(w), x), -1)],
        ...more,
      });
      return slice(y, 0, 10);
    },
  });

test("the chosen steps keep the error of every datum below its share of the noise, and are not many more than that takes", async () => {
  for (const noise of [1e-1, 1e-3]) {
    const problem = pendulum(noise);
    const [{ steps, error, method }] = problem.solvers();
    assert.is(method, "tsit5");
    assert.ok(error !== undefined && error.max <= 0.02 && error.failed === 0 && error.count === 32);
    // Against cos ωt on other draws: with the same prior a share of the draws may lie a little further out.
    const theta = Float64Array.from({ length: 20 }, (_, i) => Math.exp(0.5 + 0.3 * (-1.9 + 0.2 * i)));
    const y = await runGraph(
      { y: (problem.forward as NonNullable<typeof problem.forward>)(input("theta", 1, { dtype: "f64" })) },
      { rows: 20, inputs: { theta } },
    );
    let worst = 0;
    for (const [r, w] of theta.entries())
      for (let j = 0; j < 5; j++)
        worst = Math.max(worst, Math.abs(y.y[10 * r + 2 * j] - Math.cos(w * (j + 1))) / noise);
    assert.ok(worst < 0.02, `${worst} with ${steps} steps`);
    assert.ok(error.max > 0.02 / 2 ** 5, `${error.max} with ${steps} steps: half as many would have done`);
  }
});

test("the choice is made once, and is the same each time", () => {
  const [one, other] = [pendulum(0.01), pendulum(0.01)];
  assert.equal(one.solvers(), other.solvers());
  assert.is(one.solvers(), one.solvers());
});

test("steps that are given are kept, without an error", () => {
  assert.equal(pendulum(0.01, { steps: 40 }).solvers(), [{ method: "tsit5", steps: 40 }]);
});

test("a problem is defined at once, whatever the steps that it will need", () => {
  const before = performance.now();
  pendulum(1e-9);
  assert.ok(performance.now() - before < 500);
});

test("equations that thousands of steps do not solve are refused, with what to do", () => {
  const stiff = defineProblem({
    name: "stiff",
    prior: uniform(1e6, 2e6),
    noise: gaussianNoise(1e-3),
    forward: (theta) =>
      ode({ parameters: theta, initial: [1], times: [1], rhs: (t, [u], [a]) => [mul(a, sub(exp(mul(t, -1)), u))] }),
  });
  assert.throws(() => stiff.solvers(), /stiff: expected finite solutions on the prior, got none at 32 of 32 draws/);
});

test("the implicit method does with few steps what explicit ones do not do with thousands", () => {
  const stiff = defineProblem({
    name: "stiff",
    prior: uniform(1e6, 2e6),
    noise: gaussianNoise(1e-3),
    forward: (theta) =>
      ode({
        parameters: theta,
        initial: [1],
        times: [1],
        method: "rosenbrock",
        rhs: (t, [u], [a]) => [mul(a, sub(exp(mul(t, -1)), u))],
      }),
  });
  const [{ steps, error }] = stiff.solvers();
  assert.ok(steps <= 64 && (error?.max as number) <= 0.02, `${steps}`);
});

test("draws without a solution are counted and left out of the choice", () => {
  // u′ = k u² from 1 ends at 1/k: before the last time for k > 1.
  const problem = defineProblem({
    name: "ends",
    prior: uniform(0, 1.25),
    noise: gaussianNoise(0.1),
    forward: (theta) =>
      div(1, add(ode({ parameters: theta, initial: [1], times: [1], rhs: (_t, [u], [a]) => [mul(a, square(u))] }), 0)),
  });
  const [{ error }] = problem.solvers();
  assert.ok(error !== undefined && error.failed > 0 && error.failed < 16, `${error?.failed}`);
});

test("several equations of one forward model get a common number of steps", () => {
  const problem = defineProblem({
    name: "two",
    prior: normal([0, 0], [1, 1]),
    noise: gaussianNoise(0.01),
    forward: (theta) => {
      const first = ode({ parameters: theta, initial: [1], times: [1], rhs: (_t, [u], [a]) => [mul(a, u)] });
      const second = ode({
        parameters: theta,
        initial: [first],
        times: [1, 2, 3],
        method: "rk4",
        rhs: (_t, [u]) => [mul(u, -1)],
      });
      return add(second, first);
    },
  });
  const solvers = problem.solvers();
  assert.equal(
    solvers.map(({ method }) => method),
    ["tsit5", "rk4"],
  );
  assert.ok(
    solvers[1].steps % 3 === 0 && solvers[1].steps >= solvers[0].steps && solvers[1].steps < 2 * solvers[0].steps,
  );
});

test.run();
