// slow (9 s): chains from bad starts, and an evaluation of them
// Chains from a posterior that is far off start at the modes, and cost about what they cost from Laplace's approximation.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { oscillator } from "../../bench/oscillator.ts";
import { ksPerParameter } from "../../src/diagnostics/ks.ts";
import { gaussianNoise } from "../../src/distributions/noise/gaussian.ts";
import { normal } from "../../src/distributions/normal.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { square } from "../../src/graph/build.ts";
import { spline } from "../../src/guides/spline.ts";
import { infer } from "../../src/infer/infer.ts";
import { laplace } from "../../src/infer/laplace.ts";
import { normalAt } from "../../src/numbers/random.ts";
import { gaussianSummary, makePosterior, type Posterior } from "../../src/posterior/posterior.ts";
import { defineProblem } from "../../src/problem/define.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { arm, rod } from "../../src/problems.ts";
import { correct } from "../../src/sampling/correct.ts";
import { drawMixture, logDetOf, logMixture, type Mixture } from "../../src/sampling/mixture.ts";
import { nuts } from "../../src/sampling/nuts.ts";
import { Stream } from "../../src/sampling/stream.ts";
import { simulate } from "../../src/simulate/simulate.ts";
import { train } from "../../src/train/train.ts";

const kernels = "plain";
const quiet = { kernels, onWarning: () => {} } as const;

async function dataOf(problem: Problem, seed: number): Promise<Float64Array> {
  const { noisy } = await simulate(problem, 1, { seed, kernels });
  return Float64Array.from(noisy);
}

/** Independent normals, of the prior's mean and `scale` times its sd, away by `shift` sd: no posterior. */
function guessed(problem: Problem, y: Float64Array, scale: number, shift: number): Posterior {
  const { D, prior } = problem;
  const [mean, sd] = [prior.mean.map((m, d) => m + shift * prior.sd[d]), prior.sd.map((s) => scale * s)];
  const covariance = Float64Array.from({ length: D * D }, (_, k) => (k % (D + 1) === 0 ? sd[k % D] ** 2 : 0));
  return makePosterior({
    prior,
    y,
    summary: gaussianSummary(mean, covariance),
    warning: undefined,
    draw: async (count, seed) =>
      Float32Array.from({ length: count * D }, (_, k) => mean[k % D] + sd[k % D] * normalAt(seed, 77, 0, k, 0)),
    density: async (theta, count) =>
      Float64Array.from({ length: count }, (_, s) => {
        let sum = 0;
        for (let d = 0; d < D; d++)
          sum -= 0.5 * ((theta[s * D + d] - mean[d]) / sd[d]) ** 2 + Math.log(sd[d] * Math.sqrt(2 * Math.PI));
        return sum;
      }),
  });
}

for (const [name, problem, scale, shift] of [
  ["the prior in place of the oscillator's posterior", oscillator, 1, 0],
  ["a point far from the oscillator's posterior", oscillator, 0.02, 3],
  ["the prior in place of the rod's posterior", rod, 1, 0],
] as const)
  test(`${name} is no start: chains begin at the modes, and cost at most half more than from Laplace`, async () => {
    const y = await dataOf(problem, 4);
    const alone = await nuts(problem, y, { kernels, start: await laplace(problem, y, { kernels }) });
    const guess = guessed(problem, y, scale, shift);
    const p = await nuts(problem, y, { kernels, start: guess });
    assert.is(p.diagnostics.origin, "laplace");
    assert.ok(p.diagnostics.rHat < 1.01, `${p.diagnostics.rHat}`);
    const times = p.diagnostics.evaluations / alone.diagnostics.evaluations;
    assert.ok(times < 1.5, `${times}`);
    const ks = ksPerParameter(p.draws, alone.draws, problem.D);
    assert.ok(Math.max(...ks) < 1.95 * Math.sqrt(1 / p.diagnostics.essBulk + 1 / alone.diagnostics.essBulk), `${ks}`);
    assert.not.match(p.warning ?? "", /start from a guide/);
  });

test("an untrained flow is left for the parameters, where its noise is slow; a posterior that is near is not left", async () => {
  const guide = spline({ bins: 4, embedding: [16], hidden: [16] });
  const map = await train(oscillator, { ...quiet, guide, steps: 1 });
  const y = await dataOf(oscillator, 5);
  const c = await (await infer(map, y, { kernels })).correct({ budget: 1000 });
  assert.is(c.diagnostics?.origin, "laplace");
  assert.match(
    c.note,
    /which is unreliable, so NUTS: .* started at the modes, because the posterior is far off, R̂ 1\.00/,
  );
  const exact = oscillator.exact?.(y, 20_000, 3) as Float32Array;
  const ks = ksPerParameter(c.draws, exact, 3);
  assert.ok(Math.max(...ks) < 1.95 * Math.sqrt(1 / c.ess + 1 / 20_000), `${ks}`);
  const near = await nuts(oscillator, y, { kernels, draws: 50, start: await laplace(oscillator, y, { kernels }) });
  assert.is(near.diagnostics.origin, "posterior");
});

