/**
 * Distributions from their specs, which are plain data that may come from a file, so nothing in them is trusted. Each family is loaded
 * when a spec names it.
 */
import { describe, type Numbers } from "../checks/arguments.ts";
import type { Distribution } from "./distribution.ts";

/** Fields of a spec; the constructors check that they are numbers. */
type Fields = Readonly<Record<string, Numbers>>;

/** Bounds in which null stands for an infinite one. */
const bounds = (x: unknown, infinite: number): Numbers =>
  Array.isArray(x) ? x.map((v) => (v === null ? infinite : v)) : (x as Numbers);

const partsOf = (name: string, parts: unknown): Promise<Distribution[]> => {
  if (!Array.isArray(parts)) throw new Error(`${name}: expected parts to be a list, got ${describe(parts)}`);
  return Promise.all(parts.map(distributionFromSpec));
};

/** A new distribution needs its own file, a row here and an export in src/index.ts. */
const builders: Readonly<Record<string, (fields: Fields) => Promise<Distribution>>> = {
  normal: async ({ mean, sd }) => (await import("./normal.ts")).normal(mean, sd),
  uniform: async ({ low, high }) => (await import("./uniform.ts")).uniform(low, high),
  logNormal: async ({ mu, sigma }) => (await import("./log-normal.ts")).logNormal(mu, sigma),
  softUniform: async ({ low, high, edge }) => (await import("./soft-uniform.ts")).softUniform(low, high, edge),
  truncatedNormal: async ({ mean, sd, low, high }) =>
    (await import("./truncated-normal.ts")).truncatedNormal(mean, sd, bounds(low, -Infinity), bounds(high, Infinity)),
  halfNormal: async ({ sd }) => (await import("./half-normal.ts")).halfNormal(sd),
  halfCauchy: async ({ scale }) => (await import("./half-cauchy.ts")).halfCauchy(scale),
  exponential: async ({ rate }) => (await import("./exponential.ts")).exponential(rate),
  doubleExponential: async ({ mean, scale }) =>
    (await import("./double-exponential.ts")).doubleExponential(mean, scale),
  student: async ({ mean, scale, degrees }) => (await import("./student.ts")).student(mean, scale, degrees),
  multivariateNormal: async ({ mean, factor }) =>
    (await import("./multivariate-normal.ts")).multivariateNormal({ mean, factor: factor as ArrayLike<number> }),
  ordered: async ({ first, increments }) =>
    (await import("./ordered.ts")).ordered(await distributionFromSpec(first), await distributionFromSpec(increments)),
  product: async ({ parts }) => (await import("./product.ts")).product(...(await partsOf("product", parts))),
  joint: async ({ names, parts }) => {
    const { jointOf } = await import("./joint.ts");
    return jointOf(names, await partsOf("joint", parts));
  },
  frame: async (fields) => (await import("./frame-only.ts")).frameOnly(fields),
};

/**
 * The distribution whose `spec` this is.
 * @throws when it is not the spec of a distribution that this library has, or its numbers do not make one.
 */
export async function distributionFromSpec(spec: unknown): Promise<Distribution> {
  const name = typeof spec === "object" && spec !== null ? (spec as { name?: unknown }).name : undefined;
  if (typeof name !== "string" || !Object.hasOwn(builders, name)) {
    const got = name === undefined ? describe(spec) : describe(name);
    throw new Error(`distribution: expected one of ${Object.keys(builders).join(", ")}, got ${got}`);
  }
  return builders[name](spec as Fields);
}
