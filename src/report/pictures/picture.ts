/** The picture of a problem: what one case of it looks like, guide and truth. */
import type { Evaluation, Example } from "../../evaluate/evaluation.ts";
import type { FigureParts } from "../html.ts";

export interface Picture {
  readonly title: string;
  /** What is to be seen. */
  readonly text: string;
  /** Key beyond guide and truth: colour, words, shape. */
  readonly key: readonly (readonly [string, string, string?])[];
  /** Whether a problem of this name is the one that the picture is of. */
  readonly fits: (model: Pick<Evaluation["model"], "D" | "M">) => boolean;
  readonly draw: (example: Example, truthName: string) => readonly FigureParts[];
}
