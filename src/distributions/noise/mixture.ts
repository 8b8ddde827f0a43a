/**
 * A mixture of noise models for each of the data alone,
 *
 *   p(y|c) = Π_m Σ_k w_k p_k(y_m|c_m),
 *
 * such as a share of outliers with heavier noise.
 */
import { describe } from "../../checks/arguments.ts";
import {
  add,
  cast,
  exp,
  log,
  log1p,
  maximum,
  minimum,
  mul,
  random,
  sqrt,
  square,
  sub,
  sumFeatures,
  where,
} from "../../graph/build.ts";
import { isTensor, type Operand, type Tensor } from "../../graph/tensor.ts";
import { log as logOf } from "../../numbers/math.ts";
import { expectData, expectKeys, type Noise, type Range, readParameter, whyNotNoise } from "./noise.ts";

/** A part of a mixture. */
export interface MixturePart {
  /** Its share of the data, between 0 and 1: a number, or a tensor (B, 1). One part may leave it out: it takes the rest. */
  readonly weight?: number | Tensor;
  /** Noise whose data are independent given the noise-free data. */
  readonly noise: Noise;
}

/** Weights of numbers may sum to 1 up to this. */
const SUM = 1e-9;
/** Below every log density, so that the difference of two densities of 0 is a number. */
const LEAST = -1e30;

const SHARE: Range = {
  expected: "between 0 and 1",
  test: (x) => x > 0 && x < 1,
  inside: (x) => [x, sub(1, x)],
};

type Weight = number | Tensor;

/** log(eᵃ + eᵇ). */
function logAddExp(a: Tensor, b: Tensor): Tensor {
  const high = maximum(a, b);
  return add(high, log1p(exp(sub(minimum(a, b), maximum(high, LEAST)))));
}

const sumOf = (list: readonly Weight[]): Weight =>
  list.reduce((sum, w) => (isTensor(sum) || isTensor(w) ? add(sum, w) : sum + w), 0 as Weight);

/** The weights, the one that is left out filled in. */
function readWeights(owner: string, parts: readonly MixturePart[]): Weight[] {
  const given = parts.map(({ weight }, k) => {
    if (weight === undefined) return undefined;
    const { numbers, operand, size } = readParameter(owner, `weight of part ${k + 1}`, weight, SHARE);
    if (size !== null) throw new Error(`${owner}: expected weight of part ${k + 1} (B, 1), got one of ${size} columns`);
    return numbers === null ? (operand as Tensor) : numbers[0];
  });
  const open = given.flatMap((w, k) => (w === undefined ? [k] : []));
  const total = sumOf(given.filter((w) => w !== undefined));
  if (open.length > 1) throw new Error(`${owner}: expected at most one part without weight, got ${open.length}`);
  if (open.length === 0) {
    if (isTensor(total))
      throw new Error(
        `${owner}: expected one part without weight, which takes the rest, beside weights that are tensors`,
      );
    if (!(Math.abs(total - 1) <= SUM)) throw new Error(`${owner}: expected weights that sum to 1, got ${total}`);
    return given as Weight[];
  }
  if (!isTensor(total) && !(total < 1)) throw new Error(`${owner}: expected weights below 1 in all, got ${total}`);
  const rest = isTensor(total) ? sub(1, total) : 1 - total;
  return given.map((w) => w ?? (isTensor(rest) ? where(rest, rest, Number.NaN) : rest));
}

function readParts(owner: string, parts: readonly MixturePart[]): void {
  if (!Array.isArray(parts) || parts.length < 2)
    throw new Error(`${owner}: expected a list of at least two { weight, noise }, got ${describe(parts)}`);
  parts.forEach((part, k) => {
    const why = whyNotNoise(part?.noise);
    if (why !== null) throw new Error(`${owner}: expected noise of part ${k + 1} to be a noise model, got ${why}`);
    expectKeys(owner, part, "weight", "noise");
    const { name, each, lacks, data, size } = part.noise as Noise;
    const [first] = parts as readonly MixturePart[];
    if (each === undefined)
      throw new Error(
        `${owner}: expected noise whose data are independent, got "${name}" in part ${k + 1}, which has no density of each; write the mixture of whole data as a likelihood()`,
      );
    if (lacks?.length)
      throw new Error(`${owner}: expected noise with draw and logDensity, got "${name}" without ${lacks[0]}`);
    if (data !== first.noise.data)
      throw new Error(`${owner}: expected parts of one kind of data, got ${first.noise.data} and ${data}`);
    const other = parts.find((p) => p.noise.size !== null && size !== null && p.noise.size !== size);
    if (other) throw new Error(`${owner}: expected parts of one size, got ${other.noise.size} and ${size}`);
  });
}

