/**
 * The log-likelihood log p(y | θ) of many parameters and one datum, as a quantity to rank: it knows the data, so its ranks
 * see posteriors that the ranks of parameters do not (Modrák et al. 2023, arXiv 2211.02383, §3), such as the prior itself.
 */
import type { Executor } from "../backends/backend.ts";
import { type BackendOptions, createExact } from "../backends/select.ts";
import { input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { expectProblem } from "../problem/expect.ts";
import { logLikelihood, type Problem } from "../problem/problem.ts";
import type { Quantity } from "./ranks.ts";

/** The log-likelihood of a problem, for `rankTruths`. @throws where the problem has no forward model in ops. */
export function logLikelihoodQuantity(problem: Problem, backend: BackendOptions = {}): Quantity {
  expectProblem("logLikelihoodQuantity", problem);
  const { D, M } = problem;
  const theta = input("theta", D, { dtype: "f64" });
  const y = input("y", M, { dtype: "f64", repeat: true });
  const program = atOnce(compile({ likelihood: { outputs: { value: logLikelihood(problem, theta, y) } } }));
  let made: Promise<Executor> | undefined;
  return {
    name: "log-likelihood",
    of: async (rows, datum) => {
      made ??= createExact(program, backend);
      const count = rows.length / D;
      const inputs = { theta: rows, y: Float64Array.from(datum) };
      const { value } = await (await made).run("likelihood", { rows: count, repeat: count, inputs });
      return value;
    },
  };
}
