/**
 * Posteriors of two parameters by quadrature: the forward model is solved once at the nodes of a grid over the prior; for each
 * datum the log-likelihood at the nodes is interpolated by Catmull and Rom's cubics to cells a quarter as wide, and draws are
 * uniform within cells that are chosen by their mass.
 */

import { createExecutor } from "../../src/backends/select.ts";
import { input } from "../../src/graph/build.ts";
import { compile } from "../../src/graph/program.ts";
import { predict } from "../../src/index.ts";
import type { Problem } from "../../src/problem.ts";
import { uniforms } from "../../src/random.ts";

/** Nodes along each parameter, over so many standard deviations of the prior to either side. */
const NODES = 121;
const REACH = 4.5;
/** Cells between two nodes. */
const FINER = 4;

type Sampler = NonNullable<Problem["exact"]>;

/** Weights of four nodes at t in [0, 1] between the middle two. */
const cubic = (t: number): number[] => [
  0.5 * (-t + 2 * t * t - t * t * t),
  0.5 * (2 - 5 * t * t + 3 * t * t * t),
  0.5 * (t + 4 * t * t - 3 * t * t * t),
  0.5 * (-t * t + t * t * t),
];

/** Interpolates along a line of NODES, from `at` with a stride, to the middles of finer cells. */
function refine(values: Float64Array, at: number, stride: number, out: Float64Array, to: number, step: number): void {
  const node = (i: number): number => {
    // Past the ends the line goes on straight.
    if (i < 0) return 2 * values[at] - values[at + stride];
    if (i >= NODES) return 2 * values[at + (NODES - 1) * stride] - values[at + (NODES - 2) * stride];
    return values[at + i * stride];
  };
  const weights = Array.from({ length: FINER }, (_, f) => cubic((f + 0.5) / FINER));
  for (let i = 0; i < NODES - 1; i++) {
    const four = [node(i - 1), node(i), node(i + 1), node(i + 2)];
    weights.forEach((w, f) => {
      out[to + (i * FINER + f) * step] = w[0] * four[0] + w[1] * four[1] + w[2] * four[2] + w[3] * four[3];
    });
  }
}

/** Draws of posteriors of a problem of two parameters with Gaussian noise of one sd. */
export async function tableSampler(problem: Problem): Promise<Sampler> {
  const { M, name, noise, prior } = problem;
  if (noise.name !== "gaussian" || typeof noise.sd !== "number" || problem.D !== 2)
    throw new Error(`table: expected two parameters and Gaussian noise of one sd, got "${name}"`);
  const sd = noise.sd;
  const low = prior.mean.map((m, d) => m - REACH * prior.sd[d]);
  const width = prior.sd.map((s) => (2 * REACH * s) / (NODES - 1));
  const points = (count: number, shift: number, finer: number): Float64Array =>
    Float64Array.from({ length: 2 * count * count }, (_, k) => {
      const i = k & 1 ? (k >> 1) % count : Math.floor((k >> 1) / count);
      return low[k & 1] + ((i + shift) * width[k & 1]) / finer;
    });
  const clean = await predict(problem, points(NODES, 0, 1));
  const side = (NODES - 1) * FINER;
  const theta = input("theta", 2, { dtype: "f64" });
  const executor = await createExecutor(compile({ prior: { outputs: { log: prior.logDensity(theta) } } }));
  const centres = points(side, 0.5, FINER);
  const logPrior = (await executor.run("prior", { rows: side * side, inputs: { theta: centres } })).log;
  executor.dispose();
  return (y, count, seed) => {
    const misfit = new Float64Array(NODES * NODES);
    for (let n = 0; n < misfit.length; n++) {
      let sum = 0;
      for (let j = 0; j < M; j++) sum += (y[j] - clean[n * M + j]) ** 2;
      misfit[n] = -0.5 * (sum / (sd * sd));
    }
    const half = new Float64Array(NODES * side);
    for (let i = 0; i < NODES; i++) refine(misfit, i * NODES, 1, half, i * side, 1);
    const fine = new Float64Array(side * side);
    for (let j = 0; j < side; j++) refine(half, j, side, fine, j, side);
    const log = fine.map((v, k) => v + logPrior[k]);
    const most = log.reduce((a, b) => Math.max(a, b));
    let total = 0;
    const cumulative = log.map((l) => (total += Math.exp(l - most)));
    const u = uniforms(seed, 78, 3 * count);
    return Float32Array.from({ length: 2 * count }, (_, k) => {
      const at = 3 * (k >> 1);
      const cell = search(cumulative, u[at] * total);
      const i = k & 1 ? cell % side : Math.floor(cell / side);
      return low[k & 1] + ((i + u[at + 1 + (k & 1)]) * width[k & 1]) / FINER;
    });
  };
}

/** Index of the first entry of an ascending list that is larger than x. */
function search(ascending: Float64Array, x: number): number {
  let [from, to] = [0, ascending.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (ascending[middle] > x) to = middle;
    else from = middle + 1;
  }
  return from;
}
