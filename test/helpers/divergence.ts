/** How far one Gaussian is from another. */

/** Lower Cholesky factor of a covariance (D, D), row by row. */
function factorOf(a: Float64Array, D: number): Float64Array {
  const l = new Float64Array(D * D);
  for (let i = 0; i < D; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * D + j];
      for (let k = 0; k < j; k++) sum -= l[i * D + k] * l[j * D + k];
      l[i * D + j] = i === j ? Math.sqrt(sum) : sum / l[j * D + j];
    }
  }
  return l;
}
/** L⁻¹ b */
function solve(l: Float64Array, b: ArrayLike<number>): Float64Array {
  const x = Float64Array.from(b);
  const D = x.length;
  for (let i = 0; i < D; i++) {
    for (let k = 0; k < i; k++) x[i] -= l[i * D + k] * x[k];
    x[i] /= l[i * D + i];
  }
  return x;
}
export interface Moments {
  readonly mean: Float64Array;
  readonly covariance: Float64Array;
}
/** KL(q ‖ p) = ½ (|L_p⁻¹ L_q|² + |L_p⁻¹ (m_q − m_p)|² − D) + Σ log L_p,dd / L_q,dd */
export function divergence(q: Moments, p: Moments): number {
  const D = q.mean.length;
  const [lq, lp] = [factorOf(q.covariance, D), factorOf(p.covariance, D)];
  let sum = -D;
  for (let j = 0; j < D; j++) {
    const column = Float64Array.from({ length: D }, (_, i) => lq[i * D + j]);
    for (const x of solve(lp, column)) sum += x * x;
    sum += 2 * Math.log(lp[j * D + j] / lq[j * D + j]);
  }
  for (const x of solve(
    lp,
    q.mean.map((m, i) => m - p.mean[i]),
  ))
    sum += x * x;
  return 0.5 * sum;
}
