/**
 * Offsets: numbers that lie far from 0 beside their spread, such as times of day 10⁹ s or coordinates of a map. Next to a number c,
 * those of single precision are 2⁻²⁴ |c| to 2⁻²³ |c| apart. Where that is more than 1e-4 of the spread, a centre is subtracted in double
 * precision before anything becomes single, and added in double precision after:
 *
 *   x = c + x′,   x′ in single precision, x in double.
 */

/** A centre for each column, 0 where it needs none; null where no column does. */
export type Centre = Float64Array | null;

/** Distance of neighbouring numbers next to 1. */
const SINGLE = 1.1920928955078125e-7;
const DOUBLE = 2.220446049250313e-16;
/** Spacings, in units of the spread, from which values are centred, and from which even double precision loses them. */
const COARSE = 1e-4;
const LOST = 1e-5;

/** The power of 2 that a number lies above. */
function powerBelow(x: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setUint32(0, view.getUint32(0) & 0x7ff00000); // the exponent alone
  view.setUint32(4, 0);
  return view.getFloat64(0);
}

/** Whether single precision is too coarse for values around `centre`. */
export const isOffset = (centre: number, spread: number): boolean => powerBelow(centre) * SINGLE > COARSE * spread;
/** Whether double precision is too coarse for them. */
export const isLost = (centre: number, spread: number): boolean => powerBelow(centre) * DOUBLE > LOST * spread;

/** Whether a spread is that of one number rounded to single precision: at most eight roundings. */
export const isRounding = (centre: number, spread: number): boolean => spread <= 4 * SINGLE * Math.abs(centre);

/** The centres of columns by their means and spreads. `whole`: of counts, which then remain whole numbers. */
export function centreOf(mean: ArrayLike<number>, spread: ArrayLike<number>, whole = false): Centre {
  const centre = Float64Array.from(mean, (m, j) => (!isOffset(m, spread[j]) ? 0 : whole ? Math.round(m) : m));
  return centre.some((c) => c !== 0) ? centre : null;
}

/** x − c of rows (N, M), in double precision, then rounded to single. */
export function withoutCentre(rows: ArrayLike<number>, centre: Centre): Float32Array {
  if (centre === null) return rows instanceof Float32Array ? rows : Float32Array.from(rows);
  const M = centre.length;
  return Float32Array.from(rows, (x, i) => x - centre[i % M]);
}

/** c + x′ of rows (N, M): in double precision where there is a centre, else the rows themselves. */
export function withCentre<T extends Float32Array | Float64Array>(rows: T, centre: Centre): T | Float64Array {
  if (centre === null) return rows;
  const M = centre.length;
  return Float64Array.from(rows, (x, i) => x + centre[i % M]);
}

/** Digits that show a number to `digits` digits of its spread, at most the 17 that a double has. */
export function digitsFor(value: number, spread: number, digits: number): number {
  let [left, wanted] = [Math.abs(value), digits];
  while (left > 10 * spread && spread > 0 && wanted < 17) [left, wanted] = [left / 10, wanted + 1];
  return isOffset(value, spread) ? wanted : digits;
}

/** Whether numbers, or rows of them, are given in single precision: digits that an offset needs are lost before they come. */
export const areSingle = (x: ArrayLike<number> | readonly ArrayLike<number>[]): boolean =>
  x instanceof Float32Array || (Array.isArray(x) && x[0] instanceof Float32Array);
