/**
 * `npm run bench priors [-- --cases 200] [--only gamma,beta]`: simulation-based calibration of chains under each prior (Talts et al.,
 * arXiv 1804.06788). Parameters are drawn from the prior and data from them; their ranks among draws of NUTS are uniform if prior, map
 * to the line, density and chains agree. The forward model is the parameters on the line, with noise of half their prior sd there, so
 * that prior and data matter alike.
 */

import { sbc } from "../src/diagnostics/sbc.ts";
import { defineProblem, gaussianNoise, nuts, simulate } from "../src/index.ts";
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
  repeat,
  softUniform,
  student,
  truncatedNormal,
  uniform,
} from "../src/priors.ts";
import { hardware, table } from "./report.ts";

const rows: Readonly<Record<string, () => Distribution>> = {
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
};

/** Draws of a posterior that are ranked, thinned so that they are nearly independent. */
const RANKED = 99;
const THIN = 8;

export async function priors({ cases = "200", only }: { cases?: string; only?: string }): Promise<void> {
  const names = only?.split(",") ?? Object.keys(rows);
  const count = Number(cases);
  console.log(`Simulation-based calibration of NUTS, ${count} cases a prior, ${RANKED} draws each; ${hardware()}`);
  const lines: string[][] = [];
  for (const name of names) {
    const prior = rows[name]();
    const problem = defineProblem({
      name,
      prior,
      forward: (theta) => prior.toReal(theta),
      noise: gaussianNoise(Array.from(prior.realSd, (s) => s / 2)),
    });
    const { theta, noisy } = await simulate(problem, count, { seed: 7 });
    const { D } = problem;
    const ranks = Array.from({ length: D }, () => new Int32Array(count));
    let divergences = 0;
    const data = Array.from({ length: count }, (_, i) => Array.from(noisy.subarray(i * D, (i + 1) * D)));
    const posteriors = await nuts(problem, data, { chains: 4, draws: ((RANKED + 1) * THIN) / 4, seed: 3 });
    for (const [i, posterior] of posteriors.entries()) {
      divergences += posterior.diagnostics.divergences;
      const draws = await posterior.sample(RANKED * THIN, { seed: i });
      for (let d = 0; d < D; d++)
        for (let s = 0; s < RANKED; s++) ranks[d][i] += Number(draws[s * THIN * D + d] < theta[i * D + d]);
    }
    const empty = {
      count,
      draws: RANKED,
      quantities: [],
      density: new Int32Array(count),
      distance: new Int32Array(count),
    };
    const parameters = ranks.map((list, d) => ({ name: problem.parameters[d].name, ranks: list }));
    const { curves, passed } = sbc({ ...empty, parameters }, { alpha: 0.01 });
    const worst = (of: (c: (typeof curves)[number]) => number): string =>
      curves
        .map(of)
        .reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a))
        .toFixed(2);
    lines.push([
      name,
      `${D}`,
      passed ? "uniform" : "NOT uniform",
      worst((c) => c.shift),
      worst((c) => c.spread),
      `${divergences}`,
    ]);
    console.log(lines[lines.length - 1].join("  "));
  }
  console.log(
    table([["prior", "D", "ranks (alpha .01)", "worst shift, se", "worst spread, se", "divergences"], ...lines]),
  );
}
