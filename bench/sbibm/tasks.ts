/**
 * The ten tasks of the benchmark of Lueckmann et al. (Benchmarking simulation-based inference, AISTATS 2021, arXiv 2101.04653,
 * appendix T): problems that make pairs (θ, y). Design, distractors, observations and reference posteriors are files of the folder of
 * `--reference`.
 */
import { readFileSync } from "node:fs";
import {
  bernoulliNoise,
  defineProblem,
  gaussianNoise,
  likelihood,
  normal,
  type Problem,
  predict,
  simulate,
  uniform,
} from "../../src/index.ts";
import { log } from "../../src/numbers/math.ts";
import { normalAt, uniformAt } from "../../src/numbers/random.ts";
import {
  add,
  concat,
  constant,
  logSumExp,
  matmul,
  mul,
  sigmoid,
  square,
  sub,
  sumFeatures,
  type Tensor,
  where,
} from "../../src/ops.ts";
import { multivariateNormal } from "../../src/priors.ts";
import { lotkaVolterra, sir, twoMoons } from "../../src/problems.ts";
import { addNoise } from "../../src/simulate/simulate.ts";
import { SIMULATION_STEPS } from "../../src/simulate/steps.ts";
import { decodeNpy } from "../../src/store/npy.ts";
import { bernoulliRegression, precision, slcp } from "../dynamics/own-likelihoods.ts";

/** Pairs (N, D) and (N, M), row by row. */
export interface SimulatedPairs {
  readonly theta: Float32Array | Float64Array;
  readonly y: Float32Array | Float64Array;
}

export interface Task {
  /** Folder of its reference posteriors, and the file of its observations there. */
  readonly folder: string;
  readonly observations: string;
  readonly problem: Problem;
  /** The problem as a simulator with noise of its own, which has no likelihood. */
  readonly hidden: Problem;
  /** Pairs of the prior. */
  readonly pairs: (count: number, seed: number) => Promise<SimulatedPairs>;
  /** Whether the problem has a likelihood, so that posteriors can be corrected. */
  readonly likelihood: boolean;
}

/** Rows of numbers of a CSV file; lines of names are left out. */
export const rowsOf = (path: string): number[][] =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(",").map(Number))
    .filter((row) => row.every(Number.isFinite));

type DataOf = (theta: Float64Array, seed: number) => Promise<Float32Array | Float64Array>;

/** A problem of the same prior whose data (N, M) include their noise. */
const hidden = ({ name, prior, M }: Pick<Problem, "name" | "prior" | "M">, dataOf: DataOf): Problem =>
  defineProblem({
    name,
    prior,
    data: M,
    noise: null,
    simulate: {
      batch: 1_000_000,
      run: async (rows, { seeds }) => {
        const data = await dataOf(Float64Array.from(rows.flatMap((row) => [...row])), seeds[0]);
        return rows.map((_, i) => data.subarray(i * M, (i + 1) * M));
      },
    },
  });

/** Noisy data (N, M) of parameters (N, D). */
async function noisyAt(problem: Problem, theta: Float64Array, seed: number): Promise<Float32Array | Float64Array> {
  const clean = await predict(problem, theta);
  return addNoise(problem, { theta, clean }, seed, SIMULATION_STEPS.user, {});
}

/** A task whose problem draws its own pairs. */
const own = (folder: string, problem: Problem, observations = "y.csv"): Task => ({
  folder,
  observations,
  problem,
  hidden: hidden(problem, async (theta, seed) => noisyAt(problem, theta, seed)),
  likelihood: true,
  pairs: async (count, seed) => {
    const { theta, noisy } = await simulate(problem, count, { seed });
    return { theta, y: noisy };
  },
});

const TENTH = Math.sqrt(0.1);

const gaussianLinear = (name: string, prior: Problem["prior"]): Problem =>
  defineProblem({ name, prior, forward: (theta) => theta, noise: gaussianNoise(TENTH) });

/** y = θ + e, e of sd 1 or 0.1 with equal probability, the same for both data. */
const gaussianMixture = defineProblem({
  name: "gaussian_mixture",
  prior: uniform(-10, [10, 10]),
  forward: (theta) => theta,
  noise: likelihood({
    name: "gaussian_mixture",
    draw: (clean, random) => add(clean, mul(random.normal(2), where(sub(random.uniform(1), 0.5), 1, 0.1))),
    logDensity: (y, clean) => {
      const half = mul(sumFeatures(square(sub(y, clean))), -0.5);
      return sub(logSumExp(concat(half, add(mul(half, 100), log(100)))), log(4 * Math.PI));
    },
  }),
});

