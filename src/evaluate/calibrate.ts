/** Calibration over fresh cases as plain lists, for model files and reports. */
import { coverage } from "../diagnostics/coverage.ts";
import type { Curve } from "../diagnostics/curves.ts";
import type { Ranks } from "../diagnostics/ranks.ts";
import { rankHistogram, sbc } from "../diagnostics/sbc.ts";
import { tarp } from "../diagnostics/tarp.ts";
import type { CalibrationSummary } from "../model/calibration-record.ts";
import type { BandedCurve } from "./evaluation.ts";

const plain = (curve: Curve & { readonly reading: string }): BandedCurve => ({
  name: curve.name,
  expected: [...curve.expected],
  observed: [...curve.observed],
  low: [...curve.low],
  high: [...curve.high],
  pValue: curve.pValue,
  passed: curve.passed,
  reading: curve.reading,
});

/** A case is far if at most this share of the held-out simulations is farther. */
const MOST = 0.005;

/**
 * Tests the ranks of the true parameters: SBC, coverage and TARP, each at level `alpha`. `farther` is, for each case, the share
 * of held-out simulations that are farther than its data.
 */
export function calibrationOf(ranks: Ranks, farther: readonly number[], alpha = 0.01): CalibrationSummary<BandedCurve> {
  const uniform = sbc(ranks, { alpha, quantities: false });
  const cover = coverage(ranks, { alpha });
  const balls = tarp(ranks, { alpha });
  const share = (test: (x: number) => boolean): number => farther.filter(test).length / farther.length;
  return {
    cases: ranks.count,
    draws: ranks.draws,
    alpha,
    sbc: {
      passed: uniform.passed,
      curves: uniform.curves.map(plain),
      ranks: ranks.parameters.map(({ name, ranks: own }) => {
        const { edges, counts, low, high } = rankHistogram(own, ranks.draws, {
          alpha: alpha / ranks.parameters.length,
        });
        return { name, edges: [...edges], counts: [...counts], low: [...low], high: [...high] };
      }),
    },
    coverage: { passed: cover.passed, curves: [cover.density, ...cover.parameters].map(plain) },
    tarp: { passed: balls.passed, curve: plain(balls) },
    foreign: { beyondMost: share((x) => x <= MOST), beyondAll: share((x) => x === 0) },
  };
}
