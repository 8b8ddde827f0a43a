/**
 * Features of rows with circumstances (problem/layout.ts): some data missing, a noise scale s. Beside the standardised data t and the
 * mask o there is the best linear estimate for what was observed. Data without noise are c = c̄ + G a, a ~ N(0, I), so that
 *
 *   P = I + Gᵀ diag(w) G,   w = o/(v s² + τ²),   â = P⁻¹ Gᵀ w (t − c̄)
 *
 * are the precision and the mean of a given the data (Rasmussen & Williams, Gaussian Processes, §2.1), v the variance of the noise and
 * τ² what K directions leave of the signal. The features are [o t, o, log s, â, log sd a]; of long data [log s, â, log sd a]. Parameters
 * z = Bᵀ a + e, cov e = S, have the mean Bᵀ â and the covariance S + Bᵀ P⁻¹ B, which a base of a guide stands on: exact for linear
 * problems with normal prior and noise. K is at most 32, so a row costs O(M K² + K³).
 *
 * The distance of a row from the simulations is in the same terms. Σ = G Gᵀ + diag(1/w) is the covariance of the observed data, and
 * Σ⁻¹ (t − c̄) over the roots of its diagonal is e, each datum less what the other observed ones tell of it, in units of its own spread:
 *
 *   T₁ = (t − c̄)ᵀ Σ⁻¹ (t − c̄),   T₂ = Σ e²,   T₃ = log Σ exp(½ e²),   d = 1 + max_i (T_i − m_i)/(q_i − m_i),
 *
 * with medians m and high quantiles q of simulated rows, linear between numbers of observed data.
 */
