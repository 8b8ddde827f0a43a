/**
 * Expected coverage: how often regions of credibility p contain the true parameters. The regions are those of highest density,
 * { θ : log q(θ | y) ≥ c } (Hermans et al., TMLR 2022, arXiv 2110.06581; Miller et al. 2021, arXiv 2107.01214), and central
 * intervals of each parameter. All levels are tested at once, with bands for the whole curve (bands.ts).
 */
import { type OptionsOf, readOptions } from "../checks/options.ts";
import { alphaTable } from "./bands.ts";
import { type Curve, centralLaw, curvesOf, uniformLaw } from "./curves.ts";
import { expectRanks, type Ranks } from "./ranks.ts";

/** A curve with its shape in words. */
export type ReadCurve = Curve & { readonly reading: string };

/** Expected coverage, judged. */
export interface Coverage {
  /** Regions of highest density: `expected` holds the levels p, `observed` the shares of regions with the true parameters. */
  readonly density: ReadCurve;
  /** Central intervals of each parameter. */
  readonly parameters: readonly ReadCurve[];
  /** Probability, at most, that any curve of an exact posterior fails. */
  readonly alpha: number;
  readonly passed: boolean;
}

/** Judges coverage, each of the D + 1 curves with bands at level alpha/(D + 1). */
export function coverage(ranks: Ranks, options: OptionsOf<typeof alphaTable> = {}): Coverage {
  expectRanks("coverage", ranks, "parameters", "density");
  const { alpha } = readOptions("coverage", alphaTable, options);
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

/** In words, on which side of the diagonal a curve lies. */
export function readCoverage({ passed, expected, observed }: Curve): string {
  if (passed) return "coverage equals credibility, within the bands";
  const excess = expected.reduce((sum, p, k) => sum + (observed[k] - p) / expected.length, 0);
  const [most, least] = [1, -1].map((sign) => Math.max(...expected.map((p, k) => sign * (observed[k] - p))));
  if (most > 0.5 * least && least > 0.5 * most) return "coverage too high at some levels, too low at others";
  return excess < 0 ? "overconfident: coverage too low" : "underconfident: coverage too high";
}
