/** All parameters in one table. */
import type { Evaluation, KsSummary } from "../../evaluate/evaluation.ts";
import { paragraph, table } from "../html.ts";
import { fixed, named, percent, short } from "../text.ts";
import { meanKs, type Section } from "./section.ts";
import { nearLevel } from "./verdict.ts";

const meanOf = ({ statistics }: KsSummary, d: number): number =>
  statistics.reduce((sum, row) => sum + row[d] / statistics.length, 0);

function body(evaluation: Evaluation): string {
  const { model, prior, ks, calibration } = evaluation;
  const own = meanKs(evaluation);
  const corrected = ks?.corrected ?? null;
  const [, ...intervals] = calibration.coverage.curves;
  const rows = model.parameters.map((parameter, d) => {
    const { pValue, passed } = calibration.sbc.curves[d];
    const k = nearLevel(intervals[d]);
    return [
      named(parameter),
      short(prior.mean[d]),
      short(prior.sd[d]),
      ...(own ? [fixed(own[d], 3)] : []),
      ...(corrected ? [fixed(meanOf(corrected, d), 3)] : []),
      `${pValue < 0.001 ? "< 0.001" : fixed(pValue, 3)}${passed ? "" : " ✗"}`,
      `${percent(intervals[d].observed[k])}${intervals[d].passed ? "" : " ✗"}`,
    ];
  });
  const level = intervals.length > 0 ? percent(intervals[0].expected[nearLevel(intervals[0])]) : "90 %";
  const titles = [
    "parameter",
    "prior mean",
    "prior sd",
    ...(own ? ["KS"] : []),
    ...(corrected ? ["KS corrected"] : []),
    "p of ranks",
    `coverage of ${level}`,
  ];
  const words =
    "A right posterior has p of ranks spread evenly over [0, 1]; ✗ marks what lies outside of its bands, at any level and not only at this one.";
  return `${paragraph(words)}<div class="wide">${table({ titles, rows })}</div>`;
}

export const parameters: Section = { id: "parameters", title: "All parameters", body };
