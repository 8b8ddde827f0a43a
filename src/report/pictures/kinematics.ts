/**
 * The joints of an arm: θ = (base height, three angles, each relative to the link before), links of 0.5, 0.5 and 1 m.
 *
 *   p_0 = (0, θ1),   p_k = p_{k−1} + l_k (cos φ_k, sin φ_k),   φ = cumsum(θ2, θ3, θ4)
 */
import { cos, sin } from "../../numbers/math.ts";
import { LINKS } from "../../problems/arm.ts";

export type Point = readonly [x: number, y: number];

/** Base, both joints and end point, m, of the parameters that start at `at`. */
export function joints(theta: ArrayLike<number>, at = 0): readonly Point[] {
  let [x, y, angle] = [0, theta[at], 0];
  const points: Point[] = [[x, y]];
  LINKS.forEach((length, k) => {
    angle += theta[at + 1 + k];
    x += length * cos(angle);
    y += length * sin(angle);
    points.push([x, y]);
  });
  return points;
}

/** The end point of the arm, m. */
export const endPoint = (theta: ArrayLike<number>, at = 0): Point => joints(theta, at)[LINKS.length];

/** Mean distance, m, of the end points of draws (S, 4) from `target`. */
export function resimulationError(draws: ArrayLike<number>, target: Point): number {
  const count = draws.length / 4;
  let sum = 0;
  for (let s = 0; s < count; s++) {
    const [x, y] = endPoint(draws, 4 * s);
    const [dx, dy] = [x - target[0], y - target[1]];
    sum += Math.sqrt(dx * dx + dy * dy);
  }
  return sum / count;
}
