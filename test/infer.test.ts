// Inference: the answers of a posterior, for one observation and for many, ordinary ones and outliers.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Executor, RunOptions } from "../src/backends/backend.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { mul } from "../src/graph/build.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { type GuideName, guideNames } from "../src/guides/index.ts";
import { infer } from "../src/infer/infer.ts";
import { type InverseMap, makeInverseMap } from "../src/model/model.ts";
import { quantileOf } from "../src/numbers/moments.ts";
import type { Posterior } from "../src/posterior/posterior.ts";
import { defineProblem } from "../src/problem/define.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { load, toBytes } from "../src/store/store.ts";
import { train } from "../src/train/train.ts";
import { rejection, small } from "./helpers/maps.ts";
import { smallGuide } from "./helpers/small-guides.ts";

const [D, M] = [2, 3];
const maps = {} as Record<GuideName, InverseMap>;
const usual = [0.6, -0.9, 0.25];

const later = { worker: true, moments: false } as const;
test("moments are computed when they are read; in a worker, when asked for, and are then the same", async () => {
  const at = await infer(maps.spline, usual);
  for (const name of ["mean", "sd", "covariance", "draws"])
    assert.type(Object.getOwnPropertyDescriptor(at, name)?.get, "function", name);
  const posterior = await infer(maps.spline, usual, later);
  const refused = /^infer: expected "await posterior.summary\(\)" before mean, sd, .* because of moments: false$/;
  for (const read of [() => posterior.mean, () => posterior.quantile(0.5), () => posterior.draws])
    assert.throws(read, refused);
  assert.is((await posterior.sample(3)).length, 3 * D, "draws need no moments");
  const { mean, draws } = await posterior.summary();
  assert.equal(draws, at.draws);
  assert.equal(mean, at.mean);
  assert.equal(posterior.quantile(0.1), at.quantile(0.1));
  assert.equal((await infer(maps.spline, usual, { worker: true })).covariance, at.covariance, "as without the option");
});

test("draws are made when they are read, no more than are needed, and once; corrections share them", async () => {
  const map = maps.spline;
  const executor = await map.executor("posterior");
  const asked: number[] = []; // rows of each run of the program of draws
  const note = (plan: string, { rows }: RunOptions): void => void (plan === "sample" && asked.push(rows));
  const counted: Executor = Object.assign(Object.create(executor), {
    run: (plan: string, o: RunOptions) => {
      note(plan, o);
      return executor.run(plan, o);
    },
    runNow: (plan: string, o: RunOptions) => {
      note(plan, o);
      return executor.runNow?.(plan, o);
    },
  });
  const watched: InverseMap = {
    ...map,
    executor: (name, o) => (name === "posterior" ? counted : map.executor(name, o)) as Promise<Executor>,
  };
  const posterior = await infer(watched, usual);
  await posterior.logProb([0.5, -1]);
  assert.equal(asked, [], "neither inference nor a density draws");
  const corrected = await posterior.correct({ method: "psis", draws: 2048 });
  assert.equal(asked, [2048]);
  assert.equal((await posterior.correct({ method: "psis", draws: 2048 })).draws, corrected.draws);
  assert.equal(asked, [2048], "kept");
  const { mean, sd } = posterior;
  assert.equal([posterior.quantile(0.1).length, mean.length, sd.length], [D, D, D]);
  assert.equal(asked, [2048, 4096]);
  // The first draws are the same whether 2048 or 4096 are made, and so are their weights.
  const after = await posterior.correct({ method: "psis", draws: 2048 });
  assert.equal(asked, [2048, 4096], "shared");
  assert.equal(after.draws, corrected.draws);
  assert.is(after.kHat, corrected.kHat);
  assert.equal(mean, (await infer(map, usual)).mean);
});

test.before(async () => {
  for (const name of guideNames) {
    maps[name] = await train(small, {
      guide: smallGuide(name, { width: 16, most: 6 }),
      steps: 300,
      batch: 128,
      rate: 5e-3,
      heldOut: 1024,
      seed: 1,
      kernels: "plain",
    });
  }
});

const moments = (draws: Float32Array): { mean: number[]; covariance: number[] } => {
  const S = draws.length / D;
  const column = (d: number): number[] => Array.from({ length: S }, (_, s) => draws[s * D + d]);
  const mean = [0, 1].map((d) => column(d).reduce((a, b) => a + b, 0) / S);
  const covariance = [0, 1, 2, 3].map((k) => {
    const [i, j] = [k >> 1, k & 1];
    const other = column(j);
    return column(i).reduce((sum, x, s) => sum + ((x - mean[i]) * (other[s] - mean[j])) / (S - 1), 0);
  });
  return { mean, covariance };
};

