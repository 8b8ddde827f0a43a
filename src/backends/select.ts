/** Picks a backend by name and says why when one is not to be had. */
import { flag, type OptionsOf, oneOf, option, pickOptions, readOptions } from "../checks/options.ts";
import { cost } from "../graph/plan.ts";
import type { Program } from "../graph/program.ts";
import { threadCount } from "../host/workers.ts";
import type { Executor, ExecutorOptions } from "./backend.ts";
import { createWasm } from "./wasm/executor.ts";
// Not from kernels.ts: its types are of WebAssembly, which a TypeScript project without "dom" does not know.
import { findHost } from "./worker/find.ts";

/** Where a function computes: every function that computes takes these options. */
export const backendTable = {
  /**
   * "auto": WebGPU where the host has a hardware adapter and a training step is large enough to fill it, else wasm. Simulation,
   * potentials, Laplace's approximation and NUTS are f64, and so run on wasm whatever is asked for.
   */
  backend: option(oneOf("auto", "wasm", "webgpu"), undefined, "what computes"),
  /** Build of the wasm kernels: "plain" gives the same bits on every host, "relaxed" is faster; "auto" is the fastest that runs. */
  kernels: option(oneOf("auto", "plain", "relaxed"), undefined, "plain: same bits on every host; relaxed: faster"),
  /** Whether to compute in a Web Worker (Node: a worker thread), so that the calling thread stays free; false by default. */
  worker: option(flag),
  /**
   * Workers that share each batch: 1 to 8, or "auto" for as many as there are processors; 1 by default. Any number gives the
   * same bits. From 2 on, all of them are workers. Pages must be cross-origin isolated.
   */
  threads: option(threadCount, undefined, "workers that share each batch, 1 to 8 or auto: the same bits, sooner"),
};
export type BackendOptions = OptionsOf<typeof backendTable>;

type Create = (program: Program, options: BackendOptions & ExecutorOptions, remark?: string) => Promise<Executor>;

/** Operations of a training step from which "auto" looks for a GPU: below, what a step costs there is its dispatches. */
const GPU_STEP = 1e9;

/** Operations of the largest training step of a program. */
const stepOf = ({ plans }: Program): number =>
  Object.values(plans).reduce(
    (most, plan) => (plan.hasGradient ? Math.max(most, cost(plan, plan.rows).flops) : most),
    0,
  );

// Loaded when it is asked for: most pages train on wasm.
const webgpu = () => import("./webgpu/executor.ts");

const backends: Readonly<Record<string, Create>> = {
  auto: async (program, options) => {
    const { kernels = "auto", optimiser } = options;
    if (kernels !== "auto" || optimiser === undefined || stepOf(program) < GPU_STEP)
      return backends.wasm(program, options);
    try {
      const { openGpu } = await import("./webgpu/device.ts");
      const { software, name } = await openGpu();
      if (software) throw new Error(`${name} is software`);
      const { createWebgpu } = await webgpu();
      return await createWebgpu(program, options);
    } catch (error) {
      return backends.wasm(program, options, error instanceof Error ? error.message : String(error));
    }
  },
  wasm: async (program, { kernels = "auto", optimiser, worker, threads }, remark) => {
    const host = await findHost({ worker, threads });
    if (host.notice) tellOnce(host.notice);
    if (!host.worker) return createWasm(program, { build: kernels, optimiser, remark });
    const { createRemote } = await import("./worker/remote.ts"); // a page that asks for no worker loads nothing of it
    return createRemote(program, { build: kernels, optimiser, threads: host.threads, remark });
  },
  webgpu: async (program, options) => {
    const { createWebgpu } = await webgpu();
    return createWebgpu(program, options).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(reason.includes('"wasm"') ? reason : `${reason}; use backend "wasm"`, { cause: error });
    });
  },
};

/** Names of the options, and the options alone, for functions that take more and pass these on. */
export const backendNames = Object.keys(backendTable) as (keyof BackendOptions)[];
export const backendOf = (options: BackendOptions): BackendOptions => pickOptions(backendTable, options);
/** Options with the defaults of what they are for, where they leave a choice. */
export const withDefaults = (
  defaults: BackendOptions,
  { backend, kernels, worker, threads }: BackendOptions,
): BackendOptions => ({
  backend: backend ?? defaults.backend,
  kernels: kernels ?? defaults.kernels,
  worker: worker ?? defaults.worker,
  threads: threads ?? defaults.threads,
});
/** One word of options: executors are kept by it. */
export const backendKey = ({ backend, kernels, worker, threads }: BackendOptions): string =>
  [backend ?? "auto", kernels ?? "auto", worker ?? false, threads ?? 1].join(" ");

/** What was told already. */
const told = new Set<string>();
function tellOnce(notice: string): void {
  if (!told.has(notice)) console.warn(notice);
  told.add(notice);
}

/** @throws when a backend option is none that there is. */
export const checkBackend = (options: BackendOptions): void =>
  void readOptions("backend", backendTable, pickOptions(backendTable, options));

/** What runs the networks of a guide. @throws when the backend is unknown or not to be had here, with the reason and the one to use instead. */
export async function createExecutor(
  program: Program,
  options: BackendOptions & ExecutorOptions = {},
): Promise<Executor> {
  checkBackend(options);
  return backends[options.backend ?? "auto"](program, options);
}

/** What runs a problem's own equations: in f64, which WebGPU has not, and so on wasm. @throws on options that make no sense. */
export async function createExact(program: Program, options: BackendOptions = {}): Promise<Executor> {
  checkBackend(options);
  return backends.wasm(program, options);
}
