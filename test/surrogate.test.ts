// slow (10 s): surrogates are trained until their error is small
// Surrogates: how well they fit, the error that they report, and their use as a problem.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DeviceLost } from "../src/backends/backend.ts";
import type { Distribution } from "../src/distributions/distribution.ts";
import { logNormal } from "../src/distributions/log-normal.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import {
  add,
  batchSum,
  concat,
  constant,
  exp,
  input,
  log,
  matmul,
  mul,
  sin,
  slice,
  square,
  sub,
} from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { defineProblem, infer, type Problem, predict, simulate, surrogate, train } from "../src/index.ts";
import { rod } from "../src/problems.ts";
import type { WorkSimulations } from "../src/simulate/simulate.ts";
import { fitScaling } from "../src/surrogate/scaling.ts";
import type { SurrogateProgress } from "../src/surrogate/surrogate.ts";
import { widened } from "../src/surrogate/widened-simulations.ts";
import { checkGradients } from "./helpers/differences.ts";
import { rejection } from "./helpers/maps.ts";
import { runGraph } from "./helpers/run.ts";

/** Curved in both parameters; the last datum stands on a large constant, beside which f32 has no digit left. */
const curved = defineProblem({
  name: "curved",
  prior: normal([0.5, -1], [1, 2]),
  forward: (theta) => {
    const [a, b] = [slice(theta, 0, 1), slice(theta, 1, 2)];
    return concat(add(a, square(mul(b, 0.5))), sin(mul(add(a, b), 0.5)), add(mul(a, b), 1000)); // (B, 2) → (B, 3)
  },
  noise: gaussianNoise([0.2, 0.1, 0.3]),
  presets: { default: { gaussian: { steps: 10 } } },
});
const quick = { bank: 4000, heldOut: 512, hidden: 32, blocks: 1, steps: 3000, batch: 64, kernels: "plain" } as const;

/** rms difference of the forward models of two problems in noise sd, at parameters that neither has seen. */
async function difference(a: Problem, b: Problem, noise: readonly number[], seed = 99): Promise<number> {
  const { theta } = await simulate(b, 1000, { seed });
  const [one, two] = [await predict(a, theta), await predict(b, theta)];
  const square = one.reduce((sum, v, i) => sum + ((v - two[i]) / noise[i % noise.length]) ** 2, 0);
  return Math.sqrt(square / one.length);
}

test("a surrogate is a problem like its parent, which stays attached, and is near it", async () => {
  const made = await surrogate(curved, quick);
  assert.is(made.name, "curved-surrogate");
  assert.is(made.parent, curved);
  assert.is(curved.parent, null);
  for (const key of ["D", "M", "prior", "proposal", "noise"] as const) assert.is(made[key], curved[key]);
  for (const key of ["parameters", "data", "presets"] as const) assert.equal(made[key], curved[key]);
  assert.is(made.warning, undefined);
  assert.is(made.error.count, 512);
  assert.is(made.error.data.length, 3);
  assert.ok(made.error.rms < 0.1 && made.error.rms < made.error.p99 && made.error.p99 < made.error.max);
  const pooled = made.error.data.reduce((sum, e) => sum + e.rms ** 2 / 3, 0);
  assert.ok(Math.abs(Math.sqrt(pooled) - made.error.rms) < 1e-12);
  // 512 × 3 errors with heavy tails: their rms is known to some tens of percent.
  const fresh = await difference(made, curved, [0.2, 0.1, 0.3]);
  assert.ok(fresh > made.error.rms / 2 && fresh < made.error.rms * 2, `${fresh} afresh, said to be ${made.error.rms}`);
});

test("a surrogate of the rod is within a few hundredths of the noise", async () => {
  const made = await surrogate(rod, { bank: 10_000, hidden: 64, steps: 4000, batch: 128 });
  assert.ok(made.error.rms < 0.06, `${made.error.rms}`);
  assert.is(made.warning, undefined);
});

test("a bad surrogate says so, with the name of its worst data value and what to try", async () => {
  const made = await surrogate(curved, { ...quick, hidden: 1, blocks: 0, steps: 10 });
  assert.ok(made.error.rms > 0.5, `${made.error.rms}`);
  const worst = made.error.data.map((e) => e.rms).indexOf(Math.max(...made.error.data.map((e) => e.rms)));
  assert.match(
    made.warning ?? "",
    /^the surrogate of "curved" has an rms error of \d+\.\d\d noise sd \(y\d: \d+\.\d\d\), above 0.1, which will affect posteriors;/,
  );
  assert.match(made.warning ?? "", new RegExp(`\\(y${worst + 1}: .* larger bank \\(4000\\), more steps \\(10\\)`));
});

