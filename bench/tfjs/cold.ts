// The cold start of tfjs-wasm: `node cold.mjs MODEL DRAWS` loads the library and the flow, draws one posterior, and prints
// the milliseconds since the process began.

import { readFileSync, writeFileSync } from "node:fs";
import { W4 } from "../workloads.ts";
import { flowSampler } from "./flow.ts";
import { start } from "./index.ts";

const [model, out] = process.argv.slice(2);
await start();
const slab = readFileSync(model);
const sampler = flowSampler(new Float32Array(slab.buffer, slab.byteOffset, slab.byteLength / 4));
const draws = sampler.draw(W4.flowObservation(), W4.draws);
console.log(`posterior-ms ${performance.now()}`);
writeFileSync(out, draws);
