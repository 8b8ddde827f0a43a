/**
 * Work coordinates: the problem of θ′ = θ − c and, in single precision, of y′ = y − b, where the offsets c and b are too large for
 * single precision beside the spread (numbers/offsets.ts). Programs see θ′ and y′ alone; the forward model sees θ = θ′ + c, in double
 * precision. Without offsets a problem is its own.
 */
import { cachedBy } from "../backends/executor-cache.ts";
import type { NoiseModel } from "../distributions/noise/model.ts";
import type { Noise } from "../distributions/noise/noise.ts";
import { add, cast, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Centre, centreOf } from "../numbers/offsets.ts";
import type { Problem } from "../problem/problem.ts";

/** A problem in work coordinates. */
export interface Work extends Problem {
  /** c (D); null for none. */
  readonly centre: Centre;
  /** The problem itself. */
  readonly of: Problem;
}

/** θ of θ′ in double precision, or θ′ itself without a centre. */
export const restored = (theta: Tensor, centre: Centre): Tensor =>
  centre === null ? theta : add(cast(theta, "f64"), centre);
/** θ′ of θ, which is of double precision where there is a centre. */
export const centred = (theta: Tensor, centre: Centre): Tensor => (centre === null ? theta : sub(theta, centre));

/** A problem about a centre c of its parameters. */
export function workAbout(problem: Problem, centre: Centre): Work {
  if (centre === null) return { ...problem, centre, of: problem };
  const { prior, proposal, forward, noise } = problem;
  return {
    ...problem,
    prior: prior.about(centre),
    proposal: proposal?.about(centre) ?? null,
    forward: forward && ((theta) => forward(restored(theta, centre))),
    noise: noiseAbout(noise, centre, null),
    centre,
    of: problem,
  };
}

/** A problem in work coordinates, about the centre that its prior asks for. */
export const workOf: (problem: Problem) => Work = cachedBy((problem: Problem) =>
  workAbout(problem, centreOf(problem.prior.mean, problem.prior.sd)),
);

/** The same with data about a centre b: noise-free data and noisy ones are y′. */
export function withDataAbout(work: Work, b: Centre): Work {
  const { forward, noise } = work;
  if (b === null) return work;
  return {
    ...work,
    forward: forward && ((theta) => sub(forward(cast(theta, "f64")), b)),
    noise: noiseAbout(noise, null, b),
  };
}

/**
 * Noise of θ′ = θ − c and y′ = y − b. Noise that is added does not depend on the offset of the data; other noise sees θ and the data
 * themselves, in double precision.
 */
function noiseAbout(model: NoiseModel, c: Centre, b: Centre): NoiseModel {
  if (model.fixed !== null && (b === null || model.fixed.additive)) return model;
  // Rows of data may carry their circumstances (layout.ts), which have no offset.
  const offset = (y: Tensor): Float64Array => {
    const padded = new Float64Array(y.cols);
    padded.set(b as Float64Array);
    return padded;
  };
  const whole = (y: Tensor): Tensor => (b === null ? cast(y, "f64") : add(cast(y, "f64"), offset(y)));
  const about = (y: Tensor): Tensor => (b === null ? y : sub(y, offset(y)));
  // Counts less an offset are no counts.
  const dataOf = ({ data }: Pick<Noise, "data">): Noise["data"] => (b === null ? data : "real");
  const wrap = (noise: Noise): Noise => {
    const { each, sd, mean, fisher, observed } = noise;
    return {
      ...noise,
      data: dataOf(noise),
      draw: (clean, stream) => cast(about(noise.draw(whole(clean), stream)), clean.dtype),
      logDensity: (y, clean) => cast(noise.logDensity(whole(y), whole(clean)), clean.dtype),
      ...(each && { each: (y, clean) => cast(each(whole(y), whole(clean)), clean.dtype) }),
      ...(sd && { sd: (clean) => cast(sd(whole(clean)), clean.dtype) }),
      ...(mean && { mean: (clean) => cast(about(mean(whole(clean))), clean.dtype) }),
      ...(fisher && { fisher: (clean, row) => fisher(whole(clean), row && whole(row)) }),
      ...(observed && {
        observed: (mask) => {
          const part = observed(cast(mask, "f64"));
          return {
            logDensity: (y, clean) => cast(part.logDensity(whole(y), whole(clean)), clean.dtype),
            ...(part.fisher && { fisher: (clean: Tensor) => part.fisher?.(whole(clean)) ?? [] }),
          };
        },
      }),
    };
  };
  if (model.fixed !== null) {
    const fixed = wrap(model.fixed);
    return { ...model, data: fixed.data, fixed, at: () => fixed };
  }
  const theta = (t: Tensor): Tensor => (c === null ? cast(t, "f64") : restored(t, c));
  return { ...model, data: dataOf(model), at: (t, clean) => wrap(model.at(theta(t), whole(clean))) };
}
