// Bad definitions and bad coefficients get an error that says what was expected and what came.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../../src/distributions/noise/gaussian.ts";
import { normal } from "../../src/distributions/normal.ts";
import { rectangle } from "../../src/fem/generators.ts";
import { makeMesh } from "../../src/fem/make-mesh.ts";
import { poisson } from "../../src/fem/poisson.ts";
import type { PoissonSpec } from "../../src/fem/spec.ts";
import { add, constant, input, matmul } from "../../src/graph/build.ts";
import { compile } from "../../src/graph/program.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { defineProblem } from "../../src/problem/define.ts";
import { predict } from "../../src/simulate/predict.ts";
import { simulate } from "../../src/simulate/simulate.ts";
import { sparseMatrix } from "../../src/sparse/matrix.ts";
import { TrainingStopped } from "../../src/train/checkpoint.ts";
import { train } from "../../src/train/train.ts";
import { wasmBuilds } from "../helpers/backends.ts";
import { rejection } from "../helpers/maps.ts";

const mesh = rectangle({ cells: 2 }); // 9 points, 8 triangles
const ground = { on: "left", value: 0 };
const square = (x: number) => [x, 0, x + 1, 0, x + 1, 1, x, 1];
const apart = makeMesh({ points: [...square(0), ...square(5)], triangles: [0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7] });
const atLeft = { on: (x: number): boolean => x < 1e-9, value: 0 };

