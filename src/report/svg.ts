/** Shared by all plots: a document that makes SVG without a browser, colours, a mark of many dots, and small files. */
import type { Markish } from "@observablehq/plot";
import { parseHTML } from "linkedom";

export const document: Document = parseHTML("<!doctype html><html><body></body></html>").document;

const SVG = "http://www.w3.org/2000/svg";

/** Colours for every kind of colour vision: blue and orange differ in lightness too, and other colours never carry meaning alone. */
const LIGHT = {
  paper: "#ffffff",
  card: "#f6f7f9",
  ink: "#1b2430",
  quiet: "#5c6773",
  line: "#d9dee4",
  learned: "#0a66b0",
  exact: "#c2570c",
  prior: "#dfe4ea",
  corrected: "#a3307f",
  good: "#19703f",
  fair: "#8a5a00",
  bad: "#b3261e",
};
const DARK: typeof LIGHT = {
  paper: "#12161b",
  card: "#1a2028",
  ink: "#eceff3",
  quiet: "#a3aeba",
  line: "#343d48",
  learned: "#66b6ff",
  exact: "#ff9d4d",
  prior: "#2f3843",
  corrected: "#ff8fd0",
  good: "#6bd79f",
  fair: "#f0c050",
  bad: "#ff8f86",
};

const rules = (theme: Record<string, string>): string =>
  Object.entries(theme)
    .map(([name, value]) => `--${name}:${value}`)
    .join(";");

/** The colours as CSS variables of the root, for light and dark screens; paper is light. */
export const THEME = `:root{${rules(LIGHT)};color-scheme:light dark}
@media screen and (prefers-color-scheme:dark){:root{${rules(DARK)}}}`;

export type Colour = keyof typeof LIGHT;
export const colour = (name: Colour): string => `var(--${name})`;

/** A new SVG element with attributes. */
export function element(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

interface DotOptions {
  readonly fill: string;
  readonly radius: number;
  readonly opacity?: number;
}

/** Dots at (x_i, y_i), in units of the scales, as one path, which takes a tenth of the space of circles. */
export function dots(x: ArrayLike<number>, y: ArrayLike<number>, { fill, radius, opacity = 1 }: DotOptions): Markish {
  return (_index, { scales, x: toX, y: toY }) => {
    if (!toX || !toY) throw new Error("dots: expected a plot with scales x and y");
    const inside = (value: number, name: "x" | "y"): boolean => {
      const [low, high] = scales[name]?.domain ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
      return value >= low && value <= high;
    };
    let d = "";
    for (let i = 0; i < x.length; i++) {
      if (inside(x[i], "x") && inside(y[i], "y")) d += `M${toX(x[i]).toFixed(1)} ${toY(y[i]).toFixed(1)}h0`;
    }
    const style = { fill: "none", stroke: fill, "stroke-width": 2 * radius, "stroke-linecap": "round" };
    return element("path", { d, ...style, "stroke-opacity": opacity });
  };
}

/** An SVG that contains others, each at its place. */
export function compose(
  width: number,
  height: number,
  parts: readonly (readonly [Element, number, number])[],
): SVGElement {
  const made = element("svg", { width, height, viewBox: `0 0 ${width} ${height}`, fill: "currentColor" });
  for (const [part, x, y] of parts) {
    part.setAttribute("x", String(x));
    part.setAttribute("y", String(y));
    made.append(part);
  }
  return made;
}

/** A line of text for `compose`. */
export function label(text: string, attributes: Record<string, string | number> = {}): SVGElement {
  const made = element("text", { "font-family": "system-ui, sans-serif", "text-anchor": "start", ...attributes });
  made.textContent = text;
  return made;
}

/** Markup of an SVG: coordinates to a tenth of a pixel, without the styles that Plot adds. */
export function markup(svg: Element, description: string): string {
  for (const style of svg.querySelectorAll("style")) style.remove();
  for (const part of [svg, ...svg.querySelectorAll("svg")]) part.removeAttribute("class");
  svg.setAttribute("xmlns", SVG);
  svg.setAttribute("overflow", "visible"); // the last number of an axis extends past its end
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", description);
  const places = /\s(d|x|y|x1|x2|y1|y2|cx|cy|transform)="([^"]*)"/g;
  return svg.outerHTML.replace(places, (_all, name: string, value: string) => {
    const short = value.replace(/-?\d+\.\d{2,}/g, (number) => String(Math.round(Number(number) * 10) / 10));
    return ` ${name}="${short}"`;
  });
}
