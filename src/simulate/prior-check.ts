/**
 * Whether parameters from elsewhere look like draws of the prior: the mean and variance of
 *
 *   z = (T(θ) − μ) / σ,   T the identity, or the map to the line on half-lines and where tails are heavy,
 *
 * must be 0 and 1 within their standard errors, √(1/N) and √(var(z²)/N). Draws of another distribution pass where their first two
 * moments agree, but the usual mistakes (another range, another scale, a grid of the wrong width) are found.
 */
import { type BackendOptions, once } from "../backends/select.ts";
import type { Distribution } from "../distributions/distribution.ts";
import { input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { log } from "../numbers/math.ts";
import { digitsFor } from "../numbers/offsets.ts";
import type { Work } from "../problem/work.ts";
import type { PairTable } from "./pairs.ts";

/** Standard errors by which a moment may differ from that of the prior before it is reported. */
const SUSPICIOUS = 6;

interface Scale {
  /** Of parameter x in row i. */
  readonly of: (x: number, i: number) => number;
  readonly mean: number;
  readonly sd: number;
  /** Words before the name of the parameter in the message. */
  readonly title: string;
}

/** The scale on which a parameter has light tails. `real`: the parameters on the line, row by row; null where none has heavy tails. */
function scaleOf(from: Distribution, d: number, onLine: ArrayLike<number> | null): Scale {
  const { low, high, mean, sd, realMean, realSd, heavy, size } = from;
  const real = { mean: realMean[d], sd: realSd[d] };
  if (heavy?.[d] && onLine) return { ...real, of: (_x, i) => onLine[i * size + d], title: "the transform of " };
  if (low[d] > -Infinity && high[d] === Infinity)
    return { ...real, of: (x) => log(x - low[d]), title: "the logarithm of " };
  if (high[d] < Infinity && low[d] === -Infinity)
    return { ...real, of: (x) => -log(high[d] - x), title: "the transform of " };
  return { mean: mean[d], sd: sd[d], of: (x) => x, title: "" };
}

/** Parameters (N, D) of the problem on the line. */
const onLineOf = (from: Distribution, theta: Float64Array, backend: BackendOptions): Promise<ArrayLike<number>> =>
  once(
    atOnce(compile({ line: { outputs: { x: from.toReal(input("theta", from.size, { dtype: "f64" })) } } })),
    backend,
    async (executor) => (await executor.run("line", { rows: theta.length / from.size, inputs: { theta } })).x,
  );

/** A warning that names the first parameter that does not look drawn from the prior (or the proposal); null where all do. */
export async function priorMismatch(
  { of: problem, centre }: Work,
  { theta, count }: PairTable,
  backend: BackendOptions = {},
): Promise<string | null> {
  const { prior, proposal, D, parameters } = problem;
  const source = proposal === null ? "prior" : "proposal";
  const from = proposal ?? prior;
  const whole = (): Float64Array => Float64Array.from(theta, (x, k) => x + (centre?.[k % D] ?? 0));
  const onLine = from.heavy?.includes(true) ? await onLineOf(from, whole(), backend) : null;
  // Moments that were estimated have errors of their own.
  const independent = 1 / (1 / count + 1 / (from.momentDraws ?? Infinity));
  for (let d = 0; d < D; d++) {
    const { of, mean, sd, title } = scaleOf(from, d, onLine);
    if (!Number.isFinite(mean) || !(sd > 0 && sd < Infinity)) continue;
    const offset = centre?.[d] ?? 0;
    let [sum, squares, fourths] = [0, 0, 0];
    for (let i = d; i < theta.length; i += D) {
      const z = (of(theta[i] + offset, Math.floor(i / D)) - mean) / sd;
      sum += z;
      squares += z * z;
      fourths += z * z * z * z;
    }
    const [m, v] = [sum / count, squares / count];
    // Where parameters hardly vary, their own estimate of this error is near 0; it is taken as at least that of a normal variable.
    const error = Math.sqrt(Math.max(fourths / count - v * v, 2) / independent);
    if (Math.abs(m) * Math.sqrt(independent) <= SUSPICIOUS && Math.abs(v - 1) <= SUSPICIOUS * error) continue;
    const got = [m * sd + mean, Math.sqrt(Math.max(v - m * m, 0)) * sd];
    const [gotMean, gotSd, wantMean, wantSd] = [...got, mean, sd].map((x) =>
      Number(x.toPrecision(digitsFor(x, sd, 4))),
    );
    const advice = `give what they were drawn from as ${proposal === null ? "prior, or as proposal" : "proposal"}`;
    return `the pairs do not look drawn from the ${source}: ${title}${parameters[d].name} has mean ${gotMean} and sd ${gotSd}, the ${source} ${wantMean} and ${wantSd}; posteriors would be of another prior, so ${advice}`;
  }
  return null;
}
