/** The backends that this host can run, by name. Relaxed SIMD is behind a flag on Node 20, and on by default from 22. */
import v8 from "node:v8";
import type { CreateExecutor } from "../../src/backends/backend.ts";
import { createReference } from "../../src/backends/reference/executor.ts";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import { hostRunsRelaxed } from "../../src/backends/wasm/kernels.ts";
import type { KernelBuild } from "../../src/backends/wasm/kernels-url.ts";

if (!hostRunsRelaxed()) v8.setFlagsFromString("--experimental-wasm-relaxed-simd");

const builds: readonly KernelBuild[] = hostRunsRelaxed() ? ["plain", "relaxed"] : ["plain"];

export const wasmBuilds: Readonly<Record<string, CreateExecutor>> = Object.fromEntries(
  builds.map((build) => [`wasm ${build}`, (program, options) => createWasm(program, { build, ...options })]),
);

export const backends: Readonly<Record<string, CreateExecutor>> = { reference: createReference, ...wasmBuilds };
