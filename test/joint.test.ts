// slow (40 s): chains against a posterior by quadrature, and a training
// Joint priors: names, parts that depend on others, their densities, moments, files, and posteriors of a hierarchy.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { beta } from "../src/distributions/beta.ts";
import { dirichlet } from "../src/distributions/dirichlet.ts";
import { type Distribution, isInside } from "../src/distributions/distribution.ts";
import { doubleExponential } from "../src/distributions/double-exponential.ts";
import { exponential } from "../src/distributions/exponential.ts";
import { distributionFromSpec } from "../src/distributions/from-spec.ts";
import { gamma, inverseGamma } from "../src/distributions/gamma.ts";
import { halfCauchy } from "../src/distributions/half-cauchy.ts";
import { halfNormal } from "../src/distributions/half-normal.ts";
import { joint } from "../src/distributions/joint.ts";
import { logNormal } from "../src/distributions/log-normal.ts";
import { multivariateNormal } from "../src/distributions/multivariate-normal.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { ordered } from "../src/distributions/ordered.ts";
import { product, repeat } from "../src/distributions/product.ts";
import { simplexWeights } from "../src/distributions/simplex-line.ts";
import { storedPrior } from "../src/distributions/stored-prior.ts";
import { student } from "../src/distributions/student.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { batchSum, cast, concat, input, log, slice, sub } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import { isTensor } from "../src/graph/tensor.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { quantileOf } from "../src/numbers/moments.ts";
import { defineProblem } from "../src/problem/define.ts";
import { nuts } from "../src/sampling/nuts.ts";
import { load, save, toBytes } from "../src/store/store.ts";
import { train } from "../src/train/train.ts";
import { retrodict } from "./helpers/cli.ts";
import { checkGradients } from "./helpers/differences.ts";
import { runGraph } from "./helpers/run.ts";

const f64 = { dtype: "f64" } as const;

const hierarchy = () =>
  joint({
    mu: normal(0, 5),
    tau: halfNormal(2),
    theta: (e) => repeat(normal(e.mu, e.tau), 3),
  });

test("parameters have the names of parts, with an index in longer ones, and tables keep them", () => {
  const prior = joint({
    mu: normal(0, 1),
    nu: exponential([1, 1]),
    inner: joint({ a: normal(0, 1), b: normal(0, 1) }),
  });
  assert.equal(prior.names, ["mu", "nu[1]", "nu[2]", "inner.a", "inner.b"]);
  const problem = defineProblem({ name: "named", prior, forward: (t) => slice(t, 0, 2), noise: gaussianNoise(1) });
  assert.equal(
    problem.parameters.map(({ name }) => name),
    [...prior.names],
  );
  const units = prior.names.map((name) => ({ name, unit: "m" }));
  const own = { name: "named", prior, parameters: units, forward: (t: typeof theta) => slice(t, 0, 2) };
  const theta = input("theta", 5);
  assert.is(defineProblem({ ...own, noise: gaussianNoise(1) }).parameters[4].unit, "m");
  assert.equal(Object.keys(prior.split(theta)), ["mu", "nu", "inner"]);
  assert.is(prior.split(theta).nu.cols, 2);
});

test("the density of a hierarchy is the product of its conditional densities, with gradients that differences give", async () => {
  const prior = hierarchy();
  const theta = [0.5, 1.5, 0.25, 2, -1.5, -3, 0.5, -3.5, -2.75, -3, 2, 4, -0.5, 1, 6];
  const t = input("theta", 5, f64);
  const value = prior.logDensity(t);
  const { value: got } = await runGraph({ value }, { rows: 3, inputs: { theta } });
  const log = (x: number, mean: number, sd: number) =>
    -0.5 * ((x - mean) / sd) ** 2 - Math.log(sd * Math.sqrt(2 * Math.PI));
  for (let r = 0; r < 3; r++) {
    const [mu, tau, ...rest] = theta.slice(5 * r, 5 * r + 5);
    const want =
      log(mu, 0, 5) + Math.LN2 + log(tau, 0, 2) + rest.map((x) => log(x, mu, tau)).reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(got[r] - want) < 1e-12 * (1 + Math.abs(want)), `${got[r]}, expected ${want}`);
  }
  const total = batchSum(value);
  await checkGradients(total, [t], grad(total, [t]), { rows: 3, values: { theta }, relative: 1e-5 });
});

test("outside the support of a part the density is 0, even where later parts have no density", async () => {
  const t = input("theta", 5, f64);
  const prior = hierarchy();
  const { value } = await runGraph({ value: prior.logDensity(t) }, { rows: 1, inputs: { theta: [0, -1, 0, 0, 0] } });
  assert.is(value[0], -Infinity);
});

