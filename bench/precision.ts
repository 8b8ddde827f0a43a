/**
 * `npm run bench precision [-- --only arm,rod,eit] [--full]`: the loss of accuracy by storing weights in half precision.
 *
 * A map is trained (fast preset; with --full the default one, as shipped models are), saved with its weights in half precision, and
 * read again. Both maps infer the same fresh cases, with the same random numbers:
 *
 *   −log q    mean of −log q(θ | y) over fresh pairs, and of the difference, with its standard error
 *   KS        pooled two-sample statistic against the reference (exact draws, quadrature or chains, as `evaluate` chooses)
 */
import { gzipSync } from "node:zlib";
import { evaluate } from "../src/diagnostics.ts";
import { type InverseMap, infer, load, shippedModels, simulate, toBytes, train } from "../src/index.ts";
import type { Problem } from "../src/problem/problem.ts";
import { findProblem } from "../src/problems.ts";
import { hardware, table } from "./report.ts";

const PAIRS = 4096;
const CASES = 100;
const SEED = 4177; // of fresh cases; no training uses it
const kernels = "plain";

/** −log q of the true parameters of fresh pairs. */
async function surprise(map: InverseMap, problem: Problem): Promise<Float64Array> {
  const { D, M } = problem;
  const { theta, noisy } = await simulate(problem, PAIRS, { seed: SEED, kernels });
  const y = Array.from({ length: PAIRS }, (_, i) => noisy.subarray(i * M, (i + 1) * M));
  const out = new Float64Array(PAIRS);
  for (const [i, posterior] of (await infer(map, y, { draws: 2, kernels })).entries())
    out[i] = -(await posterior.logProb(theta.subarray(i * D, (i + 1) * D)))[0];
  return out;
}

const meanOf = (values: Float64Array): number => values.reduce((sum, x) => sum + x / values.length, 0);

/** The rows of one problem: as trained, and rounded. */
export async function comparePrecision(problem: Problem, trained: InverseMap): Promise<string[][]> {
  const rows: string[][] = [];
  const surprises: Float64Array[] = [];
  for (const precision of ["f32", "f16"] as const) {
    const bytes = toBytes(trained, { precision });
    const map = await load(bytes, { problem, kernels });
    const found = await surprise(map, problem);
    surprises.push(found);
    const difference = found.map((x, i) => x - surprises[0][i]);
    const mean = meanOf(difference);
    const error = Math.sqrt(meanOf(difference.map((x) => (x - mean) ** 2)) / PAIRS);
    const { ks } = await evaluate(map, { problem, cases: CASES, calibration: CASES, seed: SEED, kernels });
    const { guide } = ks ?? {};
    rows.push([
      problem.name,
      precision,
      (gzipSync(bytes, { level: 9 }).length / 1000).toFixed(1),
      meanOf(found).toFixed(4),
      `${mean.toFixed(5)} ± ${error.toFixed(5)}`,
      guide ? [guide.mean, guide.median, guide.p90, guide.max].map((x) => x.toFixed(4)).join(" / ") : "",
    ]);
  }
  return rows;
}

export async function precision({ only, full }: { only?: string; full?: boolean }): Promise<void> {
  console.log(hardware());
  const rows = [["", "weights", "gzip, kB", "−log q", "difference, nats", "KS mean / median / p90 / max"]];
  for (const name of only?.split(",") ?? shippedModels) {
    const problem = findProblem(name);
    const trained = await train(problem, { preset: full ? "default" : "fast", seed: 1, kernels });
    rows.push(...(await comparePrecision(problem, trained)));
  }
  console.log(table(rows));
}
