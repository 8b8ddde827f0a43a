/**
 * src/numbers/math.ts against values to 20 digits and against the engine's Math. The tolerances are in units of the last place
 * of the result (2^-52 relative at most): each function rounds a handful of times after an exact reduction, and the
 * engine's own are within 1 unit.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { atan2, cos, erf, erfc, exp, lgamma, log, log1p, pow, probit, sin, tanh } from "../src/numbers/math.ts";
import { uniforms } from "../src/numbers/random.ts";

const ULP = 2 ** -52;
const math = { exp, log, log1p, sin, cos, tanh, erf, erfc, probit, lgamma, pow, atan2 };

function assertClose(got: number, expected: number, ulps: number, what: string): void {
  const ok = Object.is(got, expected) || Math.abs(got - expected) <= ulps * ULP * Math.abs(expected);
  assert.ok(ok, `${what}: expected ${expected} within ${ulps} ulp, got ${got}`);
}

/** Equality that knows NaN; 0 and -0 are the same. */
function assertSame(got: number, expected: number, what: string): void {
  assert.ok(got === expected || Object.is(got, expected), `${what}: expected ${expected}, got ${got}`);
}

type Unary = "exp" | "log" | "log1p" | "sin" | "cos" | "tanh" | "erf" | "erfc" | "probit" | "lgamma";

// Computed with 30 digits (mpmath).
const known: readonly [name: Unary, x: number, y: number, ulps: number][] = [
  ["exp", 1, 2.7182818284590452354, 1],
  ["exp", -0.5, 0.6065306597126334236, 1],
  ["exp", 100.25, 3.4516107331259239871e43, 1],
  ["exp", -700, 9.8596765437597708567e-305, 1],
  ["log", 2, 0.69314718055994530942, 1],
  ["log", 0.1, -2.3025850929940456285, 1],
  ["log", 1e300, 690.77552789821370526, 1],
  ["log1p", 1e-10, 9.9999999995000003644e-11, 1],
  ["log1p", -0.75, -1.3862943611198906188, 1],
  ["sin", 1, 0.84147098480789650665, 1],
  ["sin", 100000, 0.035748797972016509316, 1],
  ["sin", 22, -0.0088513092904038759217, 1],
  ["cos", 1, 0.5403023058681397174, 1],
  ["cos", 100000, -0.99936080743821245189, 1],
  ["cos", 11, 0.0044256979880507857484, 1],
  ["tanh", 0.25, 0.24491866240370912928, 2],
  ["tanh", 2, 0.96402758007581688395, 2],
  ["erf", 0.5, 0.52049987781304653768, 4],
  ["erf", 1.5, 0.96610514647531072707, 4],
  ["erfc", 0.5, 0.47950012218695346232, 10],
  ["erfc", 3, 0.000022090496998585441373, 10],
  ["erfc", 20, 5.3958656116079009289e-176, 10],
  ["probit", 0.975, 1.9599639845400538556, 5],
  ["probit", 0.001, -3.0902323061678135354, 5],
  ["probit", 1e-100, -21.273453560965324294, 5],
  ["lgamma", 0.5, 0.57236494292470008707, 30],
  ["lgamma", 4.5, 2.4537365708424422205, 30],
  ["lgamma", 100, 359.13420536957539878, 30],
  ["lgamma", -2.5, -0.056243716497674050673, 300], // near a zero: 1e-14 is absolute there
];

test("known values are met", () => {
  for (const [name, x, y, ulps] of known) assertClose(math[name](x), y, ulps, `${name}(${x})`);
});

const random = uniforms(1, 0, 30000);
const spread = (a: number, b: number): Float64Array => random.map((u) => a + (b - a) * u);
const logSpread = (a: number, b: number): Float64Array => spread(Math.log(a), Math.log(b)).map((v) => Math.exp(v));

// [name, points, ulps]: the engine's share is 1 of each
const engine: readonly ["exp" | "log" | "log1p" | "sin" | "cos" | "tanh", Float64Array, number][] = [
  ["exp", spread(-708, 709.7), 2],
  ["exp", spread(-1, 1), 2],
  ["log", logSpread(1e-307, 1e307), 2],
  ["log", spread(0.5, 2), 2],
  ["log1p", logSpread(1e-300, 1e300), 2],
  ["log1p", spread(-0.9999, 1), 2],
  ["sin", spread(-1e6, 1e6), 2],
  ["sin", spread(-4, 4), 2],
  ["cos", spread(-1e6, 1e6), 2],
  ["cos", spread(-4, 4), 2],
  ["tanh", spread(-3, 3), 4],
  ["tanh", logSpread(1e-30, 30), 4],
];

test("exp, log, log1p, sin, cos and tanh agree with the engine's to the last places", () => {
  for (const [name, points, ulps] of engine) {
    for (const x of points) assertClose(math[name](x), Math[name](x), ulps, `${name}(${x})`);
  }
});

test("sin and cos keep their relative accuracy next to their zeros", () => {
  for (let n = 1; n < 600000; n += 997) {
    const x = n * (Math.PI / 2);
    assertClose(math.sin(x), Math.sin(x), 2, `sin(${x})`);
    assertClose(math.cos(x), Math.cos(x), 2, `cos(${x})`);
  }
});

