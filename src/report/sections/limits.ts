/** What each diagnostic can see, and what it cannot: a summary of docs/diagnostics.md. */
import { paragraph, table } from "../html.ts";
import type { Section } from "./section.ts";

const ROWS: readonly (readonly [string, string, string])[] = [
  [
    "KS against the reference",
    "any parameter that is too narrow, too wide, shifted, or lacks a mode, in a single case",
    "how parameters depend on one another; errors of the reference itself",
  ],
  [
    "Ranks of the true parameters (SBC)",
    "posteriors that are too narrow, too wide or shifted, or lack a mode, on average over data",
    "lost dependence between parameters; errors that cancel over data; a guide that answers with the prior",
  ],
  [
    "Coverage of dense regions",
    "posteriors that are too narrow or too wide, or lack a mode; weakly, shifts and lost dependence",
    "a guide that answers with the prior",
  ],
  [
    "Coverage of central intervals",
    "the same, parameter by parameter, and shifts",
    "lost dependence; a guide that answers with the prior",
  ],
  [
    "TARP",
    "posteriors that are too narrow or too wide, or lack a mode, from draws alone; weakly, shifts and lost dependence",
    "a guide that answers with the prior, because its random points do not depend on the data",
  ],
  [
    "Importance weights, k̂",
    "wrong width, shift and lost dependence, in a single case and without a reference",
    "a mode where the guide never draws",
  ],
  [
    "Re-simulation",
    "posteriors that are too wide, or do not depend on the data",
    "posteriors that are too narrow, small shifts, a missing mode",
  ],
  [
    "Distance from the simulations",
    "observations unlike all simulations",
    "errors of the guide; wrong observations that other parameters could have caused",
  ],
];

export const limits: Section = {
  id: "limits",
  title: "What these diagnostics can see, and what they cannot",
  body: () =>
    `${table({ titles: ["diagnostic", "sees", "is blind to"], rows: ROWS, of: "words" })}${paragraph(
      "The whole table is in docs/diagnostics.md; tests check every entry with guides that are wrong on purpose.",
    )}`,
};