for (const name of guideNames) {
  test(`a ${name} posterior's mean, sd, covariance and quantiles are those of its draws`, async () => {
    const posterior = await infer(maps[name], usual);
    const S = 20_000;
    const draws = await posterior.sample(S, { seed: 9 });
    assert.instance(draws, Float32Array);
    assert.is(draws.length, S * D);
    const found = moments(draws as Float32Array);
    // Standard errors of S draws, and of the 4096 that the flows' own numbers are made of; 4.5 of them are allowed.
    const n = maps[name].closedForm ? S : 1 / (1 / S + 1 / 4096);
    assert.is(maps[name].closedForm, name === "gaussian");
    for (let i = 0; i < D; i++) {
      const { sd, covariance, mean } = posterior;
      assert.ok(Math.abs(sd[i] - Math.sqrt(covariance[i * D + i])) < 1e-12);
      assert.ok(Math.abs(mean[i] - found.mean[i]) < (4.5 * sd[i]) / Math.sqrt(n), `mean ${i}`);
      for (let j = 0; j < D; j++) {
        // √((1 + ρ²)/n) of a Gaussian, doubled for the heavier tails of flows.
        const error = 2 * sd[i] * sd[j] * Math.sqrt(2 / n);
        assert.ok(Math.abs(covariance[i * D + j] - found.covariance[i * D + j]) < 4.5 * error, `covariance ${i}, ${j}`);
        assert.is(covariance[i * D + j], covariance[j * D + i]);
      }
    }
    for (const p of [0.05, 0.25, 0.5, 0.75, 0.95]) {
      posterior.quantile(p).forEach((q, d) => {
        let below = 0;
        for (let s = 0; s < S; s++) below += Number(draws[s * D + d] <= q) / S;
        assert.ok(Math.abs(below - p) < 4.5 * Math.sqrt((p * (1 - p)) / n), `quantile ${p} of ${d}: ${below}`);
      });
    }
  });

  test(`one seed gives a ${name} posterior the same draws, another seed others`, async () => {
    const posterior = await infer(maps[name], usual);
    const first = await posterior.sample(100, { seed: 7 });
    assert.equal(await posterior.sample(100, { seed: 7 }), first);
    assert.equal((await posterior.sample(50, { seed: 7 })).slice(0, 8), first.slice(0, 8));
    assert.equal(await posterior.sample(100), await posterior.sample(100, { seed: 0 }));
    const other = await posterior.sample(100, { seed: 8 });
    assert.ok(other.every((x, i) => x !== first[i]));
  });

  test(`the log-density of a ${name} posterior has an integral of 1, and draws find it: flat and in rows`, async () => {
    const posterior = await infer(maps[name], usual);
    const side = 300;
    const [low, width] = [posterior.mean.map((m, d) => m - 9 * posterior.sd[d]), posterior.sd.map((s) => 18 * s)];
    const theta = new Float64Array(2 * side * side);
    for (let k = 0; k < side * side; k++) {
      theta[2 * k] = low[0] + (width[0] * ((k % side) + 0.5)) / side;
      theta[2 * k + 1] = low[1] + (width[1] * (Math.floor(k / side) + 0.5)) / side;
    }
    const logq = await posterior.logProb(theta);
    assert.instance(logq, Float64Array);
    const integral = (logq.reduce((sum, l) => sum + Math.exp(l), 0) * width[0] * width[1]) / side ** 2;
    assert.ok(Math.abs(integral - 1) < 5e-3, `${integral}`); // kinks of the log-density, and tails beyond 9 sd
    const rows = [Array.from(theta.subarray(0, 2)), theta.subarray(2, 4)];
    assert.equal(await posterior.logProb(rows), logq.slice(0, 2));
    // The entropy by draws agrees with that on the grid: sd(log q) is near 1, so 4.5 standard errors are 4.5/√4000.
    const draws = await posterior.sample(4000, { seed: 3 });
    const entropy = -(await posterior.logProb(draws)).reduce((a, b) => a + b, 0) / 4000;
    const cell = (width[0] * width[1]) / side ** 2;
    const exact = -logq.reduce((sum, l) => sum + (l > -80 ? l * Math.exp(l) * cell : 0), 0);
    assert.ok(Math.abs(entropy - exact) < 4.5 * Math.sqrt(1.5 / 4000) + 0.01, `${entropy}, ${exact}`);
  });

  test(`many observations at once give the ${name} posteriors of single ones`, async () => {
    const { noisy } = await simulate(small, 21, { seed: 5 });
    const rows = Array.from({ length: 21 }, (_, i) => noisy.subarray(M * i, M * (i + 1)));
    const together = await infer(maps[name], rows, { draws: 256 });
    assert.is(together.length, 21);
    for (const i of [0, 7, 20]) {
      const alone = await infer(maps[name], rows[i], { draws: 256 });
      assert.equal(together[i].y, Float64Array.from(rows[i]));
      assert.is(together[i].distance, alone.distance);
      assert.equal(await together[i].sample(20, { seed: 2 }), await alone.sample(20, { seed: 2 }));
      assert.equal(await together[i].logProb([0.5, -1]), await alone.logProb([0.5, -1]));
      if (!maps[name].closedForm) continue; // flows draw their 256 by the row's place in the list
      assert.equal(together[i].mean, alone.mean);
      assert.equal(together[i].covariance, alone.covariance);
    }
  });
}

