// The arithmetic of the elementary functions in f64, on reduced arguments: polynomials and quotients of polynomials,
// our own Chebyshev fits to 60 digits, evaluated in the forms of fdlibm (Sun Microsystems, 1993), which keep small
// results accurate. Only + - * /, abs and floor are used, so the bits are the same on every engine.
//
// This file is compiled twice, by TypeScript (for src/numbers/math.ts) and by AssemblyScript (for assembly/math64.ts), where
// `number` is f64. It must therefore stay in the language that both understand, and without imports.

export const LOG2_E = 1.4426950408889634;
/** ln 2 in two parts; the first has 32 bits, so an exponent times it is exact. */
export const LN2_HIGH = 0.6931471803691238;
export const LN2_LOW = 1.9082149292705877e-10;

/** e^(high - low) - 1 for |high - low| <= ln 2 / 2, |low| much smaller. */
export function expm1Reduced(high: number, low: number): number {
  const r = high - low;
  const z = r * r;
  const p =
    0.1666666666666666 +
    z *
      (-0.0027777777777562864 + z * (6.613756470855508e-5 + z * (-1.6534058842837582e-6 + z * 4.1437096880780196e-8)));
  const c = r - z * p;
  return high - (low - (r * c) / (2 - c));
}

/** (2 artanh(s) / s - 2) / s^2 as a polynomial in z = s^2, |s| <= 0.172. */
export function artanhTail(z: number): number {
  return (
    0.666666666666667 +
    z *
      (0.3999999999989827 +
        z *
          (0.2857142862653362 +
            z * (0.22222211043776857 + z * (0.18182895750119193 + z * (0.1533150161114533 + z * 0.1461916613488797)))))
  );
}

/** log(1 + f) + e ln 2 for sqrt(1/2) <= 1 + f < sqrt(2) and an integer e. */
export function logReduced(f: number, e: number): number {
  const s = f / (2 + f);
  const z = s * s;
  const h = 0.5 * f * f;
  return e * LN2_HIGH - (h - (s * (h + z * artanhTail(z)) + e * LN2_LOW) - f);
}

// pi / 2 in two parts of 33 bits, which n times is exact for |n| < 2^20, and the rest.
const HALF_PI_1 = 1.5707963267341256;
const HALF_PI_2 = 6.077100506303966e-11;
const HALF_PI_3 = 2.0222662487959506e-21;
const TWO_OVER_PI = 0.6366197723675814;
const TWO_PI = 6.283185307179586;
const FAR = 1e6;

function sinReduced(r: number, tail: number): number {
  const z = r * r;
  const p =
    0.008333333333330925 +
    z *
      (-0.00019841269836722418 +
        z * (2.755731608381636e-6 + z * (-2.5051127944014188e-8 + z * 1.5917848524808262e-10)));
  return r - (z * (0.5 * tail - r * z * p) - tail + r * z * 0.16666666666666666);
}

function cosReduced(r: number, tail: number): number {
  const z = r * r;
  const p =
    0.041666666666666664 +
    z *
      (-0.0013888888888887382 +
        z *
          (2.480158729874307e-5 +
            z * (-2.7557317260008837e-7 + z * (2.0876143827993133e-9 - z * 1.1382456778061306e-11))));
  const h = 0.5 * z;
  const w = 1 - h;
  return w + (1 - w - h + (z * z * p - r * tail));
}

function sinOfQuarters(x: number, shift: number): number {
  // Far out the last bit of x is worth more than what this loses; infinity becomes NaN.
  while (Math.abs(x) > FAR) x -= TWO_PI * Math.floor(x / TWO_PI);
  const n = Math.floor(x * TWO_OVER_PI + 0.5);
  const first = x - n * HALF_PI_1;
  const w = n * HALF_PI_2;
  const second = first - w;
  const rest = first - second - w - n * HALF_PI_3;
  const r = second + rest;
  const tail = second - r + rest;
  const q = n + shift;
  const quadrant = q - 4 * Math.floor(0.25 * q);
  const y = quadrant === 1 || quadrant === 3 ? cosReduced(r, tail) : sinReduced(r, tail);
  return quadrant >= 2 ? -y : y;
}

/** sin x: to 1 ulp for |x| <= 1e6, then sin(x (1 + d)) with |d| of a few 1e-16. NaN at infinity. */
export function sin(x: number): number {
  return sinOfQuarters(x, 0);
}

/** cos x, as `sin`. */
export function cos(x: number): number {
  return sinOfQuarters(x, 1);
}

