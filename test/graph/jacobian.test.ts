// slow (25 s): Jacobians of every problem by the f64 reference
// Jacobian-vector products and Jacobians against finite differences, on every built-in problem and on ops of each kind.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createReference } from "../../src/backends/reference/executor.ts";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import { isLinear } from "../../src/distributions/distribution.ts";
import { frameOf } from "../../src/distributions/frame.ts";
import * as g from "../../src/graph/build.ts";
import { grad, type Jacobian, jacobian, jvp } from "../../src/graph/grad.ts";
import { compile } from "../../src/graph/program.ts";
import { type Tensor, topological } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { problems } from "../../src/problems.ts";
import { batchOf, paramOf, plant, scalarOf } from "../helpers/leaves.ts";
import { draw, generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

const ROWS = 3;
const STEP = 2 ** -9;
/** Second derivatives of the plate jump where the rim of its disc meets a corner of a cell: there must be none within a step. */
const SHORT_STEP = 2 ** -15;

/** Of more products than these, each through its solves, the reference makes minutes: kernels, in f64 too, make seconds. */
const MANY = 100;

/** Entry (row, m, d) of ∂output/∂x by Richardson's extrapolation, as in helpers/differences.ts. */
async function differences(
  y: Tensor,
  x: Float64Array,
  D: number,
  step: number,
): Promise<(r: number, m: number, d: number) => number> {
  const at = async (d: number, h: number) =>
    (await runGraph({ y }, { rows: ROWS, inputs: { x: x.map((v, i) => (i % D === d ? v + h : v)) } })).y;
  const M = y.cols;
  const columns: Float64Array[] = [];
  for (let d = 0; d < D; d++) {
    const slope = async (h: number): Promise<Float64Array> => {
      const [up, down] = [await at(d, h), await at(d, -h)];
      return Float64Array.from(up, (v, i) => (v - down[i]) / (2 * h));
    };
    const [wide, narrow] = [await slope(step), await slope(step / 2)];
    columns.push(narrow.map((v, i) => (4 * v - wide[i]) / 3));
  }
  return (r, m, d) => columns[d][r * M + m];
}

interface Model {
  readonly D: number;
  readonly forward: (x: Tensor) => Tensor;
}

/** The forward model of a problem; by the guide's coordinates where the prior has an edge, which the values below would cross. */
function modelOf({ D, forward, prior }: Problem): Model[] {
  if (forward === null) return [];
  return [{ D, forward: isLinear(prior) ? forward : (x) => forward(frameOf(prior).fromGuide(x)) }];
}

const models: Readonly<Record<string, Model>> = {
  ...Object.fromEntries(
    Object.values(problems).flatMap((problem) => modelOf(problem).map((model) => [problem.name, model] as const)),
  ),
  "a Cholesky factor": { D: 3, forward: (x) => g.cholesky(g.add(g.mul(x, 0.25), [2, 0, 3])) },
  "many parameters, few data": { D: 7, forward: (x) => g.sin(g.matmul(x, g.constant(fixed(14), "f64", 7))) },
  "maps with edges": {
    D: 2,
    forward: (x) => g.concat(g.abs(x), g.maximum(x, 0.3), g.clamp(x, -0.7, 0.7), g.where(x, g.exp(x), g.neg(x))),
  },
  "quotients and angles": {
    D: 3,
    forward: (x) => g.concat(g.div(1, g.add(g.square(x), 1)), g.atan2(g.add(x, 3), g.exp(x)), g.logSumExp(x)),
  },
  activations: {
    D: 2,
    forward: (x) => g.concat(g.tanh(x), g.sigmoid(x), g.softplus(x), g.silu(x), g.erf(x), g.cumsum(x)),
  },
};

function fixed(count: number): Float64Array {
  return draw(generator(7), count, { low: -1, high: 1 });
}

for (const [name, { D, forward }] of Object.entries(models)) {
  const x = g.input("x", D, { dtype: "f64" });
  const y = forward(x);
  const M = y.cols;
  const values = draw(generator(D), ROWS * D, { low: -1, high: 1, spacing: 1 / 8, offset: 1 / 16 });

  test(`the Jacobian of ${name} and its products agree with finite differences, by columns and by rows`, async () => {
    const both: Readonly<Record<string, Jacobian>> = {
      chosen: jacobian(y, x),
      columns: { by: "columns", parts: g.split(x).map((_, d) => jvp(y, x, unit(D, d))) },
      rows: { by: "rows", parts: g.split(y).map((part) => grad(part, [x])[0] as Tensor) },
    };
    assert.is(both.chosen.by, M < D ? "rows" : "columns");
    assert.is(both.chosen.parts.length, Math.min(D, M));
    const want = await differences(y, values, D, name === "eit" ? SHORT_STEP : STEP);
    for (const [kind, { by, parts }] of Object.entries(both)) {
      const got = await runGraph(Object.fromEntries(parts.map((t, i) => [`${i}`, t])), {
        rows: ROWS,
        inputs: { x: values },
        create: parts.length > MANY ? createWasm : createReference,
      });
      for (let r = 0; r < ROWS; r++) {
        for (let m = 0; m < M; m++) {
          for (let d = 0; d < D; d++) {
            const is = by === "rows" ? got[m][r * D + d] : got[d][r * M + m];
            const error = Math.abs(is - want(r, m, d));
            // Steps of 2^-9 leave h⁴ f⁗′/480 = 3e-14 f⁗′ and 1e-13 |f| of rounding: far below this for f of order one.
            const allowed = 1e-6 * Math.max(Math.abs(want(r, m, d)), 0.01);
            assert.ok(error <= allowed, `${kind}, row ${r}, ${m} by ${d}: ${is}, ${want(r, m, d)}`);
          }
        }
      }
    }
  });

  test(`the plan of the Jacobian of ${name} has the parameters as its only input`, () => {
    const plan = atOnce(
      compile({ p: { outputs: Object.fromEntries(jacobian(y, x).parts.map((t, i) => [`${i}`, t])) } }),
    ).plans.p;
    assert.ok(plan.inputs.every((i) => i.name === "x"));
  });
}

function unit(D: number, d: number): Tensor {
  const e = new Float64Array(D);
  e[d] = 1;
  return g.mul(g.ones("f64"), g.constant(e, "f64"));
}

test("a Jacobian-vector product is the transpose of the vector-Jacobian product, v · J t = Jᵀ v · t, also for params", async () => {
  const { leaves, tensors, values } = plant([batchOf(3), paramOf(4, 2)], "f64");
  const [x, w] = tensors;
  const y = g.dense(x, w, { activation: "tanh" });
  const [v, t, s] = [
    g.input("v", 2, { dtype: "f64" }),
    g.input("t", 3, { dtype: "f64" }),
    g.constant(fixed(8), "f64", 4),
  ];
  const [dx, dw] = grad(y, [x, w], v) as Tensor[];
  const planted: Record<string, Float64Array> = values(ROWS);
  const inputs = { ...planted, v: fixed(2 * ROWS), t: fixed(3 * ROWS) };
  const weights = { [leaves[1].attrs.name as string]: planted.x1 };
  const got = await runGraph(
    {
      forward: g.batchSum(g.sumFeatures(g.mul(v, jvp(y, x, t)))),
      backward: g.batchSum(g.sumFeatures(g.mul(dx, t))),
      forwardParam: g.batchSum(g.sumFeatures(g.mul(v, jvp(y, w, s)))),
      backwardParam: g.sumFeatures(g.mul(dw, s)),
    },
    { rows: ROWS, inputs, weights },
  );
  assert.ok(Math.abs(got.forward[0] - got.backward[0]) < 1e-14 * 10);
  assert.ok(Math.abs(got.forwardParam[0] - got.backwardParam[0]) < 1e-14 * 10);
  assert.not(topological([jvp(y, x, t)]).includes(v));
});

test("products can be differentiated again: their gradients agree with finite differences", async () => {
  const x = g.input("x", 2, { dtype: "f64" });
  const product = jvp(g.mul(g.sin(x), g.exp(g.columns(x, [1, 0]))), x, unit(2, 0));
  const values = draw(generator(2), ROWS * 2, { low: -1, high: 1, spacing: 1 / 8 });
  const [gradient] = grad(scalarOf(product, 4), [x]) as Tensor[];
  const want = await differences(product, values, 2, STEP);
  const { gradient: got, factors } = await runGraph(
    { gradient, factors: g.cast(g.random("normal", 2, 4), "f64") },
    { rows: ROWS, inputs: { x: values } },
  );
  for (let r = 0; r < ROWS; r++) {
    for (let d = 0; d < 2; d++) {
      const sum = [0, 1].reduce((s, m) => s + factors[2 * r + m] * want(r, m, d), 0);
      assert.ok(Math.abs(got[2 * r + d] - sum) < 1e-8, `${got[2 * r + d]}, ${sum}`);
    }
  }
});

test("an output that does not depend on the parameters has a Jacobian of zeros", async () => {
  const [x, z] = [g.input("x", 2, { dtype: "f64" }), g.input("z", 3, { dtype: "f64" })];
  for (const [output, wrt] of [
    [z, x],
    [x, z],
    [g.detach(x), x],
  ]) {
    const { parts } = jacobian(output, wrt);
    const got = await runGraph(Object.fromEntries(parts.map((t, i) => [`${i}`, t])), {
      rows: 1,
      inputs: { x: [1, 2], z: [1, 2, 3] },
    });
    for (const part of Object.values(got)) assert.ok(part.every((v) => v === 0));
  }
});

test("tangents of another shape and Jacobians of sums over the batch are refused", () => {
  const [x, z] = [g.input("x", 2, { dtype: "f64" }), g.input("z", 3, { dtype: "f64" })];
  assert.throws(() => jvp(g.sin(x), x, z), /^jvp: expected a tangent \(B, 2\) f64, got \(B, 3\) f64$/);
  assert.throws(() => jvp(g.sin(x), x, g.cast(x, "f32")), /^jvp: expected a tangent \(B, 2\) f64, got \(B, 2\) f32$/);
  assert.throws(
    () => jacobian(g.batchSum(x), x),
    /^jacobian: expected batches \(B, M\) and \(B, D\), got \(1, 2\) and \(B, 2\)$/,
  );
});

test.run();
