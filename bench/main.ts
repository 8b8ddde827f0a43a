/** `npm run bench [NAME …]`: all benches, or the named ones. */

import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { hostRunsRelaxed } from "../src/backends/wasm/kernels.ts";

// Node 20 has relaxed SIMD behind a flag, which newer versions do not know.
if (!hostRunsRelaxed()) setFlagsFromString("--experimental-wasm-relaxed-simd");

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    reference: { type: "string" },
    only: { type: "string" },
    full: { type: "boolean" },
    quick: { type: "boolean" },
    cases: { type: "string" },
    images: { type: "string" },
    methods: { type: "string" },
    train: { type: "boolean" },
    threads: { type: "string" },
    guide: { type: "string" },
    steps: { type: "string" },
    seed: { type: "string" },
    input: { type: "string" },
    budgets: { type: "string" },
    base: { type: "string" },
    results: { type: "string" },
  },
});

/** Benches by name. Each is loaded on demand, because peers are installed separately. */
const benches: Record<string, () => Promise<void>> = {
  speed: async () => (await import("./speed.ts")).speed(values),
  threads: async () => (await import("./threads.ts")).threadsBench(values),
  fem: async () => (await import("./fem.ts")).fem(values),
  electrodes: async () => (await import("./electrodes.ts")).electrodesBench(),
  agreement: async () => (await import("./agreement.ts")).agreement(values),
  gpu: async () => (await import("./gpu.ts")).gpu(values),
  wide: async () => (await import("./wide.ts")).wide(values),
  kernels: async () => (await import("./kernels.ts")).kernels(),
  data: async () => (await import("./data.ts")).data(values),
  dynamics: async () => (await import("./dynamics.ts")).dynamics(values),
  nuts: async () => (await import("./nuts.ts")).nutsBench(values),
  "bad-guides": async () => (await import("./bad-guides.ts")).badGuides(values),
  paper: async () => (await import("./paper-table.ts")).paperTable(values),
  precision: async () => (await import("./precision.ts")).precision(values),
  accuracy: async () => (await import("./accuracy.ts")).accuracy(values),
  "time-to-accuracy": async () => (await import("./time-to-accuracy.ts")).timeToAccuracy(values),
  flags: async () => (await import("./flags.ts")).flags(values),
  foreign: async () => (await import("./foreign.ts")).foreign(),
  fuzz: async () => (await import("./fuzz.ts")).fuzz(values),
  kill: async () => (await import("./kill.ts")).kill(values),
  calibration: async () => (await import("./calibration.ts")).calibration(values),
  sbibm: async () => (await import("./sbibm.ts")).sbibm(values),
  studies: async () => (await import("./studies/main.ts")).runStudies(values),
};

for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
  const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (bench === undefined) throw new Error(`bench: expected ${Object.keys(benches).join(", ")}, got "${name}"`);
  await bench();
}
