/**
 * The Kolmogorov–Smirnov statistic, the largest difference of two distribution functions:
 *
 *   D = sup_x |F_n(x) − G_m(x)|
 *
 * of two samples, or of a sample and a known F (Press et al., Numerical Recipes, 3rd ed., §14.3.3). If both samples have the same
 * distribution, all interleavings of n and m numbers are equally likely, and the share whose difference stays below d is
 *
 *   P(D < d) = u(n, m),   u(i, j) = [i u(i − 1, j) + j u(i, j − 1)]/(i + j) where |i/n − j/m| < d, else 0
 *
 * (Hodges, Arkiv för Matematik 3 (1958), in probabilities, so that nothing overflows).
 */
import { describe, expectList, expectNumber, isPositive } from "../checks/arguments.ts";
import { flatRows, type Rows } from "../checks/rows.ts";
import type { PooledKs } from "../model/calibration-record.ts";
import { columnOf, meanOf, quantileOf } from "../numbers/moments.ts";
import { kolmogorovTail } from "./special.ts";

const ascending = (x: ArrayLike<number>): Float64Array => Float64Array.from(x).sort();

/** @throws unless both are sizes of samples, which may be effective ones. */
function expectCounts(owner: string, n: number, m: number): void {
  expectNumber(owner, "n to be a number above 0", n, isPositive);
  expectNumber(owner, "m to be a number above 0", m, isPositive);
}

function expectSample(owner: string, name: string, x: ArrayLike<number>): void {
  expectList(owner, name, x);
  if (x.length === 0) throw new Error(`${owner}: expected at least one number in ${name}, got none`);
  for (let i = 0; i < x.length; i++)
    if (Number.isNaN(x[i])) throw new Error(`${owner}: expected numbers in ${name}, got NaN at index ${i}`);
}

/** D of two samples, in [0, 1]. Equal values count as one step. @throws when a sample is empty or contains NaN. */
export function ksTwoSample(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expectSample("ksTwoSample", "a", a);
  expectSample("ksTwoSample", "b", b);
  const [x, y] = [ascending(a), ascending(b)];
  let [i, j, most] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    const at = Math.min(x[i], y[j]);
    while (i < x.length && x[i] === at) i++;
    while (j < y.length && y[j] === at) j++;
    most = Math.max(most, Math.abs(i / x.length - j / y.length));
  }
  return most;
}

/** D of a sample and a continuous distribution function. @throws when the sample is empty or contains NaN. */
export function ksOneSample(sample: ArrayLike<number>, cdf: (x: number) => number): number {
  expectSample("ksOneSample", "sample", sample);
  if (typeof cdf !== "function") throw new Error(`ksOneSample: expected cdf to be a function, got ${describe(cdf)}`);
  const x = ascending(sample);
  let most = 0;
  x.forEach((v, i) => {
    const f = cdf(v);
    most = Math.max(most, f - i / x.length, (i + 1) / x.length - f);
  });
  return most;
}

/**
 * D of each parameter (D) for draws `a` (S, D) and `b` (T, D), both flat, row by row.
 * @throws when a length is no multiple of D, or as `ksTwoSample`.
 */
export function ksPerParameter(a: ArrayLike<number>, b: ArrayLike<number>, parameters: number): Float64Array {
  expectNumber("ksPerParameter", "parameters to be a whole number", parameters, (D) => Number.isInteger(D) && D > 0);
  for (const [name, x] of [
    ["a", a],
    ["b", b],
  ] as const) {
    expectList("ksPerParameter", name, x);
    if (x.length % parameters === 0) continue;
    throw new Error(`ksPerParameter: expected ${name} (S, ${parameters}), got ${x.length} numbers`);
  }
  return Float64Array.from({ length: parameters }, (_, d) =>
    ksTwoSample(columnOf(a, parameters, d), columnOf(b, parameters, d)),
  );
}

/** Mean, median, 90 % quantile and maximum of many statistics. @throws when there are none. */
export function pool(statistics: ArrayLike<number>): PooledKs {
  expectSample("pool", "statistics", statistics);
  const sorted = ascending(statistics);
  return {
    mean: meanOf(sorted),
    median: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    max: sorted[sorted.length - 1],
  };
}

