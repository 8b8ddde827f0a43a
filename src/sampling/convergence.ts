/**
 * Convergence of chains (Vehtari, Gelman, Simpson, Carpenter & Bürkner, Bayesian Analysis 16 (2021), arXiv 1903.08008). Every
 * chain is split into halves, which gives M half-chains of N draws each:
 *
 *   R̂ = √(var⁺ / W),   var⁺ = (N − 1)/N W + B/N,   W, B the variance within and between half-chains,
 *   ESS = M N / τ,   τ = −1 + 2 Σ_t P_t,   P_t = ρ_{2t} + ρ_{2t+1},   ρ_t = 1 − (W − mean autocovariance at t) / var⁺,
 *
 * where the sum is over the initial positive, monotone P_t (Geyer, Statistical Science 7 (1992), §3.3). `rHat` and `essBulk` use
 * normal scores of ranks, so that they exist even if moments do not. `rHat` also uses distances from the median, which detect
 * chains of equal centre and different widths. Every function takes the chains of one quantity, all of the same length.
 */
import { log, probit } from "../numbers/math.ts";
import { meanOf, quantileOf, varianceOf } from "../numbers/moments.ts";

type Chains = readonly ArrayLike<number>[];

/** Largest R̂ of chains that count as converged. */
export const LARGEST_R_HAT = 1.01;
/** The quantiles that bound the tails. */
const TAILS = [0.05, 0.95];

/** @throws unless there are chains of one length, of at least 4 finite numbers. */
function expectChains(owner: string, chains: Chains): void {
  const length = chains?.[0]?.length;
  if (!Array.isArray(chains) || chains.length === 0 || !(length >= 4))
    throw new Error(`${owner}: expected a list of chains of at least 4 draws, got ${length ?? "none"}`);
  for (const [c, chain] of chains.entries()) {
    if (chain.length !== length)
      throw new Error(`${owner}: expected chains of one length, ${length}, got ${chain.length} in chain ${c + 1}`);
    for (let i = 0; i < length; i++)
      if (!Number.isFinite(chain[i]))
        throw new Error(`${owner}: expected finite numbers, got ${chain[i]} in chain ${c + 1}`);
  }
}

/** Halves of every chain; an odd length leaves out the middle draw. */
function split(chains: Chains): Float64Array[] {
  const half = Math.floor(chains[0].length / 2);
  return chains.flatMap((chain) => {
    const all = Float64Array.from(chain);
    return [all.subarray(0, half), all.subarray(all.length - half)];
  });
}

/** Normal scores of the ranks among all draws, ties by their mean rank: z = Φ⁻¹((r − 3/8)/(S + 1/4)) (Blom 1958). */
function normalScores(chains: readonly Float64Array[]): Float64Array[] {
  const length = chains[0].length;
  const S = chains.length * length;
  const all = new Float64Array(S);
  for (const [c, chain] of chains.entries()) all.set(chain, c * length);
  const order = Uint32Array.from({ length: S }, (_, i) => i).sort((a, b) => all[a] - all[b]);
  const scores = new Float64Array(S);
  for (let i = 0; i < S; ) {
    let end = i + 1;
    while (end < S && all[order[end]] === all[order[i]]) end++;
    const score = probit(((i + 1 + end) / 2 - 0.375) / (S + 0.25));
    for (; i < end; i++) scores[order[i]] = score;
  }
  return chains.map((_, c) => scores.subarray(c * length, (c + 1) * length));
}

/** R̂ of half-chains without ranks: ∞ if none moves and they differ, NaN if nothing differs. */
function plainRHat(halves: readonly Float64Array[]): number {
  const N = halves[0].length;
  const within = meanOf(halves.map(varianceOf));
  const between = N * varianceOf(halves.map(meanOf));
  return Math.sqrt((between / within + N - 1) / N);
}

/** Distances from the median of all draws. */
function folded(halves: readonly Float64Array[]): Float64Array[] {
  const sorted = Float64Array.from(halves.flatMap((h) => Array.from(h))).sort();
  const middle = quantileOf(sorted, 0.5);
  return halves.map((h) => h.map((x) => Math.abs(x - middle)));
}

