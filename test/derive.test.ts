// Quantities of a posterior: against closed forms of a Gaussian one.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { columns, concat } from "../src/graph/build.ts";
import { add, exp, log, mul } from "../src/graph/elementwise.ts";
import { laplace } from "../src/infer/laplace.ts";
import { derive } from "../src/posterior/derive.ts";
import { defineProblem } from "../src/problem/define.ts";
import { rejection } from "./helpers/maps.ts";

const messageOf = async (promise: Promise<unknown>): Promise<string> => (await rejection(promise)).message;

/** y = θ + noise of the sd of the prior: θ | y ~ N(y / 2, 1 / 2), in two dimensions. */
const problem = defineProblem({
  name: "two",
  prior: normal([0, 0], 1),
  forward: (theta) => theta,
  noise: gaussianNoise(1),
});
const posterior = await laplace(problem, [2, -1], { kernels: "plain" });
const S = 20_000;

test("means, sds, quantiles and probabilities are those of the closed form", async () => {
  const { sum, both, size } = await derive(
    posterior,
    {
      sum: (t) => add(columns(t, [0]), columns(t, [1])), // N(1/2, 1)
      both: (t) => concat(mul(t, 2), exp(columns(t, [0]))), // e^θ₀ has the mean e^(1 + 1/4)
      size: (t) => mul(columns(t, [0]), 0),
    },
    { draws: S, seed: 3, kernels: "plain" },
  );
  const near = (got: number, want: number, sd: number): void =>
    assert.ok(Math.abs(got - want) < (5 * sd) / Math.sqrt(S), `${got}, not ${want}`); // five standard errors
  near(sum.mean[0], 0.5, 1);
  near(sum.sd[0], 1, Math.SQRT1_2);
  near(sum.quantile(0.5)[0], 0.5, Math.sqrt(Math.PI / 2));
  near(
    sum.probability(([x]) => x > 0.5),
    0.5,
    0.5,
  );
  assert.equal([both.size, both.draws.length, both.mean.length], [3, 3 * S, 3]);
  near(both.mean[0], 2, Math.SQRT2);
  near(both.mean[1], -1, Math.SQRT2);
  const mean = Math.exp(1.25);
  near(both.mean[2], mean, mean * Math.sqrt(Math.exp(0.5) - 1));
  // Quantities are of the same draws.
  for (let s = 0; s < S; s++)
    assert.ok(Math.abs(sum.draws[s] - (both.draws[3 * s] + both.draws[3 * s + 1]) / 2) < 1e-12);
  assert.equal([size.mean[0], size.sd[0]], [0, 0]);
});

test("what is no quantity is refused by name, and so are numbers that are not finite", async () => {
  const refused = async (quantities: object, message: RegExp): Promise<void> =>
    assert.match(
      (await rejection(derive(posterior, quantities as never, { draws: 50, kernels: "plain" }))).message,
      message,
    );
  await refused({}, /^derive: expected quantities by name, \{ name: \(theta\) => tensor \}, got /);
  await refused(
    { a: 3 },
    /^derive: expected "a" as a function of parameters \(B, 2\) that returns a tensor \(B, n\), got 3/,
  );
  await refused({ a: () => 3 }, /^derive: expected "a" as a function of .*, got 3/);
  await refused({ a: log }, /^derive: expected finite numbers of "a", got NaN for the parameters \[/);
  assert.match((await rejection(derive({} as never, { a: exp }))).message, /^derive: expected a posterior/);
  assert.match(
    await messageOf(derive(posterior, { a: exp }, { count: 3 } as never)),
    /^derive: expected options draws, .*; got "count"/,
  );
});

test.run();
