/**
 * log N(θ; μ, σ) = −½ Σ ((θ − μ)/σ)² − Σ log σ − ½ D log 2π, independent entries.
 */

import { isFiniteNumber, isPositive } from "../checks/arguments.ts";
import { add, cast, div, mul, random, square, sub, sumFeatures } from "../graph/build.ts";
import { LOG_2PI } from "../numbers/math.ts";
import type { Distribution } from "./distribution.ts";
import { entrywise, type Family, type PriorParameter } from "./entrywise.ts";
import { normalMoments } from "./moments.ts";
import { logarithm, minus } from "./values.ts";

const family: Family<"mean" | "sd"> = {
  name: "normal",
  checks: { mean: ["finite", isFiniteNumber], sd: ["> 0 and finite", isPositive] },
  low: -Infinity,
  high: Infinity,
  streams: 1,
  draw: ({ mean, sd }, size, stream, dtype) => add(mul(cast(random("normal", size, stream), dtype), sd), mean),
  kernel: (theta, { mean, sd }) => mul(sumFeatures(square(div(sub(theta, mean), sd))), -0.5),
  constant: ({ sd }) => minus(-0.5 * LOG_2PI, logarithm(sd)),
  moments: ({ mean, sd }) => normalMoments(mean, sd),
  location: "mean",
};

/**
 * Independent normal entries. `mean` and `sd` are numbers or lists of D numbers; a number stands for all entries. Within `joint` they
 * may be tensors.
 * @throws unless every mean is finite and every sd is positive and finite.
 */
export const normal = (mean: PriorParameter, sd: PriorParameter): Distribution => entrywise(family, { mean, sd });
