/**
 * A problem whose data are rows with their circumstances (layout.ts): the same parameters, prior and forward model, and a noise that
 * draws rows and gives the density of the data that were observed, at the noise scale s that the row states. Where the data are
 * independent given c, a missing datum is a term less,
 *
 *   log p(row | c) = Σ_m o_m log p_s(y_m | c_m),
 *
 * and otherwise the noise itself knows its marginal (`Noise.observed`). Whether a datum is missing must not depend on its value.
 * Additive noise at scale s is s times the noise: p_s(y|c) = p((y − c)/s | 0) / Π s.
 */
import { cachedBy } from "../backends/executor-cache.ts";
import type { NoiseModel } from "../distributions/noise/model.ts";
import type { DataKind, Information, Noise } from "../distributions/noise/noise.ts";
import { add, cast, concat, detach, div, exp, log, mul, sub, sumFeatures, where } from "../graph/build.ts";
import { isTensor, type Tensor } from "../graph/tensor.ts";
import { type Layout, layoutOf, type Observed, packRow, partsOf } from "./layout.ts";
import type { Problem } from "./problem.ts";

/** Draws the circumstances of rows: a mask (T·B, M) of 0 and 1, and logarithms of scales, (T·B, 1) or (T·B, M); `like` has their rows and type. */
export interface CircumstanceDraws {
  readonly mask: ((like: Tensor) => Tensor) | null;
  readonly logScale: ((like: Tensor) => Tensor) | null;
}

/** What stands for a missing datum in a density whose term is dropped. */
const FILL: Readonly<Record<DataKind, number | null>> = { real: null, positive: 1, unit: 0.5, counts: 0 };

/** @throws where noise has no scale. */
function expectScale({ name, additive, lacks, scaled }: Noise): void {
  if (scaled !== undefined || (additive && !lacks?.length)) return;
  throw new Error(
    `noise.scale: expected noise with a scale, as gaussianNoise(), studentNoise() or logNormalNoise() have, got "${name}"; leave out noise`,
  );
}

/** Noise at s times its scale, s (T·B, 1) or (T·B, M). @throws where it has none. */
export function scaledNoise(noise: Noise, s: Tensor): Noise {
  expectScale(noise);
  if (noise.scaled !== undefined) return noise.scaled(s);
  const { draw, logDensity, each, sd, fisher, observed, constantSd: _constant, ...rest } = noise;
  const zero = (clean: Tensor): Tensor => mul(clean, 0);
  const residual = (y: Tensor, clean: Tensor): Tensor => div(sub(y, clean), s);
  const logs = (clean: Tensor): Tensor => log(add(zero(clean), s));
  const density =
    (own: Noise["logDensity"], mask: Tensor | null): Noise["logDensity"] =>
    (y, clean) => {
      const all = logs(clean);
      return sub(own(residual(y, clean), zero(clean)), sumFeatures(mask === null ? all : mul(all, mask)));
    };
  return {
    ...rest,
    draw: (clean, stream) => add(clean, mul(draw(zero(clean), stream), s)),
    logDensity: density(logDensity, null),
    ...(each && { each: (y, clean) => sub(each(residual(y, clean), zero(clean)), log(s)) }),
    ...(sd && { sd: (clean) => mul(sd(clean), s) }),
    ...(fisher && { fisher: (clean) => fisher(div(clean, s)) }),
    ...(observed && {
      observed: (mask) => {
        const own = observed(mask);
        const { fisher: information } = own;
        return {
          logDensity: density(own.logDensity, mask),
          ...(information && { fisher: (clean: Tensor) => information(div(clean, s)) }),
        };
      },
    }),
    spec: null,
  };
}

/** The information of the observed data, of terms of all. */
export function masked(terms: readonly Information[], mask: Tensor): Information[] {
  const share = mul(sumFeatures(mask), 1 / mask.cols);
  return terms.map(({ of, weight }) => {
    const own = of.cols === mask.cols ? mask : share; // a parameter that all data share: all tell equally much of it
    return {
      of,
      weight: mul(
        cast(own, of.dtype),
        isTensor(weight) || typeof weight === "number" ? weight : Float64Array.from(weight),
      ),
    };
  });
}

