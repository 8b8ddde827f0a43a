/** What each diagnostic can see, and what it cannot: docs/diagnostics.md in short. */
import { paragraph, table } from "../html.ts";
import type { Section } from "./section.ts";

const ROWS: readonly (readonly [string, string, string])[] = [
  [
    "KS against the truth",
    "any parameter that is too narrow, too wide, shifted, or lacks a mode, in a single case",
    "how parameters depend on one another; no more than the truth itself knows",
  ],
  [
    "Ranks of the truth (SBC)",
    "posteriors that are too narrow, too wide or shifted, or lack a mode, on average over data",
    "lost dependence of parameters; errors that cancel over data; a guide that answers with the prior",
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
    "a guide that answers with the prior, since its random points do not know the data",
  ],
  [
    "Importance weights, k̂",
    "in a single case, without a truth: wrong width, shift, lost dependence",
    "a mode where the guide never draws",
  ],
  [
    "Re-simulation",
    "posteriors that are too wide, or do not know the data",
    "posteriors that are too narrow, small shifts, a missing mode",
  ],
  [
    "Distance of a datum",
    "data unlike any that were simulated: the datum, not the guide",
    "errors of the guide; wrong data that some other parameters could have made",
  ],
];

export const limits: Section = {
  id: "limits",
  title: "What these diagnostics can see, and what they cannot",
  body: () =>
    `${table({ titles: ["diagnostic", "sees", "is blind to"], rows: ROWS, of: "words" })}${paragraph(
      "The library's docs/diagnostics.md has the whole table; its tests hold every entry to guides that are wrong on purpose.",
    )}`,
};
