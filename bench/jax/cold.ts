// The cold start of jax-js: `node cold.mjs MODEL DRAWS` loads the library and the flow, draws one posterior, and prints
// the milliseconds since the process began.

import { readFileSync, writeFileSync } from "node:fs";
import { W4 } from "../workloads.ts";
import { flowSampler, start } from "./index.ts";

const [model, out] = process.argv.slice(2);
await start();
const slab = readFileSync(model);
const sampler = flowSampler(new Float32Array(slab.buffer, slab.byteOffset, slab.byteLength / 4));
const draws = await sampler.draw(W4.flowObservation());
console.log(`posterior-ms ${performance.now()}`);
writeFileSync(out, draws);
