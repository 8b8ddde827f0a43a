// The work items of the benchmarks: shapes, seeded inputs, initial weights, and expected results, computed in plain f64
// JavaScript. Every candidate, ours and the peers', gets exactly these numbers and is checked before it is timed. Weights are one
// slab of dense layers (I+1, O), whose row I is the bias. It is long because the items share these inputs and results.

import { moments, type Outputs, relative, type Work, type WorkId } from "./driver.ts";

/** Adam's constants, the same for all. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

type Vector = Float64Array<ArrayBuffer>;

/** A multilayer perceptron in a slab: layer widths, slope of its leaky units (0: ReLU), offset. */
export interface Net {
  readonly sizes: readonly number[];
  readonly slope: number;
  readonly offset: number;
}

/** A small linear congruential generator (Numerical Recipes' constants), uniform in (0, 1). */
function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 4294967296;
  };
}

/** `n` normals of the given standard deviation, rounded to f32. */
export function normals(n: number, seed: number, sd = 1): Float32Array {
  const uniform = lcg(seed);
  const normal = (): number => sd * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return Float32Array.from({ length: n }, normal);
}

/** Nets of the given sizes, one after the other in a slab. */
function layNets(shapes: readonly (readonly number[])[], slope: number): Net[] {
  let offset = 0;
  return shapes.map((sizes) => {
    const net = { sizes, slope, offset };
    for (let l = 0; l + 1 < sizes.length; l++) offset += (sizes[l] + 1) * sizes[l + 1];
    return net;
  });
}

/** The dense layers of a net: widths, and where the weights (I, O) and, after them, the bias (O) begin in the slab. */
export function layersOf({ sizes, offset }: Net): { inputs: number; outputs: number; at: number }[] {
  return sizes.slice(1).map((outputs, l) => {
    const layer = { inputs: sizes[l], outputs, at: offset };
    offset += (sizes[l] + 1) * outputs;
    return layer;
  });
}

/** U(±1/√I) for weights and biases, PyTorch's default for a linear layer. */
function initialWeights(nets: readonly Net[], seed: number): Float32Array {
  const uniform = lcg(seed);
  return Float32Array.from(
    nets.flatMap((net) =>
      layersOf(net).flatMap(({ inputs, outputs }) =>
        Array.from({ length: (inputs + 1) * outputs }, () => (2 * uniform() - 1) / Math.sqrt(inputs)),
      ),
    ),
  );
}

/** Caches the result of a function. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const gaussianShapes = [2, 2, 1].map((out) => [600, 20, 10, out]);
const gaussianNets = layNets(gaussianShapes, 0);

/**
 * W1, the Gaussian guide alone: nets mean, diagonal (softplus) and off-diagonal of L = [[d1, 0], [o, d2]], ReLU.
 * One step is forward, backward and Adam of the negative log density of theta (32, 2) given y (32, 600):
 * mean(½|z|² + log d1 + log d2), z = L⁻¹(theta − mean).
 */
export const W1 = {
  batch: 32,
  data: 600,
  dim: 2,
  nets: gaussianNets,
  checkSteps: 3,
  // Small, so that thousands of timed steps on one batch do not overflow; the cost is the same.
  learningRate: 1e-4,
  weights: once(() => initialWeights(gaussianNets, 11)),
  y: once(() => normals(32 * 600, 12)),
  theta: once(() => normals(32 * 2, 13)),
} as const;

const [BLOCKS, SLOPE] = [15, 0.01];
const flowShapes = Array.from({ length: BLOCKS * 4 }, () => [4, 100, 100, 2]);
const flowNets = layNets(flowShapes, SLOPE);

/** `count` shuffles of 0..3. */
function permutations(count: number, seed: number): number[][] {
  const uniform = lcg(seed);
  return Array.from({ length: count }, () => {
    const p = [0, 1, 2, 3];
    for (let i = 3; i > 0; i--) {
      const j = Math.floor(uniform() * (i + 1));
      [p[i], p[j]] = [p[j], p[i]];
    }
    return p;
  });
}