const refusals: readonly (readonly [what: string, spec: unknown, message: RegExp])[] = [
  ["no definition", 3, /^poisson: expected an object \{ mesh, … \}, got 3$/],
  ["a misspelt part", { mesh, dirchlet: [ground] }, /^poisson: expected only mesh, .*, sensors, got "dirchlet"$/],
  ["no mesh", { mesh: [0, 1] }, /^poisson: expected a mesh, as rectangle\(\), .* return it, got \[0, 1\]$/],
  [
    "a condition that is no list",
    { mesh, dirichlet: ground },
    /expected dirichlet as a list of \{ on, value \}, got an/,
  ],
  [
    "a condition with a misspelt part",
    { mesh, neumann: [{ on: "left", flow: 1 }] },
    /expected neumann\[0\] as \{ on, flux \}, got an object with keys on, flow$/,
  ],
  [
    "a condition without its place",
    { mesh, robin: [{ transfer: 1, outside: 0 }] },
    /expected robin\[0\] as \{ on, transfer, outside \}/,
  ],
  [
    "an unknown tag",
    { mesh, dirichlet: [{ on: "lid", value: 0 }] },
    /^selectEdges: expected one of the edge tags left, .*, got "lid"$/,
  ],
  [
    "a value that is no number",
    { mesh, dirichlet: [{ on: "left", value: "hot" }] },
    /expected dirichlet\[0\]\.value as a finite number or a function \(x, y\), got "hot"$/,
  ],
  [
    "a value that is not finite",
    { mesh, dirichlet: [{ on: "left", value: Number.NaN }] },
    /expected dirichlet\[0\]\.value as a finite number .*, got NaN$/,
  ],
  [
    "a function that is not finite",
    { mesh, dirichlet: [{ on: "left", value: (_: number, y: number) => 1 / (y - 0.5) }] },
    /expected finite numbers as dirichlet\[0\]\.value, got Infinity in \(0, 0\.5\)$/,
  ],
  [
    "numbers by triangle on edges",
    { mesh, neumann: [{ on: "left", flux: new Float64Array(8) }] },
    /expected neumann\[0\]\.flux as a finite number or a function \(x, y\), got a Float64Array of 8$/,
  ],
  [
    "a source for another mesh",
    { mesh, dirichlet: [ground], source: new Float64Array(7) },
    /expected source as .* or a Float64Array of 8 numbers, got a Float64Array of 7$/,
  ],
  [
    "a source that is not finite",
    { mesh, dirichlet: [ground], source: Float64Array.of(0, 0, 0, NaN, 0, 0, 0, 0) },
    /expected finite numbers as source, got NaN in triangle 3, at/,
  ],
  [
    "lists of two lengths",
    { mesh, dirichlet: [{ on: "left", value: [0, 1] }], source: [1, 2, 3] },
    /expected lists of one length, .*, dirichlet\[0\]\.value with 2, got source with 3$/,
  ],
  [
    "a list of no right-hand side",
    { mesh, dirichlet: [ground], source: [] },
    /expected lists of one length, .*, got source with 0$/,
  ],
  [
    "a negative reaction",
    { mesh, reaction: (x: number) => x - 0.7 },
    /expected a reaction of at least 0, got -.* in triangle 0$/,
  ],
  ["a reaction that is no field", { mesh, reaction: "fast" }, /expected reaction as .*, got "fast"$/],
  [
    "a transfer that is not positive",
    { mesh, robin: [{ on: "left", transfer: (_: number, y: number) => y - 0.6, outside: 0 }] },
    /expected robin\[0\]\.transfer above 0, got -/,
  ],
  [
    "a transfer that is no field",
    { mesh, robin: [{ on: "left", transfer: [1], outside: 0 }] },
    /expected robin\[0\]\.transfer as .*, got \[1\]$/,
  ],
  [
    "nothing but fixed nodes",
    { mesh: rectangle({ cells: 1 }), dirichlet: [{ on: () => true, value: 0 }] },
    /expected at least one node that no Dirichlet condition fixes, got 4 nodes, all fixed$/,
  ],
  [
    "flux without balance",
    { mesh, neumann: [{ on: "left", flux: 1 }] },
    /expected source and flux that balance, .*, got 1 in all for right-hand side 1$/,
  ],
  [
    "a piece that nothing holds",
    { mesh: apart, dirichlet: [atLeft] },
    /expected a Dirichlet or Robin condition, or a reaction, in each piece of the mesh, got none in the one around \(5, 0\)$/,
  ],
  [
    "two pieces and a gauge",
    { mesh: apart },
    /expected a mesh in one piece, where only a gauge fixes the constant, got 2 pieces that do not touch$/,
  ],
  [
    "a gauge that is not needed",
    { mesh, dirichlet: [ground], gauge: "domain" },
    /expected a gauge only where nothing else fixes the constant, got one beside/,
  ],
  ["an unknown gauge", { mesh, gauge: "nodes" }, /expected gauge "domain", "sensors" or 9 weights, got "nodes"$/],
  ["weights for another mesh", { mesh, gauge: [1] }, /expected gauge "domain", "sensors" or 9 weights, got 1$/],
  [
    "weights that do not sum to 1",
    { mesh, gauge: new Float64Array(9).fill(0.1) },
    /expected weights of the gauge that sum to 1, got 0\.[89]/,
  ],
  ["a mean over no sensors", { mesh, gauge: "sensors" }, /expected sensors for gauge "sensors", got none$/],
  [
    "a sensor outside",
    {
      mesh,
      dirichlet: [ground],
      sensors: [
        [0.5, 0.5],
        [1.5, 0],
      ],
    },
    /^locate: expected points in the mesh, got \(1\.5, 0\) at index 1, 0\.5 away from it$/,
  ],
  ["no sensor in a list", { mesh, dirichlet: [ground], sensors: [] }, /expected at least one sensor, got none$/],
  [
    "functionals of another mesh",
    { mesh, dirichlet: [ground], sensors: sparseMatrix(4, 1, [[0, 0, 1]]) },
    /expected sensors to be points, or functionals of 9 nodes, got functionals of 4$/,
  ],
  [
    "sensors of no kind",
    { mesh, dirichlet: [ground], sensors: 5 },
    /expected sensors to be points, or functionals of 9 nodes, got 5$/,
  ],
];

for (const [what, spec, message] of refusals) {
  test(`a definition with ${what} is refused`, () => {
    assert.throws(
      () => poisson(spec as PoissonSpec),
      (error: Error) => message.test(error.message) || assert.unreachable(error.message),
    );
  });
}

const a = input("a", 8, { dtype: "f64" });

test("coefficients of another shape are refused, and so is what cannot be beside them", () => {
  const model = poisson({ mesh, dirichlet: [ground], sensors: [[1, 1]] });
  const refuse = (use: () => unknown, message: RegExp): void => assert.throws(use, message);
  refuse(() => model.observe(input("a", 7)), /^poisson: expected coefficients \(B, 8\), one number a triangle, got /);
  refuse(
    () => model.observe(constant(new Float64Array(8))),
    /expected coefficients \(B, 8\), one number a triangle, got /,
  );
  refuse(() => model.solve(3 as never), /expected coefficients \(B, 8\), one number a triangle, got 3$/);
  refuse(
    () => model.observe(a, { reaction: input("c", 9) }),
    /expected a reaction \(B, 8\), one number a triangle, got /,
  );
  refuse(
    () => model.observe(a, { reactions: a } as never),
    /expected only \{ reaction, transfer \} beside the coefficients, got "reactions"$/,
  );
});

