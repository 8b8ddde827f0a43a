// Wrong use gets an error that says what was expected and what came, never an answer, a NaN or a raw TypeError.
import { deepStrictEqual } from "node:assert";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { refuseOldName } from "../src/checks/arguments.ts";
import * as R from "../src/index.ts";
import { mapOf } from "../src/model/model.ts";
import * as O from "../src/ops.ts";

const base = {
  name: "p",
  prior: R.normal([0, 0], 1),
  forward: (theta: O.Tensor) => O.mul(theta, 2),
  noise: R.gaussianNoise(0.1),
};
const problem = R.defineProblem(base);
const quick: R.TrainOptions = { steps: 3, batch: 16, heldOut: 16, guide: "gaussian" };
const map = await R.train(problem, quick);
const posterior = await R.infer(map, [1, 2]);

/** Wrong values come from JavaScript, where no type stops them. */
// biome-ignore lint/suspicious/noExplicitAny: see above
type Wrong = any;
const define = (change: Wrong) => () => R.defineProblem({ ...base, ...change });
const train = (change: Wrong) => () => R.train(problem, { ...quick, ...change });
const simulator = (simulate: Wrong) => () =>
  R.train(R.defineProblem({ ...base, forward: undefined, data: 2, simulate }), quick);

const cases: Record<string, () => unknown> = {
  "a negative sd": () => R.normal([0, 0], [1, -1]),
  "means and sds of different lengths": () => R.normal([0, 0], [1, 1, 1]),
  "a mean that is NaN": () => R.normal(Number.NaN, 1),
  "bounds the wrong way round": () => R.uniform(1, 0),
  "negative noise": () => R.gaussianNoise(-1),
  "noise of no channel": () => R.gaussianNoise([]),
  "a product of nothing": () => R.product(),
  "a problem without a name": define({ name: undefined }),
  "a prior that is a list": define({ prior: [0, 1] }),
  "noise of the wrong length": define({ noise: R.gaussianNoise([1, 2, 3]) }),
  "too few parameter names": define({ parameters: ["a"] }),
  "a forward model that returns its weights": define({ forward: () => O.constant([1, 2]) }),
  "a forward model that returns numbers": define({ forward: () => [1, 2] }),
  "columns that are not there": define({ forward: (t: O.Tensor) => O.columns(t, [5]) }),
  "a misspelt key of a problem": define({ nois: 1 }),
  "neither forward nor simulate": define({ forward: undefined }),
  "no steps": train({ steps: 0 }),
  "steps in words": train({ steps: "10" }),
  "a negative rate": train({ rate: -1 }),
  "an endless batch": train({ batch: 1e9 }),
  "an unknown guide": train({ guide: "gausian" }),
  "an unknown objective": train({ objective: "mle" }),
  "an unknown preset": train({ preset: "best" }),
  "an unknown backend": train({ backend: "cuda" }),
  "unknown kernels": train({ kernels: "fast" }),
  "a misspelt option": train({ step: 3 }),
  "a seed that is NaN": train({ seed: Number.NaN }),
  "a simulator that forgets a datum": simulator((rows: unknown[]) => rows.map(() => [1])),
  "a simulator that forgets rows": simulator(() => [[1, 2]]),
  "a simulator that gives NaN": simulator((rows: unknown[]) => rows.map(() => [1, Number.NaN])),
  "a forward model that overflows": () =>
    R.train(R.defineProblem({ ...base, forward: (t) => O.exp(O.mul(t, 1e4)) }), quick),
  "bins that make no spline": () => R.spline({ bins: 1 }),
  "blocks that make no flow": () => R.coupling({ blocks: 0 }),
  "data of the wrong length": () => R.infer(map, [1, 2, 3]),
  "data in which a row is short": () => R.infer(map, [[1, 2], [1]]),
  "data that are NaN": () => R.infer(map, [1, Number.NaN]),
  "data beyond single precision": () => R.infer(map, [1, 1e300]),
  "a map that was not awaited": () => R.infer(Promise.resolve(map) as Wrong, [1, 2]),
  "no draws": () => posterior.sample(0),
  "a level of 2": () => posterior.quantile(2),
  "parameters of the wrong length": () => posterior.logProb([1, 2, 3]),
  "a model that is not there": () => R.load("no-such-file.safetensors"),
  "bytes that are no model": () => R.load(new Uint8Array(100)),
  "no simulations": () => R.simulate(problem, 0),
  "parameters that are NaN": () => R.predict(problem, [Number.NaN, 1]),
};

for (const [what, run] of Object.entries(cases)) {
  test(`${what} is refused, with what was expected and what came`, async () => {
    const error = await Promise.resolve()
      .then(run)
      .then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      );
    assert.ok(error, "nothing was thrown");
    assert.is((error as Error).constructor.name, "Error");
    assert.match((error as Error).message, /expected|cannot read/);
    assert.match((error as Error).message, /got|no such file/);
  });
}

test("the earlier name of a map's executor is refused by name, on maps that are trained, loaded or given a record", async () => {
  const loaded = await R.load(R.toBytes(map));
  for (const each of [map, loaded, mapOf({ ...map, spec: { ...map.spec } })]) {
    assert.throws(
      () => (each as Wrong).engine,
      (error: Error) => error.message === "InverseMap: expected executor, got engine, its earlier name; read executor",
    );
  }
});

test("copies, printers, clones and comparisons do not read a renamed property", () => {
  const plain = { executor: 1, spec: { D: 2 } };
  const kept = refuseOldName("InverseMap", { ...plain }, "engine", "executor");
  assert.equal({ ...kept }, plain);
  assert.equal(structuredClone(kept), plain);
  assert.equal(JSON.parse(JSON.stringify(kept)), plain);
  assert.equal(kept, plain);
  deepStrictEqual(kept, plain);
  for (const showHidden of [false, true]) assert.match(inspect(kept, { showHidden }), "executor: 1");
  assert.not("engine" in { ...map });
  assert.not.match(inspect(map), "engine");
});

test.run();
