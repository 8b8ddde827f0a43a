/**
 * Embeddings turn data into features of a guide. They are fitted once on simulations, then frozen. Data enter as they are,
 * standardised, or (long data) whitened by the noise and projected on the principal components of the noise-free signal,
 *
 *   f_k = v_kᵀ ((y − ȳ) / σ) / √(λ_k + 1),
 *
 * or standardised together with their logarithms, asinh(y / 4σ), which are straight lines near 0, where noise hides the sign, or,
 * for counts, as their standardised roots √(y + 3/8), whose variance hardly depends on the mean (Anscombe, Biometrika 35 (1948)).
 * A network may follow, which is trained with the guide (networks.ts).
 */
import {
  abs,
  add,
  clamp,
  concat,
  dense,
  div,
  log,
  maximum,
  mul,
  neg,
  sqrt,
  square,
  sub,
  weight,
  where,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Layout } from "../problem/layout.ts";

/** A network that is trained with the guide, as a file names it (networks.ts). */
export interface NetworkSpec {
  readonly name: string;
  /** Everything that is needed to make it again; nothing for one of the caller's own. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Features E that it makes of the fixed ones. */
  readonly size: number;
  /** Data (M) and the context of the trained guide for them, by which a network of the caller's own is recognised. */
  readonly probe?: { readonly y: readonly number[]; readonly context: readonly number[] } | undefined;
}

/** An embedding with its size. */
export interface Embedding {
  readonly kind: "none" | "standardise" | "log" | "root" | "principal";
  /** Features that are fitted and then fixed; those of the guide where there is no network. */
  readonly size: number;
  /** What turns these into the features of the guide; absent: nothing. */
  readonly network?: NetworkSpec | undefined;
  /** Directions K of the best linear estimate, of rows with circumstances (observed.ts); absent for plain data. */
  readonly directions?: number | undefined;
}

/** The number E of features that a guide sees. */
export const featuresOf = ({ size, network }: Embedding): number => network?.size ?? size;

/** Standardised features end here, so that an outlier of heavy-tailed noise cannot swamp a network. */
export const LARGEST_FEATURE = 10;
/** Added to counts before the root. */
export const ANSCOMBE = 0.375;

/** The map from data (B, M) to fixed features. */
export function traceEmbedding({ kind, size }: Embedding, M: number): (y: Tensor) => Tensor {
  if (kind === "none") return (y) => y;
  if (kind === "principal") {
    const projection = weight("embedding.projection", M + 1, size, { frozen: true });
    return (y) => dense(y, projection);
  }
  return standardised(kind, M);
}

/** Data (B, M) standardised by kind, (B, M) or, with their logarithms, (B, 2M). */
export function standardised(kind: Embedding["kind"], M: number): (y: Tensor) => Tensor {
  const size = kind === "log" ? 2 * M : M;
  const mean = weight("embedding.mean", 1, size, { frozen: true });
  const sd = weight("embedding.sd", 1, size, { frozen: true });
  const scale = kind === "log" ? weight("embedding.scale", 1, M, { frozen: true }) : null;
  return (y) => {
    const direct = kind === "root" ? sqrt(maximum(add(y, ANSCOMBE), 0)) : y;
    const seen = scale === null ? direct : concat(y, asinh(div(y, scale)));
    const standard = div(sub(seen, mean), sd);
    // ∞ · 0 is NaN, so that infinite data do not pass as large ones.
    return add(clamp(standard, -LARGEST_FEATURE, LARGEST_FEATURE), mul(standard, 0));
  };
}

/** log(x + √(x² + 1)) of |x|, then the sign of x: beside a large −x the root would lose all its digits. */
export function asinh(x: Tensor): Tensor {
  const size = log(add(abs(x), sqrt(add(square(x), 1))));
  return where(x, size, neg(size));
}

/** The number of features of rows, K directions among them. */
export function observedSize(kind: Embedding["kind"], { M, mask, scale }: Layout, directions: number): number {
  const direct = (kind === "log" ? 2 * M : M) + (mask ? M : 0) + (scale === "each" ? M : scale);
  return (kind === "principal" ? Math.min(1, Number(scale === 1)) : direct) + 2 * directions;
}
