/** The Gaussian guide of arXiv 2305.20004 §4 with the schedule of its public code; problems differ only in the widths. */
import { gaussian } from "../guides/gaussian.ts";
import type { TrainSettings } from "../train/options.ts";

export const paperGaussian = (hidden: readonly number[]): TrainSettings => ({
  guide: gaussian({ hidden, activation: "relu", separate: true }),
  objective: "elbo",
  batch: 32,
  particles: 5,
  steps: 10_000,
  rate: 1e-2,
  schedule: { kind: "step", at: 5000, factor: 0.1 },
});
