/** The picture of the README: a row of learned fans above the same observations' exact ones, as one SVG. */
import type { Answer } from "./answer.ts";
import { fan, viewOf } from "./fan.ts";
import { colour, compose, element, label, markup, THEME } from "./svg.ts";

const PANEL = 205;
const GAP = 10;
const LEFT = 26;
const HEAD = 30;
const ROWS = ["learned", "exact"] as const;
const CAPTIONS = { learned: "learned, one forward pass", exact: "exact, by rejection" };

export function picture(answers: readonly Answer[], lines = 90): string {
  const views = answers.map(({ learned, exact }) => viewOf([learned, exact]));
  const tallest = Math.max(...views.map(({ y }) => y[1] - y[0]));
  const fans = ROWS.map((name) =>
    answers.map((answer) => {
      const view = viewOf([answer.learned, answer.exact], tallest);
      return fan(answer[name], { view, width: PANEL, colour: name, lines, target: answer.y, axes: false });
    }),
  );
  const panel = Number(fans[0][0].getAttribute("height"));
  const left = (i: number): number => LEFT + i * (PANEL + GAP);
  const top = (row: number): number => HEAD + row * (panel + GAP);
  const [width, height] = [left(answers.length), top(ROWS.length)];
  const made = compose(
    width,
    height,
    fans.flatMap((row, r) => row.map((part, i) => [part, left(i), top(r)] as const)),
  );
  const style = element("style", {});
  const names = answers.map(({ title }, i) =>
    label(title, {
      x: left(i) + PANEL / 2,
      y: 20,
      "text-anchor": "middle",
      "font-size": 13,
      "font-weight": 600,
      fill: colour("ink"),
    }),
  );
  const captions = ROWS.map((name, r) =>
    label(CAPTIONS[name], {
      transform: `translate(17 ${top(r) + panel / 2}) rotate(-90)`,
      "text-anchor": "middle",
      "font-size": 13,
      "font-weight": 600,
      fill: colour(name),
    }),
  );
  made.prepend(element("rect", { width, height, rx: 10, fill: colour("paper") }));
  made.append(...names, ...captions);
  const text = markup(made, "Fans of arms that explain four observations: learned posteriors above, exact ones below");
  style.textContent = THEME;
  return text.replace(/>/, `><style>${THEME}</style>`);
}
