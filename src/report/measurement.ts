/**
 * The report of a measurement: one HTML file about posteriors of observations. For each, what the measurement has taught (prior and
 * posterior), every pair of parameters, the fit in the space of the data, what the distance and the correction say, and a table to copy.
 */
import * as Plot from "@observablehq/plot";
import type { BackendOptions } from "../backends/select.ts";
import { type Replicated, replicateData } from "../diagnostics/predictive.ts";
import type { AmortisedPosterior } from "../infer/infer.ts";
import { columnMeans, columnOf } from "../numbers/moments.ts";
import { digitsFor } from "../numbers/offsets.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { sourceOf } from "../problem/likelihood.ts";
import type { Problem } from "../problem/problem.ts";
import type { CorrectedPosterior } from "../sampling/correct.ts";
import { priorDraws } from "../simulate/prior-draws.ts";
import { chart, RULE } from "./chart.ts";
import { figure, key, panels, paragraph, table } from "./html.ts";
import { pairs } from "./pairs.ts";
import { bandMarks } from "./pictures/bands.ts";
import { quantiles } from "./sample.ts";
import { REPORT_CSS } from "./style.ts";
import { colour, markup, THEME } from "./svg.ts";
import { escapeText, fixed, named, percent, short, tick } from "./text.ts";

/** Draws for the pictures. */
const DRAWS = 1000;
/** Most parameters of a pair plot. */
const MOST_PAIRED = 6;

/** One observation: its posterior, and the corrected one, if there is one. */
export interface Measurement {
  readonly title: string;
  readonly inferred: AmortisedPosterior;
  readonly corrected: CorrectedPosterior | null;
}

export interface MeasurementOptions extends BackendOptions {
  readonly problem: Problem;
  readonly measurements: readonly Measurement[];
  readonly data: readonly { readonly name: string; readonly unit?: string }[];
  readonly seed: number;
}

/** The posterior that is believed: the corrected one, if there is one. */
const believed = ({ inferred, corrected }: Measurement): Posterior => corrected ?? inferred;

/** What distance and correction say, in sentences. */
function sentences({ inferred, corrected }: Measurement): string[] {
  const { farther, warning } = inferred;
  const usual = `The observation is a usual one: ${percent(farther)} of the held-out simulations lie as far from the others or farther.`;
  const told = warning ? `The ${warning.replace(/^the /, "")}.` : usual;
  if (corrected === null)
    return [told, "The posterior is the guide's answer; it was not corrected to the exact one (--correct auto does)."];
  const { note, sourceWarning, warning: left } = corrected;
  return [
    told,
    ...[note, sourceWarning, left].flatMap((text) => (text ? [`${text[0].toUpperCase()}${text.slice(1)}.`] : [])),
  ];
}

function numbersTable(measurement: Measurement, problem: Problem): string {
  const { inferred, corrected } = measurement;
  const row = (name: string, who: string, { mean, sd, quantile }: Posterior, d: number): string[] => {
    const values = [mean[d], sd[d], quantile(0.05)[d], quantile(0.5)[d], quantile(0.95)[d]];
    return [
      name,
      who,
      ...values.map((x) => short(x)),
      percent(1 - (sd[d] / problem.prior.sd[d]) * (sd[d] / problem.prior.sd[d])),
    ];
  };
  const rows = problem.parameters.flatMap((parameter, d) => [
    row(named(parameter), "guide", inferred, d),
    ...(corrected ? [row("", "corrected", corrected, d)] : []),
  ]);
  const titles = ["parameter", "posterior", "mean", "sd", "5 %", "median", "95 %", "variance explained"];
  return `<div class="wide">${table({ titles, rows })}</div>`;
}

