// Rows of data with their circumstances (problem/layout.ts, problem/seen.ts): the density of what was observed is that of the problem
// restricted to it, at any noise scale.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evaluate } from "../src/backends/reference/evaluate.ts";
import { ar1Noise } from "../src/distributions/noise/ar1.ts";
import { categoricalNoise } from "../src/distributions/noise/categorical.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { likelihood } from "../src/distributions/noise/likelihood.ts";
import { logNormalNoise } from "../src/distributions/noise/log-normal.ts";
import { mixtureNoise } from "../src/distributions/noise/mixture.ts";
import type { NoiseOption } from "../src/distributions/noise/model.ts";
import type { Noise } from "../src/distributions/noise/noise.ts";
import { poissonNoise } from "../src/distributions/noise/poisson.ts";
import { squaredExponentialNoise } from "../src/distributions/noise/squared-exponential.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { normal } from "../src/distributions/normal.ts";
import { add, columns, exp, input, mul, slice, square } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import { defineProblem } from "../src/problem/define.ts";
import { layoutOf, packRow, unpackRow } from "../src/problem/layout.ts";
import { logLikelihood } from "../src/problem/likelihood.ts";
import type { Problem } from "../src/problem/problem.ts";
import { problemOfRows, problemSeenAs } from "../src/problem/seen.ts";
import { withDataAbout, workAbout } from "../src/problem/work.ts";
import { informationOf } from "../src/search/step.ts";

const M = 6;
const f64 = { dtype: "f64" } as const;
const problemOf = (noise: NoiseOption, data = Array.from({ length: M }, (_, m) => m)): Problem =>
  defineProblem({
    name: "six",
    prior: normal([0, 0], 1),
    forward: (theta) => {
      const [a, b] = [slice(theta, 0, 1), slice(theta, 1, 2)];
      const column = Float64Array.from(data, (m) => 0.3 + 0.2 * m);
      return exp(add(mul(a, column), square(mul(b, 0.5)))); // positive, so that every family takes it
    },
    noise,
  });

/** log p(y | θ) and its derivatives, of one row. */
function density(problem: Problem, theta: readonly number[], row: ArrayLike<number>) {
  const [t, y] = [input("theta", 2, f64), input("y", problem.layout.width, f64)];
  const value = logLikelihood(problem, t, y);
  const [gradient] = grad(value, [t]);
  const clean = problem.forward?.(t) as NonNullable<typeof t>;
  const information = informationOf(problem.noise.at(t, clean), clean, y, t);
  const inputs = { theta: Float64Array.from(theta), y: Float64Array.from(row) };
  const out = evaluate({ value, gradient: gradient ?? t, information: information ?? t }, { rows: 1, inputs });
  return [...out.value, ...out.gradient, ...out.information];
}

/** Rounding of sums of a few tens of terms of order 1…100, in double precision. */
const close = (got: readonly number[], want: readonly number[], label: string): void => {
  assert.is(got.length, want.length, label);
  got.forEach((g, i) => {
    assert.ok(Math.abs(g - want[i]) <= 1e-10 * (1 + Math.abs(want[i])), `${label}, ${i}: ${g} for ${want[i]}`);
  });
};

const sds = [0.1, 0.2, 0.15, 0.3, 0.25, 0.12];
const covariance = (of: readonly number[], s: number): number[][] =>
  of.map((i) => of.map((j) => s * s * sds[i] * sds[j] * 0.6 ** Math.abs(i - j)));

