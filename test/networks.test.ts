// Networks that are trained with the guide (nn/layers.ts, nn/networks.ts): each layer against its definition in plain numbers, its gradients
// against differences, the kernels against the reference; and embeddings of one's own in training and in files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { batchSum, input, mul, sumFeatures, weight } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { type Layers, layersOf } from "../src/nn/layers.ts";
import type { OwnEmbedding } from "../src/nn/networks.ts";
import { linearGaussian } from "../src/problems/linear-gaussian.ts";
import { load, toBytes } from "../src/store/store.ts";
import { TrainingStopped } from "../src/train/checkpoint.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { backends } from "./helpers/backends.ts";
import { checkGradients } from "./helpers/differences.ts";
import { draw, generator } from "./helpers/random.ts";
import { runGraph } from "./helpers/run.ts";

const ROWS = 9;
const L = 7;

/** Runs a network whose first input is a series of `columns` numbers and whose second is a mask, with random weights. */
async function run(columns: number, build: (nn: Layers, x: Tensor, mask: Tensor) => Tensor, mask?: Float64Array) {
  const next = generator(3);
  const shapes: Record<string, [number, number]> = {};
  const nn = layersOf("network", (name, rows, cols, options) => {
    shapes[name] = [rows, cols];
    return weight(name, rows, cols, options);
  });
  const y = build(nn, input("x", columns), input("mask", L));
  const weights = Object.fromEntries(
    Object.entries(shapes).map(([name, [r, c]]) => [name, draw(next, r * c, { low: -0.8, high: 0.8 })]),
  );
  const x = draw(next, ROWS * columns, { low: -2, high: 2 });
  const inputs = { x, ...(mask && { mask }) };
  return { x, weights, shapes, y: (await runGraph({ y }, { weights, rows: ROWS, inputs })).y };
}

const close = (got: number, want: number, what: string): void =>
  assert.ok(Math.abs(got - want) <= 1e-12 * (1 + Math.abs(want)), `${what}: expected ${want}, got ${got}`);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

for (const [kernel, stride, inputs] of [
  [3, 1, 1],
  [5, 2, 2],
  [4, 3, 1],
  [9, 2, 1], // wider than the series
  [1, 1, 3],
]) {
  test(`conv: ${kernel} positions, stride ${stride}, ${inputs} channels: Σ w x over the positions around, zeros beyond the ends`, async () => {
    const channels = 4;
    const { x, weights, y } = await run(L * inputs, (nn, t) =>
      nn.conv(t, { inputs, channels, kernel, stride, activation: "tanh" }),
    );
    const w = weights["network.0"];
    const outs = Math.ceil(L / stride);
    assert.is(y.length, ROWS * outs * channels);
    const before = Math.floor(Math.max(0, (outs - 1) * stride + kernel - L) / 2);
    for (let r = 0; r < ROWS; r++)
      for (let k = 0; k < outs; k++)
        for (let o = 0; o < channels; o++) {
          let sum = w[kernel * inputs * channels + o];
          for (let i = 0; i < kernel; i++)
            for (let c = 0; c < inputs; c++) {
              const at = k * stride + i - before;
              if (at >= 0 && at < L) sum += w[(i * inputs + c) * channels + o] * x[r * L * inputs + at * inputs + c];
            }
          close(y[(r * outs + k) * channels + o], Math.tanh(sum), `row ${r}, position ${k}, channel ${o}`);
        }
  });
}

/** The last state of the recurrent unit of one row, in plain numbers; positions in the order given. */
function recurrent(
  x: ArrayLike<number>,
  order: readonly number[],
  C: number,
  H: number,
  w: readonly ArrayLike<number>[],
): number[] {
  let h = new Array<number>(H).fill(0);
  const gate = (own: ArrayLike<number>, values: readonly number[], j: number): number =>
    [...values, 1].reduce((sum, v, i) => sum + v * own[i * 3 * H + j], 0);
  for (const k of order) {
    const at = Array.from({ length: C }, (_, c) => x[k * C + c]);
    h = h.map((own, j) => {
      const r = sigmoid(gate(w[0], at, j) + gate(w[1], h, j));
      const u = sigmoid(gate(w[0], at, H + j) + gate(w[1], h, H + j));
      const n = Math.tanh(gate(w[0], at, 2 * H + j) + r * gate(w[1], h, 2 * H + j));
      return (1 - u) * n + u * own;
    });
  }
  return h;
}

