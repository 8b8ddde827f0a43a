/**
 * Expected coverage: how often regions that should hold the true parameters with probability p do. Regions of highest
 * density, { θ : log q(θ | y) ≥ c } (Hermans et al., TMLR 2022, arXiv 2110.06581; Miller et al. 2021, arXiv 2107.01214),
 * and central intervals of each parameter; over all levels at once, with bands for the whole curve (bands.ts).
 */
import { expectAlpha } from "./arrays.ts";
import { type Curve, centralLaw, curvesOf, uniformLaw } from "./curves.ts";
import type { Ranks } from "./ranks.ts";

export interface Coverage {
  /** Of regions of highest density: `expected` are levels p, `observed` how many regions held the truth. */
  readonly density: Curve & { readonly reading: string };
  /** Of central intervals of each parameter. */
  readonly parameters: readonly (Curve & { readonly reading: string })[];
  /** Probability that anything at all is found in a right posterior, at most. */
  readonly alpha: number;
  readonly passed: boolean;
}

/** Judges coverage, each of the D + 1 curves with bands at level alpha/(D + 1). */
export function coverage(ranks: Ranks, options: { readonly alpha?: number } = {}): Coverage {
  const { alpha = 0.01 } = options;
  expectAlpha("coverage", alpha);
  const D = ranks.parameters.length;
  const own = alpha / (D + 1);
  const [density] = curvesOf([{ name: "highest density", values: ranks.density }], uniformLaw(ranks.draws), own);
  const sizes = ranks.parameters.map(({ name, ranks: r }) => ({
    name,
    values: r.map((x) => Math.abs(2 * x - ranks.draws)),
  }));
  const parameters = curvesOf(sizes, centralLaw(ranks.draws), own * D);
  return {
    density: { ...density, reading: readCoverage(density) },
    parameters: parameters.map((curve) => ({ ...curve, reading: readCoverage(curve) })),
    alpha,
    passed: [density, ...parameters].every((c) => c.passed),
  };
}

/** Which way a curve leaves the diagonal, in words. */
export function readCoverage({ passed, expected, observed }: Curve): string {
  if (passed) return "holds the truth as often as it says, within its bands";
  const excess = expected.reduce((sum, p, k) => sum + (observed[k] - p) / expected.length, 0);
  const [most, least] = [1, -1].map((sign) => Math.max(...expected.map((p, k) => sign * (observed[k] - p))));
  if (most > 0.5 * least && least > 0.5 * most) return "holds the truth too often at some levels, too rarely at others";
  return excess < 0 ? "overconfident: holds the truth too rarely" : "underconfident: holds the truth too often";
}
