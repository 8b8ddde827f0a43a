/**
 * The noise of a problem: one noise model, or a function of the parameters θ and the noise-free data c that answers one, whose
 * parameters are then tensors. Both have one shape, `at(theta, clean)`.
 */
import { describe } from "../../checks/arguments.ts";
import type { Check } from "../../checks/options.ts";
import { cast, input } from "../../graph/build.ts";
import { isTensor, show, type Tensor, topological } from "../../graph/tensor.ts";
import { STREAMS } from "../../numbers/random.ts";
import { includedNoise } from "./included.ts";
import { type DataKind, isNoise, type Noise, whyNotNoise } from "./noise.ts";

/** Noise that depends on parameters (B, D) and noise-free data (B, M), both of one type. */
export type NoiseFunction = (theta: Tensor, clean: Tensor) => Noise;

/** The noise of a problem. */
export interface NoiseModel {
  /** Name of the family. */
  readonly name: string;
  /** What the data are. */
  readonly data: DataKind;
  /** Streams of random numbers that a draw takes. */
  readonly streams: number;
  /** What the noise cannot do. */
  readonly lacks: readonly ("draw" | "logDensity")[];
  /** Whether the noise tells its sd, and whether the mean of the data may be another than the noise-free data. */
  readonly hasSd: boolean;
  readonly hasMean: boolean;
  /** The noise itself, where it is the same for all parameters; null where a function answers it. */
  readonly fixed: Noise | null;
  /** The noise at parameters (T·B, D) and noise-free data (T·B, M), both of one type. */
  at(theta: Tensor, clean: Tensor): Noise;
  /** Plain JSON data; null where parameters are tensors or functions of one's own. */
  readonly spec: unknown;
}

/** Whether a value is the noise of a problem. */
export function isNoiseModel(x: unknown): x is NoiseModel {
  if (typeof x !== "object" || x === null) return false;
  const { at, fixed } = x as Partial<NoiseModel>;
  return typeof at === "function" && (fixed === null || isNoise(fixed));
}

/** What `noise` of a problem may be. */
export type NoiseOption = Noise | NoiseFunction | NoiseModel;

/** The noise of a problem, among options. */
export const noiseOption: Check<NoiseOption> = {
  expected: "a noise model, as gaussianNoise() returns it, or a function (theta, clean) that returns one",
  test: (x) => typeof x === "function" || isNoiseModel(x) || isNoise(x),
  got: (x) => whyNotNoise(x) ?? describe(x),
};

/** What a model says of its noise. */
const factsOf = ({ name, data, streams, lacks = [], sd, mean }: Noise) => ({
  name,
  data,
  streams,
  lacks,
  hasSd: sd !== undefined,
  hasMean: mean !== undefined,
});

/** One noise for all parameters. */
export const fixedNoise = (noise: Noise): NoiseModel =>
  Object.freeze({ ...factsOf(noise), fixed: noise, at: () => noise, spec: noise.spec } satisfies NoiseModel);

/** The noise of problems whose data include theirs. */
export const includedModel: NoiseModel = fixedNoise(includedNoise);

/** Whether the data of a problem include their noise. */
export const isIncluded = ({ fixed }: NoiseModel): boolean => fixed === includedNoise;

/** The first stream of random numbers that noise draws from. */
export const noiseStream = ({ streams }: { readonly streams: number }): number =>
  streams > 1 ? STREAMS.noises : STREAMS.noise;

/** Noisy data, of the type of the noise-free ones (T·B, M), at parameters (T·B, D): both enter in the finer of their types. */
export function drawNoise(noise: NoiseModel, theta: Tensor | null, clean: Tensor): Tensor {
  if (noise.fixed !== null) return noise.fixed.draw(clean, noiseStream(noise));
  if (theta === null) throw new Error("internal: noise that depends on parameters, without them");
  const dtype = theta.dtype === "f64" ? "f64" : clean.dtype;
  const c = cast(clean, dtype);
  return cast(noise.at(cast(theta, dtype), c).draw(c, noiseStream(noise)), clean.dtype);
}

