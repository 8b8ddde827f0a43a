/** Transfers to and from the device, and its errors: errors are caught in scopes, while a loss may come at any time. */
import { DeviceLost, type Rows } from "../backend.ts";
import { type Gpu, MAP_READ, usage } from "./device.ts";

/** Floats of a buffer. */
export interface Part {
  readonly buffer: GPUBuffer;
  /** In bytes; default 0. */
  readonly offset?: number;
  readonly floats: number;
}

const turns = new WeakMap<GPUDevice, Promise<unknown>>();

/**
 * Runs work on the device after all earlier work, because a device has one stack of error scopes and a plan one set of buffers.
 * @throws the errors that the device reports, and `DeviceLost` when the device is lost.
 */
export function guarded<T>(gpu: Gpu, what: string, work: () => Promise<T>): Promise<T> {
  const mine = (turns.get(gpu.device) ?? Promise.resolve()).then(() => scoped(gpu, what, work));
  turns.set(
    gpu.device,
    mine.catch(() => {}),
  );
  return mine;
}

async function scoped<T>({ device, lost }: Gpu, what: string, work: () => Promise<T>): Promise<T> {
  const refuseLost = (): void => {
    if (lost.reason !== undefined)
      throw new DeviceLost(
        `webgpu: the device was lost (${lost.reason}); use backend "wasm", or try again for a new device`,
      );
  };
  refuseLost();
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  let result: T;
  try {
    result = await work();
  } catch (error) {
    void device.popErrorScope();
    void device.popErrorScope();
    await Promise.resolve(); // the loss is reported, not the errors that follow from it
    refuseLost();
    throw error;
  }
  const [invalid, memory] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  refuseLost();
  if (memory) throw new Error(`webgpu: ${what} does not fit in the device's memory: ${memory.message}`);
  if (invalid) throw new Error(`internal: webgpu refuses ${what}: ${invalid.message}`);
  return result;
}

/** Reads parts of buffers, by one copy and one wait. */
export async function read(device: GPUDevice, parts: readonly Part[]): Promise<Float32Array[]> {
  const total = parts.reduce((sum, { floats }) => sum + floats, 0);
  const staging = device.createBuffer({
    label: "readback",
    size: Math.max(4, 4 * total),
    usage: usage.mapRead | usage.copyDst,
  });
  try {
    const encoder = device.createCommandEncoder();
    let at = 0;
    for (const { buffer, offset = 0, floats } of parts) {
      if (floats > 0) encoder.copyBufferToBuffer(buffer, offset, staging, at, 4 * floats);
      at += 4 * floats;
    }
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_READ);
    const all = new Float32Array(staging.getMappedRange().slice(0));
    let from = 0;
    return parts.map(({ floats }) => all.subarray(from, (from += floats)));
  } finally {
    staging.destroy();
  }
}

/** Writes rows or slabs at the start of a buffer. */
export function write(device: GPUDevice, buffer: GPUBuffer, values: Rows | readonly number[]): void {
  const floats = values instanceof Float32Array ? (values as Float32Array<ArrayBuffer>) : Float32Array.from(values);
  if (floats.length > 0) device.queue.writeBuffer(buffer, 0, floats);
}
