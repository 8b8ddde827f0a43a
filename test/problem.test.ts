// Defining problems: what follows from a spec, what is refused with which error, and how data are checked.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { add, columns, constant, exp, input, random, sub, sumFeatures, tile } from "../src/graph/build.ts";
import { defineProblem, type ProblemSpec } from "../src/problem/define.ts";
import { logLikelihood, potential } from "../src/problem/likelihood.ts";
import { checkData, isProblem, isRows } from "../src/problem/problem.ts";
import { runGraph } from "./helpers/run.ts";

const good: ProblemSpec = {
  name: "toy",
  prior: normal([0, 1], 2),
  forward: (theta) => exp(columns(theta, [0, 1, 0])),
  noise: gaussianNoise(0.5),
};
const f64 = { dtype: "f64" } as const;

test("a problem knows its numbers of parameters and data, and names them", () => {
  const p = defineProblem(good);
  assert.equal([p.D, p.M], [2, 3]);
  assert.equal(p.parameters, [{ name: "θ1" }, { name: "θ2" }]);
  assert.equal(p.data, [{ name: "y1" }, { name: "y2" }, { name: "y3" }]);
  assert.equal([p.proposal, p.simulate, p.exact], [null, null, null]);
  assert.ok(isProblem(p) && !isProblem(good) && !isProblem(null));
  const named = defineProblem({ ...good, parameters: ["a", { name: "b", unit: "m" }], data: ["p", "q", "r"] });
  assert.equal(named.parameters, [{ name: "a" }, { name: "b", unit: "m" }]);
  assert.is(named.data[2].name, "r");
});

test("a problem that is given by a simulator says how many data there are", () => {
  const { forward: _, ...rest } = good;
  const p = defineProblem({ ...rest, data: 5, simulate: (theta) => theta.map(() => new Float64Array(5)) });
  assert.equal([p.D, p.M, p.forward], [2, 5, null]);
  assert.throws(
    () => logLikelihood(p, input("theta", 2), input("y", 5)),
    /got only simulate\(\), which has no likelihood/,
  );
});

test("a spec that does not fit is refused, with what was expected and what came", () => {
  const list: [object, RegExp][] = [
    [{ name: "" }, /^defineProblem: expected name to be a string that is not empty, got ""$/],
    [{ prio: 1 }, /^toy: expected options name, .*; got "prio"$/],
    [{ prior: 3 }, /^toy: expected prior to be a distribution, as normal\(\) returns it, got 3$/],
    [{ prior: { ...normal(0, 1), draw: 1 } }, /got one without the method draw/],
    [{ prior: { ...normal(0, 1), size: 2 } }, /got one whose mean does not hold 2 numbers/],
    [{ proposal: uniform(0, 1) }, /expected a proposal of 2 parameters, got 1/],
    [
      { prior: uniform([0, 0], 1), proposal: uniform([0, 0], [1, 2]) },
      /within the support of the prior, \[0, 1\], got \[0, 2\] at index 1/,
    ],
    [{ forward: undefined }, /^toy: expected forward, simulate, or data alone \(for pairs .*\), got none of them$/],
    [{ noise: null }, /^toy: expected a noise model beside forward, whose data are noise-free, got null$/],
    [{ simulate: () => [] }, /expected either forward or simulate, got both/],
    [
      { forward: undefined, simulate: () => [] },
      /expected data, without forward or with a deferred one, to be the number of data or their names, got undefined/,
    ],
    [
      { deferred: true },
      /expected data, without forward or with a deferred one, to be the number of data or their names, got undefined/,
    ],
    [{ forward: 7 }, /expected forward to be a function, or null, got 7/],
    [{ forward: () => 7 }, /expected forward to return data \(B, M\), got 7/],
    [{ forward: async () => 7 }, /expected forward to return data \(B, M\), got an object/],
    [{ forward: () => constant([1, 2], "f64") }, /got \(1, 2\) that is not one row a sample/],
    [{ forward: (t: never) => tile(t, 2) }, /got \(2B, 2\) that is not one row a sample/],
    [{ forward: () => input("x", 3, f64) }, /expected forward to depend on theta alone, got an input "x"/],
    [{ forward: (t: never) => add(t, constant(1, "f32")) }, /expected one type, got f64, f32/],
    [{ forward: () => random("normal", 2, 1) }, /of the type of theta, got f32 for f64/],
    [
      { noise: 0.1 },
      /expected noise to be a noise model, as gaussianNoise\(\) returns it, or a function .* returns one, or null, got 0.1/,
    ],
    [{ noise: gaussianNoise([1, 2]) }, /expected noise for what forward returns, 3 data, got noise for 2/],
    [{ parameters: ["a"] }, /^toy: expected 2 parameters, got 1$/],
    [{ parameters: ["a", "a"] }, /expected parameters with names of their own, got "a" twice/],
    [{ parameters: ["a", 3] }, /expected parameters to be names or \{ name, unit \}, got 3 at index 1/],
    [{ data: 4 }, /expected data 3, as forward returns, got 4/],
    [{ data: ["a"] }, /expected 3 data, got 1/],
    [{ exact: 1 }, /expected exact to be a function, or null, got 1/],
  ];
  for (const [change, message] of list) {
    const define = (): unknown => defineProblem({ ...good, ...change } as ProblemSpec);
    assert.throws(define, (e: Error) => message.test(e.message) || assert.unreachable(e.message));
  }
  assert.throws(() => defineProblem(3 as never), /^defineProblem: expected options \{ name, .* \}, got 3$/);
  assert.throws(() => defineProblem(undefined as never), /^defineProblem: expected name to be .*, got undefined$/);
});

