/** WebGPU in Node for us and for the peers, which look for `navigator.gpu`, with a count of all dispatches. */
import { create, globals } from "webgpu";
import { type Gpu, openGpu } from "../../src/backends/webgpu/device.ts";

export interface Host {
  readonly gpu: Gpu;
  /** Dispatches so far, of all devices of the process. */
  dispatches(): number;
}

/** @throws with the reason if there is no adapter. */
export async function openHost(): Promise<Host> {
  Object.assign(globalThis, globals);
  const scope = globalThis as { navigator?: object };
  // Node 20 has no navigator, and that of newer versions has no WebGPU. Peers read the name of the system from it.
  const system = { userAgent: `Node.js/${process.versions.node}`, platform: process.platform };
  if (scope.navigator === undefined) Object.defineProperty(scope, "navigator", { value: system, configurable: true });
  Object.defineProperty(scope.navigator as object, "gpu", { value: create([]), configurable: true });
  let count = 0;
  const encoder = GPUComputePassEncoder.prototype;
  for (const name of ["dispatchWorkgroups", "dispatchWorkgroupsIndirect"] as const) {
    const original = encoder[name] as (...args: unknown[]) => undefined;
    Object.defineProperty(encoder, name, {
      configurable: true,
      value(this: GPUComputePassEncoder, ...args: unknown[]) {
        count++;
        return original.apply(this, args);
      },
    });
  }
  return { gpu: await openGpu(), dispatches: () => count };
}
