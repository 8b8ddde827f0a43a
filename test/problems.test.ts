// slow (35 s): exact draws and gradients of every problem
// The built-in problems: one list of properties runs over all; then each is compared with what is known of its posterior.
import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksFloor, ksOneSample, ksPerParameter, pool } from "../src/diagnostics/ks.ts";
import { batchSum, input } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import { erfc } from "../src/numbers/math.ts";
import { potential } from "../src/problem/likelihood.ts";
import type { Problem } from "../src/problem/problem.ts";
import { rodOf } from "../src/problems/rod.ts";
import { arm, banana, findProblem, linearGaussian, linearGaussianPosterior, problems, rod } from "../src/problems.ts";
import { checkGradients } from "./helpers/differences.ts";
import { generator } from "./helpers/random.ts";
import { runGraph } from "./helpers/run.ts";

const f64 = { dtype: "f64" } as const;
const reference = new URL("../../shared/reference/", import.meta.url);
const phi = (z: number): number => 0.5 * erfc(-z * Math.SQRT1_2);

type Exact = NonNullable<Problem["exact"]>;
const exactOf = (problem: Problem): Exact => problem.exact as Exact;

/** Noise-free and noisy data of the problem, with their parameters, in the backend's draws. */
async function simulate(problem: Problem, rows: number): Promise<{ theta: Float64Array; noisy: Float64Array }> {
  const theta = problem.prior.draw(1, "f64");
  const clean = (problem.forward as NonNullable<Problem["forward"]>)(theta);
  return (await runGraph(
    { theta, noisy: problem.noise.at(theta, clean).draw(clean, 50) },
    { rows, seed: 2 },
  )) as Awaited<ReturnType<typeof simulate>>;
}

for (const [name, problem] of Object.entries(problems)) {
  const { D, M } = problem;
  const forward = problem.forward as NonNullable<Problem["forward"]>;

  test(`${name} is found by its name and describes itself`, () => {
    assert.is(findProblem(name), problem);
    assert.is(problem.name, name);
    assert.ok(problem.description.length > 10);
    assert.is(problem.parameters.length, D);
    assert.is(problem.data.length, M);
    assert.is(problem.prior.size, D);
  });

  test(`the forward model of ${name} agrees in single precision with the reference`, async () => {
    const theta = problem.prior.draw(1, "f32");
    const rows = name === "eit" ? 5 : 50; // the oracle takes its time over 4224 unknowns
    const got = await runGraph({ theta, y: forward(theta) }, { rows, seed: 4, create: createWasm });
    const inputs = { theta: Float64Array.from(got.theta) };
    const want = await runGraph({ y: forward(input("theta", D, f64)) }, { rows, inputs });
    // A few dozen roundings of 2^-24 of terms of order 1 to 10; those of each step of a differential equation add up, and grow with it.
    const steps = Math.max(0, ...problem.solvers().map((solver) => solver.steps));
    const tolerance = Math.max(1e-5, 10 * steps * 2 ** -24);
    got.y.forEach((v, k) => {
      const row = Array.from(want.y.subarray(Math.floor(k / M) * M, (Math.floor(k / M) + 1) * M));
      const size = steps > 0 ? row.reduce((most, x) => Math.max(most, Math.abs(x)), 0) : Math.abs(v); // states mix
      assert.ok(Math.abs(v - want.y[k]) < tolerance * (1 + size), `${v}, expected ${want.y[k]}`);
    });
  });

  test(`the potential of ${name} has the gradient that differences give`, async () => {
    const rows = 3;
    const { theta, noisy } = await simulate(problem, rows);
    const [t, y] = [input("theta", D, f64), input("y", M, f64)];
    const total = batchSum(potential(problem, t, y));
    const values = { theta: theta.map((v) => Math.round(v * 4096) / 4096), y: noisy };
    // Small steps: noise of 0.01 makes fifth derivatives of 1e4 or so times the first, and those of eit have second derivatives that
    // jump where the rim of the disc meets a corner of a cell. Rounding is about 1e-15 |potential| / h.
    const step = name === "eit" ? 2 ** -15 : 2 ** -12;
    await checkGradients(total, [t], grad(total, [t]), { rows, values, step });
  });

  test(`exact draws of ${name} are finite, seeded and of any count`, async () => {
    if (problem.exact === null) return;
    const y = (await simulate(problem, 1)).noisy;
    const draws = problem.exact(y, 20, 3);
    assert.is(draws.length, 20 * D);
    assert.ok(draws.every(Number.isFinite));
    assert.equal(problem.exact(y, 20, 3), draws);
    assert.not.equal(problem.exact(y, 20, 4), draws);
    assert.is(problem.exact(y, 0, 3).length, 0);
    assert.throws(() => exactOf(problem)([...y, 1], 1, 1), new RegExp(`y: expected ${M} numbers, got ${M + 1}`));
  });
}

