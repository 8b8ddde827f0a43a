/** What the page's worker computes, on the plain kernels: corrections, the plate and the rod. The module runs in Node too. */
import type { Executor } from "../src/backends/backend.ts";
import { createExecutor } from "../src/backends/select.ts";
import { input } from "../src/graph/build.ts";
import { compile } from "../src/graph/program.ts";
import { atOnce } from "../src/host/yielding.ts";
import { infer } from "../src/infer/infer.ts";
import type { InverseMap } from "../src/model/model.ts";
import { quantileOf } from "../src/numbers/moments.ts";
import { normalAt } from "../src/numbers/random.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm } from "../src/problems/arm.ts";
import { eit } from "../src/problems/eit.ts";
import { profiles } from "../src/problems/rod-profiles.ts";
import type { CorrectedPosterior } from "../src/sampling/correct.ts";
import { type Answer, answer, DRAWS, loadPlain } from "./answers.ts";
import { fingerprint } from "./link.ts";

const PLATE_DRAWS = 400;
const ROD_DRAWS = 400;
const PLATE_NOISE = 0.005;

/** Each thing is made at its first use. */
const kept = new Map<string, Promise<unknown>>();
function once<T>(name: string, make: () => Promise<T>): Promise<T> {
  const made = (kept.get(name) as Promise<T> | undefined) ?? make();
  kept.set(name, made);
  made.catch(() => kept.delete(name));
  return made;
}
const mapOf = (name: string, problem?: Problem): Promise<InverseMap> => once(name, () => loadPlain(name, problem));

/** What weights and chains say, in words. */
function wordsOf({ method, kHat, ess, seconds }: CorrectedPosterior): string {
  const time = `${seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(1)} s`}`;
  const k = kHat === null ? "" : `k̂ ${kHat.toFixed(2)}`;
  if (method === "nuts")
    return `Exact by chains: the guide was too far off to be weighed (${k}); ${ess.toFixed(0)} effective draws, ${time}.`;
  const close = (kHat as number) < 0.5 ? "the guide is close to it" : "the guide is near enough";
  return `Exact by weights: ${close} (${k}; below 0.7 weights can be trusted); ${ess.toFixed(0)} effective draws, ${time}.`;
}

/** The exact posterior of the arm, by weights or chains. */
export async function correct({
  y,
  seed,
}: {
  y: readonly number[];
  seed: number;
}): Promise<Answer & { words: string }> {
  const map = await mapOf("arm", arm);
  const corrected = await (await infer(map, y)).correct({ seed });
  const draws = await corrected.sample(DRAWS, { seed });
  return { draws, fingerprint: fingerprint(draws), warning: corrected.warning, words: wordsOf(corrected) };
}

/** Potentials at the plate's sensors for a disc at a place, with noise of a seed, and what the guide makes of them. */
export async function plate({
  place,
  seed,
}: {
  place: readonly number[];
  seed: number;
}): Promise<Answer & { ms: number }> {
  const solver = await once<Executor>("solver", () => {
    const theta = input("theta", 2, { dtype: "f64" });
    const program = atOnce(
      compile({ predict: { outputs: { data: (eit.forward as NonNullable<Problem["forward"]>)(theta) } } }),
    );
    return createExecutor(program, { kernels: "plain" });
  });
  const { data } = await solver.run("predict", { rows: 1, inputs: { theta: Float64Array.from(place) } });
  const y = Array.from(data, (u, k) => u + PLATE_NOISE * normalAt(seed, 0, 0, 0, k));
  const map = await mapOf("eit");
  const begun = performance.now();
  const made = await answer(map, y, seed, PLATE_DRAWS);
  return { ...made, ms: performance.now() - begun };
}

/** Quantiles of a curve at each of the points x. */
export type Bands = readonly { readonly x: number; readonly q: readonly number[] }[];
const LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95];

function bandsOf(curves: readonly number[][]): Bands {
  const n = curves[0].length;
  return Array.from({ length: n }, (_, p) => {
    const column = Float64Array.from(curves, (curve) => curve[p]).sort();
    return { x: p / (n - 1), q: LEVELS.map((level) => quantileOf(column, level)) };
  });
}

/** Bands of the rod's conductivity and of its potential, for nine potentials; and those of the prior. */
export async function rod({ y, seed }: { y: readonly number[]; seed: number }) {
  const map = await mapOf("rod");
  const begun = performance.now();
  const made = await answer(map, y, seed, ROD_DRAWS);
  const ms = performance.now() - begun;
  const before = await once("prior", async () => {
    const theta = Float64Array.from({ length: 5 * ROD_DRAWS }, (_, i) => normalAt(1, 0, 0, Math.floor(i / 5), i % 5));
    return bandsOf(profiles(theta, 5).a);
  });
  const { a, u } = profiles(made.draws, 5);
  return { ...made, ms, a: bandsOf(a), u: bandsOf(u), prior: before };
}