/** The same numbers as CSV, to copy. */
function csv(measurement: Measurement, problem: Problem): string {
  const { mean, sd, quantile } = believed(measurement);
  const [low, middle, high] = [0.05, 0.5, 0.95].map(quantile);
  const lines = problem.parameters.map(({ name, unit = "" }, d) => {
    const numbers = [mean[d], sd[d], low[d], middle[d], high[d]];
    const quoted = /[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
    return [quoted, unit, ...numbers.map((x) => Number(x.toPrecision(digitsFor(x, sd[d], 5))))].join(",");
  });
  return `<details><summary>The numbers as a table to copy</summary><pre>${escapeText(
    ["parameter,unit,mean,sd,q05,q50,q95", ...lines].join("\n"),
  )}</pre></details>`;
}

function pairPlot(of: Draws, problem: Problem, title: string): string {
  const D = problem.D;
  const shown = Array.from({ length: Math.min(D, MOST_PAIRED) }, (_, d) => d);
  const picked = (draws: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: (draws.length / D) * shown.length }, (_, k) => {
      const [s, c] = [Math.floor(k / shown.length), k % shown.length];
      return draws[s * D + c];
    });
  const axes = shown.map((d) => ({ ...problem.parameters[d], prior: { draws: columnOf(of.prior, D, d) } }));
  const parts = { learned: picked(of.guide), exact: of.corrected && picked(of.corrected), truth: null };
  const plot = pairs(parts, axes, { width: 460, points: 400 });
  const about = `Pair plot of prior, guide${of.corrected ? " and corrected posterior" : ""}: ${title}`;
  const few = D > shown.length ? ` The first ${shown.length} of ${D} parameters are shown.` : "";
  const words = of.corrected
    ? "Draws of the guide are below the diagonal, corrected ones above it: where the guide is right, the two sides mirror each other."
    : "The diagonal shows what is known of each parameter before and after the measurement.";
  return `<h3>Before and after</h3>${paragraph(words + few)}${key([
    [colour("prior"), "prior", "block"],
    [colour("learned"), "guide"],
    ...(of.corrected ? [[colour("exact"), "corrected"] as const] : []),
  ])}<div class="pairs n${shown.length}">${markup(plot, escapeText(about))}</div>`;
}

interface Fit {
  /** (M), NaN where data are missing. */
  readonly y: ArrayLike<number>;
  readonly again: Replicated;
  readonly names: MeasurementOptions["data"];
  readonly title: string;
}

const axisOf = (M: number) => ({
  label: M > 1 ? "number of the datum" : "datum",
  domain: [0.5, M + 0.5] as const,
  ticks: Math.min(M, 6),
});
const dotsOf = (M: number) => ({ x: "x", y: "y", r: M > 60 ? 1.3 : 3, fill: colour("ink") });

/** The data that were observed, by their numbers from 1. */
const seenOf = ({ y }: Fit): { x: number; y: number }[] =>
  Array.from({ length: y.length }, (_, j) => ({ x: j + 1, y: y[j] })).filter((datum) => !Number.isNaN(datum.y));

/** Bands of data simulated again at draws of the posterior, with the observed data. */
function bandsFigure(of: Fit): string {
  const { y, again, title } = of;
  const M = y.length;
  const replicated = again.replicated as ArrayLike<number>;
  const rows = Array.from({ length: replicated.length / M }, (_, s) =>
    Array.from({ length: M }, (_, j) => replicated[s * M + j]),
  );
  const seen = seenOf(of);
  const ends = [...quantiles(rows.flat(), [0.001, 0.999]), ...seen.map((datum) => datum.y)];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = 0.05 * (high - low) || 1;
  const numbers = Array.from({ length: M }, (_, j) => j + 1);
  const plot = chart({
    size: "large",
    x: axisOf(M),
    y: { label: "data", domain: [low - room, high + room] },
    marks: [...(M > 1 ? bandMarks(numbers, rows, null) : boxes(rows)), Plot.dot(seen, dotsOf(M))],
  });
  const description = `Posterior predictive bands and observed data: ${title}`;
  return figure({ title: "Observed data and bands", plots: [plot], description });
}

/** Residuals from the mean of the posterior, in noise sd: a picture and a sentence; null where the noise has no sd. */
function residuals(of: Fit): { readonly picture: string; readonly words: string } | null {
  const { y, again, names, title } = of;
  const M = y.length;
  if (again.noiseSd === undefined) return null;
  const [centre, sd] = [again.mean ?? again.clean, again.noiseSd].map((rows) => columnMeans(rows as Float64Array, M));
  const all = seenOf(of).map((datum) => ({ x: datum.x, y: (datum.y - centre[datum.x - 1]) / sd[datum.x - 1] }));
  const usable = all.filter((r) => Number.isFinite(r.y));
  if (usable.length === 0) return null;
  const far = usable.filter((r) => Math.abs(r.y) > 2).sort((a, b) => Math.abs(b.y) - Math.abs(a.y));
  const reach = 1.1 * usable.reduce((most, r) => Math.max(most, Math.abs(r.y)), 2.5);
  const plot = chart({
    size: "large",
    x: axisOf(M),
    y: { label: "residual / noise sd", domain: [-reach, reach] },
    marks: [Plot.ruleY([-2, 2], RULE), Plot.ruleY([0], { stroke: colour("quiet") }), Plot.dot(usable, dotsOf(M))],
  });
  const rms = Math.sqrt(usable.reduce((sum, r) => sum + r.y * r.y, 0) / usable.length);
  const [worst] = far;
  const beyond = worst
    ? `${far.length} of ${usable.length} are beyond 2, the farthest is ${names[worst.x - 1].name} with ${fixed(worst.y, 1)}`
    : "no datum is beyond 2";
  const description = `Residuals in noise standard deviations: ${title}`;
  return {
    picture: figure({ title: "Residuals", plots: [plot], description }),
    words: ` The residuals have an rms of ${tick(rms, 2)} noise sd; ${beyond}.`,
  };
}

