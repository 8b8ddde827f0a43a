import { setFlagsFromString } from "node:v8";
import { infer, train } from "retrodict";
import { arm } from "retrodict/problems";
setFlagsFromString("--experimental-wasm-relaxed-simd");
const c0 = process.cpuUsage(); const t0 = performance.now();
const map = await train(arm, { preset: "fast", seed: 1, steps: 200 });
const c = process.cpuUsage(c0);
console.log(map.spec.training, (c.user + c.system) / 1e6, (performance.now() - t0) / 1e3);
for (let k = 0; k < 3; k++) { const t = performance.now(); const p = await infer(map, [[1, 0.3], [1.5, 0], [0.4, 0.2], [1.8, 0.3]]); console.log("infer", performance.now() - t, p[0].mean); }
for (let k = 0; k < 3; k++) { const t = performance.now(); const p = arm.exact!([0.4,0.2],1000,k); console.log("exact", performance.now() - t); }
