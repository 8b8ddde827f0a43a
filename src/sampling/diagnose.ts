/** Diagnostics of the chains of one observation, and a warning in words. */

import type { Rows } from "../backends/backend.ts";
import { meanOf } from "../numbers/moments.ts";
import type { Problem } from "../problem/problem.ts";
import type { Chain } from "./chain.ts";
import { bfmi, essBulk, essTail, LARGEST_R_HAT, rHat } from "./convergence.ts";
import type { Origin } from "./start.ts";

/** Convergence of one parameter of the chains. */
export interface ParameterDiagnostics {
  readonly name: string;
  /** Rank-normalised split R̂; 1 if the chains agree. */
  readonly rHat: number;
  /** Effective number of draws, for the centre and for the 5 % and 95 % quantiles. */
  readonly essBulk: number;
  readonly essTail: number;
}

/** Diagnostics of chains: convergence, effective sizes, divergences and costs. */
export interface NutsDiagnostics {
  /** (D) */
  readonly parameters: readonly ParameterDiagnostics[];
  /** The worst value over the parameters; NaN if one does not move. */
  readonly rHat: number;
  readonly essBulk: number;
  readonly essTail: number;
  /** Draws whose trajectory diverged. */
  readonly divergences: number;
  readonly treeDepth: { readonly mean: number; readonly largest: number; readonly shareAtMost: number };
  /** For each chain: energy Bayesian fraction of missing information, mean acceptance, step size. */
  readonly bfmi: Float64Array;
  readonly acceptance: Float64Array;
  readonly steps: Float64Array;
  /** Share of jumps that were accepted; null if none were made. */
  readonly jumps: number | null;
  /**
   * What the chains started from: "laplace" where the posterior that was given as start was so far off that they started at the modes
   * instead.
   */
  readonly origin: Origin;
  /** Evaluations of potential and gradient, with the warm-up and the choice of a start. */
  readonly evaluations: number;
  /** Wall time, shared by evaluations among observations that are sampled together. */
  readonly seconds: number;
  /** Draws of each chain; fewer than requested if the budget ran out. */
  readonly draws: number;
  readonly warmup: number;
}

/** With fewer effective draws in each chain, R̂ and ESS themselves are unreliable (Vehtari et al. 2021, §4). */
const LEAST_ESS = 100;
const LEAST_BFMI = 0.3;
const OFTEN = 0.2;
const LARGEST_SHARE_AT_MOST = 0.01;
/** Each half of a chain needs two draws. */
const LEAST_DRAWS = 4;

/** `pick` of all values, or NaN if one is NaN. */
const worst = (values: readonly number[], pick: (...v: number[]) => number): number =>
  values.some(Number.isNaN) ? Number.NaN : pick(...values);

export interface ChainRun {
  readonly problem: Problem;
  readonly chains: readonly Chain[];
  /** Draws that every chain has completed. */
  readonly draws: number;
  readonly warmup: number;
  readonly maxDepth: number;
  readonly seconds: number;
  readonly origin: Origin;
  /** Evaluations before the chains. */
  readonly spent: number;
}

/** `theta` (chains · draws, D), chain by chain. */
export function diagnose(run: ChainRun, theta: Rows): NutsDiagnostics {
  const { problem, chains, draws, warmup, maxDepth, seconds, origin, spent } = run;
  const { D } = problem;
  const few = draws < LEAST_DRAWS;
  const parameters = problem.parameters.map(({ name }, d): ParameterDiagnostics => {
    if (few) return { name, rHat: Number.NaN, essBulk: Number.NaN, essTail: Number.NaN };
    const column = chains.map((_, c) =>
      Float64Array.from({ length: draws }, (_x, s) => theta[(c * draws + s) * D + d]),
    );
    return { name, rHat: rHat(column), essBulk: essBulk(column), essTail: essTail(column) };
  });
  const depths = chains.flatMap((chain) => Array.from(chain.depths.subarray(0, draws)));
  const of = (value: (chain: Chain) => number): Float64Array => Float64Array.from(chains, value);
  return {
    parameters,
    rHat: worst(
      parameters.map((p) => p.rHat),
      Math.max,
    ),
    essBulk: worst(
      parameters.map((p) => p.essBulk),
      Math.min,
    ),
    essTail: worst(
      parameters.map((p) => p.essTail),
      Math.min,
    ),
    divergences: chains.reduce((sum, c) => sum + c.divergences, 0),
    treeDepth: {
      mean: meanOf(depths),
      largest: depths.reduce((a, b) => Math.max(a, b), 0),
      shareAtMost: depths.filter((d) => d >= maxDepth).length / depths.length,
    },
    bfmi: of((c) => (few ? Number.NaN : bfmi(c.energies.subarray(0, draws)))),
    acceptance: of((c) => c.acceptance),
    steps: of((c) => c.step),
    jumps: shareOfJumps(chains),
    origin,
    evaluations: chains.reduce((sum, c) => sum + c.evaluations, spent),
    seconds,
    draws,
    warmup,
  };
}

