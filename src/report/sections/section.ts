/** A section of the report, and the choice of parameters to show if there are too many. */
import type { Evaluation, KsSummary } from "../../evaluate/evaluation.ts";

export interface Section {
  /** Id of its element, for links within the page. */
  readonly id: string;
  readonly title: string;
  /** Its HTML; null if the evaluation has nothing to show in it. */
  readonly body: (evaluation: Evaluation) => string | null;
}

/** Mean KS of each parameter over the cases (D). */
export const meanKs = ({ statistics }: KsSummary): number[] =>
  statistics[0].map((_, d) => statistics.reduce((sum, row) => sum + row[d] / statistics.length, 0));

export interface Selection {
  /** Indices of parameters, ascending. */
  readonly shown: readonly number[];
  /** Says which parameters are shown; empty if all are. */
  readonly note: string;
}

/** At most `count` parameters: those with the largest mean KS or, without a reference, the least uniform ranks. */
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
    note: `The pictures show the ${count} of ${model.D} parameters ${which}; the table below has all of them.`,
  };
}

/** Short names of the references, for keys. */
export const TRUTH_NAMES = {
  exact: "exact posterior",
  quadrature: "exact posterior (quadrature)",
  nuts: "chains (NUTS)",
  none: "none",
} as const satisfies Record<Evaluation["against"]["name"], string>;
