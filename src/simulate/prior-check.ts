/**
 * Whether parameters from elsewhere look like draws of the prior: the mean and variance of
 *
 *   z = (T(θ) − μ) / σ,   T the identity, or the logarithm of the distance from the end of a half-line,
 *
 * must be 0 and 1 but for their standard errors, √(1/N) and √(var(z²)/N). Draws of something else pass where their first two
 * moments agree; but the usual mistakes (another range, another scale, a grid of the wrong width) do not.
 */
import type { Distribution } from "../distributions/distribution.ts";
import { log } from "../numbers/math.ts";
import type { Problem } from "../problem/problem.ts";
import type { PairTable } from "./pairs.ts";

/** Standard errors by which a moment may miss that of the prior before it is told. */
const SUSPICIOUS = 6;

interface Scale {
  readonly of: (x: number) => number;
  readonly mean: number;
  readonly sd: number;
  /** What is said before the name of the parameter. */
  readonly title: string;
}

/** The scale on which a parameter has light tails. */
function scaleOf({ low, high, mean, sd, realMean, realSd }: Distribution, d: number): Scale {
  const real = { mean: realMean[d], sd: realSd[d] };
  if (low[d] > -Infinity && high[d] === Infinity)
    return { ...real, of: (x) => log(x - low[d]), title: "the logarithm of " };
  if (high[d] < Infinity && low[d] === -Infinity)
    return { ...real, of: (x) => -log(high[d] - x), title: "the transform of " };
  return { mean: mean[d], sd: sd[d], of: (x) => x, title: "" };
}

/** What does not look like draws of the prior (or the proposal), for a warning; null where all does. */
export function priorMismatch({ prior, proposal, D, parameters }: Problem, { theta, count }: PairTable): string | null {
  const source = proposal === null ? "prior" : "proposal";
  for (let d = 0; d < D; d++) {
    const { of, mean, sd, title } = scaleOf(proposal ?? prior, d);
    if (!Number.isFinite(mean) || !(sd > 0 && sd < Infinity)) continue;
    let [sum, squares, fourths] = [0, 0, 0];
    for (let i = d; i < theta.length; i += D) {
      const z = (of(theta[i]) - mean) / sd;
      sum += z;
      squares += z * z;
      fourths += z * z * z * z;
    }
    const [m, v] = [sum / count, squares / count];
    // Where parameters hardly vary their own estimate of this error is near 0: that of a normal one is the least.
    const error = Math.sqrt(Math.max(fourths / count - v * v, 2) / count);
    if (Math.abs(m) * Math.sqrt(count) <= SUSPICIOUS && Math.abs(v - 1) <= SUSPICIOUS * error) continue;
    const got = [m * sd + mean, Math.sqrt(Math.max(v - m * m, 0)) * sd];
    const [gotMean, gotSd, wantMean, wantSd] = [...got, mean, sd].map((x) => Number(x.toPrecision(4)));
    const advice = `give what they were drawn from as ${proposal === null ? "prior, or as proposal" : "proposal"}`;
    return `the pairs do not look drawn from the ${source}: ${title}${parameters[d].name} has mean ${gotMean} and sd ${gotSd}, the ${source} ${wantMean} and ${wantSd}; posteriors would be of another prior, so ${advice}`;
  }
  return null;
}
