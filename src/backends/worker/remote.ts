/**
 * An executor in a worker, called by messages. The program is posted to the worker. With threads, the first worker leads and the
 * others follow: they synchronise through shared memory, and no JavaScript runs between the kernels of a step
 * (assembly/threads.ts). The calling thread never blocks on that memory, because pages must not.
 */

import type { Program } from "../../graph/program.ts";
import type { Executor, ExecutorOptions, RunOptions } from "../backend.ts";
import { chooseBuild, compileKernels, shareMemory } from "../wasm/kernels.ts";
import type { KernelBuild } from "../wasm/kernels-url.ts";
import { type Hired, hireWorker } from "./pool.ts";
import { type Call, type Created, compact, type Method, type ToWorker } from "./protocol.ts";
import type { Answer } from "./start.ts";

export interface RemoteOptions extends ExecutorOptions {
  readonly build?: KernelBuild | "auto";
  /** Number of workers; two or more share memory. */
  readonly threads: number;
  /** Why this backend stands in for another: shown with the device. */
  readonly remark?: string;
}

interface Pending {
  /** The executor that called: it must not be collected while its answer is awaited. */
  readonly owner: unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  readonly onRows?: RunOptions["onRows"];
}

/** Calls by message. Each has a number, which its answer repeats. */
class Calls {
  /** The fault of the last answered call. */
  fault: string | undefined;
  private readonly pending = new Map<number, Pending>();
  private next = 0;
  private ended: Error | undefined;
  private readonly workers: Hired[];

  constructor(count: number) {
    const listener = {
      message: (data: Answer) => this.receive(data),
      failure: (message: string) => this.end(new Error(`worker: expected it to continue, but ${message}`)),
    };
    this.workers = Array.from({ length: count }, () => hireWorker(listener));
  }

  /** Posts to the leader, which answers. */
  ask<T>(message: (id: number) => ToWorker, owner?: unknown, onRows?: RunOptions["onRows"]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.ended) throw this.ended;
      const id = this.next++;
      this.workers[0].post(message(id));
      this.pending.set(id, { owner, resolve: resolve as Pending["resolve"], reject, onRows });
      this.hold();
    });
  }

  /** Posts to a follower, which does not answer. */
  tell(worker: number, message: ToWorker): void {
    this.workers[worker].post(message);
  }

  /** Rejects every awaited answer, with the reason. */
  end(reason: Error): void {
    if (this.ended) return;
    this.ended = reason;
    for (const worker of this.workers) worker.end();
    for (const { reject } of this.pending.values()) reject(reason);
    this.pending.clear();
  }

  /** Returns idle workers to the pool; ends workers whose answers are awaited. */
  dispose(): void {
    if (this.pending.size > 0) this.end(new Error("worker: the executor was disposed of while it worked"));
    if (this.ended) return;
    this.ended = new Error("internal: an executor was used after it was disposed of");
    this.tell(0, { kind: "dispose" });
    for (const worker of this.workers) worker.retire();
  }

  private hold(): void {
    for (const worker of this.workers) worker.hold(this.pending.size > 0);
  }

  private settle(id: number): Pending | undefined {
    const call = this.pending.get(id);
    this.pending.delete(id);
    this.hold();
    return call;
  }

  private receive(data: Answer): void {
    if (this.ended) return;
    const { id } = data;
    if (data.kind === "rows") {
      const go = (on: boolean): void => {
        if (!this.ended) this.workers[0].post({ kind: "go", id, on });
      };
      const told = this.pending.get(id)?.onRows?.(data.done) ?? Promise.resolve();
      told.then(
        () => go(true),
        (error: unknown) => {
          this.settle(id)?.reject(error);
          go(false);
        },
      );
      return;
    }
    this.fault = data.fault;
    const call = this.settle(id);
    if (data.kind === "answer") call?.resolve(data.value);
    else call?.reject(new Error(data.message));
  }
}

/** An executor that computes in workers. @throws when they or the kernels cannot be loaded. */
export async function createRemote(
  program: Program,
  { build = "auto", threads, optimiser, remark }: RemoteOptions,
): Promise<Executor> {
  const chosen = chooseBuild(build);
  const module = await compileKernels(threads > 1 ? `${chosen}-threads` : chosen);
  const memory = threads > 1 ? shareMemory() : undefined;
  const calls = new Calls(threads);
  try {
    const request = { kind: "create", module, build: chosen, program, optimiser, memory, threads, remark } as const;
    const { device, control, locals, loops } = await calls.ask<Created>((id) => ({ ...request, id }));
    if (memory !== undefined) {
      for (let thread = 1; thread < threads; thread++)
        calls.tell(thread, { kind: "follow", module, memory, control, local: locals[thread], thread, loops });
    }
    return executorOf(calls, device);
  } catch (error) {
    calls.end(error as Error);
    throw error;
  }
}

/** Cached executors are collected together with their problem or map, without dispose(): their workers must end then too. */
const forgotten = new FinalizationRegistry<Calls>((calls) => calls.dispose());

function executorOf(calls: Calls, device: string): Executor {
  const call = <T>(method: Method, args: readonly unknown[], onRows?: RunOptions["onRows"]): Promise<T> => {
    const message: Omit<Call, "id"> = { kind: "call", method, args: args.map(compact), rows: onRows !== undefined };
    return calls.ask<T>((id) => ({ ...message, id }), executor, onRows);
  };
  const executor: Executor = {
    backend: "wasm",
    device,
    readWeights: (slab) => call("readWeights", [slab]),
    writeWeights: (values, slab) => call("writeWeights", [values, slab]),
    readGradient: (plan) => call("readGradient", [plan]),
    writeBank: (name, values) => call("writeBank", [name, values]),
    run: (plan, { onRows, ...options }) => call("run", [plan, options], onRows),
    train: (plan, options) => call("train", [plan, options]),
    readOptimiser: () => call("readOptimiser", []),
    writeOptimiser: (state) => call("writeOptimiser", [state]),
    fault: () => calls.fault,
    dispose: () => calls.dispose(),
  };
  forgotten.register(executor, calls);
  return executor;
}
