/**
 * Noise models: the density of data y (B, M) given noise-free data c (B, M). One file holds one family. A family's parameters are
 * numbers, or tensors that depend on θ and c where a problem's noise is a function of them (model.ts).
 */
import { describe, type Numbers, requireEach, spread } from "../../checks/arguments.ts";
import { type Check, check } from "../../checks/options.ts";
import { add, div, exp, floor, log, maximum, mul, neg, sub, sumFeatures, tanh, where } from "../../graph/build.ts";
import { type DType, isTensor, type Operand, show, type Tensor } from "../../graph/tensor.ts";
import { log as logOf } from "../../numbers/math.ts";
import { expectBatch } from "../distribution.ts";

/** What data are: any numbers, numbers above 0, numbers between 0 and 1, or whole numbers from 0. */
export const dataKinds = ["real", "positive", "unit", "counts"] as const;
/** Name of what data are. */
export type DataKind = (typeof dataKinds)[number];

/** One term of a Fisher information: Σ_m weight_m ∇of_m ∇of_mᵀ. */
export interface Information {
  /** Functions of θ (T·B, K): the noise-free data, or parameters of the noise. */
  readonly of: Tensor;
  /** Weights ≥ 0: (T·B, K) or (T·B, 1), one number, or K numbers. */
  readonly weight: Operand;
}

/** A noise model: the density of data given noise-free data. */
export interface Noise {
  /** Name of the family: `"gaussian"`. */
  readonly name: string;
  /** Number M of data that it is made for; null: any number. */
  readonly size: number | null;
  /** What the data are. `"counts"` are whole numbers ≥ 0; yes and no are 1 and 0. */
  readonly data: DataKind;
  /** Streams of random numbers that `draw` takes, from `stream` on. */
  readonly streams: number;
  /** Whether noise is added to data, whatever they are: then it is the same for data less an offset. */
  readonly additive?: boolean;
  /** The standard deviation of each of the data, or of all, where it is the same for all noise-free data and parameters. */
  readonly constantSd?: number | readonly number[];
  /** What it cannot do: then the method throws, with what to do instead. */
  readonly lacks?: readonly ("draw" | "logDensity")[];
  /** Noisy data (T·B, M) from noise-free ones (T·B, M). */
  draw(clean: Tensor, stream: number): Tensor;
  /** Normalised log density (T·B, 1) of data y given the noise-free data, both (T·B, M) and of one type. */
  logDensity(y: Tensor, clean: Tensor): Tensor;
  /** The log density of each of the data, (T·B, M), where they are independent given the noise-free data. Mixtures need it. */
  each?(y: Tensor, clean: Tensor): Tensor;
  /** Standard deviation of each of the data (T·B, M) given the noise-free ones, or their scale where it is infinite. Absent: unknown. */
  sd?(clean: Tensor): Tensor;
  /** Mean of the data (T·B, M), where noise-free data stand for another number, as a probability of one of n trials does. */
  mean?(clean: Tensor): Tensor;
  /**
   * Fisher information F = Σ_i Σ_m weight_im ∇of_im ∇of_imᵀ, with which Gauss–Newton methods weigh misfits. Absent, or empty: they
   * take the Hessian of the log-likelihood. `row`: the data, where their circumstances decide on it (problem/seen.ts).
   */
  fisher?(clean: Tensor, row?: Tensor): readonly Information[];
  /**
   * The noise of the data that were observed, those whose mask (T·B, M) is 1, where the data depend on each other: density and
   * information do not depend on the others. Noise with `each` needs none.
   */
  observed?(mask: Tensor): Pick<Noise, "logDensity" | "fisher">;
  /** The noise with its scale multiplied by s, (T·B, 1) or (T·B, M), where it has a scale but is not `additive`. */
  scaled?(s: Tensor): Noise;
  /** The family and its numbers as plain JSON data; null where parameters are tensors, or functions of one's own. */
  readonly spec: unknown;
}

const methods = ["draw", "logDensity"] as const;
const optional = ["each", "sd", "mean", "fisher", "observed", "scaled"] as const;

