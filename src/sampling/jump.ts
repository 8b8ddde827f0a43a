/**
 * Jumps between the transitions of a chain: a draw z′ of a mixture of normal densities g near the posterior is accepted by the rule
 * of Metropolis and Hastings for independent proposals (Tierney, Annals of Statistics 22 (1994), §2.3),
 *
 *   with probability min(1, w(z′)/w(z)),   w = exp(U) / g.
 *
 * Chains that start from a posterior have such a density: its mean and covariance, the noise of its guide, or Laplace's approximation
 * at the modes found. A jump costs one evaluation, leaves the posterior invariant, and can move chains between modes that trajectories
 * do not connect.
 */
import { exp } from "../numbers/math.ts";
import { STREAMS } from "../numbers/random.ts";
import { drawMixture, logMixture, type Mixture } from "./mixture.ts";
import { Stream } from "./stream.ts";

export class Jump {
  private readonly density: Mixture;
  private readonly stream: Stream;
  private logDensity = 0;
  tried = 0;
  taken = 0;

  constructor(density: Mixture, seed: number, chain: number) {
    this.density = density;
    this.stream = new Stream(seed, STREAMS.jump, chain);
  }

  /** Writes z′, the proposal of a transition, into `z`. */
  propose(transition: number, z: Float64Array): void {
    this.stream.goTo(transition);
    drawMixture(this.density, this.stream, z);
    this.logDensity = logMixture(this.density, z);
  }

  /** Whether the jump from z, where U is `value`, to the last proposal, where U is `valueNew`, is accepted. */
  accept(z: Float64Array, value: number, valueNew: number): boolean {
    this.tried++;
    const gain = valueNew - value - this.logDensity + logMixture(this.density, z);
    const taken = gain >= 0 || this.stream.uniform() < exp(gain); // false for NaN
    if (taken) this.taken++;
    return taken;
  }
}
