/** A posterior given by draws: the result of the chains of the sampler. */
import type { Executor } from "../backends/backend.ts";
import { normalConstant } from "../guides/guide.ts";
import { log } from "../numbers/math.ts";
import { sumOfSquares } from "../numbers/moments.ts";
import { STREAMS } from "../numbers/random.ts";
import { addTimes, diagonalOf, solveLower } from "../numbers/triangles.ts";
import { drawnSummary, makePosterior, type Posterior } from "../posterior/posterior.ts";
import type { Problem } from "../problem/problem.ts";
import { bridge, type Evidence } from "./bridge.ts";
import { type ChainRun, diagnose, type NutsDiagnostics, warningOf } from "./diagnose.ts";
import type { Given } from "./lockstep.ts";
import { CovarianceWindow, factorOf } from "./metric.ts";
import { pickEvenly, rowsOf } from "./picks.ts";
import { Stream } from "./stream.ts";

/** A posterior by chains, with their diagnostics. */
export interface SampledPosterior extends Posterior {
  readonly problem: Problem;
  /** All draws (chains · draws, D), chain by chain. */
  readonly draws: Float32Array | Float64Array;
  /** The same draws as a list of chains, (draws, D) each. */
  readonly chains: readonly (Float32Array | Float64Array)[];
  readonly diagnostics: NutsDiagnostics;
  /**
   * log p(y), estimated at the first call by bridge sampling between half of the draws and a Gaussian fitted to the other half.
   * The standard error is itself an estimate, and large if the posterior is far from normal. `logProb` uses this evidence.
   */
  evidence(): Promise<Evidence>;
}

export interface SampledParts extends ChainRun {
  readonly executor: Executor;
  readonly y: Float64Array;
  readonly scale?: ArrayLike<number> | undefined;
  /** The data with their circumstances, as the plans take them. */
  readonly row: Float64Array;
  /** Inputs of the plans besides positions. */
  readonly given: Given;
  /** Draws requested of each chain. */
  readonly asked: number;
  readonly seed: number;
}

/** The posterior of one observation's chains. */
export async function sampledPosterior(parts: SampledParts): Promise<SampledPosterior> {
  const { executor, problem, y, scale, row, given, chains, draws, asked, seed } = parts;
  const { D } = problem;
  const z = new Float64Array(chains.length * draws * D);
  for (const [c, chain] of chains.entries()) z.set(chain.positions.subarray(0, draws * D), c * draws * D);
  const rows = chains.length * draws;
  const out = await executor.run("toTheta", { rows, repeat: rows, inputs: { ...given, z } });
  const { theta } = out;
  const diagnostics = diagnose(parts, theta);
  let known: Promise<Evidence> | undefined;
  const evidence = (): Promise<Evidence> => (known ??= evidenceOf(parts, seed));
  const posterior = makePosterior({
    owner: "nuts",
    prior: problem.prior,
    y,
    scale,
    summary: drawnSummary(theta, D),
    warning: warningOf(diagnostics, asked),
    draw: async (count, own) => rowsOf(theta, pickEvenly(chains.length * draws, count, own), D),
    density: async (points, count) => {
      const { logEvidence } = await evidence();
      const joint = await executor.run("joint", { rows: count, repeat: count, inputs: { theta: points, y: row } });
      return joint.value.map((v) => (Number.isNaN(v) ? Number.NEGATIVE_INFINITY : v - logEvidence)); // no data, no density
    },
  });
  return {
    ...posterior,
    problem,
    draws: theta,
    chains: chains.map((_, c) => theta.subarray(c * draws * D, (c + 1) * draws * D)),
    diagnostics,
    evidence,
  };
}

/** Bridge sampling between the second halves of the chains and the Gaussian of the first halves. */
async function evidenceOf({ executor, problem: { D }, given, chains, draws }: SampledParts, seed: number) {
  const half = draws >> 1;
  const window = new CovarianceWindow("dense", D);
  const mean = new Float64Array(D);
  for (const { positions } of chains) {
    for (let s = 0; s < half; s++) {
      const z = positions.subarray(s * D, (s + 1) * D);
      window.add(z);
      for (let i = 0; i < D; i++) mean[i] += z[i] / (half * chains.length);
    }
  }
  const metric = window.take(null);
  const l = metric && factorOf(metric);
  if (l === null) return { logEvidence: Number.NaN, standardError: Number.NaN };
  let constant = normalConstant(D);
  for (const pivot of diagonalOf(l)) constant -= log(pivot);
  const logNormal = (noise: Float64Array): number => constant - 0.5 * sumOfSquares(noise);
  const whiten = (z: Float64Array): Float64Array =>
    solveLower(
      l,
      z.map((v, i) => v - mean[i]),
    );
  const posterior = chains.map(({ positions, values }) =>
    Float64Array.from({ length: draws - half }, (_, s) => {
      const z = positions.subarray((half + s) * D, (half + s + 1) * D);
      return values[half + s] - logNormal(whiten(z));
    }),
  );
  const rows = chains.length * (draws - half);
  const points = new Float64Array(rows * D);
  const noise = new Float64Array(D);
  const stream = new Stream(seed, STREAMS.bridge, 0);
  const logG = new Float64Array(rows);
  for (let s = 0; s < rows; s++) {
    stream.goTo(s);
    stream.normals(noise);
    const z = points.subarray(s * D, (s + 1) * D);
    z.set(mean);
    addTimes(l, noise, 1, z);
    logG[s] = logNormal(noise);
  }
  const { value } = await executor.run("density", { rows, repeat: rows, inputs: { ...given, z: points } });
  return bridge({ posterior, proposal: logG.map((g, s) => value[s] - g) });
}