test("the potential is the log-likelihood and the log-prior, for tiles as for rows", async () => {
  const p = defineProblem(good);
  const [theta, y] = [input("theta", 2, f64), input("y", 3)];
  const both = sub(potential(p, theta, y), logLikelihood(p, theta, y));
  const tiled = logLikelihood(p, tile(theta, 2), y);
  const single = logLikelihood(p, theta, y);
  const inputs = { theta: [0, 1, 0.5, -1], y: [1, 2, 3, 4, 5, 6] };
  const out = await runGraph({ both, tiled, single, prior: p.prior.logDensity(theta) }, { rows: 2, inputs });
  out.both.forEach((v, k) => {
    assert.ok(Math.abs(v - out.prior[k]) < 1e-12);
  });
  assert.equal(Array.from(out.tiled), [...out.single, ...out.single]);
  const residuals = [1 - 1, 2 - Math.E, 3 - 1];
  const want = residuals.reduce((sum, r) => sum - 0.5 * (r / 0.5) ** 2 - Math.log(0.5 * Math.sqrt(2 * Math.PI)), 0);
  assert.ok(Math.abs(out.single[0] - want) < 1e-12);
  assert.throws(() => logLikelihood(p, theta, input("y", 2)), /^toy: expected y \(B, 3\), got \(B, 2\)$/);
  assert.throws(() => potential(p, sumFeatures(theta), y), /^toy: expected theta \(B, 2\), got \(B, 1\)$/);
});

test("data are one vector or rows, and an error names the row", () => {
  const M = 2;
  assert.equal(checkData({ M }, [1, 2]), [Float64Array.of(1, 2)]);
  assert.equal(checkData({ M }, Float32Array.of(1, 2)), [Float64Array.of(1, 2)]);
  assert.equal(checkData({ M }, [[1, 2], Float32Array.of(3, 4)]), [Float64Array.of(1, 2), Float64Array.of(3, 4)]);
  assert.equal([isRows([1, 2]), isRows([[1, 2]]), isRows([])], [false, true, false]);
  const list: [unknown, RegExp][] = [
    [[1, 2, 3], /^y: expected 2 numbers, got 3$/],
    [[], /^y: expected 2 numbers, got 0$/],
    [[[1, 2], [3]], /^y, row 2: expected 2 numbers, got 1$/],
    [
      [1, Number.NaN],
      /^y: expected finite numbers, got NaN in column 2; data may be missing where the map was trained with the option missing$/,
    ],
    [
      [
        [1, 2],
        [3, 4],
        [Infinity, 0],
      ],
      /^y, row 3: expected finite numbers, got Infinity in column 1$/,
    ],
    [["1", 2], /^y: expected finite numbers, got "1" in column 1$/],
    [[[1, 2], 3], /^y, row 2: expected 2 numbers, got 3$/],
    [undefined, /^y: expected 2 numbers or rows of them, got undefined$/],
  ];
  for (const [y, message] of list) {
    assert.throws(
      () => checkData({ M }, y as never),
      (e: Error) => message.test(e.message) || assert.unreachable(e.message),
    );
  }
});

test("a deferred forward model is called at its first use, and checked then", () => {
  let calls = 0;
  const toy = (data: number) =>
    defineProblem({
      name: "toy",
      prior: normal([0, 0], 1),
      forward: (theta) => {
        calls++;
        return theta;
      },
      deferred: true,
      data,
      noise: gaussianNoise(1),
    });
  const [right, wrong] = [toy(2), toy(3)];
  assert.is(calls, 0);
  assert.is(right.M, 2);
  assert.is(right.forward?.(input("theta", 2, f64)).cols, 2);
  assert.throws(
    () => wrong.forward?.(input("theta", 2, f64)),
    /toy: expected forward to return 3 data, as data says, got \(B, 2\)/,
  );
});

test.run();
