// slow (10 s): a small map is trained
// Problems of sets: the likelihood is the sum over the members that are there, maps do not see their order, corrections and chains are
// exact, files hold such maps, and what is no set is refused by name.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evaluate as evaluateGraph } from "../src/backends/reference/evaluate.ts";
import { categoricalNoise } from "../src/distributions/noise/categorical.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import type { NoiseOption } from "../src/distributions/noise/model.ts";
import { poissonNoise } from "../src/distributions/noise/poisson.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { normal } from "../src/distributions/normal.ts";
import { evaluate } from "../src/evaluate/evaluate.ts";
import { add, concat, exp, input, slice } from "../src/graph/build.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { makeInverseMap } from "../src/model/model.ts";
import { defineProblem } from "../src/problem/define.ts";
import { unpackRow } from "../src/problem/layout.ts";
import { logLikelihood } from "../src/problem/likelihood.ts";
import type { Problem } from "../src/problem/problem.ts";
import { seenBy } from "../src/problem/seen.ts";
import { set } from "../src/problem/set.ts";
import { rowsOfData } from "../src/problem/set-rows.ts";
import { refine } from "../src/refine/refine.ts";
import { nuts } from "../src/sampling/nuts.ts";
import { decodeModel, encodeModel } from "../src/store/model-file.ts";
import { save } from "../src/store/store.ts";
import { surrogate } from "../src/surrogate/surrogate.ts";
import { readCircumstances, withCircumstances } from "../src/train/circumstances.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { retrodict, temporary } from "./helpers/cli.ts";

const quiet = { onWarning: () => {} };
const theta2 = (t: Tensor): Tensor => slice(t, 0, 2);

/** A sample of a normal density of unknown mean and sd; `sd` of the prior of its logarithm. */
const sample: Problem = defineProblem({
  name: "sample",
  parameters: ["mean", "log sd"],
  data: set({ each: ["reading"], count: [2, 8] }),
  prior: normal([0, 0], [1, 0.5]),
  forward: (t) => slice(t, 0, 1),
  noise: (t) => gaussianNoise(exp(slice(t, 1, 2))),
});
const y = [0.3, 1.2, -0.4, 0.9, 2];
const short: TrainOptions = {
  ...quiet,
  guide: gaussian({ hidden: [16] }),
  embedding: { set: { hidden: [16], features: 8 } },
  steps: 400,
  batch: 64,
  heldOut: 256,
};

/** Problems of sets, the problem of three members, and these. */
const families: readonly [string, NoiseOption, NoiseOption, number, readonly (readonly number[])[]][] = [
  [
    "normal, two sds",
    gaussianNoise([0.3, 0.6]),
    gaussianNoise([0.3, 0.6, 0.3, 0.6, 0.3, 0.6]),
    2,
    [
      [1, 2],
      [0.5, -1],
      [0, 0.3],
    ],
  ],
  [
    "Student, a scale that depends on θ",
    (t) => studentNoise({ scale: exp(slice(t, 0, 1)), degrees: 3 }),
    (t) => studentNoise({ scale: exp(slice(t, 0, 1)), degrees: 3 }),
    2,
    [
      [1, 2],
      [0.5, -1],
      [0, 0.3],
    ],
  ],
  [
    "normal, sds that depend on noise-free data",
    (_, c) => gaussianNoise(exp(c)),
    (_, c) => gaussianNoise(exp(c)),
    2,
    [
      [1, 2],
      [0.5, -1],
      [0, 0.3],
    ],
  ],
  [
    "correlated",
    gaussianNoise({
      covariance: [
        [1, 0.5],
        [0.5, 2],
      ],
    }),
    gaussianNoise({
      covariance: [
        [1, 0.5, 0, 0, 0, 0],
        [0.5, 2, 0, 0, 0, 0],
        [0, 0, 1, 0.5, 0, 0],
        [0, 0, 0.5, 2, 0, 0],
        [0, 0, 0, 0, 1, 0.5],
        [0, 0, 0, 0, 0.5, 2],
      ],
    }),
    2,
    [
      [1, 2],
      [0.5, -1],
      [0, 0.3],
    ],
  ],
  [
    "counts",
    poissonNoise(),
    poissonNoise(),
    2,
    [
      [1, 2],
      [0, 4],
      [3, 0],
    ],
  ],
  [
    "classes",
    categoricalNoise({ classes: 2 }),
    categoricalNoise({ classes: 2 }),
    2,
    [
      [1, 0],
      [0, 1],
      [1, 0],
    ],
  ],
];
for (const [label, noise, three, m, members] of families)
  test(`${label}: the likelihood and its curvature are those of the members side by side`, async () => {
    const forward = (t: Tensor): Tensor => exp(theta2(t));
    const problem = defineProblem({
      name: "p",
      prior: normal([0, 0], 1),
      data: set({ each: m, count: [1, 5] }),
      forward,
      noise,
    });
    const side = defineProblem({
      name: "p",
      prior: normal([0, 0], 1),
      forward: (t) => concat(forward(t), forward(t), forward(t)),
      noise: three,
    });
    const seen = seenBy(
      problem,
      rowsOfData(problem, set(members)).map((row) => ({ y: row })),
    );
    const theta = Float64Array.of(0.2, -0.3, -0.5, 0.4);
    const density = (of: Problem, row: ArrayLike<number>): Float64Array => {
      const inputs = { theta, y: Float64Array.from([...Array.from(row), ...Array.from(row)]) };
      const [t, data] = [input("theta", 2, { dtype: "f64" }), input("y", row.length, { dtype: "f64" })];
      return evaluateGraph({ out: logLikelihood(of, t, data) }, { rows: 2, inputs }).out as Float64Array;
    };
    const [own, exact] = [density(seen.problem, seen.rows[0]), density(side, members.flat())];
    // Sums of the same few terms in another order: a hundred roundings of numbers up to 50.
    for (const [i, l] of exact.entries()) assert.ok(Math.abs(own[i] - l) < 1e-12 * 50, `${own[i]} for ${l}`);
    const [a, b] = await Promise.all([laplace(problem, set(members)), laplace(side, members.flat())]);
    // Two searches that end within 1e-4 sd of one mode, where the error is the square of that of the last step.
    for (const [d, mean] of b.mean.entries())
      assert.ok(Math.abs(a.mean[d] - mean) < 1e-3 * b.sd[d], `${a.mean[d]} for ${mean}`);
    for (const [d, sd] of b.sd.entries()) assert.ok(Math.abs(a.sd[d] / sd - 1) < 1e-3);
  });

