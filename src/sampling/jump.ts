/**
 * Jumps between the transitions of a chain: a draw z′ of a normal density g near the posterior is accepted by the rule of
 * Metropolis and Hastings for independent proposals (Tierney, Annals of Statistics 22 (1994), §2.3),
 *
 *   with probability min(1, w(z′)/w(z)),   w = exp(U) / g.
 *
 * Chains that start from a posterior have such a density: its mean and covariance, or the noise of its guide. A jump costs one
 * evaluation, leaves the posterior invariant, and can move chains between modes that trajectories do not connect.
 */
import { exp } from "../numbers/math.ts";
import { sumOfSquares } from "../numbers/moments.ts";
import { STREAMS } from "../numbers/random.ts";
import { addTimes, solveLower } from "../numbers/triangles.ts";
import { Stream } from "./stream.ts";

/** N(mean, L Lᵀ), L packed. */
export interface JumpDensity {
  readonly mean: Float64Array;
  readonly factor: Float64Array;
}

export class Jump {
  private readonly density: JumpDensity;
  private readonly stream: Stream;
  private readonly noise: Float64Array;
  tried = 0;
  taken = 0;

  constructor(density: JumpDensity, seed: number, chain: number) {
    this.density = density;
    this.stream = new Stream(seed, STREAMS.jump, chain);
    this.noise = new Float64Array(density.mean.length);
  }

  /** Writes z′, the proposal of a transition, into `z`. */
  propose(transition: number, z: Float64Array): void {
    const { mean, factor } = this.density;
    this.stream.goTo(transition);
    this.stream.normals(this.noise);
    z.set(mean);
    addTimes(factor, this.noise, 1, z);
  }

  /** Whether the jump from z, where U is `value`, to the last proposal, where U is `valueNew`, is accepted. */
  accept(z: Float64Array, value: number, valueNew: number): boolean {
    this.tried++;
    const gain = valueNew - value + 0.5 * (sumOfSquares(this.noise) - this.distance(z));
    const taken = gain >= 0 || this.stream.uniform() < exp(gain); // false for NaN
    if (taken) this.taken++;
    return taken;
  }

  /** |L⁻¹(z − mean)|² */
  private distance(z: Float64Array): number {
    const { mean, factor } = this.density;
    const x = this.noise; // no longer needed
    for (let i = 0; i < z.length; i++) x[i] = z[i] - mean[i];
    return sumOfSquares(solveLower(factor, x));
  }
}
