/**
 * Densities of samples, for pictures. In one dimension
 *
 *   p(x) ≈ Σ_s N(x; θ_s, h²) / S,   h = 0.9 min(sd, IQR/1.34) S^(−1/5) / 2
 *
 * half of Silverman's rule of thumb (Density Estimation, 1986, §3.4.2), which is made for one mode. In two dimensions the kernel
 * is the product of two such kernels with S^(−1/6) (§4.3.2); regions of highest density contain given shares of the draws.
 */
import { quantile } from "../diagnostics/ks.ts";
import { exp, pow } from "../numbers/math.ts";
import { columnOf, columnSds, dot, meanOf } from "../numbers/moments.ts";

/** Quantiles of a sample. */
export function quantiles(values: ArrayLike<number>, levels: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return levels.map((p) => quantile(sorted, p));
}

/** The smaller of two measures of width; a constant sample gets a positive width too, so that it can be drawn. */
function width(values: ArrayLike<number>): number {
  const mean = meanOf(values);
  const [sd] = columnSds(values, 1, Float64Array.of(mean));
  const [q1, q3] = quantiles(values, [0.25, 0.75]);
  const range = (q3 - q1) / 1.34;
  return (range > 0 ? Math.min(sd, range) : sd) || 1e-3 * Math.abs(mean) || 1e-3;
}

/** The density of a sample at the points of a grid; `smooth` multiplies the width of the kernels. */
export function density(values: Float64Array, grid: readonly number[], smooth = 1): number[] {
  const count = values.length;
  const h = 0.45 * smooth * width(values) * pow(count, -0.2);
  const scale = 1 / (count * h * Math.sqrt(2 * Math.PI));
  return grid.map((x) => {
    let sum = 0;
    for (const v of values) sum += exp((-0.5 * (x - v) * (x - v)) / (h * h));
    return scale * sum;
  });
}

export interface Region {
  /** Density at n × n points, from the low ends of both spans to the high ones, x fastest. */
  readonly values: Float64Array;
  readonly n: number;
  /** The density at the boundary of the region of each share. */
  readonly levels: readonly number[];
}

/** Most draws for a density in two dimensions. */
const MOST = 600;

/** The density of columns a and b of draws (S, D) over two spans; above level k lie `shares[k]` of the draws. */
export function regions(
  draws: ArrayLike<number>,
  D: number,
  [a, b]: readonly [number, number],
  [spanX, spanY]: readonly [readonly [number, number], readonly [number, number]],
  shares: readonly number[],
  n = 48,
): Region {
  const count = Math.min(MOST, draws.length / D);
  const [x, y] = [a, b].map((d) => columnOf(draws, D, d).subarray(0, count));
  const [hx, hy] = [x, y].map((values) => 0.8 * width(values) * pow(count, -1 / 6));
  const kernels = (points: ArrayLike<number>, centres: Float64Array, h: number): Float64Array =>
    Float64Array.from({ length: points.length * count }, (_, k) => {
      const away = (points[Math.floor(k / count)] - centres[k % count]) / h;
      return exp(-0.5 * away * away);
    });
  const at = ([low, high]: readonly [number, number]): number[] =>
    Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1));
  const row = (kernels: Float64Array, i: number): Float64Array => kernels.subarray(i * count, (i + 1) * count);
  const [gx, gy] = [kernels(at(spanX), x, hx), kernels(at(spanY), y, hy)];
  const [dx, dy] = [kernels(x, x, hx), kernels(y, y, hy)];
  const values = Float64Array.from({ length: n * n }, (_, k) => dot(row(gx, k % n), row(gy, Math.floor(k / n))));
  const atDraws = Array.from({ length: count }, (_, s) => dot(row(dx, s), row(dy, s)));
  return {
    values,
    n,
    levels: quantiles(
      atDraws,
      shares.map((p) => 1 - p),
    ),
  };
}
