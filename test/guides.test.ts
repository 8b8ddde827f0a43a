// One list of properties runs over all guides; then come the properties of single guides. Weights are random: nothing is trained.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createReference } from "../src/backends/reference/executor.ts";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { batchSum, cast, input, mul, random } from "../src/graph/build.ts";
import { gradientsOf } from "../src/graph/grad.ts";
import { compile, type Program } from "../src/graph/program.ts";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import type { FitData, Guide, TracedGuide } from "../src/guides/guide.ts";
import { guideFrom, guideNames } from "../src/guides/index.ts";
import { mixture } from "../src/guides/mixture.ts";
import { rareBaseOf } from "../src/guides/rare-bases.ts";
import { spline } from "../src/guides/spline.ts";
import { atOnce } from "../src/host/yielding.ts";
import { triIndex } from "../src/numbers/triangles.ts";
import { draw, generator } from "./helpers/random.ts";
import { smallGuide } from "./helpers/small-guides.ts";

const E = 3; // features
/** Every guide on every base, smooth as finite differences need it, and the options that change what is built. */
const guides: Readonly<Record<string, () => Guide>> = {
  ...Object.fromEntries(
    guideNames.flatMap((name) =>
      ["prior", "linear", "bounded", "laplace"].map((base) => [
        `${name}, base ${base}`,
        () => smallGuide(name, { width: 5, most: 3 }, { base, activation: "tanh" }),
      ]),
    ),
  ),
  "gaussian with three networks": () => gaussian({ hidden: [5, 4], activation: "silu", separate: true }),
  "gaussian without hidden layers": () => gaussian({ hidden: [] }),
  "gaussian of three networks on a linear base": () => gaussian({ hidden: [5], separate: true, base: "linear" }),
  "mixture of one, without hidden layers": () => mixture({ components: 1, hidden: [] }),
  "coupling of softplus": () => coupling({ blocks: 2, hidden: [5], activation: "softplus" }),
  "coupling with one network each": () => coupling({ blocks: 1, hidden: [5], activation: "silu", separate: false }),
  "coupling of straight networks": () => coupling({ blocks: 1, hidden: [], separate: false }),
  "coupling with one network each on a linear base": () =>
    coupling({ blocks: 2, hidden: [5], activation: "tanh", separate: false, base: "linear" }),
  "coupling with one network each on Laplace's base": () =>
    coupling({ blocks: 2, hidden: [5], activation: "tanh", separate: false, base: "laplace" }),
  "spline without an embedding": () => spline({ bins: 3, bound: 2.5, embedding: [], hidden: [] }),
  "spline with shared conditioners": () => spline({ bins: 3, embedding: [4], hidden: [5, 4], conditioners: "shared" }),
  "spline with shared conditioners on a linear base": () =>
    spline({ bins: 4, embedding: [], hidden: [5], conditioners: "shared", base: "linear" }),
  "spline without an embedding on a linear base": () =>
    spline({ bins: 4, embedding: [], hidden: [5], activation: "tanh", base: "linear" }),
};

interface Traced {
  readonly guide: TracedGuide;
  readonly program: Program;
}

/** Plans: `sample` there and back, `density` of given z, `train` with the gradient of its mean. */
function trace(guide: Guide, D: number): Traced {
  const built = guide.build({ D, E, seed: 3, prior: uniform(new Array(D).fill(-2), 3), onBase: rareBaseOf(guide) });
  const context = built.encode(input("features", built.local?.width ?? E));
  const drawn = built.sample(input("noise", D), context);
  const z = input("z", D);
  const logProb = built.logProb(z, context);
  const loss = mul(batchSum(cast(logProb, "f64")), 0.125);
  const program = atOnce(
    compile({
      sample: {
        outputs: {
          z: drawn.z,
          logProb: drawn.logProb,
          again: built.logProb(drawn.z, context),
          noise: built.invert(drawn.z, context),
        },
      },
      density: { outputs: { logProb, ...built.moments?.(context) } },
      draw: { outputs: { z: built.sample(random("normal", D, 7), context).z } },
      train: { outputs: { loss }, gradients: () => gradientsOf(loss) },
    }),
  );
  return { guide: built, program };
}

