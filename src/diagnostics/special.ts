/**
 * Tail probabilities of the χ², Kolmogorov and binomial distributions.
 *
 *   Q(a, x) = Γ(a, x)/Γ(a), by its series or Lentz's continued fraction (Press et al., Numerical Recipes, 3rd ed., §6.2)
 *   P(K > x) = 2 Σ_k (−1)^(k−1) e^(−2k²x²) = 1 − √(2π)/x Σ_k e^(−(2k−1)²π²/(8x²))   (ibid. §6.14.12)
 */
import { erfc, exp, lgamma, log, log1p } from "../numbers/math.ts";

/** P(Z ≤ x) of a standard normal number. */
export const normalCdf = (x: number): number => 0.5 * erfc(-x * Math.SQRT1_2);

/** P(Z ≥ z). */
export const normalTail = (z: number): number => normalCdf(-z);

const ROUNDING = 1e-16;
const MOST_TERMS = 10_000;

/** The regularised upper incomplete gamma function Q(a, x), a > 0, x ≥ 0. */
export function gammaQ(a: number, x: number): number {
  if (!(a > 0 && x >= 0)) return Number.NaN;
  if (x === 0) return 1;
  if (x === Infinity) return 0;
  const scale = exp(a * log(x) - x - lgamma(a));
  if (x < a + 1) {
    let [term, sum] = [1 / a, 1 / a];
    for (let n = 1; n < MOST_TERMS && term > sum * ROUNDING; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - scale * sum;
  }
  let b = x + 1 - a;
  let [c, d] = [Infinity, 1 / b];
  let fraction = d;
  for (let n = 1; n < MOST_TERMS; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 4 * ROUNDING) break;
  }
  return scale * fraction;
}

/** P(χ² ≥ x) with `degrees` degrees of freedom. */
export const chiSquareTail = (x: number, degrees: number): number => gammaQ(degrees / 2, x / 2);

/** P(K ≥ x) of Kolmogorov's distribution, the limit of √n D. */
export function kolmogorovTail(x: number): number {
  if (!(x > 0)) return 1;
  if (x < 1) {
    let below = 0;
    for (let k = 1; k <= 9; k += 2) below += exp((-k * k * Math.PI * Math.PI) / (8 * x * x));
    return 1 - (Math.sqrt(2 * Math.PI) / x) * below;
  }
  let sum = 0;
  for (let k = 1; k <= 6; k++) sum += (k % 2 === 1 ? 2 : -2) * exp(-2 * k * k * x * x);
  return sum;
}

/** log k! for k = 0 … n. */
export function logFactorials(n: number): Float64Array {
  return Float64Array.from({ length: n + 1 }, (_, k) => lgamma(k + 1));
}

/**
 * P(X = c) for c = from … to of X ~ Binomial(n, p): by ratios from the largest of them, so that nothing
 * underflows. `logs`: log k! up to n at least.
 */
export function binomialPmf(n: number, p: number, from: number, to: number, logs: Float64Array): Float64Array {
  const out = new Float64Array(Math.max(0, to - from + 1));
  if (out.length === 0) return out;
  if (p <= 0 || p >= 1) {
    const sure = p <= 0 ? 0 : n;
    if (sure >= from && sure <= to) out[sure - from] = 1;
    return out;
  }
  const top = Math.min(Math.max(Math.floor((n + 1) * p), from), Math.min(to, n));
  if (top < from) return out;
  const odds = p / (1 - p);
  const start = exp(logs[n] - logs[top] - logs[n - top] + top * log(p) + (n - top) * log1p(-p));
  out[top - from] = start;
  for (let c = top, value = start; c < to && c < n && value > 0; c++) {
    value *= ((n - c) / (c + 1)) * odds;
    out[c + 1 - from] = value;
  }
  for (let c = top, value = start; c > from && value > 0; c--) {
    value *= c / ((n - c + 1) * odds);
    out[c - 1 - from] = value;
  }
  return out;
}

/** P(X ≤ c) and P(X ≥ c) for c = 0 … n of X ~ Binomial(n, p), each summed from its own end. */
export function binomialTails(n: number, p: number, logs: Float64Array): { below: Float64Array; above: Float64Array } {
  const below = binomialPmf(n, p, 0, n, logs);
  const above = below.slice();
  for (let c = 1; c <= n; c++) below[c] += below[c - 1];
  for (let c = n - 1; c >= 0; c--) above[c] += above[c + 1];
  return { below, above };
}
