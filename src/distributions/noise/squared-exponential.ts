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
  sqrt,
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
  ofEach,
  POSITIVE,
  plain,
  type ReadParameter,
  readParameter,
  sumLogs,
} from "./noise.ts";
import { observedNormal } from "./observed.ts";
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

/** What has been read of the options. */
interface Settings {
  readonly scale: ReadParameter;
  readonly length: ReadParameter;
  readonly nugget: ReadParameter;
  readonly size: number | null;
  readonly positions: ArrayLike<number> | undefined;
}

const OWNER = "squaredExponentialNoise";

function readSettings(options: SquaredExponentialNoiseOptions): Settings {
  const { sd, length: given, nugget: own, at: positions } = readOptions(OWNER, squaredExponentialTable, options);
  const scale = readParameter(OWNER, "sd", sd, POSITIVE);
  const length = readParameter(OWNER, "length", given, POSITIVE);
  const nugget = readParameter(OWNER, "nugget", own, {
    expected: `at least ${LEAST_NUGGET} and finite`,
    test: (x) => x >= LEAST_NUGGET && x < Infinity,
    inside: (x) => [sub(x, LEAST_NUGGET)],
  });
  for (const [name, { size }] of Object.entries({ length, nugget }))
    if (size !== null) throw new Error(`${OWNER}: expected ${name} (B, 1), got one of ${size} columns`);
  if (positions !== undefined && scale.size !== null && scale.size !== positions.length)
    throw new Error(`${OWNER}: expected as many positions as sd, ${scale.size}, got ${positions.length}`);
  return { scale, length, nugget, positions, size: positions?.length ?? scale.size };
}

/**
 * Normal noise whose correlation falls smoothly with the distance of the data, as errors of a model do, or of an instrument that drifts.
 * @throws unless every number is positive and finite, the nugget is at least 1e-5, and positions are finite and as many as data. Where a
 * tensor is out of its range, noise and density are NaN.
 */
export function squaredExponentialNoise(options: SquaredExponentialNoiseOptions): Noise {
  const settings = readSettings(options);
  const { scale, length, nugget, size, positions } = settings;
  const sigma = scale.operand;
  const factorOf = factors(settings);
  const perSd = nugget.numbers && Math.sqrt(1 + nugget.numbers[0] * nugget.numbers[0]);
  const sds = perSd && scale.numbers?.map((s) => s * perSd);
  const spec = length.numbers && nugget.numbers && scale.numbers;
  return Object.freeze({
    name: "squared exponential",
    size,
    data: "real",
    streams: 1,
    additive: true,
    ...(sds && { constantSd: plain(sds, scale.size) }),
    draw: (clean, stream) => {
      expectBatch(OWNER, "noise-free data", clean, size ?? clean.cols);
      const e = cast(random("normal", clean.cols, stream, clean.rows), clean.dtype);
      return add(clean, mul(factorOf(clean).colour(e), sigma));
    },
    logDensity: (y, clean) => {
      expectData(OWNER, size, y, clean);
      const { whiten, logDiagonal } = factorOf(clean);
      const squares = sumFeatures(square(whiten(div(sub(y, clean), sigma))));
      const quadratic = mul(add(squares, y.cols * LOG_2PI), -0.5);
      return sub(sub(quadratic, logDiagonal), sumLogs(scale, y.cols));
    },
    sd: (clean) => {
      const spread = isTensor(nugget.operand) ? sqrt(add(square(nugget.operand), 1)) : (perSd as number);
      return mul(ofEach(sigma, clean), spread);
    },
    fisher: (clean) => informationOf(settings, factorOf, clean),
    observed: (mask) => {
      const [M, halves] = [mask.cols, halvesOf(settings, mask.cols)];
      const known = nugget.numbers && length.numbers;
      const r = known
        ? correlationsOf(halves, M, known[0], (nugget.numbers as Float64Array)[0])
        : correlations(halves, M, length.operand, nugget.operand, mask);
      return observedNormal(OWNER, r, sigma, mask);
    },
    spec: spec
      ? {
          name: "squared exponential",
          sd: plain(spec, scale.size),
          length: length.numbers?.[0],
          nugget: nugget.numbers?.[0],
          at: positions === undefined ? null : Array.from(positions),
        }
      : null,
  } satisfies Noise);
}

const halvesOf = ({ positions }: Settings, M: number): Float64Array =>
  halfSquares(positions ?? Array.from({ length: M }, (_, m) => m));

/** The factor of R for noise-free data: one of numbers is made once. */
function factors(settings: Settings): (clean: Tensor) => Factor {
  const { length, nugget } = settings;
  const known = new Map<number, Factor>();
  return (clean) => {
    const M = clean.cols;
    if (length.numbers === null || nugget.numbers === null)
      return ofSamples(M, correlations(halvesOf(settings, M), M, length.operand, nugget.operand, clean));
    const made =
      known.get(M) ?? whitening(OWNER, correlationsOf(halvesOf(settings, M), M, length.numbers[0], nugget.numbers[0]));
    known.set(M, made);
    return made;
  };
}

/** Empty, so that the Hessian is taken, where it would need too many nodes. */
function informationOf(settings: Settings, factorOf: (clean: Tensor) => Factor, clean: Tensor): readonly Information[] {
  const { scale, length, nugget } = settings;
  const sigma = scale.operand;
  const M = clean.cols;
  if (length.numbers && nugget.numbers && (scale.numbers || scale.size === null)) {
    const white = { of: factorOf(clean).whiten(div(clean, isTensor(sigma) ? detach(sigma) : sigma)), weight: 1 };
    return isTensor(sigma) ? [white, { of: log(sigma), weight: 2 * M }] : [white];
  }
  if (M > MOST_INFORMED) return [];
  const r = correlations(halvesOf(settings, M), M, length.operand, nugget.operand, clean);
  return ofMatrices(M, clean, sigma, r);
}

function correlationsOf(halves: Float64Array, M: number, length: number, nugget: number): Float64Array {
  const diagonal = onDiagonal(M, nugget * nugget);
  return halves.map((h, k) => expOf(-h / (length * length)) + diagonal[k]);
}

/** The factor of each sample's R. @throws for more data than a matrix of each sample allows. */
function ofSamples(M: number, r: Tensor): Factor {
  if (M > MOST_DATA)
    throw new Error(
      `${OWNER}: expected at most ${MOST_DATA} data with a length or nugget that is a tensor, got ${M}; fix them as numbers, or use ar1Noise()`,
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
