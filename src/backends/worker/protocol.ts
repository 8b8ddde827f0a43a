/** The messages between the calling thread and its workers: plain data, programs included, and never a function. */

import type { Program } from "../../graph/program.ts";
import type { Executor, OptimiserOptions } from "../backend.ts";
import type { KernelBuild } from "../wasm/kernels-url.ts";

/** The methods of an executor that are called by messages. */
export type Method = {
  [K in keyof Executor]-?: Executor[K] extends (...args: never[]) => Promise<unknown> ? K : never;
}[keyof Executor];

/** Makes an executor. With threads, all of them share its memory. */
export interface Create {
  readonly kind: "create";
  readonly id: number;
  readonly module: WebAssembly.Module;
  readonly build: KernelBuild;
  readonly program: Program;
  readonly optimiser?: OptimiserOptions;
  readonly memory?: WebAssembly.Memory;
  readonly threads: number;
  readonly remark?: string;
}
/** The answer to `create`. The addresses in the memory are passed on to the followers. */
export interface Created {
  readonly device: string;
  readonly control: number;
  /** Address of the local state of each thread's kernels. */
  readonly locals: readonly number[];
  /** The code that was generated for the loops of the program. */
  readonly loops?: WebAssembly.Module;
}
/** Takes part in the computation of the leader. */
export interface Follow {
  readonly kind: "follow";
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  readonly local: number;
  readonly thread: number;
  readonly loops?: WebAssembly.Module;
}
export interface Call {
  readonly kind: "call";
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
  /** Whether the caller asks for progress in rows: the worker then waits for its `go`. */
  readonly rows: boolean;
}
/** The caller's answer to `rows`: continue, or end the run. */
export interface Go {
  readonly kind: "go";
  readonly id: number;
  readonly on: boolean;
}
/** Frees the executor and releases its followers. */
export interface Dispose {
  readonly kind: "dispose";
}
export type ToWorker = Create | Follow | Call | Go | Dispose;

/** `up` is the first message of each worker, once its script runs. */
export type FromWorker =
  | { readonly kind: "up" }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown; readonly fault?: string }
  | { readonly kind: "error"; readonly id: number; readonly message: string; readonly fault?: string }
  | { readonly kind: "rows"; readonly id: number; readonly done: number };

/** A view with a buffer of its own, because posting a view copies its whole buffer. */
export function compact(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const view = value as Float32Array;
    return view.byteLength < view.buffer.byteLength ? view.slice() : view;
  }
  if (Array.isArray(value) || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, compact(v)]));
}

/** The buffers of an answer. They are transferred without a copy, because its arrays were made for it. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer];
  if (typeof value !== "object" || value === null) return [];
  return [...new Set(Object.values(value).flatMap(buffersOf))];
}
