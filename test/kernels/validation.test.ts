// slow (13 s): every shader is compiled and checked
// Every kernel of shaders/ compiles without a message, within the limits that every device has, on a device that checks everything
// and runs nothing. Shapes, the rows of the plan and the neighbours of an op in it pick the variant of a kernel.
import { readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { choleskyKernels } from "../../shaders/cholesky.wgsl.ts";
import { denseKernels } from "../../shaders/dense.wgsl.ts";
import { denseGradKernels } from "../../shaders/dense_grad.wgsl.ts";
import { flowKernels } from "../../shaders/flow.wgsl.ts";
import { indexKernels } from "../../shaders/index_ops.wgsl.ts";
import type { Kernel } from "../../shaders/kernel.ts";
import { functions } from "../../shaders/math.wgsl.ts";
import { randomKernels } from "../../shaders/random.wgsl.ts";
import { reduceKernels } from "../../shaders/reduce.wgsl.ts";
import { sparseKernels } from "../../shaders/sparse.wgsl.ts";
import { tileOf } from "../../shaders/tiles.ts";
import { triangleKernels } from "../../shaders/triangle.wgsl.ts";
import { newBuffer } from "../../src/backends/webgpu/buffers.ts";
import { Optimiser } from "../../src/backends/webgpu/optimiser.ts";
import { pipelinesOf } from "../../src/backends/webgpu/pipelines.ts";
import { hasKernels, scheduleOf } from "../../src/backends/webgpu/schedule.ts";
import * as g from "../../src/graph/build.ts";
import { gradientsOf } from "../../src/graph/grad.ts";
import { activationNames, mapNames } from "../../src/graph/names.ts";
import { compile, type PlanRequest } from "../../src/graph/program.ts";
import { rules } from "../../src/graph/rules.ts";
import { splineParams } from "../../src/graph/spline-rules.ts";
import { topological } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { nullDevice } from "../helpers/gpu.ts";
import { plant, scalarOf } from "../helpers/leaves.ts";
import { families } from "../helpers/op-cases.ts";

const WIDTHS = [1, 3, 8, 33];
/** Rows of plans; 0: not known. */
const ROWS = [0, 8, 200];

type Requests = Generator<PlanRequest>;

/** Each case by itself, and all in one plan: long chains of maps, which load and keep as much as a kernel may. */
function* casesOf(family: string): Requests {
  for (const width of WIDTHS) {
    const outputs = families[family](width, "f32")
      .map(({ leaves, build }, i) => build(...plant(leaves, "f32", `case ${i} leaf `).tensors))
      .filter((output) => topological([output]).every(({ op }) => hasKernels(op)));
    for (const rows of ROWS) {
      for (const output of outputs) yield { outputs: { output }, rows };
      yield { outputs: Object.fromEntries(outputs.entries()), rows };
    }
  }
}

/** Widths of layers: a unit, less than a quad, the nets of the paper, whole quads and not, tiles of 128 and beyond. */
const LAYERS = [
  [1, 1],
  [2, 20],
  [600, 20],
  [4, 100],
  [100, 100],
  [100, 2],
  [33, 65],
  [128, 128],
  [129, 257],
  [1024, 1024],
  [4096, 4096],
] as const;
const LAYER_ROWS = [0, 8, 64, 2048, 65_536];

/** All three products of a layer, those of tiles too, and the gradient of its weights where training wants it. */
function* layers(): Requests {
  for (const [ins, outs] of LAYERS) {
    const [x, dz] = [g.input("x", ins), g.input("dz", outs)];
    const w = g.weight("w", ins + 1, outs);
    const outputs = [
      ...activationNames.map((activation) => g.dense(x, w, { activation })),
      g.dense(g.tile(x, 3), w, { bias: false }),
      g.denseInputGrad(dz, w, ins),
      g.denseWeightGrad(x, dz, ins + 1, true),
      g.denseWeightGrad(g.tile(x, 3), g.tile(dz, 3), ins, false),
    ];
    const minimise = scalarOf(g.dense(x, w, { activation: "tanh" }), 1);
    for (const rows of LAYER_ROWS) {
      yield { outputs: Object.fromEntries(outputs.entries()), rows };
      yield { outputs: { minimise }, gradients: () => gradientsOf(minimise), rows };
    }
  }
}

function* splines(): Requests {
  for (const dims of [1, 3]) {
    for (const inverse of [false, true]) {
      const attrs = { bins: 5, bound: 3, inverse };
      const [x, p, dy] = [g.input("x", dims), g.input("p", dims * splineParams(attrs.bins)), g.input("dy", 2 * dims)];
      yield { outputs: { y: g.spline(x, p, attrs), grad: g.splineGrad(x, p, dy, attrs) } };
    }
  }
}

function* drawsAndEdges(): Requests {
  for (const width of WIDTHS) {
    const draws = [g.random("uniform", width, 1, 2), g.random("normal", width, 2), g.bankRows("bank", width, 3)];
    yield { outputs: Object.fromEntries(draws.entries()) };
    yield { outputs: { x: g.input("x", width), repeated: g.input("repeated", width, { repeat: true }) } };
    // More inputs than a kernel may have buffers.
    yield { outputs: { all: g.concat(...Array.from({ length: 17 }, (_, i) => g.input(`x${i}`, width))) } };
    // The gradient of v is that of w: a copy.
    const [v, w] = [g.weight("v", 1, width), g.weight("w", 1, width)];
    const minimise = g.sumFeatures(g.add(v, w));
    yield { outputs: { minimise }, gradients: () => gradientsOf(minimise) };
  }
}

const sources: Readonly<Record<string, () => Requests>> = {
  ...Object.fromEntries(Object.keys(families).map((family) => [family, () => casesOf(family)])),
  "the products of layers of all sizes": layers,
  splines,
  "draws and edges": drawsAndEdges,
};

const { device, modules, close } = await nullDevice();
test.after(close);
/** Names of the kernels that were made, one for each op of a chain. */
const made = new Set<string>();

async function compiles(kernel: Kernel, rows: number): Promise<void> {
  const { name, bindings, groups } = kernel;
  const writes = bindings.map(({ write = false }) => write);
  // A buffer that holds several values is bound for writing where any of them is written.
  for (const bound of [writes, writes.map(() => true)]) await pipelinesOf(device).get(kernel, bound);
  fits(name, groups({ padded: Math.max(8, rows) }));
  for (const op of name.split(" ")) made.add(op);
}

const fits = (name: string, groups: readonly number[]): void =>
  assert.ok(
    groups.every((n) => Number.isInteger(n) && n >= 1 && n <= 65_535),
    `${name}: ${groups}`,
  );

/** What the compiler had to say since so many modules. */
async function messagesSince(first: number): Promise<string> {
  const told: string[] = [];
  for (const { name, module } of modules.slice(first)) {
    const { messages } = await module.getCompilationInfo();
    told.push(...messages.map(({ lineNum, message }) => `${name}, line ${lineNum}: ${message}`));
  }
  return told.join("\n");
}

for (const [name, requests] of Object.entries(sources)) {
  test(`${name} compile without a message, within the limits of every device`, async () => {
    const first = modules.length;
    for (const request of requests()) {
      const { prologue, shard, epilogue, outputs } = scheduleOf(atOnce(compile({ graph: request })).plans.graph);
      for (const kernel of [...prologue, ...shard, ...epilogue, ...outputs]) await compiles(kernel, request.rows ?? 0);
    }
    assert.is(await messagesSince(first), "");
    assert.ok(modules.length > first);
  });
}

test("the kernels of Adam and AMSGrad compile without a message, and their buffers fit them", async () => {
  const first = modules.length;
  const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clip: 1 };
  const floats = 4_000_000; // more than one row of work-groups
  const [weights, sums, loss] = [floats, floats, 1].map((count, i) => newBuffer(device, 4 * count, `buffer ${i}`));
  for (const amsgrad of [false, true]) {
    const optimiser = new Optimiser(device, { ...options, amsgrad }, 4 * floats, weights);
    device.pushErrorScope("validation");
    for (const { name, groups } of await optimiser.dispatches(sums, { buffer: loss })) {
      fits(name, groups({ padded: 8 }));
      made.add(name);
    }
    assert.is((await device.popErrorScope())?.message, undefined);
    optimiser.dispose();
  }
  assert.is(await messagesSince(first), "");
});