/** atan(low / high), 0 <= low < high; above tan(pi / 8) by way of (t - 1) / (t + 1). */
function atanUnit(low: number, high: number): number {
  const beyond = low > 0.4142135623730951 * high;
  // the halves keep the sum from overflowing
  const t = beyond ? (0.5 * low - 0.5 * high) / (0.5 * low + 0.5 * high) : low / high;
  const z = t * t;
  const p =
    -0.3333333333333333 +
    z *
      (0.19999999999995505 +
        z *
          (-0.1428571428466294 +
            z *
              (0.1111111101496664 +
                z *
                  (-0.09090904566354399 +
                    z *
                      (0.07692182917461161 +
                        z *
                          (-0.06664507597561675 +
                            z *
                              (0.05858115476299884 +
                                z *
                                  (-0.050852748016420944 + z * (0.03922660551087136 - z * 0.01917070039374299)))))))));
  return beyond ? 0.7853981633974483 + (t + (t * z * p + 3.061616997868383e-17)) : t + t * z * p;
}

/** The angle of the point (x, y) in (-pi, pi], with the conventions of IEEE 754 at zeros and infinities. */
export function atan2(y: number, x: number): number {
  const ax = Math.abs(x);
  const ay = Math.abs(y);
  let a = 0.0;
  if (ax === ay) a = ax === 0 ? 0 : 0.7853981633974483;
  else if (ay < ax) a = atanUnit(ay, ax);
  else a = 1.5707963267948966 - (atanUnit(ax, ay) - 6.123233995736766e-17);
  if (x < 0 || 1 / x < 0) a = 3.141592653589793 - (a - 1.2246467991473532e-16);
  return y < 0 || 1 / y < 0 ? -a : a;
}

/** erf(x) / x in z = x^2, |x| <= 1. */
export function erfSmall(z: number): number {
  const p =
    1.1283791670955126 +
    z * (0.14214874428063382 + z * (0.04530431496553584 + z * (0.0018273246406360385 + z * 0.00019496984753178997)));
  const q =
    1 +
    z *
      (0.45930937793412957 +
        z *
          (0.09325302973969972 + z * (0.010582353560685183 + z * (0.0006812436819785099 + z * 2.029955528683424e-5))));
  return p / q;
}

/** e^(x^2) erfc(x), 1 <= x <= 28, in (x - 2) / (x + 2) (after Shepherd & Laframboise, Math. Comp. 36, 1981). */
export function erfcScaled(x: number): number {
  const t = (x - 2) / (x + 2);
  const p =
    1.2769783815525295 +
    t *
      (-0.1288964730228554 +
        t *
          (0.6556025701750692 +
            t *
              (0.31301288321741233 +
                t *
                  (0.035006512594040584 +
                    t *
                      (0.1329301037115985 +
                        t * (-0.0037257112475187768 + t * (0.009801797033023552 + t * 0.000129867997374475)))))));
  const q =
    1 +
    t *
      (-0.028295425325195977 +
        t *
          (0.6413641669226522 +
            t *
              (0.15956346620158857 +
                t *
                  (0.1684884276567434 +
                    t *
                      (0.05977810307704346 +
                        t * (0.023055935327780722 + t * (0.005485233582383565 + t * 0.0007641222200116644)))))));
  return p / (q * (1 + 2 * x));
}

/** x (log Gamma(x) - (x - 1/2)(log x - 1) + 1/2 - log sqrt(2 pi)) in z = 1 / x^2, x >= 10: B(2k) / (2k (2k - 1)). */
export function lgammaTail(z: number): number {
  return (
    1 / 12 + z * (-1 / 360 + z * (1 / 1260 + z * (-1 / 1680 + z * (1 / 1188 + z * (-691 / 360360 + z * (1 / 156))))))
  );
}

/** Normal quantile / q in z = q^2, q = p - 1/2, |q| <= 0.425: to 5e-8, the start of one Halley step. */
export function probitCentre(z: number): number {
  const p = 2.5066282749176025 + z * (-15.805416107177734 + z * (26.580583572387695 - z * 8.212141990661621));
  const q = 1 + z * (-7.352631568908691 + z * (16.000097274780273 - z * 9.334473609924316));
  return p / q;
}

/** Normal quantile of 1 - e^(-r^2), 1.6 <= r <= 27.4: to 2e-7, the start of one Halley step. */
export function probitTail(r: number): number {
  const p = -2.70751668 + r * (-2.1412811 + r * (4.21662803 + r * (2.55157804 + r * 0.20429124)));
  const q = 1 + r * (3.33886803 + r * (1.80604744 + r * 0.14444363));
  return p / q;
}

/** A Halley step for the normal quantile x; `excess`: the distribution function there - p, `density`: the density. */
export function probitStep(x: number, excess: number, density: number): number {
  const u = excess / density;
  return x - u / (1 + 0.5 * x * u);
}