/** Weights of U(−reach, reach) on a coarse grid, so that f32 holds small steps from them exactly. */
function weightsOf({ program }: Traced, seed: number, reach = 0.4): Float32Array {
  const values = new Float32Array(program.weights.bytes / 4);
  const next = generator(seed);
  for (const { rows, cols, offset } of program.weights.entries) {
    values.set(draw(next, rows * cols, { low: -reach, high: reach }), offset / 4);
  }
  return values;
}

/** Linear data with correlated errors: what guides that fit something are fitted on. */
function simulations(
  D: number,
  N = 500,
): Omit<FitData, "weights"> & { readonly features: Float64Array; readonly z: Float64Array } {
  const next = generator(D);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const features = Float64Array.from({ length: N * E }, normal);
  const slope = Array.from({ length: D * E }, normal);
  const z = new Float64Array(N * D);
  for (let n = 0; n < N; n++) {
    let shared = 0;
    for (let d = 0; d < D; d++) {
      shared = 0.5 * shared + 0.4 * normal();
      z[n * D + d] = 0.3 * d + shared;
      for (let e = 0; e < E; e++) z[n * D + d] += 0.3 * slope[d * E + e] * features[n * E + e];
    }
  }
  return { features, z, theta: z };
}

/** Numbers of the frozen entries of a traced guide. */
async function frozenOf({ guide, program }: Traced, D: number): Promise<Float32Array> {
  const fitted = (await guide.fit?.({ ...simulations(D), weights: null })) ?? {};
  const values = new Float32Array(program.frozen.bytes / 4);
  for (const { name, rows, cols, offset } of program.frozen.entries) {
    assert.equal(fitted[name].shape, [rows, cols]);
    values.set(fitted[name].data, offset / 4);
  }
  return values;
}

/** The condition of a guide (rows, its width): features, or modes, features and factors of a solver. */
function seenBy({ guide: { local } }: Traced, D: number, rows: number, features: ArrayLike<number>): Float64Array {
  const width = local?.width ?? E;
  const next = generator(21);
  const seen = new Float64Array(rows * width);
  for (let r = 0; r < rows; r++) {
    if (local) seen.set(draw(next, width, { low: -0.5, high: 0.5 }), r * width);
    for (let e = 0; e < E; e++) seen[r * width + (local ? D : 0) + e] = features[r * E + e];
    if (local) for (let i = 0; i < D; i++) seen[r * width + D + E + triIndex(i, i)] += 3;
  }
  return seen;
}

const uniformRows = (seed: number, count: number, reach: number): Float64Array =>
  draw(generator(seed), count, { low: -reach, high: reach });

/** The largest difference, each relative to 1 + |b|. */
const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  assert.is(a.length, b.length);
  return Array.from(a).reduce((most, x, i) => {
    const error = Math.abs(x - b[i]) / (1 + Math.abs(b[i]));
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(most, error);
  }, 0);
};

