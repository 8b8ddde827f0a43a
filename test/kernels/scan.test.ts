// Loops in the kernels: the bits of the same steps written out, gradients of the reference, the same bits by threads and row chunks.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CreateExecutor, Rows } from "../../src/backends/backend.ts";
import { createReference } from "../../src/backends/reference/executor.ts";
import { createExecutor } from "../../src/backends/select.ts";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import * as g from "../../src/graph/build.ts";
import { grad, gradientsOf, jacobian, jvp } from "../../src/graph/grad.ts";
import { compile, type Program } from "../../src/graph/program.ts";
import { scan } from "../../src/graph/scan.ts";
import type { DType, Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { roundoff } from "../helpers/compare.ts";
import { plant } from "../helpers/leaves.ts";
import { draw, generator } from "../helpers/random.ts";
import { fillSlab, runGraph } from "../helpers/run.ts";
import { loopCases, unrolled } from "../helpers/unrolled.ts";

const plain: CreateExecutor = (program, options) => createWasm(program, { ...options, build: "plain" });

for (const dtype of ["f32", "f64"] as DType[]) {
  for (const [name, { leaves: specs, options }] of Object.entries(loopCases)) {
    const { tensors, values } = plant(specs, dtype);
    const given = options(...tensors);
    const y = scan(given);

    test(`a loop in ${dtype} has the bits of its steps written out: ${name}`, async () => {
      for (const rows of [1, 5, 8, 13, 64, 65, 200]) {
        const data = values(rows);
        const run = { rows, inputs: data, weights: data, create: plain };
        const out = await runGraph({ y, want: unrolled(given) }, run);
        assert.equal(out.y, out.want, `${rows} rows`);
      }
    });

    test(`gradients and products of a loop in ${dtype} agree with the reference: ${name}`, async () => {
      // Draws are f32 on wasm: these factors are exact in either type.
      const total = g.batchSum(
        g.sumFeatures(
          g.mul(
            y,
            Array.from({ length: y.cols }, (_, c) => ((3 * c) % 7) / 4 - 0.625),
          ),
        ),
      );
      const outputs: Record<string, Tensor> = {};
      grad(total, tensors).forEach((t, i) => {
        if (t !== null) outputs[`gradient ${i}`] = t;
      });
      tensors.forEach((x, i) => {
        outputs[`product ${i}`] = jvp(y, x, g.sin(g.add(x, 1)));
      });
      grad(jvp(total, tensors[0], g.cos(tensors[0])), tensors).forEach((t, i) => {
        if (t !== null) outputs[`second ${i}`] = t;
      });
      for (const rows of [3, 13, 65, 130]) {
        const data = values(rows);
        const run = { rows, inputs: data, weights: data, seed: 1 };
        const [got, want] = [await runGraph(outputs, { ...run, create: plain }), await runGraph(outputs, run)];
        // Some hundred roundings at most lead to an entry, each of a number of the size of the largest, and sums add the rows.
        for (const key of Object.keys(outputs))
          near(`${key}, ${rows} rows`, got[key], want[key], (200 + rows) * roundoff[dtype]);
      }
    });
  }
}

/** Entries within `relative` of the largest. */
function near(what: string, got: Rows, want: Rows, relative: number): void {
  assert.is(got.length, want.length, what);
  const scale = Math.max(...Array.from(want, Math.abs), 1);
  for (let i = 0; i < want.length; i++)
    assert.ok(Math.abs(got[i] - want[i]) <= relative * scale, `${what}[${i}]: expected ${want[i]}, got ${got[i]}`);
}

// ---- long loops

/** A damped pendulum by semi-implicit Euler steps: (θ, ω), frequency and damping. */
const pendulum = (state: Tensor, p: Tensor, steps: number, at: readonly number[]): Tensor => {
  const [k, c] = g.split(p);
  return scan({
    state,
    steps,
    step: (s) => {
      const [angle, speed] = g.split(s);
      const next = g.sub(speed, g.mul(g.add(g.mul(k, g.sin(angle)), g.mul(c, speed)), 1 / 256));
      return g.concat(g.add(angle, g.mul(next, 1 / 256)), next);
    },
    emit: { at },
  });
};
const f64 = { dtype: "f64" } as const;

test("gradients through 10,000 steps agree with differences to 1e-6", async () => {
  const x = g.input("x", 4, f64);
  const y = pendulum(g.slice(x, 0, 2), g.slice(x, 2, 4), 10_000, [2500, 10_000]);
  const value = g.sumFeatures(g.mul(y, [1, -0.5, 2, 0.75]));
  const slope = grad(value, [x])[0] as Tensor;
  const point = [1.2, -0.3, 1.5, 0.05];
  const h = 2 ** -12;
  const moved = [0, 1, 2, 3].flatMap((i) =>
    [h, -h, h / 2, -h / 2].map((d) => point.map((v, j) => (i === j ? v + d : v))),
  );
  const rows = 1 + moved.length;
  const out = await runGraph({ value, slope }, { rows, inputs: { x: [...point, ...moved.flat()] }, create: plain });
  for (let i = 0; i < 4; i++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((q) => out.value[1 + 4 * i + q]);
    const want = ((4 * (c - d)) / h - (a - b) / (2 * h)) / 3;
    assert.ok(Math.abs(out.slope[i] - want) <= 1e-6 * Math.abs(want), `expected ${want}, got ${out.slope[i]}`);
  }
});

test("gradients of 1000 rows through 10,000 steps fit into 60 MB", async () => {
  const x = g.input("x", 4, f64);
  const value = g.sumFeatures(pendulum(g.slice(x, 0, 2), g.slice(x, 2, 4), 10_000, [5000, 10_000]));
  const program = atOnce(compile({ p: { outputs: { value, slope: grad(value, [x])[0] as Tensor }, rows: 1000 } }));
  const [{ slots, shardRows, bytes }] = Object.values(program.plans);
  // What a thread keeps of a shard, beside the sums of 8 groups and the rows that come and go.
  const shard = slots.reduce((a, b) => a + b, 0) * shardRows;
  assert.ok(shard + 8 * bytes.sums64 + 1000 * 9 * 8 <= 60e6, `${shard} bytes`);
  assert.ok(shard <= 4_194_304);
});

// ---- threads, chunks and training

async function on<T>(
  program: Program,
  threads: number,
  use: (e: Awaited<ReturnType<CreateExecutor>>) => Promise<T>,
): Promise<T> {
  const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false, clip: 1 };
  const executor = await createExecutor(program, { kernels: "plain", threads, optimiser });
  try {
    return await use(executor);
  } finally {
    executor.dispose();
  }
}

