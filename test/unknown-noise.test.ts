// slow (30 s): trains a map, and evaluates it
// Problems whose noise depends on the parameters, from the definition to the posterior, against exact posteriors by quadrature.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evaluate, predictiveCheck } from "../src/diagnostics.ts";
import { ar1Noise } from "../src/distributions/noise/ar1.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { likelihood } from "../src/distributions/noise/likelihood.ts";
import { mixtureNoise } from "../src/distributions/noise/mixture.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { normal } from "../src/distributions/normal.ts";
import { abs, add, concat, exp, input, mul, slice, sub } from "../src/graph/build.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import {
  gaussian,
  infer,
  laplace,
  load,
  nuts,
  type Problem,
  type ProblemSpec,
  type Simulator,
  simulate,
  surrogate,
  toBytes,
  train,
} from "../src/index.ts";
import { defineProblem } from "../src/problem/define.ts";
import { libraryUrl, retrodict, temporary } from "./helpers/cli.ts";
import { rejection } from "./helpers/maps.ts";

const kernels = "plain";
const M = 12;
/** θ = (μ, λ), y_m ~ N(μ, e^2λ). */
const forward = (theta: Tensor): Tensor => concat(...Array.from({ length: M }, () => slice(theta, 0, 1)));
const level = (theta: Tensor): Tensor => exp(slice(theta, 1, 2));
const PRIOR = { mean: [0.5, -0.5], sd: [1, 0.6] };
const define = (noise: ProblemSpec["noise"], own: Partial<ProblemSpec> = {}): Problem =>
  defineProblem({ name: "level", prior: normal(PRIOR.mean, PRIOR.sd), forward, noise, ...own });
const unknown = define((theta) => gaussianNoise(level(theta)));

interface Moments {
  readonly mean: number[];
  readonly sd: number[];
  readonly logEvidence: number;
}
/** Moments of (a, b) by a sum over a grid of ±9 prior sd, whose error is far below 1e-6 for densities as smooth as these. */
function quadrature(logJoint: (a: number, b: number) => number, count = 600, reach = 7): Moments {
  const at = (d: number, k: number): number => PRIOR.mean[d] + PRIOR.sd[d] * reach * ((2 * (k + 0.5)) / count - 1);
  const log = Float64Array.from({ length: count * count }, (_, i) =>
    logJoint(at(0, i % count), at(1, Math.floor(i / count))),
  );
  const most = log.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let mass = 0;
  const [mean, square] = [
    [0, 0],
    [0, 0],
  ];
  log.forEach((l, i) => {
    const w = Math.exp(l - most);
    mass += w;
    [i % count, Math.floor(i / count)].forEach((k, d) => {
      mean[d] += w * at(d, k);
      square[d] += w * at(d, k) ** 2;
    });
  });
  const m = mean.map((v) => v / mass);
  const cell = PRIOR.sd[0] * PRIOR.sd[1] * ((2 * reach) / count) ** 2;
  return {
    mean: m,
    sd: square.map((v, d) => Math.sqrt(v / mass - m[d] ** 2)),
    logEvidence: most + Math.log(mass * cell),
  };
}
const LOG_2PI = Math.log(2 * Math.PI);
const logNormal = (x: number, mean: number, sd: number): number =>
  -0.5 * ((x - mean) / sd) ** 2 - Math.log(sd) - LOG_2PI / 2;
const logPrior = (a: number, b: number): number =>
  logNormal(a, PRIOR.mean[0], PRIOR.sd[0]) + logNormal(b, PRIOR.mean[1], PRIOR.sd[1]);
const OBSERVED = [1.1, 0.4, 1.9, 0.8, 0.1, 1.4, 0.7, 1.2, 2.1, 0.6, 0.9, 1.3];
const exact = quadrature((a, b) => logPrior(a, b) + OBSERVED.reduce((s, y) => s + logNormal(y, a, Math.exp(b)), 0));

