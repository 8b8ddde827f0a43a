/** One HTML page with everything in it, pictures included, for large screens, phones and paper, light and dark. */
import { key } from "../../src/report/html.ts";
import { type Axis, pairs } from "../../src/report/pairs.ts";
import { fan, viewOf } from "../../src/report/pictures/fan.ts";
import { colour, markup, THEME } from "../../src/report/svg.ts";
import { escapeText, fixed, milliseconds as time } from "../../src/report/text.ts";
import { type Answer, placeOf } from "./answer.ts";
import { CSS } from "./style.ts";

export interface Report {
  readonly axes: readonly Axis[];
  readonly answers: readonly Answer[];
  /** Index of the answer whose pair plot is open. */
  readonly featured: number;
  /** How it was trained, in a few words. */
  readonly training: string;
  /** Milliseconds per observation: learned and exact. */
  readonly milliseconds: { readonly learned: number; readonly exact: number };
  /** The average KS statistic between two samples of one distribution. */
  readonly floor: number;
}

const LINES = { learned: 150, exact: 80 };

function tableOf({ truth, mean, sd, low, high, ks }: Answer, axes: readonly Axis[]): string {
  const rows = axes.map(({ name, unit }, d) => {
    const cells = [truth[d], mean[d], sd[d], low[d], high[d]].map((value) => `<td>${fixed(value)}</td>`);
    const title = escapeText(unit ? `${name} (${unit})` : name);
    return `<tr><th scope="row">${title}</th>${cells.join("")}<td>${fixed(ks[d], 3)}</td></tr>`;
  });
  const titles = ["parameter", "true", "mean", "sd", "5 %", "95 %", "KS"].map(
    (title) => `<th scope="col">${title}</th>`,
  );
  return `<table><thead><tr>${titles.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function card(answer: Answer, axes: readonly Axis[]): string {
  const view = viewOf([answer.learned, answer.exact], { height: 1.5 });
  const common = { view, target: answer.y };
  const learned = fan(answer.learned, { ...common, width: 320, colour: "learned", lines: LINES.learned });
  const exact = fan(answer.exact, { ...common, width: 190, colour: "exact", lines: LINES.exact, axes: false });
  const about = `postures whose end is ${placeOf(answer)}`;
  const figure = (name: "learned" | "exact", how: string, svg: Element): string =>
    `<figure style="--c:${colour(name)}"><figcaption><b>${name}</b>, ${how}</figcaption>
${markup(svg, `${name} posterior: ${about}`)}</figure>`;
  const [error, least] = [answer.resimulation.learned, answer.resimulation.exact].map((m) => fixed(100 * m, 1));
  return `<article><header><h3>${escapeText(answer.title)}</h3><span>${placeOf(answer)}</span></header>
<div class="fans">${figure("learned", "in one forward pass", learned)}${figure("exact", "by rejection", exact)}</div>
${tableOf(answer, axes)}
<p>On average the learned draws end ${error} cm from the true end point, exact draws ${least} cm.</p></article>`;
}

/** The page. */
export function page({ axes, answers, featured, training, milliseconds, floor }: Report): string {
  const all = answers.flatMap(({ ks }) => Array.from(ks));
  const ks = all.reduce((a, b) => a + b, 0) / all.length;
  const numbers = [
    ["for one posterior with 4096 draws", time(milliseconds.learned)],
    ["for 1000 exact draws by rejection", time(milliseconds.exact)],
    [
      `mean KS of these ${answers.length}, learned against exact; two exact samples give ${fixed(floor, 3)}`,
      fixed(ks, 3),
    ],
  ];
  const pairOf = (answer: Answer): string => {
    const about = `Pair plot of learned and exact posterior: ${answer.title}`;
    return `<div class="pairs">${markup(pairs(answer, axes), about)}</div>`;
  };
  const others = answers
    .filter((_, i) => i !== featured)
    .map((answer) => `<details><summary>${escapeText(answer.title)}</summary>${pairOf(answer)}</details>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Retrodict: where was the arm?</title><style>${THEME}${CSS}</style></head><body><main>
<h1>Which postures reach this point?</h1>
<p>An arm of three links slides up and down a rail. Only its end point was observed, to a centimetre. Each thin line is
a posture that explains the observation, drawn from the posterior that Retrodict learned from simulations alone.</p>
<dl>${numbers.map(([term, value]) => `<div><dt>${escapeText(term)}</dt><dd>${value}</dd></div>`).join("")}</dl>
<p>${escapeText(training)}.</p>
${key([
  [colour("learned"), "learned posterior"],
  [colour("exact"), "exact posterior"],
  [colour("ink"), "a mode"],
  ["", "observed end point", "ring"],
])}
<div class="cards">${answers.map((answer) => card(answer, axes)).join("\n")}</div>
<section><div><h2>${escapeText(answers[featured].title)}: every pair of parameters</h2>
<p>The learned draws are below the diagonal, the exact ones above it. If the learned posterior is right, the two sides
mirror each other. The ring and the dashed line mark the parameters that the observation was simulated from.</p>
${key([
  [colour("prior"), "prior", "block"],
  [colour("learned"), "learned"],
  [colour("exact"), "exact"],
  ["", "true parameters", "ring"],
])}</div>
${pairOf(answers[featured])}</section>
${others.join("\n")}
</main></body></html>
`;
}