test("an unknown problem is refused with the names there are", () => {
  assert.throws(
    () => findProblem("toString"),
    /expected one of linear-gaussian, banana, two-moons, arm.*, got "toString"/,
  );
});

test("the linear-Gaussian posterior is where the potential is stationary, with its curvature", async () => {
  const { D, M } = linearGaussian;
  const y = (await simulate(linearGaussian, 1)).noisy;
  const { mean, covariance } = linearGaussianPosterior(y);
  const [t, data] = [input("theta", D, f64), input("y", M, f64)];
  const [gradient] = grad(potential(linearGaussian, t, data), [t]);
  // Row 0 at the mean; row j + 1 a unit away along θ_j, where the gradient is −Σ⁻¹ e_j.
  const rows = D + 1;
  const theta = Float64Array.from(
    { length: rows * D },
    (_, k) => mean[k % D] + (Math.floor(k / D) - 1 === k % D ? 1 : 0),
  );
  const inputs = { theta, y: Float64Array.from({ length: rows * M }, (_, k) => y[k % M]) };
  const out = await runGraph({ gradient: gradient as NonNullable<typeof gradient> }, { rows, inputs });
  for (let i = 0; i < D; i++) {
    assert.ok(Math.abs(out.gradient[i]) < 1e-11);
    for (let j = 0; j < D; j++) {
      let product = 0;
      for (let k = 0; k < D; k++) product -= covariance[i * D + k] * out.gradient[(j + 1) * D + k];
      assert.ok(Math.abs(product - (i === j ? 1 : 0)) < 1e-11, `${product} at ${i}, ${j}`);
    }
  }
});

test("exact draws of the linear-Gaussian posterior have its mean, covariance and marginals", async () => {
  const { D } = linearGaussian;
  const y = (await simulate(linearGaussian, 1)).noisy;
  const { mean, covariance } = linearGaussianPosterior(y);
  const n = 4000;
  const draws = exactOf(linearGaussian)(y, n, 8);
  for (let i = 0; i < D; i++) {
    const sd = Math.sqrt(covariance[i * D + i]);
    const column = Float64Array.from({ length: n }, (_, s) => draws[s * D + i]);
    assert.ok(ksOneSample(column, (x) => phi((x - mean[i]) / sd)) < ksBound(n, 1e-5));
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let s = 0; s < n; s++) sum += (draws[s * D + i] - mean[i]) * (draws[s * D + j] - mean[j]);
      // Var of a product of two normals: σ_i²σ_j² + σ_ij².
      const error = Math.sqrt((covariance[i * D + i] * covariance[j * D + j] + covariance[i * D + j] ** 2) / n);
      assert.ok(Math.abs(sum / n - covariance[i * D + j]) < 5 * error);
    }
  }
});

test("exact draws of the banana have the marginals of its potential on a grid", async () => {
  const count = 401; // steps of 0.03: the ridge is 0.24 wide across θ2, where it is narrowest 0.04 across θ1
  const n = 4000;
  for (const y of [-3, 0, 2, 6]) {
    const low = [-4.5, Math.min(-6, y - 21)];
    const high = [4.5, Math.max(6, y + 3)];
    const at = (d: number, k: number): number => low[d] + ((high[d] - low[d]) * (k + 0.5)) / count;
    const theta = Float64Array.from({ length: 2 * count * count }, (_, k) => {
      const cell = k >> 1;
      return k % 2 === 0 ? at(0, Math.floor(cell / count)) : at(1, cell % count);
    });
    const log = potential(banana, input("theta", 2, f64), input("y", 1, f64));
    const inputs = { theta, y: new Float64Array(count * count).fill(y) };
    const out = Array.from((await runGraph({ log }, { rows: count * count, inputs })).log);
    const highest = out.reduce((a, b) => Math.max(a, b));
    const masses = [0, 1].map(() => new Float64Array(count));
    out.forEach((v, k) => {
      const mass = Math.exp(v - highest);
      masses[0][Math.floor(k / count)] += mass;
      masses[1][k % count] += mass;
    });
    const draws = exactOf(banana)([y], n, 5);
    for (const d of [0, 1]) {
      const total = masses[d].reduce((a, b) => a + b);
      let sum = 0;
      const cumulative = [0, ...masses[d].map((m) => (sum += m / total))];
      const cdf = (x: number): number => {
        const place = Math.min(Math.max(((x - low[d]) / (high[d] - low[d])) * count, 0), count - 1e-9);
        const cell = Math.floor(place);
        return cumulative[cell] + (place - cell) * (cumulative[cell + 1] - cumulative[cell]);
      };
      const ks = ksOneSample(
        Float64Array.from({ length: n }, (_, s) => draws[2 * s + d]),
        cdf,
      );
      assert.ok(ks < ksBound(n, 1e-5) + 0.005, `KS ${ks} of parameter ${d + 1} at y = ${y}`);
    }
  }
});