test("these tests make the kernels of every op on WebGPU; weights and constants need none", () => {
  const left = Object.keys(rules).filter((op) => hasKernels(op) && !made.has(op));
  assert.equal(left.sort(), ["constant", "param"]);
});

/** The kernels that each file makes; all others are functions for them. */
const files: Readonly<Record<string, readonly string[]>> = {
  "adam.wgsl.ts": ["gradient norm", "end of step", "adam", "amsgrad"],
  "cholesky.wgsl.ts": Object.keys(choleskyKernels),
  "dense.wgsl.ts": Object.keys(denseKernels),
  "dense_grad.wgsl.ts": Object.keys(denseGradKernels),
  "flow.wgsl.ts": Object.keys(flowKernels),
  "index_ops.wgsl.ts": [...Object.keys(indexKernels), "output"],
  "map.wgsl.ts": [...mapNames, "cast", "detach"],
  "random.wgsl.ts": Object.keys(randomKernels),
  "reduce.wgsl.ts": Object.keys(reduceKernels),
  "sparse.wgsl.ts": Object.keys(sparseKernels),
  "triangle.wgsl.ts": Object.keys(triangleKernels),
};

test("these tests make the kernels of every file of shaders/, and every function that they share", () => {
  const written = readdirSync(new URL("../../shaders/", import.meta.url)).filter((name) => name.endsWith(".wgsl.ts"));
  assert.equal(written.sort(), [...Object.keys(files), "math.wgsl.ts"].sort());
  for (const [file, kernels] of Object.entries(files))
    assert.equal(
      kernels.filter((name) => !made.has(name)),
      [],
      file,
    );
  const defined = new Set(modules.flatMap(({ code }) => Array.from(code.matchAll(/^fn (\w+)/gm), ([, name]) => name)));
  assert.equal(
    Object.keys(functions).filter((name) => !defined.has(name)),
    [],
  );
});

test("some layer of this file picks tiles of 8 × 8 for each thread, some teams, some single work-groups", () => {
  const tiles = LAYERS.flatMap(([ins, outs]) => [8, 2048, 65_536].map((rows) => tileOf(outs, rows, ins)));
  assert.ok(tiles.some(({ r }) => r === 2) && tiles.some(({ r }) => r === 1));
  assert.ok(tiles.some(({ TZ }) => TZ > 1) && tiles.some(({ TZ }) => TZ === 1));
  assert.ok(tiles.every(({ TX, TY, TZ }) => TX * TY * TZ <= 256));
  for (const { r, TX, TY, TZ, Q } of tiles) {
    assert.ok(16 * Math.max(4 * Q * r * (TX + TY), TZ > 1 ? TX * TY * TZ : 0) <= 16_384, "work-group memory");
    assert.is(Q % TZ, 0, "as many quads for every team");
  }
});

test.run();