/** A noise model for M data. @throws where it is none, or one of another size. */
function expectNoise(owner: string, noise: unknown, M: number, source: string): Noise {
  const why = whyNotNoise(noise);
  if (why !== null) throw new Error(`${owner}: expected noise to return a noise model, got ${why}`);
  const { size } = noise as Noise;
  if (size !== null && size !== M)
    throw new Error(`${owner}: expected noise for ${source}, ${M} data, got noise for ${size}`);
  return noise as Noise;
}

/** @throws where a tensor that noise returned has another shape or depends on something else than it may. */
function expectOutput(owner: string, what: string, t: unknown, cols: number, leaves: readonly Tensor[]): void {
  const expected = `${owner}: expected ${what} of the noise to be (B, ${cols}) of the type of its data`;
  if (!isTensor(t)) throw new Error(`${expected}, got ${describe(t)}`);
  const [{ dtype }] = leaves;
  if (t.kind !== "batch" || t.rows !== 1 || t.cols !== cols || t.dtype !== dtype)
    throw new Error(`${expected}, ${dtype}, got ${show(t)} ${t.dtype}`);
  const other = topological([t], leaves).find((node) => node.op === "input" && !leaves.includes(node));
  if (other)
    throw new Error(
      `${owner}: expected ${what} of the noise to depend on theta and noise-free data alone, got an input "${other.attrs.name}"; give noise as a function (theta, clean)`,
    );
}

const f64 = { dtype: "f64" } as const;
const isDrawn = ({ op }: Tensor): boolean => op === "random" || op === "bankRows";

/** Traces noise once, so that what is wrong with it is said where it is defined. */
function traceNoise(owner: string, given: Noise | NoiseFunction, D: number, M: number, source: string): Noise {
  const [theta, clean, y] = [input("theta", D, f64), input("clean", M, f64), input("y", M, f64)];
  const noise = expectNoise(owner, typeof given === "function" ? given(theta, clean) : given, M, source);
  const leaves = [theta, clean, y];
  const outputs: [string, (() => unknown) | undefined, number][] = [
    ["draw", () => noise.draw(clean, STREAMS.noises), M],
    ["logDensity", () => noise.logDensity(y, clean), 1],
    ["sd", noise.sd && (() => noise.sd?.(clean)), M],
    ["mean", noise.mean && (() => noise.mean?.(clean)), M],
  ];
  for (const [what, of, cols] of outputs) {
    if (of === undefined || noise.lacks?.some((missing) => missing === what)) continue;
    const t = of();
    expectOutput(owner, what, t, cols, leaves);
    const drawn = what === "draw" ? undefined : topological([t as Tensor], leaves).find(isDrawn);
    if (drawn) throw new Error(`${owner}: expected ${what} of the noise without random draws, got some in it`);
  }
  return noise;
}

/**
 * The noise of a problem of D parameters and M data. `source`: what makes the data, in words.
 * @throws where it is none, is for another number of data, or its draws and densities are not what they should be.
 */
export function noiseModelOf(
  owner: string,
  given: NoiseOption | null,
  D: number,
  M: number,
  source: string,
): NoiseModel {
  if (given === null) return includedModel;
  if (isNoiseModel(given)) {
    // Of another problem, to whose parameters it may belong.
    if (given.fixed === null) traceNoise(owner, given.at, D, M, source);
    else expectNoise(owner, given.fixed, M, source);
    return given;
  }
  if (typeof given !== "function") {
    const noise = given.spec === null ? traceNoise(owner, given, D, M, source) : expectNoise(owner, given, M, source);
    return fixedNoise(noise);
  }
  const facts = factsOf(traceNoise(owner, given, D, M, source));
  return Object.freeze({
    ...facts,
    fixed: null,
    at: (theta, clean) => expectNoise(owner, given(theta, clean), M, source),
    spec: null,
  } satisfies NoiseModel);
}
