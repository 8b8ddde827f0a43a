/**
 * Measures a map after its training, on held-out simulations: whether it distinguishes true pairs from shuffled ones, and the
 * importance weights of its draws (sampling/psis.ts).
 */
import type { Executor } from "../backends/backend.ts";
import { cost } from "../graph/plan.ts";
import type { Program } from "../graph/program.ts";
import { infer } from "../infer/infer.ts";
import { type InverseMap, layoutOfMap, type TrainingRecord, type WeightsRecord } from "../model/model.ts";
import { withCentre } from "../numbers/offsets.ts";
import { whyNoLikelihood } from "../problem/likelihood.ts";
import { observationOf } from "../problem/observed.ts";
import { hasDerivatives, targetOf } from "../sampling/correct.ts";
import { samplerOf } from "../sampling/potential.ts";
import { LARGEST_K } from "../sampling/psis.ts";
import type { WorkSimulations } from "../simulate/simulate.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import { BLOCKS, type Course, causesOf, median, symptomsOf } from "./warnings.ts";

/** Observations for the weights, and draws of each. */
const CASES = 32;
const DRAWS = 512;
/** Fewest observations for a statement. */
const LEAST_CASES = 8;
/** Share of the training's operations that weights may cost, and operations that they may always cost: tenths of a second. */
const SHARE = 0.05;
const FREE = 5e8;

interface Finished {
  readonly map: InverseMap;
  readonly course: Course;
  /** The training's own, with the weights of the map. */
  readonly executor: Executor;
  readonly program: Program;
  /** Rows that the held-out loss was measured on, in the coordinates of the guide. */
  readonly judged: Pick<WorkSimulations, "count" | "theta" | "noisy">;
  readonly heldOut: WorkSimulations;
  readonly batch: number;
  readonly seed: number;
}

/** The part of a training's record that judges the map. */
export async function judge(finished: Finished): Promise<Pick<TrainingRecord, "warnings" | "weights">> {
  const { map, course } = finished;
  const causes = causesOf(course);
  if (causes.length > 0) return { warnings: causes };
  const pairs = map.spec.training.objective === "npe" && !map.local; // local coordinates are those of a row's own data
  const gains = pairs ? await gainsOf(finished) : null;
  const weights = await weightsOf(finished);
  const warnings = symptomsOf({ ...course, gains, weights });
  return { ...(warnings.length > 0 && { warnings }), ...(weights && { weights }) };
}

/** For each block of the held-out pairs: the loss with the data of other rows, minus the loss. */
async function gainsOf({ executor, judged: { count, theta, noisy }, seed }: Finished): Promise<number[]> {
  const [D, M] = [theta.length / count, noisy.length / count];
  const size = Math.floor(count / BLOCKS);
  const other = new Float32Array(noisy.length); // the data of the row that is half of all rows further on
  const half = (count >> 1) * M;
  other.set(noisy.subarray(half));
  other.set(noisy.subarray(0, half), noisy.length - half);
  const gains: number[] = [];
  for (let block = 0; size > 0 && block < BLOCKS; block++) {
    const part = (all: Float32Array, width: number) => all.subarray(block * size * width, (block + 1) * size * width);
    const [right, wrong] = [noisy, other].map(async (y) => {
      const inputs = { theta: part(theta, D), y: part(y, M) };
      return (await executor.run("heldOut", { rows: size, inputs, seed, step: SIMULATION_STEPS.validation })).sum[0];
    });
    gains.push((await wrong) - (await right));
  }
  return gains;
}

/** The weights of held-out observations; undefined without a likelihood, or if they would be expensive compared with the training. */
async function weightsOf({ map, course, program, heldOut, batch, seed }: Finished): Promise<WeightsRecord | undefined> {
  const { problem, spec } = map;
  const layout = layoutOfMap(spec);
  if (problem === null || whyNoLikelihood(problem) !== null) return undefined;
  const target = targetOf(problem, hasDerivatives).problem;
  const judged = target.parent === null ? target : { ...target, parent: null }; // a simulator is not called for this
  const sampler = await samplerOf("train", judged, map.backend);
  const step = cost(program.plans.train, batch).flops;
  const each = DRAWS * (cost(sampler.program.plans.joint, 8).flops / 8 + step / batch);
  const affordable = Math.floor(Math.max(FREE, SHARE * step * course.steps) / each);
  const cases = Math.min(CASES, heldOut.count, affordable);
  if (cases < LEAST_CASES) return undefined;
  const [kHats, efficiencies]: [number[], number[]] = [[], []];
  for (let i = 0; i < cases; i++) {
    const { y, ...own } = observationOf(layout, heldOut.noisy.subarray(i * layout.width, (i + 1) * layout.width));
    // If no draw has a density, this counts as the worst case, and the training is kept.
    const { kHat, efficiency } = await infer(map, withCentre(y, map.work.data), { draws: DRAWS, seed, ...own })
      .then((posterior) => posterior.correct({ method: "psis", draws: DRAWS, problem: judged }))
      .catch(() => ({ kHat: Number.POSITIVE_INFINITY, efficiency: 0 }));
    kHats.push(kHat as number);
    efficiencies.push(efficiency as number);
  }
  return {
    cases,
    kHat: median(kHats),
    kHatAbove: kHats.filter((k) => !(k <= LARGEST_K)).length / cases,
    efficiency: median(efficiencies),
  };
}