test("the gradient of a surrogate is that of its network, and near that of its parent", async () => {
  const made = await surrogate(curved, quick);
  const rows = 4;
  const values = { theta: Float64Array.of(0.25, -1, 1, 0.5, -0.75, -2, 0.5, 1.25) };
  const theta = input("theta", 2, { dtype: "f64" });
  const total = (problem: Problem) =>
    batchSum(matmul((problem.forward as NonNullable<Problem["forward"]>)(theta), constant([1, 2, 0.5], "f64", 3)));
  await checkGradients(total(made), [theta], grad(total(made), [theta]), { rows, values, relative: 1e-5 });
});

/** A linear model, given as a function: y = (θ1, θ1 + θ2) plus noise of sd 0.5, θ ~ N(0, I). */
const outside = defineProblem({
  name: "outside",
  prior: normal([0, 0], 1),
  data: ["first", "sum"],
  simulate: async (rows) => rows.map(([a, b]) => [a, a + b]),
  noise: gaussianNoise(0.5),
});

test("a problem given by simulate alone trains by the ELBO through its surrogate, to the known posterior", async () => {
  const made = await surrogate(outside, { ...quick, bank: 2000 });
  assert.is(made.parent, outside);
  assert.ok(made.error.rms < 0.01, `${made.error.rms}`);
  assert.match((await rejection(train(outside, { objective: "elbo" }))).message, /only simulate/);
  const options = { guide: gaussian({ hidden: [] }), objective: "elbo", steps: 800, batch: 64, rate: 1e-2 } as const;
  const map = await train(made, { ...options, kernels: "plain" });
  // Precision I + Aᵀ A / 0.25 = [[9, 4], [4, 5]], and Aᵀ y / 0.25 = (4 y1 + 4 y2, 4 y2).
  const [y1, y2] = [1, -0.5];
  const { mean, sd } = await infer(map, [y1, y2]);
  const [b1, b2] = [4 * (y1 + y2), 4 * y2];
  const want = { mean: [(5 * b1 - 4 * b2) / 29, (9 * b2 - 4 * b1) / 29], sd: [Math.sqrt(5 / 29), Math.sqrt(9 / 29)] };
  for (const d of [0, 1]) {
    assert.ok(Math.abs(mean[d] - want.mean[d]) < 0.02, `mean ${mean[d]}, expected ${want.mean[d]}`);
    assert.ok(Math.abs(sd[d] / want.sd[d] - 1) < 0.02, `sd ${sd[d]}, expected ${want.sd[d]}`);
  }
});

test("long data are projected on the directions that the noise lets through, and priors with edges are learned", async () => {
  const M = 100;
  const noise = Array.from({ length: M }, (_, j) => 0.05 + 0.001 * j);
  const long = defineProblem({
    name: "long",
    prior: logNormal([0, 0], [0.5, 0.25]),
    forward: (theta) => {
      const [a, b] = [log(slice(theta, 0, 1)), slice(theta, 1, 2)];
      const x = Array.from({ length: M }, (_, j) => j / M);
      return add(
        mul(
          exp(
            mul(
              b,
              x.map((v) => -v),
            ),
          ),
          a,
        ),
        mul(square(a), x),
      ); // two curves: (B, 100)
    },
    noise: gaussianNoise(noise),
  });
  const bank = (await simulate(long, 2000)) as WorkSimulations;
  const { spread, coordinates } = await fitScaling(long, bank, {});
  assert.ok(spread.length >= 2 && spread.length <= 8, `${spread.length} directions`);
  assert.is(coordinates(bank.clean).length, 2000 * spread.length);
  const made = await surrogate(long, { ...quick, seed: 5 });
  assert.ok(made.error.rms < 0.1, `${made.error.rms}`);
  assert.ok((await difference(made, long, noise)) < 0.1);
});

