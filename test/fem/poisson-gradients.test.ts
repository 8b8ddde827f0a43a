// Derivatives of data with respect to coefficients and reactions, through assembly, factorisation, substitutions and gauge.
import { test } from "uvu";
import { rectangle } from "../../src/fem/generators.ts";
import type { Mesh } from "../../src/fem/mesh.ts";
import { poisson } from "../../src/fem/poisson.ts";
import type { PoissonSpec } from "../../src/fem/spec.ts";
import { add, batchSum, input, mul, square, sumFeatures } from "../../src/graph/build.ts";
import { grad } from "../../src/graph/grad.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { wasmBuilds } from "../helpers/backends.ts";
import { checkGradients } from "../helpers/differences.ts";
import { farthest } from "../helpers/fem.ts";
import { draw, generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

const mesh: Mesh = rectangle({ cells: [3, 2] });
const sensors = [
  [0.2, 0.3],
  [0.9, 0.5],
  [0.5, 1],
] as const;

interface Case {
  readonly spec: PoissonSpec;
  /** Whether a reaction comes as a tensor, and factors of the transfers. */
  readonly reaction: boolean;
  readonly transfer?: number;
}
const cases: Readonly<Record<string, Case>> = {
  "Dirichlet values, flux, transfer and a reaction": {
    spec: {
      mesh,
      dirichlet: [{ on: "left", value: [1, (_, y) => 2 - y] }],
      neumann: [{ on: "top", flux: [0.5, (x) => x] }],
      robin: [{ on: "right", transfer: (_, y) => 1 + y, outside: [0, 2] }],
      reaction: 0.25,
      source: [(x, y) => 1 + x * y, Float64Array.from({ length: 12 }, (_, e) => e / 4)],
      sensors,
    },
    reaction: true,
  },
  "transfers as tensors": {
    spec: {
      mesh,
      dirichlet: [{ on: "left", value: 1 }],
      robin: [
        { on: "right", transfer: (_, y) => 1 + y, outside: [0, 2] },
        { on: "top", transfer: 1, outside: (x) => x },
      ],
      sensors,
    },
    reaction: false,
    transfer: 2,
  },
  "nothing but flux, and a mean over the sensors of 0": {
    spec: {
      mesh,
      neumann: [
        { on: "left", flux: [-1, 0] },
        { on: "right", flux: [1, 0] },
      ],
      source: [0, (x) => x - 0.5],
      gauge: "sensors",
      sensors,
    },
    reaction: false,
  },
  "a reaction alone": { spec: { mesh, reaction: 0, source: 1, sensors }, reaction: true },
};

const rows = 2;
/** A sum to which every column matters in its own way: fixed numbers, the same on every backend to the last bit. */
const weighted = (t: Tensor, seed: number): Tensor =>
  batchSum(sumFeatures(mul(t, draw(generator(seed), t.cols, { low: -2, high: 2 }))));
/** Coefficients on a grid that f32 holds, and a scalar of the data that each of them matters to. */
function setUp({ spec, reaction, transfer }: Case) {
  const model = poisson(spec);
  const a = input("a", model.E, { dtype: "f64" });
  const c = input("c", model.E, { dtype: "f64" });
  const h = input("h", transfer ?? 1, { dtype: "f64" });
  const u = model.observe(a, { ...(reaction && { reaction: c }), ...(transfer && { transfer: h }) });
  const leaves = [a, ...(reaction ? [c] : []), ...(transfer ? [h] : [])];
  const next = generator(7);
  const values = Object.fromEntries(
    leaves.map((leaf) => [leaf.attrs.name as string, draw(next, rows * leaf.cols, { low: 0.75, high: 3 })]),
  );
  const total = weighted(add(u, mul(square(u), 0.5)), 1);
  return { total, leaves, values };
}

for (const [name, given] of Object.entries(cases)) {
  test(`derivatives of data with ${name} are those of finite differences`, async () => {
    const { total, leaves, values } = setUp(given);
    await checkGradients(total, leaves, grad(total, leaves), { rows, values });
  });

  test(`second derivatives of data with ${name} are those of finite differences`, async () => {
    const { total, leaves, values } = setUp(given);
    const first = grad(total, leaves) as Tensor[];
    const again = first.map((t, i) => weighted(t, 2 + i)).reduce((p, q) => add(p, q));
    await checkGradients(again, leaves, grad(again, leaves), { rows, values });
  });

  for (const [backend, create] of Object.entries(wasmBuilds)) {
    test(`derivatives of data with ${name} are those of the reference on ${backend}`, async () => {
      const { total, leaves, values } = setUp(given);
      const outputs = Object.fromEntries(grad(total, leaves).map((g, i) => [`g${i}`, g as Tensor]));
      const inputs = values;
      const want = await runGraph(outputs, { rows, inputs });
      const got = await runGraph(outputs, { rows, inputs, create });
      for (const key of Object.keys(want)) {
        const off = farthest(got[key], want[key]); // of order 1
        if (!(off < 1e-12)) throw new Error(`${key} is off by ${off}`);
      }
    });
  }
}

test.run();
