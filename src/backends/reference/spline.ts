/**
 * Monotone rational-quadratic splines and their derivatives, plainly, one number at a time.
 *
 *   y(ξ) = y_k + h (Δ ξ² + s₀ t) / D,   ξ = (x − x_k) / w,  t = ξ(1 − ξ),  Δ = h / w,  D = Δ + (s₀ + s₁ − 2Δ) t
 *   y′   = Δ² M / D²,                   M = s₁ ξ² + 2 Δ t + s₀ (1 − ξ)²
 *
 * Durkan, Bekasov, Murray & Papamakarios, Neural Spline Flows, 2019, eqs 4–8; identity outside [−bound, bound].
 */

/** The least width and height of a bin as a share of the interval, and the least slope. */
const LEAST = 1e-3;
/** softplus(0 + SHIFT) + LEAST = 1: raw parameters 0 give the identity. */
const SHIFT = Math.log(Math.expm1(1 - LEAST));

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** One bin: its left knot (x, y), width, height, and the slopes at its two knots. */
export interface Bin {
  readonly x: number;
  readonly w: number;
  readonly y: number;
  readonly h: number;
  readonly s0: number;
  readonly s1: number;
}

/** The knots and slopes that raw parameters stand for: K widths, K heights, K − 1 slopes from `raw[at]` on. */
export interface Knots {
  readonly bins: readonly Bin[];
  readonly bound: number;
  /** Softmax of the raw widths and heights (K each), for the derivatives. */
  readonly shares: readonly [Float64Array, Float64Array];
}

function softmax(raw: Float64Array): Float64Array {
  const top = raw.reduce((a, b) => Math.max(a, b));
  const e = raw.map((v) => Math.exp(v - top));
  const sum = e.reduce((a, b) => a + b);
  return e.map((v) => v / sum);
}

export function readKnots(raw: Float64Array, bound: number): Knots {
  const count = (raw.length + 1) / 3;
  const shares = [softmax(raw.subarray(0, count)), softmax(raw.subarray(count, 2 * count))] as const;
  const [widths, heights] = shares.map((s) => s.map((v) => 2 * bound * (LEAST + (1 - LEAST * count) * v)));
  const slope = (knot: number): number =>
    knot === 0 || knot === count ? 1 : LEAST + softplus(raw[2 * count + knot - 1] + SHIFT);
  const bins: Bin[] = [];
  let [x, y] = [-bound, -bound];
  for (let k = 0; k < count; k++) {
    bins.push({ x, w: widths[k], y, h: heights[k], s0: slope(k), s1: slope(k + 1) });
    x += widths[k];
    y += heights[k];
  }
  return { bins, bound, shares };
}

/** The bin that holds `value` on the axis; −1 outside the interval. */
function find({ bins, bound }: Knots, axis: "x" | "y", value: number): number {
  if (!(Math.abs(value) <= bound)) return -1;
  let k = 0;
  while (k + 1 < bins.length && value >= bins[k + 1][axis]) k++;
  return k;
}

/** (y, log y′) at x inside a bin, and what its derivatives need. */
function evaluate(b: Bin, x: number) {
  const xi = (x - b.x) / b.w;
  const t = xi * (1 - xi);
  const delta = b.h / b.w;
  const sigma = b.s0 + b.s1 - 2 * delta;
  const d = delta + sigma * t;
  const n = delta * xi * xi + b.s0 * t;
  const m = b.s1 * xi * xi + 2 * delta * t + b.s0 * (1 - xi) ** 2;
  return {
    xi,
    t,
    delta,
    sigma,
    d,
    n,
    m,
    y: b.y + (b.h * n) / d,
    log: 2 * Math.log(delta) + Math.log(m) - 2 * Math.log(d),
  };
}

/** x with y(x) = y inside a bin: the root of a quadratic, in the form that does not cancel (eqs 6–8). */
function invert(b: Bin, y: number): number {
  const delta = b.h / b.w;
  const rest = y - b.y;
  const sigma = b.s0 + b.s1 - 2 * delta;
  const a = b.h * (delta - b.s0) + rest * sigma;
  const half = b.h * b.s0 - rest * sigma;
  const c = -delta * rest;
  return b.x + (b.w * 2 * c) / (-half - Math.sqrt(half * half - 4 * a * c));
}

