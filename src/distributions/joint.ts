/**
 * Named parts, each with a prior of its own or one that depends on the parts before it:
 *
 *   log p(θ) = Σ_k log p_k(θ_k | θ_1, …, θ_(k−1)).
 *
 * The map to the line is that of each part's support, which does not depend on the other parts. So a model file holds all that
 * inference needs (stored-prior.ts), while the density of a hierarchy is a function of one's own, which no file holds.
 */
import { describe } from "../checks/arguments.ts";
import { expectOption, record } from "../checks/options.ts";
import { concat, input, slice, where } from "../graph/build.ts";
import { add, maximum, minimum } from "../graph/elementwise.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import { bijectionSpec, sideBySide } from "./bijection.ts";
import { type Distribution, expectBatch, whyNotDistribution } from "./distribution.ts";
import { estimatedMoments } from "./estimated-moments.ts";
import { joinedMoments, type Layout, layoutOf } from "./parts.ts";
import { shifted } from "./shifted.ts";

/** Values of the parts before, by name: (B, size) each. */
export type Earlier = Readonly<Record<string, Tensor>>;
/** A part: a prior, or a function of the parts before that returns one. */
export type Part = Distribution | ((earlier: Earlier) => Distribution);

/** A distribution of named parts. */
export interface JointDistribution extends Distribution {
  readonly names: readonly string[];
  /** The parts of θ (B, D) by name, (B, size) each: `const { mu, tau } = prior.split(theta)` in a forward model. */
  split(theta: Tensor): Record<string, Tensor>;
}

interface Named {
  readonly name: string;
  readonly part: Part;
  /** The part as it was when it was defined: its size, streams and bijection do not change. */
  readonly traced: Distribution;
}

/** Names of the entries of a part: its own name, with an index or with names within. */
const namesOf = ({ name, traced }: Named): string[] =>
  Array.from({ length: traced.size }, (_, i) =>
    traced.names ? `${name}.${traced.names[i]}` : traced.size === 1 ? name : `${name}[${i + 1}]`,
  );

/** The distribution that a part is, given the values before it. @throws unless it is one, of the expected size and bijection. */
function at(name: string, part: Part, earlier: Earlier, expected?: Distribution): Distribution {
  if (typeof part !== "function") return part;
  const now: unknown = part(earlier);
  const why = (now as Distribution | null)?.conditional ? null : whyNotDistribution(now);
  if (why) throw new Error(`joint: expected ${name} to return a distribution, got ${why}`);
  const found = now as Distribution;
  if (expected && (found.size !== expected.size || found.streams !== expected.streams))
    throw new Error(
      `joint: expected ${name} to return the same kind of distribution each time, got ${found.size} entries after ${expected.size}`,
    );
  return found;
}

/** @throws unless names can be keys of objects that keep their order. */
function expectName(name: string): void {
  if (name === "" || /^\d+$/.test(name))
    throw new Error(`joint: expected names that are no numbers and not empty, got ${describe(name)}`);
}

/** Values of a part, moved off the edges of its support, where a prior of the next parts may not exist. */
function held(x: Tensor, { low, high }: Distribution): Tensor {
  const least = x.dtype === "f32" ? 1.1754943508222875e-38 : 2.2250738585072014e-308;
  const epsilon = x.dtype === "f32" ? 1.1920928955078125e-7 : 2.220446049250313e-16;
  const inner = (bound: number, sign: number): number => bound + sign * Math.max(least, Math.abs(bound) * epsilon);
  const above = low.some((l) => l > -Infinity)
    ? maximum(
        x,
        Array.from(low, (l) => finite(inner(l, 1), -1)),
      )
    : x;
  return high.some((h) => h < Infinity)
    ? minimum(
        above,
        Array.from(high, (h) => finite(inner(h, -1), 1)),
      )
    : above;
}

const LARGEST = 3.4e38;
/** Constants of graphs are finite. */
const finite = (x: number, sign: number): number => (Math.abs(x) < Infinity ? x : sign * LARGEST);

/** Draws, part by part. */
function drawn(parts: readonly Named[], { streamOf }: Layout, stream: number, dtype: DType): Tensor[] {
  const earlier: Record<string, Tensor> = {};
  return parts.map(({ name, part, traced }, i) => {
    const value = at(name, part, earlier, traced).draw(streamOf(stream, i), dtype);
    earlier[name] = held(value, traced);
    return value;
  });
}