interface Family {
  readonly label: string;
  /** The noise of all data, and that of some of them at a scale: in closed form, or by dense linear algebra. */
  readonly all: () => NoiseOption;
  readonly some: (of: readonly number[], s: number) => NoiseOption;
  readonly scaled?: false;
}
const pick = (of: readonly number[], s: number): number[] => of.map((m) => s * sds[m]);
const families: readonly Family[] = [
  { label: "gaussian", all: () => gaussianNoise(sds), some: (of, s) => gaussianNoise(pick(of, s)) },
  { label: "gaussian, one sd", all: () => gaussianNoise(0.2), some: (_, s) => gaussianNoise(0.2 * s) },
  {
    label: "gaussian, sd of θ",
    all: () => (theta) => gaussianNoise(exp(slice(theta, 0, 1))),
    some: (_, s) => (theta) => gaussianNoise(mul(exp(slice(theta, 0, 1)), s)),
  },
  {
    label: "gaussian, sd of the data",
    all: () => (_, clean) => gaussianNoise(mul(clean, 0.1)),
    some: (_, s) => (_t, clean) => gaussianNoise(mul(clean, 0.1 * s)),
  },
  {
    label: "student",
    all: () => studentNoise({ scale: sds, degrees: 4 }),
    some: (of, s) => studentNoise({ scale: pick(of, s), degrees: 4 }),
  },
  { label: "log-normal", all: () => logNormalNoise(sds), some: (of, s) => logNormalNoise(pick(of, s)) },
  { label: "poisson", all: () => poissonNoise(), some: () => poissonNoise(), scaled: false },
  {
    label: "mixture",
    all: () => mixtureNoise([{ noise: gaussianNoise(0.1) }, { weight: 0.1, noise: gaussianNoise(2) }]),
    some: (_, s) => mixtureNoise([{ noise: gaussianNoise(0.1 * s) }, { weight: 0.1, noise: gaussianNoise(2 * s) }]),
  },
  {
    label: "covariance",
    all: () => gaussianNoise({ covariance: covariance([0, 1, 2, 3, 4, 5], 1) }),
    some: (of, s) => gaussianNoise({ covariance: covariance(of, s) }),
  },
  {
    label: "ar1",
    all: () => ar1Noise({ sd: sds, correlation: 0.6 }),
    some: (of, s) => gaussianNoise({ covariance: covariance(of, s) }),
  },
  {
    label: "squared exponential",
    all: () => squaredExponentialNoise({ sd: sds, length: 1.5, nugget: 0.3 }),
    some: (of, s) => squaredExponentialNoise({ sd: pick(of, s), length: 1.5, nugget: 0.3, at: [...of] }),
  },
];

const theta = [0.2, -0.4];
const y = [2, 1, 3, 2, 4, 1];
const subsets = [[0, 1, 2, 3, 4, 5], [0, 2, 3], [1, 5], [4]];

for (const { label, all, some, scaled } of families)
  test(`${label}: the density of what was observed, its gradient and information are those of the problem of these data`, () => {
    const whole = problemOf(all());
    for (const of of subsets)
      for (const s of scaled === false ? [1] : [1, 1.7]) {
        const layout = { mask: true, scale: s === 1 ? (0 as const) : (1 as const) };
        const rows = problemSeenAs(whole, layout);
        const seen = y.map((v, m) => (of.includes(m) ? v : Number.NaN));
        const row = packRow(rows.layout, { y: seen, scale: [s] });
        const given = density(rows, theta, row);
        const alone = density(
          problemOf(some(of, s), of),
          theta,
          of.map((m) => y[m]),
        );
        close(given, alone, `${of} at ${s}`);
      }
  });

test("ar1 and squared exponential noise whose parameters are tensors has the same density of what was observed", () => {
  const of = [0, 2, 3];
  const seen = y.map((v, m) => (of.includes(m) ? v : Number.NaN));
  const byTensor: readonly (readonly [(theta: ReturnType<typeof input>) => Noise, NoiseOption])[] = [
    [
      (t) => ar1Noise({ sd: sds, correlation: add(mul(slice(t, 0, 1), 0), -0.6) }),
      gaussianNoise({
        covariance: of.map((i) => of.map((j) => sds[i] * sds[j] * (-0.6) ** Math.abs(i - j))),
      }),
    ],
    [
      (t) => squaredExponentialNoise({ sd: sds, length: add(mul(slice(t, 0, 1), 0), 1.5), nugget: 0.3 }),
      squaredExponentialNoise({ sd: pick(of, 1), length: 1.5, nugget: 0.3, at: of }),
    ],
  ];
  for (const [noise, alone] of byTensor) {
    const rows = problemSeenAs(problemOf(noise), { mask: true, scale: 0 });
    const given = density(rows, theta, packRow(rows.layout, { y: seen }));
    const own = density(
      problemOf(alone, of),
      theta,
      of.map((m) => y[m]),
    );
    close(given.slice(0, 1), own.slice(0, 1), "density");
  }
});

