/** How the model and the report were made, so that they can be made again. */
import type { Evaluation } from "../../evaluate/evaluation.ts";
import { VERSION } from "../../version.ts";
import { paragraph, table } from "../html.ts";
import { count, escapeText, milliseconds } from "../text.ts";
import type { Section } from "./section.ts";

/** Options of a guide on one line. */
function optionsOf(options: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return entries
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

function body(evaluation: Evaluation): string {
  const { problem, model, cases, dropped, draws, seed, against, calibration, device, seconds } = evaluation;
  const { guide, training } = model;
  const command = `retrodict evaluate MODEL --cases ${cases} --calibration ${calibration.cases + dropped} --against ${against.name} --seed ${seed} --report FILE.html`;
  const particles = training.particles > 1 ? ` with ${training.particles} particles each` : "";
  const rows = [
    ["problem", `${problem}: ${model.D} parameters, ${model.M} data`],
    ["guide", [guide.name, optionsOf(guide.options)].filter((text) => text !== "").join(": ")],
    ["objective", training.objective],
    [
      "training",
      `${count(training.steps)} steps of ${count(training.batch)} data sets${particles}, seed ${training.seed}`,
    ],
    ["simulations", count(training.simulations)],
    ["trained in", `${milliseconds(1000 * training.seconds)} (${training.device})`],
    ["reference posterior", against.text],
    ["cases", `${count(cases)}, ${count(draws)} draws each`],
    ["calibration", `${count(calibration.cases)} cases, including these; ${count(calibration.draws)} draws each`],
    ...(dropped > 0 ? [["dropped", `${count(dropped)} cases, because their simulations failed`]] : []),
    ["seed of the cases", `${seed}`],
    ["evaluated in", `${milliseconds(1000 * seconds)} (${device})`],
    ["Retrodict", VERSION],
  ];
  return `${paragraph("The cases are drawn from the prior, with seeds that training does not use.")}${table({
    titles: [],
    rows,
    of: "words",
  })}<p>This command makes the report again:</p><pre><code>${escapeText(command)}</code></pre>`;
}

export const made: Section = { id: "made", title: "How this was made", body };
