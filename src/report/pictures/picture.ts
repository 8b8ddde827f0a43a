/** The picture of a problem: one case, with draws of the guide and of the reference. */
import type { Evaluation, Example } from "../../evaluate/evaluation.ts";
import type { FigureParts } from "../html.ts";

export interface Picture {
  readonly title: string;
  /** What it shows, in sentences. */
  readonly text: string;
  /** Entries of the key besides guide and reference: colour, words, shape. */
  readonly key: readonly (readonly [string, string, string?])[];
  /** Whether a problem of this name has the sizes of the one that the picture shows. */
  readonly fits: (model: Pick<Evaluation["model"], "D" | "M">) => boolean;
  readonly draw: (example: Example, truthName: string) => readonly FigureParts[];
}
