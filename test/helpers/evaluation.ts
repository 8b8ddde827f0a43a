/** Evaluations made by hand, small and of any shape, for tests of the report. */
import type { BandedCurve, Evaluation, Example, KsSummary } from "../../src/evaluate/evaluation.ts";
import type { Level } from "../../src/model/calibration-record.ts";
import { normalAt } from "../../src/numbers/random.ts";

export const CASES = 30;
export const DRAWS = 300;
export const LEVELS = Array.from({ length: 45 }, (_, k) => (k + 0.5) / 45);

/** Draws (S, D) of independent normal numbers. */
export const normalDraws = (D: number, mean: number, sd: number, seed: number): Float32Array =>
  Float32Array.from({ length: DRAWS * D }, (_, k) => mean + sd * normalAt(seed, 1, 0, Math.floor(k / D), k % D));

export function curve(name: string, passed = true): BandedCurve {
  const shift = passed ? 0.01 : -0.2;
  const within = (p: number): number => Math.min(1, Math.max(0, p));
  return {
    name,
    expected: LEVELS,
    observed: LEVELS.map((p) => within(p + shift)),
    low: LEVELS.map((p) => within(p - 0.1)),
    high: LEVELS.map((p) => within(p + 0.1)),
    pValue: passed ? 0.4 : 1e-7,
    passed,
    reading: passed ? "uniform within its bands" : "posterior too narrow",
  };
}

export function summary(D: number, base: number): KsSummary {
  // The last parameters are the worst: those are to be picked where not all fit.
  const statistics = Array.from({ length: CASES }, (_, i) =>
    Array.from({ length: D }, (_, d) => base + 0.002 * d + 0.001 * (i % 7)),
  );
  return { statistics, floor: 0.0388, mean: base, median: base, p90: 2 * base, max: 3 * base };
}

export interface Wanted {
  readonly problem: string;
  readonly D: number;
  readonly M: number;
  readonly names?: readonly string[];
  readonly level?: Level;
  readonly failing?: boolean;
  readonly change?: Partial<Evaluation>;
}

export function example({ D, M }: Wanted, index: number): Example {
  const list = (value: number): number[] => new Array<number>(D).fill(value);
  return {
    index,
    y: Array.from({ length: M }, (_, k) => 0.9 - k / (M + 1)),
    theta: list(0.3),
    guide: normalDraws(D, 0.35, 0.11, 5 + index),
    truth: normalDraws(D, 0.32, 0.1, 50 + index),
    mean: list(0.35),
    sd: list(0.11),
    q05: list(0.17),
    q95: list(0.53),
    ks: 0.08,
    kHat: 0.3,
    farther: 0.4,
    title: index === 0 ? "typical case" : "worst KS",
  };
}

/** An evaluation as it may be, with what a test wants to be otherwise. */
export function evaluation(wanted: Wanted): Evaluation {
  const { problem, D, M, level = "sound", failing = false, change } = wanted;
  const parameters = Array.from({ length: D }, (_, d) => ({ name: wanted.names?.[d] ?? `θ${d + 1}`, unit: "m" }));
  const names = parameters.map(({ name }) => name);
  return {
    problem,
    description: "a problem made by hand",
    model: {
      parameters,
      D,
      M,
      guide: { name: "spline", options: { bins: 8, hidden: [32, 32] } },
      training: {
        objective: "npe",
        steps: 4000,
        seed: 1,
        batch: 128,
        particles: 1,
        simulations: 512_000,
        heldOut: { final: -1.4, best: -1.5, bestStep: 3500 },
        seconds: 42,
        device: "wasm plain",
      },
    },
    prior: { mean: new Array(D).fill(0.3), sd: new Array(D).fill(0.5), draws: normalDraws(D, 0.3, 0.5, 3) },
    verdict: {
      level,
      headline: "Believe it.",
      findings: [
        { good: true, text: "Ranks are uniform." },
        { good: false, text: "It is slow." },
      ],
    },
    against: { name: "exact", text: "exact draws" },
    dropped: 0,
    cases: CASES,
    draws: DRAWS,
    seed: 7,
    ks: { guide: summary(D, 0.07), corrected: summary(D, 0.04) },
    resimulation: { guide: 1.2, truth: 1.1 },
    weights: {
      kHat: Array.from({ length: CASES }, (_, i) => i / 35),
      ess: Array.from({ length: CASES }, (_, i) => 1 - i / CASES),
      above: 0.2,
    },
    warned: 0.03,
    calibration: {
      cases: 400,
      draws: 199,
      alpha: 0.01,
      sbc: {
        passed: !failing,
        curves: names.map((name) => curve(name, !failing)),
        ranks: names.map((name) => ({
          name,
          edges: [0, 50, 100, 150, 200],
          counts: [90, 110, 95, 105],
          low: [70, 70, 70, 70],
          high: [130, 130, 130, 130],
        })),
      },
      coverage: { passed: !failing, curves: ["highest density", ...names].map((name) => curve(name, !failing)) },
      tarp: { passed: !failing, curve: curve("TARP", !failing) },
      foreign: { beyondMost: 0.006, beyondAll: 0.001 },
    },
    examples: [example(wanted, 0), example(wanted, 3)],
    losses: {
      steps: [0, 1000, 2000, 3000, 4000],
      train: [Number.NaN, 1, 0, -1, -1.6],
      heldOut: [12, 1.1, 0.1, -1.2, -1.4],
    },
    seconds: 12,
    milliseconds: { infer: 2.3, truth: 170 },
    device: "wasm plain",
    ...change,
  };
}
