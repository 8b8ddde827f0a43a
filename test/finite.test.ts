// Data that are not finite: simulate and predict name the row and its parameters, or drop and count such rows.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { predictiveCheck } from "../src/diagnostics/predictive.ts";
import { resimulate } from "../src/diagnostics/resimulation.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { div, exp, log, mul, slice, sqrt } from "../src/graph/build.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { predict } from "../src/simulate/predict.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { outside, rejection } from "./helpers/maps.ts";

const first = (theta: Tensor): Tensor => slice(theta, 0, 1);
const problemOf = (name: string, forward: (theta: Tensor) => Tensor): Problem =>
  defineProblem({ name, prior: normal([1.5, 0], 1), forward, noise: gaussianNoise(0.1) });

/** Forward models that are not finite for some parameters of the prior: NaN, −∞ below 0, and ∞, of whose spread double precision has no number. */
const broken: readonly [Problem, (x: number) => boolean, RegExp][] = [
  [problemOf("root", (t) => sqrt(first(t))), (x) => x >= 0, /got NaN in column 1/],
  [problemOf("logarithm", (t) => log(first(t))), (x) => x > 0, /got (NaN|-Infinity) in column 1/],
  [
    problemOf("overflow", (t) => exp(exp(mul(first(t), 2.5)))),
    (x) => Math.exp(Math.exp(2.5 * x)) < 3.4e38,
    /got Infinity in column 1/,
  ],
];

test("simulate names the row and the parameters of data that are not finite, or drops and counts such rows", async () => {
  for (const [problem, works, got] of broken) {
    const { message } = await rejection(simulate(problem, 400, { seed: 1 }));
    assert.match(
      message,
      new RegExp(`^simulate: expected finite data of "${problem.name}" for θ = \\(.*, row \\d+ of 400, `),
    );
    assert.match(message, got);
    const warnings: string[] = [];
    const rest = await simulate(problem, 400, { seed: 1, failures: "drop", onWarning: (w) => warnings.push(w) });
    const theta = Array.from({ length: rest.count }, (_, i) => rest.theta[2 * i]);
    assert.ok(rest.count > 200 && rest.count < 400 && theta.every(works), `${rest.count}`);
    assert.ok([rest.clean, rest.noisy].every((data) => data.length === rest.count && data.every(Number.isFinite)));
    assert.is(warnings.length, 1);
    assert.match(
      warnings[0],
      new RegExp(`^${400 - rest.count} of 400 simulations .* failed and were dropped: .*θ = \\(`),
    );
  }
});

test("predict names the row and the parameters, or drops and counts", async () => {
  const [[root], [logarithm]] = broken;
  assert.match(
    (await rejection(predict(root, [1, 0, 4, 0, -2, 0.5]))).message,
    /^predict: expected finite data of "root" for θ = \(-2, 0.5\), row 3 of 3, got NaN in column 1; .*failures: "drop"$/,
  );
  assert.match((await rejection(predict(logarithm, [0, 1]))).message, /θ = \(0, 1\), row 1 of 1, got -Infinity/);
  const warnings: string[] = [];
  const options = { failures: "drop", onWarning: (w: string) => warnings.push(w) } as const;
  assert.equal([...(await predict(root, [4, 0, -2, 0, 9, 0], options))], [2, 3]);
  assert.match(warnings.join(), /^1 of 3 simulations .*: the result has fewer rows than the parameters; one of them: /);
  assert.match((await rejection(predict(root, [-1, 0, -2, 0, 9, 0], options))).message, /^predict: .* at most half/);
  const far = problemOf("pole", (t) => div(first(t), slice(t, 1, 2)));
  assert.match((await rejection(predict(far, [1, 0]))).message, /got Infinity in column 1/);
  assert.match((await rejection(resimulate(root, [-1, 0], { y: [1] }))).message, /^resimulate: .* θ = \(-1, 0\)/);
});

test("predict and predictiveCheck need the simulator alone", async () => {
  const model = outside((thetas) => thetas.map(([a, b]) => [a, a + b, a * b]));
  assert.equal([...(await predict(model, [1, 2, 3, 4]))], [1, 3, 2, 3, 7, 12]);
  const failing = outside({ run: (t) => t.map(([a]) => (a > 2 ? [Number.NaN, 0, 0] : [a, a, a])), failures: "drop" });
  const options = { onWarning: () => {} };
  assert.equal([...(await predict(failing, [1, 2, 3, 4, 0, 0], options))], [1, 1, 1, 0, 0, 0]);
  assert.match((await rejection(predict(failing, [3, 4], { failures: "stop" }))).message, /θ = \(3, 4\), row 1 of 1/);
  // θ known: replications are y plus noise of sd ½.
  const posterior = (y: number[]) => ({
    y: Float64Array.from(y),
    sample: async (count: number) => Float32Array.from({ length: 2 * count }, (_, k) => 1 + (k % 2)),
  });
  const usual = await predictiveCheck(model, posterior([1.3, 2.8, 2.4]), { draws: 400 });
  assert.ok(usual.pValues["chi-square"] > 0.2, `${usual.pValues["chi-square"]}`);
  const off = await predictiveCheck(model, posterior([1, 3, 5]), { draws: 400 });
  assert.ok(off.worst.datum === 2 && off.worst.pValue < 0.05 && off.pValues["chi-square"] < 0.01);
});

test("a simulator with noise of its own is checked against two simulations of each draw", async () => {
  // Noise uniform on ±1 by the row's seed: known from the seed, so that data repeat.
  const noise = (seed: number): number => ((seed >>> 0) / 2 ** 32) * 2 - 1;
  const run = (thetas: Float64Array[], { seeds }: { seeds: readonly number[] }) =>
    thetas.map((t, i) => [t[0] + noise(seeds[i])]);
  const problem = outside({ run }, { data: 1, noise: null });
  const posterior = (y: number) => ({
    y: Float64Array.of(y),
    sample: async (count: number) => new Float32Array(2 * count),
  });
  const distance = { distance: (y: ArrayLike<number>, c: ArrayLike<number>) => Math.abs(y[0] - c[0]) };
  // y = 0.5, c uniform: |y − c| of two uniform variables exceeds that of y and one of them with probability near ½.
  const { tails, pValues, misfit } = await predictiveCheck(problem, posterior(0.5), {
    draws: 2000,
    discrepancies: distance,
  });
  assert.ok(Math.abs(tails[0] - 0.75) < 4 * Math.sqrt(0.1875 / 2000), `${tails[0]}`);
  assert.ok(pValues.distance > 0.3 && pValues.distance < 0.7 && Number.isNaN(misfit), `${pValues.distance}`);
  assert.equal(Object.keys(pValues), ["distance"]);
});

test.run();
