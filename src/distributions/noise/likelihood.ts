/** Noise models of one's own: a density, draws, or both, as functions in ops. */
import { describe } from "../../checks/arguments.ts";
import { callback, type OptionsOf, oneOf, option, readOptions, text, whole } from "../../checks/options.ts";
import { cast, random as draws, sumFeatures } from "../../graph/build.ts";
import { isTensor, show, type Tensor } from "../../graph/tensor.ts";
import { expectBatch } from "../distribution.ts";
import { type DataKind, dataKinds, expectData, type Noise } from "./noise.ts";

/** Standard random numbers, of the type of the data; each call gives others. */
export interface Draws {
  /** Standard normal numbers (T·B, cols); as many as there are data by default. */
  normal(cols?: number): Tensor;
  /** Uniform numbers between 0 and 1, (T·B, cols). */
  uniform(cols?: number): Tensor;
}

/** Most calls for random numbers in one draw: each takes a stream. */
const STREAMS = 8;

/** The options of `likelihood`. */
export const likelihoodTable = {
  /** Name of the family, for messages. */
  name: option(text, "likelihood"),
  /** Noisy data (T·B, M) from noise-free ones (T·B, M) and random numbers. Without it, nothing can be simulated. */
  draw: option(callback<(clean: Tensor, random: Draws) => Tensor>()),
  /**
   * Log density of data y given the noise-free ones, both (T·B, M): (T·B, 1) of all of them, or (T·B, M) of each where they are
   * independent. Without it, there are no weights, chains, Laplace approximation or ELBO.
   */
  logDensity: option(callback<(y: Tensor, clean: Tensor) => Tensor>()),
  /** What the data are. */
  data: option(oneOf(...dataKinds), "real" as DataKind),
  /** Standard deviation of each of the data (T·B, M) given the noise-free ones; without it, draws are measured. */
  sd: option(callback<(clean: Tensor) => Tensor>()),
  /** Mean of the data (T·B, M), where it is another number than the noise-free data. */
  mean: option(callback<(clean: Tensor) => Tensor>()),
  /** Number M of data that it is made for; any by default. */
  size: option(whole(1)),
};
/** Options of `likelihood`. */
export type LikelihoodOptions = OptionsOf<typeof likelihoodTable>;

/**
 * A noise model of one's own, by functions in ops of `retrodict/ops`. The density must be normalised over y for evidences, and up to a
 * factor that does not depend on θ for the rest. What is left out is refused where it is needed.
 * @throws without both draw and logDensity; at its first use where a function returns another shape or type.
 */
export function likelihood(options: LikelihoodOptions): Noise {
  const settings = readOptions("likelihood", likelihoodTable, options);
  const { name, draw, logDensity, data, sd, mean, size = null } = settings;
  if (draw === undefined && logDensity === undefined)
    throw new Error("likelihood: expected draw, logDensity, or both, got neither");
  const owner = `likelihood "${name}"`;
  const lacks = (what: string, consequence: string): never => {
    throw new Error(`${owner}: expected ${what}, which was not given; without it ${consequence}`);
  };
  const check = (what: string, t: unknown, clean: Tensor, cols: readonly number[]): Tensor => {
    const shapes = cols.map((c) => `(${clean.rows === 1 ? "" : clean.rows}B, ${c})`).join(" or ");
    const expected = `${owner}: expected ${what} to return ${shapes} of type ${clean.dtype}`;
    if (!isTensor(t)) throw new Error(`${expected}, got ${describe(t)}`);
    if (t.kind !== "batch" || t.rows !== clean.rows || !cols.includes(t.cols) || t.dtype !== clean.dtype)
      throw new Error(`${expected}, got ${show(t)} ${t.dtype}`);
    return t;
  };
  const density = (y: Tensor, clean: Tensor): Tensor => {
    if (logDensity === undefined)
      return lacks(
        "logDensity",
        'there are no weights, chains or Laplace approximations; use train with objective "npe"',
      );
    expectData(owner, size, y, clean);
    return check("logDensity", logDensity(y, clean), clean, [1, clean.cols]);
  };
  return Object.freeze({
    name,
    size,
    data,
    streams: STREAMS,
    lacks: [...(draw ? [] : (["draw"] as const)), ...(logDensity ? [] : (["logDensity"] as const))],
    draw: (clean, stream) => {
      if (draw === undefined)
        return lacks("draw", "data cannot be simulated, so no map can be trained; use laplace() or nuts()");
      expectBatch(owner, "noise-free data", clean, size ?? clean.cols);
      let used = 0;
      const next =
        (distribution: "normal" | "uniform") =>
        (cols: number = clean.cols): Tensor => {
          if (used >= STREAMS)
            throw new Error(
              `${owner}: expected at most ${STREAMS} calls for random numbers, got more; ask for more columns`,
            );
          return cast(draws(distribution, cols, stream + used++, clean.rows), clean.dtype);
        };
      return check("draw", draw(clean, { normal: next("normal"), uniform: next("uniform") }), clean, [clean.cols]);
    },
    logDensity: (y, clean) => sumFeatures(density(y, clean)),
    each: (y, clean) => {
      const own = density(y, clean);
      if (own.cols !== clean.cols)
        throw new Error(
          `${owner}: expected logDensity of each of the data, (B, ${clean.cols}), for a mixture or for missing data, got ${show(own)}`,
        );
      return own;
    },
    ...(sd && { sd: (clean: Tensor) => check("sd", sd(clean), clean, [clean.cols]) }),
    ...(mean && { mean: (clean: Tensor) => check("mean", mean(clean), clean, [clean.cols]) }),
    spec: null,
  } satisfies Noise);
}