test("data without sensors, and a reaction where none was announced, are refused", () => {
  const model = poisson({ mesh });
  assert.throws(
    () => model.observe(a),
    /^poisson: expected sensors in the definition, for observe\(\); use solve\(\)$/,
  );
  assert.throws(
    () => model.solve(a, { reaction: a }),
    /expected reaction: 0 in the definition, where a reaction comes as a tensor, got/,
  );
});

test("a definition whose reaction is 0 wants one beside the coefficients, unless something else fixes u", () => {
  const message = /expected a reaction beside the coefficients, since the definition's is 0 around \(0, 0\), got none$/;
  assert.throws(() => poisson({ mesh, reaction: 0 }).solve(a), message);
  poisson({ mesh, reaction: 0, dirichlet: [ground] }).solve(a);
  poisson({ mesh, reaction: (x) => x }).solve(a);
});

// ---- coefficients that are not positive

const model = poisson({ mesh, dirichlet: [ground], source: 1, sensors: [[1, 1]] });
/** The parameter is the coefficient of the sixth triangle; that of the others is 1. */
const weakened = (theta: Tensor): Tensor => {
  const one = Float64Array.of(0, 0, 0, 0, 0, 1, 0, 0);
  return add(
    matmul(theta, constant(one, theta.dtype)),
    one.map((x) => 1 - x),
  );
};
const spec = {
  name: "weak spot",
  prior: normal(1, 0.1),
  forward: (theta: Tensor) => model.observe(weakened(theta)),
  noise: gaussianNoise(0.01),
};
const problem = defineProblem(spec);

test("a coefficient that makes the matrix indefinite is named with its sample, and other samples are not touched", async () => {
  const program = atOnce(compile({ run: { outputs: { u: model.observe(a) } } }));
  const rows = 13;
  const good = Float64Array.from({ length: 8 * rows }, (_, k) => 1 + (k % 5));
  const bad = good.slice();
  bad[8 * 9 + 3] = -20;
  for (const create of Object.values(wasmBuilds)) {
    const executor = await create(program);
    const want = (await executor.run("run", { rows, inputs: { a: good } })).u.slice();
    assert.is(executor.fault(), undefined);
    const { u } = await executor.run("run", { rows, inputs: { a: bad } });
    assert.match(
      String(executor.fault()),
      /^solve: .* positive definite .* of sample 10; to blame is the coefficient -20 of element 3$/,
    );
    u.forEach((v, r) => {
      assert.ok(r === 9 ? Number.isNaN(v) : v === want[r], `sample ${r}: ${v}`);
    });
    await executor.run("run", { rows, inputs: { a: good } });
    assert.is(executor.fault(), undefined, "a fault is forgotten by the next run");
  }
});

test("predict() and simulate() throw what made a solution impossible, with sample and element", async () => {
  const message =
    /^predict: .* θ = \(-50\), row 2 of 3, got NaN .*; solve: .* of sample 2; .* coefficient -50 of element 5; /;
  assert.match((await rejection(predict(problem, [1, -50, 2]))).message, message);
  assert.is((await predict(problem, [1, 2])).length, 2);
  const wide = defineProblem({ ...spec, prior: normal(0, 1000) });
  assert.match(
    (await rejection(simulate(wide, 50))).message,
    /^simulate: .* "weak spot" for θ = .*; solve: .* coefficient -\d/,
  );
});

test("training by the ELBO that wanders where no solution is stops with the sample and the element", async () => {
  const error = await rejection(
    train(problem, { objective: "elbo", guide: "gaussian", steps: 50, batch: 16, heldOut: 16, rate: 1000, seed: 2 }),
  );
  assert.instance(error, TrainingStopped);
  assert.match(
    error.message,
    /^training: .*; solve: .* positive definite .* of sample \d+.*; to blame is the coefficient -.* of element 5$/,
  );
});

test.run();
