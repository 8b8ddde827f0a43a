/** Runs kernels of shaders/ by themselves, on arrays by the names of their bindings. */
import type { Kernel } from "../../shaders/kernel.ts";
import { MAP_READ, openGpu, usage } from "../../src/backends/webgpu/device.ts";
import { pipelinesOf } from "../../src/backends/webgpu/pipelines.ts";

/** What of `Run` a kernel may ask for; the rest is 0. */
export interface RunWords {
  readonly rows: number;
  readonly padded: number;
  readonly carry: number;
}

/** Words of `Run` by place. */
const RUN_WORDS = 12;
const [ROWS, PADDED, CARRY] = [0, 1, 7];

export class KernelRunner {
  private readonly device: GPUDevice;
  private readonly buffers: GPUBuffer[] = [];

  private constructor(device: GPUDevice) {
    this.device = device;
  }

  static async open(): Promise<KernelRunner> {
    return new KernelRunner((await openGpu()).device);
  }

  private buffer(values: Float32Array | Uint32Array | number, more: number): GPUBuffer {
    const size = typeof values === "number" ? 4 * values : values.byteLength;
    const buffer = this.device.createBuffer({ size, usage: usage.copyDst | usage.copySrc | more });
    if (typeof values !== "number") this.device.queue.writeBuffer(buffer, 0, values as Uint32Array<ArrayBuffer>);
    this.buffers.push(buffer);
    return buffer;
  }

  /** One after another; scratch is shared by name. @returns what they leave in the binding `wanted`. */
  async run(
    kernels: readonly Kernel[],
    values: Readonly<Record<string, Float32Array>>,
    { rows, padded, carry }: RunWords,
    wanted: string,
  ): Promise<Float32Array> {
    const { device } = this;
    const words = new Uint32Array(RUN_WORDS);
    [words[ROWS], words[PADDED], words[CARRY]] = [rows, padded, carry];
    const pipelines = pipelinesOf(device);
    const runGroup = device.createBindGroup({
      layout: pipelines.runLayout,
      entries: [{ binding: 0, resource: { buffer: this.buffer(words, usage.uniform), size: 4 * RUN_WORDS } }],
    });
    const named = new Map<string, GPUBuffer>();
    for (const binding of kernels.flatMap(({ bindings }) => bindings)) {
      if (named.has(binding.name)) continue;
      const given = "scratch" in binding ? binding.scratch({ padded }) : values[binding.name];
      if (given === undefined) throw new Error(`internal: no array for binding "${binding.name}"`);
      named.set(binding.name, this.buffer(given, usage.storage));
    }
    const encoder = device.createCommandEncoder();
    for (const kernel of kernels) {
      const writes = kernel.bindings.map(({ write = false }) => write);
      const { pipeline, layout } = await pipelines.get(kernel, writes);
      const entries = kernel.bindings.map(({ name }, binding) => ({
        binding,
        resource: { buffer: named.get(name) as GPUBuffer },
      }));
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, runGroup, [0]);
      pass.setBindGroup(1, device.createBindGroup({ layout, entries }));
      pass.dispatchWorkgroups(...kernel.groups({ padded }));
      pass.end();
    }
    const source = named.get(wanted) as GPUBuffer;
    const target = device.createBuffer({ size: source.size, usage: usage.mapRead | usage.copyDst });
    this.buffers.push(target);
    encoder.copyBufferToBuffer(source, 0, target, 0, source.size);
    device.queue.submit([encoder.finish()]);
    await target.mapAsync(MAP_READ);
    return new Float32Array(target.getMappedRange().slice(0));
  }

  dispose(): void {
    for (const buffer of this.buffers) buffer.destroy();
  }
}
