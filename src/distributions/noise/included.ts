/** The noise of problems whose data already include theirs. */
import { mul } from "../../graph/build.ts";
import type { Noise } from "./noise.ts";

/**
 * The noise model of problems with `noise: null`, whose data already include noise, from the simulator or from an experiment. It
 * adds nothing, and has no likelihood.
 */
export const includedNoise: Noise = Object.freeze({
  name: "included",
  size: null,
  data: "real",
  streams: 0,
  additive: true,
  constantSd: 0,
  lacks: ["logDensity"],
  draw: (clean) => clean,
  logDensity: () => {
    throw new Error(
      'noise: expected a noise model with a likelihood, got noise: null (the data include their own); use objective "npe"',
    );
  },
  sd: (clean) => mul(clean, 0),
  spec: { name: "included" },
} satisfies Noise);