/**
 * A mixture for each of the data alone: `mixtureNoise([{ noise: gaussianNoise(0.1) }, { weight: 0.05, noise: gaussianNoise(2) }])`.
 * @throws unless there are at least two parts of independent data of one kind and size, and weights between 0 and 1 that sum to 1; one
 * part may leave its weight out. Where a weight that is a tensor is out of its range, density and draws are NaN.
 */
export function mixtureNoise(parts: readonly MixturePart[]): Noise {
  const owner = "mixtureNoise";
  readParts(owner, parts);
  const weights = readWeights(owner, parts);
  const noises = parts.map(({ noise }) => noise);
  const size = noises.find((n) => n.size !== null)?.size ?? null;
  const each = (y: Tensor, clean: Tensor): Tensor => {
    expectData(owner, size, y, clean);
    const logs = noises.map((n, k) => {
      const w = weights[k];
      return add((n.each as NonNullable<Noise["each"]>)(y, clean), isTensor(w) ? log(w) : logOf(w));
    });
    return logs.reduce(logAddExp);
  };
  const hasMean = noises.some((n) => n.mean);
  const hasSd = noises.every((n) => n.sd);
  const mean = (clean: Tensor): Tensor =>
    noises.map((n, k) => mul(n.mean?.(clean) ?? clean, weights[k])).reduce((sum, m) => add(sum, m));
  const sd = (clean: Tensor): Tensor => {
    const centre = hasMean ? mean(clean) : clean;
    return sqrt(
      noises
        .map((n, k) => {
          const spread = square((n.sd as NonNullable<Noise["sd"]>)(clean));
          const off = hasMean ? add(spread, square(sub(n.mean?.(clean) ?? clean, centre))) : spread;
          return mul(off, weights[k]);
        })
        .reduce((sum, v) => add(sum, v)),
    );
  };
  const isFixed = noises.every((n) => n.spec !== null) && !weights.some(isTensor);
  const constantSd = hasMean ? undefined : constantOf(noises, weights, size);
  return Object.freeze({
    name: "mixture",
    size,
    data: noises[0].data,
    streams: noises.reduce((sum, n) => sum + n.streams, 1),
    ...(noises.every((n) => n.additive) && { additive: true }),
    ...(constantSd !== undefined && { constantSd }),
    draw: (clean, stream) => {
      const u = cast(random("uniform", clean.cols, stream, clean.rows), clean.dtype);
      let at = stream + 1;
      const drawn = noises.map((n) => {
        const own = n.draw(clean, at);
        at += n.streams;
        return own;
      });
      // Part k where u lies between the sums of the weights before it and with it.
      const picked = drawn.reduceRight((rest, own, k) => where(sub(below(weights, k), u), own, rest));
      const all = sumOf(weights);
      return isTensor(all) ? add(picked, mul(all, 0)) : picked; // NaN where a weight is
    },
    logDensity: (y, clean) => sumFeatures(each(y, clean)),
    each,
    ...(hasSd && { sd }),
    ...(hasMean && { mean }),
    spec: isFixed ? { name: "mixture", parts: noises.map((n, k) => ({ weight: weights[k], noise: n.spec })) } : null,
  } satisfies Noise);
}

/** The sum of the weights up to part k. */
const below = (weights: readonly Weight[], k: number): Operand => sumOf(weights.slice(0, k + 1));

/** The sd where all are numbers. */
function constantOf(
  noises: readonly Noise[],
  weights: readonly Weight[],
  size: number | null,
): number | readonly number[] | undefined {
  if (weights.some(isTensor) || noises.some((n) => n.constantSd === undefined)) return undefined;
  const at = (m: number): number =>
    Math.sqrt(
      noises.reduce((sum, { constantSd: s }, k) => {
        const own = typeof s === "number" ? s : (s as readonly number[])[m];
        return sum + (weights[k] as number) * own * own;
      }, 0),
    );
  return size === null ? at(0) : Object.freeze(Array.from({ length: size }, (_, m) => at(m)));
}
