/**
 * Derivatives of the loop s_k+1 = step(s_k, p, x_k), e_j = emit(s_at(j), p):
 *
 *   λ_k = (∂step/∂s)ᵀ λ_k+1 + Σ_{at(j) = k} (∂emit/∂s)ᵀ ē_j,    p̄ = Σ_k (∂step/∂p)ᵀ λ_k+1 + Σ_j (∂emit/∂p)ᵀ ē_j,
 *
 * a loop backwards over states that are computed again from checkpoints (Griewank & Walther, Evaluating Derivatives, 2nd ed., §12.2).
 * It is linear in ē; its transpose by ē is the tangent loop, (s, ds) ↦ (step(s), ∂step/∂s ds + ∂step/∂p dp + ∂step/∂x dx).
 */
import { apply } from "./apply.ts";
import { concat, slice } from "./build.ts";
import { byIdentity, placeholder } from "./loop.ts";
import type { Loop, LoopGrad, Wanted } from "./loop-data.ts";
import type { ScanName } from "./names.ts";
import { gradWidths } from "./scan-rules.ts";
import { tangentOf, tangentOfParam, zeros } from "./tangents.ts";
import { shapeOf, type Tensor } from "./tensor.ts";
import type { Grad, Vjp } from "./vjp.ts";

const known = new WeakMap<Loop, Map<string, LoopGrad>>();

/** The gradient of a loop; the same object each time, so that equal nodes are found to be equal. */
function gradOf(loop: Loop, wanted: Wanted, grad: Grad): LoopGrad {
  const key = JSON.stringify(wanted);
  const others = known.get(loop) ?? new Map<string, LoopGrad>();
  known.set(loop, others);
  const before = others.get(key);
  if (before !== undefined) return before;
  const cotangent = placeholder(shapeOf(loop.state));
  const seed = placeholder(shapeOf(loop.emit.result));
  const fixed = wanted.fixed.map((i) => loop.fixed[i]);
  const series = wanted.series.map((i) => loop.series[i]);
  const params = wanted.params.map((i) => loop.params[i]);
  const made: LoopGrad = byIdentity({
    loop,
    wanted,
    cotangent,
    seed,
    step: grad(loop.step.result, [loop.state, ...fixed, ...series, ...params], cotangent),
    emit: grad(loop.emit.result, [loop.state, ...fixed, ...params], seed),
  });
  others.set(key, made);
  return made;
}

/** Positions of a part of the inputs whose cotangents are wanted; the part starts at input `from`. */
const positions = (part: readonly Tensor[], from: number, wants: (input: number) => boolean): number[] =>
  part.flatMap((_, i) => (wants(from + i) ? [i] : []));

const scanVjp: Vjp = (g, node, grad, wants) => {
  const loop = node.attrs.loop as Loop;
  const { fixed, series, params } = loop;
  const [ofSeries, ofParams] = [1 + fixed.length, 1 + fixed.length + series.length];
  const wanted = {
    fixed: positions(fixed, 1, wants),
    series: positions(series, ofSeries, wants),
    params: positions(params, ofParams, wants),
  };
  const gradient = gradOf(loop, wanted, grad);
  if ([...gradient.step, ...gradient.emit].every((t) => t === null)) return node.inputs.map(() => null);
  const inputs = [g, ...node.inputs];
  const all = apply("scanGrad", inputs, { grad: gradient });
  const out: (Tensor | null)[] = node.inputs.map(() => null);
  const places = [0, ...wanted.fixed.map((i) => 1 + i), ...wanted.series.map((i) => ofSeries + i)];
  let at = 0;
  gradWidths(gradient).forEach((width, i) => {
    out[places[i]] = slice(all, at, (at += width));
  });
  wanted.params.forEach((i, index) => {
    const depends = [gradient.step.at(index - wanted.params.length), gradient.emit.at(index - wanted.params.length)];
    if (depends.some((t) => t !== null)) out[ofParams + i] = apply("scanSum", [all, ...inputs], { index });
  });
  return out;
};

/** The tangent of the emissions, from the tangents of the parts of `scanGrad`, or of one param. */
function pushScan(gradient: LoopGrad, inputs: readonly Tensor[], c: Tensor, param: number | null, grad: Grad): Tensor {
  const { loop, wanted } = gradient;
  const [state, ...rest] = inputs;
  const fixed = rest.slice(0, loop.fixed.length);
  const series = rest.slice(fixed.length, fixed.length + loop.series.length);
  const params = rest.slice(fixed.length + series.length);
  let at = 0;
  const parts = param === null ? gradWidths(gradient).map((width) => slice(c, at, (at += width))) : [zeros(state)];
  const ofFixed = 1 + wanted.fixed.length;
  return apply(
    "scan",
    [
      concat(state, parts[0]),
      ...[...fixed, ...parts.slice(1, ofFixed)],
      ...[...series, ...parts.slice(ofFixed)],
      ...[...params, ...(param === null ? [] : [c])],
    ],
    { loop: param === null ? tangentOf(gradient, grad) : tangentOfParam(gradient, param, grad) },
  );
}

/** @throws where anything but the cotangent of the emissions is differentiated. */
function expectLinear(inputs: readonly Tensor[], from: number, wants: (input: number) => boolean): void {
  if (inputs.some((_, i) => i >= from && wants(i)))
    throw new Error(
      "scan: expected first derivatives of a loop, or Jacobians, got a second derivative through its gradient; take the gradient of a Jacobian-vector product instead: grad(jvp(f, x, t), [x])",
    );
}

/** The table. */
export const scanVjps: Readonly<Record<ScanName, Vjp>> = {
  scan: scanVjp,
  scanGrad: (c, { inputs, attrs }, grad, wants) => {
    expectLinear(inputs, 1, wants);
    return [pushScan(attrs.grad as LoopGrad, inputs.slice(1), c, null, grad), ...inputs.slice(1).map(() => null)];
  },
  scanSum: (c, { inputs, attrs }, grad, wants) => {
    expectLinear(inputs, 2, wants);
    const [node, , ...rest] = inputs;
    const pushed = pushScan(node.attrs.grad as LoopGrad, rest, c, attrs.index as number, grad);
    return [null, pushed, ...rest.map(() => null)];
  },
};
