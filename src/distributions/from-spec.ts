/** Distributions from their specs: plain data that may come from a file, so nothing in it is trusted. */
import { describe, type Numbers } from "../checks/arguments.ts";
import type { Distribution } from "./distribution.ts";
import { logNormal } from "./log-normal.ts";
import { normal } from "./normal.ts";
import { product } from "./product.ts";
import { softUniform } from "./soft-uniform.ts";
import { truncatedNormal } from "./truncated-normal.ts";
import { uniform } from "./uniform.ts";

/** Fields of a spec; the constructors check that they are numbers. */
type Fields = Readonly<Record<string, Numbers>>;

/** A bound, where null stands for an infinite one. */
const bounds = (x: unknown, infinite: number): Numbers =>
  Array.isArray(x) ? x.map((v) => (v === null ? infinite : v)) : (x as Numbers);

const builders: Readonly<Record<string, (fields: Fields) => Distribution>> = {
  normal: ({ mean, sd }) => normal(mean, sd),
  uniform: ({ low, high }) => uniform(low, high),
  logNormal: ({ mu, sigma }) => logNormal(mu, sigma),
  softUniform: ({ low, high, edge }) => softUniform(low, high, edge),
  truncatedNormal: ({ mean, sd, low, high }) =>
    truncatedNormal(mean, sd, bounds(low, -Infinity), bounds(high, Infinity)),
  product: ({ parts }) => {
    if (!Array.isArray(parts)) throw new Error(`product: expected parts to be a list, got ${describe(parts)}`);
    return product(...(parts as unknown[]).map(distributionFromSpec));
  },
};

/**
 * The distribution whose `spec` this is.
 * @throws when it is not the spec of a distribution that this library has, or its numbers do not make one.
 */
export function distributionFromSpec(spec: unknown): Distribution {
  const name = typeof spec === "object" && spec !== null ? (spec as { name?: unknown }).name : undefined;
  if (typeof name !== "string" || !Object.hasOwn(builders, name)) {
    const got = name === undefined ? describe(spec) : describe(name);
    throw new Error(`distribution: expected one of ${Object.keys(builders).join(", ")}, got ${got}`);
  }
  return builders[name](spec as Fields);
}