test("numbers of members are uniform in their logarithm, and the members of a row come first", () => {
  const problem = defineProblem({
    name: "rows",
    prior: normal([0, 0], 1),
    data: set({ each: 2, count: [2, 31] }),
    forward: (t) => add(t, 0),
    noise: gaussianNoise(1),
  });
  const rows = withCircumstances(problem, readCircumstances(problem, undefined, undefined));
  const { M, layout } = rows;
  const clean = input("clean", M, { dtype: "f64" });
  const row = rows.noise.at(input("theta", 2, { dtype: "f64" }), clean).draw(clean, 101);
  const count = 4000;
  const { out } = evaluateGraph({ out: row }, { rows: count, inputs: { clean: new Float64Array(count * M) } });
  const numbers = Array.from({ length: count }, (_, i) => {
    const { y: values, mask } = unpackRow(layout, out.slice(i * layout.width, (i + 1) * layout.width) as Float64Array);
    const n = Array.from(mask ?? []).reduce((sum, o) => sum + o, 0) / 2;
    assert.ok(Array.from(mask ?? []).every((o, k) => o === Number(k < 2 * n)));
    assert.ok(values.every((v, k) => (v === 0) === k >= 2 * n));
    return n;
  });
  assert.ok(Math.min(...numbers) === 2 && Math.max(...numbers) === 31);
  // Counts from 2 to 7 are half of the range from 2 to 32 on a logarithmic scale: 4.5 standard errors.
  const half = numbers.filter((n) => n < 8).length / count;
  assert.ok(Math.abs(half - 0.5) < 4.5 * Math.sqrt(0.25 / count), `${half}`);
});

const map = await train(sample, short);
const { at, write, remove } = temporary("retrodict-sets-");
test.after(remove);

test("the order of the members leaves the answer the same", async () => {
  const one = await infer(map, set(y));
  assert.is(one.warning, undefined);
  for (const other of [[...y].reverse(), [y[2], y[0], y[4], y[1], y[3]]]) {
    const two = await infer(map, set(other));
    // Sums of 5 numbers in single precision in another order, which a small network makes larger by no more than 100.
    for (const [d, m] of one.mean.entries()) assert.ok(Math.abs(two.mean[d] - m) < 100 * 6e-8 * 8 * one.sd[d]);
    assert.ok(Math.abs(two.distance - one.distance) < 1e-4);
  }
  const [first, second] = await infer(map, [set(y), set(Float64Array.from([...y].reverse()))]);
  assert.equal(first.mean, one.mean);
  assert.ok(Math.abs(second.mean[0] - one.mean[0]) < 1e-4);
  const again = await infer(map, one.y);
  assert.equal(again.mean, one.mean);
  assert.is((await infer(map, set([...y, 100]))).warning === undefined, false);
});

test("more members give narrower posteriors, which corrections and chains make exact", async () => {
  const wide = await infer(map, set(y.slice(0, 2)));
  const one = await infer(map, set(y));
  assert.ok(one.sd[0] < wide.sd[0]);
  const exact = await nuts(sample, set(y), { draws: 1000 });
  for (const method of ["psis", "nuts"] as const) {
    const corrected = await one.correct({ method, draws: 4000, drawsPerChain: 500 });
    // Two Monte Carlo means of at least 400 effective draws: 5 standard errors of √(2/400) sd.
    for (const [d, m] of corrected.mean.entries())
      assert.ok(
        Math.abs(m - exact.mean[d]) < 5 * Math.sqrt(2 / 400) * exact.sd[d],
        `${method}: ${m} for ${exact.mean[d]}`,
      );
  }
});

