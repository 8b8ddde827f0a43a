// The tiled products of shaders/dense.wgsl.ts: every variant compiles, and those that the widths of webgpu.test.ts do not reach are
// right. A variant is what the shape of a layer and the rows of the plan pick: width of tiles, teams, whole quads of weights or not,
// sums over rows in parts or alone. The tolerance is that of ops.test.ts: 4 + 4 √K units of 2^-24 Σ|terms| for K terms.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Kernel } from "../../shaders/kernel.ts";
import { tileOf } from "../../shaders/tiles.ts";
import { openGpu } from "../../src/backends/webgpu/device.ts";
import { moduleText, Pipelines } from "../../src/backends/webgpu/pipelines.ts";
import { scheduleOf } from "../../src/backends/webgpu/schedule.ts";
import * as g from "../../src/graph/build.ts";
import type { Activation } from "../../src/graph/ops.ts";
import { compile } from "../../src/graph/program.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { linear, sumOf } from "../helpers/cases.ts";
import { compareWithReference, roundoff } from "../helpers/compare.ts";
import { noGpu, webgpu } from "../helpers/gpu.ts";
import { readyKernels } from "../helpers/kernel-runner.ts";
import { batchOf, paramOf, tiled } from "../helpers/leaves.ts";
import { draw, generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

const ACTIVATIONS: readonly Activation[] = ["linear", "relu", "leakyRelu", "tanh", "sigmoid", "softplus"];
/** Widths of layers: a unit, less than a quad, the nets of the paper, whole quads and not, tiles of 128 and beyond. */
const SHAPES = [
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
/** Rows of plans; 0: not known. */
const ROWS = [0, 8, 64, 2048, 65_536];

function kernelsOf(output: Tensor, rows: number): readonly Kernel[] {
  const { plans } = compile({ graph: { outputs: { output }, rows } });
  return scheduleOf(plans.graph).shard.filter(({ name }) => name.startsWith("dense"));
}

/** All three products of a layer, and a tiled one. */
function layer(ins: number, outs: number): Tensor[] {
  const [x, dz] = [g.input("x", ins), g.input("dz", outs)];
  const w = g.weight("w", ins + 1, outs);
  return [
    ...ACTIVATIONS.map((activation) => g.dense(x, w, { activation })),
    g.dense(g.tile(x, 3), w, { bias: false }),
    g.denseInputGrad(dz, w, ins),
    g.denseWeightGrad(x, dz, ins + 1, true),
    g.denseWeightGrad(g.tile(x, 3), g.tile(dz, 3), ins, false),
  ];
}

/** A device that runs nothing and checks everything, with the limits that every device has. */
async function nullDevice(): Promise<{ device: GPUDevice; gpu: GPU }> {
  const { create } = await import("webgpu");
  const gpu = create(["backend=null"]);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("internal: the null backend of Dawn always has an adapter");
  return { device: await adapter.requestDevice(), gpu };
}

test("every variant of the products compiles without a message, within the limits of every device", async () => {
  const { gpu, device } = await nullDevice();
  const pipelines = new Pipelines(device);
  const texts = new Map<string, string>();
  for (const [ins, outs] of SHAPES) {
    for (const rows of ROWS) {
      for (const kernel of layer(ins, outs).flatMap((output) => kernelsOf(output, rows))) {
        const writes = kernel.bindings.map(({ write = false }) => write);
        await pipelines.get(kernel, writes);
        texts.set(moduleText(kernel, writes), kernel.name);
        const groups = kernel.groups({ padded: Math.max(8, rows) });
        assert.ok(
          groups.every((n) => Number.isInteger(n) && n >= 1 && n <= 65_535),
          `${kernel.name}: ${groups}`,
        );
      }
    }
  }
  for (const [code, name] of texts) {
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    assert.is(messages.map(({ lineNum, message }) => `${name}, line ${lineNum}: ${message}`).join("\n"), "");
  }
  assert.ok(texts.size >= 30, `${texts.size} texts`);
  device.destroy();
  assert.ok(gpu); // kept until here: without it the device ends the process
});

test("tiles of 8 × 8 a thread, teams and single work-groups are all picked by some shape of this file", () => {
  const tiles = SHAPES.flatMap(([ins, outs]) => [8, 2048, 65_536].map((rows) => tileOf(outs, rows, ins)));
  assert.ok(tiles.some(({ r }) => r === 2) && tiles.some(({ r }) => r === 1));
  assert.ok(tiles.some(({ TZ }) => TZ > 1) && tiles.some(({ TZ }) => TZ === 1));
  assert.ok(tiles.every(({ TX, TY, TZ }) => TX * TY * TZ <= 256));
  for (const { r, TX, TY, TZ, Q } of tiles) {
    assert.ok(16 * Math.max(4 * Q * r * (TX + TY), TZ > 1 ? TX * TY * TZ : 0) <= 16_384, "work-group memory");
    assert.is(Q % TZ, 0, "as many quads for every team");
  }
});

const weighted = (dz: Tensor): Tensor => g.mul(dz, g.rowWeight(dz.dtype, dz.rows));

test("large tiles are right, at their edges and with few rows", async () => {
  if (noGpu) return void console.log(`SKIP ${noGpu}`);
  for (const [ins, outs] of [
    [130, 129],
    [132, 136],
  ]) {
    const w = paramOf(ins + 1, outs);
    const shape = `${ins} → ${outs}`;
    const cases = [
      linear(`dense ${shape}`, [batchOf(ins), w], ins, (x, v) => g.dense(x, v)),
      linear(`dense of tiles ${shape}`, [tiled(3, ins), w], ins, (x, v) => g.dense(x, v)),
      linear(`denseInputGrad ${shape}`, [batchOf(outs), w], outs, (dz, v) => g.denseInputGrad(dz, v, ins)),
      linear(`denseWeightGrad ${shape}`, [batchOf(ins), batchOf(outs)], 64, (x, dz) =>
        g.denseWeightGrad(x, weighted(dz), ins + 1, true),
      ),
    ];
    await compareWithReference(Object.values(webgpu), "f32", cases, [13, 72]);
  }
});

test("plans whose rows are known take their sums alone or in parts, and are right either way", async () => {
  if (noGpu) return void console.log(`SKIP ${noGpu}`);
  for (const [ins, outs, rows] of [
    [100, 2, 8],
    [4, 100, 61],
    [20, 33, 250],
    [9, 6, 1000],
  ]) {
    const next = generator(rows);
    const inputs = {
      x: draw(next, rows * ins, { low: -2, high: 2 }),
      dz: draw(next, rows * outs, { low: -2, high: 2 }),
    };
    const weights = { w: draw(next, (ins + 1) * outs, { low: -2, high: 2 }) };
    const [x, dz, w] = [g.input("x", ins), g.input("dz", outs), g.weight("w", ins + 1, outs)];
    const products = (a: Tensor, b: Tensor, v: Tensor) => ({
      y: g.dense(a, v),
      dx: g.denseInputGrad(b, v, ins),
      dw: g.denseWeightGrad(a, weighted(b), ins + 1, true),
    });
    const terms = { y: ins, dx: outs, dw: rows };
    const [want, scale, got] = [
      await runGraph(products(x, dz, w), { rows, inputs, weights }),
      await runGraph(products(g.abs(x), g.abs(dz), g.abs(w)), { rows, inputs, weights }),
      await runGraph(products(x, dz, w), { rows, inputs, weights, create: webgpu.webgpu }),
    ];
    for (const key of ["y", "dx", "dw"] as const) {
      for (let i = 0; i < want[key].length; i++) {
        const allowed = sumOf(terms[key]) * roundoff.f32 * scale[key][i];
        const error = Math.abs(got[key][i] - want[key][i]);
        assert.ok(error <= allowed, `${key} ${ins} → ${outs}, ${rows} rows, entry ${i}: ${error} > ${allowed}`);
      }
    }
  }
});

test("weight gradients leave padding out, add to earlier calls when told, and are the same every time", async () => {
  if (noGpu) return void console.log(`SKIP ${noGpu}`);
  const [ins, outs, tiles, padded, rows] = [5, 3, 2, 160, 155];
  const { device } = await openGpu();
  const run = async (kernels: readonly Kernel[], values: Record<string, Float32Array<ArrayBuffer>>, carry: number) => {
    const ready = await readyKernels(device, kernels, values, { rows, padded, carry });
    ready.submit();
    const dw = await ready.read("dw");
    ready.dispose();
    return dw as Float32Array<ArrayBuffer>;
  };
  for (const known of [0, 8]) {
    const [x, dz] = [g.tile(g.input("x", ins), tiles), g.tile(g.input("dz", outs), tiles)];
    const kernels = kernelsOf(g.denseWeightGrad(x, dz, ins + 1, true), known);
    assert.is(kernels.length, known === 0 ? 2 : 1, "known to be short: no parts");
    const count = tiles * padded;
    const next = generator(7);
    const values: Record<string, Float32Array<ArrayBuffer>> = {
      x: Float32Array.from(draw(next, ins * count, { low: -2, high: 2 })),
      dz: Float32Array.from(draw(next, outs * count, { low: -2, high: 2 })), // not 0 in padding
      dw: new Float32Array((ins + 1) * outs).fill(1000),
    };
    const want = Array.from({ length: (ins + 1) * outs }, (_, at) => {
      const [i, o] = [Math.floor(at / outs), at % outs];
      let sum = 0;
      for (let n = 0; n < count; n++)
        if (n % padded < rows) sum += (i === ins ? 1 : values.x[i * count + n]) * values.dz[o * count + n];
      return sum;
    });
    const near = (got: Float32Array, expected: (at: number) => number) =>
      got.forEach((v, at) => {
        assert.ok(Math.abs(v - expected(at)) < 2e-3, `entry ${at}: expected ${expected(at)}, got ${v}`);
      });
    const first = await run(kernels, values, 0);
    near(first, (at) => want[at]);
    assert.equal(await run(kernels, values, 0), first);
    near(await run(kernels, { ...values, dw: first }, 1), (at) => 2 * want[at]);
  }
});

test.run();