test("exact draws of the arm have the marginals that weighted draws of its prior have", () => {
  const y = [1.5, 0.3];
  const [next, proposals, n] = [generator(9), 400_000, 2000];
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const weighted = Array.from({ length: proposals }, () => {
    const angles = [0.5 * normal(), 0.5 * normal(), 0.5 * normal()];
    const [a, b, c] = [angles[0], angles[0] + angles[1], angles[0] + angles[1] + angles[2]];
    const reach = 0.5 * Math.cos(a) + 0.5 * Math.cos(b) + Math.cos(c);
    const height = 0.5 * Math.sin(a) + 0.5 * Math.sin(b) + Math.sin(c);
    const log = ((y[0] - reach) / 0.01) ** 2 + (y[1] - height) ** 2 / (0.25 ** 2 + 0.01 ** 2);
    return { angles, weight: Math.exp(-0.5 * log) };
  });
  const total = weighted.reduce((sum, w) => sum + w.weight, 0);
  const effective = total ** 2 / weighted.reduce((sum, w) => sum + w.weight ** 2, 0);
  const draws = exactOf(arm)(y, n, 1);
  for (const d of [0, 1, 2]) {
    const sorted = weighted.filter((w) => w.weight > 0).sort((p, q) => p.angles[d] - q.angles[d]);
    const own = Float64Array.from({ length: n }, (_, s) => draws[4 * s + 1 + d]).sort();
    let [sum, k, most] = [0, 0, 0];
    own.forEach((x, s) => {
      while (k < sorted.length && sorted[k].angles[d] <= x) sum += sorted[k++].weight / total;
      most = Math.max(most, Math.abs(sum - (s + 0.5) / n));
    });
    assert.ok(
      most < ksBound(n, 1e-5) + ksBound(effective, 1e-5),
      `KS ${most} of angle ${d + 1}, ${effective} effective`,
    );
  }
});

test("the arm's forward model gives the published pairs", async () => {
  const file = new URL("forward-checks.json", reference);
  if (!existsSync(file)) return console.log("SKIP the reference data are not here");
  const { xi, D: want } = JSON.parse(readFileSync(file, "utf8")).ik_f as { xi: number[][]; D: number[][] };
  const y = (arm.forward as NonNullable<Problem["forward"]>)(input("theta", 4, f64));
  const out = await runGraph({ y }, { rows: xi.length, inputs: { theta: xi.flat() } });
  // Inputs and outputs are printed with 7 decimals: half a unit of both, the derivative being at most 2 each of four.
  want.flat().forEach((v, k) => {
    assert.ok(Math.abs(out.y[k] - v) < 5e-7, `${out.y[k]}, expected ${v}`);
  });
});

/** u of the rod at its sensors by Simpson's rule with steps of 1/8000, which the sensors are multiples of. */
function rodBySimpson(theta: ArrayLike<number>): number[] {
  const steps = 8000;
  const weight = (x: number): number => {
    let g = 0;
    for (let i = 0; i < theta.length; i++)
      g += (theta[i] * Math.SQRT2 * 1.5 * Math.sin((i + 0.5) * Math.PI * x)) / (i + 0.5);
    return Math.exp(-g / Math.PI);
  };
  const f = Float64Array.from({ length: steps + 1 }, (_, k) => weight(k / steps));
  const integral = (to: number): number => {
    let sum = 0;
    for (let k = 0; k < Math.round(to * steps); k += 2) sum += f[k] + 4 * f[k + 1] + f[k + 2];
    return sum;
  };
  const all = integral(1);
  return Array.from({ length: 9 }, (_, k) => 1 - integral(0.15 + 0.0875 * k) / all);
}

