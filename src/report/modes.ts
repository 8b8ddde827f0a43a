/**
 * Modes of a set of draws by quick shift (Vedaldi and Soatto, Quick shift and kernel methods for mode seeking, ECCV
 * 2008): every draw is linked to the nearest draw of higher kernel density. Links longer than `reach` are cut. Each tree that
 * remains is a mode, and its root is the draw of highest density.
 */
import { exp } from "../numbers/math.ts";

export interface Mode {
  /** Index of its densest draw. */
  readonly at: number;
  /** Share of all draws in its tree. */
  readonly share: number;
}

/**
 * Modes of draws (S, D), largest share first.
 *
 * @param scale the unit of distance in each dimension (D)
 * @param width of the Gaussian kernel, and `reach`, the least distance of two modes, in these units
 */
export function findModes(draws: ArrayLike<number>, scale: ArrayLike<number>, width: number, reach: number): Mode[] {
  const D = scale.length;
  const S = draws.length / D;
  const square = (a: number, b: number): number => {
    let sum = 0;
    for (let d = 0; d < D; d++) {
      const away = (draws[a * D + d] - draws[b * D + d]) / scale[d];
      sum += away * away;
    }
    return sum;
  };
  const density = new Float64Array(S);
  for (let a = 0; a < S; a++) {
    for (let b = 0; b < a; b++) {
      const k = exp(-square(a, b) / (2 * width * width));
      density[a] += k;
      density[b] += k;
    }
  }
  const order = Array.from({ length: S }, (_, s) => s).sort((a, b) => density[b] - density[a]);
  const root = new Int32Array(S);
  const members = new Map<number, number>();
  order.forEach((s, rank) => {
    let [nearest, distance] = [s, reach * reach];
    for (let r = 0; r < rank; r++) {
      const d = square(s, order[r]);
      if (d < distance) [nearest, distance] = [order[r], d];
    }
    root[s] = nearest === s ? s : root[nearest]; // denser draws came before, so their root is known
    members.set(root[s], (members.get(root[s]) ?? 0) + 1);
  });
  return [...members].map(([at, count]) => ({ at, share: count / S })).sort((a, b) => b.share - a.share);
}