/** The reason why a value is no noise model, or null where it is one. */
export function whyNotNoise(x: unknown): string | null {
  if (typeof x !== "object" || x === null) return describe(x);
  const parts = x as Partial<Record<string, unknown>>;
  if (methods.every((m) => typeof parts[m] !== "function")) return describe(x);
  const missing = methods.find((m) => typeof parts[m] !== "function");
  if (missing) return `one without the method ${missing}`;
  const odd = optional.find((m) => parts[m] !== undefined && typeof parts[m] !== "function");
  if (odd) return `one whose ${odd} is ${describe(parts[odd])}, where a function of noise-free data belongs`;
  const { size, data, streams } = parts;
  if (size !== null && !(Number.isInteger(size) && (size as number) >= 1)) return `one of size ${describe(size)}`;
  if (!dataKinds.includes(data as DataKind)) return `one whose data are ${describe(data)}, not ${dataKinds.join(", ")}`;
  if (!(Number.isInteger(streams) && (streams as number) >= 0)) return `one of ${describe(streams)} streams`;
  return null;
}

/** Whether a value is a noise model. */
export const isNoise = (x: unknown): x is Noise => whyNotNoise(x) === null;

// ---- helpers of families

/** A parameter of a noise model: a number, M numbers, or a tensor (B, 1) or (B, M). */
export type NoiseParameter = Numbers | Tensor;

/** Whether a value could be a parameter of a noise model. */
export const isNoiseParameter = (x: unknown): boolean =>
  typeof x === "number" || (typeof x === "object" && x !== null && (isTensor(x) || "length" in x));

/** A parameter of a noise model, among options. */
export const noiseParameter: Check<NoiseParameter> = check("a number, numbers or a tensor", isNoiseParameter);

/** A parameter that has been read. */
export interface ReadParameter {
  /** Its numbers, one or M; null for a tensor. */
  readonly numbers: Float64Array | null;
  /** What ops take: the numbers, or the tensor, NaN where it is out of range. */
  readonly operand: Operand;
  /** M, where there is a number for each of the data; null for one that serves all. */
  readonly size: number | null;
}

/** The range of a parameter. */
export interface Range {
  /** Completes "expected sd …". */
  readonly expected: string;
  readonly test: (x: number) => boolean;
  /** Tensors above 0 where the parameter is in its range: it is NaN elsewhere, so that no number passes for one. */
  readonly inside: (x: Tensor) => readonly Tensor[];
}

/** Positive and finite. */
export const POSITIVE: Range = {
  expected: "> 0 and finite",
  test: (x) => x > 0 && x < Infinity,
  inside: (x) => [x],
};

/**
 * Reads a parameter: a number, a list of M numbers, or a batch (B, 1) or (B, M).
 * @throws naming owner and parameter where it is none of them, or a number is out of range.
 */
export function readParameter(owner: string, name: string, value: NoiseParameter, range: Range): ReadParameter {
  if (!isTensor(value)) {
    const numbers = spread(owner, { [name]: value })[name];
    requireEach(owner, name, numbers, range.expected, range.test);
    return { numbers, operand: numbers, size: typeof value === "number" ? null : numbers.length };
  }
  if (value.kind !== "batch") {
    const wanted = `${name} to be a number, numbers, or a tensor (B, 1) or (B, M)`;
    throw new Error(`${owner}: expected ${wanted}, got ${show(value)}; give constants as numbers`);
  }
  const operand = range.inside(value).reduce((inner, above) => where(above, inner, Number.NaN), value);
  return { numbers: null, operand, size: value.cols === 1 ? null : value.cols };
}

/** The one size M of parameters that have one; null where none does. @throws where two differ. */
export function commonSize(owner: string, parameters: Readonly<Record<string, ReadParameter>>): number | null {
  const sized = Object.entries(parameters).filter(([, { size }]) => size !== null);
  const odd = sized.find(([, { size }]) => size !== sized[0][1].size);
  if (odd) {
    const [[first, { size }], [other, { size: its }]] = [sized[0], odd];
    throw new Error(`${owner}: expected ${first} and ${other} of one length, got ${size} and ${its}`);
  }
  return sized[0]?.[1].size ?? null;
}

