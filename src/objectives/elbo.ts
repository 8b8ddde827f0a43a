/**
 * The negative amortised evidence lower bound, arXiv 2305.20004 eq. 12, with reparameterised particles:
 *
 *   E_y (1/P) Σ_p [log q(θ_p | y) − log p(y | θ_p) − log p(θ_p)],   θ_p = T⁻¹(guide(ε_p; y)),  ε_p ~ N(0, I).
 */
import { add, cast, mul, random, sub, sumTiles, tile } from "../graph/build.ts";
import { STREAMS } from "../numbers/random.ts";
import { potential, whyNoLikelihood } from "../problem/likelihood.ts";
import type { Objective } from "./objective.ts";

export const elbo: Objective = {
  name: "elbo",
  loss: ({ problem, guide, frame, embed, particles }, _theta, y) => {
    const encoded = tile(guide.encode(embed(y)), particles);
    const noise = random("normal", problem.D, STREAMS.particles, particles);
    const { z, logProb } = guide.sample(noise, encoded);
    const theta = cast(frame.fromGuide(z), "f64");
    const logQ = add(cast(logProb, "f64"), frame.logDet(theta));
    const gap = sub(logQ, potential(problem, theta, cast(tile(y, particles), "f64")));
    return mul(sumTiles(gap), 1 / particles);
  },
  refuses: (problem) =>
    whyNoLikelihood(problem) === null
      ? undefined
      : `the ELBO needs the gradient of the ${problem.forward === null ? "forward model" : "log-density of the noise"}, and this problem has ${whyNoLikelihood(problem)}; use objective "npe"`,
};