/**
 * Rank-normalised split R̂ of the chains of one quantity, the larger of that of the draws and that of their distances from the
 * median: 1 where all chains tell of one distribution, and to be trusted below 1.01. Chains that are stuck at different values
 * have ∞; NaN where all draws are equal.
 * @throws unless there are chains of one length, of at least 4 finite draws.
 */
export function rHat(chains: Chains): number {
  expectChains("rHat", chains);
  const halves = split(chains);
  const [bulk, tail] = [plainRHat(normalScores(halves)), plainRHat(normalScores(folded(halves)))];
  return Number.isNaN(tail) ? bulk : Math.max(bulk, tail);
}

/** Mean over half-chains of the autocovariance at a lag, divided by N rather than by the number of pairs. */
function autocovariance(halves: readonly Float64Array[], means: readonly number[], lag: number): number {
  let total = 0;
  for (const [c, x] of halves.entries()) {
    const m = means[c];
    let sum = 0;
    for (let i = lag; i < x.length; i++) sum += (x[i] - m) * (x[i - lag] - m);
    total += sum / x.length;
  }
  return total / halves.length;
}

/** Effective sample size of half-chains without ranks; NaN if nothing moves. */
function plainEss(halves: readonly Float64Array[]): number {
  const N = halves[0].length;
  const S = N * halves.length;
  const means = halves.map(meanOf);
  const within = (autocovariance(halves, means, 0) * N) / (N - 1);
  const total = (within * (N - 1)) / N + (halves.length > 1 ? varianceOf(means) : 0);
  if (!(total > 0)) return Number.NaN;
  const rho = (lag: number): number => 1 - (within - autocovariance(halves, means, lag)) / total;
  let tau = -1;
  let before = Number.POSITIVE_INFINITY;
  for (let lag = 0; lag + 1 < N; lag += 2) {
    const pair = (lag === 0 ? 1 : rho(lag)) + rho(lag + 1);
    if (!(pair > 0)) {
      tau += Math.max(0, rho(lag)); // in an alternating chain an even lag may count although its pair does not
      break;
    }
    before = Math.min(before, pair);
    tau += 2 * before;
  }
  // Alternating chains may be worth more than as many independent draws, but not without limit.
  return S / Math.max(tau, Math.LN10 / log(S));
}

/**
 * Effective sample size for the centre of the distribution: that of the normal scores of ranks. NaN if no chain moves. @throws as `rHat`.
 */
export function essBulk(chains: Chains): number {
  expectChains("essBulk", chains);
  return plainEss(normalScores(split(chains)));
}

/**
 * Effective sample size for the tails: the lesser of those of the shares below the 5 % and above the 95 % quantile. NaN where
 * no chain moves. @throws as `rHat`.
 */
export function essTail(chains: Chains): number {
  expectChains("essTail", chains);
  const halves = split(chains);
  const sorted = Float64Array.from(halves.flatMap((h) => Array.from(h))).sort();
  const sizes = TAILS.map((p) => {
    const level = quantileOf(sorted, p);
    return plainEss(halves.map((h) => h.map((x) => Number(x <= level))));
  });
  return Math.min(...sizes);
}

/** Effective sample size for the mean. NaN if no chain moves. @throws as `rHat`. */
export function essMean(chains: Chains): number {
  expectChains("essMean", chains);
  return plainEss(split(chains));
}

/**
 * Energy Bayesian fraction of missing information (BFMI) of one chain from its energies (Betancourt, arXiv 1604.00695):
 *
 *   Σ (E_n − E_{n−1})² / Σ (E_n − Ē)².
 *
 * Below 0.3, momenta change the energy too little to reach the tails in few transitions.
 * @throws unless there are at least 4 finite energies.
 */
export function bfmi(energies: ArrayLike<number>): number {
  expectChains("bfmi", [energies]);
  let sum = 0;
  for (let i = 1; i < energies.length; i++) sum += (energies[i] - energies[i - 1]) * (energies[i] - energies[i - 1]);
  return sum / (varianceOf(energies) * (energies.length - 1));
}
