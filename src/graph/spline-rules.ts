/**
 * Shape rules of monotone rational-quadratic splines, one for each dimension (Durkan et al., Neural Spline Flows, 2019,
 * eqs 4–8).
 */
import type { SplineName } from "./names.ts";
import { fail, type Rule, sameType } from "./rule.ts";
import { type Attrs, batch, type Tensor } from "./tensor.ts";

export interface SplineAttrs {
  /** Bins K of the rational-quadratic spline. */
  readonly bins: number;
  /** The spline maps [−bound, bound] onto itself and is the identity outside. */
  readonly bound: number;
  readonly inverse: boolean;
}

/** Raw spline parameters for each dimension: K widths, K heights, K − 1 inner slopes. */
export const splineParams = (bins: number): number => 3 * bins - 1;

/** Most bins that kernels keep scratch for. */
export const MAX_BINS = 128;

/** @throws unless x is (B, D) and the parameters (B, D(3K − 1)), of one type. */
function check(name: string, x: Tensor, p: Tensor, { bins }: Attrs): void {
  sameType(name, [x, p]);
  if (!((bins as number) >= 2 && (bins as number) <= MAX_BINS))
    throw new Error(`${name}: expected 2 to ${MAX_BINS} bins, got ${bins}`);
  const cols = x.cols * splineParams(bins as number);
  if (x.kind !== "batch" || p.kind !== "batch" || x.rows !== p.rows || p.cols !== cols)
    fail(name, `x (B, D) and parameters (B, ${cols})`, [x, p]);
}

export const splineRules: Readonly<Record<SplineName, Rule>> = {
  /** (B, 2D): values, then log-derivatives. Attributes {bins, bound, inverse}. */
  spline: {
    shape: ([x, p], attrs, name) => {
      check(name, x, p, attrs);
      return batch(2 * x.cols, x.dtype, x.rows);
    },
    flops: ({ inputs: [x, p] }, rows) => x.rows * rows * (40 * x.cols + 30 * p.cols),
  },
  /** Cotangents of x (B, D) and of the raw parameters (B, D(3K − 1)), side by side. */
  splineGrad: {
    shape: ([x, p, g], attrs, name) => {
      check(name, x, p, attrs);
      if (g.cols !== 2 * x.cols) fail(name, `a cotangent (B, ${2 * x.cols})`, [g]);
      return batch(x.cols + p.cols, x.dtype, x.rows);
    },
    flops: ({ inputs: [x, p] }, rows) => x.rows * rows * (120 * x.cols + 30 * p.cols),
  },
};