/** The answers z (100) of the regression themselves. */
function bernoulliTrials(design: readonly (readonly number[])[]): Problem {
  const [T, D] = [design.length, design[0].length];
  const transposed = Array.from({ length: D * T }, (_, k) => design[k % T][Math.floor(k / T)]);
  return defineProblem({
    name: "bernoulli_glm_raw",
    prior: multivariateNormal({ mean: 0, precision: precision() }),
    forward: (theta: Tensor) => sigmoid(matmul(theta, constant(transposed, theta.dtype, D))),
    noise: bernoulliNoise(),
  });
}

/** The data of slcp among 92 numbers of noise, an equal mixture of 20 multivariate Student distributions of 2 degrees of freedom. */
function distractors(folder: string): Task {
  const read = (name: string): ArrayLike<number> => decodeNpy(readFileSync(`${folder}/${name}`)).data;
  const [loc, tril] = [read("distractor-loc.npy"), read("distractor-scale-tril.npy")];
  const [order] = rowsOf(`${folder}/distractor-permutation.csv`);
  const [parts, K, M] = [20, 92, 8];
  const noiseAt = (seed: number, row: number): Float64Array => {
    const part = Math.floor(parts * uniformAt(seed, PICK, 0, row, 0));
    const z = Array.from({ length: K }, (_, k) => normalAt(seed, NORMAL, 0, row, k));
    // χ² of two degrees of freedom, halved, is an exponential number.
    const scale = 1 / Math.sqrt(-log(uniformAt(seed, PICK, 0, row, 1)));
    return Float64Array.from({ length: K }, (_, k) => {
      let sum = 0;
      for (let j = 0; j <= k; j++) sum += tril[(part * K + k) * K + j] * z[j];
      return loc[part * K + k] + scale * sum;
    });
  };
  /** Data (N, 8) among noise, (N, 100). */
  const among = (data: Float32Array | Float64Array, seed: number): Float64Array => {
    const y = new Float64Array((data.length / M) * (M + K));
    for (let row = 0; row < data.length / M; row++) {
      const all = [...data.subarray(row * M, (row + 1) * M), ...noiseAt(seed, row)];
      y.set(
        order.map((from) => all[from]),
        row * (M + K),
      );
    }
    return y;
  };
  return {
    folder: "slcp",
    observations: "y-distractors.csv",
    likelihood: false,
    problem: defineProblem({ name: "slcp_distractors", prior: slcp.prior, data: M + K, noise: null }),
    hidden: hidden({ name: "slcp_distractors", prior: slcp.prior, M: M + K }, async (theta, seed) =>
      among(await noisyAt(slcp, theta, seed), seed),
    ),
    pairs: async (count, seed) => {
      const { theta, noisy } = await simulate(slcp, count, { seed });
      return { theta, y: among(noisy, seed) };
    },
  };
}
/** Streams of the noise of distractors: components and scales, normal numbers. */
const PICK = 0x73627069;
const NORMAL = 0x73626e6f;

/** The tasks by name, each read from the folder when it is asked for. */
export const tasks: Readonly<Record<string, (reference: string) => Task>> = {
  gaussian_linear: () =>
    own("gaussian_linear", gaussianLinear("gaussian_linear", normal(0, new Array(10).fill(TENTH)))),
  gaussian_linear_uniform: () =>
    own("gaussian_linear_uniform", gaussianLinear("gaussian_linear_uniform", uniform(-1, new Array(10).fill(1)))),
  slcp: () => own("slcp", slcp),
  slcp_distractors: (reference) => distractors(`${reference}/slcp`),
  bernoulli_glm: (reference) =>
    own("bernoulli_glm", bernoulliRegression(rowsOf(`${reference}/bernoulli_glm/design.csv`))),
  bernoulli_glm_raw: (reference) =>
    own("bernoulli_glm", bernoulliTrials(rowsOf(`${reference}/bernoulli_glm/design.csv`)), "y-raw.csv"),
  gaussian_mixture: () => own("gaussian_mixture", gaussianMixture),
  two_moons: () => own("two_moons", twoMoons),
  sir: () => own("sir", sir),
  lotka_volterra: () => own("lotka_volterra", lotkaVolterra),
};
