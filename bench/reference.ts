/**
 * Observations with exact draws, and statistics of posteriors against them.
 *
 * Pooled KS: 1000 draws against 1000 exact ones, two-sample, per parameter and observation, averaged over all of them and three
 * sampling seeds. Exact draws come from the reference folder if it exists (its README says how they were made), else from
 * the problem's own exact sampler, quadrature or importance sampling on observations that it simulates (studies/truth.ts).
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ksPerParameter, pool } from "../src/diagnostics/ks.ts";
import { resimulationError } from "../src/diagnostics/resimulation.ts";
import { type InverseMap, type Posterior, predict, type TrainOptions, train } from "../src/index.ts";
import type { PooledKs } from "../src/model/calibration-record.ts";
import type { Problem } from "../src/problem/problem.ts";
import { parseCsv } from "../src/store/csv.ts";
import { decodeNpy } from "../src/store/npy.ts";
import { cpuSeconds } from "./report.ts";
import { makeCases } from "./studies/truth.ts";

export const DRAWS = 1000;
export const SEEDS: readonly number[] = [11, 12, 13];
/** Observations to simulate if none are given. */
const OBSERVATIONS = 100;

export interface Reference {
  readonly from: string;
  readonly y: readonly ArrayLike<number>[];
  readonly theta: readonly ArrayLike<number>[];
  /** DRAWS exact draws (DRAWS, D) of each observation. */
  readonly exact: readonly Float32Array[];
  /** As many again, independent of the first, if available. */
  readonly again: readonly Float32Array[] | null;
}

/** The folder of reference observations: the given one, or the one beside the repository. */
export function referenceFolder(given?: string): string | null {
  const folder = given ?? fileURLToPath(new URL("../../shared/reference", import.meta.url));
  return existsSync(folder) ? folder : null;
}

/** The observations of a folder, the first `count` of them. */
export function readReference(folder: string, D: number, count = Number.POSITIVE_INFINITY): Reference {
  const rows = (name: string) => parseCsv(readFileSync(`${folder}/${name}`, "utf8")).rows.slice(0, count);
  const { shape, data } = decodeNpy(new Uint8Array(readFileSync(`${folder}/exact.npy`)));
  const size = shape[1] * D;
  const draws = (i: number, from: number) =>
    Float32Array.from(data.subarray(i * size + from * D, i * size + (from + DRAWS) * D));
  const all = Array.from({ length: Math.min(shape[0], count) }, (_, i) => i);
  return {
    from: folder.split("/").slice(-2).join("/"),
    y: rows("y.csv"),
    theta: rows("theta.csv"),
    exact: all.map((i) => draws(i, 0)),
    again: shape[1] >= 2 * DRAWS ? all.map((i) => draws(i, DRAWS)) : null,
  };
}

/** Observations that the problem simulates, with draws of their posteriors. */
export async function ownReference(problem: Problem, count = OBSERVATIONS): Promise<Reference> {
  const { theta, y, truth, again, how } = await makeCases(problem, count);
  return { from: `simulated here; truth: ${how}`, y, theta, exact: truth, again };
}

export interface Judgement {
  readonly ks: PooledKs;
  /** Distance of the draws' noise-free data from those of the true parameters, in the unit of the data. */
  readonly resimulation: number;
}

/** Pooled KS over seeds, and re-simulation error for one seed, of posteriors of the first observations. */
export async function judge(
  posteriors: readonly Pick<Posterior, "sample">[],
  problem: Problem,
  { theta, exact }: Pick<Reference, "theta" | "exact">,
): Promise<Judgement> {
  const { D, M } = problem;
  const truths = await predict(
    problem,
    theta.slice(0, posteriors.length).flatMap((t) => Array.from(t)),
  );
  const statistics: number[] = [];
  let distance = 0;
  for (const [i, posterior] of posteriors.entries()) {
    for (const [k, seed] of SEEDS.entries()) {
      // Different noise for each observation, so that their errors are independent.
      const draws = await posterior.sample(DRAWS, { seed: seed + SEEDS.length * i });
      statistics.push(...ksPerParameter(draws, exact[i], D));
      if (k > 0) continue; // one seed only: solving for all takes minutes, and changes the third digit
      const error = resimulationError(await predict(problem, draws), truths.subarray(i * M, (i + 1) * M));
      distance += error.distance / posteriors.length;
    }
  }
  return { ks: pool(statistics), resimulation: distance };
}

/** Trains, and reports CPU seconds with simulation and fits of scalers. */
export async function timedTrain(
  problem: Problem,
  options: TrainOptions,
): Promise<{ map: InverseMap; seconds: number }> {
  const before = cpuSeconds();
  const map = await train(problem, { seed: 1, ...options });
  return { map, seconds: cpuSeconds() - before };
}