test("draws are stretched by factors from 1 to the one given, and stay in the support", async () => {
  const rows = 20_000;
  const draws = async (base: Distribution, widen: number): Promise<ArrayLike<number>> =>
    (await runGraph({ theta: widened(base, widen).draw(1, "f64") }, { rows, seed: 3 })).theta;
  const [plain, wide] = [await draws(normal(2, 0.5), 1), await draws(normal(2, 0.5), 3)];
  let [square, least, most] = [0, Infinity, 0];
  for (let i = 0; i < rows; i++) {
    const factor = (wide[i] - 2) / (plain[i] - 2);
    [least, most] = [Math.min(least, factor), Math.max(most, factor)];
    square += ((wide[i] - 2) / 0.5) ** 2 / rows;
  }
  assert.ok(least >= 1 - 1e-9 && least < 1.001 && most > 2.999 && most <= 3 + 1e-9, `factors ${least} to ${most}`);
  // E f² = (1 + 3 + 9)/3 for f ~ U(1, 3); its square has a relative sd of 2 or so.
  assert.ok(Math.abs(square / (13 / 3) - 1) < (5 * 2) / Math.sqrt(rows), `${square}`);
  const boxed = Array.from(await draws(uniform(-1, 1), 3));
  assert.ok(boxed.every((x) => x >= -1 && x <= 1));
  assert.ok(boxed.filter((x) => Math.abs(x) > 0.9).length > 0.15 * rows); // a tenth of them if it were not stretched
});

test("the surrogate is accurate where its proposal draws", async () => {
  const line = defineProblem({
    name: "line",
    prior: uniform(-2, 2),
    forward: (theta) => sin(mul(theta, 3)),
    noise: gaussianNoise(0.1),
  });
  const near = await surrogate(line, { ...quick, proposal: uniform(-0.5, 0.5), widen: 1 });
  assert.ok(near.error.rms < 0.05, `${near.error.rms} where it was fitted`);
  const errorAt = async (made: Problem, theta: number): Promise<number> =>
    Math.abs((await predict(made, [theta]))[0] - Math.sin(3 * theta)) / 0.1;
  assert.ok((await errorAt(near, 1.8)) > 0.5);
  const prior = await surrogate(line, quick);
  assert.ok((await errorAt(prior, 1.8)) < 0.5);
});

test("one seed gives the same surrogate again, another a different one", async () => {
  const short = { ...quick, bank: 200, steps: 50 };
  const at = async (seed: number) =>
    predict(await surrogate(curved, { ...short, seed }), [0.1, 0.2], { kernels: "plain" });
  assert.equal(await at(1), await at(1));
  assert.not.equal(await at(1), await at(2));
});

test("progress tells of simulations, then of the fit, each to its end", async () => {
  const seen: [string, number, number][] = [];
  await surrogate(outside, {
    ...quick,
    bank: 200,
    steps: 100,
    onProgress: (p) => seen.push([p.phase, p.step, p.steps]),
  });
  const phases = seen.map(([phase]) => phase);
  assert.equal([...new Set(phases)], ["simulating", "fitting"]);
  assert.equal(phases, [...phases].sort().reverse());
  for (const [phase, steps] of [
    ["simulating", 200 + 1024 + 512],
    ["fitting", 100],
  ] as const) {
    const own = seen.filter(([p]) => p === phase);
    assert.ok(own.every(([, step, all], i) => all === steps && step > (own[i - 1]?.[1] ?? 0)));
    assert.is(own[own.length - 1][1], steps);
  }
});

test("an aborted surrogate ends with the signal's reason, whatever it is at", async () => {
  for (const phase of ["simulating", "fitting"]) {
    const controller = new AbortController();
    let step = 0;
    const onProgress = (p: SurrogateProgress): void => {
      if (p.phase !== phase) return;
      step = p.step;
      controller.abort();
    };
    const error = await rejection(surrogate(outside, { ...quick, onProgress, signal: controller.signal }));
    assert.is(error, controller.signal.reason);
    assert.is(error.name, "AbortError");
    assert.ok(step < 3000, `${phase}: step ${step}`);
  }
  const enough = new Error("enough");
  assert.is(await rejection(surrogate(curved, { signal: AbortSignal.abort(enough) })), enough);
});

test("dropped simulations are neither fitted nor used in the error, and are reported once", async () => {
  let failed = 0;
  const partial = defineProblem({
    name: "partial",
    prior: normal([0, 0], 1),
    data: ["first", "sum"],
    noise: gaussianNoise(0.5),
    simulate: {
      run: (rows) =>
        rows.map(([a, b]) => {
          if (a <= 0.5) return [a + 5, a + b];
          failed++;
          return [Number.NaN, 0];
        }),
      failures: "drop",
    },
  });
  const told: string[] = [];
  const made = await surrogate(partial, { ...quick, onWarning: (message) => told.push(message) });
  assert.equal(told, [
    `surrogate: ${failed} of 5536 simulations failed and were dropped: the fit and its error are valid only where "partial" can be simulated`,
  ]);
  // A share of .309 of θ ~ N(0, 1) fails.
  assert.ok(Math.abs(made.error.count / 512 - 0.691) < 5 * Math.sqrt((0.309 * 0.691) / 512), `${made.error.count}`);
  assert.ok(made.error.max < 0.1, `${made.error.max}`);
  const [first, sum] = await predict(made, [0, 0]);
  assert.ok(Math.abs(first - 5) < 0.05 && Math.abs(sum) < 0.05, `${first}, ${sum}`);
});