const random = generator(5);
const someSeen = Float64Array.from({ length: ROWS * L }, () => Number(random() < 0.6));
for (const reverse of [false, true])
  for (const mask of [undefined, someSeen]) {
    test(`gru${reverse ? ", from the last position" : ""}${mask ? ", which passes over what the mask leaves out" : ""}: its recurrence`, async () => {
      const [C, H] = [2, 3];
      const { x, weights, y } = await run(
        L * C,
        (nn, t, m) => nn.gru(t, { inputs: C, hidden: H, reverse }, mask && m),
        mask,
      );
      for (let r = 0; r < ROWS; r++) {
        const seen = [...Array(L).keys()].filter((k) => mask === undefined || mask[r * L + k] > 0);
        const order = reverse ? seen.reverse() : seen;
        const own = x.subarray(r * L * C, (r + 1) * L * C);
        const want = recurrent(own, order, C, H, [weights["network.0"], weights["network.1"]]);
        for (const [j, v] of want.entries()) close(y[r * H + j], v, `row ${r}, state ${j}`);
      }
    });
  }

test("each: one network for every part, with the weights that they share", async () => {
  const { x, weights, y } = await run(L * 2, (nn, t) =>
    nn.each(t, L, (part) => nn.dense(part, { width: 3, activation: "tanh" })),
  );
  const w = weights["network.0"];
  for (let r = 0; r < ROWS; r++)
    for (let k = 0; k < L; k++)
      for (let o = 0; o < 3; o++) {
        const [a, b] = [x[(r * L + k) * 2], x[(r * L + k) * 2 + 1]];
        close(y[(r * L + k) * 3 + o], Math.tanh(w[o] * a + w[3 + o] * b + w[6 + o]), `row ${r}, part ${k}`);
      }
});

const networks: Readonly<Record<string, (nn: Layers, x: Tensor) => Tensor>> = {
  "conv, conv, dense": (nn, x) => {
    const h = nn.conv(nn.conv(x, { inputs: 2, channels: 5, stride: 2 }), { inputs: 5, channels: 3, kernel: 3 });
    return nn.dense(h, { width: 4 });
  },
  gru: (nn, x) => nn.gru(x, { inputs: 2, hidden: 5 }),
};
for (const [name, build] of Object.entries(networks)) {
  const leaves: Tensor[] = [input("x", 2 * L)];
  const features = build(
    layersOf("network", (...args) => {
      leaves.push(weight(...args));
      return leaves[leaves.length - 1];
    }),
    leaves[0],
  );
  const total = batchSum(
    sumFeatures(
      mul(
        features,
        Float64Array.from({ length: features.cols }, (_, i) => i - 1.25),
      ),
    ),
  );
  const gradients = grad(total, leaves);
  const next = generator(11);
  const values = Object.fromEntries(
    leaves.map(({ attrs, rows, cols }, i) => [
      attrs.name as string,
      draw(next, (i === 0 ? ROWS : rows) * cols, { low: -0.7, high: 0.7 }),
    ]),
  );

  test(`${name}: gradients agree with differences`, () =>
    checkGradients(total, leaves, gradients, { rows: ROWS, values }));

  test(`${name}: values and gradients of the kernels are those of the reference, to single precision`, async () => {
    const outputs = { features, ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g as Tensor])) };
    const given = { weights: values, rows: ROWS, inputs: { x: values.x } };
    const want = await runGraph(outputs, given);
    for (const [backend, create] of Object.entries(backends)) {
      const got = await runGraph(outputs, { ...given, create });
      for (const [key, numbers] of Object.entries(want)) {
        const scale = Array.from(numbers).reduce((most, v) => Math.max(most, Math.abs(v)), 1);
        // Sums of at most 9 · 7 · 16 products of order 1, through some ten layers and steps: 2^-24 · 32 of the largest each.
        for (const [i, v] of numbers.entries())
          assert.ok(
            Math.abs(got[key][i] - v) <= 2 ** -24 * 320 * scale,
            `${backend}, ${key} ${i}: ${got[key][i]} for ${v}`,
          );
      }
    }
  });
}

const own: OwnEmbedding = (y, nn) => nn.dense(nn.dense(y, { width: 16 }), { width: 8, activation: "linear" });
const quick: TrainOptions = { steps: 40, batch: 32, heldOut: 64, seed: 5, kernels: "plain", onWarning: () => {} };
const guide = gaussian({ hidden: [8] });
const y = Float64Array.from({ length: linearGaussian.M }, (_, i) => 0.1 * i - 0.5);

for (const [name, embedding] of [
  ["a convolution", { conv: { channels: [4, 4], kernel: 3, features: 6 } }],
  ["a recurrent unit of pairs", { gru: { hidden: 6, stride: 2 } }],
] as const) {
  test(`${name} is saved by its name and options, and loaded without more`, async () => {
    const map = await train(linearGaussian, { ...quick, guide, embedding });
    const again = await load(toBytes(map), { kernels: "plain" });
    assert.is(again.spec.embedding.network?.size, 6);
    assert.equal((await infer(again, y)).mean, (await infer(map, y)).mean);
    assert.ok(map.trained.includes("network.0"), "its weights are trained");
  });
}

