// Corrections by a simulator: with a noise model its likelihood is known, and weights need no derivatives.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { normal } from "../src/distributions/normal.ts";
import { infer } from "../src/infer/infer.ts";
import { defineProblem, type ProblemSpec } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import type { Simulator, SimulatorSpec } from "../src/problem/simulator.ts";
import { correct } from "../src/sampling/correct.ts";
import { load, toBytes } from "../src/store/store.ts";
import { surrogate } from "../src/surrogate/surrogate.ts";
import { train } from "../src/train/train.ts";
import { gaussianPosterior } from "./helpers/guides.ts";
import { rejection, small } from "./helpers/maps.ts";

const kernels = "plain";
const y = Float64Array.of(0.9, -1.4, 0.3);
/** A normal distribution near the posterior, wider than it. */
const guess = (mean = [0.8, -1.3]) => gaussianPosterior(y, Float64Array.from(mean), Float64Array.of(0.12, 0, 0, 0.3));
const source = (problem: Problem, posterior = guess()) => ({
  owner: problem.name,
  problem,
  D: problem.D,
  posterior,
  backend: { kernels } as const,
});

/** `small` with a simulator in place of its forward model. */
const model: Simulator = (thetas) => thetas.map(([a, b]) => [a, b, 0.5 * a * a]);
const simulated = (simulate: Simulator | SimulatorSpec = model, noise: ProblemSpec["noise"] = small.noise): Problem =>
  defineProblem({ name: "simulated", prior: small.prior, data: 3, noise, simulate });
const inOps = (noise: ProblemSpec["noise"] = small.noise): Problem =>
  defineProblem({ name: "ops", prior: small.prior, noise, forward: small.forward });

test("weights by a simulator are those by the same model in ops, for two kinds of noise and in several calls", async () => {
  for (const [noise, how] of [
    [small.noise, model],
    [studentNoise({ scale: 0.3, degrees: 4 }), model],
    [
      gaussianNoise(0.4),
      { run: async (t: Float64Array[]) => (model as (t: Float64Array[]) => number[][])(t), batch: 100, concurrency: 3 },
    ],
  ] as const) {
    const options = { method: "psis", draws: 1024, seed: 3 } as const;
    const a = await correct(source(simulated(how as Simulator, noise)), options);
    const b = await correct(source(inOps(noise)), options);
    assert.ok(a.ess > 300 && (a.kHat as number) < 0.7 && a.warning === undefined, `${a.note}`);
    // Data of a simulator are rounded to single precision: 6e-8 of about 1, over a noise sd of 0.3.
    for (const key of ["mean", "sd"] as const)
      for (const [d, v] of a[key].entries()) assert.ok(Math.abs(v - b[key][d]) < 1e-5, `${key} ${v}, ${b[key][d]}`);
    assert.ok(Math.abs(a.logEvidence - b.logEvidence) < 1e-4);
    const at = [1, -1, 0.5, -2];
    const [p, q] = [await a.logProb(at), await b.logProb(at)];
    assert.ok(
      p.every((v, i) => Math.abs(v - q[i]) < 1e-4),
      `${p}, ${q}`,
    );
    assert.is(a.evaluations, 1024);
  }
});

test("parameters that cannot be simulated have no weight, where failures are dropped", async () => {
  const run: Simulator = (t) => t.map(([a, b]) => (a > 0.7 ? [Number.NaN, 0, 0] : [a, b, 0.5 * a * a]));
  const c = await correct(source(simulated({ run, failures: "drop" })), { method: "psis", draws: 1024 });
  assert.ok(c.draws.every((v, k) => k % 2 === 1 || v <= 0.7));
  assert.match(c.note, /; \d+ of them have no density, because their data are not finite$/);
  const stopped = await rejection(correct(source(simulated(run)), { method: "psis" }));
  assert.match(stopped.message, /^simulate: expected data for θ = \(.*, row \d+ of 1024, got NaN in column 1/);
});

test("without derivatives there are no chains: weights that are not trusted say so", async () => {
  const c = await correct(source(simulated(), guess([3, -1.3])), {});
  assert.is(c.method, "psis");
  assert.match(c.note, /chains need derivatives: "simulated" has none$/);
  assert.match(c.warning ?? "", /a guide that is trained longer/);
  const refused = await rejection(correct(source(simulated()), { method: "nuts" }));
  assert.match(refused.message, /^nuts: expected a problem with a forward model written with ops, got "simulated"/);
  for (const problem of [
    simulated(model, null),
    defineProblem({ name: "pairs", prior: small.prior, data: 3, noise: small.noise }),
  ])
    assert.match(
      (await rejection(correct(source(problem), {}))).message,
      /^correct: expected a problem with a forward model or a simulator, and a noise model, got .*and so no likelihood/,
    );
});

test("a model of a surrogate, read from its file, is corrected to the problem that the surrogate stands for", async () => {
  const quick = { kernels, seed: 1, bank: 2000, heldOut: 64 } as const;
  let calls = 0;
  const counted: Simulator = (thetas, call) => {
    calls += thetas.length;
    return model(thetas, call);
  };
  for (const parent of [simulated(counted), inOps()]) {
    const stand = await surrogate(parent, { ...quick, hidden: 16, steps: 300, onWarning: () => {} });
    const map = await train(stand, { ...quick, guide: "gaussian", steps: 400, batch: 64, rate: 3e-3 });
    if (parent.simulate !== null)
      assert.ok(calls < 5000, `a training through a surrogate calls no simulator: ${calls}`);
    const bytes = toBytes(map);
    const known = await (await infer(await load(bytes, { problem: parent, kernels }), y)).correct({ method: "psis" });
    const given = await (await infer(await load(bytes, { kernels }), y)).correct({ method: "psis", problem: parent });
    const atOnce = await (await infer(map, y)).correct({ method: "psis" });
    const want = await correct(source(parent), { method: "psis", draws: 40_000 });
    for (const c of [known, given, atOnce]) {
      assert.is(c.problem, parent);
      c.mean.forEach((v, d) => {
        const error = 4.5 * want.sd[d] * Math.sqrt(1 / c.ess + 1 / want.ess);
        assert.ok(
          c.ess > 50 && Math.abs(v - want.mean[d]) < error,
          `${parent.name}: ${c.mean} for ${want.mean}, ${c.note}`,
        );
      });
    }
    const other = defineProblem({
      name: parent.name,
      prior: normal([0, 0], 1),
      data: 3,
      noise: small.noise,
      simulate: model,
    });
    assert.match(
      (await rejection(load(bytes, { problem: other, kernels }))).message,
      /^load: .*the log-prior at 8 fixed/,
    );
  }
});

test.run();
