/**
 * Features of sets (Zaheer et al., Deep Sets, NeurIPS 2017): a network that is the same for each member, and sums over the members, so
 * that their order does not matter. With standardised members t_i and the network's [a_i, b_i],
 *
 *   features = [ mean a, log mean exp b, mean t, log sd t, correlations of t, log n ],
 *
 * all over the n members that are there. Means, logarithms of means of exponentials and the moments of a set follow from running sums,
 * so that a further member takes constant time (infer/stream.ts).
 *
 * The distance of a set from the simulations is in terms of its moments. With g = [mean t, log sd t] and e_i = (t_i − mean t)/sd t,
 *
 *   T₁ = |W (g − ḡ)|²,   T₂ = Σ mean e⁴,   T₃ = Σ (mean e³)²,
 *
 * scaled as those of rows with circumstances (observed.ts), between numbers of members.
 */
import { type OptionsOf, option, readOptions, type SettingsOf, whole } from "../checks/options.ts";
import {
  add,
  clamp,
  columns,
  concat,
  div,
  exp,
  log,
  matmul,
  maximum,
  mul,
  outerTril,
  sqrt,
  square,
  sub,
  sumFeatures,
  sumTiles,
  tile,
  toTiles,
  weight,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { log as logOf } from "../numbers/math.ts";
import { packed, triIndex } from "../numbers/triangles.ts";
import { type Layout, partsOf } from "../problem/layout.ts";
import type { SetSize } from "../problem/set.ts";
import { ANSCOMBE, asinh, type Embedding, LARGEST_FEATURE } from "./embedding.ts";
import { layersOf } from "./layers.ts";
import { type MakeWeight, widths } from "./mlp.ts";
import { type Observed, worstOf } from "./observed.ts";

/** The options of the embedding of sets. */
export const setNetworkTable = {
  /** Widths of the hidden layers of the network of a member. */
  hidden: option(widths, [64]),
  /** Features that are means over the members, and as many logarithms of means of exponentials. */
  features: option(whole(1, 4096), 32),
};
/** Options of the embedding of sets. */
export type SetNetworkOptions = OptionsOf<typeof setNetworkTable>;

/** The name under which files keep it. */
export const SET_NETWORK = "set";

/** Members of more numbers have no correlations among their features. */
const MOST_CORRELATED = 8;
/** Added to variances of standardised members: one member has none. */
export const LEAST_VARIANCE = 1e-6;
/** Moments of larger standardised members would not be finite. */
const LARGEST = 1e4;
/** Larger exponents would not be finite. */
const LARGEST_EXPONENT = 20;
/** Standardised members enter on a logarithmic scale too, which is straight below a share of 1. */
const SHARE = 0.25;

/** Numbers of a member of m numbers that have moments: their products, or their squares alone. */
const secondsOf = (m: number): number => (m <= MOST_CORRELATED ? packed(m) : m);
const diagonalOf = (m: number): number[] =>
  Array.from({ length: m }, (_, i) => (m <= MOST_CORRELATED ? triIndex(i, i) : i));

/** The number of features of a set. */
export const setFeatures = (m: number, { features }: SettingsOf<typeof setNetworkTable>): number =>
  2 * features + m + secondsOf(m) + 1;

/** What a member adds to the sums, and what these tell: the parts of both, in order. */
export interface SetParts {
  /** Numbers of the network's a, and of exp b. */
  readonly H: number;
  readonly m: number;
  /** Second moments, in the order of packed triangles, or the squares alone. */
  readonly seconds: number;
}

/** The network of a set, traced. */
export interface TracedSet extends Observed {
  readonly sizes: SetParts;
  /** Members (N, m) → [a (H) | exp b (H) | t (m)]. */
  readonly members: (y: Tensor) => Tensor;
  /**
   * [mean a (H) | mean exp b (H) | mean t (m) | central moments: second (seconds), third (m), fourth (m) | n] of sets → features, and the
   * parts of the distance.
   */
  readonly features: (pooled: Tensor) => Tensor;
  readonly distanceOf: (pooled: Tensor) => Tensor;
}

const frozen = (name: string, rows: number, cols: number): Tensor => weight(name, rows, cols, { frozen: true });

/** Traces the features of sets, and their distance from the simulations. @throws for an embedding that is not one of sets. */
export function traceSet(set: SetSize, { kind, network }: Embedding, make: MakeWeight = weight): TracedSet {
  if (network?.name !== SET_NETWORK) throw new Error("model file: expected the embedding of sets, got another");
  const { each: m, least, most } = set;
  const { hidden, features: H } = readOptions("embedding.set", setNetworkTable, network.options);
  const sizes = { H, m, seconds: secondsOf(m) };
  const [middle, spread] = [frozen("set.middle", 1, m), frozen("set.spread", 1, m)];
  const members = (y: Tensor): Tensor => {
    const nn = layersOf("network", make);
    const direct = kind === "root" ? sqrt(maximum(add(y, ANSCOMBE), 0)) : y;
    const t = clamp(div(sub(direct, middle), spread), -LARGEST, LARGEST);
    const seen = concat(clamp(t, -LARGEST_FEATURE, LARGEST_FEATURE), mul(asinh(mul(t, 1 / SHARE)), 0.5));
    const h = hidden.reduce((x, width) => nn.dense(x, { width }), seen);
    const a = nn.dense(h, { width: H, activation: "linear" });
    const b = nn.dense(h, { width: H, activation: "linear" });
    return concat(a, exp(clamp(b, -LARGEST_EXPONENT, LARGEST_EXPONENT)), t);
  };
  const pool = (row: Tensor, layout: Layout): Tensor => pooled(members, sizes, most, row, layout);
  const features = (pooled: Tensor): Tensor => featuresOf(sizes, set, pooled);
  const whitening = (): Tensor => frozen("distance.whitening", 2 * m, 2 * m);
  const parts = (p: Tensor): Tensor => {
    const { mean, second, third, fourth, n } = cut(sizes, p);
    const variance = add(columns(second, diagonalOf(m)), LEAST_VARIANCE);
    const g = sub(concat(mean, mul(log(variance), 0.5)), frozen("distance.mean", 1, 2 * m));
    const scale = most > least ? 1 / logOf(most / least) : 0;
    return concat(
      sumFeatures(square(matmul(g, whitening()))),
      sumFeatures(div(fourth, square(variance))),
      sumFeatures(div(square(third), mul(variance, square(variance)))),
      mul(log(mul(n, 1 / least)), scale),
    );
  };
  const distanceOf = (p: Tensor): Tensor => worstOf(parts(p));
  const layout = { M: m * most, mask: true, scale: 0, times: 0, width: 2 * m * most } as const;
  return {
    sizes,
    members,
    features,
    distanceOf,
    embed: (row) => features(pool(row, layout)),
    parts: (row) => parts(pool(row, layout)),
    distance: (row) => distanceOf(pool(row, layout)),
  };
}

/** The pooled numbers of rows of sets (B, 2 · most · m). */
function pooled(members: TracedSet["members"], { H, m }: SetParts, most: number, row: Tensor, layout: Layout): Tensor {
  if (row.rows !== 1) throw new Error("internal: sets in tiles");
  const { y, mask } = partsOf(layout, row);
  const there = columns(toTiles(mask as Tensor, most), [0]);
  const own = members(toTiles(y, most)); // (most·B, 2H + m)
  const n = sumTiles(there);
  const mean = (x: Tensor): Tensor => div(sumTiles(mul(x, there)), n);
  const means = mean(own);
  const off = (of: number[]): Tensor => mul(sub(columns(own, of), tile(columns(means, of), most)), there);
  const d = off(Array.from({ length: m }, (_, i) => 2 * H + i));
  const moment = (x: Tensor): Tensor => div(sumTiles(x), n);
  const squares = square(d);
  return concat(
    means,
    moment(m <= MOST_CORRELATED ? outerTril(d, d) : squares),
    moment(mul(squares, d)),
    moment(square(squares)),
    n,
  );
}

/** The parts of pooled numbers. */
function cut({ H, m, seconds }: SetParts, p: Tensor) {
  let at = 0;
  const next = (count: number): Tensor => {
    at += count;
    return columns(
      p,
      Array.from({ length: count }, (_, i) => at - count + i),
    );
  };
  return { a: next(H), b: next(H), mean: next(m), second: next(seconds), third: next(m), fourth: next(m), n: next(1) };
}

function featuresOf(sizes: SetParts, { least, most }: SetSize, p: Tensor): Tensor {
  const { m } = sizes;
  const { a, b, mean, second, n } = cut(sizes, p);
  const variance = add(columns(second, diagonalOf(m)), LEAST_VARIANCE);
  const logs = mul(log(variance), 0.5);
  const pairs = m <= MOST_CORRELATED ? Array.from({ length: packed(m) }, (_, k) => k) : [];
  const off = pairs.filter((k) => !diagonalOf(m).includes(k));
  const rowOf = (k: number): number => pairs.findIndex((r) => triIndex(r, r) >= k);
  const sd = sqrt(variance);
  const of = (pick: (k: number) => number): Tensor => columns(sd, off.map(pick));
  const correlations =
    off.length === 0
      ? []
      : [
          div(
            columns(second, off),
            mul(
              of(rowOf),
              of((k) => k - triIndex(rowOf(k), 0)),
            ),
          ),
        ];
  const middle = 0.5 * (logOf(least) + logOf(most));
  const half = Math.max(0.5 * (logOf(most) - logOf(least)), 1);
  const count = mul(sub(log(n), middle), 1 / half);
  return concat(a, log(b), clamp(mean, -LARGEST_FEATURE, LARGEST_FEATURE), logs, ...correlations, count);
}