test("the rod's forward model is that of a fine quadrature over the whole range of its prior", async () => {
  const next = generator(5);
  const rows = 400;
  // Half of them of usual size, the others up to 5 and at the corners of that box.
  const theta = Float64Array.from({ length: 5 * rows }, (_, k) => {
    const u = 2 * next() - 1;
    return k < 5 * (rows / 2) ? 2 * u : k < 5 * (rows - 40) ? 5 * u : 5 * Math.sign(u);
  });
  const y = (rod.forward as NonNullable<Problem["forward"]>)(input("theta", 5, f64));
  const out = await runGraph({ y }, { rows, inputs: { theta } });
  let [usual, most] = [0, 0];
  for (let r = 0; r < rows; r++) {
    rodBySimpson(theta.subarray(5 * r, 5 * r + 5)).forEach((v, j) => {
      const error = Math.abs(out.y[9 * r + j] - v);
      most = Math.max(most, error);
      if (r < rows / 2) usual = Math.max(usual, error);
    });
  }
  // Simpson's own error is h⁴/180 times the fourth derivative of e^−g, (g′)⁴ relative to it: with |g′| ≤ 53 at the
  // corners 1e-11, with half of that at usual parameters less.
  assert.ok(usual < 1e-10, `error ${usual} for |θ| ≤ 2`);
  assert.ok(most < 1e-7, `error ${most} for |θ| ≤ 5`);
});

test("the rod with a hundred modes, or with twenty, is that of a fine quadrature too", async () => {
  const next = generator(6);
  for (const D of [20, 100]) {
    const rows = 40;
    const theta = Float64Array.from({ length: rows * D }, () => 4 * next() - 2);
    const { forward } = rodOf({ name: "long", D });
    const out = await runGraph(
      { y: (forward as NonNullable<typeof forward>)(input("theta", D, f64)) },
      { rows, inputs: { theta } },
    );
    for (let r = 0; r < rows; r++) {
      rodBySimpson(theta.subarray(D * r, D * r + D)).forEach((v, j) => {
        // A thousandth of the noise. Simpson's own error, with |g′| up to 2 √2 σ · 100 = 420, is (420/8000)⁴/180 = 4e-8.
        assert.ok(Math.abs(out.y[9 * r + j] - v) < 1.5e-5, `${out.y[9 * r + j]}, expected ${v}, D = ${D}`);
      });
    }
  }
});

test("the rod's forward model gives the published pairs", async () => {
  const file = new URL("forward-checks.json", reference);
  if (!existsSync(file)) return console.log("SKIP the reference data are not here");
  const { xi, exact } = JSON.parse(readFileSync(file, "utf8")).pde_f as { xi: number[][]; exact: number[][] };
  const y = (rod.forward as NonNullable<Problem["forward"]>)(input("theta", 5, f64));
  const out = await runGraph({ y }, { rows: xi.length, inputs: { theta: xi.flat() } });
  // θ is printed with 7 decimals: half a unit times a derivative of at most 0.1 each of five.
  exact.flat().forEach((v, k) => {
    assert.ok(Math.abs(out.y[k] - v) < 2.5e-8, `${out.y[k]}, expected ${v}`);
  });
});

test("exact draws of the arm are those of the reference posteriors", () => {
  const folder = new URL("arm/", reference);
  if (!existsSync(folder)) return console.log("SKIP the reference data are not here");
  const lines = readFileSync(new URL("y.csv", folder), "utf8").trim().split("\n");
  const bytes = readFileSync(new URL("exact.npy", folder));
  const start = 10 + bytes.readUInt16LE(8);
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
  const each = all.length / lines.length;
  const statistics: number[] = [];
  let [slowest, observations] = [0, 0];
  for (let i = 0; i < lines.length; i += 4) {
    const began = performance.now();
    const draws = exactOf(arm)(lines[i].split(",").map(Number), 1000, 100 + i);
    slowest = Math.max(slowest, performance.now() - began);
    statistics.push(...ksPerParameter(draws, all.subarray(i * each, i * each + 4000), 4));
    observations++;
  }
  const { mean, max } = pool(statistics);
  // A statistic has an sd of 0.012 (Kolmogorov's distribution); those of one observation hang together, so count those.
  assert.ok(Math.abs(mean - ksFloor(1000, 1000)) < (3.5 * 0.012) / Math.sqrt(observations), `pooled KS ${mean}`);
  // The largest of a hundred or so: exceeded with probability 1e-5 each (Kolmogorov's tail, 2 exp(−2·500 D²)).
  assert.ok(max < Math.sqrt(Math.log(2e5) / 1000), `largest KS ${max}`);
  console.log(`pooled KS ${mean.toFixed(4)} over ${observations} observations, slowest ${slowest.toFixed(0)} ms`);
});

test.run();
