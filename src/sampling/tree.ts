/**
 * One transition of the no-U-turn sampler (Hoffman & Gelman, JMLR 15 (2014)) with a multinomial choice of the draw
 * (Betancourt, arXiv 1701.02434, §A.3): a trajectory is doubled, forwards or backwards, until it turns,
 *
 *   p_first · ρ ≤ 0 or p_last · ρ ≤ 0,   ρ = Σ p over the trajectory,
 *
 * tested for the whole, for every subtree, and across the two halves of each: the left half with the first momentum of the right
 * half, and the right half with the last momentum of the left half. Momenta are in isotropic coordinates (metric.ts).
 *
 * The new half grows leaf by leaf without recursion (as in Phan, Pradhan & Jankowiak, arXiv 1912.11554, §3.1): even leaf n is
 * kept at index popcount(n/2), where the subtrees that end at an odd leaf find their starts, the latest first. The direction does
 * not matter: momenta point forwards along the whole trajectory, and the criterion is symmetric in its two ends.
 */
import { exp, log1p } from "../numbers/math.ts";
import { dot } from "../numbers/moments.ts";

/** A trajectory that gains more energy counts as divergent. */
const MOST_ERROR = 1000;

/** log(e^a + e^b) */
export const logAddExp = (a: number, b: number): number => {
  if (a < b) return logAddExp(b, a);
  return b === Number.NEGATIVE_INFINITY ? a : a + log1p(exp(b - a));
};

/** A point of phase space: position, momentum, gradient and value of U, and log weight, the energy lost since the start. */
export class Point {
  readonly z: Float64Array;
  readonly p: Float64Array;
  readonly g: Float64Array;
  value = 0;
  weight = 0;

  constructor(D: number) {
    this.z = new Float64Array(D);
    this.p = new Float64Array(D);
    this.g = new Float64Array(D);
  }
  copy(from: Point): void {
    this.z.set(from.z);
    this.p.set(from.p);
    this.g.set(from.g);
    this.value = from.value;
    this.weight = from.weight;
  }
}

/** An even leaf, at which subtrees start: its momentum, that of the leaf before it, and Σ p before it. */
interface Mark {
  readonly p: Float64Array;
  readonly before: Float64Array;
  readonly sum: Float64Array;
}

/** What follows a leaf: the next leaf, a new doubling, or the end of the transition. */
export type Outcome = "walk" | "double" | "end";

export class Tree {
  /** The current leaf, which the chain moves. */
  readonly leaf: Point;
  /** The draw, once the transition has ended. */
  readonly draw: Point;
  /** +1: the leaf walks forwards. */
  direction = 1;
  depth = 0;
  leaves = 0;
  divergent = false;
  /** Σ min(1, e^−ΔH) over all leaves. */
  acceptance = 0;

  private readonly maxDepth: number;
  private readonly ends: readonly [back: Point, front: Point];
  private readonly candidate: Point;
  private readonly marks: readonly Mark[];
  private readonly rho: Float64Array;
  private readonly rhoNew: Float64Array;
  private readonly firstP: Float64Array;
  private readonly previousP: Float64Array;
  private readonly scratch: Float64Array;
  private logWeight = 0;
  private logWeightNew = 0;
  private index = 0;

  constructor(D: number, maxDepth: number) {
    const vector = (): Float64Array => new Float64Array(D);
    this.maxDepth = maxDepth;
    this.leaf = new Point(D);
    this.draw = new Point(D);
    this.candidate = new Point(D);
    this.ends = [new Point(D), new Point(D)];
    this.marks = Array.from({ length: maxDepth + 1 }, () => ({ p: vector(), before: vector(), sum: vector() }));
    [this.rho, this.rhoNew, this.firstP, this.previousP, this.scratch] = Array.from({ length: 5 }, vector);
  }

  /** Begins a transition at the draw, whose momentum is new. */
  begin(): void {
    this.draw.weight = 0;
    this.ends[0].copy(this.draw);
    this.ends[1].copy(this.draw);
    this.rho.set(this.draw.p);
    this.logWeight = 0;
    this.depth = 0;
    this.leaves = 0;
    this.acceptance = 0;
    this.divergent = false;
  }

