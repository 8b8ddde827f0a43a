/**
 * Two moons (Greenberg, Nonnenmacher & Macke, ICML 2019, appendix; as in Lueckmann et al., Benchmarking simulation-based
 * inference, AISTATS 2021, T.8): θ ~ U(−1, 1)², and
 *
 *   y = (−|θ1 + θ2|, −θ1 + θ2)/√2 + n,   n = (r cos α + 0.25, r sin α),   r ~ N(0.1, 0.01²),   α ~ U(−π/2, π/2).
 *
 * The noise is a crescent, so the posterior is two thin crescents that face each other and, for most data, do not touch. A guide
 * must bend and split for it. With ρ its distance from (0.25, 0), n has density N(ρ; 0.1, 0.01²)/πρ to the right of that point.
 */
import { expectBatch } from "../distributions/distribution.ts";
import { type Noise, ofEach } from "../distributions/noise/noise.ts";
import { uniform } from "../distributions/uniform.ts";
import {
  abs,
  add,
  cast,
  concat,
  constant,
  cos,
  log,
  maximum,
  mul,
  neg,
  probit,
  random,
  sin,
  slice,
  split,
  sqrt,
  square,
  sub,
  where,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mixture } from "../guides/mixture.ts";
import { cos as cosOf, probit as probitOf, sin as sinOf } from "../numbers/math.ts";
import { uniforms } from "../numbers/random.ts";
import { defineProblem } from "../problem/define.ts";
import { checkData, type Problem } from "../problem/problem.ts";
import type { Preset } from "../train/options.ts";

const RADIUS = 0.1;
const RADIUS_SD = 0.01;
const OFFSET = 0.25;
const SQRT_HALF = Math.SQRT1_2;
/** Means over α: cos has 2/π, its square ½; E r² = RADIUS² + RADIUS_SD². */
const RADIUS_SQUARE = RADIUS * RADIUS + RADIUS_SD * RADIUS_SD;
const NOISE_SDS = [
  Math.sqrt(RADIUS_SQUARE / 2 - (4 * RADIUS * RADIUS) / (Math.PI * Math.PI)),
  Math.sqrt(RADIUS_SQUARE / 2),
];
/** log(RADIUS_SD √2π π) */
const LOG_NORM = -2.5415017669340187;
/** Keeps the logarithm and its derivative finite where the noise has density 0. */
const LEAST_RADIUS = 1e-12;

/** n, with its mean, which is not 0. */
const crescent: Noise = Object.freeze({
  name: "crescent",
  size: 2,
  data: "real",
  streams: 1,
  constantSd: NOISE_SDS,
  sd: (clean) => ofEach(NOISE_SDS, clean),
  draw: (clean, stream) => {
    expectBatch("crescent", "noise-free data", clean, 2);
    const [first, second] = split(cast(random("uniform", 2, stream, clean.rows), clean.dtype));
    const radius = add(mul(probit(first), RADIUS_SD), RADIUS);
    const angle = mul(sub(second, 0.5), Math.PI);
    return add(clean, concat(add(mul(radius, cos(angle)), OFFSET), mul(radius, sin(angle))));
  },
  logDensity: (y, clean) => {
    const [first, second] = split(sub(y, clean));
    const right = sub(first, OFFSET);
    const radius = maximum(sqrt(add(square(right), square(second))), LEAST_RADIUS);
    const misfit = square(mul(sub(radius, RADIUS), 1 / RADIUS_SD));
    const value = sub(sub(mul(misfit, -0.5), log(radius)), LOG_NORM);
    return where(right, value, log(constant(0, y.dtype))); // −∞ to the left
  },
  spec: { name: "crescent", radius: RADIUS, sd: RADIUS_SD, offset: OFFSET },
} satisfies Noise);

/** (B, 2) → (B, 2). */
function forward(theta: Tensor): Tensor {
  const [a, b] = [slice(theta, 0, 1), slice(theta, 1, 2)];
  return mul(concat(neg(abs(add(a, b))), sub(b, a)), SQRT_HALF);
}

const BLOCK = 256;
const MOST_PROPOSALS = 5e6;

/**
 * Exact draws (count, 2): in u = (θ1 + θ2)/√2, v = (θ2 − θ1)/√2 the data are (−|u|, v) + n, so n gives |u| = n1 − y1 and
 * v = y2 − n2, with either sign of u; a draw is kept if θ is within the prior.
 */
function exact(given: ArrayLike<number>, count: number, seed: number): Float32Array {
  const [y] = checkData({ M: 2 }, given);
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`two-moons: expected a whole number of draws, got ${count}`);
  const out = new Float32Array(2 * count);
  let numbers: Float64Array = new Float64Array(0);
  for (let [kept, proposal] = [0, 0]; kept < count; proposal++) {
    if (proposal >= MOST_PROPOSALS)
      throw new Error(
        `two-moons: expected data near what the model can make; got ${kept} of ${count} exact draws in ${proposal} proposals`,
      );
    const at = 3 * (proposal % BLOCK);
    if (at === 0) numbers = uniforms(seed, 1 + proposal / BLOCK, 3 * BLOCK);
    const radius = RADIUS + RADIUS_SD * probitOf(numbers[at]);
    const angle = Math.PI * (numbers[at + 1] - 0.5);
    const size = radius * cosOf(angle) + OFFSET - y[0];
    if (size < 0) continue;
    const u = numbers[at + 2] < 0.5 ? -size : size;
    const v = y[1] - radius * sinOf(angle);
    const [a, b] = [SQRT_HALF * (u - v), SQRT_HALF * (u + v)];
    if (Math.abs(a) < 1 && Math.abs(b) < 1) out.set([a, b], 2 * kept++);
  }
  return out;
}

const presets: Readonly<Record<string, Preset>> = {
  fast: { spline: { steps: 6000 }, mixture: { guide: mixture({ components: 16 }), steps: 6000 } },
  default: { spline: { steps: 40_000 }, mixture: { guide: mixture({ components: 16 }), steps: 40_000 } },
};

/** Two parameters whose posterior has two modes shaped like moons, with exact draws. */
export const twoMoons: Problem = /* @__PURE__ */ defineProblem({
  name: "two-moons",
  description: "a toy of two parameters whose posterior is two separate crescents",
  prior: uniform([-1, -1], 1),
  forward,
  noise: crescent,
  presets,
  exact,
});