/** Value and log-derivative of the spline, or of its inverse. */
export function splineAt(knots: Knots, inverse: boolean, x: number): [value: number, log: number] {
  const k = find(knots, inverse ? "y" : "x", x);
  if (k < 0) return [x, Number.isNaN(x) ? x : 0];
  const bin = knots.bins[k];
  if (!inverse) {
    const { y, log } = evaluate(bin, x);
    return [y, log];
  }
  const value = invert(bin, x);
  return [value, -evaluate(bin, value).log];
}

/** Cotangents of x and of the bin, from those of y and of log y′: the chain rule through the equations above, backwards. */
function pull(b: Bin, x: number, ofY: number, ofLog: number): Bin & { readonly of: number } {
  const { xi, t, delta, sigma, d, n, m } = evaluate(b, x);
  const ofN = (ofY * b.h) / d;
  const ofD = (-ofY * b.h * n) / (d * d) - (2 * ofLog) / d;
  const ofM = ofLog / m;
  const ofSigma = ofD * t;
  const ofT = ofN * b.s0 + ofM * 2 * delta + ofD * sigma;
  const ofDelta = (2 * ofLog) / delta + ofN * xi * xi + ofM * 2 * t + ofD - 2 * ofSigma;
  const ofXi = ofN * 2 * delta * xi + ofM * 2 * (b.s1 * xi - b.s0 * (1 - xi)) + ofT * (1 - 2 * xi);
  return {
    of: ofXi / b.w,
    x: -ofXi / b.w,
    w: -(ofXi * xi + ofDelta * delta) / b.w,
    y: ofY,
    h: (ofY * n) / d + ofDelta / b.w,
    s0: ofN * t + ofM * (1 - xi) ** 2 + ofSigma,
    s1: ofM * xi * xi + ofSigma,
  };
}

/**
 * Cotangents of the argument and of the raw parameters (3K − 1), from those of value and log-derivative. For the inverse
 * x(y), log x′ = −log y′(x): dx = (dy − Σ ∂y/∂p dp) / y′, so both cotangents pass through y with the factor below.
 */
export function splinePull(
  knots: Knots,
  raw: Float64Array,
  inverse: boolean,
  at: number,
  ofValue: number,
  ofLog: number,
) {
  const out = new Float64Array(raw.length);
  const k = find(knots, inverse ? "y" : "x", at);
  if (k < 0) return { ofArgument: ofValue, ofRaw: out };
  const { bins, bound, shares } = knots;
  const count = bins.length;
  let local: Bin;
  let ofArgument: number;
  if (inverse) {
    const x = invert(bins[k], at);
    ofArgument = (ofValue - ofLog * pull(bins[k], x, 0, 1).of) / Math.exp(evaluate(bins[k], x).log);
    local = pull(bins[k], x, -ofArgument, -ofLog);
  } else {
    const both = pull(bins[k], at, ofValue, ofLog);
    ofArgument = both.of;
    local = both;
  }
  // A left knot is −bound + the sum of the widths before it; widths are a softmax.
  [[local.x, local.w] as const, [local.y, local.h] as const].forEach(([ofKnot, ofSize], axis) => {
    const share = shares[axis];
    const ofShare = share.map((_, j) => 2 * bound * (1 - LEAST * count) * (j < k ? ofKnot : j === k ? ofSize : 0));
    const mean = share.reduce((sum, v, j) => sum + v * ofShare[j], 0);
    share.forEach((v, j) => {
      out[axis * count + j] = v * (ofShare[j] - mean);
    });
  });
  const slopes = [k > 0 && ([k - 1, local.s0] as const), k + 1 < count && ([k, local.s1] as const)];
  for (const s of slopes) if (s) out[2 * count + s[0]] = s[1] * sigmoid(raw[2 * count + s[0]] + SHIFT);
  return { ofArgument, ofRaw: out };
}
