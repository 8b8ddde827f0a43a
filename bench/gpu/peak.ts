/** The f32 peak of the device: chains of fused multiply-adds in registers, with nothing to load. */

import type { Kernel } from "../../shaders/kernel.ts";
import type { Gpu } from "../../src/backends/webgpu/device.ts";
import { readyKernels } from "../../test/helpers/kernel-runner.ts";

const [THREADS, CHAINS, UNROLLED] = [256, 8, 8];
const LANES = 4;

const chains = Array.from({ length: CHAINS }, (_, i) => `c${i}`);
const code = `
override TURNS: u32;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = vec4f(x[id.x % 64u]);
  let b = vec4f(x[id.x % 32u + 64u]);
  ${chains.map((c, i) => `var ${c} = a + ${i}.0;`).join(" ")}
  for (var turn = 0u; turn < TURNS; turn++) {
    ${Array.from({ length: UNROLLED }, () => chains.map((c) => `${c} = fma(${c}, a, b);`).join(" ")).join("\n    ")}
  }
  let sum = ${chains.join(" + ")};
  y[id.x] = sum.x + sum.y + sum.z + sum.w;
}`;

export interface Peak {
  /** Operations of a run. */
  readonly flops: number;
  run(): Promise<void>;
  dispose(): void;
}

/** `turns` of the loop in each of `groups` groups. */
export async function peakLoop({ device }: Gpu, groups: number, turns: number): Promise<Peak> {
  const kernel: Kernel = {
    name: "peak",
    code,
    constants: { TURNS: turns },
    bindings: [
      { name: "x", value: 0 },
      { name: "y", value: 1, write: true },
    ],
    groups: () => [groups, 1, 1],
  };
  const values = { x: new Float32Array(96).fill(0.5), y: groups * THREADS };
  const ready = await readyKernels(device, [kernel], values, { rows: 8, padded: 8 });
  return {
    flops: 2 * groups * THREADS * LANES * CHAINS * UNROLLED * turns,
    async run() {
      ready.submit();
      await device.queue.onSubmittedWorkDone();
    },
    dispose: () => ready.dispose(),
  };
}