test("Laplace's approximation of an unknown noise level has the exact mode, and the Hessian there", async () => {
  // Stationary point and Hessian of the log posterior, by Newton's steps from formulas.
  const n = M;
  let [a, b] = [1, -0.5];
  let h = [0, 0, 0];
  for (let k = 0; k < 50; k++) {
    const w = Math.exp(-2 * b);
    const s1 = OBSERVED.reduce((s, y) => s + (y - a), 0);
    const s2 = OBSERVED.reduce((s, y) => s + (y - a) ** 2, 0);
    const g = [w * s1 - (a - PRIOR.mean[0]) / PRIOR.sd[0] ** 2, w * s2 - n - (b - PRIOR.mean[1]) / PRIOR.sd[1] ** 2];
    h = [w * n + PRIOR.sd[0] ** -2, 2 * w * s1, 2 * w * s2 + PRIOR.sd[1] ** -2];
    const det = h[0] * h[2] - h[1] ** 2;
    a += (h[2] * g[0] - h[1] * g[1]) / det;
    b += (h[0] * g[1] - h[1] * g[0]) / det;
  }
  const det = h[0] * h[2] - h[1] ** 2;
  const newton = await laplace(unknown, OBSERVED, { curvature: "newton", kernels });
  assert.ok(newton.converged && newton.warning === undefined, newton.warning);
  for (const [d, want] of [a, b].entries())
    assert.ok(Math.abs(newton.mode[d] - want) < 1e-6, `${newton.mode} for ${want}`);
  for (const [d, v] of [h[2], h[0]].entries()) assert.ok(Math.abs(newton.sd[d] / Math.sqrt(v / det) - 1) < 1e-6);
  // With Fisher's information the mode is the same, and the precision is n e^−2λ and 2 n, with that of the prior.
  const gauss = await laplace(unknown, OBSERVED, { kernels });
  for (const d of [0, 1]) assert.ok(Math.abs(gauss.mode[d] - newton.mode[d]) < 1e-6);
  const fisher = [n * Math.exp(-2 * b) + PRIOR.sd[0] ** -2, 2 * n + PRIOR.sd[1] ** -2];
  for (const [d, f] of fisher.entries()) assert.ok(Math.abs(gauss.sd[d] * Math.sqrt(f) - 1) < 1e-6);
  // What quadrature gives is off by O(1/n): the mean of λ is above its mode by 1/n, half of it from the third derivative 4n of log p
  // over twice the square of the second, and half from the width of μ; so are log-evidences and, relatively, sds.
  for (const p of [newton, gauss]) {
    for (const d of [0, 1]) {
      assert.ok(Math.abs(p.mean[d] - exact.mean[d]) < 1.5 / n, `${p.mean} for ${exact.mean}`);
      assert.ok(Math.abs(p.sd[d] / exact.sd[d] - 1) < 2 / n, `${p.sd} for ${exact.sd}`);
    }
    assert.ok(Math.abs(p.logEvidence - exact.logEvidence) < 1 / n, `${p.logEvidence} for ${exact.logEvidence}`);
  }
});

test("noise without an information takes the Hessian, and finds the same mode", async () => {
  const blind = define((theta) => ({ ...gaussianNoise(level(theta)), fisher: undefined }));
  const [p, newton] = [
    await laplace(blind, OBSERVED, { kernels }),
    await laplace(unknown, OBSERVED, { curvature: "newton", kernels }),
  ];
  assert.ok(p.converged && p.warning === undefined, p.warning);
  for (const d of [0, 1]) {
    assert.ok(Math.abs(p.mode[d] - newton.mode[d]) < 1e-6);
    assert.ok(Math.abs(p.sd[d] / newton.sd[d] - 1) < 1e-6);
  }
});

