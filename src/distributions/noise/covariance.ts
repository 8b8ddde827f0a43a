/** Normal noise with a covariance of numbers (whitening.ts). */
import { add, cast, mul, random, square, sub, sumFeatures } from "../../graph/build.ts";
import { LOG_2PI } from "../../numbers/math.ts";
import { diagonalOf } from "../../numbers/triangles.ts";
import { expectBatch } from "../distribution.ts";
import { expectData, type Noise, ofEach } from "./noise.ts";
import { observedNormal } from "./observed.ts";
import { type Covariance, readCovariance, whitening } from "./whitening.ts";

/** `gaussianNoise({ covariance })`. */
export function covarianceNoise(given: Covariance): Noise {
  const owner = "gaussianNoise";
  const covariance = readCovariance(owner, given);
  const spec = Array.from(covariance);
  const sd = diagonalOf(covariance).map(Math.sqrt);
  const { M, whiten, colour, logDiagonal } = whitening(owner, covariance);
  const constant = -logDiagonal - 0.5 * M * LOG_2PI;
  return Object.freeze({
    name: "correlated gaussian",
    size: M,
    data: "real",
    streams: 1,
    additive: true,
    constantSd: Object.freeze(Array.from(sd)),
    draw: (clean, stream) => {
      expectBatch(owner, "noise-free data", clean, M);
      return add(clean, colour(cast(random("normal", M, stream, clean.rows), clean.dtype)));
    },
    logDensity: (y, clean) => {
      expectData(owner, M, y, clean);
      return add(mul(sumFeatures(square(whiten(sub(y, clean)))), -0.5), constant);
    },
    sd: (clean) => ofEach(sd, clean),
    fisher: (clean) => [{ of: whiten(clean), weight: 1 }],
    observed: (mask) => observedNormal(owner, Float64Array.from(spec), 1, mask),
    spec: { name: "correlated gaussian", covariance: spec },
  } satisfies Noise);
}
