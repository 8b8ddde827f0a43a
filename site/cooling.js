import { defineProblem, gaussianNoise, infer, normal, train } from "retrodict";
import { exp, mul, slice } from "retrodict/ops";

const cooling = defineProblem({
  name: "cooling",
  prior: normal([70, 0.2], [10, 0.05]), // a cup of tea: degrees above the room, and the rate per minute
  forward: (theta) => mul(slice(theta, 0, 1), exp(mul(slice(theta, 1, 2), [-1, -5, -20]))), // after 1, 5 and 20 minutes
  noise: gaussianNoise(1),
});
console.log(await infer(await train(cooling, { preset: "fast" }), [57, 25, 2]));
