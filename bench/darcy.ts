/**
 * The 64 coefficients of a permeability field: a trained guide and Laplace's approximation on the same fresh observations,
 * and how near to either the exact posterior is.
 *
 * Exact posteriors are not to be had, but the mean of −log p(θ | y) = log p(y) − log p(y, θ) over simulated pairs is, between
 * two bounds. With q Laplace's Gaussian and r(θ) = p(y, θ)/q(θ), the mean of r over draws of q is p(y) on average, so its
 * logarithm is too low on average; with the θ that y was simulated from (a draw of the posterior) among them, 1/mean is
 * 1/p(y) on average, so the logarithm is too high (Sobolev & Vetrov, Importance weighted hierarchical variational
 * inference, NeurIPS 2019, §3).
 */
import { type InverseMap, infer, type LaplacePosterior, laplace, predict, simulate } from "../src/index.ts";
import type { Posterior } from "../src/posterior/posterior.ts";
import { darcy } from "../src/problems.ts";

/** Fresh observations, and those of them that the exact posterior is bounded on. */
const OBSERVATIONS = 500;
const BOUNDED = 100;
const SEED = 2025;
const NOISE_SD = (darcy.noise.spec as { readonly sd: number }).sd;
const { D, M } = darcy;
/** Draws for each observation, for re-simulation and for the bounds. */
const DRAWS = { resimulation: 50, bounds: 1000 };
const f = (x: number, digits = 2): string => x.toFixed(digits);

interface Cases {
  readonly theta: readonly Float32Array[];
  readonly y: readonly Float32Array[];
  /** Noise-free data. */
  readonly clean: readonly Float32Array[];
}

async function makeCases(): Promise<Cases> {
  const { theta, clean, noisy } = await simulate(darcy, OBSERVATIONS, { seed: SEED });
  const rows = (flat: Float32Array | Float64Array, width: number): Float32Array[] =>
    Array.from({ length: OBSERVATIONS }, (_, i) => Float32Array.from(flat.slice(i * width, (i + 1) * width)));
  return { theta: rows(theta, D), y: rows(noisy, M), clean: rows(clean, M) };
}

interface Judgement {
  /** −log q of the true parameters, for each observation. */
  readonly losses: readonly number[];
  /** Share, over observations and parameters, of truths within the central 90 % interval of their marginal. */
  readonly coverage: number;
  /** Root mean square, over data, draws and observations, of (forward(draw) − forward(truth)) / noise sd. */
  readonly resimulation: number;
}

async function judge(posteriors: readonly Posterior[], cases: Cases): Promise<Judgement> {
  const losses: number[] = [];
  const draws = new Float32Array(posteriors.length * DRAWS.resimulation * D);
  let within = 0;
  for (const [i, posterior] of posteriors.entries()) {
    const truth = cases.theta[i];
    losses.push(-(await posterior.logProb(truth))[0]);
    const [low, high] = [posterior.quantile(0.05), posterior.quantile(0.95)];
    truth.forEach((t, d) => {
      if (t >= low[d] && t <= high[d]) within++;
    });
    draws.set(await posterior.sample(DRAWS.resimulation, { seed: 5 }), i * DRAWS.resimulation * D);
  }
  const again = await predict(darcy, draws); // of all at once: each call would build the finite elements' plan again
  let square = 0;
  again.forEach((v, k) => {
    const i = Math.floor(k / (DRAWS.resimulation * M));
    square += ((v - cases.clean[i][k % M]) / NOISE_SD) ** 2;
  });
  const resimulation = Math.sqrt(square / again.length);
  return { losses, coverage: within / (posteriors.length * D), resimulation };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
/** Standard error of a mean. */
const error = (values: readonly number[]): number => {
  const m = mean(values);
  return Math.sqrt(mean(values.map((v) => (v - m) ** 2)) / values.length);
};

/** log of the mean of exp. */
function logMean(logs: readonly number[]): number {
  const most = Math.max(...logs);
  return most + Math.log(mean(logs.map((l) => Math.exp(l - most))));
}

/** Lower and upper bound of the mean of −log p(θ | y) of the true parameters, for each observation. */
async function boundExact(
  posteriors: readonly LaplacePosterior[],
  cases: Cases,
): Promise<{ least: number[]; most: number[] }> {
  // The truth first, then draws.
  const rows = 1 + DRAWS.bounds;
  const theta = new Float32Array(posteriors.length * rows * D);
  const logQ: Float64Array[] = [];
  for (const [i, posterior] of posteriors.entries()) {
    const own = theta.subarray(i * rows * D, (i + 1) * rows * D);
    own.set(cases.theta[i]);
    own.set(await posterior.sample(DRAWS.bounds, { seed: 9 }), D);
    logQ.push(await posterior.logProb(own));
  }
  const data = await predict(darcy, theta);
  const [least, most]: [number[], number[]] = [[], []];
  for (const [i, q] of logQ.entries()) {
    // log p(y, θ) without the constants, which the differences do not see; the prior is standard normal.
    const joint = Array.from(q, (_, s) => {
      const at = i * rows + s;
      let sum = 0;
      for (let d = 0; d < D; d++) sum -= theta[at * D + d] ** 2 / 2;
      for (let j = 0; j < M; j++) sum -= ((cases.y[i][j] - data[at * M + j]) / NOISE_SD) ** 2 / 2;
      return sum;
    });
    const ratios = joint.map((u, s) => u - q[s]);
    least.push(logMean(ratios.slice(1)) - joint[0]);
    most.push(logMean(ratios) - joint[0]);
  }
  return { least, most };
}

/** Rows of the table for a map that was trained in so many CPU seconds. */
export async function darcyRows(map: InverseMap, seconds: number): Promise<string[][]> {
  const cases = await makeCases();
  const show = ({ losses, coverage, resimulation }: Judgement): string =>
    `−log q mean ${f(mean(losses))} ± ${f(error(losses))}, median ${f(median(losses))}; 90 % coverage ${f(coverage, 3)}; ` +
    `re-simulation ${f(resimulation)} noise sd`;
  const guide = await judge(await infer(map, cases.y, { draws: 1000 }), cases);
  const before = process.cpuUsage();
  // One start: there is one mode (five starts ended in it for each of 40 observations).
  const modes = await laplace(darcy, cases.y, { starts: 1 });
  const { user } = process.cpuUsage(before);
  const gaussian = await judge(modes, cases);
  const { least, most } = await boundExact(modes.slice(0, BOUNDED), cases);
  const below = [most, least].map((bound) => mean(bound.map((b, i) => gaussian.losses[i] - b)));
  return [
    [`darcy ${map.spec.guide.name}`, show(guide), `${f(seconds, 0)} s, ${map.spec.training.device}`],
    ["darcy Laplace", show(gaussian), `${f(user / 1e3 / OBSERVATIONS, 0)} ms per observation`],
    [
      "darcy exact",
      `mean −log p is ${f(below[0])} to ${f(below[1])} below that of Laplace, first ${BOUNDED} observations`,
      "",
    ],
  ];
}
