/**
 * Bands of conductivity and potential along the rod, for pictures,
 *
 *   a = exp g,   g(x) = Σ_i θ_i √2 σ sin((i − ½)πx) / ((i − ½)π),   u(x) = 1 − ∫₀ˣ e^{−g} / ∫₀¹ e^{−g},
 *
 * as in rod.ts. The integral is by trapezoids, whose error of at most 1e-4 does not show.
 */
import { exp, sin } from "../numbers/math.ts";
import { FIELD_SD } from "./rod.ts";

/** Intervals along the rod; the picture has a point at every EVERY-th of their ends. */
const PARTS = 240;
const EVERY = 4;
/** Most draws for the bands. */
const MOST = 1000;
/** The points of both profiles. */
export const X: readonly number[] = Array.from({ length: PARTS / EVERY + 1 }, (_, i) => (i * EVERY) / PARTS);

export interface Profiles {
  /** (points) of each draw. */
  readonly a: readonly number[][];
  readonly u: readonly number[][];
}

/** a and u along the rod for parameters (S, D). */
export function profiles(theta: ArrayLike<number>, D: number): Profiles {
  const basis = Array.from({ length: PARTS + 1 }, (_, p) =>
    Array.from({ length: D }, (_, i) => {
      const frequency = (i + 0.5) * Math.PI;
      return (Math.SQRT2 * FIELD_SD * sin((frequency * p) / PARTS)) / frequency;
    }),
  );
  const [a, u]: [number[][], number[][]] = [[], []];
  for (let s = 0; s < Math.min(MOST, theta.length / D); s++) {
    const inverse = basis.map((row) => exp(-row.reduce((g, b, i) => g + b * theta[s * D + i], 0)));
    let sum = 0;
    const integral = inverse.map((v, p) => (p === 0 ? 0 : (sum += (v + inverse[p - 1]) / 2)));
    const at = (p: number): boolean => p % EVERY === 0;
    a.push(inverse.filter((_, p) => at(p)).map((v) => 1 / v));
    u.push(integral.filter((_, p) => at(p)).map((v) => 1 - v / sum));
  }
  return { a, u };
}