/** Whether chains agree with moments within 5 of their standard errors. */
async function chainsAgree(problem: Problem, y: readonly number[], want: Moments): Promise<void> {
  const chains = await nuts(problem, y, { chains: 4, draws: 1500, seed: 4, kernels });
  const { rHat, ess } = { rHat: chains.diagnostics.rHat, ess: 1000 };
  assert.ok(rHat < 1.02, `R̂ ${rHat}`);
  for (const d of [0, 1]) {
    assert.ok(
      Math.abs(chains.mean[d] - want.mean[d]) < (5 * want.sd[d]) / Math.sqrt(ess),
      `${chains.mean} for ${want.mean}`,
    );
    assert.ok(Math.abs(chains.sd[d] / want.sd[d] - 1) < 5 / Math.sqrt(ess), `${chains.sd} for ${want.sd}`);
  }
}

test("chains sample unknown levels of normal, relative, autoregressive and mixed noise as quadrature has them", async () => {
  await chainsAgree(unknown, OBSERVED, exact);
  const relative = define((theta, clean) => gaussianNoise(add(0.05, mul(abs(clean), level(theta)))));
  await chainsAgree(
    relative,
    OBSERVED,
    quadrature(
      (a, b) => logPrior(a, b) + OBSERVED.reduce((s, y) => s + logNormal(y, a, 0.05 + Math.abs(a) * Math.exp(b)), 0),
    ),
  );
  const PHI = 0.5;
  const series = define((theta) => ar1Noise({ sd: level(theta), correlation: PHI }));
  await chainsAgree(
    series,
    OBSERVED,
    quadrature((a, b) => {
      const s = Math.exp(b);
      return OBSERVED.reduce(
        (sum, y, m) =>
          sum +
          (m === 0 ? logNormal(y, a, s) : logNormal(y, a + PHI * (OBSERVED[m - 1] - a), s * Math.sqrt(1 - PHI ** 2))),
        logPrior(a, b),
      );
    }),
  );
  const outliers = define((theta) =>
    mixtureNoise([{ noise: gaussianNoise(level(theta)) }, { weight: 0.1, noise: gaussianNoise(5) }]),
  );
  const y = [...OBSERVED.slice(1), 9];
  await chainsAgree(
    outliers,
    y,
    quadrature((a, b) =>
      y.reduce(
        (s, v) => s + Math.log(0.9 * Math.exp(logNormal(v, a, Math.exp(b))) + 0.1 * Math.exp(logNormal(v, a, 5))),
        logPrior(a, b),
      ),
    ),
  );
});

test("simulations with noise of parameters are the same for any number of threads, and have its level", async () => {
  const options = { seed: 5, kernels } as const;
  const one = await simulate(unknown, 3000, options);
  const many = await simulate(unknown, 3000, { ...options, threads: 3 });
  assert.equal([...one.noisy], [...many.noisy]);
  // Σ_m (y − c)²/σ² has mean M and variance 2M.
  let sum = 0;
  for (let r = 0; r < 3000; r++)
    for (let m = 0; m < M; m++)
      sum += ((one.noisy[r * M + m] - one.clean[r * M + m]) / Math.exp(one.theta[2 * r + 1])) ** 2;
  assert.ok(Math.abs(sum / (3000 * M) - 1) < 5 * Math.sqrt(2 / (3000 * M)), `${sum}`);
});