/**
 * W2, the paper's conditional RealNVP (arXiv 2305.20004): D = 4, M = 2. Net 4b + 2c + k belongs to
 * block b, coupling c and kind k (0 log-scale, 1 shift); it reads two kept coordinates and y. Coupling 0 keeps
 * coordinates 0, 1 and moves 2, 3; coupling 1 does the opposite. Normalising: x ← (x − t) exp(−tanh s); after each block
 * except the last x ← x[permutation]. Loss: mean(½|z|² + Σ tanh s), which is −log q(theta | y) up to a constant.
 */
export const W2 = {
  batch: 2048,
  data: 2,
  dim: 4,
  blocks: BLOCKS,
  hidden: 100,
  nets: flowNets,
  slope: SLOPE,
  checkSteps: 2,
  learningRate: 1e-3,
  permutations: permutations(BLOCKS - 1, 21) as readonly (readonly number[])[],
  weights: once(() => initialWeights(flowNets, 22)),
  y: once(() => normals(2048 * 2, 23)),
  theta: once(() => normals(2048 * 4, 24, 0.5)),
} as const;

/** W3, products (M, K)·(K, N) of resident operands. */
export const W3: Readonly<Record<string, { m: number; n: number; k: number }>> = {
  W3_512: { m: 512, n: 512, k: 512 },
  W3_1024: { m: 1024, n: 1024, k: 1024 },
  W3_160x60x60: { m: 160, n: 60, k: 60 },
  W3_32x20x600: { m: 32, n: 20, k: 600 },
  W3_2048x100x100: { m: 2048, n: 100, k: 100 },
};

/** The operands of a product: A (M, K) and B (K, N). */
export function operands({ m, n, k }: { m: number; n: number; k: number }): { a: Float32Array; b: Float32Array } {
  return { a: normals(m * k, 31), b: normals(k * n, 32) };
}

/** W4, inference: every item takes JavaScript arrays and returns JavaScript arrays, as a user's call does. */
export const W4 = {
  draws: 1000,
  flowObservation: once(() => normals(2, 41)),
  flowNoise: once(() => normals(1000 * 4, 42)),
  gaussObservation: once(() => normals(600, 43)),
  gaussNoise: once(() => normals(1000 * 2, 44)),
  batchRows: 10000,
  batchData: once(() => normals(10000 * 600, 45)),
} as const;

/** Activations of each layer, the input first; the last layer is linear. */
function netForward(w: ArrayLike<number>, net: Net, x: ArrayLike<number>): Vector[] {
  const acts = [Float64Array.from(x)];
  const rows = x.length / net.sizes[0];
  for (const { inputs, outputs, at } of layersOf(net)) {
    const input = acts[acts.length - 1];
    const out = new Float64Array(rows * outputs);
    for (let r = 0; r < rows; r++) {
      const row = r * outputs;
      for (let o = 0; o < outputs; o++) out[row + o] = w[at + inputs * outputs + o];
      for (let i = 0; i < inputs; i++) {
        const xi = input[r * inputs + i];
        for (let o = 0; o < outputs; o++) out[row + o] += xi * w[at + i * outputs + o];
      }
    }
    const hidden = acts.length + 1 < net.sizes.length;
    acts.push(hidden ? out.map((v) => (v < 0 ? v * net.slope : v)) : out);
  }
  return acts;
}