const ROWS = 40;
for (const [name, make] of Object.entries(guides)) {
  for (const D of [2, 3, 5]) {
    const traced = trace(make(), D);
    // A conditioner without hidden layers is linear in the draws before: larger weights would let scales chain to e⁴ each.
    const weights = weightsOf(traced, D, name === "spline without an embedding" ? 0.2 : 0.4);
    const frozen = await frozenOf(traced, D);
    const features = seenBy(traced, D, ROWS, uniformRows(11, ROWS * E, 2));

    test(`${name}, D = ${D}: draws carry their log-density and are taken back to their noise`, async () => {
      const noise = uniformRows(12, ROWS * D, 3);
      const exact = await createReference(traced.program);
      await exact.writeWeights(frozen, "frozen");
      await exact.writeWeights(weights);
      const want = await exact.run("sample", { rows: ROWS, inputs: { features, noise } });
      // Each of some ten operations rounds by 1e-16, enlarged by slopes of up to 1e3.
      assert.ok(apart(want.again, want.logProb) < 1e-11);
      assert.ok(apart(want.noise, noise) < 1e-11);

      const fast = await createWasm(traced.program, { build: "plain" });
      await fast.writeWeights(frozen, "frozen");
      await fast.writeWeights(weights);
      const got = await fast.run("sample", { rows: ROWS, inputs: { features, noise } });
      // f32 rounds by 6e-8; sums of tens of terms and slopes of a few enlarge it to 1e-5.
      assert.ok(apart(got.noise, noise) < 1e-5, `noise ${apart(got.noise, noise)}`);
      assert.ok(apart(got.again, got.logProb) < 2e-5, `log-density ${apart(got.again, got.logProb)}`);
      assert.ok(apart(got.z, want.z) < 1e-5, `z ${apart(got.z, want.z)}`);
      assert.ok(apart(got.logProb, want.logProb) < 2e-5, `log-density ${apart(got.logProb, want.logProb)}`);
    });

    test(`${name}, D = ${D}: weights' gradients are those of differences, on wasm to single precision`, async () => {
      const z = uniformRows(13, ROWS * D, 2);
      const inputs = { features, z };
      const exact = await createReference(traced.program);
      await exact.writeWeights(frozen, "frozen");
      const lossAt = async (w: Float32Array): Promise<number> => {
        await exact.writeWeights(w);
        return (await exact.run("train", { rows: ROWS, inputs })).loss[0];
      };
      await lossAt(weights);
      const gradient = await exact.readGradient("train");
      const next = generator(14);
      for (let direction = 0; direction < 4; direction++) {
        const signs = new Float32Array(weights.length);
        for (const { rows, cols, offset } of traced.program.weights.entries) {
          for (let i = 0; i < rows * cols; i++) signs[offset / 4 + i] = next() < 0.5 ? -1 : 1;
        }
        const slope = async (h: number): Promise<number> =>
          ((await lossAt(weights.map((w, i) => w + h * signs[i]))) -
            (await lossAt(weights.map((w, i) => w - h * signs[i])))) /
          (2 * h);
        // Steps this small seldom carry a row over a kink (of the log-derivative of a spline at a knot). Rounding is about
        // 1e-16 · 40 / h = 1e-10, the error of the extrapolation h⁴ f⁗′; the gradient is read as f32: 6e-8 of each entry.
        const want = (4 * (await slope(2 ** -16)) - (await slope(2 ** -15))) / 3;
        const got = gradient.reduce((sum, g, i) => sum + g * signs[i], 0);
        const size = gradient.reduce((sum, g) => sum + Math.abs(g), 0);
        assert.ok(Math.abs(got - want) < 1e-6 * size, `direction ${direction}: expected ${want}, got ${got}`);
      }

      const fast = await createWasm(traced.program, { build: "plain" });
      await fast.writeWeights(frozen, "frozen");
      await fast.writeWeights(weights);
      await fast.run("train", { rows: ROWS, inputs });
      const got = await fast.readGradient("train");
      const largest = gradient.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
      const worst = got.reduce((most, g, i) => Math.max(most, Math.abs(g - gradient[i])), 0);
      assert.ok(worst < 1e-5 * largest, `${worst} of ${largest}`); // 40 rows of terms rounded to 6e-8 each
    });
  }

  test(`${name}: the density of two parameters has an integral of 1`, async () => {
    const traced = trace(make(), 2);
    const executor = await createWasm(traced.program, { build: "plain" });
    await executor.writeWeights(weightsOf(traced, 5));
    await executor.writeWeights(await frozenOf(traced, 2), "frozen");
    const [reach, side] = [12, 640];
    const step = (2 * reach) / side;
    const z = new Float32Array(2 * side * side);
    for (let k = 0; k < side * side; k++) {
      z[2 * k] = -reach + ((k % side) + 0.5) * step;
      z[2 * k + 1] = -reach + (Math.floor(k / side) + 0.5) * step;
    }
    const one = seenBy(traced, 2, 1, [0.7, -1.1, 0.4]);
    const features = new Float32Array(one.length * side * side).map((_, i) => one[i % one.length]);
    const { logProb } = await executor.run("density", { rows: side * side, inputs: { features, z } });
    const integral = Array.from(logProb).reduce((sum, l) => sum + Math.exp(l) * step * step, 0);
    // The midpoint rule is exact to rounding for smooth densities; kinks at knots cost h² times their jump, below 1e-3.
    assert.ok(Math.abs(integral - 1) < 1e-3, `${integral}`);
  });
}

