/**
 * A box and its map onto the whole space, entry by entry, by the entry's support:
 *
 *   (−∞, ∞)      x = θ                                  (low, ∞)     x = log(θ − low)
 *   (−∞, high)   x = −log(high − θ)                     (low, high)  x = log(θ − low) − log(high − θ)
 *
 * Kucukelbir et al., Automatic Differentiation Variational Inference, JMLR 18 (2017), §2.3.
 */
import {
  add,
  columns,
  concat,
  constant,
  exp,
  log,
  maximum,
  minimum,
  mul,
  neg,
  ones,
  relu,
  sigmoid,
  sub,
  sumFeatures,
  where,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { log as logOf } from "../numbers/math.ts";
import { expectBatch } from "./distribution.ts";

/** The parts of a distribution that depend on its support alone. */
export interface Support {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly toReal: (theta: Tensor) => Tensor;
  readonly fromReal: (x: Tensor) => Tensor;
  readonly logDetToReal: (theta: Tensor) => Tensor;
  /** Draws moved onto the box, (B, D). Only entries move that rounding has pushed over an edge, or that a cast could push. */
  readonly clamp: (theta: Tensor) => Tensor;
  /** `value` (B, 1) where θ (B, D) is in the closed box, −∞ elsewhere. */
  readonly within: (value: Tensor, theta: Tensor) => Tensor;
}

type Kind = "line" | "above" | "below" | "between";
/** The columns of one kind, with their bounds. */
interface Group {
  readonly kind: Kind;
  readonly at: number[];
  readonly low: number[];
  readonly high: number[];
}

/** Half the distance from 1 to the next number, the least normal number, and the least positive number of f32. */
const EPSILON = { f32: 5.9604644775390625e-8, f64: 1.1102230246251565e-16 };
const SMALLEST = { f32: 1.1754943508222875e-38, f64: 2.2250738585072014e-308 };
const LEAST_F32 = 1.401298464324817e-45;

const kindOf = (low: number, high: number): Kind =>
  low === -Infinity ? (high === Infinity ? "line" : "below") : high === Infinity ? "above" : "between";

/** The neighbour of an f32 number, towards +∞ for step 1 and −∞ for step −1. */
function neighbour(x: number, step: 1 | -1): number {
  if (x === 0) return step * LEAST_F32;
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  view.setInt32(0, view.getInt32(0) + (x > 0 ? step : -step)); // the bits of floats of one sign are ordered
  return view.getFloat32(0);
}

/** The f32 number nearest to a bound that is not outside of the box. */
function innerBound(bound: number, inwards: 1 | -1): number {
  const rounded = Math.fround(bound);
  return (rounded - bound) * inwards < 0 ? neighbour(rounded, inwards) : rounded;
}

/** Moves entries onto their interval, by f32 bounds, which survive a cast either way, or by the bounds of the type. */
function clampGroup(theta: Tensor, { kind, low, high }: Group, survivesCasts: boolean): Tensor {
  const round = survivesCasts || theta.dtype === "f32";
  const from = low.map((b) => (round && Number.isFinite(b) ? innerBound(b, 1) : b));
  const to = high.map((b) => (round && Number.isFinite(b) ? innerBound(b, -1) : b));
  const fits = from.every((b, i) => b < to[i]); // else f32 cannot tell the bounds apart
  const above = kind === "above" || kind === "between" ? maximum(theta, fits ? from : low) : theta;
  return kind === "below" || kind === "between" ? minimum(above, fits ? to : high) : above;
}

/** The distance to a bound, kept away from 0, so that its logarithm is finite. */
function distance(from: "low" | "high", theta: Tensor, { low, high }: Group): Tensor {
  const raw = from === "low" ? sub(theta, low) : sub(high, theta);
  const edge = from === "low" ? low : high;
  const floor = edge.map((bound, i) => {
    const width = high[i] - low[i];
    const scale = Math.max(Math.abs(bound), width === Infinity ? 0 : width);
    return Math.max(scale * EPSILON[theta.dtype], SMALLEST[theta.dtype]);
  });
  return maximum(raw, floor);
}

/** log(θ − low) and log(high − θ) of entries that share a box, kept finite at its edges. */
export function logDistances(
  theta: Tensor,
  low: number,
  high: number,
): { readonly low: Tensor; readonly high: Tensor } {
  const fill = (x: number): number[] => new Array<number>(theta.cols).fill(x);
  const g: Group = { kind: "between", at: [], low: fill(low), high: fill(high) };
  return { low: log(distance("low", theta, g)), high: log(distance("high", theta, g)) };
}

function groupToReal(theta: Tensor, g: Group): Tensor {
  if (g.kind === "line") return theta;
  if (g.kind === "above") return log(distance("low", theta, g));
  if (g.kind === "below") return neg(log(distance("high", theta, g)));
  return sub(log(distance("low", theta, g)), log(distance("high", theta, g)));
}

function groupFromReal(x: Tensor, g: Group): Tensor {
  if (g.kind === "line") return x;
  if (g.kind === "above") return add(exp(x), g.low);
  if (g.kind === "below") return sub(g.high, exp(neg(x)));
  return add(
    mul(
      sigmoid(x),
      g.high.map((h, i) => h - g.low[i]),
    ),
    g.low,
  );
}

/** log |dx/dθ| of every column, null for 0; d/dθ (log a − log b) = (a + b)/(ab), a + b the width. */
function groupLogDet(theta: Tensor, g: Group): Tensor | null {
  if (g.kind === "line") return null;
  if (g.kind === "above") return neg(log(distance("low", theta, g)));
  if (g.kind === "below") return neg(log(distance("high", theta, g)));
  const both = add(log(distance("low", theta, g)), log(distance("high", theta, g)));
  return sub(
    g.high.map((h, i) => logOf(h - g.low[i])),
    both,
  );
}

/** The support of D entries with its maps; `low` < `high` everywhere. `owner` opens the messages of errors. */
export function makeSupport(owner: string, low: Float64Array, high: Float64Array): Support {
  const size = low.length;
  const groups = new Map<Kind, Group>();
  for (let i = 0; i < size; i++) {
    const kind = kindOf(low[i], high[i]);
    const group = groups.get(kind) ?? { kind, at: [], low: [], high: [] };
    groups.set(kind, group);
    group.at.push(i);
    group.low.push(low[i]);
    group.high.push(high[i]);
  }
  const all = [...groups.values()];
  const order = all.flatMap((g) => g.at);
  const back = Array.from({ length: size }, (_, i) => order.indexOf(i));
  const pick = (x: Tensor, g: Group): Tensor => (all.length === 1 ? x : columns(x, g.at));
  const gather = (parts: Tensor[]): Tensor => (all.length === 1 ? parts[0] : columns(concat(...parts), back));

  return {
    low,
    high,
    clamp: (theta) => gather(all.map((g) => clampGroup(pick(theta, g), g, true))),
    toReal: (theta) => {
      expectBatch(owner, "theta", theta, size);
      return gather(all.map((g) => groupToReal(pick(theta, g), g)));
    },
    fromReal: (x) => {
      expectBatch(owner, "x", x, size);
      return gather(
        all.map((g) => {
          const part = pick(x, g);
          return clampGroup(groupFromReal(part, g), g, false);
        }),
      );
    },
    logDetToReal: (theta) => {
      expectBatch(owner, "theta", theta, size);
      const parts = all.map((g) => groupLogDet(pick(theta, g), g)).filter((t) => t !== null);
      return parts.length === 0 ? mul(ones(theta.dtype, theta.rows), 0) : sumFeatures(concat(...parts));
    },
    within: (value, theta) => {
      const over = all.flatMap((g) => {
        const x = pick(theta, g);
        const below = g.kind === "above" || g.kind === "between" ? [sumFeatures(relu(sub(g.low, x)))] : [];
        const above = g.kind === "below" || g.kind === "between" ? [sumFeatures(relu(sub(x, g.high)))] : [];
        return [...below, ...above];
      });
      // log 0 instead of a constant −∞, because constants are plain JSON data.
      return over.length === 0
        ? value
        : where(
            over.reduce((a, b) => add(a, b)),
            log(constant(0, value.dtype)),
            value,
          );
    },
  };
}
