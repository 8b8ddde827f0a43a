/** Picks a backend by name and says why when one is not to be had. */
import type { Program } from "../graph/program.ts";
import type { Executor, ExecutorOptions } from "./backend.ts";
// Not from kernels.ts: its types are of WebAssembly, which a TypeScript project without "dom" does not know.
import type { KernelsBuild } from "./kernels-url.ts";
import { createWasm } from "./wasm.ts";

export interface BackendOptions {
  /** Default "auto". */
  readonly backend?: "auto" | "wasm" | "webgpu";
  /** Build of the wasm kernels: "plain" gives the same bits on every host, "relaxed" is faster; default "auto", the fastest that runs. */
  readonly kernels?: KernelsBuild | "auto";
}

type Create = (program: Program, options: BackendOptions & ExecutorOptions) => Promise<Executor>;
const backends: Record<string, Create> = {
  auto: (program, options) => backends.wasm(program, options),
  wasm: (program, { kernels = "auto", optimiser }) => createWasm(program, { build: kernels, optimiser }),
};

/** @throws when the backend is unknown or not to be had here, with the reason and the one to use instead. */
export function createExecutor(program: Program, options: BackendOptions & ExecutorOptions = {}): Promise<Executor> {
  const name = options.backend ?? "auto";
  const create = Object.hasOwn(backends, name) ? backends[name] : undefined;
  if (create === undefined) {
    return Promise.reject(
      new Error(
        `backend: expected ${Object.keys(backends).join(" or ")}, got "${name}", which this version does not have; use "wasm"`,
      ),
    );
  }
  const { kernels = "auto" } = options;
  if (!["auto", "plain", "relaxed"].includes(kernels)) {
    return Promise.reject(new Error(`kernels: expected "auto", "plain" or "relaxed", got ${JSON.stringify(kernels)}`));
  }
  return create(program, options);
}
