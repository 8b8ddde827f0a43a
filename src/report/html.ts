/** Pieces of the report's HTML. They escape their texts. */
import { colour, markup } from "./svg.ts";
import { escapeText } from "./text.ts";

/** A key to colours: colour, words, and the shape of its mark. */
export function key(entries: readonly (readonly [colour: string, words: string, shape?: string])[]): string {
  const items = entries.map(
    ([hue, words, shape = ""]) => `<li><i class="${shape}" style="--c:${hue}"></i>${escapeText(words)}</li>`,
  );
  return `<ul class="key">${items.join("")}</ul>`;
}

/** Guide and reference in the key of every picture. */
export const GUIDE_KEY = [colour("learned"), "guide"] as const;
export const truthKey = (truth: string): readonly [string, string] => [colour("exact"), truth];
export const TRUE_KEY = ["", "true parameters", "ring"] as const;

/** A mark that differs in shape as well as in colour, with a word for screen readers. */
export const mark = (good: boolean): string =>
  `<span class="mark ${good ? "good" : "bad"}" role="img" aria-label="${good ? "good" : "bad"}">${good ? "✓" : "✗"}</span>`;

export interface FigureParts {
  readonly title: string;
  /** What it shows, in words. */
  readonly reading?: string;
  /** Whether its result is good; without one it has no mark. */
  readonly good?: boolean;
  readonly plots: readonly Element[];
  /** For screen readers; one for all plots. */
  readonly description: string;
  /** Colour of the title. */
  readonly hue?: string;
}

/** Plots under one another with a caption above. */
export function figure({ title, reading, good, plots, description, hue }: FigureParts): string {
  const sign = good === undefined ? "" : `${mark(good)} `;
  const said = reading === undefined ? "" : `<span>${sign}${escapeText(reading)}</span>`;
  const pictures = plots.map((plot, i) => {
    const words = plots.length > 1 ? `${description} (${i + 1} of ${plots.length})` : description;
    return markup(plot, escapeText(words));
  });
  const style = hue === undefined ? "" : ` style="--c:${hue}"`;
  return `<figure${style}><figcaption><b>${escapeText(title)}</b>${said}</figcaption>${pictures.join("")}</figure>`;
}

/** Figures side by side. */
export const panels = (figures: readonly string[], size: "large" | "small"): string =>
  `<div class="panels ${size}">${figures.join("\n")}</div>`;

export interface TableParts {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly caption?: string;
  /** "words": cells are sentences, aligned to the left. */
  readonly of?: "numbers" | "words";
}

/** A table whose first column names its rows. */
export function table({ titles, rows, caption, of = "numbers" }: TableParts): string {
  const head = titles.map((title) => `<th scope="col">${escapeText(title)}</th>`).join("");
  const body = rows.map(([name, ...cells]) => {
    const rest = cells.map((cell) => `<td>${escapeText(cell)}</td>`).join("");
    return `<tr><th scope="row">${escapeText(name)}</th>${rest}</tr>`;
  });
  const top = caption === undefined ? "" : `<caption>${escapeText(caption)}</caption>`;
  const titled = titles.length === 0 ? "" : `<thead><tr>${head}</tr></thead>`;
  return `<table class="${of}">${top}${titled}<tbody>${body.join("")}</tbody></table>`;
}

export const paragraph = (text: string): string => `<p>${escapeText(text)}</p>`;
