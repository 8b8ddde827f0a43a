/**
 * Sampling in the space of a guide's noise (Hoffman et al., NeuTra-lising bad geometry, arXiv 1903.03704): a flow maps noise u
 * to parameters, θ = T⁻¹(g(u; y)). If the guide is accurate, the posterior of u is nearly normal, even where that of θ is thin,
 * bent or multimodal. Chains move in u, under exactly the posterior density,
 *
 *   U(u) = log p(y | θ) + log p(θ) − log q(θ | y) + log φ(u).
 *
 * An inaccurate guide costs steps, but the draws remain exact. With a Gaussian guide the method equals its covariance as metric.
 */
import { cachedBy, cachedByBackend } from "../backends/executor-cache.ts";
import { type BackendOptions, createExact } from "../backends/select.ts";
import { frameOf } from "../distributions/frame.ts";
import { add, cast, input, mul, square, sub, sumFeatures } from "../graph/build.ts";
import { grad } from "../graph/grad.ts";
import { compile, type Program } from "../graph/program.ts";
import { normalConstant } from "../guides/guide.ts";
import { atOnce } from "../host/yielding.ts";
import { encodeObservations, packObservations } from "../model/encode-observations.ts";
import { type InverseMap, packSlab } from "../model/model.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { potential } from "../problem/likelihood.ts";
import type { Problem } from "../problem/problem.ts";
import { restored, workAbout } from "../problem/work.ts";
import { type Sampler, SHARD_ROWS } from "./potential.ts";

/** The inverse map that a posterior comes from; null for a posterior found otherwise. */
export const mapOf = (posterior: Posterior): InverseMap | null =>
  "map" in posterior ? (posterior.map as InverseMap) : null;

/** Whether sampling in the guide's noise is worthwhile: if the guide is not Gaussian. */
export const isFlow = ({ guide }: InverseMap): boolean => guide.moments === undefined;

/** The plans of `samplerProgram` with the guide's noise as `z`, and its `context` as a further input. */
function guideProgram(map: InverseMap, problem: Problem): Program {
  const { D, layout } = problem;
  const { guide } = map;
  const { parameters, prior } = map.work;
  const frame = frameOf(prior);
  const dtype = "f64";
  const u = input("z", D, { dtype });
  const y = input("y", layout.width, { dtype, repeat: true });
  const context = input("context", guide.contextSize, { repeat: true });
  const { z, logProb } = guide.sample(cast(u, "f32"), context);
  const theta = frame.fromGuide(cast(z, dtype));
  const logQ = add(cast(logProb, dtype), frame.logDet(theta));
  const noise = add(mul(sumFeatures(square(u)), -0.5), normalConstant(D));
  const value = add(sub(potential(workAbout(problem, parameters), theta, y), logQ), noise);
  const gradient = grad(value, [u])[0] ?? mul(u, 0);
  const given = input("theta", D, { dtype });
  return atOnce(
    compile({
      gradient: { outputs: { value, gradient }, rows: SHARD_ROWS },
      density: { outputs: { value }, rows: SHARD_ROWS },
      joint: { outputs: { value: potential(problem, given, y) }, rows: SHARD_ROWS },
      toTheta: { outputs: { theta: restored(frame.fromGuide(z), parameters) } },
    }),
  );
}

const kept = cachedBy((map: InverseMap) =>
  cachedBy((problem: Problem) =>
    cachedByBackend(async (options): Promise<Sampler> => {
      const program = guideProgram(map, problem);
      const executor = await createExact(program, options);
      await executor.writeWeights(packSlab(program.weights, map.tensors));
      await executor.writeWeights(packSlab(program.frozen, map.tensors), "frozen");
      return { program, executor };
    }),
  ),
);

/** The sampler of a problem in the noise of a map's guide; cached. */
export const guideSamplerOf = (map: InverseMap, problem: Problem, options: BackendOptions = {}): Promise<Sampler> =>
  kept(map)(problem)(options);

/** The guide's context for the data of each posterior. */
export async function contextsOf(
  map: InverseMap,
  posteriors: readonly Pick<Posterior, "y" | "scale">[],
  options: BackendOptions,
): Promise<Float32Array[]> {
  const { context } = await encodeObservations(map, packObservations(map, posteriors), options);
  const C = context.length / posteriors.length;
  return posteriors.map((_, i) => context.slice(i * C, (i + 1) * C) as Float32Array);
}
