/** The picture of the README: a row of learned fans above the same observations' exact ones, as one SVG. */
import { fan, viewOf } from "../../src/report/pictures/fan.ts";
import { colour, compose, element, label, markup, THEME } from "../../src/report/svg.ts";
import type { Answer } from "./answer.ts";

const PANEL = 205;
const GAP = 10;
const [LEFT, HEAD, FOOT] = [30, 32, 26];
const ROWS = ["learned", "exact"] as const;
const CAPTIONS = { learned: "learned, in one pass", exact: "exact, by rejection" };
const KEY =
  "ring: where the end of the arm was observed · thin lines: draws from the posterior · thick line: a mode · grid: 0.5 m";

/** The fans of all answers, `lines` draws each, learned above exact; dark where the screen is. */
export function picture(answers: readonly Answer[], lines = 90): string {
  const views = answers.map(({ learned, exact }) => viewOf([learned, exact]));
  const height = Math.max(...views.map(({ y: [low, high] }) => high - low));
  const left = Math.min(...views.map(({ x }) => x[0]));
  const fans = ROWS.map((name) =>
    answers.map((answer) => {
      const view = viewOf([answer.learned, answer.exact], { height, left });
      return fan(answer[name], { view, width: PANEL, colour: name, lines, target: answer.y, axes: false });
    }),
  );
  const panel = Number(fans[0][0].getAttribute("height"));
  const leftOf = (i: number): number => LEFT + i * (PANEL + GAP);
  const top = (row: number): number => HEAD + row * (panel + GAP);
  const [width, bottom] = [leftOf(answers.length), top(ROWS.length) + FOOT];
  const places = fans.flatMap((row, r) => row.map((part, i) => [part, leftOf(i), top(r)] as const));
  const made = compose(width, bottom, places);
  const bold = { "text-anchor": "middle", "font-size": 13, "font-weight": 600 };
  const titles = answers.map(({ title }, i) =>
    label(title, { x: leftOf(i) + PANEL / 2, y: 21, ...bold, fill: colour("ink") }),
  );
  const captions = ROWS.map((name, r) =>
    label(CAPTIONS[name], {
      transform: `translate(19 ${top(r) + panel / 2}) rotate(-90)`,
      ...bold,
      fill: colour(name),
    }),
  );
  const key = label(KEY, {
    x: width / 2,
    y: bottom - 13,
    ...bold,
    "font-size": 11.5,
    "font-weight": 400,
    fill: colour("quiet"),
  });
  made.prepend(element("rect", { width, height: bottom, rx: 10, fill: colour("paper") }));
  made.append(...titles, ...captions, key);
  const text = markup(
    made,
    "Fans of arm postures that explain four observations: learned posteriors above, exact ones below",
  );
  return text.replace(">", `><style>${THEME}</style>`);
}