test("one observation gives one posterior, a list of one gives a list", async () => {
  const single = await infer(maps.gaussian, Float32Array.from(usual));
  const list = await infer(maps.gaussian, [usual]);
  assert.is(list.length, 1);
  assert.equal(list[0].mean, (await infer(maps.gaussian, list[0].y)).mean);
  assert.ok(Math.abs(single.mean[0] - list[0].mean[0]) < 1e-6);
  assert.is(list[0].map, maps.gaussian);
});

test("quantiles of a Gaussian posterior are exact", async () => {
  const { mean, sd, quantile } = await infer(maps.gaussian, usual);
  const z = 1.6448536269514722; // the 95 % quantile of the standard normal distribution
  for (let d = 0; d < D; d++) {
    assert.ok(Math.abs(quantile(0.95)[d] - (mean[d] + z * sd[d])) < 1e-12);
    assert.ok(Math.abs(quantile(0.05)[d] - (mean[d] - z * sd[d])) < 1e-12);
  }
  assert.equal(quantile(0.5), mean);
});

test("data like the simulated ones carry no warning, and their distances are spread as those of the simulations", async () => {
  const N = 400;
  const { noisy } = await simulate(small, N, { seed: 1234 });
  const posteriors = await infer(
    maps.gaussian,
    Array.from({ length: N }, (_, i) => noisy.subarray(M * i, M * (i + 1))),
  );
  // One in 133 is warned of, by a quantile that is known from 1024 held-out ones: 4.5 standard errors.
  const warned = posteriors.filter((p) => p.warning !== undefined).length;
  assert.ok(Math.abs(warned - N / 133) < 4.5 * Math.sqrt((N / 133) * (1 + N / 1024)), `${warned}`);
  const mean = posteriors.reduce((sum, p) => sum + p.distance / N, 0);
  assert.ok(mean > 0.6 && mean < 1.6, `${mean}`);
  const share = posteriors.filter((p) => p.farther < 0.5).length / N;
  assert.ok(Math.abs(share - 0.5) < 4.5 * Math.sqrt(0.25 / N + 0.25 / 1024), `${share}`);
});

test("a model file from before there was a choice of distance is read, and measures by whitening", async () => {
  const { spec, tensors: all } = maps.gaussian;
  const kept = Object.entries(all).filter(([name]) => !name.startsWith("distance."));
  const data = Float32Array.of(0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5, -0.5, 0, 0); // (M + 1, M): ½(y − (1, 0, 0))
  const { distance, ...older } = spec;
  assert.is(distance, "relations");
  const whitening = { shape: [M + 1, M] as const, data };
  const tensors = { ...Object.fromEntries(kept), "distance.whitening": whitening };
  const made = await makeInverseMap({ ...older, distances: [0.1, 1, 4] }, tensors, null, { kernels: "plain" });
  const again = await load(toBytes(made), { kernels: "plain" });
  const [near, far] = await infer(again, [
    [2, 0, 1],
    [1, 8, 0],
  ]);
  assert.ok(Math.abs(near.distance - 0.5) < 1e-6 && Math.abs(near.farther - 2 / 3) < 1e-12);
  assert.ok(Math.abs(far.distance - 16) < 1e-5 && far.farther === 0);
  assert.match(far.warning ?? "", /^the observation is 2.01 times as far/);
  assert.equal(near.mean, (await infer(maps.gaussian, [2, 0, 1])).mean);
});

test("a datum far from everything simulated is answered, with a warning that says how far", async () => {
  const far = await infer(maps.spline, [300, -200, 100]);
  assert.is(far.farther, 0);
  assert.match(
    far.warning ?? "",
    /^the observation is \d+\.\d\d times as far from the simulations as 99 % of small's held-out ones are at most/,
  );
  const [ratio] = /[\d.]+/.exec(far.warning ?? "") ?? [];
  const farthest = quantileOf(maps.spline.spec.distances, 0.9925);
  assert.ok(Math.abs(Number(ratio) - Math.sqrt(far.distance / farthest)) < 0.01 && Number(ratio) > 10);
  for (const x of [...far.mean, ...far.covariance, ...far.quantile(0.1), ...(await far.sample(100))])
    assert.ok(Number.isFinite(x));
  const mixed = await infer(maps.spline, [usual, [300, -200, 100], usual]);
  assert.equal(
    mixed.map((p) => p.warning !== undefined),
    [false, true, false],
  );
});

