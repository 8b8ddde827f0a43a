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
