/**
 * Normal noise of independent entries,
 *
 *   log p(y|c) = −½ Σ ((y − c)/σ)² − Σ log σ − ½ M log 2π,
 *
 * with Fisher information 1/σ² on c and 2/σ² on σ (Lehmann & Casella, Theory of Point Estimation, 2nd ed., table 2.5.1).
 */
import type { Numbers } from "../../checks/arguments.ts";
import { add, cast, div, log, mul, random, square, sub, sumFeatures } from "../../graph/build.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { LOG_2PI } from "../../numbers/math.ts";
import { expectBatch } from "../distribution.ts";
import { covarianceNoise } from "./covariance.ts";
import {
  expectData,
  expectKeys,
  logScales,
  type Noise,
  type NoiseParameter,
  ofEach,
  POSITIVE,
  plain,
  type ReadParameter,
  readParameter,
} from "./noise.ts";
import type { Covariance } from "./whitening.ts";

/**
 * Normal noise. `sd` is one number for all data, a list of M numbers, or, where the noise of a problem is a function of θ and the
 * noise-free data, a tensor (B, 1) or (B, M). With `{ covariance }`, a list of M rows of M numbers, the data have it together.
 * @throws unless every sd is positive and finite, or the covariance is symmetric and positive definite. Where a tensor is not
 * positive, noise and density are NaN.
 */
export function gaussianNoise(sd: NoiseParameter | { readonly covariance: Covariance }): Noise {
  if (typeof sd === "object" && sd !== null && "covariance" in sd) {
    expectKeys("gaussianNoise", sd, "covariance");
    return covarianceNoise(sd.covariance);
  }
  const scale = readParameter("gaussianNoise", "sd", sd, POSITIVE);
  return scale.numbers === null ? ofTensor(scale) : ofNumbers(scale.numbers, scale.size);
}

const draw =
  ({ operand, size }: ReadParameter): Noise["draw"] =>
  (clean, stream) => {
    expectBatch("gaussianNoise", "noise-free data", clean, size ?? clean.cols);
    return add(clean, mul(cast(random("normal", clean.cols, stream, clean.rows), clean.dtype), operand));
  };

function ofNumbers(scale: Float64Array, size: number | null): Noise {
  const logs = (count: number): Numbers =>
    size === null
      ? logScales(scale, null, 1) - 0.5 * LOG_2PI
      : Float64Array.from({ length: count }, (_, m) => logScales(scale.subarray(m, m + 1), null, 1) - 0.5 * LOG_2PI);
  return Object.freeze({
    name: "gaussian",
    size,
    data: "real",
    streams: 1,
    additive: true,
    constantSd: plain(scale, size),
    draw: draw({ numbers: scale, operand: scale, size }),
    logDensity: (y, clean) => {
      expectData("gaussianNoise", size, y, clean);
      const constant = logScales(scale, size, y.cols) - 0.5 * y.cols * LOG_2PI;
      return add(mul(sumFeatures(square(div(sub(y, clean), scale))), -0.5), constant);
    },
    each: (y, clean) => {
      expectData("gaussianNoise", size, y, clean);
      return add(mul(square(div(sub(y, clean), scale)), -0.5), logs(y.cols));
    },
    sd: (clean) => ofEach(scale, clean),
    fisher: (clean) => [{ of: clean, weight: scale.map((s) => 1 / (s * s)) }],
    spec: { name: "gaussian", sd: plain(scale, size) },
  } satisfies Noise);
}

function ofTensor(parameter: ReadParameter): Noise {
  const { size } = parameter;
  const scale = parameter.operand as Tensor;
  const each = (y: Tensor, clean: Tensor): Tensor => {
    expectData("gaussianNoise", size, y, clean);
    return sub(mul(square(div(sub(y, clean), scale)), -0.5), add(log(scale), 0.5 * LOG_2PI));
  };
  return Object.freeze({
    name: "gaussian",
    size,
    data: "real",
    streams: 1,
    additive: true,
    draw: draw(parameter),
    logDensity: (y, clean) => sumFeatures(each(y, clean)),
    each,
    sd: (clean) => ofEach(scale, clean),
    fisher: (clean) => [
      { of: clean, weight: div(1, square(scale)) },
      { of: scale, weight: div(size === null ? 2 * clean.cols : 2, square(scale)) },
    ],
    spec: null,
  } satisfies Noise);
}
