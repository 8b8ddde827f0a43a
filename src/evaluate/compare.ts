/** Posteriors of evaluation cases beside their reference posteriors: KS, importance weights, re-simulated data. */
import type { Rows } from "../backends/backend.ts";
import { ksFloor, ksPerParameter, pool } from "../diagnostics/ks.ts";
import type { AmortisedPosterior } from "../infer/infer.ts";
import { exp } from "../numbers/math.ts";
import { rootMeanSquare } from "../numbers/moments.ts";
import { rowsOf } from "../sampling/picks.ts";
import { LARGEST_K, paretoSmooth } from "../sampling/psis.ts";
import { resample } from "../sampling/weighted.ts";
import type { Evaluation, KsSummary } from "./evaluation.ts";
import type { Reference } from "./reference.ts";

/** Draws of each posterior whose data are simulated again. */
const RESIMULATED = 100;
/** Draws that are weighted, for each draw that is compared: the compared ones are resampled from them. */
const WEIGHTED = 4;

/** The result of one evaluation case; null without a reference, likelihood or forward model. */
export interface Comparison {
  /** KS of each parameter (D): draws of the guide, and draws resampled by importance weights, against the reference. */
  readonly ks: number[] | null;
  readonly corrected: number[] | null;
  /** Pareto shape k̂ of the weights, and their effective sample size as a share of the draws. */
  readonly kHat: number | null;
  readonly ess: number | null;
  /** Root mean square error of re-simulated data, in noise sd: for draws of the guide, and of the reference. */
  readonly resimulated: number | null;
  readonly least: number | null;
}

export interface CompareRequest {
  readonly reference: Reference;
  /** Number of the case. */
  readonly index: number;
  /** Draws to compare. */
  readonly draws: number;
  readonly seed: number;
  /** Noise-free data of the true parameters (M), and the noise sd (M). */
  readonly clean: Rows;
  readonly noiseSd: Float64Array;
}

/** Compares the posterior of one evaluation case with its reference posterior. */
export async function compare(posterior: AmortisedPosterior, request: CompareRequest): Promise<Comparison> {
  const { reference, index, draws, seed } = request;
  const D = posterior.mean.length;
  const exact = reference.draws?.[index] ?? null;
  const drawn = await posterior.sample(draws, { seed: seed + 2 });
  const weighted = reference.joint && (await weigh(posterior, reference.joint, WEIGHTED * draws, seed + 3));
  const ksOf = (theta: Rows): number[] | null => exact && [...ksPerParameter(theta, exact, D)];
  return {
    ks: ksOf(drawn),
    corrected: weighted && ksOf(rowsOf(weighted.theta, resample(weighted.weights, draws, seed + 4), D)),
    kHat: weighted?.kHat ?? null,
    ess: weighted && weighted.ess / weighted.weights.length,
    resimulated: await resimulationOf(drawn, request, D),
    least: exact && (await resimulationOf(exact, request, D)),
  };
}

async function resimulationOf(
  theta: Rows,
  { reference, clean, noiseSd }: CompareRequest,
  D: number,
): Promise<number | null> {
  if (reference.clean === null) return null;
  const again = await reference.clean(theta.subarray(0, RESIMULATED * D));
  const M = clean.length;
  return rootMeanSquare(Float64Array.from(again, (v, k) => (v - clean[k % M]) / noiseSd[k % M]));
}

/** Draws of a posterior q with weights p(y, θ)/q(θ | y), smoothed. */
async function weigh(
  posterior: AmortisedPosterior,
  joint: NonNullable<Reference["joint"]>,
  count: number,
  seed: number,
): Promise<{ theta: Rows; weights: Float64Array; kHat: number; ess: number }> {
  const theta = await posterior.sample(count, { seed });
  const [p, q] = [await joint(theta, posterior), await posterior.logProb(theta)];
  const ratios = q.map((l, s) => (Number.isFinite(p[s]) && Number.isFinite(l) ? p[s] - l : Number.NEGATIVE_INFINITY));
  if (ratios.every((r) => r === Number.NEGATIVE_INFINITY))
    return { theta, weights: ratios.map(() => 1 / count), kHat: Number.POSITIVE_INFINITY, ess: 0 };
  const { logWeights, kHat, ess } = paretoSmooth(ratios);
  return { theta, weights: logWeights.map((l) => exp(l)), kHat, ess };
}

/** The comparisons of all cases together. */
export function summarise(
  all: readonly Comparison[],
  draws: number,
): Pick<Evaluation, "ks" | "weights" | "resimulation"> {
  const numbers = <T>(pick: (c: Comparison) => T | null): T[] | null => {
    const found = all.map(pick);
    return found.every((x) => x !== null) ? (found as T[]) : null;
  };
  const ksOf = (statistics: number[][] | null): KsSummary | null =>
    statistics && { ...pool(statistics.flat()), statistics, floor: ksFloor(draws, draws) };
  const rmsOf = (errors: number[] | null): number => (errors === null ? Number.NaN : rootMeanSquare(errors));
  const guide = ksOf(numbers((c) => c.ks));
  const kHat = numbers((c) => c.kHat);
  const resimulated = numbers((c) => c.resimulated);
  return {
    ks: guide && { guide, corrected: ksOf(numbers((c) => c.corrected)) },
    weights: kHat && {
      kHat,
      ess: numbers((c) => c.ess) as number[],
      above: kHat.filter((k) => !(k <= LARGEST_K)).length / kHat.length,
    },
    resimulation: resimulated && { guide: rmsOf(resimulated), truth: rmsOf(numbers((c) => c.least)) },
  };
}
