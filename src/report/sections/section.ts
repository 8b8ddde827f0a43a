/** A section of the report, and what sections share: which parameters are shown where there are too many for all. */
import type { Evaluation, KsSummary } from "../../evaluate/evaluation.ts";

export interface Section {
  /** Of its heading, for links within the page. */
  readonly id: string;
  readonly title: string;
  /** Its HTML; null where the evaluation has nothing for it. */
  readonly body: (evaluation: Evaluation) => string | null;
}

/** Mean KS of each parameter over the cases (D). */
export const meanKs = ({ statistics }: KsSummary): number[] =>
  statistics[0].map((_, d) => statistics.reduce((sum, row) => sum + row[d] / statistics.length, 0));

export interface Selection {
  /** Indices of parameters, ascending. */
  readonly shown: readonly number[];
  /** Says which they are, where they are not all; else empty. */
  readonly note: string;
}

/** At most `count` parameters: those of the largest mean KS, or, without a truth, of the least uniform ranks. */
export function selectParameters(evaluation: Evaluation, count: number): Selection {
  const { model, calibration, ks } = evaluation;
  const all = model.parameters.map((_, d) => d);
  if (all.length <= count) return { shown: all, note: "" };
  const means = ks && meanKs(ks.guide);
  const score = (d: number): number => (means === null ? -calibration.sbc.curves[d].pValue : means[d]);
  const shown = all.sort((a, b) => score(b) - score(a) || a - b).slice(0, count);
  const which = means === null ? "whose ranks are least uniform" : "with the largest KS";
  return {
    shown: shown.sort((a, b) => a - b),
    note: `Shown are the ${count} of ${model.D} parameters ${which}; the table below has them all.`,
  };
}

/** What guides are held against, as short as a key needs it. */
export const TRUTH_NAMES = {
  exact: "exact posterior",
  quadrature: "exact posterior (quadrature)",
  nuts: "chains (NUTS)",
  none: "nothing",
} as const satisfies Record<Evaluation["against"]["name"], string>;
