/** A page that holds a model (src/element/page.ts runs in it): one HTML file with its script, kernels and model. */
import type { CalibrationRecord } from "../model/calibration-record.ts";
import type { InverseMap } from "../model/model.ts";
import type { Parameter } from "../problem/problem.ts";
import { BASE_CSS } from "./style.ts";
import { THEME } from "./svg.ts";
import { escapeText, named } from "./text.ts";

export interface PageParts {
  readonly map: InverseMap;
  readonly description: string;
  /** Names of the data (M). */
  readonly names: readonly Parameter[];
  /** A first observation (M). */
  readonly data: readonly number[];
  /** Ends of the sliders, one for each of the data; null for a page without. */
  readonly ranges: readonly (readonly [number, number])[] | null;
  /** Compressed by gzip, in base 64. */
  readonly kernels: string;
  readonly model: string;
  /** The script, dist/page.js. */
  readonly script: string;
}

const CSS = `
body{font-variant-numeric:tabular-nums}
main{max-width:60rem}
.inputs{display:grid;gap:.1rem 1.5rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));margin:.5rem 0}
.inputs label{display:grid;grid-template-columns:6rem 1fr 5rem;gap:.5rem;align-items:center;font-size:.9rem;overflow-wrap:anywhere}
.inputs output{text-align:right}
input[type=range]{width:100%;accent-color:var(--learned)}
textarea{width:100%;font:inherit;color:inherit;background:var(--card);border:1px solid var(--quiet);border-radius:.4rem;padding:.4rem .6rem}
button{font:inherit;color:inherit;background:none;border:1px solid var(--quiet);border-radius:.4rem;padding:.25rem .7rem}
:focus-visible{outline:3px solid var(--learned);outline-offset:2px}
#said{min-height:1.5em;color:var(--bad)}
retrodict-posterior{min-height:14rem;margin:1rem 0;--retrodict-guide:var(--learned);--retrodict-line:var(--line)}
`;

/** What the evaluation of the model has found, in words; says so where there was none. */
function verdict(record: CalibrationRecord | undefined): string {
  if (record === undefined)
    return "<p>This model has not been evaluated: nothing is known of how far it can be trusted.</p>";
  const { headline, findings } = record.verdict;
  const items = findings.map(({ good, text }) => `<li>${good ? "✓" : "✗"} ${escapeText(text)}</li>`);
  return `<p><b>${escapeText(headline)}</b></p><ul>${items.join("")}</ul>`;
}

/** A text that may stand in a script element: nothing in it ends the element. */
const inScript = (text: string): string => text.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");

/** The HTML of the page. */
export function pageHtml({ map, description, names, data, ranges, kernels, model, script }: PageParts): string {
  const { problem, M, calibration } = map.spec;
  const slider = (m: number): string => {
    const [low, high] = (ranges as NonNullable<typeof ranges>)[m];
    const step = (high - low) / 400;
    return `<label>${escapeText(named(names[m]))}<input type="range" min="${low}" max="${high}" step="${step}"><output></output></label>`;
  };
  const sliders = ranges === null ? "" : Array.from({ length: M }, (_, m) => slider(m)).join("\n");
  const about = JSON.stringify({ data }).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeText(problem)}: posterior of a measurement</title><style>${THEME}${BASE_CSS}${CSS}</style></head><body><main>
<h1>${escapeText(problem)}</h1><p>${escapeText(description)}</p>
<section aria-label="Measurement"><h2>Measurement</h2><div class="inputs" id="sliders">${sliders}</div>
<label for="data">All ${M} data, separated by commas; or drop a CSV file here</label><textarea id="data" rows="2" spellcheck="false"></textarea>
<p><label>CSV file <input id="file" type="file" accept=".csv,.txt"></label> <button id="link" type="button">Copy link</button></p>
<p id="said" role="status"></p></section>
<section aria-label="Posterior"><h2>What explains it</h2><retrodict-posterior id="posterior" kernels="plain" draws="1000"></retrodict-posterior></section>
<section aria-label="Trust"><h2>Can it be believed?</h2>${verdict(calibration)}
<p>The page computes by itself, without a server. A link to it holds the data, and gives the same draws, bit for bit.</p></section>
</main>
<script id="about" type="application/json">${about}</script>
<script id="kernels" type="text/plain">${kernels}</script>
<script id="model" type="text/plain">${model}</script>
<script type="module">${inScript(script)}</script>
</body></html>
`;
}
