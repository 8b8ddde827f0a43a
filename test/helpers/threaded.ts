/**
 * Trains with threads and prints what came of it, as JSON: what hosts other than the test's own run, and processes that must end
 * by themselves. Arguments: the number of threads, then "bare" for a host without shared memory.
 */
import { spline } from "../../src/guides/spline.ts";
import { infer } from "../../src/infer/infer.ts";
import { train } from "../../src/train/train.ts";
import { hashOf, small } from "./maps.ts";

const args: readonly string[] = globalThis.process.argv.slice(2);
if (args[1] === "bare") Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
const warnings: string[] = [];
const map = await train(small, {
  guide: spline({ bins: 4, embedding: [16], hidden: [16] }),
  steps: 500,
  batch: 256,
  rate: 5e-3,
  heldOut: 300,
  seed: 5,
  kernels: "plain",
  threads: Number(args[0]),
  onWarning: (message) => warnings.push(message),
});
const { mean } = await infer(map, [0.5, -1, 0.2], { worker: true, kernels: "plain" }); // never disposed of
const { device, notice } = map.spec.training;
console.log(JSON.stringify({ hash: await hashOf(map), device, notice, warnings, mean: [...mean] }));
