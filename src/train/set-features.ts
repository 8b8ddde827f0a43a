/** The features of sets in a training (nn/sets.ts): their network, and the entries that are fitted to simulated sets. */

import { readOptions } from "../checks/options.ts";
import { constantChannels } from "../nn/constant.ts";
import { ANSCOMBE, type Embedding } from "../nn/embedding.ts";
import {
  LEAST_VARIANCE,
  SET_NETWORK,
  type SetNetworkOptions,
  setFeatures,
  setNetworkTable,
  traceSet,
} from "../nn/sets.ts";
import { log } from "../numbers/math.ts";
import { quantileOf, weightedMoments } from "../numbers/moments.ts";
import { factorise, solveLower, triIndex } from "../numbers/triangles.ts";
import { unpackRow } from "../problem/layout.ts";
import type { SetSize } from "../problem/set.ts";
import type { Work } from "../problem/work.ts";
import type { WorkSimulations } from "../simulate/simulate.ts";
import type { FittedFeatures, RowFeatures } from "./program.ts";
import { FIT_SIMULATIONS } from "./simulations.ts";

/** The features of a training on sets. */
export function featuresOfSets({ M, noise }: Work, set: SetSize, asked: SetNetworkOptions): RowFeatures {
  const options = readOptions("embedding.set", setNetworkTable, asked);
  const network = { name: SET_NETWORK, options, size: setFeatures(set.each, options) };
  const embedding: Embedding = { kind: noise.data === "counts" ? "root" : "standardise", size: M, network };
  return { embedding, estimate: false, trace: (own) => traceSet(set, own) };
}

/** Normal quantiles that are one sd from the median. */
const LOW = 0.15865525393145707;

/** Medians and spreads of the numbers of members (N, m): a few far ones count as little as any. */
function scalesOf(members: Float64Array, m: number): Record<string, Float32Array> {
  const [middle, spread] = [new Float32Array(m), new Float32Array(m)];
  for (let j = 0; j < m; j++) {
    const sorted = members.filter((_, i) => i % m === j).sort();
    middle[j] = quantileOf(sorted, 0.5);
    const wide = (quantileOf(sorted, 1 - LOW) - quantileOf(sorted, LOW)) / 2;
    spread[j] = wide > 0 ? wide : sorted[sorted.length - 1] - sorted[0] || 1;
  }
  return { "set.middle": middle, "set.spread": spread };
}

/** Fits the features to simulated sets. */
export function fitSets(
  work: Work,
  set: SetSize,
  { count, noisy }: WorkSimulations,
  asked: SetNetworkOptions,
): FittedFeatures {
  const { layout, noise } = work;
  const { each: m, most } = set;
  const sets = Array.from({ length: Math.min(count, FIT_SIMULATIONS) }, (_, i) => {
    const { y, mask } = unpackRow(layout, noisy.subarray(i * layout.width, (i + 1) * layout.width));
    const n = Array.from({ length: most }, (_x, k) => (mask as Float32Array)[k * m]).reduce((sum, o) => sum + o, 0);
    return Float64Array.from(y.subarray(0, n * m), (v) => (noise.data === "counts" ? Math.sqrt(v + ANSCOMBE) : v));
  });
  const all = Float64Array.from(sets.flatMap((one) => [...one]));
  const scales = scalesOf(all, m);
  const values = constantChannels(all, m);
  const constant = Array.from({ length: most }, () => values).flat();
  const moments = sets.map((one) => momentsOf(one, m, scales));
  const { mean, covariance } = weightedMoments(
    moments.length,
    2 * m,
    (i, out) => out.set(moments[i]),
    () => 1,
  );
  for (let d = 0; d < 2 * m; d++) covariance[triIndex(d, d)] += LEAST_VARIANCE;
  if (factorise(covariance) >= 0) throw new Error("internal: a covariance of moments that is not positive");
  const unit = (i: number): Float64Array => Float64Array.from({ length: 2 * m }, (_, k) => Number(k === i));
  const whitening = Array.from({ length: 2 * m }, (_, i) => [...solveLower(covariance, unit(i))]).flat();
  const entries = {
    ...scales,
    "distance.mean": Float32Array.from(mean),
    "distance.whitening": Float32Array.from(whitening),
  };
  return { ...featuresOfSets(work, set, asked), entries, constant };
}

/** Means and logarithms of the sd of the standardised numbers of one set. */
function momentsOf(members: Float64Array, m: number, scales: Record<string, Float32Array>): Float64Array {
  const n = members.length / m;
  const out = new Float64Array(2 * m);
  for (let j = 0; j < m; j++) {
    const t = (i: number): number => (members[i * m + j] - scales["set.middle"][j]) / scales["set.spread"][j];
    let [sum, squares] = [0, 0];
    for (let i = 0; i < n; i++) sum += t(i);
    for (let i = 0; i < n; i++) squares += (t(i) - sum / n) * (t(i) - sum / n);
    out[j] = sum / n;
    out[m + j] = 0.5 * log(squares / n + LEAST_VARIANCE);
  }
  return out;
}
