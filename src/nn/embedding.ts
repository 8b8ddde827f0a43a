/**
 * How data enter a guide, fitted once on simulations and frozen: as they are, standardised, or (long data) whitened by the
 * noise and projected on the principal components of the clean signal,
 *
 *   f_k = v_kᵀ ((y − ȳ) / σ) / √(λ_k + 1),
 *
 * and how far a datum lies from everything simulated: d² = |W (y − ȳ)|² with W whitening the simulated data.
 */
import { dense, div, square, sub, sumFeatures, weight } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { columnMeans, columnSds, principalComponents } from "./principal.ts";

export type EmbeddingOption = "auto" | "none" | "standardise" | { readonly principal: number };

export interface Embedding {
  readonly kind: "none" | "standardise" | "principal";
  /** Features E. */
  readonly size: number;
}

/** Data longer than this are projected by default, on this many components. */
const LONG_DATA = 64;
const COMPONENTS = 24;
/** Components that the distance is measured in. */
const DISTANCE_COMPONENTS = 32;

export function chooseEmbedding(option: EmbeddingOption, M: number): Embedding {
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
    return M > LONG_DATA ? { kind: "principal", size: COMPONENTS } : { kind: "standardise", size: M };
  if (option !== "none" && option !== "standardise") {
    throw new Error(
      `embedding: expected "auto", "none", "standardise" or { principal: K }, got ${JSON.stringify(option)}`,
    );
  }
  return { kind: option, size: M };
}

/** Data (B, M) to features (B, E). */
export function traceEmbedding({ kind, size }: Embedding, M: number): (y: Tensor) => Tensor {
  if (kind === "none") return (y) => y;
  if (kind === "principal") {
    const projection = weight("embedding.projection", M + 1, size, { frozen: true });
    return (y) => dense(y, projection);
  }
  const mean = weight("embedding.mean", 1, M, { frozen: true });
  const sd = weight("embedding.sd", 1, M, { frozen: true });
  return (y) => div(sub(y, mean), sd);
}

const distanceSize = (M: number): number => Math.min(M, DISTANCE_COMPONENTS);

/** Squared distance (B, 1) of data (B, M) from the simulations, about 1 on average: divided by its degrees of freedom. */
export function traceDistance(M: number): (y: Tensor) => Tensor {
  const whitening = weight("distance.whitening", M + 1, distanceSize(M), { frozen: true });
  return (y) => sumFeatures(square(dense(y, whitening)));
}

/** Rows w_k of a projection as a dense layer (M + 1, K) whose bias takes the mean away. */
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

/** A spread of 0 (a constant channel) would divide by 0: such a channel is left at its own scale. */
const orOne = (sd: number): number => (sd > 0 ? sd : 1);

/** Numbers of the frozen entries, from simulated data: `clean` and `noisy` (N, M), noise sd a channel. */
export function fitEmbedding(
  embedding: Embedding,
  M: number,
  clean: Float32Array,
  noisy: Float32Array,
  noiseSd: Float64Array,
): Record<string, Float32Array> {
  const fitted: Record<string, Float32Array> = {};
  const mean = columnMeans(noisy, M);
  if (embedding.kind === "standardise") {
    fitted["embedding.mean"] = Float32Array.from(mean);
    fitted["embedding.sd"] = Float32Array.from(columnSds(noisy, M, mean), orOne);
  }
  if (embedding.kind === "principal") {
    const whitened = Float64Array.from(clean, (v, i) => v / orOne(noiseSd[i % M]));
    const p = principalComponents(whitened, M, embedding.size);
    const rows = p.vectors.map((v, k) => v.map((x, i) => x / (orOne(noiseSd[i]) * Math.sqrt(p.variances[k] + 1))));
    fitted["embedding.projection"] = asLayer(
      rows,
      p.mean.map((m, i) => m * orOne(noiseSd[i])),
    );
  }
  const size = distanceSize(M);
  const p = principalComponents(noisy, M, size);
  const rows = p.vectors.map((v, k) => v.map((x) => (p.variances[k] > 0 ? x / Math.sqrt(p.variances[k] * size) : 0)));
  fitted["distance.whitening"] = asLayer(rows, p.mean);
  return fitted;
}