test("noise that is refused: where it is defined, and where it has no density", async () => {
  const theta = input("theta", 1, { dtype: "f64" });
  const list: [() => unknown, RegExp][] = [
    [() => define((() => 3) as never), /^level: expected noise to return a noise model, got 3$/],
    [
      () => define((() => gaussianNoise([1, 2])) as never),
      /expected noise for what forward returns, 12 data, got noise for 2/,
    ],
    [
      () => define(gaussianNoise(theta)),
      /depend on theta and noise-free data alone, got an input "theta"; give noise as a function/,
    ],
    [
      () => define((t: Tensor) => gaussianNoise(t)),
      /expected noise for what forward returns, 12 data, got noise for 2/,
    ],
    [
      () => define(likelihood({ logDensity: (y) => slice(y, 0, 3) })),
      /expected logDensity to return \(B, 1\) or \(B, 12\) of type f64, got \(B, 3\) f64/,
    ],
    [
      () => define({ ...gaussianNoise(1), sd: 3 } as never),
      /expected noise to be .*, got one whose sd is 3, where a function/,
    ],
    [() => define({ ...gaussianNoise(1), streams: undefined } as never), /got one of undefined streams/],
  ];
  for (const [f, message] of list)
    assert.throws(f, (e: Error) => message.test(e.message) || assert.unreachable(e.message));
  const wrong = define((t) => gaussianNoise(slice(t, 1, 2)));
  const error = await rejection(simulate(wrong, 200, { kernels }));
  assert.match(
    error.message,
    /^simulate: expected finite noise on the data of "level" for θ = .*; check there that its sd, or scale, is above 0/,
  );
  const drawless = define(likelihood({ logDensity: (y, c) => gaussianNoise(1).logDensity(y, c) }));
  const never = await rejection(simulate(drawless, 3, { kernels }));
  assert.match(never.message, /expected draw, which was not given/);
  assert.ok((await laplace(drawless, OBSERVED, { kernels })).converged);
});

const quick = { guide: "gaussian", batch: 64, seed: 3, rate: 3e-3, kernels, onWarning: () => {} } as const;
const trained = train(unknown, { ...quick, guide: "spline", steps: 3000, bank: 20_000 });

/** Whether moments agree within `k` standard errors of `ess` independent draws. */
function near(
  p: { readonly mean: ArrayLike<number>; readonly sd: ArrayLike<number> },
  want: Moments,
  ess: number,
  k = 5,
): void {
  for (const d of [0, 1]) {
    assert.ok(Math.abs(p.mean[d] - want.mean[d]) < (k * want.sd[d]) / Math.sqrt(ess), `${p.mean} for ${want.mean}`);
    assert.ok(Math.abs(p.sd[d] / want.sd[d] - 1) < k / Math.sqrt(ess), `${p.sd} for ${want.sd}`);
  }
}

test("a map learns an unknown noise level, and weights and chains make its posterior exact", async () => {
  const map = await trained;
  const q = await infer(map, OBSERVED, { seed: 2 });
  assert.is(q.warning, undefined);
  near(q, exact, 100); // half a posterior sd: a small map after little training
  const weighted = await q.correct({ method: "psis", draws: 4000, seed: 5 });
  assert.ok(weighted.ess > 500, `${weighted.ess} of ${4000}`);
  near(weighted, exact, weighted.ess);
  near(await q.correct({ method: "nuts", seed: 6 }), exact, 400);
});

test("evaluation compares it with quadrature, and predictive checks with the noise of each draw", async () => {
  const map = await trained;
  const found = await evaluate(map, { cases: 6, draws: 1000, calibration: 60, seed: 4, kernels });
  assert.is(found.against.name, "quadrature");
  assert.match(found.against.text, /interpolated with an error of (0|\d(\.\d+)?e-\d+|0\.0\d+) noise sd/);
  // Draws that weights resample, of an ess of some hundreds, against a thousand of quadrature.
  const corrected = found.ks?.corrected?.statistics.flat() ?? [];
  assert.ok(corrected.length === 12 && Math.max(...corrected) < 0.15, `${corrected}`);
  assert.ok((found.resimulation?.guide as number) > 0.1 && (found.resimulation?.guide as number) < 1.5);
  const q = await infer(map, OBSERVED);
  const check = await predictiveCheck(unknown, q, { draws: 1000, kernels });
  assert.ok(check.pValues["chi-square"] > 0.2 && check.pValues["chi-square"] < 0.8, `${check.pValues["chi-square"]}`);
  assert.ok(Math.abs(check.misfit - 1) < 0.5, `${check.misfit}`);
  const odd = [...OBSERVED.slice(1), 9];
  const wrong = await predictiveCheck(
    unknown,
    { y: Float64Array.from(odd), sample: q.sample },
    { draws: 1000, kernels },
  );
  assert.ok(wrong.worst.datum === 11 && wrong.worst.pValue < 0.05, `${wrong.worst.datum}, ${wrong.worst.pValue}`);
});

