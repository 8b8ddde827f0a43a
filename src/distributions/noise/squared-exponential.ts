/**
 * Normal noise that is correlated smoothly along positions x_m of the data (Rasmussen & Williams, Gaussian Processes for Machine
 * Learning, §4.2): y_m = c_m + σ_m u_m, u ~ N(0, R),
 *
 *   R_mn = exp(−½ (x_m − x_n)²/ℓ²) + η² δ_mn,   R = L Lᵀ,
 *   log p(y|c) = −½ |L⁻¹ u|² − Σ log L_mm − Σ log σ_m − ½ M log 2π,
 *
 * with Fisher information |∂ L⁻¹ D⁻¹ c|² + ½ tr (Σ⁻¹ ∂Σ)², Σ = D R D, D = diag σ. With numbers for ℓ and η L is factored once.
 */
import { check, type OptionsOf, option, readOptions, required } from "../../checks/options.ts";
import {
  add,
  cast,
  cholesky,
  columns,
  concat,
  detach,
  div,
  exp,
  log,
  mul,
  random,
  square,
  sub,
  sumFeatures,
  triMul,
  triSolve,
} from "../../graph/build.ts";
import { triDiagonal } from "../../graph/linear.ts";
import { isTensor, type Operand, type Tensor } from "../../graph/tensor.ts";
import { exp as expOf, LOG_2PI } from "../../numbers/math.ts";
import { packed, triIndex } from "../../numbers/triangles.ts";
import { expectBatch } from "../distribution.ts";
import {
  expectData,
  type Information,
  isNoiseParameter,
  type Noise,
  type NoiseParameter,
  POSITIVE,
  plain,
  readParameter,
  sumLogs,
} from "./noise.ts";
import { type Whitening, whitening } from "./whitening.ts";

/** Most data where ℓ or η are tensors, and each sample has a matrix of its own; and with its Fisher information. */
const MOST_DATA = 256;
const MOST_INFORMED = 32;
/** Keeps R positive definite in double precision. */
const LEAST_NUGGET = 1e-5;

const parameter = check<NoiseParameter>("a number, numbers or a tensor", isNoiseParameter);
const scalar = check<number | Tensor>("a number or a tensor (B, 1)", (x) => typeof x === "number" || isTensor(x));

/** The options of `squaredExponentialNoise`. */
export const squaredExponentialTable = {
  /** Standard deviation σ of the smooth part of each of the data: one number, M numbers, or a tensor (B, 1) or (B, M). */
  sd: required(parameter),
  /** Length ℓ over which it is correlated, in units of the positions: a number, or a tensor (B, 1). */
  length: required(scalar),
  /** Standard deviation η of an independent part, in units of sd, at least 1e-5: a number, or a tensor (B, 1). */
  nugget: option(scalar, 1e-3),
  /** Positions x of the data, M numbers; 0, 1, 2, … by default. */
  at: option(
    check<ArrayLike<number>>(
      "a list of finite numbers",
      (x) => typeof x === "object" && x !== null && "length" in x && Array.from(x as number[]).every(Number.isFinite),
    ),
  ),
};
/** Options of `squaredExponentialNoise`. */
export type SquaredExponentialNoiseOptions = OptionsOf<typeof squaredExponentialTable>;

/** A factor of R on rows (B, M): of numbers, or one for each sample. */
type Factor = Pick<Whitening, "whiten" | "colour"> & { readonly logDiagonal: number | Tensor };

/** Half the squared distances of pairs of positions, packed. */
function halfSquares(x: ArrayLike<number>): Float64Array {
  const out = new Float64Array(packed(x.length));
  for (let i = 0; i < x.length; i++)
    for (let j = 0; j < i; j++) out[triIndex(i, j)] = ((x[i] - x[j]) * (x[i] - x[j])) / 2;
  return out;
}

const onDiagonal = (M: number, value: number): Float64Array => {
  const out = new Float64Array(packed(M));
  for (let m = 0; m < M; m++) out[triIndex(m, m)] = value;
  return out;
};

/** R, packed, (B, M(M + 1)/2). */
const correlations = (halves: Float64Array, M: number, length: Operand, nugget: Operand, like: Tensor): Tensor => {
  const of = (x: Operand): Tensor => (isTensor(x) ? x : add(mul(columns(like, [0]), 0), x));
  const smooth = exp(div(mul(add(mul(of(length), 0), halves), -1), square(of(length))));
  return add(smooth, mul(square(of(nugget)), onDiagonal(M, 1)));
};

/**
 * Normal noise whose correlation falls smoothly with the distance of the data, as errors of a model do, or of an instrument that drifts.
 * @throws unless every number is positive and finite, the nugget is at least 1e-5, and positions are finite and as many as data. Where a
 * tensor is out of its range, noise and density are NaN.
 */