test("a scale for each of the data multiplies its sd", () => {
  const scale = [1, 2, 0.5, 1, 3, 1];
  const rows = problemSeenAs(problemOf(gaussianNoise(sds)), { mask: false, scale: "each" });
  const given = density(rows, theta, packRow(rows.layout, { y, scale }));
  close(given, density(problemOf(gaussianNoise(sds.map((sd, m) => sd * scale[m]))), theta, y), "each");
});

test("an offset of data is taken from their values alone", () => {
  const whole = problemOf((_, clean) => gaussianNoise(mul(clean, 0.1)));
  const rows = problemOfRows(workAbout(whole, null), layoutOf(M, { mask: true, scale: 1 }));
  const b = Float64Array.from({ length: M }, (_, m) => m);
  const about = withDataAbout(rows, b);
  const seen = [2, Number.NaN, 3, 2, 4, Number.NaN];
  const of = (problem: Problem, data: ArrayLike<number>): number[] => {
    const [t, row] = [input("theta", 2, f64), input("y", problem.layout.width, f64)];
    const inputs = { theta: Float64Array.from(theta), y: packRow(problem.layout, { y: data, scale: [1.3] }) };
    return [...evaluate({ value: logLikelihood(problem, t, row) }, { rows: 1, inputs }).value];
  };
  close(
    of(
      about,
      seen.map((v, m) => v - b[m]),
    ),
    of(rows, seen),
    "offset",
  );
});

test("rows are packed and unpacked; scales that are not given are 1", () => {
  const layout = layoutOf(3, { mask: true, scale: "each", times: 2 });
  assert.is(layout.width, 11);
  const row = packRow(layout, { y: [1, Number.NaN, 3], scale: [1, 2, 4], times: [0.5, 1.5] });
  const parts = unpackRow(layout, row);
  assert.equal([...parts.y], [1, 0, 3]);
  assert.equal([...(parts.mask ?? [])], [1, 0, 1]);
  assert.ok(Math.abs((parts.logScale?.[2] ?? 0) - Math.log(4)) < 1e-15);
  assert.equal([...(parts.times ?? [])], [0.5, 1.5]);
  assert.equal([...packRow(layoutOf(1, { scale: 1 }), { y: [7] })], [7, 0]);
  assert.is(layoutOf(4).width, 4);
});

test("rows are drawn with their circumstances, and what is missing does no harm", () => {
  const whole = problemOf((_, clean) => gaussianNoise(add(mul(columns(clean, [0, -1, 2, 3, 4, 5]), 0.1), -1e-9)));
  const draws = {
    mask: (like: ReturnType<typeof input>) => add(mul(like, 0), [1, 0, 1, 1, 0, 1]),
    logScale: (like: ReturnType<typeof input>) => add(mul(columns(like, [0]), 0), 0.5),
  };
  const rows = problemOfRows(whole, layoutOf(M, { mask: true, scale: 1 }), draws);
  const clean = input("clean", M, f64);
  const row = rows.noise.at(input("theta", 2, f64), clean).draw(clean, 101);
  const { out } = evaluate({ out: row }, { rows: 1, inputs: { clean: Float64Array.from(y) } });
  const parts = unpackRow(rows.layout, out);
  assert.equal([...(parts.mask ?? [])], [1, 0, 1, 1, 0, 1]);
  assert.is(parts.y[1], 0, "its sd is not positive, so its noise is NaN");
  assert.ok(parts.y.every(Number.isFinite));
  assert.is(parts.logScale?.[0], 0.5);
});

test("noise without a density of each of the data, or without a scale, is refused by name", () => {
  const own = likelihood({ logDensity: (v, c) => slice(mul(v, c), 0, 1), name: "own" });
  const t = input("theta", 2, f64);
  const use = (noise: NoiseOption) => {
    const rows = problemSeenAs(problemOf(noise), { mask: true, scale: 0 });
    return () => logLikelihood(rows, t, input("y", rows.layout.width, f64));
  };
  assert.throws(use(own), /likelihood "own": expected logDensity of each of the data, \(B, 6\)/);
  assert.throws(use(categoricalNoise({ classes: 3 })), /missing data: expected noise with .* got "categorical"/);
  for (const noise of [poissonNoise(), own])
    assert.throws(() => {
      const rows = problemSeenAs(problemOf(noise), { mask: false, scale: 1 });
      logLikelihood(rows, t, input("y", rows.layout.width, f64));
    }, /noise.scale: expected noise with a scale, as gaussianNoise\(\)/);
});

test.run();