test("a file knows the noise that its map was trained with", async () => {
  const bytes = toBytes(await trained);
  assert.ok((await load(bytes, { problem: unknown, kernels })).spec.fingerprint.noise);
  const twice = define((theta) => gaussianNoise(mul(level(theta), 1.01)));
  for (const other of [
    twice,
    define(gaussianNoise(0.6)),
    define((theta) => studentNoise({ scale: level(theta), degrees: 30 })),
  ])
    assert.match(
      (await rejection(load(bytes, { problem: other, kernels }))).message,
      /^load: the model was trained on another problem "level": the log-density of the noise at fixed data differs from that of "level"/,
    );
});

/** Half a posterior sd: what small maps reach in little time. */
const ROUGHLY = 100;

test("the ELBO, guides on Laplace's base, simulators and pairs learn it too", async () => {
  const elbo = await train(unknown, { ...quick, objective: "elbo", steps: 1500, particles: 4 });
  near(await infer(elbo, OBSERVED), exact, ROUGHLY);
  const based = await train(unknown, { ...quick, guide: gaussian({ base: "laplace" }), steps: 1000, bank: 4000 });
  near(await infer(based, OBSERVED), exact, ROUGHLY);
  const run: Simulator = (thetas) => thetas.map(([a]) => new Array<number>(M).fill(a));
  const outside = define((theta) => gaussianNoise(level(theta)), { forward: undefined, data: M, simulate: run });
  const map = await train(outside, { ...quick, steps: 2000, bank: 8000 });
  const weighted = await (await infer(map, OBSERVED)).correct({ method: "psis", seed: 5, draws: 4000 });
  near(weighted, exact, weighted.ess);
  const { theta, clean } = await simulate(unknown, 8000, { kernels, seed: 9 });
  const pairs = await train(unknown, { ...quick, steps: 2000, bank: { theta, y: clean, noise: "add" } });
  near(await infer(pairs, OBSERVED), exact, ROUGHLY);
});

test("noise sees parameters and data themselves where programs see them less an offset", async () => {
  const OFFSET = 1e6;
  const far = defineProblem({
    name: "far",
    prior: normal([PRIOR.mean[0] + OFFSET, PRIOR.mean[1] - OFFSET], PRIOR.sd),
    forward,
    // The level by θ₂, which is far from 0, and slightly by the data, which are too.
    noise: (theta, clean) =>
      gaussianNoise(mul(exp(add(slice(theta, 1, 2), OFFSET)), add(1, mul(abs(sub(clean, OFFSET)), 0.01)))),
  });
  const here = define((theta, clean) => gaussianNoise(mul(level(theta), add(1, mul(abs(clean), 0.01)))));
  const y = OBSERVED.map((v) => v + OFFSET);
  const [a, b] = [await laplace(far, y, { kernels }), await laplace(here, OBSERVED, { kernels })];
  // f64 holds 1e6 to 1e-10, and the search ends within 1e-4 sd.
  assert.ok(Math.abs(a.mean[0] - OFFSET - b.mean[0]) < 1e-4 && Math.abs(a.mean[1] + OFFSET - b.mean[1]) < 1e-4);
  for (const d of [0, 1]) assert.ok(Math.abs(a.sd[d] / b.sd[d] - 1) < 1e-4, `${a.sd}, ${b.sd}`);
  const options = { ...quick, steps: 400, bank: 2000 };
  const [p, q] = [await infer(await train(far, options), y), await infer(await train(here, options), OBSERVED)];
  // The same draws and the same steps, but for the rounding of 1e6 in the simulations.
  assert.ok(
    Math.abs(p.mean[0] - OFFSET - q.mean[0]) < 0.01 && Math.abs(p.mean[1] + OFFSET - q.mean[1]) < 0.01,
    `${p.mean}, ${q.mean}`,
  );
});