test("outside of the prior's support the density of a posterior is zero", async () => {
  const problem = defineProblem({
    name: "box",
    prior: uniform([0.1, 0], [0.3, 1]),
    forward: (theta) => mul(theta, 1),
    noise: gaussianNoise(0.2),
  });
  const map = await train(problem, {
    guide: gaussian({ hidden: [] }),
    steps: 50,
    batch: 64,
    heldOut: 64,
    kernels: "plain",
  });
  assert.not.ok(map.closedForm); // normal on the logit scale, not in the box
  const posterior = await infer(map, [0.2, 0.5]);
  const logq = await posterior.logProb([
    [0.2, 0.5],
    [0.31, 0.5],
    [0.2, -1e-9],
    [0.3, 1],
    [0.1, 0],
  ]);
  assert.equal(
    Array.from(logq, (l) => l > Number.NEGATIVE_INFINITY),
    [true, false, false, true, true],
  );
});

const refused: readonly [string, () => Promise<unknown>, RegExp][] = [
  ["a short observation", () => infer(maps.gaussian, [1, 2]), /^y: expected 3 numbers, got 2$/],
  ["an empty observation", () => infer(maps.gaussian, []), /^y: expected 3 numbers, got 0$/],
  [
    "a row of another length",
    () => infer(maps.gaussian, [usual, usual, [1, 2, 3, 4]]),
    /^y, row 3: expected 3 numbers, got 4$/,
  ],
  ["a row that is no row", () => infer(maps.gaussian, [usual, 5 as never]), /^y, row 2: expected 3 numbers, got 5$/],
  [
    "NaN",
    () => infer(maps.gaussian, [1, Number.NaN, 2]),
    /^y: expected finite numbers, got NaN in column 2; data may be missing where the map was trained with the option missing$/,
  ],
  [
    "an infinite number in a row",
    () => infer(maps.gaussian, [usual, [1, 2, Number.POSITIVE_INFINITY]]),
    /^y, row 2: expected finite numbers, got Infinity in column 3$/,
  ],
  [
    "a word for a number",
    () => infer(maps.gaussian, [["1", 2, 3]] as never),
    /^y: expected finite numbers, got "1" in column 1$/,
  ],
  ["no observation", () => infer(maps.gaussian, null as never), /^y: expected 3 numbers or rows of them, got null$/],
  [
    "too few draws",
    () => infer(maps.spline, usual, { draws: 1 }),
    /^infer: expected draws to be a whole number of at least 2, got 1$/,
  ],
  [
    "a seed that is not whole",
    () => infer(maps.spline, usual, { seed: 0.5 }),
    /^infer: expected seed to be a whole number, got 0.5$/,
  ],
  [
    "an unknown backend",
    () => infer(maps.spline, usual, { backend: "cuda" as never }),
    /^infer: expected backend to be one of .*, got "cuda"/,
  ],
];
for (const [what, action, message] of refused) {
  test(`infer refuses ${what}`, async () => {
    const error = await rejection(action());
    assert.match(error.message, message);
  });
}

test("a posterior refuses invalid arguments, and says what it expected", async () => {
  const posterior: Posterior = await infer(maps.gaussian, usual);
  for (const p of [0, 1, -0.1, Number.NaN]) {
    for (const each of [posterior, await infer(maps.spline, usual, { draws: 16 })]) {
      assert.throws(() => each.quantile(p), new RegExp(`^quantile: expected a level between 0 and 1, got ${p}$`));
    }
  }
  for (const count of [0, -1, 2.5, Number.NaN]) {
    assert.is(
      (await rejection(posterior.sample(count))).message,
      `sample: expected count to be a whole number of at least 1, got ${count}`,
    );
  }
  assert.is(
    (await rejection(posterior.sample(1, { seed: 1.5 }))).message,
    "sample: expected seed to be a whole number, got 1.5",
  );
  assert.is(
    (await rejection(posterior.logProb([1, 2, 3]))).message,
    "logProb: expected parameters (S, 2), got 3 numbers",
  );
  assert.is((await rejection(posterior.logProb([]))).message, "logProb: expected parameters (S, 2), got 0 numbers");
  assert.is(
    (
      await rejection(
        posterior.logProb([
          [0, 1],
          [Number.NaN, 0],
        ]),
      )
    ).message,
    "logProb: expected numbers in parameters, got NaN in row 2, column 1",
  );
});

test.run();