/** Parts whose parameters are tensors, and the same with the numbers of `at`. */
const conditional: readonly [
  label: string,
  part: (a: never, b: never) => Distribution,
  at: readonly [number, number],
][] = [
  ["normal", (a, b) => normal(a, b), [0.5, 2]],
  ["logNormal", (a, b) => logNormal(a, b), [0.25, 0.75]],
  ["halfNormal", (_a, b) => halfNormal(b), [0, 0.5]],
  ["halfCauchy", (_a, b) => halfCauchy(b), [0, 0.5]],
  ["exponential", (_a, b) => exponential(b), [0, 3]],
  ["doubleExponential", (a, b) => doubleExponential(a, b), [0.5, 3]],
  ["gamma", (a, b) => gamma(a, b), [0.5, 3]],
  ["inverseGamma", (a, b) => inverseGamma(a, b), [2.5, 3]],
  ["beta", (a, b) => beta(a, b), [0.75, 3]],
  ["dirichlet", (a, b) => dirichlet(isTensor(a) ? concat(a, b, a) : [a, b, a]), [1.5, 3]],
  ["student", (a, b) => student(a, b, 3), [1, 0.5]],
  ["multivariateNormal", (a) => multivariateNormal({ mean: a, factor: [1, 0, 0.5, 2] }), [1.5, 1]],
  ["ordered", (a, b) => ordered(normal(a, 1), exponential(b)), [1, 2]],
  ["product", (a, b) => product(normal(a, b), uniform(0, 1)), [1, 2]],
];

for (const [label, part, at] of conditional)
  test(`a conditional ${label} has the draws and the density of one with the same numbers`, async () => {
    const theta = input("given", 2, f64);
    const dependent = part(slice(theta, 0, 1) as never, slice(theta, 1, 2) as never);
    const fixed = part(at[0] as never, at[1] as never);
    const rows = 50;
    const inputs = { given: Array.from({ length: rows }, () => at).flat() };
    const draw = fixed.draw(4, "f64");
    const outputs = {
      draws: dependent.draw(4, "f64"),
      value: dependent.logDensity(draw),
      wantDraws: draw,
      want: fixed.logDensity(draw),
    };
    const got = await runGraph(outputs, { rows, inputs, seed: 3 });
    for (const [a, b] of [
      [got.draws, got.wantDraws],
      [got.value, got.want],
    ])
      for (const [i, x] of a.entries())
        assert.ok(Math.abs(x - b[i]) < 1e-13 * (1 + Math.abs(b[i])), `${x}, not ${b[i]}`);
  });

test("moments of parts that depend on others are those of 4096 draws, and exact for the rest", async () => {
  const started = performance.now();
  const prior = joint({ mu: normal(1, 2), s: uniform(1, 3), x: (e) => repeat(normal(e.mu, e.s), 8) });
  assert.is(prior.momentDraws, 4096);
  assert.is(prior.mean[0], 1);
  assert.is(prior.sd[1], uniform(1, 3).sd[0]);
  // Var x = 4 + E s² = 4 + 13/3; errors 1/√4096 of an sd, and 1/√8192 of it for the sd of variables with tails like these.
  const sd = Math.sqrt(4 + 13 / 3);
  for (let i = 2; i < 10; i++) {
    assert.ok(Math.abs(prior.mean[i] - 1) < (5 * sd) / 64 && Math.abs(prior.sd[i] - sd) < (5 * sd) / 80);
    assert.is(prior.realMean[i], prior.mean[i]);
  }
  assert.equal(
    joint({ mu: normal(1, 2), x: (e) => normal(e.mu, 1) }).sd,
    joint({ mu: normal(1, 2), x: (e) => normal(e.mu, 1) }).sd,
  );
  console.log(`two definitions and one of ten entries in ${(performance.now() - started).toFixed(0)} ms`);
  const heavy = joint({ tau: halfCauchy(1), x: (e) => normal(0, e.tau) });
  assert.ok(heavy.sd[1] < 5, "the sd of draws of a variable without variance");
});

