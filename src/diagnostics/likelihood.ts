/**
 * The log-likelihood log p(y | θ) as a quantity to rank. It depends on the observation, so its ranks detect wrong posteriors that
 * the ranks of parameters miss, such as the prior itself (Modrák et al. 2023, arXiv 2211.02383, §3).
 */
import type { Executor } from "../backends/backend.ts";
import { type BackendOptions, createExact } from "../backends/select.ts";
import { input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { expectProblem } from "../problem/expect.ts";
import { logLikelihood } from "../problem/likelihood.ts";
import type { Problem } from "../problem/problem.ts";
import type { Quantity } from "./ranks.ts";

/** The log-likelihood of a problem, for `quantities` of `rankTruths`. @throws when the problem has no likelihood. */
export function logLikelihoodQuantity(problem: Problem, backend: BackendOptions = {}): Quantity {
  expectProblem("logLikelihoodQuantity", problem);
  const { D, M } = problem;
  const theta = input("theta", D, { dtype: "f64" });
  const y = input("y", M, { dtype: "f64", repeat: true });
  const program = atOnce(compile({ likelihood: { outputs: { value: logLikelihood(problem, theta, y) } } }));
  let made: Promise<Executor> | undefined;
  return {
    name: "log-likelihood",
    of: async (rows, observation) => {
      made ??= createExact(program, backend);
      const count = rows.length / D;
      const inputs = { theta: rows, y: Float64Array.from(observation) };
      const { value } = await (await made).run("likelihood", { rows: count, repeat: count, inputs });
      return value;
    },
  };
}
