/**
 * Posteriors of data that come in one after another: a set that grows by a member, or the last of them. The sums over the members are
 * kept (nn/sets.ts), so that a further reading takes constant time. What computes is loaded with the first reading.
 */
import { type BackendOptions, backendTable, withDefaults } from "../backends/select.ts";
import { type OptionsOf, option, readOptions, seed, whole } from "../checks/options.ts";
import { expectMap } from "../model/expect.ts";
import type { InverseMap } from "../model/model.ts";
import type { SetData } from "../problem/set.ts";
import type { AmortisedPosterior } from "./infer.ts";

export const streamTable = {
  /** Readings that count: the last ones. By default all do, and more than the map was trained for are refused. */
  window: option(whole(1)),
  /** Draws that mean, covariance and quantiles are computed from where the guide has no closed form. */
  draws: option(whole(2), 4096),
  /** Seed of those draws. */
  seed: option(seed, 0),
  ...backendTable,
};
/** Options of `stream`. */
export type StreamOptions = OptionsOf<typeof streamTable>;

/** Posteriors of readings that come in one after another. */
export interface PosteriorStream {
  /**
   * The posterior after a further reading: a member (m), a number where m is 1, or a set of several. A reading that is missing, NaN or
   * null, leaves the posterior as it is. Null as long as there are fewer readings than the map takes. Readings are taken in the order of the calls.
   * @throws for a reading of another length or with a number that is not finite, and for more readings than the map was trained for.
   */
  push(reading: number | null | ArrayLike<number> | SetData): Promise<AmortisedPosterior | null>;
  /** Readings that count. */
  readonly count: number;
  /** Forgets all readings. */
  reset(): void;
}

/**
 * Starts a stream of readings for a map of sets. On wasm in the caller's thread mean, covariance and quantiles are computed when one of them
 * is first read; elsewhere `await posterior.summary()` does.
 * @throws for a map of data of one length, and for a window that the map was not trained for.
 */
export function stream(map: InverseMap, options: StreamOptions = {}): PosteriorStream {
  expectMap("stream", map);
  const { window, draws, seed, ...where } = readOptions("stream", streamTable, options);
  const { problem, rows } = map.spec;
  const set = rows?.set;
  if (!set)
    throw new Error(
      `stream: expected a map of sets, and the data of "${problem}" have one length; declare them as data: set({ each, count })`,
    );
  if (window !== undefined && !(window >= set.least && window <= set.most))
    throw new Error(
      `stream: expected a window of ${set.least} to ${set.most} readings, as the map takes, got ${window}`,
    );
  const backend: BackendOptions = withDefaults(map.backend, where);
  const loaded = import("./stream-set.ts").then(({ setStream }) =>
    setStream(map, set, { window, draws, seed, backend }),
  );
  loaded.catch(() => {}); // the first reading tells
  let last: Promise<unknown> = loaded;
  let [count, begun] = [0, 0];
  return {
    get count() {
      return count;
    },
    reset: () => {
      count = 0;
      begun++;
    },
    push: (reading) => {
      const own = begun;
      const next = last
        .catch(() => {})
        .then(async () => {
          const { posterior, readings } = await (await loaded)(reading, own);
          if (own === begun) count = readings;
          return posterior;
        });
      last = next;
      return next;
    },
  };
}