for (const base of ["prior", "linear"] as const) {
  test(`the mean and covariance that a Gaussian guide states are those of its draws, base ${base}`, async () => {
    const D = 3;
    const traced = trace(gaussian({ hidden: [6], base }), D);
    const executor = await createWasm(traced.program, { build: "plain" });
    await executor.writeWeights(weightsOf(traced, 9));
    await executor.writeWeights(await frozenOf(traced, D), "frozen");
    const count = 40_000;
    const features = new Float32Array(count * E).map((_, i) => [0.5, -0.3, 1.2][i % E]);
    const { z } = await executor.run("draw", { rows: count, inputs: { features }, seed: 4 });
    const stated = await executor.run("density", {
      rows: 1,
      inputs: { features: features.subarray(0, E), z: new Float32Array(D) },
    });
    const entry = (i: number, j: number): number => (j > i ? 0 : stated.factor[(i * (i + 1)) / 2 + j]);
    const covariance = (i: number, j: number): number =>
      [0, 1, 2].reduce((sum, k) => sum + entry(i, k) * entry(j, k), 0);
    for (let i = 0; i < D; i++) {
      let mean = 0;
      for (let s = 0; s < count; s++) mean += z[s * D + i] / count;
      const sd = Math.sqrt(covariance(i, i));
      assert.ok(Math.abs(mean - stated.mean[i]) < (4.5 * sd) / Math.sqrt(count), `mean ${i}`); // 4.5 standard errors
      for (let j = 0; j <= i; j++) {
        let product = 0;
        for (let s = 0; s < count; s++)
          product += ((z[s * D + i] - stated.mean[i]) * (z[s * D + j] - stated.mean[j])) / count;
        const error = Math.sqrt((covariance(i, i) * covariance(j, j) + covariance(i, j) ** 2) / count);
        assert.ok(Math.abs(product - covariance(i, j)) < 4.5 * error, `covariance ${i}, ${j}`);
      }
    }
  });
}

test("a Gaussian guide on a linear base with all weights at 0 is the least-squares estimator and its errors", async () => {
  const D = 2;
  const traced = trace(gaussian({ hidden: [4], base: "linear" }), D);
  const executor = await createReference(traced.program);
  await executor.writeWeights(await frozenOf(traced, D), "frozen");
  const { features, z } = simulations(D);
  const N = z.length / D;
  const out = await executor.run("density", { rows: N, inputs: { features, z } });
  // Errors of the estimator: orthogonal to the features and to 1, with the covariance that the guide states.
  const error = Float64Array.from(z, (v, i) => v - out.mean[i]);
  for (let d = 0; d < D; d++) {
    for (let e = -1; e < E; e++) {
      let sum = 0;
      for (let n = 0; n < N; n++) sum += (error[n * D + d] * (e < 0 ? 1 : features[n * E + e])) / N;
      assert.ok(Math.abs(sum) < 1e-6, `${sum}`); // the ridge is 1e-8, numbers are kept in single precision
    }
  }
  const [a, b, c] = out.factor; // (0, 0), (1, 0), (1, 1)
  const stated = [a * a, a * b, b * b + c * c];
  [
    [0, 0],
    [0, 1],
    [1, 1],
  ].forEach(([i, j], k) => {
    let sum = 0;
    for (let n = 0; n < N; n++) sum += (error[n * D + i] * error[n * D + j]) / (N - E - 1);
    assert.ok(Math.abs(sum - stated[k]) < 1e-5 * (1 + stated[0]), `${sum}, ${stated[k]}`); // 1e-6 is added to diagonals
  });
  const zero = Array.from(out.logProb).reduce((sum, l) => sum + l / N, 0);
  const entropy = 0.5 * ((D * (N - E - 1)) / N) + Math.log(2 * Math.PI) + Math.log(a * c);
  assert.ok(Math.abs(zero + entropy) < 1e-4, `${zero}, ${-entropy}`);
});

test("weights of the fit count as repetitions, and those of 0 or of no number leave their rows out", async () => {
  const { guide } = trace(gaussian({ hidden: [], base: "linear" }), 2);
  const { features, z } = simulations(2, 60);
  const twice = {
    features: [...features, ...features.subarray(0, 20 * E)],
    z: [...z, ...z.subarray(0, 40)],
    theta: [],
  };
  const repeated = (await guide.fit?.({ ...twice, weights: null })) ?? {};
  const weighted =
    (await guide.fit?.({
      features: [...features, ...features.subarray(0, 2 * E)],
      z: [...z, 1e3, 1e3, -1e3, 1e3],
      theta: [],
      weights: [...Array.from({ length: 60 }, (_, n) => (n < 20 ? 2 : 1)), 0, Number.NaN],
    })) ?? {};
  for (const [k, v] of repeated["base.mean"].data.entries())
    assert.ok(Math.abs(weighted["base.mean"].data[k] - v) < 1e-6, `${k}`);
});