/** The p-quantile of an ascending list, linear between its entries. @throws when the list is empty or p is not in [0, 1]. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  expectList("quantile", "sorted", sorted);
  if (sorted.length === 0) throw new Error("quantile: expected at least one number, got none");
  if (!(p >= 0 && p <= 1)) throw new Error(`quantile: expected p in [0, 1], got ${p}`);
  return quantileOf(sorted, p);
}

/**
 * The mean of D for two samples of the same distribution, with n and m large: √(π/2) ln 2 · √((n + m)/(nm)), the mean of
 * Kolmogorov's distribution; 0.0388 for n = m = 1000. Even exact draws do not fall below it on average.
 */
export function ksFloor(n: number, m: number): number {
  expectCounts("ksFloor", n, m);
  return 0.8687311606361592 * Math.sqrt((n + m) / (n * m));
}

/**
 * The bound that D of one sample of n numbers keeps with probability at least 1 − alpha: √(ln(2/α)/(2n)) (Massart, Annals of
 * Probability 18 (1990), the tight constant of the Dvoretzky–Kiefer–Wolfowitz inequality).
 */
export function ksBound(n: number, alpha: number): number {
  expectCounts("ksBound", n, 1);
  expectNumber("ksBound", "alpha to be a number between 0 and 1", alpha, (x) => x > 0 && x < 1);
  return Math.sqrt(Math.log(2 / alpha) / (2 * n));
}

/** Interleavings are counted up to this product n m; beyond it the limit for large samples is close. */
const COUNTED = 10_000_000;

/**
 * P(D ≥ d) for two samples of n and m numbers of the same continuous distribution: exact up to n m = 10⁷, then Kolmogorov's limit.
 * With ties it is an upper bound.
 */
export function ksPValue(d: number, n: number, m: number): number {
  expectNumber("ksPValue", "d to be a number", d, (x) => !Number.isNaN(x));
  expectCounts("ksPValue", n, m);
  if (!(d > 0)) return 1;
  if (n * m > COUNTED) return kolmogorovTail(d * Math.sqrt((n * m) / (n + m)));
  // Differences are multiples of 1/(nm). The limit lies half a multiple below d, so rounding cannot move a difference across it.
  const limit = (Math.ceil(d * n * m - 1e-6) - 0.5) / (n * m);
  const u = new Float64Array(m + 1);
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      const arrived = i + j === 0 ? 1 : (i * u[j] + (j > 0 ? j * u[j - 1] : 0)) / (i + j);
      u[j] = Math.abs(i / n - j / m) < limit ? arrived : 0;
    }
  }
  return Math.min(1, Math.max(0, 1 - u[m]));
}

/** KS of two sets of draws, parameter by parameter. */
export interface KsComparison {
  /** D and P(D ≥ d) of each parameter (D). */
  readonly statistics: Float64Array;
  readonly pValues: Float64Array;
  /** Mean of the statistics, and its expectation if both samples have the same distribution. */
  readonly pooled: number;
  readonly floor: number;
  /** For all parameters together, whatever their dependence: D times the smallest p, at most 1 (Bonferroni). */
  readonly pValue: number;
}

/**
 * Compares draws `a` (S, D) and `b` (T, D), each of independent rows, parameter by parameter. It detects every difference of marginal
 * distributions and no other: draws whose dependence alone is wrong pass (`c2st` detects them).
 * @throws when a length is no multiple of D, or a number is not finite.
 */
export function ksCompare(a: Rows, b: Rows, parameters: number): KsComparison {
  const [x, y] = [flatRows("ksCompare", "a", a, parameters), flatRows("ksCompare", "b", b, parameters)];
  const [n, m] = [x.length / parameters, y.length / parameters];
  const statistics = ksPerParameter(x, y, parameters);
  const pValues = statistics.map((d) => ksPValue(d, n, m));
  return {
    statistics,
    pValues,
    pooled: statistics.reduce((sum, d) => sum + d / parameters, 0),
    floor: ksFloor(n, m),
    pValue: Math.min(1, parameters * Math.min(...pValues)),
  };
}
