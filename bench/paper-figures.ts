/**
 * Figures of arXiv 2305.20004 for its guides on its 100 observations (1000 draws of the guide against 1000 of its chains), and the
 * cost of its chains.
 */
import type { PooledKs } from "../src/model/calibration-record.ts";

export interface Figures {
  readonly method: string;
  readonly ks?: PooledKs;
  readonly resimulation: number;
  /** KL(guide ‖ posterior), nats. */
  readonly kl?: { readonly mean: number; readonly median: number };
  /** Milliseconds per observation. */
  readonly ms?: number;
  readonly note?: string;
}

/** By name of the problem with the paper's forward model. */
export const figures: Readonly<Record<string, readonly Figures[]>> = {
  arm: [
    {
      method: "the paper: Gaussian guide",
      ks: { mean: 0.528, median: 0.515, p90: 0.79, max: 1 },
      resimulation: 0.0232,
      kl: { mean: 4.92, median: 3.75 },
    },
    {
      method: "the paper: flow",
      ks: { mean: 0.081, median: 0.059, p90: 0.162, max: 0.43 },
      resimulation: 0.0179,
      kl: { mean: 0.257, median: 0.146 },
      note: "200,000 steps",
    },
    { method: "the paper: NUTS", resimulation: 0.0173 },
  ],
  "rod-paper": [
    {
      method: "the paper: Gaussian guide",
      ks: { mean: 0.22, median: 0.181, p90: 0.457, max: 0.704 },
      resimulation: 0.0405,
      kl: { mean: 0.766, median: 0.58 },
    },
    { method: "the paper: NUTS", resimulation: 0.0385 },
  ],
  "eit-paper": [
    {
      method: "the paper: Gaussian guide",
      ks: { mean: 0.278, median: 0.216, p90: 0.577, max: 0.896 },
      resimulation: 0.0106,
      kl: { mean: 0.995, median: 0.4 },
    },
    { method: "the paper: NUTS", resimulation: 0.0091, ms: 386_000, note: "3300 iterations" },
  ],
};