test("a network of one's own is trained with the guide, and learns the posterior of a linear model", async () => {
  const map = await train(linearGaussian, {
    ...quick,
    steps: 1500,
    batch: 128,
    guide: gaussian({ hidden: [] }),
    embedding: own,
  });
  // With 8 features of 10 parameters the mean cannot be exact, but most of the prior's spread is gone.
  const { problem } = map;
  const exact = problem?.exact?.(y, 4000, 1) as Float32Array;
  const { mean, sd } = await infer(map, y);
  let off = 0;
  for (let d = 0; d < 10; d++) {
    let want = 0;
    for (let s = 0; s < 4000; s++) want += exact[s * 10 + d] / 4000;
    off += ((mean[d] - want) / sd[d]) ** 2 / 10;
  }
  assert.ok(Math.sqrt(off) < 1, `the mean is ${Math.sqrt(off)} posterior sd off`);
});

test("a file of a network of one's own needs the function, and refuses another one", async () => {
  const map = await train(linearGaussian, { ...quick, guide, embedding: own });
  const bytes = toBytes(map);
  const again = await load(bytes, { embedding: own, kernels: "plain" });
  assert.equal((await infer(again, y)).mean, (await infer(map, y)).mean);
  const refused = async (embedding: OwnEmbedding | undefined, message: RegExp): Promise<void> => {
    const error = await load(bytes, { embedding }).then(
      () => null,
      (e: Error) => e,
    );
    assert.match(String(error?.message), message);
  };
  await refused(undefined, /^load: expected the embedding of the caller's own .* use load\(file, \{ embedding \}\)$/);
  await refused(
    (t, nn) => nn.dense(nn.dense(t, { width: 16, activation: "tanh" }), { width: 8, activation: "linear" }),
    /^load: expected the embedding that "linear-gaussian" was trained with, got one that answers otherwise/,
  );
  await refused((t, nn) => nn.dense(t, { width: 8 }), /^model: expected tensor "network.0" \(21, 8\), got \(21, 16\)$/);
  await refused(
    (t, nn) => nn.dense(nn.dense(nn.dense(t, { width: 16 }), { width: 8, activation: "linear" }), { width: 8 }),
    /^model: expected a tensor "network.2"/,
  );
  const plain = toBytes(await train(linearGaussian, { ...quick, guide }));
  const odd = await load(plain, { embedding: own }).catch((e: Error) => e.message);
  assert.is(odd, "load: expected no embedding for a map with a fixed one, got a function");
});

const refusals: readonly (readonly [string, TrainOptions, RegExp])[] = [
  [
    "a function that returns no tensor",
    { embedding: (() => 3) as never },
    /^embedding: expected the function to return features .*, got 3$/,
  ],
  [
    "features that do not depend on the data alone",
    { embedding: (t, nn) => nn.dense(mul(t, input("z", 20)), { width: 3 }) },
    /that depend on its data alone, got input in them$/,
  ],
  [
    "weights that are not of nn",
    { embedding: (t) => mul(t, weight("w", 1, 20)) },
    /got the weight "w"; make layers by nn$/,
  ],
  [
    "an unknown network",
    { embedding: { lstm: {} } as never },
    /^train: expected embedding to be one of "auto", .* or a function \(y, nn\) => tensor, or \{ conv \} or \{ gru \} with its options, got /,
  ],
  [
    "an unknown option",
    { embedding: { conv: { width: 3 } as never } },
    /^embedding.conv: expected options inputs, .*; got "width"$/,
  ],
  [
    "channels that do not divide the data",
    { embedding: { conv: { inputs: 3 } } },
    /^nn.conv: expected a series \(B, L·3\), got \(B, 20\); state its channels as inputs$/,
  ],
  [
    "a base that is fitted before",
    { guide: gaussian({ base: "linear" }), embedding: own },
    /^embedding: expected a fixed one beside the base "linear" of the guide/,
  ],
];
for (const [what, options, message] of refusals) {
  test(`${what} is refused by name`, async () => {
    const error = await train(linearGaussian, { ...quick, guide, ...options }).then(
      () => null,
      (e: Error) => e,
    );
    assert.match(String(error?.message), message);
  });
}

test("an interrupted training with a network is resumed to the same bits", async () => {
  const options: TrainOptions = { ...quick, guide, embedding: own, evaluateEvery: 10 };
  const whole = await train(linearGaussian, options);
  const stop = new AbortController();
  const stopped = await train(linearGaussian, {
    ...options,
    signal: stop.signal,
    onProgress: ({ step }) => step >= 10 && stop.abort(),
  }).then(
    () => null,
    (e: unknown) => e,
  );
  assert.instance(stopped, TrainingStopped);
  const resumed = await train(linearGaussian, { ...options, resume: (stopped as TrainingStopped).checkpoint });
  assert.equal(resumed.tensors["network.0"].data, whole.tensors["network.0"].data);
});

test.run();
