/** How the model and the report were made, so that they can be made again. */
import type { Evaluation } from "../../evaluate/evaluation.ts";
import type { Solver } from "../../problem/solvers.ts";
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

/** The steps of a solver, and what is known of its error. */
function solverText({ method, steps, error }: Solver): string {
  const how = `${count(steps)} steps of ${method}`;
  if (error === undefined) return `${how}, as given`;
  const [rms, max] = [error.rms, error.max].map((x) => Number(x.toPrecision(2)));
  const failed = error.failed > 0 ? `, not finite at ${error.failed} of them` : "";
  return `${how}; errors in noise sd at ${error.count} draws of the prior: rms ${rms}, largest ${max}${failed}`;
}

function body(evaluation: Evaluation): string {
  const { problem, model, cases, dropped, draws, seed, against, calibration, device, seconds } = evaluation;
  const { guide, training, solvers } = model;
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
    ...(solvers ?? []).map((solver) => ["differential equations", solverText(solver)]),
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
