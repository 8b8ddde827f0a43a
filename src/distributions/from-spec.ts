/**
 * Priors from what model files hold of them (stored-prior.ts): plain data that may come from anywhere, so nothing in it is trusted. They
 * have bijections and moments, which is all that inference needs; draws and densities need the problem.
 */
import { describe, isFiniteNumber, isPositive, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { aboutOf, bijectionOf, listOf, listOfParts } from "./bijections.ts";
import { type Distribution, finiteOrNull, minus } from "./distribution.ts";
import {
  logNormalMoments,
  type Moments,
  momentVectors,
  normalMoments,
  softUniformMoments,
  truncatedNormalMoments,
  uniformMoments,
} from "./moments.ts";
import { shifted } from "./shifted.ts";

type Fields = Readonly<Record<string, unknown>>;

const unknown = (what: string) => (): never => {
  throw new Error(
    `prior: expected the problem for ${what}, because a model file does not hold the density of the prior; give it to load(file, { problem })`,
  );
};

/** A prior of this bijection and these moments. @throws where they do not fit together. */
function frameOf(fields: Fields): Distribution {
  const line = bijectionOf(fields.bijection);
  const moment = (name: string): Float64Array => {
    const values = listOf("prior", name, fields[name]);
    if (values.length !== line.size)
      throw new Error(`prior: expected ${name} of ${line.size} numbers, got ${values.length}`);
    requireEach("prior", name, values, "finite", isFiniteNumber);
    if (name.endsWith("d")) requireEach("prior", name, values, "> 0", isPositive);
    return values;
  };
  const moments = { mean: moment("mean"), sd: moment("sd"), realMean: moment("realMean"), realSd: moment("realSd") };
  const made: Distribution = Object.freeze({
    ...line,
    ...moments,
    name: "frame",
    streams: 1,
    draw: unknown("draws of the prior"),
    logDensity: unknown("densities of the prior"),
    about: (c) => {
      const about = aboutOf(fields.bijection, c);
      if (about === null) return shifted(made, c);
      const { mean, sd, realMean, realSd } = moments;
      return withMoments(about.fields, { mean: minus(mean, c), sd, realMean: minus(realMean, about.shift), realSd });
    },
    spec: fields,
  } satisfies Distribution);
  return made;
}

const withMoments = (bijection: Fields, moments: Readonly<Record<keyof Moments, Float64Array>>): Distribution =>
  frameOf({
    name: "frame",
    bijection,
    ...Object.fromEntries(Object.entries(moments).map(([key, x]) => [key, Array.from(x)])),
  });

/** Entries on the boxes from `low` to `high`, by the moments of each. */
const boxed = (low: Float64Array, high: Float64Array, of: (i: number) => Moments): Distribution =>
  withMoments({ kind: "box", low: finiteOrNull(low), high: finiteOrNull(high) }, momentVectors(low.length, of));

/** Numbers of a spec, of one length. */
function numbersOf<K extends string>(name: string, fields: Fields, ...keys: readonly K[]): Record<K, Float64Array> {
  const given = Object.fromEntries(
    keys.map((k) => {
      const infinite = k === "low" ? -Infinity : Infinity;
      return [k, Array.isArray(fields[k]) ? fields[k].map((x) => (x === null ? infinite : x)) : fields[k]];
    }),
  );
  const values = spread(name, given as Record<K, Numbers>);
  for (const k of keys)
    if (k === "sd" || k === "sigma" || k === "edge") requireEach(name, k, values[k], "> 0 and finite", isPositive);
  return values;
}

const fill = (x: Float64Array, value: number): Float64Array => new Float64Array(x.length).fill(value);

const builders: Readonly<Record<string, (fields: Fields) => Distribution>> = {
  normal: (fields) => {
    const { mean, sd } = numbersOf("normal", fields, "mean", "sd");
    return boxed(fill(mean, -Infinity), fill(mean, Infinity), (i) => normalMoments(mean[i], sd[i]));
  },
  uniform: (fields) => {
    const { low, high } = numbersOf("uniform", fields, "low", "high");
    return boxed(low, high, (i) => uniformMoments(low[i], high[i]));
  },
  logNormal: (fields) => {
    const { mu, sigma } = numbersOf("logNormal", fields, "mu", "sigma");
    return boxed(fill(mu, 0), fill(mu, Infinity), (i) => logNormalMoments(mu[i], sigma[i]));
  },
  softUniform: (fields) => {
    const { low, high, edge } = numbersOf("softUniform", fields, "low", "high", "edge");
    return boxed(fill(low, -Infinity), fill(low, Infinity), (i) => softUniformMoments(low[i], high[i], edge[i]));
  },
  truncatedNormal: (fields) => {
    const { mean, sd, low, high } = numbersOf("truncatedNormal", fields, "mean", "sd", "low", "high");
    return boxed(low, high, (i) => truncatedNormalMoments(mean[i], sd[i], low[i], high[i]));
  },
  product: ({ parts }) => {
    const all = listOfParts("product", parts).map(distributionFromSpec);
    const join = (key: keyof Moments): Float64Array => Float64Array.from(all.flatMap((p) => Array.from(p[key])));
    return withMoments(
      { kind: "parts", parts: all.map(({ spec }) => (spec as Fields).bijection) },
      { mean: join("mean"), sd: join("sd"), realMean: join("realMean"), realSd: join("realSd") },
    );
  },
  frame: frameOf,
};

/**
 * The prior whose stored form this is.
 * @throws when it is not one that this library knows, or its numbers do not make one.
 */
export function distributionFromSpec(spec: unknown): Distribution {
  const name = typeof spec === "object" && spec !== null ? (spec as { name?: unknown }).name : undefined;
  if (typeof name !== "string" || !Object.hasOwn(builders, name)) {
    const got = name === undefined ? describe(spec) : describe(name);
    throw new Error(`distribution: expected one of ${Object.keys(builders).join(", ")}, got ${got}`);
  }
  return builders[name](spec as Fields);
}