test("atan2 agrees with the engine's in all quadrants and at all zeros and infinities", () => {
  const special = [0, -0, 1, -1, 1e-320, 1e308, -1e308, Infinity, -Infinity, NaN];
  for (const y of special) for (const x of special) assertClose(math.atan2(y, x), Math.atan2(y, x), 3, `(${y}, ${x})`);
  const half = random.length / 2;
  for (let i = 0; i < half; i++) {
    const [y, x] = [random[i] - 0.5, random[half + i] - 0.5];
    assertClose(math.atan2(y, x), Math.atan2(y, x), 3, `atan2(${y}, ${x})`);
  }
});

test("zeros, infinities and NaN are treated as IEEE 754 has it", () => {
  for (const x of [0, Infinity, -Infinity, NaN]) {
    for (const name of ["exp", "log", "log1p", "sin", "cos", "tanh"] as const) {
      assertSame(math[name](x), Math[name](x), `${name}(${x})`);
    }
  }
  assertSame(math.exp(710), Infinity, "math.exp(710)");
  assertSame(math.exp(-746), 0, "math.exp(-746)");
  assertClose(math.exp(-740), Math.exp(-740), 2 ** 17, "a subnormal exp"); // which has 17 bits less
  assertClose(math.log(5e-324), Math.log(5e-324), 2, "log of the smallest number");
  assertSame(math.log(-1), NaN, "math.log(-1)");
  assertSame(math.log1p(-1), -Infinity, "math.log1p(-1)");
  assertSame(math.erf(Infinity), 1, "math.erf(Infinity)");
  assertSame(math.erf(-Infinity), -1, "math.erf(-Infinity)");
  assertSame(math.erf(NaN), NaN, "math.erf(NaN)");
  assertSame(math.erfc(Infinity), 0, "math.erfc(Infinity)");
  assertSame(math.erfc(-Infinity), 2, "math.erfc(-Infinity)");
  assertSame(math.probit(0), -Infinity, "math.probit(0)");
  assertSame(math.probit(1), Infinity, "math.probit(1)");
  assertSame(math.probit(0.5), 0, "math.probit(0.5)");
  for (const p of [-0.1, 1.1, NaN]) assertSame(math.probit(p), NaN, `math.probit(${p})`);
  for (const x of [0, -1, -7, Infinity]) assertSame(math.lgamma(x), Infinity, `math.lgamma(${x})`);
});

test("sin and cos stay within [-1, 1] however large the argument", () => {
  for (let x = 1e6; x < 1e308; x *= 7.7) assert.ok(Math.abs(math.sin(x)) <= 1 && Math.abs(math.cos(x)) <= 1, `${x}`);
});

test("pow is exact to 1e-14, also for large exponents", () => {
  assertClose(math.pow(0.999, 5000), 0.0067211119598655879342, 45, "0.999^5000");
  assertClose(math.pow(10, 0.1), 1.2589254117941672265, 45, "10^0.1");
  assertClose(math.pow(1.5, -700.5), 4.4470604349803653219e-124, 45, "1.5^-700.5");
  const bases = logSpread(1e-3, 1e3);
  const exponents = spread(-40, 40);
  for (let i = 0; i < 5000; i++) {
    const [x, y] = [bases[i], exponents[exponents.length - 1 - i]];
    assertClose(math.pow(x, y), x ** y, 45, `${x}^${y}`); // 45 units of the last place are 1e-14
  }
});

test("pow takes signs, zeros and infinities as the engine does", () => {
  const values = [0, -0, 0.5, -0.5, 2, -2, Infinity, -Infinity, NaN];
  for (const x of values) for (const y of [...values, 3, -3]) assertClose(math.pow(x, y), x ** y, 45, `${x}^${y}`);
});

test("erfc is 1 - erf, and probit inverts the normal distribution function", () => {
  for (const x of spread(-6, 6)) assert.ok(Math.abs(math.erf(x) + math.erfc(x) - 1) <= 2 * ULP, `erf(${x})`);
  // An error d in x shows as d x^2 at most in log Phi for x < 0, and probit is good for 5 ulp, erfc for 10.
  for (const p of logSpread(1e-300, 0.5)) {
    const x = math.probit(p);
    assertClose(0.5 * math.erfc(-x * Math.SQRT1_2), p, 20 + 6 * x * x, `Phi(probit(${p}))`);
  }
  for (const p of spread(0.5, 1)) assertClose(math.probit(p), -math.probit(1 - p), 5, `probit(${p})`);
});

test("lgamma obeys the recurrence and Legendre's duplication formula", () => {
  const tolerance = (...terms: number[]): number => 1e-14 * (1 + terms.reduce((sum, v) => sum + Math.abs(v), 0));
  for (const x of spread(0.01, 40).subarray(0, 3000)) {
    const [a, b] = [math.lgamma(x + 1), math.lgamma(x)];
    assert.ok(Math.abs(a - b - Math.log(x)) <= tolerance(a, b), `lgamma(${x} + 1)`);
    const [c, d] = [math.lgamma(x + 0.5), math.lgamma(2 * x)];
    const right = (1 - 2 * x) * Math.LN2 + 0.5 * Math.log(Math.PI) + d;
    assert.ok(Math.abs(b + c - right) <= tolerance(b, c, d, x), `lgamma(2 * ${x})`);
  }
});

test.run();