test("1, 2 and 3 threads give the same bits of values, gradients and Jacobians, and chunks of rows the same as one", async () => {
  const x = g.input("x", 4, f64);
  const y = pendulum(g.slice(x, 0, 2), g.slice(x, 2, 4), 300, [100, 300]);
  const outputs = {
    y,
    slope: grad(g.sumFeatures(y), [x])[0] as Tensor,
    sum: g.batchSum(y),
    ...Object.fromEntries(jacobian(y, x).parts.map((part, i) => [`column ${i}`, part])),
  };
  const program = atOnce(compile({ p: { outputs } }));
  const rows = 2500; // three calls
  const inputs = { x: draw(generator(3), rows * 4, { low: 0.25, high: 1.5 }) };
  const run = (threads: number) => on(program, threads, (executor) => executor.run("p", { rows, inputs }));
  const alone = await run(1);
  for (const threads of [2, 3]) assert.equal(await run(threads), alone, `${threads} threads`);
  const part = await on(program, 1, (executor) =>
    executor.run("p", { rows: 700, inputs: { x: inputs.x.slice(4 * 900, 4 * 1600) } }),
  );
  for (const name of Object.keys(outputs))
    if (name !== "sum") {
      const width = alone[name].length / rows;
      assert.equal(part[name], alone[name].slice(900 * width, 1600 * width), name);
    }
});

/** A recurrent network that answers the mean of a series of 6 numbers. */
function recurrent() {
  const bank = g.bankRows("pairs", 7, 5);
  const [series, want] = [g.slice(bank, 0, 6), g.slice(bank, 6, 7)];
  const inner = g.weight("inner", 6, 4, { init: 0.5 });
  const outer = g.weight("outer", 5, 1, { init: 0.5 });
  const state = g.mul(g.ones("f32"), [0, 0, 0, 0]);
  const last = scan({
    state,
    steps: 6,
    series,
    step: (s, at) => g.dense(g.concat(s, at.series), inner, { activation: "tanh" }),
    emit: { at: [6] },
  });
  const loss = g.mul(g.cast(g.batchSum(g.square(g.sub(g.dense(last, outer), want))), "f64"), 1 / 200);
  return atOnce(compile({ train: { outputs: { loss }, gradients: () => gradientsOf(loss), rows: 200 } }));
}

test("a recurrent network is trained, to the same bits by threads, as by the reference", async () => {
  const program = recurrent();
  const data = draw(generator(9), 500 * 6, { low: -1, high: 1 });
  const pairs = Float32Array.from({ length: 500 * 7 }, (_, i) => {
    const row = data.subarray(6 * Math.floor(i / 7), 6 * Math.floor(i / 7) + 6);
    return i % 7 < 6 ? row[i % 7] : row.reduce((a, b) => a + b) / 6;
  });
  const weights = fillSlab(program.weights, {
    inner: draw(generator(1), 24, { low: -0.5, high: 0.5 }),
    outer: draw(generator(2), 5, { low: -0.5, high: 0.5 }),
  });
  const fly = async (executor: Awaited<ReturnType<CreateExecutor>>, steps: number) => {
    await executor.writeBank("pairs", pairs);
    await executor.writeWeights(weights);
    const { losses } = await executor.train("train", {
      rows: 200,
      seed: 3,
      firstStep: 0,
      rates: new Float32Array(steps).fill(0.01),
      loss: "loss",
    });
    return { losses, weights: await executor.readWeights() };
  };
  const alone = await on(program, 1, (executor) => fly(executor, 300));
  for (const threads of [2, 3]) assert.equal(await on(program, threads, (executor) => fly(executor, 300)), alone);
  assert.ok(alone.losses[299] < 0.02 * alone.losses[0], `${alone.losses[0]} → ${alone.losses[299]}`);
  const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false, clip: 1 };
  const reference = await fly(await createReference(program, { optimiser }), 3);
  near("losses", alone.losses.slice(0, 3), reference.losses, 1e-5);
});

test("WebGPU refuses a loop with what to do, and auto computes it on wasm", async () => {
  const { refuseUnknownOps } = await import("../../src/backends/webgpu/schedule.ts");
  const x = g.input("x", 1);
  const y = scan({ state: x, steps: 3, step: (s) => g.mul(s, 2), emit: { at: [3] } });
  const program = atOnce(compile({ p: { outputs: { y } } }));
  assert.throws(
    () => refuseUnknownOps(program),
    /webgpu: expected ops that it has, got "scan" in plan "p": loops run on wasm only; use backend "wasm"/,
  );
  const executor = await createExecutor(program, { backend: "auto" });
  assert.is(executor.backend, "wasm");
  assert.equal([...(await executor.run("p", { rows: 2, inputs: { x: [1, 3] } })).y], [8, 24]);
  executor.dispose();
});

test.run();
