/**
 * What the methods share: a step makes stage vectors V_j (B, S) from the state before it, and
 *
 *   u(t + h) ≈ u + s(h) Σ b_j V_j,   u(t + θh) ≈ u + s(h) Σ w_j(θ) V_j.
 */
import { add, mul } from "../graph/build.ts";
import type { Operand, Tensor } from "../graph/tensor.ts";

/** A time within a step. */
export interface Moment {
  /** The columns of time and forcing on which the right-hand side may depend, as one tensor; null for none. */
  readonly all: Tensor | null;
  /** (B, 1) each. */
  readonly t: Tensor;
  readonly forcing: readonly Tensor[];
}

/** The right-hand side on state vectors. */
export interface Model {
  /** du/dt (B, S) of the state u (B, S). */
  slope(at: Moment, u: Tensor): Tensor;
  /** The rate (B, S) at which a slope at this moment changes with time and forcing; null where it depends on neither. */
  drift(at: Moment, slope: Tensor): Tensor | null;
}

/** A method of steps of one size. */
export interface Method {
  readonly name: string;
  /** Order at the steps. */
  readonly order: number;
  /** Order of the interpolant. */
  readonly within: number;
  /** Where in the step the right-hand side is evaluated; the stages that only an emission needs come last. */
  readonly nodes: readonly number[];
  /** Whether it asks for `drift`, at the start of the step. */
  readonly drifts: boolean;
  /** Weights of the stage vectors at the end of the step. */
  readonly step: readonly number[];
  /** Weights of the estimate of the error of a step. */
  readonly error: readonly number[];
  /** Weights at a share θ of the step. */
  readonly weights: (theta: number) => number[];
  /** The factor s of the weights for a step h. */
  readonly scale: (h: number) => number;
  /** The stage vectors from the state before the step; `whole`: with those that only an emission needs. */
  readonly stages: (model: Model, u: Tensor, at: (stage: number) => Moment, h: number, whole: boolean) => Tensor[];
}

/** u + Σ w_j V_j; weights of 0 cost nothing. */
export function combine(u: Tensor, vectors: readonly Tensor[], weights: readonly Operand[]): Tensor {
  return weights.reduce<Tensor>((sum, w, j) => (w === 0 ? sum : add(sum, mul(vectors[j], w))), u);
}
