/** The built-in problems. */
export { arm } from "./problems/arm.ts";
export { banana } from "./problems/banana.ts";
export { building } from "./problems/building.ts";
export { darcy } from "./problems/darcy.ts";
export { eit } from "./problems/eit.ts";
export { linearGaussian, linearGaussianPosterior } from "./problems/linear-gaussian.ts";
export { lotkaVolterra } from "./problems/lotka-volterra.ts";
export { oscillator } from "./problems/oscillator.ts";
export { rod } from "./problems/rod.ts";
export { sir } from "./problems/sir.ts";
export { findProblem, problems } from "./problems/table.ts";
export { twoMoons } from "./problems/two-moons.ts";
