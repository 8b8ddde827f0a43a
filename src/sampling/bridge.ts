/**
 * The evidence log p(y) by bridge sampling (Meng & Wong, Statistica Sinica 6 (1996); Gronau et al., Journal of Mathematical
 * Psychology 81 (2017)). With N₁ effective draws of the posterior, and N₂ draws of a normalised density g,
 *
 *   r = mean_g [ q / (s₁ q + s₂ r g) ] / mean_post [ g / (s₁ q + s₂ r g) ],   s_i = N_i / (N₁ + N₂),
 *
 * is iterated to its fixed point, with q = p(y, θ). The relative error is that of Frühwirth-Schnatter (2004).
 */
import { exp, log } from "../numbers/math.ts";
import { meanOf, varianceOf } from "../numbers/moments.ts";
import { essMean } from "./convergence.ts";

const MOST_ITERATIONS = 1000;
const TOLERANCE = 1e-10;

export interface BridgeRequest {
  /** log q − log g at draws of the posterior, chain by chain. */
  readonly posterior: readonly Float64Array[];
  /** log q − log g at draws of g. */
  readonly proposal: Float64Array;
}

/** A bridge-sampling estimate of the evidence p(y). */
export interface Evidence {
  /** log p(y) */
  readonly logEvidence: number;
  /** Its estimated standard error. */
  readonly standardError: number;
}

/** NaN if no log ratio is finite. */
export function bridge({ posterior, proposal }: BridgeRequest): Evidence {
  const all = Float64Array.from(posterior.flatMap((chain) => Array.from(chain)));
  const finite = all.filter(Number.isFinite).sort();
  if (finite.length === 0 || !proposal.some(Number.isFinite))
    return { logEvidence: Number.NaN, standardError: Number.NaN };
  const shift = finite[finite.length >> 1];
  const ratio = (l: number): number => (Number.isNaN(l) ? 0 : exp(l - shift));
  const [at1, at2] = [all.map(ratio), proposal.map(ratio)];
  // Correlated draws count less: by the effective sample size of the log ratio.
  const size = essMean(posterior.map((c) => c.map((l) => (Number.isFinite(l) ? l : shift))));
  const n1 = Number.isNaN(size) ? all.length : Math.min(size, all.length);
  const s1 = n1 / (n1 + proposal.length);
  const s2 = 1 - s1;
  let r = 1;
  for (let i = 0; i < MOST_ITERATIONS; i++) {
    const top = meanOf(at2.map((x) => (x === Number.POSITIVE_INFINITY ? 1 / s1 : x / (s1 * x + s2 * r))));
    const next = top / meanOf(at1.map((x) => 1 / (s1 * x + s2 * r)));
    const change = Math.abs(next - r);
    r = next;
    if (!(change > TOLERANCE * r)) break;
  }
  const f1 = at2.map((x) => x / r / (s1 * (x / r) + s2)).map((v) => (Number.isNaN(v) ? 1 / s1 : v));
  const f2 = at1.map((x) => 1 / (s1 * (x / r) + s2));
  const relative =
    varianceOf(f1) / (proposal.length * meanOf(f1) * meanOf(f1)) + varianceOf(f2) / (n1 * meanOf(f2) * meanOf(f2));
  return { logEvidence: log(r) + shift, standardError: Math.sqrt(relative) };
}
