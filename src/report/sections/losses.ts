/** Losses by training step. */
import * as Plot from "@observablehq/plot";
import { quantile } from "../../diagnostics/ks.ts";
import type { Evaluation } from "../../evaluate/evaluation.ts";
import { chart, points } from "../chart.ts";
import { figure, key, panels, paragraph } from "../html.ts";
import { colour } from "../svg.ts";
import { fixed, tick } from "../text.ts";
import type { Section } from "./section.ts";

/** Quantiles of the losses at which the axis ends: the first losses are so high that nothing else would show. */
const SHOWN = [0, 0.94] as const;

function body({ losses, model: { training } }: Evaluation): string | null {
  if (losses === null) return null;
  const { steps, train, heldOut } = losses;
  const [own, other] = [points(steps, train), points(steps, heldOut)];
  const sorted = [...own, ...other].map(({ y }) => y).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const [low, high] = SHOWN.map((p) => quantile(sorted, p));
  const room = 0.06 * (high - low) || 1;
  const last = steps.reduce((a, b) => Math.max(a, b), 1);
  const cut = sorted[sorted.length - 1] > high + room;
  const { best, bestStep } = training.heldOut;
  const line = { x: "x", y: "y", clip: true, strokeWidth: 1.8 } as const;
  const plot = chart({
    size: "large",
    x: { label: "step", domain: [0, last], format: (x) => (x >= 10_000 ? `${tick(x / 1000)}k` : tick(x)) },
    y: { label: "loss, nats", domain: [low - room, high + room] },
    marks: [
      Plot.line(own, { ...line, stroke: colour("exact"), strokeDasharray: "5 2" }),
      Plot.line(other, { ...line, stroke: colour("learned") }),
      Number.isFinite(best) && best <= high + room && best >= low - room && bestStep <= last
        ? Plot.dot([{ x: bestStep, y: best }], { x: "x", y: "y", r: 4.5, stroke: colour("ink"), strokeWidth: 1.6 })
        : null,
    ],
  });
  const ends = other.length > 0 ? other[other.length - 1].y : Number.NaN;
  return `${paragraph(
    `The model has the weights of the lowest held-out loss (ring). ${cut ? "The first losses are higher and are cut off. " : ""}A held-out loss that rises while the training loss falls is a sign of overfitting; if it still falls at the end, more steps would help.`,
  )}${key([
    [colour("learned"), "held out"],
    [colour("exact"), "training", "dashed"],
    ["", "best", "ring"],
  ])}${panels(
    [
      figure({
        title: `Held-out loss ${fixed(best, 3)} at step ${bestStep}`,
        reading: Number.isFinite(ends) ? `${fixed(ends, 3)} at the end` : undefined,
        plots: [plot],
        description: "Held-out and training losses by step",
      }),
    ],
    "large",
  )}`;
}

export const training: Section = { id: "training", title: "Training", body };
