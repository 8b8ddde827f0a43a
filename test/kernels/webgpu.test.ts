// slow (170 s): a software adapter compiles the kernels of every op
// Every op on WebGPU against the f64 reference, with the comparisons and tolerances of the wasm kernels; WebGPU has no solves.
import { test } from "uvu";
import { hasKernels } from "../../src/backends/webgpu/schedule.ts";
import { topological } from "../../src/graph/tensor.ts";
import { type Comparison, compareWithReference } from "../helpers/compare.ts";
import { noGpu, webgpu } from "../helpers/gpu.ts";
import { plant } from "../helpers/leaves.ts";
import { families, rowsAt } from "../helpers/op-cases.ts";

/** Fewer than on wasm: a software adapter takes seconds to compile the kernels of each. */
const WIDTHS = [1, 35];
const backends = Object.values(webgpu);

const known = ({ leaves, build, scale = build }: Comparison): boolean => {
  const { tensors } = plant(leaves, "f32");
  return topological([build(...tensors), scale(...tensors)]).every(({ op }) => hasKernels(op));
};

for (const [family, cases] of Object.entries(families)) {
  test(`${family} agree with the reference on WebGPU at odd widths and all row counts`, async () => {
    if (noGpu) return void console.log(`SKIP ${noGpu}`);
    for (const width of WIDTHS)
      await compareWithReference(backends, "f32", cases(width, "f32").filter(known), rowsAt(width));
  });
}

test.run();
