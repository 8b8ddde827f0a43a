// slow (47 s): a software adapter computes large products
// The tiled products of shaders/dense.wgsl.ts and dense_grad.wgsl.ts, in the variants that the widths of webgpu.test.ts do not reach.
// The shape of a layer and the rows of the plan pick the variant: the width of tiles, teams, whole quads of weights or not, sums over
// rows in parts or alone. The tolerance is that of ops.test.ts: 4 + 4 √K units of 2^-24 Σ|terms| for K terms.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Kernel } from "../../shaders/kernel.ts";
import { openGpu } from "../../src/backends/webgpu/device.ts";
import { scheduleOf } from "../../src/backends/webgpu/schedule.ts";
import * as g from "../../src/graph/build.ts";
import { compile } from "../../src/graph/program.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { linear, sumOf } from "../helpers/cases.ts";
import { compareWithReference, roundoff } from "../helpers/compare.ts";
import { noGpu, webgpu } from "../helpers/gpu.ts";
import { readyKernels } from "../helpers/kernel-runner.ts";
import { batchOf, paramOf, tiled } from "../helpers/leaves.ts";
import { draw, generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

function kernelsOf(output: Tensor, rows: number): readonly Kernel[] {
  const { plans } = atOnce(compile({ graph: { outputs: { output }, rows } }));
  return scheduleOf(plans.graph).shard.filter(({ name }) => name.startsWith("dense"));
}

const weighted = (dz: Tensor): Tensor => g.mul(dz, g.rowWeight(dz.dtype, dz.rows));

test("large tiles are right at their edges and with few rows", async () => {
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

test("plans with known rows sum them in one group or in parts, and are right either way", async () => {
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

test("weight gradients leave padding out, add to earlier calls on request, and are the same every time", async () => {
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
