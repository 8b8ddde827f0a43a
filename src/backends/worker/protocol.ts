/** What the calling thread and its workers say to each other: plain data, programs among it, and never a function. */

import type { Program } from "../../graph/program.ts";
import type { Executor, OptimiserOptions } from "../backend.ts";
import type { KernelBuild } from "../wasm/kernels-url.ts";

/** The methods of an executor that are called from afar. */
export type Method = {
  [K in keyof Executor]-?: Executor[K] extends (...args: never[]) => Promise<unknown> ? K : never;
}[keyof Executor];

/** Makes an executor. With threads, its memory is the one that all of them share. */
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
/** What `create` answers. Those who follow are told where to: addresses in the memory. */
export interface Created {
  readonly device: string;
  readonly control: number;
  /** Of each thread, what its kernels keep for themselves. */
  readonly locals: readonly number[];
}
/** Takes part in what the leader computes. */
export interface Follow {
  readonly kind: "follow";
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  readonly local: number;
  readonly thread: number;
}
export interface Call {
  readonly kind: "call";
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
  /** Whether the caller wants to be told of rows: the worker waits for its `go` then. */
  readonly rows: boolean;
}
/** The caller's answer to rows: on, or end the run. */
export interface Go {
  readonly kind: "go";
  readonly id: number;
  readonly on: boolean;
}
/** Frees the executor; those who follow it are let go. */
export interface Dispose {
  readonly kind: "dispose";
}
export type ToWorker = Create | Follow | Call | Go | Dispose;

/** `up`: the first word of each worker, once its script runs. */
export type FromWorker =
  | { readonly kind: "up" }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown; readonly fault?: string }
  | { readonly kind: "error"; readonly id: number; readonly message: string; readonly fault?: string }
  | { readonly kind: "rows"; readonly id: number; readonly done: number };

/** A view with a buffer of its own: posted, a view takes all of its buffer along. */
export function compact(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const view = value as Float32Array;
    return view.byteLength < view.buffer.byteLength ? view.slice() : view;
  }
  if (Array.isArray(value) || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, compact(v)]));
}

/** The buffers of an answer, which go over without a copy: its arrays were made for it. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer];
  if (typeof value !== "object" || value === null) return [];
  return [...new Set(Object.values(value).flatMap(buffersOf))];
}