test("a surrogate keeps noise that depends on parameters and data", async () => {
  const relative = define((theta, clean) => gaussianNoise(add(0.05, mul(abs(clean), level(theta)))));
  const made = await surrogate(relative, {
    bank: 2000,
    steps: 1500,
    heldOut: 200,
    hidden: 32,
    kernels,
    onWarning: () => {},
  });
  assert.ok(made.error.rms < 0.3, `${made.error.rms}`);
  const [a, b] = [await laplace(made, OBSERVED, { kernels }), await laplace(relative, OBSERVED, { kernels })];
  for (const d of [0, 1]) assert.ok(Math.abs(a.mean[d] - b.mean[d]) < b.sd[d], `${a.mean}, ${b.mean}`);
});

test("a likelihood that can only be drawn trains a map, and is refused where its density is needed", async () => {
  const drawn = define((theta) =>
    likelihood({ name: "drawn", draw: (clean, { normal: standard }) => add(clean, mul(standard(), level(theta))) }),
  );
  const map = await train(drawn, { ...quick, steps: 2000, bank: 8000 });
  const q = await infer(map, OBSERVED);
  near(q, exact, ROUGHLY);
  const found = await evaluate(map, { cases: 2, draws: 200, calibration: 20, kernels });
  assert.match(found.against.text, /^none: "level" has noise "drawn" without logDensity$/);
  const refused: readonly [() => Promise<unknown>, RegExp][] = [
    [() => q.correct(), /^correct: .*"level", which has noise "drawn" without logDensity and so no likelihood/],
    [() => nuts(drawn, OBSERVED, { kernels }), /^nuts: expected noise with a log-density, got "drawn" of "level"/],
    [() => laplace(drawn, OBSERVED, { kernels }), /^likelihood "drawn": expected logDensity, which was not given/],
    [
      () => train(drawn, { ...quick, objective: "elbo" }),
      /the ELBO needs the gradient of the log-density of the noise/,
    ],
    [() => evaluate(map, { against: "nuts", kernels }), /expected noise with a log-density for against "nuts"/],
  ];
  for (const [run, message] of refused) assert.match((await rejection(run())).message, message);
});

const { at, write, remove } = temporary("retrodict-noise-");
test.after(remove);

test("the command line trains, infers and evaluates a module whose noise is a function", async () => {
  const module = write(
    "level.mjs",
    `import { defineProblem, gaussianNoise, normal } from "${libraryUrl("index.js")}";
import { concat, exp, split } from "${libraryUrl("ops.js")}";
export default defineProblem({
  name: "level",
  parameters: ["mean", "log_sd"],
  prior: normal([0.5, -0.5], [1, 0.6]),
  forward: (theta) => { const [mean] = split(theta); return concat(...Array(12).fill(mean)); },
  noise: (theta) => gaussianNoise(exp(split(theta)[1])),
});`,
  );
  const out = at("level.safetensors");
  const train = await retrodict(["train", module, "--out", out, "--steps", "1500", "--guide", "gaussian", "--quiet"]);
  assert.is(train.status, 0, train.err);
  const infer = ["infer", out, "--data", "-", "--json", "--correct", "auto", "--problem", module];
  const answer = await retrodict(infer, OBSERVED.join(","));
  assert.is(answer.status, 0, answer.err);
  const { mean, sd } = JSON.parse(answer.out).observations[0];
  near({ mean, sd }, exact, 100);
  const evaluation = await retrodict([
    "evaluate",
    out,
    "--problem",
    module,
    "--cases",
    "3",
    "--calibration",
    "40",
    "--json",
  ]);
  assert.is(evaluation.status, 0, evaluation.err);
  assert.is(JSON.parse(evaluation.out).against.name, "quadrature");
});

test.run();
