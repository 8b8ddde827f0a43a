/** Chooses a backend by name, and explains why a backend is not available. */
import { flag, type OptionsOf, oneOf, option, pickOptions, readOptions } from "../checks/options.ts";
import { cost } from "../graph/plan.ts";
import type { Program } from "../graph/program.ts";
import { threadCount } from "../host/workers.ts";
import type { Executor, ExecutorOptions } from "./backend.ts";
import { createWasm } from "./wasm/executor.ts";
import { findHost } from "./worker/find.ts";

/** Where a function computes. Every function that computes takes these options. */
export const backendTable = {
  /**
   * "auto" is WebGPU where the host has a hardware adapter and a training step is large enough to fill it, else wasm. Simulation,
   * potentials, Laplace's approximation and NUTS need f64, so they always run on wasm.
   */
  backend: option(oneOf("auto", "wasm", "webgpu"), undefined, "where to compute"),
  /** Build of the wasm kernels: "plain" gives the same bits on every host, "relaxed" is faster; "auto" is the fastest that runs here. */
  kernels: option(oneOf("auto", "plain", "relaxed"), undefined, "plain: same bits on every host; relaxed: faster"),
  /** Whether to compute in a Web Worker (Node: a worker thread), so that the calling thread stays free; false by default. */
  worker: option(flag),
  /**
   * Threads that share each batch: 1 to 8, or "auto" for one a processor; 1 by default. Any number gives the same bits. With 2 or
   * more, each thread is a worker, and a page must be cross-origin isolated.
   */
  threads: option(
    threadCount,
    undefined,
    "threads that share each batch: 1 to 8, or auto; the result has the same bits",
  ),
};
/** Where a function computes. */
export type BackendOptions = OptionsOf<typeof backendTable>;

type Create = (program: Program, options: BackendOptions & ExecutorOptions, remark?: string) => Promise<Executor>;

/** Operations of a training step from which "auto" looks for a GPU: the dispatches of a smaller step cost more than its arithmetic. */
const GPU_STEP = 1e9;

/** Operations of the largest training step of a program. */
const stepOf = ({ plans }: Program): number =>
  Object.values(plans).reduce(
    (most, plan) => (plan.hasGradient ? Math.max(most, cost(plan, plan.rows).flops) : most),
    0,
  );

// Loaded on demand, because most pages train on wasm.
const webgpu = () => import("./webgpu/executor.ts");

const backends: Readonly<Record<string, Create>> = {
  auto: async (program, options) => {
    const { kernels = "auto", optimiser } = options;
    if (kernels !== "auto" || optimiser === undefined || optimiser.soap || stepOf(program) < GPU_STEP)
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
    const { createRemote } = await import("./worker/remote.ts"); // loaded on demand: a page without workers does not load it
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

/** The backend options among others, for functions that pass them on. */
export const backendOf = (options: BackendOptions): BackendOptions => pickOptions(backendTable, options);
/** Options, completed by the backend that a map was trained or loaded with. */
export const withDefaults = (defaults: BackendOptions, options: BackendOptions): BackendOptions => ({
  ...backendOf(defaults),
  ...backendOf(options),
});
/** The options as one string: the key of executors in a cache. */
export const backendKey = ({ backend, kernels, worker, threads }: BackendOptions): string =>
  [backend ?? "auto", kernels ?? "auto", worker ?? false, threads ?? 1].join(" ");

/** Notices that were shown. */
const told = new Set<string>();
function tellOnce(notice: string): void {
  if (!told.has(notice)) console.warn(notice);
  told.add(notice);
}

/** @throws on a backend option that makes no sense. */
const checkBackend = (options: BackendOptions): void =>
  void readOptions("backend", backendTable, pickOptions(backendTable, options));

/** An executor for the networks of a guide. @throws when the backend is unknown or not available, with the reason and the backend to use instead. */
export async function createExecutor(
  program: Program,
  options: BackendOptions & ExecutorOptions = {},
): Promise<Executor> {
  checkBackend(options);
  return backends[options.backend ?? "auto"](program, options);
}

/** An executor for the equations of a problem: they need f64, which WebGPU lacks, so it is on wasm. @throws on invalid options. */
export async function createExact(program: Program, options: BackendOptions = {}): Promise<Executor> {
  checkBackend(options);
  return backends.wasm(program, options);
}

/** Makes an executor for a problem's own equations, uses it once, and disposes of it. */
export async function once<T>(
  program: Program,
  options: BackendOptions,
  use: (executor: Executor) => Promise<T>,
): Promise<T> {
  const executor = await createExact(program, options);
  try {
    return await use(executor);
  } finally {
    executor.dispose();
  }
}
