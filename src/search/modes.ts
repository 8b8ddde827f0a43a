/** Finds the modes among the ends of climbs, ranks them by their mass, and warns where one Gaussian does not describe the posterior. */
import { exp, LOG_2PI } from "../numbers/math.ts";
import { sumOfSquares } from "../numbers/moments.ts";
import { addTransposedTimes } from "../numbers/triangles.ts";
import type { Problem } from "../problem/problem.ts";
import type { Climb } from "./climb.ts";
import type { Curvature } from "./step.ts";

/**
 * Modes nearer to each other than this, in posterior standard deviations, count as one. Two normals of equal weight have two peaks
 * only beyond it (Helguero 1904), and the ripples of a mesh make many maxima of a potential that are nearer.
 */
const APART = 2;
/** Share of the mass from which other modes cause a warning. */
const WORTH = 0.01;

/** Mass of the Gaussian at the end of a climb: log ∫ exp(U − ½ |Cᵀ(z′ − z)|²) dz′. */
export const massOf = ({ value, logDet, z }: Climb): number => value + 0.5 * (z.length * LOG_2PI - logDet);

/** |Cᵀ(z − m)|² for the mode m with its factor C. */
function distance(z: Float64Array, { z: m, factor }: Climb): number {
  const away = z.map((v, i) => v - m[i]);
  const whitened = new Float64Array(m.length);
  addTransposedTimes(factor, away, 1, whitened);
  return sumOfSquares(whitened);
}

/** A mode that searches ended in. */
export interface Mode {
  /** (D) */
  readonly theta: Float64Array;
  /** Log of the mass of the Gaussian there; the sum of all masses approximates p(y). */
  readonly logMass: number;
  /** Searches that ended there. */
  readonly starts: number;
}

/** The modes that a posterior tells, as Laplace's does: the first, and those of a share of its mass. */
export function toldModes(posterior: object, share: number): readonly Mode[] {
  const modes = "modes" in posterior && Array.isArray(posterior.modes) ? (posterior.modes as readonly Mode[]) : [];
  return modes.filter(({ theta, logMass }) => theta?.length > 0 && exp(logMass - modes[0].logMass) > share);
}

/** The modes of one posterior. */
export interface Found {
  /** The modes by decreasing mass; where no search converged, the highest end. */
  readonly modes: readonly { readonly at: Climb; readonly starts: number }[];
  /** The highest end of a search that did not converge, −∞ for none. */
  readonly open: number;
}

/** The modes among the ends of the searches for one observation. @throws when the density was finite at no start. */
export function rank(ends: readonly Climb[], { name }: Problem, where: string): Found {
  const finite = ends.filter((e) => e.value > Number.NEGATIVE_INFINITY && !Number.isNaN(e.logDet));
  if (finite.length === 0)
    throw new Error(
      `laplace: expected a finite posterior density at one of ${ends.length} starts, got none for ${where}; check "${name}" for parameters of the prior, or give more starts`,
    );
  const converged = finite.filter((e) => e.converged).sort((a, b) => massOf(b) - massOf(a));
  const open = finite.filter((e) => !e.converged).sort((a, b) => b.value - a.value);
  const modes: { at: Climb; starts: number }[] = [];
  for (const end of converged.length > 0 ? converged : open.slice(0, 1)) {
    const same = modes.find(({ at }) => distance(end.z, at) < APART * APART);
    if (same) same.starts++;
    else modes.push({ at: end, starts: 1 });
  }
  return { modes, open: open[0]?.value ?? Number.NEGATIVE_INFINITY };
}

/** The reasons why the Gaussian may not be the posterior; undefined where there are none. */
export function warningOf({ modes, open }: Found, iterations: number, curvature: Curvature): string | undefined {
  const [{ at }, ...others] = modes;
  const reasons: string[] = [];
  if (!at.converged)
    reasons.push(
      Number.isNaN(at.decrement)
        ? `the search for the mode did not converge in ${at.iterations} iterations`
        : `the search for the mode did not converge in ${at.iterations} iterations: it ended ${Math.sqrt(2 * at.decrement).toPrecision(2)} posterior standard deviations away, by its own estimate`,
    );
  else if (open > at.value + WORTH)
    reasons.push(`a search that did not converge in ${iterations} iterations ended higher than the mode described`);
  if (at.damping > 0)
    reasons.push(
      `the curvature is not positive definite there: widths are those of a damped one${curvature === "newton" ? "" : '; try curvature "newton"'}`,
    );
  const share = others.reduce((sum, other) => sum + exp(massOf(other.at) - massOf(at)), 0);
  if (share > WORTH)
    reasons.push(
      `of ${modes.length} modes found the one with ${(100 / (1 + share)).toFixed(0)} % of their mass is described`,
    );
  return reasons.length > 0 ? reasons.join("; ") : undefined;
}