test("a Gaussian guide with all weights at 0 is the prior, whether its networks are one or, but for the scale, three", async () => {
  const traced = trace(gaussian({ hidden: [4] }), 2);
  const executor = await createReference(traced.program);
  const z = Float64Array.of(0.3, -1.2);
  const { logProb } = await executor.run("density", { rows: 1, inputs: { features: [1, 2, 3], z } });
  const standard = -0.5 * (0.09 + 1.44) - Math.log(2 * Math.PI);
  assert.ok(Math.abs(logProb[0] - standard) < 1e-5); // 1e-6 is added to each diagonal
});

test("a factor of a hundred parameters can be inverted before training", async () => {
  const D = 100;
  for (const guide of [gaussian({ hidden: [8] }), mixture({ components: 2, hidden: [8] })]) {
    const traced = trace(guide, D);
    const executor = await createReference(traced.program);
    const next = generator(5);
    const weights = new Float64Array(traced.program.weights.bytes / 4);
    for (const { init, rows, cols, offset } of traced.program.weights.entries)
      for (let i = 0; i < rows * cols; i++) weights[offset / 4 + i] = init * (2 * next() - 1);
    await executor.writeWeights(Float32Array.from(weights));
    const z = Float64Array.from({ length: D }, (_, i) => Math.sin(7 * i));
    const { logProb } = await executor.run("density", { rows: 1, inputs: { features: [1, -1, 1.5], z } });
    // A standard normal gives −117, which training reaches from here; without the scaling it is −6e17.
    assert.ok(logProb[0] > -1e5, `${guide.name}: ${logProb[0]}`);
  }
});

test("outside their bounds splines only shift and scale", async () => {
  const traced = trace(spline({ bins: 4, bound: 2, embedding: [], hidden: [3] }), 2);
  const executor = await createReference(traced.program);
  const weights = weightsOf(traced, 6);
  for (const { name, rows, cols, offset } of traced.program.weights.entries) {
    if (!name.endsWith(".1")) continue; // the last layer of a conditioner: its first two columns are shift and scale
    for (let r = 0; r < rows; r++) weights.fill(0, offset / 4 + r * cols, offset / 4 + r * cols + 2);
  }
  await executor.writeWeights(weights);
  const noise = Float64Array.of(2.5, -3, -7, 2.01);
  const { z } = await executor.run("sample", { rows: 2, inputs: { features: new Float64Array(2 * E), noise } });
  assert.equal(Array.from(z), Array.from(noise));
});

test("permutations of a coupling guide come from the seed, are reported, and make the same guide when they are given", () => {
  const sizes = { D: 5, E, seed: 12 };
  const guide = coupling({ blocks: 4, hidden: [3] });
  const drawn = guide.build(sizes).drawn as { permutations: number[][] };
  assert.is(drawn.permutations.length, 3);
  for (const p of drawn.permutations) assert.equal([...p].sort(), [0, 1, 2, 3, 4]);
  assert.equal(guide.build(sizes).drawn, drawn);
  assert.not.equal(guide.build({ ...sizes, seed: 13 }).drawn, drawn);
  // One guide may serve trainings of any size, one after another.
  const smaller = guide.build({ ...sizes, D: 3 }).drawn as typeof drawn;
  for (const p of smaller.permutations) assert.equal([...p].sort(), [0, 1, 2]);
  const again = guideFrom("coupling", { ...guide.options, ...drawn });
  assert.equal(again.build({ ...sizes, seed: 99 }).drawn, drawn);
});

test("a guide is made again from its name and its options, which are plain data", () => {
  for (const make of Object.values(guides)) {
    const { name, options } = make();
    const copy = JSON.parse(JSON.stringify(options)) as Record<string, unknown>;
    assert.equal(copy, options);
    assert.equal(guideFrom(name, copy).options, options);
  }
});

test.run();
