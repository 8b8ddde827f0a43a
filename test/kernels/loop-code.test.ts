// slow (15 s): two builds, two types, all loops of the other tests
// The code that is generated for the bodies of loops has the bits of the kernels.
import v8 from "node:v8";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CreateExecutor } from "../../src/backends/backend.ts";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import { hostRunsRelaxed } from "../../src/backends/wasm/kernels.ts";
import type { KernelBuild } from "../../src/backends/wasm/kernels-url.ts";
import { loopCode } from "../../src/backends/wasm/loop-code.ts";
import { ode } from "../../src/dynamics.ts";
import * as g from "../../src/graph/build.ts";
import { grad } from "../../src/graph/grad.ts";
import { compile } from "../../src/graph/program.ts";
import { scan } from "../../src/graph/scan.ts";
import type { DType, Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { batchOf, paramOf, plant } from "../helpers/leaves.ts";
import { runGraph } from "../helpers/run.ts";
import { type LoopCase, loopCases } from "../helpers/unrolled.ts";

/** Maps that have code, others between them, operands that broadcast, and columns in another order. */
const everyMap: LoopCase = {
  leaves: [batchOf(3), paramOf(1, 3)],
  options: (x, w) => ({
    state: x,
    steps: 5,
    step: (s) => {
      const [a, b, c] = g.split(s);
      const kinks = g.concat(g.relu(a), g.leakyRelu(b), g.floor(g.mul(c, 3)));
      const roots = g.sqrt(g.add(g.abs(g.concat(c, a, b)), 0.5));
      const chosen = g.where(g.sub(s, w), g.maximum(kinks, a), g.minimum(roots, w));
      const smooth = g.div(g.tanh(chosen), g.add(g.square(g.sub(s, c)), 1));
      return g.sub(g.add(g.mul(s, 0.5), g.neg(g.mul(smooth, 0.25))), g.mul(g.exp(g.neg(g.square(chosen))), w));
    },
    emit: { at: [1, 3, 5], value: (s) => g.mul(s, g.add(s, 1)) },
  }),
};
const cases: Readonly<Record<string, LoopCase>> = { ...loopCases, "every map": everyMap };

if (!hostRunsRelaxed()) v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
const builds: readonly KernelBuild[] = hostRunsRelaxed() ? ["plain", "relaxed"] : ["plain"];

for (const build of builds)
  for (const dtype of ["f32", "f64"] as DType[])
    for (const [name, { leaves, options }] of Object.entries(cases))
      test(`generated code has the bits of the kernels, ${build}, ${dtype}: ${name}`, async () => {
        const { tensors, values } = plant(leaves, dtype);
        const y = scan(options(...tensors));
        const total = g.batchSum(g.sumFeatures(g.mul(g.square(y), 0.3)));
        const gradients = grad(total, tensors).flatMap((t, i) => (t === null ? [] : [[`gradient ${i}`, t] as const]));
        const outputs = { y, ...Object.fromEntries(gradients) };
        const by =
          (loops: "generated" | "kernels"): CreateExecutor =>
          (program, more) =>
            createWasm(program, { ...more, build, loops });
        for (const rows of [1, 13, 130]) {
          const data = values(rows);
          const run = { rows, inputs: data, weights: data };
          const got = await runGraph(outputs, { ...run, create: by("generated") });
          const want = await runGraph(outputs, { ...run, create: by("kernels") });
          for (const key of Object.keys(want)) assert.equal(got[key], want[key], `${key}, ${rows} rows`);
        }
      });

test("a step of an explicit method, and one backwards, are one function each", async () => {
  const parameters = g.input("theta", 2, { dtype: "f64" });
  const rhs = (_t: Tensor, [x, v]: readonly Tensor[], [k, c]: readonly Tensor[]): Tensor[] => [
    v,
    g.neg(g.add(g.mul(k, x), g.mul(c, v))),
  ];
  const y = ode({ parameters, initial: [1, 0], times: [1, 2], steps: 20, rhs });
  const [gradient] = grad(g.sumFeatures(g.square(y)), [parameters]);
  const program = atOnce(compile({ y: { outputs: { y } }, gradient: { outputs: { gradient: gradient as Tensor } } }));
  const made = await loopCode(program, "plain", false);
  const long = [...(made?.parts ?? [])].filter(([body]) => body.records.length > 10);
  assert.ok(long.length >= 3);
  for (const [, parts] of long) assert.is(parts.length, 1);
});

test.run();
