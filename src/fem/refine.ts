/**
 * Local refinement by bisection of longest edges (Rivara, Int. J. Numer. Methods Eng. 20, 1984): a marked triangle is cut across its
 * longest edge together with its neighbour there, which is cut first where its own longest edge is another. No angle becomes smaller
 * than half of the smallest, however often this is repeated.
 */

/** A mesh that grows: points (N, 2) and counter-clockwise triangles (E, 3), changed in place. */
export interface Growth {
  readonly points: number[];
  readonly triangles: number[];
}

/** Cuts all marked triangles once, and what that entails; `midpoint` says where the middle of an edge between two points is put. */
export function bisect(
  { points, triangles }: Growth,
  marked: (triangle: number) => boolean,
  midpoint: (a: number, b: number, onBoundary: boolean) => readonly [number, number],
): void {
  const cornersAt = (t: number, k: number): number => triangles[3 * t + (k % 3)];
  const keyOf = (a: number, b: number): string => (a < b ? `${a} ${b}` : `${b} ${a}`);
  const beside = new Map<string, number[]>(); // triangles of each edge
  const enter = (t: number): void => {
    for (let k = 0; k < 3; k++) {
      const key = keyOf(cornersAt(t, k), cornersAt(t, k + 1));
      const list = beside.get(key);
      if (list) list.push(t);
      else beside.set(key, [t]);
    }
  };
  const leave = (t: number): void => {
    for (let k = 0; k < 3; k++) {
      const list = beside.get(keyOf(cornersAt(t, k), cornersAt(t, k + 1))) as number[];
      list.splice(list.indexOf(t), 1);
    }
  };
  const squared = (a: number, b: number): number => {
    const [dx, dy] = [points[2 * a] - points[2 * b], points[2 * a + 1] - points[2 * b + 1]];
    return dx * dx + dy * dy;
  };
  /** The side of a triangle that is longest; of equal ones that with the smallest ends, so that neighbours agree. */
  const longest = (t: number): number => {
    let best = 0;
    for (let k = 1; k < 3; k++) {
      const [p, q] = [
        squared(cornersAt(t, k), cornersAt(t, k + 1)),
        squared(cornersAt(t, best), cornersAt(t, best + 1)),
      ];
      if (p > q) best = k;
    }
    return best;
  };
  const E = triangles.length / 3;
  for (let t = 0; t < E; t++) enter(t);
  /** Cuts one triangle from the middle of a side to the corner opposite. */
  const cut = (t: number, side: number, middle: number): void => {
    const [a, b, c] = [cornersAt(t, side), cornersAt(t, side + 1), cornersAt(t, side + 2)];
    leave(t);
    triangles.splice(3 * t, 3, a, middle, c);
    triangles.push(middle, b, c);
    enter(t);
    enter(triangles.length / 3 - 1);
  };
  const split = (t: number): void => {
    for (;;) {
      const side = longest(t);
      const [a, b] = [cornersAt(t, side), cornersAt(t, side + 1)];
      const other = (beside.get(keyOf(a, b)) as number[]).find((i) => i !== t);
      if (other !== undefined) {
        const its = longest(other);
        const same = squared(cornersAt(other, its), cornersAt(other, its + 1)) <= squared(a, b);
        if (!same) {
          split(other); // its longest edge is longer: the chain ends
          continue;
        }
      }
      const middle = points.length / 2;
      points.push(...midpoint(a, b, other === undefined));
      cut(t, side, middle);
      if (other !== undefined) {
        const its = [0, 1, 2].find((k) => cornersAt(other, k) === b && cornersAt(other, k + 1) === a) as number;
        cut(other, its, middle);
      }
      return;
    }
  };
  const todo = Array.from({ length: E }, (_, t) => t).filter(marked);
  const before = triangles.slice();
  // A triangle that was cut on the way is not cut again.
  for (const t of todo) if ([0, 1, 2].every((k) => before[3 * t + k] === triangles[3 * t + k])) split(t);
}
