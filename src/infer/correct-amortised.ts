/** Corrections of a map's posterior; in a module of its own, so that pages that only infer do not load it. */
import type { Rows } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import type { InverseMap } from "../model/model.ts";
import { withCentre } from "../numbers/offsets.ts";
import { expectFinite, type Posterior } from "../posterior/posterior.ts";
import { type CorrectedPosterior, type CorrectOptions, correct } from "../sampling/correct.ts";

/** The posterior of a map, and how its draws are made. */
interface Amortised {
  /** Opens messages. */
  readonly owner: string;
  readonly map: InverseMap;
  readonly posterior: Posterior;
  readonly backend: BackendOptions;
  /** Draws that moments are taken from. */
  readonly draws: number;
  /** Makes the first `count` of these, or all of them; undefined where moments have a closed form. */
  readonly draw: (count?: number) => Promise<Record<string, Rows> | undefined>;
}

/** Corrects it. @throws as `correct` does. */
export function correctAmortised(
  { owner, map, posterior, backend, draws, draw }: Amortised,
  options: CorrectOptions | undefined,
): Promise<CorrectedPosterior> {
  const { spec, work, problem } = map;
  const { D } = spec;
  const drawn = async (count: number) => {
    const made = count <= draws ? await draw(count) : undefined;
    if (made === undefined) return undefined;
    const theta = withCentre(made.theta.subarray(0, count * D), work.parameters);
    return { theta: expectFinite(owner, "draws", theta), logQ: made.logProb.subarray(0, count) };
  };
  const ready = async (): Promise<void> => void (await draw());
  return correct({ owner: spec.problem, problem, D, posterior, drawn, ready, backend }, options);
}
