/**
 * Principal components of many long rows, by compiled programs: simultaneous iteration from random directions, some more than are
 * wanted, with Rayleigh–Ritz (Golub & Van Loan, Matrix Computations, 4th ed., §8.2.4; Halko, Martinsson & Tropp 2011,
 * arXiv 0909.4061, §4.5). A pass over the rows X makes XᵀXQ and QᵀXᵀXQ; only matrices (M, K) are left to JavaScript.
 *
 * Products are in f32, the small matrix is in f64. A column of XQ has the size of its own singular value σ_k, so that rounding is
 * u √(σ₁ σ_k)² of a variance, not u σ₁².
 */
import { type BackendOptions, createExact } from "../backends/select.ts";
import { batchSum, cast, denseWeightGrad, input, matmul, mul, rowWeight, sub, weight } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { inParts, pause } from "../host/yielding.ts";
import { dot, sumOfSquares } from "../numbers/moments.ts";
import { type Principal, principalComponents, symmetricEigen } from "../numbers/principal.ts";
import { STREAMS, uniformAt } from "../numbers/random.ts";

/** Fewer columns are decomposed exactly. */
const LONG_ROWS = 64;
/** Directions beyond those that are wanted: the next eigenvalue, not the first that is left out, limits the convergence. */
const SPARE = 12;
/** Passes over the rows at most: 40 spare no spectrum that has no gap. */
const PASSES = 40;
/** The residual |A v − λ v| at which a component is found, in its variance λ; its variance is then off by the square of that. */
const FOUND = 1e-3;
/** Where rounding ends, in √(λ₁ λ). */
const ROUNDING = 1e-6;

/** The K leading components of (rows − about) / unit, for rows (N, M): as `principalComponents`, which decides short rows. */
export async function leadingComponents(
  rows: Float32Array,
  M: number,
  K: number,
  unit: ArrayLike<number>,
  about: ArrayLike<number> = new Float64Array(M),
  backend: BackendOptions = {},
): Promise<Principal> {
  const scaled = (): Float64Array => Float64Array.from(rows, (v, i) => (v - about[i % M]) / unit[i % M]);
  if (M <= LONG_ROWS) return inParts(principalComponents(scaled(), M, K));
  const N = rows.length / M;
  const width = Math.min(M, K + SPARE);
  const frozen = { frozen: true };
  const off = sub(input("x", M), weight("mean", 1, M, frozen));
  const centred = mul(off, weight("per", 1, M, frozen));
  // Padding, which repeats a row, must not enter the sums.
  const z = mul(matmul(centred, weight("basis", M, width, frozen)), rowWeight("f32", 1));
  const wide = cast(z, "f64");
  const program = await inParts(
    compile({
      mean: { outputs: { sum: batchSum(cast(off, "f64")) } },
      pass: {
        outputs: { image: denseWeightGrad(centred, z, M, false), gram: denseWeightGrad(wide, wide, width, false) },
      },
    }),
  );
  const executor = await createExact(program, backend);
  const own = new Float32Array(program.frozen.bytes / 4);
  const write = (name: string, values: ArrayLike<number>): void => {
    const { offset } = program.frozen.entries.find((e) => e.name === name) as { offset: number };
    own.set(values, offset / 4);
  };
  const run = async (plan: string) => {
    await executor.writeWeights(own, "frozen");
    return executor.run(plan, { rows: N, inputs: { x: rows }, onRows: pause });
  };
  try {
    write("mean", rows.subarray(0, M)); // the mean of equal numbers is that number, to the bit
    const { sum } = await run("mean");
    const mean = Float64Array.from(sum, (s, j) => rows[j] + s / N);
    write("mean", mean);
    write(
      "per",
      Float64Array.from(unit, (u) => 1 / u),
    );
    let basis = orthonormal(
      Array.from({ length: width }, (_, k) =>
        Float64Array.from({ length: M }, (_x, i) => uniformAt(1, STREAMS.principal, 0, k, i) - 0.5),
      ),
    );
    for (let pass = 1; ; pass++) {
      basis.forEach((b, k) => {
        const { offset } = program.frozen.entries.find((e) => e.name === "basis") as { offset: number };
        for (let i = 0, at = offset / 4 + k; i < M; i++, at += width) own[at] = b[i];
      });
      const { image, gram } = await run("pass");
      const small = symmetricEigen(
        basis.map((_, i) => Float64Array.from(basis, (_b, j) => (gram[i * width + j] + gram[j * width + i]) / (2 * N))),
      );
      const images = combined(small.vectors, (k) => image.subarray(k), width, M).map((y) => y.map((s) => s / N));
      const vectors = combined(small.vectors, (k) => basis[k], 1, M);
      const found = vectors.slice(0, K).every((v, k) => {
        const [first, value] = [small.values[0], small.values[k]];
        const residual = Math.sqrt(sumOfSquares(images[k].map((y, i) => y - value * v[i])));
        return residual <= FOUND * value + ROUNDING * Math.sqrt(first * Math.max(value, ROUNDING * ROUNDING * first));
      });
      if (found || pass === PASSES)
        return {
          mean: mean.map((m, j) => (m - about[j]) / unit[j]),
          vectors: vectors.slice(0, K),
          variances: small.values.slice(0, K),
        };
      basis = orthonormal(images.map((y, k) => (dot(y, y) > 0 ? y : vectors[k])));
    }
  } finally {
    executor.dispose();
  }
}

/** Σ_k u_k x_k for each of the vectors u, of columns x_k (M) whose entries are `step` numbers apart. */
function combined(
  us: readonly Float64Array[],
  column: (k: number) => Float64Array | Float32Array,
  step: number,
  M: number,
): Float64Array[] {
  return us.map((u) => {
    const out = new Float64Array(M);
    for (let k = 0; k < u.length; k++) {
      const [x, w] = [column(k), u[k]];
      for (let i = 0, at = 0; i < M; i++, at += step) out[i] += w * x[at];
    }
    return out;
  });
}

/** Gram and Schmidt, repeated where little is left of a vector, which is enough for orthogonality to rounding. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const out: Float64Array[] = [];
  for (const vector of vectors) {
    const v = vector.slice();
    for (let before = Math.sqrt(dot(v, v)), length = 0; ; before = length) {
      for (const b of out) {
        const c = dot(b, v);
        for (let i = 0; i < v.length; i++) v[i] -= c * b[i];
      }
      length = Math.sqrt(dot(v, v));
      if (!(length < 0.7 * before)) break;
    }
    const length = Math.sqrt(dot(v, v));
    out.push(length > 0 ? v.map((x) => x / length) : v);
  }
  return out;
}
