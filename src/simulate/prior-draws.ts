/** Draws of a prior, for pictures and files. */
import { type BackendOptions, once } from "../backends/select.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { STREAMS } from "../numbers/random.ts";
import type { Problem } from "../problem/problem.ts";
import { SIMULATION_STEPS } from "./steps.ts";

/** Draws (count, D) of the prior, not of the proposal, in double precision. */
export async function priorDraws(
  { prior }: Problem,
  count: number,
  seed: number,
  backend: BackendOptions = {},
): Promise<Float64Array> {
  const program = atOnce(compile({ prior: { outputs: { theta: prior.draw(STREAMS.prior, "f64") } } }));
  const run = { rows: count, seed, step: SIMULATION_STEPS.user };
  return (await once(program, backend, (executor) => executor.run("prior", run))).theta as Float64Array;
}