import {
  add,
  cholesky,
  clamp,
  columns,
  concat,
  denseInputGrad,
  div,
  exp,
  log,
  logSumExp,
  matmul,
  maximum,
  mul,
  outerTril,
  sqrt,
  square,
  sub,
  sumFeatures,
  triSolve,
  weight,
  where,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { packed, triIndex } from "../numbers/triangles.ts";
import { type Layout, partsOf } from "../problem/layout.ts";
import { type Embedding, standardised } from "./embedding.ts";

/** Numbers T₁ … T₃, and shares of the data that were observed between which their scales are linear. */
export const PARTS = 3;
export const KNOTS: readonly number[] = [0, 0.125, 0.25, 0.5, 0.75, 1];
/** The least share of the precision of a datum that the others may leave, so that rounding is no residual. */
const LEAST_SHARE = 1e-5;
/** Larger numbers have squares that are not finite in single precision. */
const LARGEST = 1e15;

const frozen = (name: string, rows: number, cols: number): Tensor => weight(name, rows, cols, { frozen: true });
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** What is known of a row by second moments alone. */
interface Estimate {
  /** The standardised data. */
  readonly t: Tensor;
  /** â (B, K), and the rows of L⁻¹, P = L Lᵀ, (B, K) each. */
  readonly mean: Tensor;
  readonly rows: readonly Tensor[];
  /** Variances of a (B, K). */
  readonly variance: Tensor;
  /** w, t − c̄ and Σ⁻¹(t − c̄), (B, M). */
  readonly w: Tensor;
  readonly off: Tensor;
  readonly told: Tensor;
  readonly directions: Tensor;
}

/** Features and distance of rows (B, width). */
export interface Observed {
  /** The features (B, E); with `base` then Bᵀ â (D) and the packed factor of the covariance of z. */
  readonly embed: (row: Tensor) => Tensor;
  /** The distance (B, 1), and its parts T₁ … T₃ and the share of observed data, (B, 4). */
  readonly distance: (row: Tensor) => Tensor;
  readonly parts: (row: Tensor) => Tensor;
}

/** Traces the estimate of rows by second moments. */
function traceEstimate(kind: Embedding["kind"], K: number, layout: Layout): (row: Tensor) => Estimate {
  const { M } = layout;
  const standardise = standardised(kind, M);
  const mean = frozen("estimate.mean", 1, M);
  const [noise, rest] = [frozen("estimate.noise", 1, M), frozen("estimate.rest", 1, M)];
  const directions = frozen("estimate.directions", M, K);
  const pairs = frozen("estimate.pairs", M, packed(K));
  const onDiagonal = new Float64Array(packed(K));
  for (const k of range(K)) onDiagonal[triIndex(k, k)] = 1;

  return (row) => {
    const { y, mask, logScale } = partsOf(layout, row);
    const t = standardise(y);
    const known =
      t.cols === M
        ? t
        : columns(
            t,
            range(M).map((m) => M + m),
          ); // beside the data their logarithms
    const off = sub(known, mean);
    const variance =
      logScale === null ? add(mul(off, 0), add(noise, rest)) : add(mul(exp(mul(logScale, 2)), noise), rest);
    const w = div(mask ?? add(mul(off, 0), 1), variance);
    const p = add(matmul(w, pairs), onDiagonal);
    const l = cholesky(p);
    const half = triSolve(l, matmul(mul(w, off), directions));
    const hat = triSolve(l, half, { transpose: true });
    const zero = mul(hat, 0);
    const inverse = range(K).map((k) =>
      triSolve(
        l,
        add(
          zero,
          Float64Array.from({ length: K }, (_, i) => Number(i === k)),
        ),
      ),
    );
    const all = concat(...inverse); // entry (i, k) of L⁻¹ at k K + i
    return {
      t,
      mean: hat,
      rows: range(K).map((i) =>
        columns(
          all,
          range(K).map((k) => k * K + i),
        ),
      ),
      variance: concat(...inverse.map((column) => sumFeatures(square(column)))),
      ...{ w, off, directions },
      told: mul(w, sub(off, denseInputGrad(hat, directions, M))),
    };
  };
}

/** Traces both. `base`: whether the embedding carries the estimate of D parameters. */
export function traceObserved(
  { kind, directions: K = 0 }: Embedding,
  layout: Layout,
  { D, base }: { readonly D: number; readonly base: boolean },
): Observed {
  const { M } = layout;
  const estimate = traceEstimate(kind, K, layout);
  const embed = (row: Tensor): Tensor => {
    const { mask, logScale } = partsOf(layout, row);
    const { t, mean: hat, variance, rows } = estimate(row);
    const observed = mask === null ? null : t.cols === M ? mask : concat(mask, mask);
    const direct = observed === null ? t : where(observed, t, 0);
    const circumstances = [...(mask ? [mask] : []), ...(logScale ? [logScale] : [])];
    const seen = kind === "principal" ? (logScale?.cols === 1 ? [logScale] : []) : [direct, ...circumstances];
    const features = concat(...seen, hat, mul(log(variance), 0.5));
    if (!base) return features;
    const parameters = frozen("estimate.parameters", K, D);
    const images = rows.map((own) => matmul(own, parameters));
    const told = images.map((x) => outerTril(x, x)).reduce((sum, x) => add(sum, x));
    return concat(features, matmul(hat, parameters), cholesky(add(told, frozen("estimate.remains", 1, packed(D)))));
  };
  const parts = (row: Tensor): Tensor => {
    const { mask } = partsOf(layout, row);
    const { w, off, told, rows, directions } = estimate(row);
    const leverage = rows.map((own) => square(denseInputGrad(own, directions, M))).reduce((sum, x) => add(sum, x));
    const share = maximum(sub(1, mul(w, leverage)), LEAST_SHARE);
    const root = sqrt(mul(w, share));
    const e = clamp(
      mask === null ? div(told, root) : where(mask, div(told, maximum(root, 1e-30)), 0),
      -LARGEST,
      LARGEST,
    );
    const seen = mask === null ? add(mul(columns(off, [0]), 0), 1) : mul(sumFeatures(mask), 1 / M);
    const squares = square(e);
    return concat(sumFeatures(mul(off, told)), sumFeatures(squares), logSumExp(mul(squares, 0.5)), seen);
  };
  return { embed, distance: (row) => worstOf(parts(row)), parts };
}

/** The distance (B, 1) of parts T₁ … T₃ and the share of observed data, (B, 4). */
export function worstOf(parts: Tensor): Tensor {
  const [slope, shift] = [frozen("distance.slope", KNOTS.length, PARTS), frozen("distance.shift", KNOTS.length, PARTS)];
  const hats = hatsOf(columns(parts, [PARTS]));
  const scaled = add(mul(columns(parts, range(PARTS)), matmul(hats, slope)), matmul(hats, shift));
  return range(PARTS)
    .map((i) => columns(scaled, [i]))
    .reduce(maximum);
}

/** Weights (B, knots) of linear interpolation at x (B, 1). */
function hatsOf(x: Tensor): Tensor {
  const hat = (k: number): Tensor => {
    const rise = k === 0 ? null : mul(sub(x, KNOTS[k - 1]), 1 / (KNOTS[k] - KNOTS[k - 1]));
    const fall = k === KNOTS.length - 1 ? null : mul(sub(KNOTS[k + 1], x), 1 / (KNOTS[k + 1] - KNOTS[k]));
    if (rise === null) return maximum(fall as Tensor, 0);
    if (fall === null) return maximum(rise, 0);
    return maximum(where(sub(rise, fall), fall, rise), 0);
  };
  return concat(...KNOTS.map((_, k) => hat(k)));
}
