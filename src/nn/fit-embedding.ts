/** The choice of an embedding, and the fit of its frozen entries on simulations (embedding.ts). */
import type { BackendOptions } from "../backends/select.ts";
import type { DataKind } from "../distributions/noise/noise.ts";
import { pause } from "../host/yielding.ts";
import { log as logarithm } from "../numbers/math.ts";
import { columnMeans, columnSds, orOne } from "../numbers/moments.ts";
import { leadingComponents } from "./components.ts";
import { constantChannels } from "./constant.ts";
import { ANSCOMBE, type Embedding } from "./embedding.ts";

/**
 * An embedding, among the options of a training. "auto" standardises; it takes "root" for counts, "log" for positive data, and
 * principal components of more than 64 data values. "log" stands for the data and their logarithms, for data that are positive and
 * spread over scales, as potentials are where coefficients are log-normal. "root" stands for square roots, for counts.
 */
export type EmbeddingOption = "auto" | "none" | "standardise" | "log" | "root" | { readonly principal: number };

/** Data with more channels are projected by default, on so many components. */
const LONG_DATA = 64;
const COMPONENTS = 24;
/** What constant channels are divided by, so that nothing is left of them. */
const OUT_OF_SIGHT = 3e38;
/** Up to so many noise standard deviations the asinh of a value is nearly linear. */
const LINEAR_BELOW = 4;

/** The embedding that suits data of a kind, by default. */
const byKind: Readonly<Partial<Record<DataKind, "log" | "root">>> = { counts: "root", positive: "log" };
/** The embedding of M data of a kind. @throws on an option that makes no sense. */
export function chooseEmbedding(option: EmbeddingOption, M: number, data: DataKind = "real"): Embedding {
  if (typeof option === "object") {
    const { principal } = option;
    if (!Number.isInteger(principal) || principal < 1 || principal > M) {
      throw new Error(
        `embedding.principal: expected 1 to ${M} components (the data have ${M} numbers), got ${principal}`,
      );
    }
    return { kind: "principal", size: principal };
  }
  if (option === "auto")
    return M > LONG_DATA ? { kind: "principal", size: COMPONENTS } : chooseEmbedding(byKind[data] ?? "standardise", M);
  if (option === "log") return { kind: "log", size: 2 * M };
  if (option !== "none" && option !== "standardise" && option !== "root") {
    throw new Error(
      `embedding: expected "auto", "none", "standardise", "log" or "root", or { principal: K }, got ${JSON.stringify(option)}`,
    );
  }
  return { kind: option, size: M };
}

/** Rows w_k of a projection as a dense layer (M + 1, K), whose bias subtracts the mean. */
function asLayer(rows: readonly Float64Array[], mean: Float64Array): Float32Array {
  const M = mean.length;
  const out = new Float32Array((M + 1) * rows.length);
  rows.forEach((row, k) => {
    let shift = 0;
    for (let i = 0; i < M; i++) {
      out[i * rows.length + k] = row[i];
      shift -= row[i] * mean[i];
    }
    out[M * rows.length + k] = shift;
  });
  return out;
}

/** Interquartile range of a normal distribution of sd 1, and the excess of the sd over its estimate from it that means heavy tails. */
const NORMAL_IQR = 1.3489795003921634;
const HEAVY_TAILS = 3;

/** Centre and spread of each column of rows (N, M): mean and sd, or median and interquartile range where the tails are so heavy that
 *  the sd tells nothing about the bulk. */
function centreAndSpread(rows: Float32Array, M: number): { centre: Float64Array; spread: Float64Array } {
  const N = rows.length / M;
  const centre = columnMeans(rows, M);
  const spread = columnSds(rows, M, centre);
  for (let j = 0; j < M; j++) {
    const sorted = Float32Array.from({ length: N }, (_, r) => rows[r * M + j]).sort();
    const quantile = (p: number): number => sorted[Math.floor(p * (N - 1))];
    const bulk = (quantile(0.75) - quantile(0.25)) / NORMAL_IQR;
    if (!(spread[j] > HEAVY_TAILS * bulk && bulk > 0)) continue;
    centre[j] = quantile(0.5);
    spread[j] = bulk;
  }
  return { centre, spread };
}

