// A structure is watched by a tiltmeter at 100 Hz, whose readings are noisy, now and then far off, and sometimes missing. What are its tilt
// and the noise of the meter now, from the last readings?
//   retrodict train examples/watch/problem.js --out watch.safetensors
import { defineProblem, normal, set, studentNoise } from "retrodict";
import { exp, slice } from "retrodict/ops";

export default defineProblem({
  name: "watch",
  description: "the tilt of a structure and the noise of its tiltmeter, from the last hundred readings",
  parameters: [{ name: "tilt", unit: "mrad" }, "log noise"],
  data: set({ each: [{ name: "reading", unit: "mrad" }], count: [20, 100] }),
  prior: normal([0, 0], [3, 0.5]),
  forward: (theta) => slice(theta, 0, 1), // (B, 2) → (B, 1): one reading without noise
  noise: (theta) => studentNoise({ scale: exp(slice(theta, 1, 2)), degrees: 3 }),
});
