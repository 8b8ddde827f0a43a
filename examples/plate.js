// A PDE problem of your own. A plate is heated at a hole and loses heat at its right end; the left end is kept at 0 and
// the long sides are insulated. Twelve thermometers read its temperature u. What is its conductivity a near four points?
//   −∇·(a ∇u) = 0,  a = exp Σ θ_k ψ_k        retrodict train examples/plate.js --out plate.safetensors
import { readFileSync } from "node:fs";
import { defineProblem, gaussianNoise, normal } from "retrodict";
import { centroids, gmsh, poisson } from "retrodict/fem";
import { constant, exp, matmul } from "retrodict/ops";

const mesh = gmsh(readFileSync(new URL("plate.msh", import.meta.url), "utf8")); // made from plate.geo
const model = poisson({
  mesh,
  dirichlet: [{ on: "left", value: 0 }],
  neumann: [{ on: "hole", flux: 1 }], // a ∂u/∂n
  robin: [{ on: "right", transfer: 2, outside: 0 }], // a ∂u/∂n = 2 (0 − u)
  sensors: [0.1, 0.4, 0.7, 1.3, 1.6, 1.9].flatMap((x) => [0.1, 0.9].map((y) => [x, y])),
});
const places = [0.3, 1.7].flatMap((x) => [0.2, 0.8].map((y) => [x, y]));
const middles = centroids(mesh); // (E, 2)
const bump = ([x, y], e) => Math.exp(-8 * ((middles[2 * e] - x) ** 2 + (middles[2 * e + 1] - y) ** 2));
const bumps = places.flatMap((place) => Array.from({ length: model.E }, (_, e) => bump(place, e))); // ψ (4, E)

export default defineProblem({
  name: "plate",
  description: "the conductivity of a plate with a hole, from twelve temperatures",
  parameters: places.map(([x, y]) => `log a about (${x}, ${y})`),
  prior: normal([0, 0, 0, 0], 0.7),
  forward: (theta) => model.observe(exp(matmul(theta, constant(bumps, theta.dtype, 4)))), // (B, 4) → (B, E) → (B, 12)
  noise: gaussianNoise(0.005),
});
