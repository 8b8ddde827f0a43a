// slow (17 s): a study of the benches, in a process of its own
// The studies: their reference posteriors are right, their statistics detect what they claim to, and their scripts run.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evaluate, judge, judgeTruth } from "../bench/studies/judge.ts";
import { quadrants, twoScales } from "../bench/studies/problems.ts";
import { type Cases, DRAWS, makeCases } from "../bench/studies/truth.ts";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { ksBound, ksOneSample, ksPerParameter } from "../src/diagnostics/ks.ts";
import { makeTable } from "../src/evaluate/table.ts";
import { input } from "../src/graph/build.ts";
import { potential } from "../src/problem/likelihood.ts";
import type { Problem } from "../src/problem/problem.ts";
import { linearGaussian } from "../src/problems.ts";
import { type Ended, runScript } from "./helpers/processes.ts";
import { runGraph } from "./helpers/run.ts";

const exactOf = (problem: Problem) => problem.exact as NonNullable<Problem["exact"]>;
/** A pair of samples of 1000 and of 20,000 stays below, but for one in 1e5. */
const CLOSE = ksBound(DRAWS, 1e-5) + ksBound(20_000, 1e-5);

test("importance sampling finds the posterior of a linear model, and its density", async () => {
  const cases = await makeCases({ ...linearGaussian, exact: null }, 4);
  assert.match(cases.how, /^importance sampling/);
  for (const [i, y] of cases.y.entries()) {
    const ks = ksPerParameter(cases.truth[i], exactOf(linearGaussian)(y, 20_000, 5), linearGaussian.D);
    assert.ok(Math.max(...ks) < CLOSE, `${ks}`);
  }
  // Laplace is exact here, so its divergence is the error of the estimate of log p(y): 1/√20,000 or so.
  const laplace = await evaluate(cases, { name: "Laplace", train: null });
  assert.ok(Math.abs(laplace.kl) < 0.03, `${laplace.kl}`);
  assert.ok(laplace.ks.mean < 0.05, `${laplace.ks.mean}`);
});

test("quadrature over a table finds a posterior of four modes", async () => {
  const table = await makeTable(quadrants, { kernels: "plain" });
  for (const y of [
    [1.2, 0.7],
    [0.02, 2.1],
  ]) {
    const ks = ksPerParameter(await table.draw(y, DRAWS, 3), exactOf(quadrants)(y, 20_000, 5), 2);
    // Kinks of |θ| at 0 are rounded over a node's distance of 0.1, less than the noise: a hundredth of the mass.
    assert.ok(Math.max(...ks) < CLOSE + 0.01, `${ks} at ${y}`);
  }
  table.dispose();
});

for (const problem of [twoScales, quadrants]) {
  test(`exact draws of ${problem.name} have the marginals of its potential on a grid`, async () => {
    const [side, reach] = [500, 4];
    const y = [0.6, -0.1];
    const step = (2 * reach) / side;
    const theta = Float64Array.from({ length: 2 * side * side }, (_, k) => {
      const cell = k >> 1;
      return -reach + ((k % 2 === 0 ? Math.floor(cell / side) : cell % side) + 0.5) * step;
    });
    const log = potential(problem, input("theta", 2, { dtype: "f64" }), input("y", 2, { dtype: "f64" }));
    const data = Float64Array.from({ length: theta.length }, (_, k) => y[k % 2]);
    const options = { rows: side * side, inputs: { theta, y: data }, create: createWasm };
    const density = Float64Array.from((await runGraph({ log }, options)).log, Math.exp);
    const total = density.reduce((a, b) => a + b, 0);
    const draws = exactOf(problem)(y, 4000, 6);
    for (const d of [0, 1]) {
      const mass = new Float64Array(side);
      density.forEach((p, k) => {
        mass[d === 0 ? Math.floor(k / side) : k % side] += p / total;
      });
      let sum = 0;
      const cumulative = [0, ...mass.map((m) => (sum += m))];
      const cdf = (x: number): number => {
        const at = Math.min(Math.max((x + reach) / step, 0), side - 1e-9);
        const cell = Math.floor(at);
        return cumulative[cell] + (at - cell) * (cumulative[cell + 1] - cumulative[cell]);
      };
      const own = Float64Array.from({ length: 4000 }, (_, s) => draws[2 * s + d]);
      const ks = ksOneSample(own, cdf);
      assert.ok(ks < ksBound(4000, 1e-5) + 0.005, `KS ${ks} of parameter ${d + 1}`);
    }
  });
}

test("the statistics see a shift, and a correlation that marginals do not", async () => {
  const cases = await makeCases(quadrants, 3);
  const exact = judgeTruth(cases);
  assert.ok(exact !== null && exact.ks.mean < 0.06 && exact.directions < 0.09, JSON.stringify(exact));
  const half = cases.truth.map((draws) => draws.map((v, k) => (k % 2 === 0 ? v + 0.3 : v)));
  assert.ok(judge(cases, half, []).ks.mean > exact.ks.mean + 0.05);
  // One sign for both parameters leaves each of their distributions as it is and empties two of four quadrants.
  const signed = (cases: Cases): Float32Array[] =>
    (cases.again as Float32Array[]).map((draws) =>
      draws.map((v, k) => (k % 2 === 1 ? Math.sign(draws[k - 1]) * Math.abs(v) : v)),
    );
  const dependent = judge(cases, signed(cases), []);
  assert.ok(dependent.ks.mean < exact.ks.mean + 0.03 && dependent.directions > 0.15, JSON.stringify(dependent));
});

const run = (...args: string[]): Ended => runScript("bench/main.ts", ["studies", ...args]);

test("a study prints its table and draws its figure", () => {
  const folder = mkdtempSync(join(tmpdir(), "retrodict-studies-"));
  try {
    const { status, out, err } = run("--only", "scaling", "--quick", "--cases", "2", "--images", folder);
    assert.is(status, 0, err);
    assert.match(out, /^\| D \| method \| KS mean \| KL, nats \| −log q \| training, s \| ms per observation \|$/m);
    assert.is(out.match(/^\| (5|10) \| .* ± \.\d{3} \|/gm)?.length, 2 * 5);
    assert.equal(readdirSync(folder), ["scaling.svg"]);
    const svg = readFileSync(join(folder, "scaling.svg"), "utf8");
    assert.match(svg, /^<svg [^>]*><style>/);
    assert.not.match(svg, /NaN|undefined/);
    assert.is(parseHTML(svg).document.querySelectorAll("svg svg").length, 3);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("studies refuse a name that is none and a number of cases that is none", () => {
  const unknown = run("--only", "depth");
  assert.is(unknown.status, 1);
  assert.match(unknown.err, /bench studies: expected architecture, multimodal, scaling, methods, got "depth"/);
  const few = run("--only", "scaling", "--cases", "1");
  assert.match(few.err, /--cases: expected a whole number of at least 2, got "1"/);
});

test.run();