/** log p, where a part whose support θ leaves makes it −∞, whatever the densities of the parts that depend on it. */
function logDensityOf(parts: readonly Named[], values: readonly Tensor[]): Tensor {
  const earlier: Record<string, Tensor> = {};
  let sum: Tensor | undefined;
  for (const [i, { name, part, traced }] of parts.entries()) {
    const term = at(name, part, earlier, traced).logDensity(values[i]);
    const isFirst = sum === undefined;
    sum = isFirst ? term : typeof part === "function" ? onlyWithin(sum as Tensor, term) : add(sum as Tensor, term);
    earlier[name] = held(values[i], traced);
  }
  return sum as Tensor;
}

/** a + b, or a alone where a is −∞ and b may be NaN. */
const onlyWithin = (a: Tensor, b: Tensor): Tensor => where(add(a, LARGEST), add(a, b), a);

/**
 * A distribution of named parts, in the order of the object: each is a prior, or a function that takes the parts before it by name,
 * as tensors (B, size), and returns a prior with tensors as parameters:
 *
 *     joint({ mu: normal(0, 5), tau: halfNormal(2), theta: (e) => repeat(normal(e.mu, e.tau), 8) })
 *
 * A part of one entry gives its name to the parameter; entries of longer ones are named theta[1], theta[2], …. Parts that are not
 * functions have exact moments; those of functions are estimated from `momentDraws` draws of a fixed seed: 4096, to 1.6 % of an sd for a
 * mean, or as few as 256, to 6 %, where parts are many or draws are expensive. This changes only the scale in which guides and samplers work. Where the tails are so heavy that the sd
 * of the draws is above ten times half the distance between the quantiles of 15.9 % and 84.1 %, median and that half-distance take
 * the place of mean and sd.
 * @throws when a part is no distribution, or the support of a part that is a function depends on other parts.
 */
export function joint(parts: Readonly<Record<string, Part>>): JointDistribution {
  expectOption("joint", "parts", record, parts);
  const named = trace(parts);
  const layout = layoutOf(
    "joint",
    named.map(({ traced }) => traced),
  );
  const { size, starts, streams } = layout;
  const line = sideBySide(
    "joint",
    named.map(({ traced }) => traced),
  );
  const split = (theta: Tensor): Tensor[] => {
    expectBatch("joint", "theta", theta, size);
    return named.map(({ traced }, i) => slice(theta, starts[i], starts[i] + traced.size));
  };
  const isFixed = named.every(({ part }) => typeof part !== "function");
  const draw = (stream: number, dtype: DType): Tensor => concat(...drawn(named, layout, stream, dtype));
  const exact = joinedMoments(named.map(({ traced }) => traced));
  const isExact = named.flatMap(({ part, traced }) => new Array<boolean>(traced.size).fill(typeof part !== "function"));
  const { momentDraws, ...moments } = isFixed
    ? { ...exact, momentDraws: Infinity }
    : estimatedMoments(draw, line.toReal, exact, isExact);
  const least = Math.min(momentDraws, ...named.map(({ traced }) => traced.momentDraws ?? Infinity));
  const made: JointDistribution = Object.freeze({
    ...line,
    ...moments,
    name: "joint",
    streams,
    names: Object.freeze(named.flatMap(namesOf)),
    draw,
    logDensity: (theta) => logDensityOf(named, split(theta)),
    split: (theta) => Object.fromEntries(split(theta).map((x, i) => [named[i].name, x])),
    about: (c) => (isFixed ? aboutOf(named, starts, c) : shifted(made, c)),
    ...(least < Infinity && { momentDraws: least }),
    spec: isFixed
      ? { name: "joint", names: named.map(({ name }) => name), parts: named.map(({ traced }) => traced.spec) }
      : {
          name: "frame",
          bijection: bijectionSpec(line),
          ...Object.fromEntries(Object.entries(moments).map(([key, values]) => [key, Array.from(values)])),
        },
  } satisfies JointDistribution);
  return made;
}

/** Fixed parts about their centres, each by its own way. */
const aboutOf = (named: readonly Named[], starts: readonly number[], c: Float64Array): Distribution =>
  joint(
    Object.fromEntries(
      named.map(({ name, traced }, i) => [name, traced.about(c.slice(starts[i], starts[i] + traced.size))]),
    ),
  );

/** The parts, with functions called once on symbols. */
function trace(parts: Readonly<Record<string, Part>>): Named[] {
  const names = Object.keys(parts);
  if (names.length === 0) throw new Error("joint: expected at least one part, got none");
  const earlier: Record<string, Tensor> = {};
  return names.map((name) => {
    expectName(name);
    const part = parts[name];
    if (typeof part !== "function") {
      const why = whyNotDistribution(part);
      if (why)
        throw new Error(`joint: expected ${name} to be a distribution, or a function that returns one, got ${why}`);
    }
    const traced = at(name, part, earlier);
    earlier[name] = input(name, traced.size, { dtype: "f64" });
    return { name, part, traced };
  });
}