function shareOfJumps(chains: readonly Chain[]): number | null {
  const [tried, taken] = [0, 0].map((_, i) =>
    chains.reduce((sum, { jump }) => sum + (jump === null ? 0 : i === 0 ? jump.tried : jump.taken), 0),
  );
  return tried > 0 ? taken / tried : null;
}

const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;

/** Reasons to doubt the draws, or undefined. `asked`: draws requested of each chain. */
export function warningOf(diagnostics: NutsDiagnostics, asked: number): string | undefined {
  const { parameters, divergences, treeDepth, draws } = diagnostics;
  const chains = diagnostics.bfmi.length;
  const near = diagnostics.origin === "posterior" || diagnostics.origin === "laplace";
  const reasons: string[] = [];
  if (draws < asked)
    reasons.push(`the budget ran out after ${draws} of ${asked} draws of each chain: give more seconds or fewer draws`);
  const apart = parameters.filter((p) => !(p.rHat <= LARGEST_R_HAT));
  if (apart.length > 0) {
    const most = apart.reduce((a, b) => (b.rHat > a.rHat || Number.isNaN(b.rHat) ? b : a));
    const also = apart.length > 1 ? `, and of ${apart.length - 1} more` : "";
    reasons.push(
      Number.isNaN(most.rHat)
        ? `R̂ of ${most.name} is not known${also}: its chains do not move`
        : `the chains do not agree: R̂ of ${most.name} is ${most.rHat === Infinity ? "∞" : most.rHat.toFixed(3)}${also}, above ${LARGEST_R_HAT}: draw more${near ? "" : ", or start from a guide or laplace()"}`,
    );
  }
  const least = LEAST_ESS * chains;
  for (const [kind, key] of [
    ["bulk", "essBulk"],
    ["tail", "essTail"],
  ] as const) {
    const low = parameters.filter((p) => !(p[key] >= least)).sort((a, b) => a[key] - b[key])[0];
    if (low !== undefined)
      reasons.push(
        `the ${kind} ESS of ${low.name} is ${Number.isNaN(low[key]) ? "not known" : low[key].toFixed(0)}, below ${least} (${LEAST_ESS} for each chain): draw more`,
      );
  }
  // A chain that jumps often does not depend on its trajectories to reach every part.
  if (divergences > 0 && !((diagnostics.jumps ?? 0) > OFTEN))
    reasons.push(
      `${divergences} of ${draws * chains} trajectories diverged: parts of the posterior may be missing; raise targetAccept`,
    );
  if (treeDepth.shareAtMost > LARGEST_SHARE_AT_MOST)
    reasons.push(
      `${percent(treeDepth.shareAtMost)} of the trajectories were cut at depth ${treeDepth.largest}: raise maxDepth, or use metric "dense"`,
    );
  const slow = diagnostics.bfmi.reduce((a, b) => (b < a ? b : a), Number.POSITIVE_INFINITY);
  if (slow < LEAST_BFMI)
    reasons.push(`BFMI is ${slow.toFixed(2)} in a chain, below ${LEAST_BFMI}: tails are reached slowly; draw more`);
  return reasons.length > 0 ? reasons.join("; ") : undefined;
}
