// The cold start of Retrodict: `node cold.mjs MODEL DRAWS` loads the library and the flow, draws one posterior, and prints
// the milliseconds since the process began.

import { readFileSync, writeFileSync } from "node:fs";
import { infer, load } from "retrodict";
import { W4 } from "../workloads.ts";

const [model, out] = process.argv.slice(2);
const map = await load(new Uint8Array(readFileSync(model)));
const posterior = await infer(map, W4.flowObservation(), { draws: W4.draws });
const draws = posterior.draws as Float32Array;
console.log(`posterior-ms ${performance.now()}`);
// The model's coordinates are relabelled: see flowModelFile.
writeFileSync(
  out,
  Float32Array.from(draws, (_, i) => draws[i - (i % 4) + ((i + 2) % 4)]),
);
