import { test } from "uvu";
import * as assert from "uvu/assert";
import { createReference } from "../src/backends/reference/executor.ts";
import { logNormal } from "../src/distributions/log-normal.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { product } from "../src/distributions/product.ts";
import { truncatedNormal } from "../src/distributions/truncated-normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { add, constant, input, matmul, mul, split, sub } from "../src/graph/build.ts";
import { jacobian } from "../src/graph/grad.ts";
import { gram } from "../src/graph/linear.ts";
import { compile } from "../src/graph/program.ts";
import { scan } from "../src/graph/scan.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { atOnce } from "../src/host/yielding.ts";
import { laplace } from "../src/infer/laplace.ts";
import { triIndex } from "../src/numbers/triangles.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { banana } from "../src/problems.ts";
import { type Curvature, traceStep } from "../src/search/step.ts";
import { rejection } from "./helpers/maps.ts";
import { draw, generator } from "./helpers/random.ts";
import { runGraph } from "./helpers/run.ts";

const kernels = "plain";

/** C Cᵀ (D, D) of a packed factor. */
const square2 = (factor: ArrayLike<number>, D: number): number[] =>
  Array.from({ length: D * D }, (_, at) => {
    const [i, j] = [Math.floor(at / D), at % D];
    let sum = 0;
    for (let k = 0; k <= Math.min(i, j); k++) sum += factor[triIndex(i, k)] * factor[triIndex(j, k)];
    return sum;
  });

/** −∇²U by differences of U, of second order with one extrapolation: rounding 1e-15 / h² = 2e-8, truncation h⁴. */
async function checkCurvature(problem: Problem, z: Float64Array, y: Float64Array, curvature: Curvature): Promise<void> {
  const { D } = problem;
  const executor = await createReference(atOnce(compile({ step: { outputs: traceStep(problem, curvature) } })));
  const run = (at: Float64Array) => executor.run("step", { rows: 1, inputs: { z: at, y, damping: [0] } });
  const value = async (i: number, a: number, j: number, b: number): Promise<number> => {
    const at = z.slice();
    at[i] += a;
    at[j] += b;
    return (await run(at)).value[0];
  };
  const got = square2((await run(z)).factor, D);
  for (let i = 0; i < D; i++) {
    for (let j = 0; j < D; j++) {
      const mixed = async (h: number): Promise<number> =>
        -(
          (await value(i, h, j, h)) -
          (await value(i, h, j, -h)) -
          (await value(i, -h, j, h)) +
          (await value(i, -h, j, -h))
        ) /
        (4 * h * h);
      const want = (4 * (await mixed(2 ** -9)) - (await mixed(2 ** -8))) / 3;
      assert.ok(
        Math.abs(got[i * D + j] - want) < 1e-5 * (1 + Math.abs(want)),
        `${i}, ${j}: ${got[i * D + j]}, ${want}`,
      );
    }
  }
}

test("the curvature of the prior is exact, with bounds of every kind", async () => {
  const problem = defineProblem({
    name: "vague",
    prior: product(truncatedNormal(0.2, 0.5, -1, 2), uniform(-1, 3), logNormal(0, 0.4), normal(1, 2)),
    forward: (theta) => mul(theta, 1),
    noise: gaussianNoise(1e8), // the data say nothing
  });
  await checkCurvature(problem, Float64Array.of(0.3, -0.5, 0.7, 1.2), new Float64Array(4), "gauss-newton");
});

test("Newton's curvature is that of the density itself, where Gauss's and Newton's is not", async () => {
  const [z, y] = [Float64Array.of(0.3, -0.4), Float64Array.of(-2)];
  await checkCurvature(banana, z, y, "newton");
  const error = await rejection(checkCurvature(banana, z, y, "gauss-newton"));
  assert.match(error.message, /^0, 0: /);
});

test("Newton's curvature is exact for a model that is a loop", async () => {
  const problem = defineProblem({
    name: "growth",
    prior: product(logNormal(-0.5, 0.4), normal(1, 0.5)),
    forward: (theta) => {
      const [rate, start] = split(theta);
      const step = (s: Tensor): Tensor => add(s, mul(mul(rate, s), sub(1, mul(s, 0.5))));
      return scan({ state: start, steps: 6, step, emit: { at: [2, 4, 6] } });
    },
    noise: gaussianNoise(0.3),
  });
  const [z, y] = [Float64Array.of(0.3, -0.4), Float64Array.of(1.2, 1.4, 2.1)];
  await checkCurvature(problem, z, y, "newton");
});

test("the product of a Jacobian with itself is the same by rows, by products of columns and by rows made of columns", async () => {
  for (const [D, M] of [
    [2, 9],
    [5, 5],
    [6, 4],
    [7, 20],
  ]) {
    const x = input("x", D, { dtype: "f64" });
    const matrix = draw(generator(D), D * M, { low: -1, high: 1 });
    const weights = draw(generator(M), M, { low: 0.5, high: 2 });
    const J = jacobian(matmul(x, constant(matrix, "f64", D)), x);
    const { out } = await runGraph({ out: gram(J, weights) }, { rows: 1, inputs: { x: new Float64Array(D) } });
    for (let i = 0; i < D; i++) {
      for (let j = 0; j <= i; j++) {
        const want = weights.reduce((sum, w, m) => sum + w * matrix[i * M + m] * matrix[j * M + m], 0);
        assert.ok(Math.abs(out[triIndex(i, j)] - want) < 1e-13, `${D} by ${M}, ${i}, ${j}`);
      }
    }
  }
});

test("bounds bend the density along the slope of the likelihood, which the curvature has: the model is linear here", async () => {
  const problem = defineProblem({
    name: "edge",
    prior: truncatedNormal([0], 0.2, -1, 1),
    forward: (theta) => mul(theta, 1),
    noise: gaussianNoise(0.2),
  });
  for (const z of [3.5, 4.2, 6])
    await checkCurvature(problem, Float64Array.of(z), Float64Array.of(1.5), "gauss-newton");
  const p = await laplace(problem, [1.5], { kernels });
  assert.ok(p.converged && p.warning === undefined);
});

test.run();
