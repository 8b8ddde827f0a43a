// `node memory-child.ts BUILD`: gradients of the potential of `eit` for many samples in one run, in a fresh process; prints their
// memory in bytes, as JSON.

import { readFileSync, writeFileSync } from "node:fs";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import type { KernelBuild } from "../../src/backends/wasm/kernels-url.ts";
import { eit } from "../../src/problems/eit.ts";
import { draws, gradientProgram, SAMPLES } from "./gradient.ts";
import { linearMemory } from "./wasm-internals.ts";

/** Bytes in memory now, and their peak since the last call, which resets Linux's peak. */
function resident(): { now: number; peak: number } {
  const status = readFileSync("/proc/self/status", "utf8");
  const kib = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
  const found = { now: kib("VmRSS") * 1024, peak: kib("VmHWM") * 1024 };
  writeFileSync("/proc/self/clear_refs", "5");
  return found;
}

/** Collects garbage, and waits until V8 has given back the pages. */
async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
const build = process.argv[2] as KernelBuild;
await settle();
const start = resident();
const program = gradientProgram(eit);
const inputs = { theta: draws(eit, 1), y: new Float64Array(SAMPLES * eit.M) };
const traced = resident();
await settle();
const before = resident();
const executor = await createWasm(program, { build });
const { value, gradient } = await executor.run("gradient", { rows: SAMPLES, inputs });
const after = resident();
if (![...value, ...gradient].every(Number.isFinite)) throw new Error("eit: expected finite gradients");
const rows = inputs.theta.byteLength + inputs.y.byteLength + value.byteLength + gradient.byteLength;
const { shardRows, slots } = program.plans.gradient;
console.log(
  JSON.stringify({
    linear: linearMemory(executor),
    rows,
    run: after.peak - before.now,
    tracing: traced.peak - start.now,
    all: Math.max(traced.peak, after.peak) - start.now,
    process: Math.max(traced.peak, after.peak),
    shardRows,
    slots: slots.reduce((a, b) => a + b, 0) * shardRows,
  }),
);
