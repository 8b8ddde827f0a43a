/**
 * What a model file holds of a hierarchical prior: its bijection and moments, in which guides work. Its density is a function of the
 * problem, so drawing and densities need the problem.
 */
import { describe, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { type Bijection, sideBySide } from "./bijection.ts";
import type { Distribution } from "./distribution.ts";
import { heavyLine } from "./heavy-line.ts";
import { orderedLine } from "./ordered.ts";
import { shifted } from "./shifted.ts";
import { makeSupport } from "./support.ts";

type Fields = Readonly<Record<string, unknown>>;

const listOf = (kind: string, name: string, x: unknown, infinite = Number.NaN): Float64Array => {
  if (!Array.isArray(x)) throw new Error(`bijection "${kind}": expected ${name} to be a list, got ${describe(x)}`);
  return spread(`bijection "${kind}"`, { [name]: x.map((v) => (v === null ? infinite : v)) as Numbers })[name];
};
const partsOf = (kind: string, x: unknown): Promise<Bijection[]> => {
  if (!Array.isArray(x) || x.length === 0)
    throw new Error(`bijection "${kind}": expected parts to be a list, got ${describe(x)}`);
  return Promise.all(x.map(bijectionOf));
};

const kinds: Readonly<Record<string, (fields: Fields) => Bijection | Promise<Bijection>>> = {
  box: ({ low, high }) => {
    const [from, to] = [listOf("box", "low", low, -Infinity), listOf("box", "high", high, Infinity)];
    if (from.length !== to.length) throw new Error('bijection "box": expected low and high of one length');
    requireEach('bijection "box"', "low", from, "< high", (x, i) => x < to[i]);
    return { ...makeSupport("prior", from, to), size: from.length };
  },
  heavy: ({ centre, width }) => {
    const [c, w] = [listOf("heavy", "centre", centre), listOf("heavy", "width", width)];
    if (c.length !== w.length) throw new Error('bijection "heavy": expected centre and width of one length');
    requireEach('bijection "heavy"', "width", w, "> 0 and finite", (x) => x > 0 && x < Infinity);
    return heavyLine("prior", c, w);
  },
  linear: async ({ mean, factor }) =>
    (await import("./multivariate-normal.ts")).multivariateNormal({
      mean: mean as number[],
      factor: factor as number[][],
    }),
  ordered: async ({ parts }) => {
    const [first, increments, ...rest] = await partsOf("ordered", parts);
    if (first.size !== 1 || increments === undefined || rest.length > 0)
      throw new Error('bijection "ordered": expected a first part of one entry, and increments');
    return orderedLine("prior", first, increments);
  },
  parts: async ({ parts }) => sideBySide("prior", await partsOf("parts", parts)),
};

/** The bijection of a spec. @throws where it is none. */
async function bijectionOf(spec: unknown): Promise<Bijection> {
  const kind = typeof spec === "object" && spec !== null ? (spec as { kind?: unknown }).kind : undefined;
  if (typeof kind !== "string" || !Object.hasOwn(kinds, kind))
    throw new Error(`bijection: expected one of ${Object.keys(kinds).join(", ")}, got ${describe(kind ?? spec)}`);
  return kinds[kind](spec as Fields);
}

const unknown = (what: string) => (): never => {
  throw new Error(
    `prior: expected the problem for ${what}, because a model file does not hold the density of a hierarchical prior; give it to load(file, { problem })`,
  );
};

/** The distribution of a "frame" spec: bijection and moments, without draws and density. @throws where the spec does not fit together. */
export async function frameOnly(fields: Fields): Promise<Distribution> {
  const line = await bijectionOf(fields.bijection);
  const moment = (name: "mean" | "sd" | "realMean" | "realSd"): Float64Array => {
    const values = listOf("frame", name, fields[name]);
    if (values.length !== line.size)
      throw new Error(`prior: expected ${name} of ${line.size} numbers, got ${values.length}`);
    return values;
  };
  for (const name of ["sd", "realSd"] as const)
    requireEach("prior", name, moment(name), "> 0 and finite", (x) => x > 0 && x < Infinity);
  const made: Distribution = Object.freeze({
    ...line,
    name: "frame",
    mean: moment("mean"),
    sd: moment("sd"),
    realMean: moment("realMean"),
    realSd: moment("realSd"),
    streams: 1,
    draw: unknown("draws of the prior"),
    logDensity: unknown("densities of the prior"),
    about: (c) => shifted(made, c),
    spec: fields,
  } satisfies Distribution);
  return made;
}