/** @throws unless the data and the noise-free data are batches of one size, M where the noise has a list of M numbers. */
export function expectData(owner: string, size: number | null, y: Tensor, clean: Tensor): void {
  expectBatch(owner, "noise-free data", clean, size ?? clean.cols);
  expectBatch(owner, "y", y, clean.cols);
  if (y.rows !== clean.rows) throw new Error(`${owner}: expected y ${show(clean)}, got ${show(y)}`);
}

/** @throws naming the first key that is none of the known ones. */
export function expectKeys(owner: string, options: object, ...known: readonly string[]): void {
  const odd = Object.keys(options).find((key) => !known.includes(key));
  if (odd !== undefined) throw new Error(`${owner}: expected ${known.join(", ")}, got "${odd}"`);
}

/** The numbers of a spec: one for all data, or a list of M. */
export const plain = (values: Float64Array, size: number | null): number | readonly number[] =>
  size === null ? values[0] : Object.freeze(Array.from(values));

/** Σ over the data of −log scale, for M data. */
export const logScales = (scale: Float64Array, size: number | null, count: number): number =>
  size === null ? -count * logOf(scale[0]) : scale.reduce((sum, s) => sum - logOf(s), 0);

/** Σ log of a parameter over M data: a number, or (B, 1) for a tensor. */
export function sumLogs({ numbers, operand, size }: ReadParameter, M: number): number | Tensor {
  if (numbers !== null) return -logScales(numbers, size, M);
  const logs = log(operand as Tensor);
  return size === null ? mul(logs, M) : sumFeatures(logs);
}

/** Numbers of trials: whole numbers that single precision holds. */
export const TRIALS: Range = {
  expected: "a whole number from 1 to 2^24",
  test: (x) => Number.isInteger(x) && x >= 1 && x <= 16777216,
  inside: (x) => [x, add(neg(sub(x, floor(x))), 0.5 / 16777216)],
};

/** The least number that logarithms and quotients of a type take, in place of 0. */
export const leastOf = (dtype: DType): number => (dtype === "f32" ? 1e-37 : 1e-300);

/** exp(x) − 1 for x ≥ 0 without cancellation. */
export function expm1(x: Tensor): Tensor {
  const t = tanh(mul(x, 0.5));
  return where(sub(x, 1), sub(exp(x), 1), div(mul(t, 2), sub(1, t)));
}

/** −∞ where `outside` is above 0, else x; gradients stay those of x. */
export const minusInfinity = (outside: Tensor, x: Tensor): Tensor => where(outside, Number.NEGATIVE_INFINITY, x);
/** NaN where `wrong` is above 0, else x. */
export const notANumber = (wrong: Tensor, x: Tensor): Tensor => where(wrong, Number.NaN, x);
/** Above 0 where y is no whole number ≥ 0. */
export const notCount = (y: Tensor): Tensor => maximum(neg(y), sub(y, floor(y)));

/** What a family of independent data is made of. */
export interface Family {
  /** The constructor, for messages. */
  readonly owner: string;
  readonly name: string;
  readonly size: number | null;
  readonly data: DataKind;
  readonly streams: number;
  /** The log density of each of the data (T·B, M). */
  each(y: Tensor, clean: Tensor): Tensor;
  draw(clean: Tensor, stream: number): Tensor;
  sd(clean: Tensor): Tensor;
  mean?(clean: Tensor): Tensor;
  fisher?(clean: Tensor): readonly Information[];
  scaled?(s: Tensor): Noise;
  readonly spec: unknown;
}

/** A noise model of independent data, whose arguments are checked. */
export function independent({ owner, each, draw, ...rest }: Family): Noise {
  const checked: Family["each"] = (y, clean) => {
    expectData(owner, rest.size, y, clean);
    return each(y, clean);
  };
  return Object.freeze({
    ...rest,
    each: checked,
    logDensity: (y, clean) => sumFeatures(checked(y, clean)),
    draw: (clean, stream) => {
      expectBatch(owner, "noise-free data", clean, rest.size ?? clean.cols);
      return draw(clean, stream);
    },
  } satisfies Noise);
}

/** A parameter as a batch of the shape of the data. */
export const ofEach = (operand: Operand, clean: Tensor): Tensor => add(mul(clean, 0), operand);
