/** The chains of one observation at a place: the space that they move in, and where they start there. */
import type { SettingsOf } from "../checks/options.ts";
import { Chain } from "./chain.ts";
import type { Given, Group } from "./lockstep.ts";
import type { MetricKind } from "./metric.ts";
import type { nutsTable } from "./nuts-options.ts";
import type { Sampler } from "./potential.ts";
import type { Origin, Started } from "./start.ts";
import { windowsOf } from "./warmup.ts";

export type Settings = SettingsOf<typeof nutsTable> & { readonly warmup: number; readonly metric: MetricKind };

/** The space that the chains of one observation move in, and their starts: of at least as many chains as are wanted. */
export interface Place extends Started {
  readonly D: number;
  readonly sampler: Sampler;
  /** Inputs of the plans besides positions. */
  readonly inputs: Given;
  readonly origin: Origin;
  /** Evaluations that were spent to choose it. */
  readonly spent: number;
}

/** The first `count` chains at a place. */
export function groupOf(place: Place, settings: Settings, count: number, where = ""): Group {
  const { z, D, metric, given, jump, again, sampler, inputs } = place;
  const own = { ...settings, given, jump: settings.jumps ? jump : null, windows: windowsOf(settings.warmup, given) };
  const chains = Array.from({ length: count }, (_, c) => new Chain(z.subarray(c * D, (c + 1) * D), metric, c, own));
  return { executor: sampler.executor, given: inputs, chains, where, again };
}
