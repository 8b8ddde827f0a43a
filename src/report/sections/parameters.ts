/** All parameters in one table. */
import type { Evaluation } from "../../evaluate/evaluation.ts";
import { paragraph, table } from "../html.ts";
import { fixed, named, percent, tick } from "../text.ts";
import { meanKs, type Section } from "./section.ts";
import { nearLevel } from "./verdict.ts";

function body(evaluation: Evaluation): string {
  const { model, prior, ks, calibration } = evaluation;
  const own = ks && meanKs(ks.guide);
  const corrected = ks?.corrected ? meanKs(ks.corrected) : null;
  const [, ...intervals] = calibration.coverage.curves;
  const rows = model.parameters.map((parameter, d) => {
    const { pValue, passed } = calibration.sbc.curves[d];
    const k = nearLevel(intervals[d]);
    return [
      named(parameter),
      `${tick(prior.mean[d], 3)} ± ${tick(prior.sd[d], 3)}`,
      ...(own ? [fixed(own[d], 3)] : []),
      ...(corrected ? [fixed(corrected[d], 3)] : []),
      `${pValue < 0.001 ? "< 0.001" : fixed(pValue, 3)}${passed ? "" : " ✗"}`,
      `${percent(intervals[d].observed[k])}${intervals[d].passed ? "" : " ✗"}`,
    ];
  });
  const level = intervals.length > 0 ? percent(intervals[0].expected[nearLevel(intervals[0])]) : "90 %";
  const titles = [
    "parameter",
    "prior",
    ...(own ? ["KS"] : []),
    ...(corrected ? ["KS corrected"] : []),
    "SBC p",
    `${level} interval`,
  ];
  const words = `The prior is given by its mean and standard deviation${own ? ", KS by its mean over the cases" : ""}. SBC p is the probability that a correct posterior has ranks at least as far from uniform. The last column is the share of central ${level} intervals that contain the true value. ✗ marks values outside their bands, at this level or any other.`;
  return `${paragraph(words)}<div class="wide">${table({ titles, rows })}</div>`;
}

export const parameters: Section = { id: "parameters", title: "All parameters", body };
