/**
 * Small problems for calibration, one a prior: the forward model is the parameters on the line, with noise of half their prior sd there,
 * so that prior and data matter alike.
 */
import { defineProblem, gaussianNoise, type Problem } from "../../src/index.ts";
import {
  beta,
  type Distribution,
  dirichlet,
  doubleExponential,
  exponential,
  gamma,
  halfCauchy,
  halfNormal,
  inverseGamma,
  joint,
  logNormal,
  multivariateNormal,
  normal,
  ordered,
  product,
  repeat,
  softUniform,
  student,
  truncatedNormal,
  uniform,
} from "../../src/priors.ts";

const distributions = {
  normal: () => normal([0, 1], [1, 2]),
  uniform: () => uniform(0, 1),
  softUniform: () => softUniform(0, 1, 0.2),
  logNormal: () => logNormal(0, 1),
  truncatedNormal: () => truncatedNormal(0, 1, -0.5, 2),
  multivariateNormal: () => multivariateNormal({ mean: [1, -1], covariance: [4, 1.9, 1.9, 1] }),
  gamma: () => gamma([0.5, 3], 2),
  inverseGamma: () => inverseGamma(2, 1),
  beta: () => beta([2, 0.5], 1),
  exponential: () => exponential(2),
  halfNormal: () => halfNormal(2),
  halfCauchy: () => halfCauchy(1),
  student: () => student([0, 0], 1, [1, 5]),
  doubleExponential: () => doubleExponential(0, 1),
  dirichlet: () => dirichlet([1, 2, 3]),
  ordered: () => ordered(normal(0, 1), exponential([1, 2])),
  joint: () => joint({ mu: normal(0, 1), tau: halfNormal(1), theta: (e) => repeat(normal(e.mu, e.tau), 3) }),
  product: () => product(normal(1, 2), uniform(-1, 1), gamma(2, 1)),
} satisfies Record<string, () => Distribution>;

function problemOf(prior: Distribution): Problem {
  return defineProblem({
    name: "prior",
    prior,
    forward: (theta) => prior.toReal(theta),
    noise: gaussianNoise(Array.from(prior.realSd, (s) => s / 2)),
  });
}

/** Problems by the name of their prior. */
export const priors: Readonly<Record<string, () => Problem>> = Object.fromEntries(
  Object.entries(distributions).map(([name, make]) => [name, () => problemOf(make())]),
);
