// Matrix products at W2's shapes as a share of the SIMD peak, both measured in one interleaved run.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileKernels, instantiateKernels } from "../src/backends/wasm/kernels.ts";
import type { KernelBuild } from "../src/backends/wasm/kernels-url.ts";
import { type Candidate, compare } from "./driver.ts";

interface PeakKernels {
  memory: WebAssembly.Memory;
  chains(p: number, n: number): void;
  loads(p: number, n: number): void;
  chains64(p: number, n: number): void;
  loads64(p: number, n: number): void;
}

/** Compiles assembly/peak.ts with the options of the kernels. */
async function peakKernels(build: KernelBuild): Promise<PeakKernels> {
  const asc = await import("assemblyscript/asc");
  const folder = mkdtempSync(join(tmpdir(), "retrodict-peak-"));
  try {
    const out = join(folder, "peak.wasm");
    const relaxed = build === "relaxed" ? ["--enable", "relaxed-simd"] : [];
    const options = [
      "--runtime",
      "stub",
      "--enable",
      "simd",
      ...relaxed,
      "-O3",
      "--noAssert",
      "--use",
      "abort=",
      "--disableWarning",
    ];
    const { error, stderr } = await asc.main(["assembly/peak.ts", "-o", out, ...options]);
    if (error) throw new Error(`peak: ${error.message}\n${stderr.toString()}`);
    const { instance } = await WebAssembly.instantiate(readFileSync(out));
    return instance.exports as unknown as PeakKernels;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Loops that measure the peak of f64: their operations, for GFLOP/s. */
export async function peakLoops64(build: KernelBuild): Promise<(Candidate & { flops: number })[]> {
  const peak = await peakKernels(build);
  peak.memory.grow(1);
  new Float64Array(peak.memory.buffer).fill(1e-3);
  return [
    { name: `peak, chains, ${build}`, flops: 20_000 * 48, run: () => peak.chains64(0, 20_000) },
    { name: `peak, loads, ${build}`, flops: 250 * 4096, run: () => peak.loads64(0, 250) },
  ];
}

/** Layers of W2's nets: each runs as forward, input gradient and weight gradient, on the 64 rows of a shard. */
const LAYERS: readonly (readonly [ins: number, outs: number])[] = [
  [4, 100],
  [100, 100],
  [100, 2],
];
const BLOCKS = 8;

export interface PeakShare {
  readonly build: KernelBuild;
  /** GFLOP/s of the best 128-bit loop, and of the three products over the three layers. */
  readonly peak: number;
  readonly products: number;
}

export async function peakShare(build: KernelBuild): Promise<PeakShare> {
  const peak = await peakKernels(build);
  peak.memory.grow(1);
  new Float32Array(peak.memory.buffer).fill(1e-3);
  const kernels = instantiateKernels(await compileKernels(build));
  const base = Math.ceil(kernels.heapBase() / 256) * 256;
  kernels.memory.grow(16);
  new Float32Array(kernels.memory.buffer, base).fill(0.01);
  const [x, w, y, dw, scratch] = [0, 1, 2, 3, 4].map((i) => base + i * 131_072);
  const flops = (ins: number, outs: number) => 2 * 8 * BLOCKS * ins * outs;
  const work = LAYERS.flatMap(([ins, outs]) => {
    const times = Math.ceil(2e6 / flops(ins, outs));
    const repeat = (kernel: () => void) => () => {
      for (let i = 0; i < times; i++) kernel();
    };
    const name = `${ins} × ${outs}`;
    return [
      {
        name: `forward ${name}`,
        flops: flops(ins, outs),
        times,
        run: repeat(() => kernels.denseForward(x, w, y, BLOCKS, ins, outs, 1, 0)),
      },
      {
        name: `input gradient ${name}`,
        flops: flops(ins, outs),
        times,
        run: repeat(() => kernels.denseInputGrad(y, w, x, BLOCKS, ins, outs)),
      },
      {
        name: `weight gradient ${name}`,
        flops: flops(ins, outs),
        times,
        run: repeat(() => kernels.denseWeightGrad(x, y, dw, BLOCKS, ins, outs, 1, scratch)),
      },
    ];
  });
  const chains = { name: "peak, chains", run: () => peak.chains(0, 20_000) };
  const loads = { name: "peak, loads", run: () => peak.loads(0, 250) };
  const candidates: Candidate[] = [chains, loads, ...work];
  const timings = await compare(`Products at W2's shapes, 64 rows, ${build} build`, candidates, {
    clock: "cpu",
    seconds: 8,
    sample: 4,
  });
  const best = Math.max((20_000 * 96) / timings[0].median, (250 * 8192) / timings[1].median) / 1e6;
  let [total, time] = [0, 0];
  work.forEach((item, i) => {
    total += item.flops;
    time += timings[i + 2].median / item.times;
  });
  return { build, peak: best, products: total / time / 1e6 };
}