test("a lost device causes a warning, and the fit continues on wasm; one that was named ends it", async () => {
  const short = { ...quick, bank: 200, steps: 100 };
  const losing = () => {
    let lost = false;
    return (p: SurrogateProgress): void => {
      if (lost || p.phase !== "fitting" || p.step < 20) return;
      lost = true;
      throw new DeviceLost("webgpu: the device was lost (unplugged); use another");
    };
  };
  const told: string[] = [];
  const onWarning = (message: string): void => void told.push(message);
  const made = await surrogate(curved, { ...short, onProgress: losing(), onWarning });
  assert.is(told.length, 1);
  assert.match(told[0], /^backend: wasm computes from step \d+ on, because webgpu: the device was lost \(unplugged\)$/);
  const plain = { kernels: "plain" } as const;
  assert.equal(
    await predict(made, [0.1, 0.2], plain),
    await predict(await surrogate(curved, short), [0.1, 0.2], plain),
  );
  const error = await rejection(surrogate(curved, { ...short, backend: "wasm", onProgress: losing() }));
  assert.instance(error, DeviceLost);
});

/** A problem whose data hold their noise. */
const noisyInside = defineProblem({
  name: "noisy-inside",
  prior: normal([0, 0], 1),
  data: 2,
  simulate: (thetas) => thetas,
  noise: null,
});

test("wrong use is refused with what was expected and what came", async () => {
  const list: [Promise<unknown>, RegExp][] = [
    [
      surrogate(noisyInside),
      /^surrogate: expected a problem with a noise model, got "noisy-inside" with noise: null.*without a surrogate$/,
    ],
    [surrogate({} as never), /^surrogate: expected a problem, .*got an object/],
    [surrogate(curved, { step: 3 } as never), /^surrogate: expected options bank, .*; got "step"$/],
    [surrogate(curved, { steps: 0 }), /^surrogate: expected steps to be a whole number from 1 to 100000000, got 0$/],
    [surrogate(curved, { bank: 10 }), /^surrogate: expected bank to be a whole number from 64 to .*, got 10$/],
    [surrogate(curved, { hidden: 2.5 }), /^surrogate: expected hidden to be .*got 2.5$/],
    [surrogate(curved, { rate: -1 }), /^surrogate: expected rate to be a finite number above 0, got -1$/],
    [surrogate(curved, { widen: 0.5 }), /^surrogate: expected widen to be a finite number of at least 1, got 0.5$/],
    [surrogate(curved, { seed: 0.5 }), /^surrogate: expected seed to be a whole number, got 0.5$/],
    [surrogate(curved, { proposal: normal(0, 1) }), /^surrogate: expected a proposal of 2 parameters, got 1$/],
    [surrogate(curved, { proposal: 3 as never }), /^surrogate: expected proposal to be a distribution/],
  ];
  for (const [promise, message] of list) assert.match((await rejection(promise)).message, message);
  assert.throws(
    () => defineProblem({ ...spec(curved), parent: 3 as never }),
    /^curved: expected parent to be a problem/,
  );
});

const spec = ({ name, prior, noise, forward }: Problem) => ({ name, prior, noise, forward });

test("simulations that are not finite, and data that do not depend on the parameters, are refused", async () => {
  const broken = defineProblem({
    ...spec(curved),
    forward: (theta) => log(sub(slice(theta, 0, 1), 0.5)),
    noise: gaussianNoise(1),
  });
  assert.match(
    (await rejection(surrogate(broken, quick))).message,
    /^surrogate: expected finite data of "curved" for θ = .*, row \d+ of 4000, got (NaN|-Infinity) in column 1; check "curved"/,
  );
  const flat = defineProblem({
    ...spec(curved),
    forward: (theta) => mul(slice(theta, 0, 1), 0),
    noise: gaussianNoise(1),
  });
  assert.match(
    (await rejection(surrogate(flat, quick))).message,
    /expected data that depend on the parameters of "curved"/,
  );
});

test.run();
