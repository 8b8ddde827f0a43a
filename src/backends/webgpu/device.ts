/**
 * The GPU of this host: `navigator.gpu` in a browser or Deno, the package "webgpu" in Node where it is installed. One device
 * serves all executors; after a loss, the next request opens a new one.
 */

export interface Gpu {
  readonly device: GPUDevice;
  /** The adapter in words, for records: "webgpu nvidia hopper". */
  readonly name: string;
  /** Whether the GPU is emulated on the processor: correct, but slow. */
  readonly software: boolean;
  /** Settles with the reason when the device is lost. */
  readonly lost: { reason: string | undefined };
}

/** Names of software adapters. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|subzero|basic render|warp/i;

/** The GPU instance of Node. It is never released, because collecting the instance of a live device crashes the process. */
let instance: GPU | undefined;
let opened: Promise<Gpu> | undefined;

/**
 * The package "webgpu": a native module for Node, which most users do not have, and which cannot be bundled if they do. So
 * its name is written in a way that no bundler reads, and no minifier folds into a string.
 */
const nodePackage = (): Promise<{ create(flags: string[]): GPU }> =>
  import(/* webpackIgnore: true */ /* @vite-ignore */ Object.keys({ webgpu: true })[0]);

async function findGpu(): Promise<GPU> {
  const own = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (own) return own;
  if (instance) return instance;
  const node = (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;
  if (!node) throw new Error("webgpu: this browser has no navigator.gpu");
  const { create } = await nodePackage().catch(() => {
    throw new Error('webgpu: expected the package "webgpu" in Node, which is not installed; npm install webgpu');
  });
  instance = create([]);
  return instance;
}

/** Limits that large plans need: as much as the adapter has. */
const wanted = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
] as const;

async function open(): Promise<Gpu> {
  const gpu = await findGpu();
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new Error("webgpu: this host has no adapter: no GPU, or no driver for it");
  const requiredLimits = Object.fromEntries(wanted.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredLimits });
  const { vendor, architecture, description } = adapter.info;
  const words = [vendor, architecture, description].filter((word) => word);
  const lost: { reason: string | undefined } = { reason: undefined };
  void device.lost.then(({ reason, message }) => {
    lost.reason = message || reason;
    opened = undefined;
  });
  return {
    device,
    name: `webgpu ${words.join(" ") || "adapter"}`,
    software:
      (adapter.info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true || SOFTWARE.test(words.join(" ")),
    lost,
  };
}

/** The device. @throws where there is none, with the reason. */
export function openGpu(): Promise<Gpu> {
  if (opened === undefined) {
    opened = open();
    opened.catch(() => {
      opened = undefined;
    });
  }
  return opened;
}

/** Bits of GPUBufferUsage, GPUShaderStage and GPUMapMode: Node has them under no name. */
export const usage = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128 } as const;
export const COMPUTE_STAGE = 4;
export const MAP_READ = 1;