function fit(of: Fit): string {
  const left = residuals(of);
  const count = (of.again.replicated as ArrayLike<number>).length / of.y.length;
  return `<h3>The fit in the space of the data</h3>${paragraph(
    `Data are simulated again at ${count} draws of the posterior: where the model is right, about 90 % of the observed data lie within the outer bands.${left?.words ?? ""}`,
  )}${key([
    [colour("learned"), "simulated again: median, 50 and 90 %", "block"],
    [colour("ink"), "observed", "dotted"],
  ])}${panels([bandsFigure(of), ...(left ? [left.picture] : [])], "large")}`;
}

/** Bands of a single datum, as bars. */
function boxes(rows: readonly number[][]): Plot.Markish[] {
  const [q05, q25, q50, q75, q95] = quantiles(
    rows.map(([v]) => v),
    [0.05, 0.25, 0.5, 0.75, 0.95],
  );
  const bar = (y1: number, y2: number, fillOpacity: number): Plot.Markish =>
    Plot.rect([{ y1, y2 }], { x1: 0.8, x2: 1.2, y1: "y1", y2: "y2", fill: colour("learned"), fillOpacity });
  return [
    bar(q05, q95, 0.22),
    bar(q25, q75, 0.35),
    Plot.ruleY([q50], { x1: 0.8, x2: 1.2, stroke: colour("learned"), strokeWidth: 2 }),
  ];
}

interface Draws {
  readonly prior: Float64Array;
  readonly guide: Float32Array | Float64Array;
  readonly corrected: Float32Array | Float64Array | null;
}

async function section(measurement: Measurement, options: MeasurementOptions, prior: Float64Array): Promise<string> {
  const { problem, data, seed, measurements, backend, kernels, threads } = options;
  const { title, inferred, corrected } = measurement;
  const draws: Draws = {
    prior,
    guide: await inferred.sample(DRAWS, { seed }),
    corrected: corrected && (await corrected.sample(DRAWS, { seed })),
  };
  const sized = inferred.y.length === problem.M;
  const canSimulate =
    sized && (problem.forward !== null || problem.simulate !== null) && !problem.noise.lacks.includes("draw");
  const own = {
    draws: problem.forward === null ? 200 : DRAWS,
    seed,
    failures: "drop",
    backend,
    kernels,
    threads,
  } as const;
  const inData = canSimulate
    ? fit({
        y: inferred.y,
        again: await replicateData("report", problem, believed(measurement), own),
        names: data,
        title,
      })
    : paragraph(
        sized
          ? `The problem has ${sourceOf(problem)}, so its data cannot be simulated again.`
          : `The set has ${inferred.y.length} data, those of the problem ${problem.M}: they are not simulated again.`,
      );
  const heading = measurements.length > 1 ? `<h2>${escapeText(title)}</h2>` : "";
  return `<section>${heading}${sentences(measurement).map(paragraph).join("")}${numbersTable(measurement, problem)}
${csv(measurement, problem)}${pairPlot(draws, problem, title)}${inData}</section>`;
}

/** The HTML of the report. It includes all pictures, loads nothing and runs no script. */
export async function measurementHtml(options: MeasurementOptions): Promise<string> {
  const { problem, measurements, seed, backend, kernels, threads } = options;
  const prior = await priorDraws(problem, DRAWS, seed, { backend, kernels, threads });
  const sections: string[] = [];
  for (const measurement of measurements) sections.push(await section(measurement, options, prior));
  const what = measurements.length > 1 ? `${measurements.length} observations` : "What the measurement says";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeText(problem.name)}: ${escapeText(what)}</title><style>${THEME}${REPORT_CSS}</style></head><body><main>
<header class="top"><p class="kind">Retrodict measurement</p><h1>${escapeText(problem.name)}: ${escapeText(what)}</h1>
<p>${escapeText(problem.description)}</p></header>
${sections.join("\n")}
</main></body></html>
`;
}