/** The least value of each channel, (M), 1 where it is not above 0: positive data then enter with their logarithms. */
function leastOf(noisy: Float32Array, M: number): Float32Array {
  const least = new Float32Array(M).fill(Number.POSITIVE_INFINITY);
  noisy.forEach((y, i) => {
    least[i % M] = Math.min(least[i % M], y);
  });
  return least.map((y) => (y > 0 && y < Infinity ? y : 1));
}

/** The value of each channel below which its asinh is nearly linear, (M). */
function linearBelow(noisy: Float32Array, M: number, noiseSd: Float64Array): Float32Array {
  const { spread } = centreAndSpread(noisy, M);
  // The noise of data that include theirs is unknown: a tenth of their spread is taken instead.
  return Float32Array.from(noiseSd, (s, j) => LINEAR_BELOW * (s > 0 ? s : orOne(0.1 * spread[j])));
}

/** Rows (N, 2M): the data (N, M), then asinh of them in units of `scale` (M). */
function withLogarithms(rows: Float32Array, M: number, scale: Float32Array): Float32Array {
  const out = new Float32Array(2 * rows.length);
  rows.forEach((y, i) => {
    const [r, j] = [Math.floor(i / M), i % M];
    const x = Math.abs(y) / scale[j];
    out[2 * r * M + j] = y;
    out[(2 * r + 1) * M + j] = Math.sign(y) * logarithm(x + Math.sqrt(x * x + 1));
  });
  return out;
}

/**
 * The frozen entries of an embedding by name, fitted on simulated data: `clean` and `noisy` (N, M), and the noise sd (M).
 * Features of channels with a value in `constant` (M) are 0. Noise on data that are positive by kind is relative, so their asinh is a
 * logarithm from the least of them on.
 */
export async function fitEmbedding(
  embedding: Embedding,
  M: number,
  clean: Float32Array,
  noisy: Float32Array,
  noiseSd: Float64Array,
  constant = constantChannels(noisy, M),
  data: DataKind = "real",
  backend: BackendOptions = {},
): Promise<Record<string, Float32Array>> {
  const fitted: Record<string, Float32Array> = {};
  if (embedding.kind === "log")
    fitted["embedding.scale"] = data === "positive" ? leastOf(noisy, M) : linearBelow(noisy, M, noiseSd);
  if (embedding.kind === "standardise" || embedding.kind === "log" || embedding.kind === "root") {
    const scale = fitted["embedding.scale"] ?? null;
    const direct = embedding.kind === "root" ? noisy.map((y) => Math.sqrt(Math.max(y + ANSCOMBE, 0))) : noisy;
    const seen = scale === null ? direct : withLogarithms(noisy, M, scale);
    await pause();
    const { centre, spread } = centreAndSpread(seen, embedding.size);
    fitted["embedding.mean"] = Float32Array.from(centre);
    fitted["embedding.sd"] = Float32Array.from(spread, (s, j) => (constant[j % M] === null ? orOne(s) : OUT_OF_SIGHT));
  }
  if (embedding.kind === "principal") {
    const p = await leadingComponents(clean, M, embedding.size, noiseSd.map(orOne), undefined, backend);
    const rows = p.vectors.map((v, k) =>
      v.map((x, i) => (constant[i] === null ? x / (orOne(noiseSd[i]) * Math.sqrt(p.variances[k] + 1)) : 0)),
    );
    fitted["embedding.projection"] = asLayer(
      rows,
      p.mean.map((m, i) => m * orOne(noiseSd[i])),
    );
  }
  return fitted;
}