test("draws of a hierarchy are the same on executors, and follow it", async () => {
  const prior = hierarchy();
  const theta = prior.draw(1, "f32");
  const outputs = { theta, value: prior.logDensity(cast(theta, "f64")), real: prior.toReal(theta) };
  const got = await runGraph(outputs, { rows: 20_000, seed: 3, create: createWasm });
  const oracle = await runGraph({ theta: prior.draw(1, "f64") }, { rows: 200, seed: 3 });
  oracle.theta.forEach((v, k) => {
    assert.ok(Math.abs(got.theta[k] - v) < 1e-5 * (Math.abs(v) + 8 * prior.sd[k % 5]), `${got.theta[k]} ${v}`);
  });
  assert.ok([...got.value, ...got.real].every(Number.isFinite));
  const z = Float64Array.from(
    { length: 20_000 },
    (_, i) => (got.theta[5 * i + 4] - got.theta[5 * i]) / got.theta[5 * i + 1],
  );
  const mean = z.reduce((a, b) => a + b, 0) / z.length;
  const variance = z.reduce((a, b) => a + b * b, 0) / z.length;
  assert.ok(Math.abs(mean) < 5 / Math.sqrt(20_000) && Math.abs(variance - 1) < 5 * Math.sqrt(2 / 20_000));
});

test("parts beyond the hundredth do not share random numbers with the noise", async () => {
  const prior = product(...Array.from({ length: 120 }, () => normal(0, 1)));
  const draws = prior.draw(1, "f32");
  const noise = gaussianNoise(1).draw(sub(slice(draws, 0, 1), slice(draws, 0, 1)), 101);
  const out = await runGraph({ draws, noise }, { rows: 50, seed: 1 });
  for (let d = 0; d < 120; d++)
    assert.ok(
      out.noise.some((v, r) => v !== out.draws[r * 120 + d]),
      `parameter ${d + 1} is the noise`,
    );
});

const effects = [28, 8, -3, 7];
const sds = [15, 10, 16, 11];
const schools = () =>
  defineProblem({
    name: "schools",
    prior: joint({ mu: normal(0, 5), tau: halfNormal(5), theta: (e) => repeat(normal(e.mu, e.tau), 4) }),
    forward: (t) => slice(t, 2, 6),
    noise: gaussianNoise(sds),
  });

/** Mean, sd and quartiles of tau given the effects, with theta and mu integrated out: y ~ N(0, diag(sd² + τ²) + 25 11ᵀ). */
function tauByQuadrature(): { mean: number; sd: number } {
  const logMarginal = (tau: number): number => {
    const v = sds.map((s) => s * s + tau * tau);
    const [a, b, c] = [
      v.reduce((sum, x) => sum + 1 / x, 0),
      v.reduce((sum, x, i) => sum + effects[i] / x, 0),
      v.reduce((sum, x, i) => sum + effects[i] ** 2 / x, 0),
    ];
    const logDet = v.reduce((sum, x) => sum + Math.log(x), 0) + Math.log1p(25 * a);
    return -0.5 * (logDet + c - (25 * b * b) / (1 + 25 * a)) - 0.5 * (tau / 5) ** 2;
  };
  const h = 0.01;
  let [z, m, q] = [0, 0, 0];
  for (let i = 0; i < 5000; i++) {
    const tau = (i + 0.5) * h;
    const p = Math.exp(logMarginal(tau));
    [z, m, q] = [z + p, m + p * tau, q + p * tau * tau];
  }
  return { mean: m / z, sd: Math.sqrt(q / z - (m / z) ** 2) };
}

test("chains find the posterior of a hierarchy that quadrature gives", async () => {
  const posterior = await nuts(schools(), effects, { chains: 8, draws: 1500, seed: 2 });
  const want = tauByQuadrature();
  const draws = await posterior.sample(12_000, { seed: 1 });
  assert.equal(posterior.diagnostics.parameters.map(({ name }) => name).slice(0, 3), ["mu", "tau", "theta[1]"]);
  const { essBulk: ess, rHat } = posterior.diagnostics.parameters[1];
  assert.ok(rHat < 1.02, `${rHat}`);
  const error = (5 * want.sd) / Math.sqrt(ess);
  assert.ok(Math.abs(posterior.mean[1] - want.mean) < error, `${posterior.mean[1]} by chains, ${want.mean} ± ${error}`);
  assert.ok(Math.abs(posterior.sd[1] - want.sd) < error, `${posterior.sd[1]} by chains, ${want.sd} ± ${error}`);
  assert.ok(draws.length === 12_000 * 6);
});

