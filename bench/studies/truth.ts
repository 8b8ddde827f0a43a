/**
 * Observations of a study and draws of their posteriors that methods are judged by. Where the problem has an exact sampler, it
 * makes them. For one or two parameters, quadrature over one table of solves (src/evaluate/table.ts). Else self-normalised importance sampling from
 * Laplace's Gaussian, widened,
 *
 *   w_s ∝ p(y, θ_s) / q(θ_s),   θ_s = m + κ (θ′_s − m),   θ′_s ~ Laplace,
 *
 * resampled; its effective size (Σ w)²/Σ w² (Kong, 1992) is reported, for it bounds what a KS against the draws can resolve.
 */
import { createExecutor } from "../../src/backends/select.ts";
import { makeTable } from "../../src/evaluate/table.ts";
import { input } from "../../src/graph/build.ts";
import { compile } from "../../src/graph/program.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { laplace, simulate } from "../../src/index.ts";
import { potential } from "../../src/problem/likelihood.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { rowsOf as rowsAt } from "../../src/sampling/picks.ts";
import { resample } from "../../src/sampling/weighted.ts";

/** Draws an observation. */
export const DRAWS = 1000;
/** Proposals of importance sampling an observation. */
const PROPOSALS = 20_000;
/** How much wider than Laplace's Gaussian they are, κ: each of D dimensions costs its share of the effective size. */
const widening = (D: number): number => 1 + 0.4 / Math.sqrt(D);
/** Observations whose weights are carried by fewer draws are told. */
const LEAST_EFFECTIVE = 4000;

export interface Cases {
  readonly problem: Problem;
  readonly theta: readonly Float32Array[];
  readonly y: readonly Float32Array[];
  /** (DRAWS, D) an observation. */
  readonly truth: readonly Float32Array[];
  /** As many again, where they are independent of the first: what the statistics of an exact method would be. */
  readonly again: readonly Float32Array[] | null;
  /** log p(θ | y) of the parameters that the data were made from; null where p(y) is not known. */
  readonly logPosterior: readonly number[] | null;
  /** How they were made, in words. */
  readonly how: string;
}

const rowsOf = (flat: ArrayLike<number>, width: number): Float32Array[] =>
  Array.from({ length: flat.length / width }, (_, i) =>
    Float32Array.from({ length: width }, (_x, j) => flat[i * width + j]),
  );

/** Fresh observations of a problem with draws of their posteriors. */
export async function makeCases(problem: Problem, count: number, seed = 2024): Promise<Cases> {
  const { theta, noisy } = await simulate(problem, count, { seed, kernels: "plain" });
  const y = rowsOf(noisy, problem.M);
  const table = problem.exact === null && problem.D <= 2 ? await makeTable(problem, { kernels: "plain" }) : null;
  const known = problem.exact ?? table?.draw ?? null;
  const base = { problem, theta: rowsOf(theta, problem.D), y };
  if (known !== null) {
    const draws: Float32Array[] = [];
    for (const [i, datum] of y.entries()) draws.push(Float32Array.from(await known(datum, 2 * DRAWS, seed + i)));
    table?.dispose();
    const half = DRAWS * problem.D;
    return {
      ...base,
      truth: draws.map((d) => d.slice(0, half)),
      again: draws.map((d) => d.slice(half)),
      logPosterior: null,
      how: table ? `quadrature over one table of solves, off by ${table.error.toPrecision(2)} noise sd` : "exact draws",
    };
  }
  const weighted = await byImportance(base, seed);
  const sizes = weighted.map(({ effective }) => effective).sort((a, b) => a - b);
  const few = sizes.filter((n) => n < LEAST_EFFECTIVE).length;
  const how =
    `importance sampling, ${PROPOSALS} proposals, effective sample size at least ${Math.round(sizes[0])}, ` +
    `${Math.round(sizes[sizes.length >> 1])} in the median` +
    (few > 0 ? `; below ${LEAST_EFFECTIVE} for ${few} of ${count}` : "");
  return {
    ...base,
    truth: weighted.map(({ draws }) => draws),
    again: null,
    logPosterior: weighted.map((w) => w.logPosterior),
    how,
  };
}

interface Weighted {
  /** (DRAWS, D) */
  readonly draws: Float32Array;
  /** Effective number of independent draws. */
  readonly effective: number;
  readonly logPosterior: number;
}

/** Draws by importance sampling from Laplace's Gaussians. */
async function byImportance(
  { problem, theta: truths, y }: Pick<Cases, "problem" | "theta" | "y">,
  seed: number,
): Promise<Weighted[]> {
  const { D, M } = problem;
  const [theta, data] = [input("theta", D, { dtype: "f64" }), input("y", M, { dtype: "f64", repeat: true })];
  const wider = widening(D);
  const executor = await createExecutor(
    atOnce(compile({ joint: { outputs: { log: potential(problem, theta, data) } } })),
  );
  const joint = async (rows: Float64Array, datum: ArrayLike<number>): Promise<ArrayLike<number>> => {
    const count = rows.length / D;
    const inputs = { theta: rows, y: Float64Array.from(datum) };
    return (await executor.run("joint", { rows: count, repeat: count, inputs })).log;
  };
  const out: Weighted[] = [];
  for (const [i, posterior] of (await laplace(problem, y)).entries()) {
    const { mode } = posterior;
    const near = Float64Array.from(await posterior.sample(PROPOSALS, { seed: seed + i }));
    const logQ = await posterior.logProb(near);
    const wide = near.map((v, k) => mode[k % D] + wider * (v - mode[k % D]));
    const log = await joint(wide, y[i]);
    const ratios = Float64Array.from(logQ, (q, s) => log[s] - q + D * Math.log(wider));
    const { logEvidence, ...sample } = pick(wide, ratios, D, seed + i);
    const [atTruth] = Array.from(await joint(Float64Array.from(truths[i]), y[i]));
    out.push({ ...sample, logPosterior: atTruth - logEvidence });
  }
  executor.dispose();
  return out;
}

/** DRAWS of weighted ones, and the estimate of log p(y). */
function pick(
  theta: Float64Array,
  logWeights: Float64Array,
  D: number,
  seed: number,
): Omit<Weighted, "logPosterior"> & { readonly logEvidence: number } {
  const most = logWeights.reduce((a, b) => Math.max(a, b));
  const raw = logWeights.map((l) => Math.exp(l - most));
  const total = raw.reduce((a, b) => a + b);
  const weights = raw.map((w) => w / total);
  return {
    draws: Float32Array.from(rowsAt(Float32Array.from(theta), resample(weights, DRAWS, seed), D)),
    effective: 1 / weights.reduce((sum, w) => sum + w * w, 0),
    logEvidence: most + Math.log(total / weights.length),
  };
}
