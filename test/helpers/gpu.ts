/**
 * WebGPU for tests: that of the host, else the software adapter that comes with Chromium. It is right and slow, and shows nothing of
 * speed.
 */
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CreateExecutor } from "../../src/backends/backend.ts";
import { openGpu } from "../../src/backends/webgpu/device.ts";
import { createWebgpu } from "../../src/backends/webgpu/executor.ts";

const SOFTWARE = "/usr/lib/chromium/vk_swiftshader_icd.json";

// The loader of Vulkan reads these when the first adapter is asked for.
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SOFTWARE)) process.env.VK_ICD_FILENAMES = SOFTWARE;
process.env.XDG_RUNTIME_DIR ??= mkdtempSync(join(tmpdir(), "retrodict-"));

/** Why there is no WebGPU here, or null. */
export const noGpu: string | null = await openGpu().then(
  () => null,
  (error: Error) => error.message,
);

/** The backend by name where it can be had: to be spread into a list of backends. */
export const webgpu: Readonly<Record<string, CreateExecutor>> = noGpu === null ? { webgpu: createWebgpu } : {};

export interface NullDevice {
  readonly device: GPUDevice;
  /** All that were made on it, with their texts. */
  readonly modules: readonly { readonly name: string; readonly code: string; readonly module: GPUShaderModule }[];
  close(): void;
}

/** A device that runs nothing and checks everything, with the limits that every device has: Dawn's null backend. */
export async function nullDevice(): Promise<NullDevice> {
  const { create } = await import("webgpu");
  const gpu = create(["backend=null"]);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("internal: the null backend of Dawn always has an adapter");
  const device = await adapter.requestDevice();
  const modules: NullDevice["modules"][number][] = [];
  const make = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    const module = make(descriptor);
    modules.push({ name: descriptor.label ?? "", code: descriptor.code, module });
    return module;
  };
  // The instance is kept until here: a device without it ends the process.
  const close = (): void => void (gpu && device.destroy());
  return { device, modules, close };
}
