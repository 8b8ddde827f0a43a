/** The head of the report: the verdict in words, and its numbers. */
import type { BandedCurve, Evaluation } from "../../evaluate/evaluation.ts";
import type { Level } from "../../model/calibration-record.ts";
import { mark } from "../html.ts";
import { count, escapeText, fixed, milliseconds, percent } from "../text.ts";

/** Word, colour and shape of each level. */
const LEVELS: Readonly<Record<Level, { readonly word: string; readonly hue: string; readonly icon: string }>> = {
  sound: { word: "Sound", hue: "good", icon: '<circle cx="12" cy="12" r="10"/><path d="M7 12.5l3.5 3.5L17 8.5"/>' },
  correct: {
    word: "Sound when corrected",
    hue: "fair",
    icon: '<path d="M12 2.5L22.5 21h-21z" stroke-linejoin="round"/><path d="M12 9.5v5.5M12 17.6v.6"/>',
  },
  doubtful: {
    word: "Doubtful",
    hue: "bad",
    icon: '<path d="M8 2h8l6 6v8l-6 6H8l-6-6V8z" stroke-linejoin="round"/><path d="M8.5 8.5l7 7M15.5 8.5l-7 7"/>',
  },
};

/** The verdict. Where it is doubtful, findings in favour have no green tick. */
export function verdictHtml({ verdict }: Evaluation): string {
  const { word, hue, icon } = LEVELS[verdict.level];
  const findings = verdict.findings.map(
    ({ good, text }) => `<li>${good && hue === "bad" ? NEUTRAL : mark(good)}<span>${escapeText(text)}</span></li>`,
  );
  const drawn = `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true">${icon}</svg>`;
  return `<section id="verdict" class="verdict ${hue}" aria-labelledby="verdict-title">
<h2 id="verdict-title">${drawn}<span>${escapeText(word)}</span></h2>
<p class="headline">${escapeText(verdict.headline)}</p>
<ul>${findings.join("")}</ul></section>`;
}

const NEUTRAL = '<span class="mark" role="img" aria-label="no fault found">○</span>';

const LEVEL = 0.9;
/** The level of a curve that is nearest to 90 %. */
export const nearLevel = ({ expected }: BandedCurve): number =>
  expected.reduce((best, p, k) => (Math.abs(p - LEVEL) < Math.abs(expected[best] - LEVEL) ? k : best), 0);

type Tile = readonly [value: string, words: string];

function tiles(evaluation: Evaluation): Tile[] {
  const { ks, weights, calibration, milliseconds: ms, model, resimulation, warned, cases, against } = evaluation;
  const found: (Tile | null)[] = [];
  if (ks !== null) {
    const floor = `two exact samples: ${fixed(ks.guide.floor, 3)}`;
    found.push([fixed(ks.guide.mean, 3), `mean KS of the guide; ${floor}`]);
    if (ks.corrected) found.push([fixed(ks.corrected.mean, 3), "mean KS, corrected by importance weights"]);
  }
  if (weights !== null) found.push([percent(weights.above), `of ${cases} cases have k̂ > 0.7`]);
  const [density] = calibration.coverage.curves;
  if (density !== undefined && density.expected.length > 0) {
    const k = nearLevel(density);
    const band = `if correct: ${percent(density.low[k])} to ${percent(density.high[k])}`;
    found.push([
      percent(density.observed[k]),
      `of ${percent(density.expected[k])} regions contain the true parameters; ${band}`,
    ]);
  }
  found.push([
    percent(calibration.foreign.beyondAll),
    `of fresh observations are farther than all held-out ones; infer warns in ${percent(warned)} of the cases`,
  ]);
  if (resimulation !== null) {
    const least = Number.isFinite(resimulation.truth) ? `; of the reference: ${fixed(resimulation.truth)}` : "";
    found.push([fixed(resimulation.guide), `noise sd: rms error of re-simulated data${least}`]);
  }
  const slow = against.name !== "none" && ms.truth > 0 ? `; the reference took ${milliseconds(ms.truth)}` : "";
  found.push([milliseconds(ms.infer), `for one posterior${slow}`]);
  found.push([milliseconds(1000 * model.training.seconds), `of training, ${count(model.training.steps)} steps`]);
  return found.filter((tile) => tile !== null);
}

/** The numbers as tiles. */
export const tilesHtml = (evaluation: Evaluation): string =>
  `<dl>${tiles(evaluation)
    .map(([value, words]) => `<div><dt>${escapeText(words)}</dt><dd>${escapeText(value)}</dd></div>`)
    .join("")}</dl>`;
