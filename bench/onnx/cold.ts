// The cold start of onnxruntime-web: `node cold.mjs MODEL DRAWS` loads the library and the flow, draws one posterior, and prints
// the milliseconds since the process began.

import { readFileSync, writeFileSync } from "node:fs";
import { W4 } from "../workloads.ts";
import { load, start, tensor } from "./index.ts";

const [model, out] = process.argv.slice(2);
start();
const session = await load(readFileSync(model));
const answer = await session.run({ observation: tensor(W4.flowObservation(), 1, 2) });
const draws = answer.draws.data as Float32Array;
console.log(`posterior-ms ${performance.now()}`);
writeFileSync(out, draws);
