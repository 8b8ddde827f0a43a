/**
 * A guide in the coordinates of Laplace's approximation of each observation's posterior, as a few Gauss–Newton steps find it, from the
 * best linear estimator or, of a few parameters, from the best of some draws of the best linear posterior (search/step.ts; Bui-Thanh et al., SIAM J. Sci. Comput. 35 (2013), §3):
 *
 *   w = Cᵀ (z − m),   log q(z | y) = log q_w(w | m, f, log diag C) + ½ log |H|,   C Cᵀ = H(m),
 *
 * where m is the end of the steps, H the curvature there and f the features. The second-order information of the physics need not be
 * learned, however many parameters there are; the guide learns how the posterior bends away from it. The steps solve the forward
 * model and its adjoint, so inference needs the problem and takes their time. The steps do not depend on the weights: training
 * takes them once for each simulation, then learns the density of w.
 */
import { add, concat, dense, log, matmul, mul, slice, sub, triMul, triSolve } from "../graph/build.ts";
import { logDet, triDiagonal } from "../graph/linear.ts";
import type { Tensor } from "../graph/tensor.ts";
import { normalAt, STREAMS } from "../numbers/random.ts";
import { packed } from "../numbers/triangles.ts";
import type { FitData, GuideSizes, TracedGuide } from "./guide.ts";
import { fitBase, traceColour, traceEstimator } from "./linear-base.ts";

/**
 * Points that the steps may start from: the best linear estimate, and draws of the best linear posterior. Where phases or rates bend
 * the model, the steps are then half as many, and fewer of them end in a lower mode. With many parameters all draws are worse.
 */
const STARTS = 32;
const FEW = 16;
const SEED = 1;

/** Makes a guide of w a guide of z. Its context starts with m (D) and C (packed). */
export function onLaplaceBase(build: (sizes: GuideSizes) => TracedGuide, sizes: GuideSizes): TracedGuide {
  const { D, E, estimate = false } = sizes;
  const core = build({ ...sizes, E: D + E + D });
  const head = D + packed(D);
  const mode = (context: Tensor): Tensor => slice(context, 0, D);
  const factor = (context: Tensor): Tensor => slice(context, D, head);
  const rest = (context: Tensor): Tensor => slice(context, head, context.cols);
  const half = (context: Tensor): Tensor => mul(logDet(factor(context)), 0.5);
  const whiten = (z: Tensor, context: Tensor): Tensor =>
    triMul(factor(context), sub(z, mode(context)), { transpose: true });
  return {
    contextSize: head + core.contextSize,
    encode: (rows) => {
      const C = slice(rows, D + E, rows.cols);
      return concat(mode(rows), C, core.encode(concat(slice(rows, 0, D + E), log(triDiagonal(C)))));
    },
    logProb: (z, context) => add(core.logProb(whiten(z, context), rest(context)), half(context)),
    invert: (z, context) => core.invert(whiten(z, context), rest(context)),
    sample: (noise, context) => {
      const drawn = core.sample(noise, rest(context));
      const z = add(mode(context), triSolve(factor(context), drawn.z, { transpose: true }));
      return { z, logProb: add(drawn.logProb, half(context)) };
    },
    ...(core.drawn && { drawn: core.drawn }),
    ...(!estimate && {
      fit: async (data: FitData) => {
        const { "base.mean": mean, "base.colour": colour } = await fitBase(data, D, E);
        return { "base.mean": mean, ...(D <= FEW && { "base.colour": colour }) };
      },
    }),
    local: {
      starts: traceStarts(sizes),
      width: D + E + packed(D),
      trained: withVolume(core, D + E + D),
      trainedWidth: D + E + D + 1,
    },
  };
}

/** The points (B, D) that the steps may start from, side by side. */
function traceStarts(sizes: GuideSizes): (rows: Tensor) => Tensor {
  const { D, E, estimate = false } = sizes;
  const noise = (k: number): Float64Array =>
    Float64Array.from({ length: D }, (_, d) => normalAt(SEED, STREAMS.search, 0, k, d));
  return (rows) => {
    // Behind the features stands the estimate for the data that were observed, where there is one, and the factor of its covariance.
    const mean = estimate ? slice(rows, E, E + D) : dense(rows, traceEstimator(sizes));
    if (D > FEW) return mean;
    const colour = estimate ? null : traceColour(sizes);
    const draws = Array.from({ length: STARTS - 1 }, (_, k) => {
      const w = add(mul(mean, 0), noise(k));
      return add(mean, colour === null ? triMul(slice(rows, E + D, E + D + packed(D)), w) : matmul(w, colour));
    });
    return concat(mean, ...draws);
  };
}

/** Makes the density of a guide of w the density of θ: the last column of its rows is log |dw/dθ|. */
function withVolume(core: TracedGuide, width: number): TracedGuide {
  const inner = (context: Tensor): Tensor => slice(context, 0, core.contextSize);
  const volume = (context: Tensor): Tensor => slice(context, core.contextSize, core.contextSize + 1);
  return {
    contextSize: core.contextSize + 1,
    encode: (rows) => concat(core.encode(slice(rows, 0, width)), slice(rows, width, width + 1)),
    logProb: (w, context) => add(core.logProb(w, inner(context)), volume(context)),
    invert: (w, context) => core.invert(w, inner(context)),
    sample: (noise, context) => {
      const drawn = core.sample(noise, inner(context));
      return { z: drawn.z, logProb: add(drawn.logProb, volume(context)) };
    },
  };
}