test("files hold maps of sets, and evaluations compare them with chains", async () => {
  const { spec, tensors } = await decodeModel(encodeModel(map, "0"));
  assert.equal(spec.rows, {
    missing: true,
    scale: null,
    set: { each: 1, least: 2, most: 8, names: [{ name: "reading" }] },
  });
  const again = await makeInverseMap(spec, tensors, null);
  assert.equal((await infer(again, set(y))).mean, (await infer(map, set(y))).mean);
  const evaluation = await evaluate(map, { cases: 3, calibration: 60, draws: 100 });
  assert.is(evaluation.against.name, "nuts");
  assert.ok(evaluation.ks !== null && evaluation.weights !== null);
});

test("a file with a member in each row is one observation on the command line", async () => {
  const model = at("map.safetensors");
  await save(map, model);
  const own = await infer(map, set(y));
  for (const [name, text] of [
    ["readings.csv", `reading\n${y.join("\n")}\n`],
    ["readings.json", JSON.stringify(y)],
  ] as const) {
    const { status, out, err } = await retrodict(["infer", model, "--data", write(name, text), "--json"]);
    assert.is(status, 0, err);
    const { observations } = JSON.parse(out);
    assert.is(observations.length, 1);
    assert.ok(Math.abs(observations[0].mean[0] - own.mean[0]) < 1e-5 * own.sd[0]);
  }
});

test("what is no set of the stated size is refused by name", async () => {
  const reason = (work: () => Promise<unknown>): Promise<string> =>
    Promise.resolve()
      .then(work)
      .then(
        () => "none",
        (e) => e.message,
      );
  const rows = [[0.1], [0.2]];
  for (const ask of [infer.bind(null, map), laplace.bind(null, sample), nuts.bind(null, sample)]) {
    const of = (given: unknown): Promise<string> => reason(() => (ask as (y: unknown) => Promise<unknown>)(given));
    assert.match(
      await of(rows),
      /^y, set 1: expected a set of 2 to 8 members, got \[0.1\]; write set\(\[member, …\]\)/,
    );
    assert.match(await of([0.1, 0.2]), /^y: expected a set of 2 to 8 members, got \[0.1, 0.2\]; write set/);
    assert.match(await of(set([0.1])), /^y: expected a set of 2 to 8 members, got 1$/);
    assert.match(await of([set(y), set(new Array(9).fill(0))]), /^y, set 2: expected a set of 2 to 8 members, got 9$/);
    assert.match(
      await of(
        set([
          [1, 2],
          [3, 4],
        ]),
      ),
      /^y, member 1: expected 1 numbers, got 2$/,
    );
    assert.match(await of(set([1, Number.NaN])), /^y, member 2: .* got NaN among them; leave out members/);
    assert.match(await of(set([1, Number.POSITIVE_INFINITY])), /^y, member 2: expected finite numbers, got Infinity/);
  }
  const start = (options: TrainOptions, problem = sample): Promise<string> =>
    reason(() => train(problem, { ...short, ...options }));
  assert.match(await start({ missing: "any" }), /expected no missing data and no noise scales for "sample"/);
  assert.match(await start({ noise: { scale: [0.5, 2] } }), /whose data are sets, got noise; leave it out/);
  assert.match(await start({ embedding: "log" }), /expected "auto" or \{ set \}/);
  assert.match(await start({ guide: gaussian({ base: "linear" }) }), /expected base "prior" of the guide/);
  assert.match(await start({ embedding: { set: { hidden: [0] } } }), /expected hidden to be a list/);
  assert.match(await reason(() => surrogate(sample)), /expected data of one length, and those of "sample" are sets/);
  assert.match(await reason(() => refine(map, y)), /^refine: expected a map of complete data/);
  const plain = defineProblem({
    name: "plain",
    prior: normal(0, 1),
    forward: (t) => add(t, 0),
    noise: gaussianNoise(1),
  });
  assert.match(await start({}, plain), /embedding: expected no embedding of sets/);
  assert.match(await reason(() => laplace(plain, set([1]))), /^y: expected 1 numbers or rows of them, got an object/);
  const define = (options: object): Promise<string> =>
    reason(async () =>
      defineProblem({ name: "p", prior: normal(0, 1), noise: gaussianNoise(1), forward: (t) => add(t, 0), ...options }),
    );
  assert.match(await reason(async () => set({ each: 1, count: [3, 2] })), /expected count to be two whole numbers/);
  assert.match(await reason(async () => set({ each: 0, count: [1, 2] })), /expected each to be the number of data/);
  assert.match(
    await define({ data: set({ each: 2, count: [1, 2] }) }),
    /^p: expected each 1, as forward returns, got 2/,
  );
  assert.match(
    await define({ data: set({ each: 1, count: [1, 2] }), forward: null }),
    /expected a forward model of one member/,
  );
});

test.run();
