/** Submissions. Each run has a block of the uniform `Run` of shaders/kernel.ts, which its dispatches read. */
import { newBuffer } from "./buffers.ts";
import { usage } from "./device.ts";
import type { Dispatch } from "./loaded.ts";
import { pipelinesOf } from "./pipelines.ts";

/** The most runs of one submission: they are training steps; other plans run once. */
export const STEPS = 32;
/** Words of `Run`, and words from one `Run` to the next, because offsets are multiples of 256 bytes. */
const RUN_WORDS = 12;
const STRIDE_WORDS = 64;

/** The part of `Run` that a call sets. */
export interface Run {
  readonly rows: number;
  readonly padded: number;
  readonly seed: number;
  readonly step: number;
  readonly start: number;
  readonly total: number;
  readonly repeat: number;
  readonly carry: boolean;
  readonly index?: number;
  readonly rate?: number;
  readonly secondScale?: number;
}

export class Runs {
  private readonly device: GPUDevice;
  private readonly buffer: GPUBuffer;
  private readonly group: GPUBindGroup;

  constructor(device: GPUDevice) {
    this.device = device;
    this.buffer = newBuffer(device, 4 * STRIDE_WORDS * STEPS, "run", usage.uniform);
    this.group = device.createBindGroup({
      label: "run",
      layout: pipelinesOf(device).runLayout,
      entries: [{ binding: 0, resource: { buffer: this.buffer, size: 4 * RUN_WORDS } }],
    });
  }

  private write(runs: readonly Run[]): void {
    const words = new Uint32Array(STRIDE_WORDS * runs.length);
    const floats = new Float32Array(words.buffer);
    runs.forEach((r, i) => {
      const at = STRIDE_WORDS * i;
      const { rows, padded, seed, step, start, total, repeat, carry, index = 0, rate = 0, secondScale = 0 } = r;
      words.set([rows, padded, seed, step, start, total, repeat, Number(carry), index], at);
      floats.set([rate, secondScale], at + 9);
    });
    this.device.queue.writeBuffer(this.buffer, 0, words);
  }

  /** Submits the dispatches for one run after another. */
  submit(label: string, runs: readonly Run[], dispatches: readonly Dispatch[]): void {
    this.write(runs);
    const encoder = this.device.createCommandEncoder({ label });
    const pass = encoder.beginComputePass({ label });
    for (const [i, run] of runs.entries()) {
      for (const { pipeline, group, groups } of dispatches) {
        const [x, y, z] = groups(run);
        if (x === 0 || y === 0) continue;
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, this.group, [4 * STRIDE_WORDS * i]);
        pass.setBindGroup(1, group);
        pass.dispatchWorkgroups(x, y, z);
      }
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    this.buffer.destroy();
  }
}
