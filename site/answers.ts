/**
 * What the first view computes: posteriors of the arm, on the plain kernels, whose bits are the same on every host. The module
 * runs in pages, workers and Node alike.
 */
import { infer } from "../src/infer/infer.ts";
import type { InverseMap } from "../src/model/model.ts";
import type { Problem } from "../src/problem/problem.ts";
import { load } from "../src/store/store.ts";
import { fingerprint } from "./link.ts";

/** Postures that are drawn. */
export const DRAWS = 100;

/** A shipped model, on the plain kernels. */
export const loadPlain = (name: string, problem?: Problem): Promise<InverseMap> =>
  load(name, { kernels: "plain", problem });

/** Draws and summary of a posterior, as plain data that a worker can post. */
export interface Answer {
  /** (S, D) */
  readonly draws: Float32Array | Float64Array;
  /** Of the draws (link.ts). */
  readonly fingerprint: string;
  /** Why the posterior is unreliable; undefined for a usual observation. */
  readonly warning: string | undefined;
}

/** The guide's posterior of data y: S draws with a seed. */
export async function answer(map: InverseMap, y: readonly number[], seed: number, count = DRAWS): Promise<Answer> {
  const posterior = await infer(map, y);
  const draws = await posterior.sample(count, { seed });
  return { draws, fingerprint: fingerprint(draws), warning: posterior.warning };
}
