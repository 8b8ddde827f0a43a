/** `npm run bench kernels`: nanoseconds per element of single kernels, both builds, by benchmark.js. It prints no ratios, because they need interleaving. */
import Benchmark from "benchmark";
import { compileKernels, hostRunsRelaxed, instantiateKernels } from "../src/backends/wasm/kernels.ts";
import type { KernelBuild } from "../src/backends/wasm/kernels-url.ts";
import { hardware, table } from "./report.ts";

/** 64 rows of 64 features, as in a shard. */
const BLOCKS = 8;
const FEATURES = 64;
const ELEMENTS = BLOCKS * 8 * FEATURES;
/** Pitch of the operands in memory, bytes. */
const PITCH = ELEMENTS * 4 + 64;

/** Elementwise kernels: name and number of operands. */
const MAPS: Readonly<Record<string, number>> = {
  add: 2,
  mul: 2,
  div: 2,
  sqrt: 1,
  exp: 1,
  log: 1,
  tanh: 1,
  sigmoid: 1,
  softplus: 1,
  silu: 1,
  siluGrad: 2,
  sin: 1,
  cos: 1,
  erf: 1,
  probit: 1,
  lgamma: 1,
  digamma: 1,
  atan2: 2,
};

async function suite(build: KernelBuild): Promise<string[][]> {
  const kernels = instantiateKernels(await compileKernels(build));
  const base = Math.ceil(kernels.heapBase() / 256) * 256;
  kernels.memory.grow(16);
  const at = (i: number) => base + 4096 + i * PITCH;
  for (const i of [0, 1]) new Float32Array(kernels.memory.buffer, at(i), ELEMENTS).fill(0.4 + 0.1 * i);
  /** A record as the interpreter reads it (assembly/state.ts); a parameter of one row needs no shard. */
  const record = (inputs: number): number => {
    const shape = [1, ELEMENTS, 1];
    const words = [
      0,
      0,
      at(2),
      ...shape,
      inputs,
      ...Array.from({ length: inputs }, (_, i) => [at(i), ...shape]).flat(),
    ];
    new Int32Array(kernels.memory.buffer, base, words.length).set(words);
    return base;
  };
  const rows: string[][] = [];
  const measure = (name: string, elements: number, run: () => void): void => {
    const bench = new Benchmark(name, run, { maxTime: 0.4 }).run();
    rows.push([
      `${name} (${build})`,
      `${((bench.stats.mean * 1e9) / elements).toFixed(2)} ns`,
      `± ${bench.stats.rme.toFixed(1)} %`,
    ]);
  };
  for (const [name, inputs] of Object.entries(MAPS)) {
    const kernel = kernels[`${name}_f32`];
    measure(name, ELEMENTS, () => kernel(record(inputs)));
  }
  measure("normal draws", ELEMENTS, () => kernels.fillNormal(at(2), BLOCKS, FEATURES, 1, 2, 3, 0));
  measure("uniform draws", ELEMENTS, () => kernels.fillUniform(at(2), BLOCKS, FEATURES, 1, 2, 3, 0));
  measure("dense 64 → 64, a row and unit", ELEMENTS, () =>
    kernels.denseForward(at(0), at(1), at(2), BLOCKS, FEATURES, FEATURES - 1, 1, 0),
  );
  return rows;
}

export async function kernels(): Promise<void> {
  console.log(hardware());
  for (const build of hostRunsRelaxed() ? (["plain", "relaxed"] as const) : (["plain"] as const))
    console.log(table(await suite(build)));
}
