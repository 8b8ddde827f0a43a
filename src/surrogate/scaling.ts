/**
 * How a surrogate scales its parameters and data: x = (θ − μ)/s by the prior, and data in noise sd along principal directions v_k,
 * or, for short data, one by one,
 *
 *   t_k = v_kᵀ ((y − ȳ)/σ) / s_k,   y = ȳ + σ Σ_k v_k s_k t_k.
 */
import type { BackendOptions } from "../backends/select.ts";
import { add, cast, columns, concat, constant, div, matmul, mul, sub } from "../graph/build.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import { atOnce } from "../host/yielding.ts";
import { columnMeans, columnSds, dot, orOne, sumOfSquares } from "../numbers/moments.ts";
import { principalComponents } from "../numbers/principal.ts";
import type { Problem } from "../problem/problem.ts";
import { cleanSdRows, columnMedians, constantSd } from "../simulate/noise-sd.ts";
import { noiseSd, type WorkSimulations } from "../simulate/simulate.ts";

export interface Scaling {
  /** Parameters (B, D) of any type → features (B, D), f32. */
  readonly features: (theta: Tensor) => Tensor;
  /** Spread s_k of the data along each direction, (K), in noise sd. */
  readonly spread: Float64Array;
  /** Noise sd of the data, (M). */
  readonly noise: Float64Array;
  /** Data (N, M) → coordinates t (N, K). */
  readonly coordinates: (data: Float32Array) => Float32Array;
  /** Coordinates (B, K), f32 → data (B, M) of type `dtype`. */
  readonly data: (t: Tensor, dtype: DType) => Tensor;
}

/** Data longer than LONG_DATA are projected onto at most MOST_DIRECTIONS directions; the rest may have rms LEFT_OUT, in noise sd. */
const LONG_DATA = 64;
const MOST_DIRECTIONS = 64;
const LEFT_OUT = 0.005;
/** Simulations from which scales and directions are computed. */
const FIT_SIMULATIONS = 8192;

/** The scaling for a bank of simulations. @throws if the data do not depend on the parameters. */
export async function fitScaling(problem: Problem, bank: WorkSimulations, backend: BackendOptions): Promise<Scaling> {
  const { prior, D, M, name } = problem;
  const clean = bank.clean.subarray(0, FIT_SIMULATIONS * M);
  const noise = (
    constantSd(problem) === null
      ? columnMedians(await cleanSdRows(problem, { theta: bank.theta, clean }, backend), M)
      : noiseSd({ clean, noisy: bank.noisy }, M)
  ).map(orOne);
  const mean = columnMeans(clean, M);
  const { directions, spread } = directionsOf(clean, M, mean, noise);
  if (!spread.some((s) => s > 0))
    throw new Error(`surrogate: expected data that depend on the parameters of "${name}"`);
  const K = spread.length;
  return {
    spread,
    noise,
    features: featuresOf(prior, D),
    coordinates: (data) => {
      const out = new Float32Array((data.length / M) * K);
      const whitened = new Float64Array(M);
      for (let r = 0; r < data.length / M; r++) {
        for (let j = 0; j < M; j++) whitened[j] = (data[r * M + j] - mean[j]) / noise[j];
        for (let k = 0; k < K; k++) {
          const along = directions === null ? whitened[k] : dot(directions[k], whitened);
          out[r * K + k] = spread[k] > 0 ? along / spread[k] : 0;
        }
      }
      return out;
    },
    data: backToData(directions, spread, noise, mean),
  };
}

/** Parameters on half-lines, and with heavy tails, enter by their map to the line. Those in a box do not: the map is infinite at the edges, which draws may reach. */
function featuresOf(prior: Problem["prior"], D: number): Scaling["features"] {
  const isHalfLine = Array.from(
    prior.low,
    (low, d) => prior.heavy?.[d] === true || Number.isFinite(low) !== Number.isFinite(prior.high[d]),
  );
  const pick = isHalfLine.map((half, d) => (half ? D + d : d));
  const centre = isHalfLine.map((half, d) => (half ? prior.realMean : prior.mean)[d]);
  const scale = isHalfLine.map((half, d) => (half ? prior.realSd : prior.sd)[d]);
  return (theta) => {
    const place = isHalfLine.includes(true) ? columns(concat(theta, prior.toReal(theta)), pick) : theta;
    return cast(div(sub(place, centre), scale), "f32");
  };
}

/** The directions (K, M), or null for short data, and the spread along them (K), in noise sd. */
function directionsOf(
  clean: Float32Array,
  M: number,
  mean: Float64Array,
  noise: Float64Array,
): { directions: readonly Float64Array[] | null; spread: Float64Array } {
  const sds = columnSds(clean, M, mean).map((s, j) => s / noise[j]);
  if (M <= LONG_DATA) return { directions: null, spread: sds };
  const whitened = Float64Array.from(clean, (v, i) => v / noise[i % M]);
  const { vectors, variances } = atOnce(principalComponents(whitened, M, MOST_DIRECTIONS));
  const enough = M * LEFT_OUT * LEFT_OUT;
  let left = sumOfSquares(sds);
  let K = 0;
  while (K < vectors.length && (K === 0 || left > enough)) left -= variances[K++];
  return { directions: vectors.slice(0, K), spread: variances.slice(0, K).map((v) => Math.sqrt(Math.max(v, 0))) };
}

function backToData(
  directions: readonly Float64Array[] | null,
  spread: Float64Array,
  noise: Float64Array,
  mean: Float64Array,
): Scaling["data"] {
  const [K, M] = [spread.length, mean.length];
  const matrix =
    directions === null
      ? constant(
          spread.map((s, j) => s * noise[j]),
          "f32",
        )
      : constant(
          Float64Array.from({ length: K * M }, (_, i) => {
            const [k, j] = [Math.floor(i / M), i % M];
            return spread[k] * directions[k][j] * noise[j];
          }),
          "f32",
          K,
        );
  // The mean is added in type `dtype`, because beside a large mean f32 would lose digits that exceed the noise.
  return (t, dtype) => add(cast(directions === null ? mul(t, matrix) : matmul(t, matrix), dtype), mean);
}