export function squaredExponentialNoise(options: SquaredExponentialNoiseOptions): Noise {
  const owner = "squaredExponentialNoise";
  const { sd, length: given, nugget: own, at } = readOptions(owner, squaredExponentialTable, options);
  const scale = readParameter(owner, "sd", sd, POSITIVE);
  const length = readParameter(owner, "length", given, POSITIVE);
  const nugget = readParameter(owner, "nugget", own, {
    expected: `at least ${LEAST_NUGGET} and finite`,
    test: (x) => x >= LEAST_NUGGET && x < Infinity,
    inside: (x) => [sub(x, LEAST_NUGGET)],
  });
  for (const [name, { size }] of Object.entries({ length, nugget }))
    if (size !== null) throw new Error(`${owner}: expected ${name} (B, 1), got one of ${size} columns`);
  if (at !== undefined && scale.size !== null && scale.size !== at.length)
    throw new Error(`${owner}: expected as many positions as sd, ${scale.size}, got ${at.length}`);
  const size = at?.length ?? scale.size;
  const fixed = length.numbers !== null && nugget.numbers !== null;
  const sigma = scale.operand;
  const known = new Map<number, Factor>();
  const factorOf = (like: Tensor): Factor => {
    const M = like.cols;
    const halves = halfSquares(at ?? Array.from({ length: M }, (_, m) => m));
    if (!fixed) return ofSamples(owner, M, correlations(halves, M, length.operand, nugget.operand, like));
    const [l, eta] = [length.numbers[0], nugget.numbers[0]];
    const made = known.get(M) ?? whitening(owner, correlationsOf(halves, M, l, eta));
    known.set(M, made);
    return made;
  };
  const perSd = nugget.numbers ? Math.sqrt(1 + nugget.numbers[0] ** 2) : null;
  const informed = !fixed || scale.numbers !== null || scale.size === null;
  return Object.freeze({
    name: "squared exponential",
    size,
    data: "real",
    streams: 1,
    additive: true,
    ...(scale.numbers &&
      perSd && {
        constantSd: plain(
          scale.numbers.map((s) => s * perSd),
          scale.size,
        ),
      }),
    draw: (clean, stream) => {
      expectBatch(owner, "noise-free data", clean, size ?? clean.cols);
      const e = cast(random("normal", clean.cols, stream, clean.rows), clean.dtype);
      return add(clean, mul(factorOf(clean).colour(e), sigma));
    },
    logDensity: (y, clean) => {
      expectData(owner, size, y, clean);
      const { whiten, logDiagonal } = factorOf(clean);
      const squares = sumFeatures(square(whiten(div(sub(y, clean), sigma))));
      const quadratic = mul(add(squares, y.cols * LOG_2PI), -0.5);
      return sub(sub(quadratic, logDiagonal), sumLogs(scale, y.cols));
    },
    sd: (clean) => {
      const spread = isTensor(nugget.operand) ? sqrtOf(add(square(nugget.operand), 1)) : (perSd as number);
      return mul(add(mul(clean, 0), sigma), spread);
    },
    ...(informed && {
      fisher: (clean: Tensor) => {
        const still = isTensor(sigma) ? detach(sigma) : sigma;
        const M = clean.cols;
        if (fixed) {
          const white = { of: factorOf(clean).whiten(div(clean, still)), weight: 1 };
          return isTensor(sigma) ? [white, { of: log(sigma), weight: 2 * M }] : [white];
        }
        if (M > MOST_INFORMED) return []; // so that the Hessian is taken
        const halves = halfSquares(at ?? Array.from({ length: M }, (_, m) => m));
        return ofMatrices(M, clean, sigma, correlations(halves, M, length.operand, nugget.operand, clean));
      },
    }),
    spec:
      fixed && scale.numbers
        ? {
            name: "squared exponential",
            sd: plain(scale.numbers, scale.size),
            length: length.numbers[0],
            nugget: nugget.numbers[0],
            at: at === undefined ? null : Array.from(at),
          }
        : null,
  } satisfies Noise);
}

const sqrtOf = (x: Tensor): Tensor => exp(mul(log(x), 0.5));

function correlationsOf(halves: Float64Array, M: number, length: number, nugget: number): Float64Array {
  const diagonal = onDiagonal(M, nugget * nugget);
  return halves.map((h, k) => expOf(-h / (length * length)) + diagonal[k]);
}

/** The factor of each sample's R. @throws for more data than a matrix of each sample allows. */
function ofSamples(owner: string, M: number, r: Tensor): Factor {
  if (M > MOST_DATA)
    throw new Error(
      `${owner}: expected at most ${MOST_DATA} data with a length or nugget that is a tensor, got ${M}; fix them as numbers, or use ar1Noise()`,
    );
  const l = cholesky(r);
  return {
    whiten: (x) => triSolve(l, x),
    colour: (x) => triMul(l, x),
    logDiagonal: sumFeatures(log(triDiagonal(l))),
  };
}

/** The information with a matrix Σ = D R D for each sample: ½ |L̃⁻¹ D̃⁻¹ ∂Σ D̃⁻¹ L̃⁻ᵀ|², the factors without derivatives. */
function ofMatrices(M: number, clean: Tensor, sigma: Operand, r: Tensor): readonly Information[] {
  const l = detach(cholesky(r));
  const still = isTensor(sigma) ? detach(sigma) : sigma;
  const white = { of: triSolve(l, div(clean, still)), weight: 1 };
  const places = Array.from({ length: M }, (_, i) =>
    Array.from({ length: M }, (_x, j) => triIndex(Math.max(i, j), Math.min(i, j))),
  );
  const ratio = isTensor(sigma) ? div(add(mul(clean, 0), sigma), detach(add(mul(clean, 0), sigma))) : null;
  const column = (j: number): Tensor => {
    const own = columns(r, places[j]);
    return ratio === null ? own : mul(mul(own, ratio), columns(ratio, [j]));
  };
  const half = concat(...places.map((_, j) => triSolve(l, column(j)))); // (L⁻¹ S)_ij at j M + i
  const whole = places.map((_, i) =>
    triSolve(
      l,
      columns(
        half,
        places.map((_x, j) => j * M + i),
      ),
    ),
  ); // row i of L⁻¹ S L⁻ᵀ
  const lower = concat(
    ...whole.map((row, i) =>
      columns(
        row,
        Array.from({ length: i + 1 }, (_, j) => j),
      ),
    ),
  );
  const weight = onDiagonal(M, -0.5).map((w) => 1 + w);
  return [white, { of: lower, weight }];
}
