/** What a model file holds of a prior: enough to infer, which needs the bijection and the moments, and not the density. */
import { bijectionSpec } from "./bijection.ts";
import type { Distribution } from "./distribution.ts";

/** Families whose numbers say it all: from-spec.ts finds moments and bijection from them. */
const plain = ["normal", "uniform", "logNormal", "softUniform", "truncatedNormal"];

const isPlain = (spec: unknown): boolean => {
  const { name, parts } = (spec ?? {}) as { name?: string; parts?: readonly unknown[] };
  return name === "product" ? (parts as readonly unknown[]).every(isPlain) : plain.includes(name as string);
};

/** Plain data, which `distributionFromSpec` reads. */
export function storedPrior(prior: Distribution): unknown {
  const { spec, mean, sd, realMean, realSd } = prior;
  if (isPlain(spec)) return spec;
  const moments = Object.entries({ mean, sd, realMean, realSd }).map(([key, x]) => [key, Array.from(x)]);
  return { name: "frame", of: prior.name, bijection: bijectionSpec(prior), ...Object.fromEntries(moments) };
}