  /** Begins a doubling: sets the leaf to the end that it grows from. */
  turnTo(direction: 1 | -1): void {
    this.direction = direction;
    this.leaf.copy(this.ends[direction > 0 ? 1 : 0]);
    this.index = 0;
    this.rhoNew.fill(0);
    this.logWeightNew = Number.NEGATIVE_INFINITY;
  }

  /** Adds the leaf to the tree; it was moved by one step, and its `weight` is set. `uniform` gives numbers in (0, 1). */
  take(uniform: () => number): Outcome {
    const { leaf, index } = this;
    const { weight } = leaf;
    this.leaves++;
    if (!(weight >= -MOST_ERROR)) {
      this.divergent = true; // true for NaN as well
      return "end";
    }
    this.acceptance += weight >= 0 ? 1 : exp(weight);
    this.logWeightNew = logAddExp(this.logWeightNew, weight);
    if (index === 0 || uniform() < exp(weight - this.logWeightNew)) this.candidate.copy(leaf);
    if (index === 0) this.firstP.set(leaf.p);
    const turned = this.mark(index);
    this.previousP.set(leaf.p);
    if (turned) return "end";
    this.index++;
    if (this.index < 1 << this.depth) return "walk";
    return this.join(uniform) ? "end" : "double";
  }

  /** Keeps an even leaf; at an odd one tests whether a subtree that ends there has turned. */
  private mark(n: number): boolean {
    const { leaf, rhoNew, marks, scratch, previousP } = this;
    let place = 0;
    for (let rest = n >> 1; rest > 0; rest &= rest - 1) place++;
    if ((n & 1) === 0) {
      const mark = marks[place];
      mark.p.set(leaf.p);
      mark.before.set(previousP);
      mark.sum.set(rhoNew);
      for (let i = 0; i < rhoNew.length; i++) rhoNew[i] += leaf.p[i];
      return false;
    }
    for (let i = 0; i < rhoNew.length; i++) rhoNew[i] += leaf.p[i];
    // Subtrees of 2, 4, … leaves end at n, one for each trailing 1 of n in binary.
    for (let ones = n, half: Mark | null = null; ones & 1; ones >>= 1, place--) {
      const start = marks[place];
      for (let i = 0; i < scratch.length; i++) scratch[i] = rhoNew[i] - start.sum[i];
      if (turns(start.p, leaf.p, scratch)) return true;
      if (half !== null) {
        for (let i = 0; i < scratch.length; i++) scratch[i] = half.sum[i] - start.sum[i] + half.p[i];
        if (turns(start.p, half.p, scratch)) return true;
        for (let i = 0; i < scratch.length; i++) scratch[i] = rhoNew[i] - half.sum[i] + half.before[i];
        if (turns(half.before, leaf.p, scratch)) return true;
      }
      half = start;
    }
    return false;
  }

  /** Joins the new half to the trajectory. Returns whether the trajectory ends. */
  private join(uniform: () => number): boolean {
    const { rho, rhoNew, scratch, leaf, firstP } = this;
    const gain = this.logWeightNew - this.logWeight;
    if (gain >= 0 || uniform() < exp(gain)) this.draw.copy(this.candidate);
    this.logWeight = logAddExp(this.logWeight, this.logWeightNew);
    const near = this.ends[this.direction > 0 ? 1 : 0];
    const far = this.ends[this.direction > 0 ? 0 : 1];
    for (let i = 0; i < rho.length; i++) scratch[i] = rho[i] + firstP[i];
    let turned = turns(far.p, firstP, scratch);
    for (let i = 0; i < rho.length; i++) scratch[i] = rhoNew[i] + near.p[i];
    turned ||= turns(near.p, leaf.p, scratch);
    for (let i = 0; i < rho.length; i++) rho[i] += rhoNew[i];
    turned ||= turns(far.p, leaf.p, rho);
    near.copy(leaf);
    this.depth++;
    return turned || this.depth >= this.maxDepth;
  }
}

const turns = (first: Float64Array, last: Float64Array, rho: Float64Array): boolean =>
  !(dot(first, rho) > 0 && dot(last, rho) > 0);
