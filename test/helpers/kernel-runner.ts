/** Runs kernels of shaders/ by themselves, on arrays by the names of their bindings. */
import type { Kernel } from "../../shaders/kernel.ts";
import { MAP_READ, usage } from "../../src/backends/webgpu/device.ts";
import { pipelinesOf } from "../../src/backends/webgpu/pipelines.ts";

/** What of `Run` a kernel may ask for; the rest is 0. */
export interface RunWords {
  readonly rows: number;
  readonly padded: number;
  readonly carry?: number;
}

/** Words of `Run` by place. */
const RUN_WORDS = 12;
const [ROWS, PADDED, CARRY] = [0, 1, 7];

export interface ReadyKernels {
  /** All kernels one after another, so many times over, in one submission. */
  submit(times?: number): void;
  /** What a binding holds; of a large one the first so many numbers. */
  read(name: string, floats?: number): Promise<Float32Array>;
  /** Destroys the buffers. */
  dispose(): void;
}

/** Makes kernels ready on a device. `values`: the numbers of bindings by name, or how many; scratch is shared by name. */
export async function readyKernels(
  device: GPUDevice,
  kernels: readonly Kernel[],
  values: Readonly<Record<string, Float32Array<ArrayBuffer> | number>>,
  { rows, padded, carry = 0 }: RunWords,
): Promise<ReadyKernels> {
  const made: GPUBuffer[] = [];
  const newBuffer = (content: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | number, more: number) => {
    const size = typeof content === "number" ? 4 * content : content.byteLength;
    const buffer = device.createBuffer({ size, usage: usage.copyDst | usage.copySrc | more });
    if (typeof content !== "number") device.queue.writeBuffer(buffer, 0, content);
    made.push(buffer);
    return buffer;
  };
  const words = new Uint32Array(RUN_WORDS);
  [words[ROWS], words[PADDED], words[CARRY]] = [rows, padded, carry];
  const pipelines = pipelinesOf(device);
  const runGroup = device.createBindGroup({
    layout: pipelines.runLayout,
    entries: [{ binding: 0, resource: { buffer: newBuffer(words, usage.uniform), size: 4 * RUN_WORDS } }],
  });
  const named = new Map<string, GPUBuffer>();
  for (const binding of kernels.flatMap(({ bindings }) => bindings)) {
    if (named.has(binding.name)) continue;
    const given = "scratch" in binding ? binding.scratch({ padded }) : values[binding.name];
    if (given === undefined) throw new Error(`internal: no array for binding "${binding.name}"`);
    named.set(binding.name, newBuffer(given, usage.storage));
  }
  const dispatches = await Promise.all(
    kernels.map(async (kernel) => {
      const { pipeline, layout } = await pipelines.get(
        kernel,
        kernel.bindings.map(({ write = false }) => write),
      );
      const entries = kernel.bindings.map(({ name }, binding) => ({
        binding,
        resource: { buffer: named.get(name) as GPUBuffer },
      }));
      return { pipeline, group: device.createBindGroup({ layout, entries }), groups: kernel.groups({ padded }) };
    }),
  );
  return {
    submit(times = 1) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setBindGroup(0, runGroup, [0]);
      for (let i = 0; i < times; i++) {
        for (const { pipeline, group, groups } of dispatches) {
          pass.setPipeline(pipeline);
          pass.setBindGroup(1, group);
          pass.dispatchWorkgroups(...groups);
        }
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
    },
    async read(name, floats) {
      const source = named.get(name) as GPUBuffer;
      const size = floats === undefined ? source.size : 4 * floats;
      const target = device.createBuffer({ size, usage: usage.mapRead | usage.copyDst });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(source, 0, target, 0, size);
      device.queue.submit([encoder.finish()]);
      await target.mapAsync(MAP_READ);
      const out = new Float32Array(target.getMappedRange().slice(0));
      target.destroy();
      return out;
    },
    dispose() {
      for (const buffer of made) buffer.destroy();
    },
  };
}
