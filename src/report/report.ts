/**
 * The report of an evaluation: one HTML file for phones, large screens and paper, light and dark. The verdict comes first, in
 * words, and then the results behind it.
 */
import type { Evaluation } from "../evaluate/evaluation.ts";
import { covering, ranks } from "./sections/calibration.ts";
import { cards, pairPlots } from "./sections/cases.ts";
import { comparison } from "./sections/comparison.ts";
import { limits } from "./sections/limits.ts";
import { training } from "./sections/losses.ts";
import { made } from "./sections/made.ts";
import { parameters } from "./sections/parameters.ts";
import type { Section } from "./sections/section.ts";
import { tilesHtml, verdictHtml } from "./sections/verdict.ts";
import { weighing } from "./sections/weights.ts";
import { REPORT_CSS } from "./style.ts";
import { THEME } from "./svg.ts";
import { escapeText } from "./text.ts";

const SECTIONS: readonly Section[] = [
  cards,
  pairPlots,
  comparison,
  ranks,
  covering,
  weighing,
  training,
  parameters,
  limits,
  made,
];

const sentence = (text: string): string =>
  text === "" ? "" : `${text[0].toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;

/** The HTML of a report. It includes all pictures, loads nothing and runs no script. */
export function reportHtml(evaluation: Evaluation): string {
  const { problem, description, model } = evaluation;
  const filled = SECTIONS.flatMap(({ id, title, body }) => {
    const html = body(evaluation);
    return html === null ? [] : [{ id, title, html }];
  });
  const links = filled.map(({ id, title }) => `<li><a href="#${id}">${escapeText(title)}</a></li>`);
  const sections = filled.map(
    ({ id, title, html }) =>
      `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${escapeText(title)}</h2>\n${html}</section>`,
  );
  const guide = `The guide, ${model.guide.name}, was trained by ${model.training.objective.toUpperCase()}.`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeText(problem)}: can this model be believed?</title><style>${THEME}${REPORT_CSS}</style></head><body><main>
<header class="top"><p class="kind">Retrodict evaluation</p><h1>${escapeText(problem)}: can this model be believed?</h1>
<p>${escapeText(`${sentence(description)} ${guide}`.trim())}</p></header>
${verdictHtml(evaluation)}
${tilesHtml(evaluation)}
<nav aria-label="Contents"><ul>${links.join("")}</ul></nav>
${sections.join("\n")}
</main></body></html>
`;
}
