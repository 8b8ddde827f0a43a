/**
 * Jumps between the transitions of a chain: a draw z′ of a normal density g that is near the posterior, taken by the rule of
 * Metropolis and Hastings for proposals that do not depend on where the chain is (Tierney, Annals of Statistics 22 (1994), §2.3),
 *
 *   with probability min(1, w(z′)/w(z)),   w = exp(U) / g.
 *
 * Chains that start from a posterior have such a density: its own mean and covariance, or the noise of its guide. A jump costs one
 * evaluation, leaves the posterior as it is, and carries chains between modes that trajectories do not connect.
 */
import { packed } from "../graph/tensor.ts";
import { exp } from "../numbers/math.ts";
import { STREAMS } from "../numbers/random.ts";
import { drift } from "./metric.ts";
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

  /** Writes z′ of a transition. */
  propose(transition: number, z: Float64Array): void {
    const { mean, factor } = this.density;
    this.stream.goTo(transition);
    this.stream.normals(this.noise);
    z.set(mean);
    drift("dense", factor, this.noise, 1, z);
  }

  /** Whether the jump from z, where U is `value`, to z′ of the last proposal, where it is `valueNew`, is taken. */
  accept(z: Float64Array, value: number, valueNew: number): boolean {
    this.tried++;
    const gain = valueNew - value + 0.5 * (squares(this.noise) - this.distance(z));
    const taken = gain >= 0 || this.stream.uniform() < exp(gain); // not where it is NaN
    if (taken) this.taken++;
    return taken;
  }

  /** |L⁻¹(z − mean)|² */
  private distance(z: Float64Array): number {
    const { mean, factor } = this.density;
    const x = this.noise; // no longer needed
    for (let i = 0; i < z.length; i++) {
      let sum = z[i] - mean[i];
      for (let k = 0; k < i; k++) sum -= factor[packed(i) + k] * x[k];
      x[i] = sum / factor[packed(i) + i];
    }
    return squares(x);
  }
}

const squares = (x: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * x[i];
  return sum;
};