test("where both weights are poor a pilot chooses, the same whatever chains run beside", async () => {
  const y = await dataOf(arm, 6);
  const start = guessed(arm, y, 1, 0);
  const options = { kernels, start, warmup: 30, draws: 20 } as const;
  const two = await nuts(arm, y, { ...options, chains: 2 });
  const six = await nuts(arm, y, { ...options, chains: 6 });
  for (const c of [0, 1]) assert.equal(two.chains[c], six.chains[c]);
});

test("both modes are found by chains from a posterior that knows one", async () => {
  const two = defineProblem({
    name: "two",
    prior: normal(0, 1),
    forward: (t) => square(t),
    noise: gaussianNoise(0.02),
  });
  const y = Float64Array.of(1);
  for (const shift of [2.5, -2.5, 0]) {
    const p = await nuts(two, y, { kernels, start: guessed(two, y, 0.05, shift) });
    assert.is(p.diagnostics.origin, "laplace");
    const share = p.draws.filter((x) => x > 0).length / p.draws.length;
    assert.ok(Math.abs(share - 0.5) < 0.05 && p.diagnostics.rHat < 1.01, `${share}, R̂ ${p.diagnostics.rHat}`);
  }
});

test("a guide whose sd is half of the right one is corrected to the exact posterior by auto", async () => {
  for (const seed of [7, 8, 9]) {
    const y = await dataOf(oscillator, seed);
    const { mean, covariance, sample, logProb } = await laplace(oscillator, y, { kernels });
    const about = (theta: ArrayLike<number>, t: number) =>
      Float64Array.from(theta, (x, k) => mean[k % 3] + t * (x - mean[k % 3]));
    const posterior = makePosterior({
      prior: oscillator.prior,
      y,
      summary: gaussianSummary(
        mean,
        covariance.map((v) => v / 4),
      ),
      warning: undefined,
      draw: async (count, own) => Float32Array.from(about(await sample(count, { seed: own }), 0.5)),
      density: async (theta) => (await logProb(about(theta, 2))).map((l) => l + 3 * Math.LN2),
    });
    const { name, D } = oscillator;
    const c = await correct({ owner: name, problem: oscillator, D, posterior, backend: { kernels } });
    const ks = ksPerParameter(await c.sample(1000), oscillator.exact?.(y, 20_000, 3) as Float32Array, 3);
    assert.ok(Math.max(...ks) < 1.95 * Math.sqrt(1 / 1000 + 1 / 1000 + 1 / 20_000), `${seed}: ${ks}, ${c.note}`);
  }
});

test("an evaluation of a bad map against chains is no slower for it", async () => {
  const guide = spline({ bins: 4, embedding: [16], hidden: [16] });
  const cold = defineProblem({ ...pick(oscillator), exact: undefined });
  const map = await train(cold, { ...quiet, guide, steps: 1 });
  const begun = process.cpuUsage();
  const { against } = await evaluate(map, { cases: 3, calibration: 20, draws: 200 });
  const { user } = process.cpuUsage(begun);
  assert.is(against.name, "nuts");
  assert.ok(user < 8e6, `${user / 1e6} s`); // 1000 draws of three posteriors from Laplace take .3 s
});

const pick = ({ name, parameters, prior, forward, noise }: Problem) => ({
  name,
  parameters,
  prior,
  noise,
  forward: forward as NonNullable<Problem["forward"]>,
});

test("draws of a mixture have its density", () => {
  const part = (w: number, m: number, l: number) => {
    const factor = Float64Array.of(l);
    return { mean: Float64Array.of(m), factor, logHeight: Math.log(w) - logDetOf(factor) };
  };
  const mixture: Mixture = [part(0.6, -1, 0.5), part(0.3, 2, 1), part(0.1, 5, 0.2)];
  const stream = new Stream(3, 9, 0);
  const z = new Float64Array(1);
  // E 1/g over draws within [−3, 6] is the length of it, which holds the draws but for 1e-5.
  let [sum, N] = [0, 40_000];
  for (let s = 0; s < N; s++) {
    stream.goTo(s);
    drawMixture(mixture, stream, z);
    const g = Math.exp(logMixture(mixture, z)) / Math.sqrt(2 * Math.PI);
    if (z[0] > 0 && z[0] < 3) sum += 1 / g / N;
  }
  assert.ok(Math.abs(sum - 3) < 0.1, `${sum}`);
});

test.run();
