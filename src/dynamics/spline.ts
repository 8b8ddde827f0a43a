/**
 * Series of numbers between their times: straight lines, or the cubic spline with two continuous derivatives whose third derivative
 * is also continuous at the second and the last but one time ("not-a-knot"; de Boor, A Practical Guide to Splines, ch. IV). With
 * intervals d_i and slopes of the chords δ_i, the slopes s_i at the times satisfy
 *
 *   d_i s_{i−1} + 2 (d_{i−1} + d_i) s_i + d_{i−1} s_{i+1} = 3 (d_i δ_{i−1} + d_{i−1} δ_i).
 */

/** A function of time and its rate of change. */
export interface Series {
  readonly at: (t: number) => number;
  readonly rate: (t: number) => number;
}

/** The interval of ascending times that holds t: the first or the last beyond the ends. */
function intervalOf(times: ArrayLike<number>, t: number): number {
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= t) low = middle;
    else high = middle;
  }
  return low;
}

/** Straight lines from value to value. */
export function linear(times: ArrayLike<number>, values: ArrayLike<number>): Series {
  const rate = (t: number): number => {
    const i = intervalOf(times, t);
    return (values[i + 1] - values[i]) / (times[i + 1] - times[i]);
  };
  return { rate, at: (t) => values[intervalOf(times, t)] + rate(t) * (t - times[intervalOf(times, t)]) };
}

/** The slopes at the times by elimination from the first row to the last. */
function slopesOf(times: ArrayLike<number>, values: ArrayLike<number>): Float64Array {
  const n = times.length;
  const d = Float64Array.from({ length: n - 1 }, (_, i) => times[i + 1] - times[i]);
  const chord = d.map((width, i) => (values[i + 1] - values[i]) / width);
  const [diagonal, above, right] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  /** The row of an end: what continuity of the third derivative leaves of it. */
  const end = (a: number, b: number, i: number, j: number): readonly [number, number, number] => [
    b,
    a + b,
    ((a + 2 * (a + b)) * b * chord[i] + a * a * chord[j]) / (a + b),
  ];
  [diagonal[0], above[0], right[0]] = end(d[0], d[1], 0, 1);
  for (let i = 1; i < n; i++) {
    const isLast = i === n - 1;
    const [own, below, value] = isLast
      ? end(d[n - 2], d[n - 3], n - 2, n - 3)
      : [2 * (d[i - 1] + d[i]), d[i], 3 * (d[i] * chord[i - 1] + d[i - 1] * chord[i])];
    const factor = below / diagonal[i - 1];
    diagonal[i] = own - factor * above[i - 1];
    above[i] = isLast ? 0 : d[i - 1];
    right[i] = value - factor * right[i - 1];
  }
  const slopes = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) slopes[i] = (right[i] - (i < n - 1 ? above[i] * slopes[i + 1] : 0)) / diagonal[i];
  return slopes;
}

/** The cubic spline through at least four values. */
export function cubic(times: ArrayLike<number>, values: ArrayLike<number>): Series {
  const slopes = slopesOf(times, values);
  /** Coefficients of the cubic of an interval, in powers of the time since its start. */
  const piece = (t: number): readonly [number, number, number, number, number] => {
    const i = intervalOf(times, t);
    const width = times[i + 1] - times[i];
    const chord = (values[i + 1] - values[i]) / width;
    const second = (3 * chord - 2 * slopes[i] - slopes[i + 1]) / width;
    const third = (slopes[i] + slopes[i + 1] - 2 * chord) / (width * width);
    return [values[i], slopes[i], second, third, t - times[i]];
  };
  return {
    at: (t) => {
      const [a, b, c, d, x] = piece(t);
      return a + x * (b + x * (c + x * d));
    },
    rate: (t) => {
      const [, b, c, d, x] = piece(t);
      return b + x * (2 * c + x * 3 * d);
    },
  };
}