/** Adds the weights' gradient to `gradient` and returns the gradient of the input, given that of the output. */
function netBackward(w: Vector, net: Net, acts: Vector[], dOut: Vector, gradient: Vector): Vector {
  const layers = layersOf(net);
  for (let l = layers.length - 1; l >= 0; l--) {
    const { inputs, outputs, at } = layers[l];
    const dIn = new Float64Array(acts[l].length);
    for (let r = 0; r * outputs < dOut.length; r++) {
      for (let i = 0; i < inputs; i++) {
        const xi = acts[l][r * inputs + i];
        const row = at + i * outputs;
        let sum = 0;
        for (let o = 0; o < outputs; o++) {
          const d = dOut[r * outputs + o];
          gradient[row + o] += xi * d;
          sum += w[row + o] * d;
        }
        // An activation has the sign of its input.
        dIn[r * inputs + i] = l > 0 && xi <= 0 ? net.slope * sum : sum;
      }
      for (let o = 0; o < outputs; o++) gradient[at + inputs * outputs + o] += dOut[r * outputs + o];
    }
    dOut = dIn;
  }
  return dOut;
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** W1's loss; adds its gradient. */
function gaussianLoss(w: Vector, gradient: Vector): number {
  const theta = W1.theta();
  const acts = W1.nets.map((net) => netForward(w, net, W1.y()));
  const [mean, diagonal, offDiagonal] = acts.map((a) => a[3]);
  const [dMean, dDiagonal, dOff] = [mean, diagonal, offDiagonal].map((a) => new Float64Array(a.length));
  let loss = 0;
  for (let r = 0; r < W1.batch; r++) {
    const [i, j] = [2 * r, 2 * r + 1];
    const [d1, d2] = [softplus(diagonal[i]), softplus(diagonal[j])];
    const z1 = (theta[i] - mean[i]) / d1;
    const z2 = (theta[j] - mean[j] - offDiagonal[r] * z1) / d2;
    loss += (0.5 * (z1 * z1 + z2 * z2) + Math.log(d1) + Math.log(d2)) / W1.batch;
    const g2 = z2 / d2;
    const g1 = (z1 - offDiagonal[r] * g2) / d1;
    dMean[i] = -g1 / W1.batch;
    dMean[j] = -g2 / W1.batch;
    dOff[r] = (-g2 * z1) / W1.batch;
    dDiagonal[i] = (1 / d1 - g1 * z1) / (1 + Math.exp(-diagonal[i])) / W1.batch;
    dDiagonal[j] = (1 / d2 - g2 * z2) / (1 + Math.exp(-diagonal[j])) / W1.batch;
  }
  for (const [n, d] of [dMean, dDiagonal, dOff].entries()) netBackward(w, W1.nets[n], acts[n], d, gradient);
  return loss;
}

/** W4's Gaussian posterior of one observation: mean (2), factor (d1, o, d2), draws (S, 2). */
function gaussianPosterior(noise: Float32Array): Outputs {
  const [mean, diagonal, off] = W1.nets.map((net) => netForward(W1.weights(), net, W4.gaussObservation())[3]);
  const factor = [softplus(diagonal[0]), off[0], softplus(diagonal[1])];
  const draws = Float64Array.from(noise, (e, k) =>
    k % 2 === 0 ? mean[0] + factor[0] * e : mean[1] + factor[1] * noise[k - 1] + factor[2] * e,
  );
  return { mean, factor, draws };
}

/** Inputs of a coupling's nets: the kept half of x (n, 4) beside y (n, 2). */
function kept(x: Vector, y: ArrayLike<number>, keep: number): Vector {
  return x.map((_, k) => (k % 4 < 2 ? x[k - (k % 4) + keep + (k % 4)] : y[(k >> 2) * 2 + (k % 4) - 2]));
}

/** Column p[i] of the result (n, 4) is column i of x. */
function unpermuted(x: Vector, p: readonly number[]): Vector {
  const inverse = p.map((_, j) => p.indexOf(j));
  return x.map((_, k) => x[k - (k % 4) + inverse[k % 4]]);
}

/** W2's loss; adds its gradient. In chunks of rows, which stay in the cache. */
function flowLoss(w: Vector, gradient: Vector): number {
  let loss = 0;
  for (let from = 0; from < W2.batch; from += 64) loss += flowChunk(w, gradient, from, from + 64);
  return loss;
}

function flowChunk(w: Vector, gradient: Vector, from: number, to: number): number {
  const y = W2.y().subarray(from * 2, to * 2);
  let x = Float64Array.from(W2.theta().subarray(from * 4, to * 4));
  let loss = 0;
  const tape = Array.from({ length: 2 * W2.blocks }, (_, c) => {
    const keep = c % 2 === 0 ? 0 : 2;
    if (c > 0 && keep === 0) x = x.map((_, k) => x[k - (k % 4) + W2.permutations[c / 2 - 1][k % 4]]);
    const acts = [0, 1].map((kind) => netForward(w, W2.nets[2 * c + kind], kept(x, y, keep)));
    const scale = acts[0][3].map(Math.tanh);
    for (let k = 0; k < scale.length; k++) {
      const at = (k >> 1) * 4 + 2 - keep + (k % 2);
      x[at] = (x[at] - acts[1][3][k]) * Math.exp(-scale[k]);
      loss += scale[k] / W2.batch;
    }
    return { keep, acts, scale, x: x.slice() };
  });
  for (const z of x) loss += (0.5 * z * z) / W2.batch;
  let dx = x.map((z) => z / W2.batch);
  for (let c = tape.length - 1; c >= 0; c--) {
    const { keep, acts, scale, x: z } = tape[c];
    const [dScale, dShift] = [new Float64Array(scale.length), new Float64Array(scale.length)];
    for (let k = 0; k < scale.length; k++) {
      const at = (k >> 1) * 4 + 2 - keep + (k % 2);
      dScale[k] = (1 / W2.batch - dx[at] * z[at]) * (1 - scale[k] ** 2);
      dx[at] *= Math.exp(-scale[k]);
      dShift[k] = -dx[at];
    }
    for (const [kind, d] of [dScale, dShift].entries()) {
      const dIn = netBackward(w, W2.nets[2 * c + kind], acts[kind], d, gradient);
      for (let k = 0; k < d.length; k++) dx[(k >> 1) * 4 + keep + (k % 2)] += dIn[(k >> 1) * 4 + (k % 2)];
    }
    if (c > 0 && keep === 0) dx = unpermuted(dx, W2.permutations[c / 2 - 1]);
  }
  return loss;
}

/** Draws (S, 4) of W2's flow for W4's observation, from base noise (S, 4): the couplings backwards. */
function flowSample(noise: Float32Array): Vector {
  let x = Float64Array.from(noise);
  const y = Float64Array.from({ length: noise.length / 2 }, (_, k) => W4.flowObservation()[k % 2]);
  for (let c = 2 * W2.blocks - 1; c >= 0; c--) {
    const keep = c % 2 === 0 ? 0 : 2;
    const [s, t] = [0, 1].map((kind) => netForward(W2.weights(), W2.nets[2 * c + kind], kept(x, y, keep))[3]);
    for (let k = 0; k < s.length; k++) {
      const at = (k >> 1) * 4 + 2 - keep + (k % 2);
      x[at] = x[at] * Math.exp(Math.tanh(s[k])) + t[k];
    }
    if (c > 0 && keep === 0) x = unpermuted(x, W2.permutations[c / 2 - 1]);
  }
  return x;
}

/** Losses before each of the first steps and the weights after the last of them, in f64. */
function trained(w: typeof W1 | typeof W2, loss: (weights: Vector, gradient: Vector) => number): Outputs {
  const weights = Float64Array.from(w.weights());
  const { beta1, beta2, epsilon } = ADAM;
  const [m, v] = [new Float64Array(weights.length), new Float64Array(weights.length)];
  const losses = Array.from({ length: w.checkSteps }, (_, step) => {
    const gradient = new Float64Array(weights.length);
    const value = loss(weights, gradient);
    for (let i = 0; i < weights.length; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * gradient[i];
      v[i] = beta2 * v[i] + (1 - beta2) * gradient[i] ** 2;
      const vHat = v[i] / (1 - beta2 ** (step + 1));
      weights[i] -= (w.learningRate * m[i]) / (1 - beta1 ** (step + 1)) / (Math.sqrt(vHat) + epsilon);
    }
    return value;
  });
  return { losses, weights };
}

// Forward error of f32 sums of n terms grows like √n·6e-8 to n·6e-8: 1e-5 allows for the longest here (1024).
const PRODUCT = 1e-5;
// A flow is 30 couplings deep, each with factors exp(±tanh s); f32 results differ by a few 1e-6, a mistake by > 1e-2.
const DEEP = 1e-4;
// Adam's first steps are ±lr for any gradient, and rounding may change the sign of a near-zero one, so the norm is judged.
const UPDATE = 2e-2;

const [w1Flops, w2Flops] = [2 * 36745, 2 * 648120];

type Trained = typeof W1 | typeof W2;
function training(title: string, flops: number, w: Trained, loss: (w: Vector, g: Vector) => number): Work {
  const reference = once(() => trained(w, loss));
  return {
    title,
    flops: 3 * flops * w.batch,
    verify: (got) =>
      Math.max(
        relative("losses", got.losses, reference().losses, DEEP),
        relative("weights", got.weights, reference().weights, UPDATE, w.weights()),
      ),
  };
}

function product(id: string): Work {
  const { m, n, k } = W3[id];
  const reference = (): Vector => {
    const { a, b } = operands(W3[id]);
    // A product is a layer without bias.
    return netForward([...b, ...new Float32Array(n)], { sizes: [k, n], slope: 0, offset: 0 }, a)[1];
  };
  const verify = (got: Outputs): number => relative("product", got.product, reference(), PRODUCT);
  return { title: `W3 product ${m} × ${n} × ${k} (M × N × K)`, flops: 2 * m * n * k, verify };
}

/** An item whose outputs must be these. */
function inference(title: string, flops: number, reference: () => Outputs): Work {
  const verify = (got: Outputs): number =>
    Math.max(...Object.entries(reference()).map(([name, want]) => relative(name, got[name], want, DEEP)));
  return { title, flops, verify };
}

/** An item whose draws must have the moments of these. */
function sampling(title: string, flops: number, dim: number, reference: () => ArrayLike<number>): Work {
  return { title, flops, verify: ({ draws }) => moments("draws", draws, reference(), dim, W4.draws) };
}

const flow = once(() => ({ draws: flowSample(W4.flowNoise()) }));
const manyFlow = once(() => flowSample(normals(4000 * 4, 51)));
const gauss = once(() => gaussianPosterior(W4.gaussNoise()));
const manyGauss = once(() => gaussianPosterior(normals(20000 * 2, 52)).draws);
const batch = once(() => {
  const [mean, diagonal, offDiagonal] = W1.nets.map((net) => netForward(W1.weights(), net, W4.batchData())[3]);
  return { mean, diagonal, offDiagonal };
});

/** Each item with its expected outputs. Output names: losses, weights; product; draws; mean, factor (d1, o, d2); raw nets. */
export const WORKS: { readonly [K in WorkId]: Work } = {
  W1Step: training("W1 Gaussian guide 3 × 600-20-10-{2,2,1}, training step, batch 32", w1Flops, W1, gaussianLoss),
  W2Step: training("W2 flow, 60 nets 4-100-100-2, training step, batch 2048", w2Flops, W2, flowLoss),
  W3_512: product("W3_512"),
  W3_1024: product("W3_1024"),
  W3_160x60x60: product("W3_160x60x60"),
  W3_32x20x600: product("W3_32x20x600"),
  W3_2048x100x100: product("W3_2048x100x100"),
  W4Flow: inference("W4 flow, 1 observation → 1000 draws, noise given", w2Flops * W4.draws, flow),
  W4FlowOwnNoise: sampling(
    "W4 flow, 1 observation → 1000 draws, the library's own noise",
    w2Flops * W4.draws,
    4,
    manyFlow,
  ),
  W4Gauss: inference("W4 Gaussian guide, 1 observation → mean, L, 1000 draws, noise given", w1Flops, gauss),
  W4GaussOwnNoise: sampling("W4 Gaussian guide, 1 observation → mean, L, 1000 draws, own noise", w1Flops, 2, manyGauss),
  W4Batch: inference("W4 10,000 observations through the nets of W1", w1Flops * W4.batchRows, batch),
};
