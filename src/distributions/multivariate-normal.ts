/**
 * log N(θ; μ, L Lᵀ) = −½ |L⁻¹(θ − μ)|² − Σ log L_ii − ½ D log 2π, drawn as μ + L ε. The map to the line is x = L⁻¹(θ − μ), whose entries
 * are independent standard normals, so that guides and samplers see a prior without correlations.
 */
import { describe, isFiniteNumber, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { check, type OptionsOf, option, readOptions, required } from "../checks/options.ts";
import { add, cast, mul, random, square, sub, sumFeatures } from "../graph/build.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import { LOG_2PI } from "../numbers/math.ts";
import { sumOfSquares } from "../numbers/moments.ts";
import { factorise, invert, packed, packedOrder, triIndex } from "../numbers/triangles.ts";
import { type Distribution, expectBatch, minus } from "./distribution.ts";
import { makeSupport } from "./support.ts";
import { type Factor, factorOf, triangleOf, whitening } from "./whitening.ts";

/** Larger factors make graphs and files of tens of megabytes. */
const MOST = 512;
/** Difference of (i, j) and (j, i), beside the diagonal, up to which a matrix counts as symmetric. */
const ASYMMETRY = 1e-9;

/** A matrix (D, D): its rows, or its entries row by row. */
export type Matrix = ArrayLike<number> | readonly ArrayLike<number>[];

const matrix = check<Matrix>(
  "a matrix, as a list of rows or of entries row by row",
  (x) => typeof x === "object" && x !== null && "length" in x,
);

/** The options of `multivariateNormal`; one of the three matrices must be given. */
export const multivariateNormalTable = {
  /** Mean μ: a number for all entries, or a list of D. Within `joint`, it may be a tensor (B, 1) or (B, D). */
  mean: required(check<Numbers | Tensor>("a number or numbers", (x) => typeof x === "number" || typeof x === "object")),
  /** Covariance (D, D), symmetric and positive definite. */
  covariance: option(matrix),
  /** Inverse of the covariance (D, D). */
  precision: option(matrix),
  /** Lower-triangular factor L (D, D) of the covariance L Lᵀ, with a positive diagonal. */
  factor: option(matrix),
};
/** Options of `multivariateNormal`. */
export type MultivariateNormalOptions = OptionsOf<typeof multivariateNormalTable>;

const owner = "multivariateNormal";

/** Entries (D · D), row by row. @throws unless it is square, and its numbers are finite. */
function entriesOf(name: string, given: Matrix): { readonly entries: Float64Array; readonly D: number } {
  const nested = given.length > 0 && typeof given[0] === "object";
  const rows = nested ? (given as readonly ArrayLike<number>[]) : null;
  const D = rows ? rows.length : Math.round(Math.sqrt(given.length));
  const odd = rows?.find((row) => row?.length !== D);
  if (odd !== undefined || D < 1 || (!rows && D * D !== given.length)) {
    const got =
      odd !== undefined
        ? `a row of ${(odd as ArrayLike<number> | null)?.length ?? describe(odd)} among ${D}`
        : `${given.length} numbers`;
    throw new Error(`${owner}: expected ${name} to be a square matrix, got ${got}`);
  }
  if (D > MOST)
    throw new Error(
      `${owner}: expected at most ${MOST} entries, got ${D}; give parts that are independent to product()`,
    );
  const list = rows ? rows.flatMap((row) => Array.from(row)) : Array.from(given as ArrayLike<number>);
  const entries = Float64Array.from(list, (x) => (typeof x === "number" ? x : Number.NaN));
  requireEach(owner, name, entries, "finite", isFiniteNumber);
  return { entries, D };
}

/** The factor of a symmetric matrix, packed. @throws unless it is symmetric and positive definite. */
function choleskyOf(name: string, given: Matrix): Float64Array {
  const { entries, D } = entriesOf(name, given);
  const l = new Float64Array(packed(D));
  for (let i = 0; i < D; i++)
    for (let j = 0; j <= i; j++) {
      const [a, b] = [entries[i * D + j], entries[j * D + i]];
      const scale = Math.sqrt(Math.abs(entries[i * D + i] * entries[j * D + j]));
      if (!(Math.abs(a - b) <= ASYMMETRY * scale))
        throw new Error(
          `${owner}: expected ${name} to be symmetric, got ${a} at (${i + 1}, ${j + 1}) and ${b} at (${j + 1}, ${i + 1})`,
        );
      l[triIndex(i, j)] = 0.5 * (a + b);
    }
  const failed = factorise(l);
  if (failed < 0) return l;
  throw new Error(
    `${owner}: expected ${name} to be positive definite, got a pivot of ${l[triIndex(failed, failed)]} in row ${failed + 1}`,
  );
}

const ways = {
  covariance: (m: Matrix) => choleskyOf("covariance", m),
  precision: (m: Matrix) => {
    const covariance = invert(choleskyOf("precision", m));
    factorise(covariance);
    return covariance;
  },
  factor: (m: Matrix) => {
    const { entries, D } = entriesOf("factor", m);
    return triangleOf(owner, D, (i, j) => entries[i * D + j]);
  },
};

/**
 * A normal distribution with correlations, by its mean and its `covariance`, its `precision` or a `factor` of the covariance.
 * @throws unless exactly one matrix is given, which is square, of the length of the mean, and positive definite.
 */
export function multivariateNormal(options: MultivariateNormalOptions): Distribution {
  const given = readOptions(owner, multivariateNormalTable, options);
  const names = Object.keys(ways).filter((k) => given[k as keyof typeof ways] !== undefined) as (keyof typeof ways)[];
  if (names.length !== 1)
    throw new Error(`${owner}: expected one of covariance, precision and factor, got ${names.join(" and ") || "none"}`);
  const l = ways[names[0]](given[names[0]] as Matrix);
  const D = packedOrder(l.length);
  const { mean } = given;
  if (isTensor(mean)) {
    if (mean.kind !== "batch" || (mean.cols !== 1 && mean.cols !== D))
      throw new Error(`${owner}: expected mean to be a batch (B, 1) or (B, ${D}), got ${show(mean)}`);
    return aboutTensor(mean, l);
  }
  const list = spread(owner, { mean }).mean;
  if (list.length !== 1 && list.length !== D)
    throw new Error(`${owner}: expected mean and ${names[0]} of one length, got ${list.length} and ${D}`);
  requireEach(owner, "mean", list, "finite", isFiniteNumber);
  return made(typeof mean === "number" ? new Float64Array(D).fill(mean) : list, l);
}

/** log N of the difference from the mean, (B, D) → (B, 1). */
const densityOf =
  ({ D, solve, logDet }: Factor) =>
  (difference: Tensor): Tensor =>
    add(mul(sumFeatures(square(solve(difference))), -0.5), -logDet - 0.5 * D * LOG_2PI);

function made(mean: Float64Array, l: Float64Array): Distribution {
  const factor = factorOf(l);
  const { D, times, rows } = factor;
  const logDensity = densityOf(factor);
  return Object.freeze({
    ...whitening(owner, mean, l),
    name: owner,
    mean,
    sd: Float64Array.from(rows, (row) => Math.sqrt(sumOfSquares(row))),
    realMean: new Float64Array(D),
    realSd: new Float64Array(D).fill(1),
    streams: 1,
    draw: (stream, dtype) => add(times(cast(random("normal", D, stream), dtype)), mean),
    logDensity: (theta) => {
      expectBatch(owner, "theta", theta, D);
      return logDensity(sub(theta, mean));
    },
    about: (centre) => made(minus(mean, centre), l),
    spec: { name: owner, mean: Array.from(mean), factor: rows },
  } satisfies Distribution);
}

/** With a mean that depends on other parameters: the line is that of θ itself. */
function aboutTensor(mean: Tensor, l: Float64Array): Distribution {
  const factor = factorOf(l);
  const { D, times } = factor;
  const logDensity = densityOf(factor);
  const fill = (x: number): Float64Array => new Float64Array(D).fill(x);
  const none = fill(Number.NaN);
  return Object.freeze({
    ...makeSupport(owner, fill(-Infinity), fill(Infinity)),
    name: owner,
    size: D,
    mean: none,
    sd: none,
    realMean: none,
    realSd: none,
    streams: 1,
    draw: (stream, dtype) => add(times(cast(random("normal", D, stream), dtype)), mean),
    logDensity: (theta) => logDensity(sub(theta, mean)),
    about: () => {
      throw new Error(`internal: ${owner} about a centre, with a tensor as mean`);
    },
    conditional: true,
    spec: null,
  } satisfies Distribution);
}