/** Noise of rows. */
function noiseOfRows(noise: Noise, layout: Layout, draws: CircumstanceDraws | null): Noise {
  const { each, observed, fisher, name, lacks = [] } = noise;
  const at = (row: Tensor) => {
    const { y, mask, logScale } = partsOf(layout, row);
    return { y, mask, own: logScale === null ? noise : scaledNoise(noise, exp(logScale)) };
  };
  if (layout.scale !== 0) expectScale(noise);
  const density = (row: Tensor, clean: Tensor): Tensor => {
    const { y, mask, own } = at(row);
    if (mask === null) return own.logDensity(y, clean);
    const fill = FILL[noise.data];
    const filled = where(mask, y, fill ?? detach(clean));
    if (own.each) return sumFeatures(where(mask, own.each(filled, clean), 0));
    if (own.observed) return own.observed(mask).logDensity(filled, clean);
    throw new Error(
      `missing data: expected noise with a density of each of the data, got "${name}", which has none; give all data`,
    );
  };
  const blind = draws === null || lacks.includes("draw") ? (["draw"] as const) : [];
  return {
    ...noise,
    size: null,
    lacks: [...lacks.filter((what) => what !== "draw"), ...blind],
    draw: (clean, stream) => {
      if (draws === null) throw new Error("internal: rows that cannot be drawn");
      const mask = draws.mask?.(clean) ?? null;
      const logScale = draws.logScale?.(clean) ?? null;
      const own = logScale === null ? noise : scaledNoise(noise, exp(logScale));
      const y = own.draw(clean, stream);
      // Selected, not multiplied: noise that is not finite where it was not observed does no harm.
      const values = mask === null ? y : where(mask, y, 0);
      return concat(values, ...(mask === null ? [] : [mask]), ...(logScale === null ? [] : [logScale]));
    },
    logDensity: density,
    each: undefined,
    observed: undefined,
    scaled: undefined,
    ...((fisher || observed) && {
      fisher: (clean, row) => {
        if (row === undefined) throw new Error("internal: the information of rows without them");
        const { mask, own } = at(row);
        if (mask === null) return own.fisher?.(clean) ?? [];
        if (!each && own.observed) return own.observed(mask).fisher?.(clean) ?? [];
        return masked(own.fisher?.(clean) ?? [], mask);
      },
    }),
    spec: null,
  };
}

/** The noise of a problem, for rows. */
function modelOfRows(model: NoiseModel, layout: Layout, draws: CircumstanceDraws | null): NoiseModel {
  const fixed = model.fixed && noiseOfRows(model.fixed, layout, draws);
  const lacks: NoiseModel["lacks"] = draws === null ? [...new Set([...model.lacks, "draw" as const])] : model.lacks;
  return {
    ...model,
    lacks,
    fixed,
    at: fixed ? () => fixed : (theta, clean) => noiseOfRows(model.at(theta, clean), layout, draws),
    spec: null,
  };
}

/**
 * The problem of rows of a layout. `draws` draws their circumstances; null where rows are given, and none is drawn.
 * @throws where the noise has no scale, and at the first use of a density where it has none of what was observed.
 */
export function problemOfRows<P extends Problem>(
  problem: P,
  layout: Layout,
  draws: CircumstanceDraws | null = null,
): P {
  return { ...problem, layout, noise: modelOfRows(problem.noise, layout, draws), exact: null };
}

const known = cachedBy((_problem: Problem) => new Map<string, Problem>());

/** The same without draws, cached as long as the problem lives, so that its programs are. A plain layout is the problem itself. */
export function problemSeenAs(problem: Problem, { mask, scale }: Pick<Layout, "mask" | "scale">): Problem {
  if (!mask && scale === 0) return problem;
  const key = `${mask} ${scale}`;
  const made = known(problem).get(key) ?? problemOfRows(problem, layoutOf(problem.M, { mask, scale }));
  known(problem).set(key, made);
  return made;
}

/** The layout that observations need: a mask where data are missing, and room for scales other than 1. */
const needs = (all: readonly Observed[]): Pick<Layout, "mask" | "scale"> => {
  const scales = all.map(({ scale }) => Array.from(scale ?? [1]));
  const each = scales.some((s) => s.some((x) => x !== s[0]));
  return {
    mask: all.some(({ y }) => Array.from(y).some(Number.isNaN)),
    scale: each ? "each" : scales.some(([s]) => s !== 1) ? 1 : 0,
  };
};

/**
 * The problem as observations see it, and their rows: the problem itself where all data are there and the noise is its own, so that its
 * programs are shared.
 * @throws where the noise has no scale.
 */
export function seenBy(
  problem: Problem,
  all: readonly Observed[],
): { readonly problem: Problem; readonly rows: readonly Float64Array[] } {
  const seen = problemSeenAs(problem, needs(all));
  return { problem: seen, rows: all.map((one) => packRow(seen.layout, one)) };
}

/** A problem with noise at a scale, one or M numbers. @throws where the noise has none. */
export function problemAtScale<P extends Problem>(problem: P, scale: ArrayLike<number> | undefined): P {
  if (scale === undefined || Array.from(scale).every((s) => s === 1)) return problem;
  const { noise } = problem;
  const s = Float64Array.from({ length: problem.M }, (_, m) => scale[scale.length === 1 ? 0 : m]);
  const at: NoiseModel["at"] = (theta, clean) => scaledNoise(noise.at(theta, clean), add(mul(clean, 0), s));
  return { ...problem, noise: { ...noise, fixed: null, at, spec: null } };
}
