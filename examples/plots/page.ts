/** One HTML page that holds everything, pictures included: for a large screen, a phone and paper, light and dark. */
import { type Answer, fixed, placeOf } from "./answer.ts";
import { fan, viewOf } from "./fan.ts";
import { type Axis, pairs } from "./pairs.ts";
import { colour, markup, THEME } from "./svg.ts";

export interface Report {
  readonly axes: readonly Axis[];
  readonly answers: readonly Answer[];
  /** Index of the answer whose pair plot is open. */
  readonly featured: number;
  /** How it was trained, in a few words. */
  readonly training: string;
  /** Milliseconds that one observation took: learned and exact. */
  readonly milliseconds: { readonly learned: number; readonly exact: number };
  /** What the KS statistic is on average between two samples of one distribution. */
  readonly floor: number;
}

const LINES = { learned: 150, exact: 80 };

const CSS = `
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:68rem;margin:0 auto;padding:2rem 1rem 3rem}
h1{font-size:clamp(1.6rem,5vw,2.4rem);line-height:1.15;margin:0 0 .5rem;letter-spacing:-.02em;text-wrap:balance}
h2{font-size:1.3rem;margin:2.5rem 0 .25rem}
h3{font-size:1.05rem;margin:0;line-height:1.3}
p{margin:.25rem 0 1rem;max-width:44rem;color:var(--quiet)}
svg{display:block;width:100%;height:auto}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:1rem;margin:1.5rem 0}
dt{font-size:.85rem;color:var(--quiet);line-height:1.35}
dd{margin:0;font-size:1.6rem;font-weight:650;letter-spacing:-.01em}
dl div{display:flex;flex-direction:column-reverse;justify-content:flex-end;border-top:2px solid var(--line);padding-top:.5rem}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:0 0 1rem;padding:0;list-style:none;font-size:.9rem;color:var(--quiet)}
.key li{display:flex;align-items:center;gap:.45rem}
.key i{width:1.25rem;height:.3rem;border-radius:1rem;background:var(--c)}
.key .ring{width:.9rem;height:.9rem;background:none;border:2px solid var(--ink)}
.key .block{height:.8rem;border-radius:.15rem}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
article{display:flex;flex-direction:column;background:var(--card);border-radius:.9rem;padding:1rem;--paper:var(--card);break-inside:avoid}
article header{display:flex;justify-content:space-between;gap:1rem;align-items:baseline;margin-bottom:.5rem}
article header span{font-size:.85rem;color:var(--quiet);white-space:nowrap}
.fans{display:grid;grid-template-columns:5fr 3fr;gap:.75rem;align-items:end;margin-bottom:.75rem}
figure{margin:0;min-width:0}
figcaption{font-size:.8rem;color:var(--quiet);margin-bottom:.25rem;line-height:1.3}
figcaption b{color:var(--c)}
.fans text{font-size:11px}
table{border-collapse:collapse;width:100%;font-size:.8rem;margin-top:auto;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--quiet)}
th,td{text-align:right;padding:.2rem 0 .2rem .4rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child{text-align:left;padding-left:0}
thead th{font-size:.75rem}
article p{font-size:.8rem;margin:.6rem 0 0}
section{margin:2.5rem 0 1.5rem}
section h2{margin-top:0}
.pairs{max-width:46rem;margin:1rem 0}
@media(min-width:60rem){section{display:grid;grid-template-columns:1fr 44rem;gap:2rem}section .pairs{margin:0}section .key{flex-direction:column}}
.pairs text{font-size:10px}
.pairs svg svg text{font-size:9px}
details{border-top:1px solid var(--line);padding:.6rem 0}
summary{cursor:pointer;font-weight:600}
@media(min-width:40rem){.pairs text{font-size:7.5px}.pairs svg svg text{font-size:6.5px}}
@media(max-width:40rem){
main{padding:1.25rem .75rem 2rem}
article{padding:.75rem}
.fans{grid-template-columns:1fr}
.fans figure+figure{width:62%}
table{font-size:.72rem}
th,td{padding-left:.25rem}
}
@page{margin:14mm}
@media print{
main{max-width:none;padding:0}
body{font-size:11px}
.key i,article{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.cards{grid-template-columns:1fr 1fr}
.fans text{font-size:12px}
section{display:block;break-before:page}
.pairs{max-width:none}
h2{break-after:avoid}
details:not([open]){display:none}
}
`;

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeText = (text: string): string => text.replace(/[&<>"]/g, (character) => escapes[character]);
const time = (ms: number): string =>
  ms < 10 ? `${fixed(ms, 1)} ms` : ms < 1000 ? `${fixed(ms, 0)} ms` : `${fixed(ms / 1000, 1)} s`;

function tableOf({ truth, mean, sd, low, high, ks }: Answer, axes: readonly Axis[]): string {
  const rows = axes.map(({ name, unit }, d) => {
    const cells = [truth[d], mean[d], sd[d], low[d], high[d]].map((value) => `<td>${fixed(value)}</td>`);
    return `<tr><th scope="row">${escapeText(unit ? `${name} (${unit})` : name)}</th>${cells.join("")}<td>${fixed(ks[d], 3)}</td></tr>`;
  });
  const titles = ["parameter", "true", "mean", "sd", "5 %", "95 %", "KS"].map(
    (title) => `<th scope="col">${title}</th>`,
  );
  return `<table><thead><tr>${titles.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function card(answer: Answer, axes: readonly Axis[]): string {
  const view = viewOf([answer.learned, answer.exact], 1.5);
  const common = { view, target: answer.y };
  const learned = fan(answer.learned, { ...common, width: 320, colour: "learned", lines: LINES.learned });
  const exact = fan(answer.exact, { ...common, width: 190, colour: "exact", lines: LINES.exact, axes: false });
  const about = `arms whose end is ${placeOf(answer)}`;
  const { resimulation } = answer;
  return `<article><header><h3>${escapeText(answer.title)}</h3><span>${placeOf(answer)}</span></header>
<div class="fans"><figure style="--c:${colour("learned")}"><figcaption><b>learned</b>, in one forward pass</figcaption>${markup(learned, `Learned posterior: ${about}`)}</figure>
<figure style="--c:${colour("exact")}"><figcaption><b>exact</b>, by rejection</figcaption>${markup(exact, `Exact posterior: ${about}`)}</figure></div>
${tableOf(answer, axes)}
<p>The drawn arms end ${fixed(100 * resimulation.learned, 1)} cm from the true end point on average, exact ones ${fixed(100 * resimulation.exact, 1)} cm.</p></article>`;
}

const key = (entries: readonly (readonly [string, string, string?])[]): string =>
  `<ul class="key">${entries.map(([name, text, kind = ""]) => `<li><i class="${kind}" style="--c:${name}"></i>${text}</li>`).join("")}</ul>`;

/** The page. */
export function page({ axes, answers, featured, training, milliseconds, floor }: Report): string {
  const all = answers.flatMap(({ ks }) => Array.from(ks));
  const ks = all.reduce((a, b) => a + b, 0) / all.length;
  const numbers = [
    ["to infer one observation, 4096 draws", time(milliseconds.learned)],
    ["for 1000 exact draws by rejection", time(milliseconds.exact)],
    [`mean KS, learned against exact; two exact samples give ${fixed(floor, 3)}`, fixed(ks, 3)],
  ];
  const pairOf = (answer: Answer): string =>
    `<div class="pairs">${markup(pairs(answer, axes), `Pair plot of learned and exact posterior: ${answer.title}`)}</div>`;
  const others = answers.filter((_, i) => i !== featured);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Retrodict: where was the arm?</title><style>${THEME}${CSS}</style></head><body><main>
<h1>Which arms could have touched this point?</h1>
<p>An arm of three links slides up and down a rail. Only its end point was measured, to a centimetre. Each thin line is
one arm that explains the measurement, drawn from the posterior that Retrodict learned from simulations alone.</p>
<dl>${numbers.map(([term, value]) => `<div><dt>${escapeText(term)}</dt><dd>${value}</dd></div>`).join("")}</dl>
<p>${escapeText(training)}.</p>
${key([
  [colour("learned"), "learned posterior"],
  [colour("exact"), "exact posterior"],
  [colour("ink"), "a mode of it"],
  ["", "measured end point", "ring"],
])}
<div class="cards">${answers.map((answer) => card(answer, axes)).join("\n")}</div>
<section><div><h2>${escapeText(answers[featured].title)}: every pair of parameters</h2>
<p>Below the diagonal the learned draws, above it the exact ones: where the learned posterior is right, the two sides
mirror each other. The ring and the dashed line are the parameters that the measurement was simulated from.</p>
${key([
  [colour("prior"), "prior", "block"],
  [colour("learned"), "learned"],
  [colour("exact"), "exact"],
  ["", "true parameters", "ring"],
])}</div>
${pairOf(answers[featured])}</section>
${others.map((answer) => `<details><summary>${escapeText(answer.title)}</summary>${pairOf(answer)}</details>`).join("\n")}
</main></body></html>
`;
}
