/**
 * One chain as a state machine: it requests the potential U and its gradient at one point after another, so that one run can
 * serve many chains (lockstep.ts). It moves by leapfrog steps of size ±ε in the coordinates of its metric,
 *
 *   p ← p ± ½ε Lᵀ∇U(z),   z ← z ± ε L p,   p ← p ± ½ε Lᵀ∇U(z),   H = −U(z) + ½ |p|²,
 *
 * and grows trees of them (tree.ts). The step size for each new metric is doubled or halved until the acceptance of a single
 * step crosses 0.8 (Hoffman & Gelman, JMLR 15 (2014), algorithm 4).
 */
import { sumOfSquares } from "../numbers/moments.ts";
import { STREAMS } from "../numbers/random.ts";
import { Jump } from "./jump.ts";
import { CovarianceWindow, drift, factorOf, kick, type Metric } from "./metric.ts";
import type { Mixture } from "./mixture.ts";
import { Stream } from "./stream.ts";
import { Tree } from "./tree.ts";
import { DualAveraging, type Windows } from "./warmup.ts";

const LOG_ACCEPTANCE = -0.2231435513142097; // log 0.8
/** Most doublings or halvings in the search for a step size. */
const MOST_DOUBLINGS = 50;

export interface ChainSettings {
  readonly warmup: number;
  readonly draws: number;
  readonly maxDepth: number;
  readonly targetAccept: number;
  readonly seed: number;
  readonly windows: Windows;
  /** Whether the first metric is that of a posterior; learned metrics are then averaged with it. */
  readonly given: boolean;
  /** The density of jumps; null for none. */
  readonly jump: Mixture | null;
}

export class Chain {
  /** The next point at which U and its gradient are needed, (D). */
  readonly z: Float64Array;
  /** (draws, D), on the whole line. */
  readonly positions: Float64Array;
  /** U, energy H and tree depth of each draw, (draws). */
  readonly values: Float64Array;
  readonly energies: Float64Array;
  readonly depths: Uint8Array;
  /** Divergent trajectories and mean acceptance, without the warm-up. */
  divergences = 0;
  acceptance = 0;
  /** Evaluations of U, with the warm-up. */
  evaluations = 0;
  transitions = 0;
  done = false;
  metric: Metric;
  /** Null if the chain makes no jumps. */
  readonly jump: Jump | null;

  private readonly settings: ChainSettings;
  private readonly first: Metric;
  private factor: Float64Array;
  private readonly tree: Tree;
  private readonly window: CovarianceWindow;
  private readonly averaging: DualAveraging;
  private readonly momentum: Stream;
  private readonly choices: Stream;
  private readonly search: Stream;
  private readonly uniform: () => number;
  private phase: "start" | "search" | "jump" | "tree" = "start";
  private energy = 0;
  private searches = 0;
  private doublings = 0;
  private windowsDone = 0;

  constructor(z: Float64Array, metric: Metric, chain: number, settings: ChainSettings) {
    const D = z.length;
    this.settings = settings;
    this.first = metric;
    this.metric = metric;
    const factor = factorOf(metric);
    if (factor === null) throw new Error("internal: a metric that is not positive definite");
    this.factor = factor;
    this.tree = new Tree(D, settings.maxDepth);
    this.z = this.tree.leaf.z;
    this.restart(z);
    this.window = new CovarianceWindow(metric.kind, D);
    this.averaging = new DualAveraging(settings.targetAccept);
    this.momentum = new Stream(settings.seed, STREAMS.momentum, chain);
    this.choices = new Stream(settings.seed, STREAMS.choices, chain);
    this.search = new Stream(settings.seed, STREAMS.search, chain);
    this.jump = settings.jump && new Jump(settings.jump, settings.seed, chain);
    this.uniform = () => this.choices.uniform();
    this.positions = new Float64Array(settings.draws * D);
    this.values = new Float64Array(settings.draws);
    this.energies = new Float64Array(settings.draws);
    this.depths = new Uint8Array(settings.draws);
  }

  /** Starts elsewhere (D): where U is not finite at the start. */
  restart(z: Float64Array): void {
    this.tree.draw.z.set(z);
    this.z.set(z);
  }

  /** Transitions from start to end. */
  get length(): number {
    return this.settings.warmup + this.settings.draws;
  }

  /** ε */
  get step(): number {
    return this.averaging.step;
  }

