/** Single cases: the problem's own picture and the numbers of each, then pair plots. */
import type { Evaluation, Example } from "../../evaluate/evaluation.ts";
import { columnOf } from "../../numbers/moments.ts";
import { figure, GUIDE_KEY, key, paragraph, TRUE_KEY, table, truthKey } from "../html.ts";
import { type Axis, pairs } from "../pairs.ts";
import { pictureOf } from "../pictures/table.ts";
import { colour, markup } from "../svg.ts";
import { escapeText, fixed, named, percent, short } from "../text.ts";
import { type Section, selectParameters, TRUTH_NAMES } from "./section.ts";

/** Most parameters of a pair plot. */
const MOST_PAIRED = 6;
/** Most rows of a card's table. */
const MOST_ROWS = 12;
/** Draws in a panel, by the number of panels. */
const POINTS = { few: 400, many: 220 };

const titleOf = ({ title, index }: Example): string =>
  `${title.replace(/^./, (c) => c.toUpperCase())}, number ${index + 1}`;

/** KS, k̂ and distance of a case, those that it has. */
function numbersOf({ ks, kHat, farther }: Example): string {
  const parts = [
    ...(ks === null ? [] : [`mean KS ${fixed(ks, 3)}`]),
    ...(kHat === null ? [] : [`k̂ ${short(kHat)}`]),
    farther > 0 ? `${percent(farther)} of the held-out data are farther` : "farther than all held-out data",
  ];
  return parts.join(" · ");
}

function numbersTable({ theta, mean, sd, q05, q95 }: Example, evaluation: Evaluation): string {
  const { shown, note } = selectParameters(evaluation, MOST_ROWS);
  const rows = shown.map((d) => [
    named(evaluation.model.parameters[d]),
    ...[theta[d], mean[d], sd[d], q05[d], q95[d]].map(short),
  ]);
  const titles = ["parameter", "true", "mean", "sd", "5 %", "95 %"];
  return table({ titles, rows }) + (note && paragraph(note));
}

function cardsBody(evaluation: Evaluation): string | null {
  const { examples, against } = evaluation;
  if (examples.length === 0) return null;
  const picture = pictureOf(evaluation);
  const truthName = TRUTH_NAMES[against.name];
  const cards = examples.map((example) => {
    const figures = picture?.draw(example, truthName).map(figure) ?? [];
    const drawn = figures.length === 0 ? "" : `<div class="drawn">${figures.join("")}</div>`;
    return `<article><header><h3>${escapeText(titleOf(example))}</h3></header><p>${escapeText(numbersOf(example))}</p>
${drawn}${numbersTable(example, evaluation)}</article>`;
  });
  const compared = examples.some(({ truth }) => truth !== null);
  const words = picture
    ? `<h3>${escapeText(picture.title)}</h3>${paragraph(picture.text)}${key([
        GUIDE_KEY,
        ...(compared ? [truthKey(truthName)] : []),
        ...picture.key,
      ])}`
    : "";
  return `${paragraph(
    `These fresh cases are shown: ${examples.map(({ title }) => title).join(", ")}. Mean, standard deviation and quantiles are those of the guide.`,
  )}${words}<div class="cards">${cards.join("\n")}</div>`;
}

function pairsBody(evaluation: Evaluation): string | null {
  const { examples, model, prior, against } = evaluation;
  if (examples.length === 0) return null;
  const { shown, note } = selectParameters(evaluation, MOST_PAIRED);
  const axes: Axis[] = shown.map((d) => ({
    ...model.parameters[d],
    prior: { draws: columnOf(prior.draws, model.D, d) },
  }));
  const picked = (draws: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: (draws.length / model.D) * shown.length }, (_, k) => {
      const [s, c] = [Math.floor(k / shown.length), k % shown.length];
      return draws[s * model.D + shown[c]];
    });
  const truthName = TRUTH_NAMES[against.name];
  const plots = examples.map((example, i) => {
    const { guide, truth, theta } = example;
    const of = { learned: picked(guide), exact: truth && picked(truth), truth: shown.map((d) => theta[d]) };
    const plot = pairs(of, axes, { width: 460, points: shown.length > 4 ? POINTS.many : POINTS.few });
    const about = `Pair plot of prior, guide${truth ? ` and ${truthName}` : ""}: ${titleOf(example)}`;
    return `<details${i === 0 ? " open" : ""}><summary>${escapeText(titleOf(example))}</summary>
<div class="pairs n${shown.length}">${markup(plot, escapeText(about))}</div></details>`;
  });
  const compared = examples.some(({ truth }) => truth !== null);
  const words = compared
    ? "Draws of the guide are below the diagonal, those of the reference posterior above it: if the guide is right, the two sides mirror each other."
    : "Draws of the guide are below the diagonal.";
  return `${paragraph(`${shown.length > 1 ? `${words} A ring and dashed lines mark` : "The dashed line marks"} the true parameters, from which the data were simulated. ${note}`)}${key(
    [[colour("prior"), "prior", "block"], GUIDE_KEY, ...(compared ? [truthKey(truthName)] : []), TRUE_KEY],
  )}${plots.join("\n")}`;
}

export const cards: Section = { id: "cases", title: "Cases to look at", body: cardsBody };
export const pairPlots: Section = { id: "pairs", title: "Every pair of parameters", body: pairsBody };
