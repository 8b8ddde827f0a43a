/**
 * Moments of a distribution from draws of a fixed seed, in f64. They only set the scale in which guides and samplers work, and are
 * rounded to four digits, so that the last bits of elementary functions, which differ between JavaScript engines, do not reach them.
 */
import { evaluate } from "../backends/reference/evaluate.ts";
import { type Tensor, topological } from "../graph/tensor.ts";
import { columnMeans, columnOf, columnSds, quantileOf } from "../numbers/moments.ts";
import { STREAMS } from "../numbers/random.ts";
import { CENTRAL, type Distribution } from "./distribution.ts";

/** Draws at most and at least, and random numbers that they may take in all. */
const MOST_DRAWS = 4096;
const LEAST_DRAWS = 256;
const NUMBERS = 60_000;
const SEED = 20260101;
const DIGITS = 4;
/** An sd above this many central half-widths is that of a few draws in heavy tails. */
const HEAVY = 10;

type Moments = Pick<Distribution, "mean" | "sd" | "realMean" | "realSd">;

const rounded = (x: number): number => Number(x.toPrecision(DIGITS));

/** Centres and spreads of the columns of draws (N, D). */
function spreads(rows: Float64Array, D: number): { readonly centre: Float64Array; readonly spread: Float64Array } {
  const mean = columnMeans(rows, D);
  const sd = columnSds(rows, D, mean);
  const [centre, spread] = [mean.slice(), sd.slice()];
  for (let d = 0; d < D; d++) {
    const sorted = columnOf(rows, D, d).sort();
    const [low, high] = CENTRAL.map((p) => quantileOf(sorted, p));
    const half = (high - low) / 2;
    if (!(sd[d] <= HEAVY * half)) [centre[d], spread[d]] = [quantileOf(sorted, 0.5), half];
  }
  return { centre: centre.map(rounded), spread: spread.map(rounded) };
}

/** The moments of draws, but the exact ones of entries that have some. */
export function estimatedMoments(
  draw: (stream: number, dtype: "f64") => Tensor,
  toReal: (theta: Tensor) => Tensor,
  exact: Moments,
  isExact: readonly boolean[],
): Moments & { readonly momentDraws: number } {
  const theta = draw(STREAMS.prior, "f64");
  const D = isExact.length;
  const each = topological([theta]).reduce((sum, node) => sum + (node.op === "random" ? node.cols : 0), 0);
  const momentDraws = Math.min(MOST_DRAWS, Math.max(LEAST_DRAWS, Math.floor(NUMBERS / Math.max(1, each))));
  const { rows, onLine } = evaluate({ rows: theta, onLine: toReal(theta) }, { rows: momentDraws, seed: SEED });
  const [plain, real] = [spreads(rows, D), spreads(onLine, D)];
  const choose = (known: Float64Array, found: Float64Array): Float64Array =>
    found.map((x, d) => (isExact[d] ? known[d] : x));
  return {
    momentDraws,
    mean: choose(exact.mean, plain.centre),
    sd: choose(exact.sd, plain.spread),
    realMean: choose(exact.realMean, real.centre),
    realSd: choose(exact.realSd, real.spread),
  };
}