test("a model of a hierarchy is read without its problem, infers the same, and refuses another hierarchy", async () => {
  const problem = schools();
  const map = await train(problem, {
    steps: 300,
    bank: 4096,
    guide: gaussian({ hidden: [16] }),
    seed: 1,
    onWarning: () => {},
  });
  const bytes = toBytes(map);
  const again = await load(bytes);
  const [one, other] = [await infer(map, effects), await infer(again, effects)];
  assert.equal(one.mean, other.mean);
  assert.equal(await one.sample(5), await other.sample(5));
  assert.equal(again.spec.parameters.map(({ name }) => name).slice(1, 3), ["tau", "theta[1]"]);
  assert.throws(() => again.prior.logDensity(input("theta", 6)), /give it to load\(file, \{ problem \}\)/);
  const known = await load(bytes, { problem: schools() });
  const corrected = await (await infer(known, effects)).correct({ method: "psis" });
  assert.ok(corrected.mean.every(Number.isFinite));
  const wider = defineProblem({
    name: "schools",
    prior: joint({ mu: normal(0, 5), tau: halfNormal(5), theta: (e) => repeat(student(e.mu, e.tau, 3), 4) }),
    forward: (t) => slice(t, 2, 6),
    noise: gaussianNoise(sds),
  });
  const refused = await load(bytes, { problem: wider }).then(
    () => "read",
    (e: Error) => e.message,
  );
  assert.match(refused, /the log-prior at 8 fixed parameters differs/);
});

test("a guide learns a joint of gamma and simplex parts, and its corrected posterior is that of chains", async () => {
  const prior = joint({ rate: gamma(2, 1), share: dirichlet([2, 1, 1]) });
  const problem = defineProblem({
    name: "mixed",
    prior,
    forward: (t) => {
      const { rate, share } = prior.split(t);
      return concat(log(rate), simplexWeights(share));
    },
    noise: gaussianNoise([0.3, 0.1, 0.1, 0.1]),
  });
  const guide = gaussian({ hidden: [32] });
  const map = await train(problem, { steps: 1500, bank: 8192, guide, seed: 1, onWarning: () => {} });
  const again = await load(toBytes(map));
  const y = [0.4, 0.5, 0.3, 0.25];
  const [posterior, read] = [await infer(map, y), await infer(again, y)];
  assert.equal(await posterior.sample(20), await read.sample(20));
  const draws = await read.sample(2000, { seed: 3 });
  for (let i = 0; i < 2000; i++) assert.ok(isInside(prior, draws.subarray(3 * i, 3 * i + 3)), `draw ${i}`);
  assert.equal(await read.logProb([1, 0.7, 0.7]), Float64Array.of(-Infinity));
  const corrected = await posterior.correct({ method: "psis", draws: 4096, seed: 1 });
  const chains = await nuts(problem, y, { chains: 4, draws: 2000, seed: 1 });
  assert.ok(chains.diagnostics.rHat < 1.02);
  for (let d = 0; d < 3; d++) {
    // The guide must be good enough that the weights keep a quarter of the draws.
    const error = 5 * chains.sd[d] * Math.sqrt(1 / 1024 + 1 / chains.diagnostics.parameters[d].essBulk);
    const off = Math.abs(corrected.mean[d] - chains.mean[d]);
    assert.ok(off < error, `${prior.names[d]}: ${corrected.mean[d]} corrected, ${chains.mean[d]} by chains`);
  }
});

