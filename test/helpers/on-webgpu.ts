/** Trains on WebGPU and on wasm and prints what came of both, as JSON: what hosts other than the test's own run. */
import { gaussian } from "../../src/guides/gaussian.ts";
import { infer } from "../../src/infer/infer.ts";
import { train } from "../../src/train/train.ts";
import { small } from "./maps.ts";

const settings = { guide: gaussian({ hidden: [8] }), steps: 40, batch: 32, heldOut: 64, evaluateEvery: 10, seed: 3 };
const on = async (backend: "wasm" | "webgpu") => {
  const map = await train(small, { ...settings, backend });
  const { mean } = await infer(map, [0.5, -1, 0.2], { backend });
  const { device, curve } = map.spec.training;
  return { device, numbers: [...(curve?.heldOut ?? []), ...mean] };
};
console.log(JSON.stringify({ gpu: await on("webgpu"), wasm: await on("wasm") }));