  /**
   * Takes U at `z` and its gradient, which starts at index `at` of `gradients`; then `z` is the next point. Returns false if U or
   * its gradient is not finite at the start, because the chain cannot leave such a point.
   */
  advance(value: number, gradients: Float64Array, at: number): boolean {
    const { leaf, draw } = this.tree;
    this.evaluations++;
    for (let i = 0; i < leaf.g.length; i++) leaf.g[i] = gradients[at + i];
    leaf.value = value;
    if (this.phase === "start") {
      if (!Number.isFinite(value) || !leaf.g.every(Number.isFinite)) return false;
      draw.copy(leaf);
      this.beginSearch();
      return true;
    }
    if (this.phase === "jump") {
      this.land();
      return true;
    }
    kick(this.metric.kind, this.factor, leaf.g, 0.5 * this.averaging.step * this.tree.direction, leaf.p);
    leaf.weight = this.energy - energyOf(value, leaf.p);
    if (this.phase === "search") this.seek(leaf.weight);
    else this.grow();
    return true;
  }

  /** Half a kick and a drift; `advance` completes the step with the gradient at the new point. */
  private leap(): void {
    const { leaf, direction } = this.tree;
    const t = this.averaging.step * direction;
    kick(this.metric.kind, this.factor, leaf.g, 0.5 * t, leaf.p);
    drift(this.metric.kind, this.factor, leaf.p, t, leaf.z);
  }

  private beginSearch(): void {
    this.phase = "search";
    this.doublings = 0;
    this.tree.direction = 1;
    this.trySearch();
  }

  private trySearch(): void {
    const { leaf, draw } = this.tree;
    this.search.goTo(this.searches++);
    leaf.copy(draw);
    this.search.normals(leaf.p);
    this.energy = energyOf(leaf.value, leaf.p);
    this.leap();
  }

  /** `gain` is the log acceptance of one step. */
  private seek(gain: number): void {
    const up = gain > LOG_ACCEPTANCE; // false for NaN
    const sign = up ? 1 : -1;
    if ((this.doublings !== 0 && sign * this.doublings < 0) || Math.abs(this.doublings) >= MOST_DOUBLINGS) {
      this.averaging.restart(this.averaging.step);
      this.beginTransition();
      return;
    }
    this.doublings += sign;
    this.averaging.step *= up ? 2 : 0.5;
    this.trySearch();
  }

  /** A transition is a jump, if the chain makes jumps, and then a tree. */
  private beginTransition(): void {
    if (this.jump === null) {
      this.beginTree();
      return;
    }
    this.phase = "jump";
    this.jump.propose(this.transitions, this.z);
  }

  private land(): void {
    const { leaf, draw } = this.tree;
    const taken = this.jump?.accept(draw.z, draw.value, leaf.value) && leaf.g.every(Number.isFinite);
    if (taken) draw.copy(leaf);
    this.beginTree();
  }

  private beginTree(): void {
    const { tree } = this;
    this.phase = "tree";
    this.momentum.goTo(this.transitions);
    this.choices.goTo(this.transitions);
    this.momentum.normals(tree.draw.p);
    this.energy = energyOf(tree.draw.value, tree.draw.p);
    tree.begin();
    this.double();
  }

  private double(): void {
    this.tree.turnTo(this.uniform() < 0.5 ? 1 : -1);
    this.leap();
  }

  private grow(): void {
    const outcome = this.tree.take(this.uniform);
    if (outcome === "walk") this.leap();
    else if (outcome === "double") this.double();
    else this.finishTransition();
  }

  private finishTransition(): void {
    const { tree, settings, averaging } = this;
    const acceptance = tree.acceptance / tree.leaves;
    const at = this.transitions++ - settings.warmup;
    if (at < 0) {
      averaging.update(acceptance);
      this.adapt();
      if (at === -1) averaging.finish();
    } else {
      this.positions.set(tree.draw.z, at * tree.draw.z.length);
      this.values[at] = tree.draw.value;
      this.energies[at] = this.energy - tree.draw.weight;
      this.depths[at] = tree.depth;
      this.acceptance += (acceptance - this.acceptance) / (at + 1);
      if (tree.divergent) this.divergences++;
      this.done = at + 1 === settings.draws;
    }
    if (this.done)
      tree.leaf.copy(tree.draw); // a valid point, because it is evaluated again while other chains run
    else if (this.phase === "tree") this.beginTransition();
  }

  /** Adds a warm-up draw to the window; at its end starts with a new metric. */
  private adapt(): void {
    const { windows, given } = this.settings;
    if (this.transitions <= windows.first || this.windowsDone === windows.ends.length) return;
    this.window.add(this.tree.draw.z);
    if (this.transitions < windows.ends[this.windowsDone]) return;
    this.windowsDone++;
    const learned = this.window.take(given ? this.first : null);
    const factor = learned && factorOf(learned);
    if (learned === null || factor === null) return;
    this.metric = learned;
    this.factor = factor;
    this.beginSearch();
  }
}

const energyOf = (value: number, p: Float64Array): number => 0.5 * sumOfSquares(p) - value;
