// Chains whose first start is not finite: they are started again, from draws of the prior or of the posterior given.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../../src/distributions/noise/gaussian.ts";
import { normal } from "../../src/distributions/normal.ts";
import { add, log, mul, slice, sqrt, square, sub, where } from "../../src/graph/build.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { laplace } from "../../src/infer/laplace.ts";
import { defineProblem } from "../../src/problem/define.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { nuts } from "../../src/sampling/nuts.ts";
import { gaussianPosterior } from "../helpers/guides.ts";
import { rejection } from "../helpers/maps.ts";

const options = { kernels: "plain", draws: 300, seed: 2 } as const;
const one = (name: string, forward: (theta: Tensor) => Tensor): Problem =>
  defineProblem({ name, prior: normal(0, 1), forward, noise: gaussianNoise(0.1) });

/** Models that are not finite on part of the prior: a half, a half by a pole, and all but 2.3 % of it. */
const models: readonly [Problem, (x: number) => number, number][] = [
  [one("root", (t) => sqrt(t)), (x) => Math.sqrt(x), 1],
  [one("logarithm", (t) => log(t)), (x) => Math.log(x), -0.3],
  [one("far root", (t) => sqrt(sub(t, 2))), (x) => Math.sqrt(x - 2), 0.5],
];

/** Mean and sd of the posterior, by the rectangle rule. */
function exact(model: (x: number) => number, y: number): readonly [mean: number, sd: number] {
  let [sum, first, second] = [0, 0, 0];
  for (let x = -6; x < 8; x += 1e-4) {
    const misfit = (y - model(x)) / 0.1;
    const w = Math.exp(-0.5 * (x * x + misfit * misfit));
    if (Number.isFinite(w)) [sum, first, second] = [sum + w, first + w * x, second + w * x * x];
  }
  return [first / sum, Math.sqrt(second / sum - (first / sum) ** 2)];
}

test("chains that start where the density is not finite are started again, and find the posterior", async () => {
  for (const [problem, model, y] of models) {
    const [mean, sd] = exact(model, y);
    const wide = gaussianPosterior(Float64Array.of(y), Float64Array.of(0), Float64Array.of(1));
    for (const start of [undefined, wide]) {
      const p = await nuts(problem, [y], { ...options, start, chains: 8 });
      const bound = 4.5 / Math.sqrt(p.diagnostics.essBulk);
      assert.ok(p.diagnostics.rHat < 1.02, `${problem.name}: ${p.diagnostics.rHat}`);
      assert.ok(Math.abs(p.mean[0] - mean) < bound * sd, `${problem.name}: ${p.mean} for ${mean} ± ${sd}`);
      assert.ok(Math.abs(p.sd[0] - sd) < 2 * bound * sd, `${problem.name}: sd ${p.sd} for ${sd}`);
    }
  }
});

test("Laplace's approximation, half of whose draws have no density, starts chains", async () => {
  const [root] = models[0];
  const start = await laplace(root, [0.05], { kernels: "plain", starts: 12 });
  const p = await nuts(root, [0.05], { ...options, start });
  const [mean, sd] = exact(Math.sqrt, 0.05);
  assert.ok(Math.abs(p.mean[0] - mean) < (4.5 * sd) / Math.sqrt(p.diagnostics.essBulk), `${p.mean} for ${mean}`);
});

test("chains from Laplace's approximation reach all modes that its search found, each with its share", async () => {
  // θ² = 1 in each of four dimensions: sixteen modes, at which the prior alone differs, by e^(4 · 0.1) for each sign.
  const signs = defineProblem({
    name: "signs",
    prior: normal([0.1, 0.1, 0.1, 0.1], 1),
    forward: (t) => square(t),
    noise: gaussianNoise(0.05),
  });
  const start = await laplace(signs, [1, 1, 1, 1], { kernels: "plain", starts: 200 });
  assert.is(start.modes.length, 16);
  const p = await nuts(signs, [1, 1, 1, 1], { ...options, start, draws: 500 });
  const counts = new Map<string, number>();
  const rows = p.draws.length / 4;
  for (let s = 0; s < rows; s++) {
    const mode = Array.from(p.draws.subarray(4 * s, 4 * s + 4), (x) => (x > 0 ? "+" : "-")).join("");
    counts.set(mode, (counts.get(mode) ?? 0) + 1);
  }
  assert.is(counts.size, 16);
  // The noise is 1/40 of the distance of modes, within which the prior's slope and the bend of θ² cancel to the second order.
  const plus = 1 / (1 + Math.exp(-0.2));
  for (const [mode, count] of counts) {
    const share = [...mode].reduce((product, sign) => product * (sign === "+" ? plus : 1 - plus), 1);
    // Jumps between modes are accepted mostly, so at least a tenth of the draws are independent.
    assert.ok(
      Math.abs(count / rows - share) < 4 * Math.sqrt(share / (rows / 10)),
      `${mode}: ${count / rows}, ${share}`,
    );
  }
  assert.ok(p.diagnostics.rHat < 1.02, `${p.diagnostics.rHat}`);
});

test("new starts depend on the seed and the chain alone", async () => {
  const [problem, , y] = models[2];
  const [four, again, two] = await Promise.all(
    [4, 4, 2].map((chains) => nuts(problem, [y], { ...options, draws: 20, warmup: 20, chains })),
  );
  assert.equal(again.chains, four.chains);
  assert.equal(two.chains, four.chains.slice(0, 2));
});

test("a start whose gradient alone is not finite is left too", async () => {
  // sqrt has the value 0 at 0 and an infinite derivative there, where the model is 0 for all θ below 0.
  const flat = one("flat root", (t) => add(sqrt(where(t, t, mul(t, 0))), slice(t, 0, 1)));
  const p = await nuts(flat, [1], { ...options, draws: 100 });
  assert.ok(p.mean.every(Number.isFinite));
});

test("points that are given are not replaced, and starts are bounded", async () => {
  const [problem, , y] = models[0];
  const start = [[1], [-1]];
  assert.match(
    (await rejection(nuts(problem, [y], { ...options, chains: 2, start }))).message,
    /at the start of chain 2, got NaN/,
  );
  const never = one("never", (t) => sqrt(sub(mul(t, 0), 1)));
  const { message } = await rejection(nuts(never, [0], options));
  assert.match(
    message,
    /^nuts: .* at one of 500 starts of chain 1, got NaN at the last; give points as start, or check/,
  );
});

test.run();