test("the command line names the parts in its tables and files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "joint-"));
  try {
    const prior = joint({ rate: gamma(2, 1), share: dirichlet([2, 1, 1]) });
    const problem = defineProblem({ name: "named", prior, forward: (t) => t, noise: gaussianNoise(0.1) });
    const file = join(folder, "named.safetensors");
    const guide = gaussian({ hidden: [8] });
    await save(await train(problem, { steps: 50, bank: 500, guide, seed: 1, onWarning: () => {} }), file);
    const out = join(folder, "draws.csv");
    const args = ["infer", file, "--data", "-", "--samples", "5", "--out", out];
    const { status, out: text } = await retrodict(args, "1,0.5,0.2");
    assert.is(status, 0);
    for (const name of prior.names) assert.ok(text.includes(name), `${name} in ${text}`);
    assert.match(readFileSync(out, "utf8"), /rate,share\[1\],share\[2\]/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("laplace of a linear model with correlated normal priors is the exact posterior, in closed form", async () => {
  const covariance = [
    [4, 1.5],
    [1.5, 1],
  ];
  const prior = joint({ x: multivariateNormal({ mean: [1, -1], covariance }), b: normal(0.5, 2) });
  const problem = defineProblem({ name: "line", prior, forward: (t) => slice(t, 1, 3), noise: gaussianNoise(0.5) });
  const posterior = await laplace(problem, [0.2, 1]);
  assert.ok(posterior.draws === null, "in closed form");
  // x2 of variance 1 seen with 0.25: gain 0.8, and x1 follows by its regression on x2; b of variance 4: gain 16/17.
  const want = [1 + 1.5 * 0.8 * 1.2, -1 + 0.8 * 1.2, 0.5 + (16 / 17) * 0.5];
  for (const [d, m] of posterior.mean.entries()) assert.ok(Math.abs(m - want[d]) < 1e-6, `${m}, expected ${want[d]}`);
  const variances = [4 - 1.5 * 1.5 * 0.8, 0.2, 4 / 17];
  for (const [d, v] of variances.entries())
    assert.ok(Math.abs(posterior.covariance[4 * d] - v) < 1e-6, `${posterior.covariance}`);
  assert.ok(Math.abs(posterior.covariance[1] - 1.5 * 0.2) < 1e-6);
});

test("a Gaussian guide on correlated normal priors keeps its closed form, also about an offset", async () => {
  for (const offset of [0, 1e6]) {
    const prior = multivariateNormal({ mean: [offset + 1, -1], covariance: [4, 1.5, 1.5, 1] });
    const forward = (t: ReturnType<typeof input>) => sub(t, [offset, 0]);
    const problem = defineProblem({ name: "offset", prior, forward, noise: gaussianNoise([1, 0.5]) });
    const map = await train(problem, {
      steps: 400,
      bank: 4096,
      guide: gaussian({ base: "linear", hidden: [8] }),
      seed: 1,
    });
    assert.ok(map.closedForm);
    const posterior = await infer(await load(toBytes(map)), [2, 0]);
    const exact = await laplace(problem, [2, 0]);
    exact.mean.forEach((m, d) => {
      assert.ok(
        Math.abs(posterior.mean[d] - m) < 0.15 * exact.sd[d],
        `${offset}: ${posterior.mean}, exactly ${exact.mean}`,
      );
      assert.ok(Math.abs(posterior.sd[d] / exact.sd[d] - 1) < 0.1, `${offset}: ${posterior.sd}, exactly ${exact.sd}`);
    });
    const draws = await posterior.sample(20_000, { seed: 1 });
    const first = Float64Array.from({ length: 20_000 }, (_, i) => draws[2 * i]).sort();
    assert.ok(
      Math.abs(quantileOf(first, 0.5) - posterior.mean[0]) < (5 * posterior.sd[0] * 1.2533) / Math.sqrt(20_000),
    );
  }
});

test("frames of hierarchies are plain JSON, and are made again", async () => {
  const prior = joint({
    a: student(0, 1, 2),
    m: multivariateNormal({ mean: 0, factor: [1, 0, 0.5, 2] }),
    o: ordered(normal(0, 1), exponential([1, 1])),
    x: (e) => normal(e.a, 1),
  });
  const again = distributionFromSpec(JSON.parse(JSON.stringify(storedPrior(prior))));
  for (const key of ["mean", "sd", "realMean", "realSd", "low", "high", "heavy"] as const)
    assert.equal(again[key], prior[key]);
  const theta = prior.draw(2, "f64");
  const outputs = { a: prior.toReal(theta), b: again.toReal(theta), c: again.fromReal(prior.toReal(theta)), theta };
  const out = await runGraph({ ...outputs, d: prior.logDetToReal(theta), e: again.logDetToReal(theta) }, { rows: 50 });
  assert.equal(out.a, out.b);
  assert.equal(out.d, out.e);
  for (const [k, v] of out.theta.entries()) assert.ok(Math.abs(out.c[k] - v) < 1e-9 * (1 + Math.abs(v)));
});

test("what is no part of a joint is refused by name", () => {
  const list: [() => unknown, RegExp][] = [
    [() => joint({}), /^joint: expected at least one part, got none$/],
    [() => joint({ 1: normal(0, 1) }), /^joint: expected names that are no numbers and not empty, got "1"$/],
    [() => joint({ a: 3 as never }), /^joint: expected a to be a distribution, or a function that returns one, got 3$/],
    [() => joint({ a: () => 3 as never }), /^joint: expected a to return a distribution, got 3$/],
    [() => joint({ a: normal(input("x", 1), 1) }), /expected a to be .* got "normal" with tensors as parameters/],
    [
      () => defineProblem({ name: "p", prior: normal(input("x", 1), 1), data: 1, noise: null }),
      /expected prior to be a distribution, .* got "normal" with tensors as parameters, which only a function within joint/,
    ],
    [
      () => normal(input("x", 2), [1, 2, 3]),
      /^normal: expected mean to be a batch \(B, 1\) or \(B, 3\), got \(B, 2\)$/,
    ],
  ];
  for (const [f, message] of list)
    assert.throws(f, (e: Error) => message.test(e.message) || assert.unreachable(e.message));
});

test.run();
