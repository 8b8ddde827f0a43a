/** Distributions side by side, independent or not: their places in θ, their streams of random numbers, and lists of their moments. */
import { STREAMS } from "../numbers/random.ts";
import { MOST_PARTS, startsOf } from "./bijection.ts";
import type { Distribution } from "./distribution.ts";

/** Where each part starts in θ, and how its streams count from the first one. */
export interface Layout {
  readonly size: number;
  readonly streams: number;
  readonly starts: readonly number[];
  /** The first stream of part i, by that of the whole. */
  readonly streamOf: (first: number, i: number) => number;
}

/** The layout of parts. @throws where they take too many streams. */
export function layoutOf(owner: string, parts: readonly Pick<Distribution, "size" | "streams">[]): Layout {
  const { starts, size } = startsOf(parts);
  let streams = 0;
  const offsets = parts.map((p) => {
    streams += p.streams;
    return streams - p.streams;
  });
  if (streams > MOST_PARTS)
    throw new Error(
      `${owner}: expected at most ${MOST_PARTS} parts, got ${streams}; one part may be of many parameters`,
    );
  /** Numbers from 101 on are those of the noise and others. */
  const streamOf = (first: number, i: number): number => {
    const at = first + offsets[i];
    return at < STREAMS.noise && at + parts[i].streams > STREAMS.noise ? STREAMS.parts + at : past(at);
  };
  const past = (at: number): number => (at >= STREAMS.noise && at < STREAMS.parts ? STREAMS.parts + at : at);
  return { size, streams, starts, streamOf };
}

const keys = ["mean", "sd", "realMean", "realSd"] as const;

/** The moments of parts one after another. */
export const joinedMoments = (
  parts: readonly Pick<Distribution, (typeof keys)[number]>[],
): Pick<Distribution, (typeof keys)[number]> => {
  const join = (key: (typeof keys)[number]): Float64Array =>
    Float64Array.from(parts.flatMap((p) => Array.from(p[key])));
  return { mean: join("mean"), sd: join("sd"), realMean: join("realMean"), realSd: join("realSd") };
};
