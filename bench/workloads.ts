// The work items of the benchmarks: shapes, seeded inputs and initial weights, and what the result must be, computed in
// plain f64 JavaScript. Every candidate, ours and the peers', gets exactly these numbers and is checked before it is
// timed. Weights come as one slab of dense layers (I+1, O), row I the bias.

import { moments, relative, type Outputs, type Work, type WorkId } from "./driver.ts";

/** Adam's constants, the same for all. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** A multilayer perceptron in a slab: its layer widths and where its weights begin. */
export interface Net { readonly sizes: readonly number[]; readonly offset: number }

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
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    out[i] = sd * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  }
  return out;
}

/** Nets of the given sizes, one after the other in a slab. */
function layNets(shapes: readonly (readonly number[])[]): Net[] {
  let offset = 0;
  return shapes.map((sizes) => {
    const net = { sizes, offset };
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
  return Float32Array.from(nets.flatMap((net) => layersOf(net).flatMap(({ inputs, outputs }) =>
    Array.from({ length: (inputs + 1) * outputs }, () => (2 * uniform() - 1) / Math.sqrt(inputs)))));
}

/** A function that computes once. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const gaussianNets = layNets([[600, 20, 10, 2], [600, 20, 10, 2], [600, 20, 10, 1]]);

/**
 * W1, the Gaussian guide alone: nets mean, diagonal (softplus) and off-diagonal of L = [[d1, 0], [o, d2]], ReLU.
 * One step is forward, backward and Adam of the negative log density of theta (32, 2) given y (32, 600):
 * mean(½|z|² + log d1 + log d2), z = L⁻¹(theta − mean).
 */
export const W1 = {
  batch: 32, data: 600, dim: 2, nets: gaussianNets, slope: 0, checkSteps: 3,
  // Small, so that thousands of timed steps on one batch end nowhere near an overflow; the cost is the same.
  learningRate: 1e-4,
  weights: once(() => initialWeights(gaussianNets, 11)),
  y: once(() => normals(32 * 600, 12)),
  theta: once(() => normals(32 * 2, 13)),
} as const;

const BLOCKS = 15;
const flowNets = layNets(Array.from({ length: BLOCKS * 4 }, () => [4, 100, 100, 2]));

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
 * W2, the paper's conditional RealNVP (arXiv 2305.20004, §6 of the design): D = 4, M = 2. Net 4b + 2c + k belongs to
 * block b, coupling c and kind k (0 log-scale, 1 shift); it reads two kept coordinates and y. Coupling 0 keeps
 * coordinates 0, 1 and moves 2, 3; coupling 1 the other way. Normalising: x ← (x − t) exp(−tanh s); after each block
 * but the last x ← x[permutation]. Loss: mean(½|z|² + Σ tanh s), which is −log q(theta | y) up to a constant.
 */
export const W2 = {
  batch: 2048, data: 2, dim: 4, blocks: BLOCKS, hidden: 100, nets: flowNets, slope: 0.01, checkSteps: 2,
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

/** W4, inference: every item takes JavaScript arrays and answers JavaScript arrays, as a user's call does. */
export const W4 = {
  draws: 1000,
  flowDatum: once(() => normals(2, 41)),
  flowNoise: once(() => normals(1000 * 4, 42)),
  gaussDatum: once(() => normals(600, 43)),
  gaussNoise: once(() => normals(1000 * 2, 44)),
  batchRows: 10000,
  batchData: once(() => normals(10000 * 600, 45)),
} as const;

/** Activations of each layer, the input first; `slope` is the leaky unit's (0: ReLU), the last layer is linear. */
function netForward(w: ArrayLike<number>, net: Net, slope: number, x: ArrayLike<number>): Float64Array[] {
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
    if (acts.length + 1 < net.sizes.length) for (let k = 0; k < out.length; k++) if (out[k] < 0) out[k] *= slope;
    acts.push(out);
  }
  return acts;
}

/** Adds the weights' gradient to `gradient` and answers the input's, given the output's. */
function netBackward(w: Float64Array, net: Net, slope: number, acts: Float64Array[], dOut: Float64Array,
  gradient: Float64Array): Float64Array {
  layersOf(net).reverse().forEach(({ inputs, outputs, at }, fromLast) => {
    const input = acts[acts.length - 2 - fromLast];
    const dIn = new Float64Array(input.length);
    const hidden = fromLast + 2 < acts.length;
    for (let r = 0; r * outputs < dOut.length; r++) {
      for (let i = 0; i < inputs; i++) {
        const xi = input[r * inputs + i];
        const row = at + i * outputs;
        let sum = 0;
        for (let o = 0; o < outputs; o++) {
          const d = dOut[r * outputs + o];
          gradient[row + o] += xi * d;
          sum += w[row + o] * d;
        }
        // The sign of an activation is the sign of what went into it.
        dIn[r * inputs + i] = hidden && xi <= 0 ? slope * sum : sum;
      }
      for (let o = 0; o < outputs; o++) gradient[at + inputs * outputs + o] += dOut[r * outputs + o];
    }
    dOut = dIn;
  });
  return dOut;
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** W1's loss; adds its gradient. */
function gaussianLoss(w: Float64Array, gradient: Float64Array): number {
  const theta = W1.theta();
  const acts = W1.nets.map((net) => netForward(w, net, W1.slope, W1.y()));
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
    dOff[r] = -g2 * z1 / W1.batch;
    dDiagonal[i] = (1 / d1 - g1 * z1) / (1 + Math.exp(-diagonal[i])) / W1.batch;
    dDiagonal[j] = (1 / d2 - g2 * z2) / (1 + Math.exp(-diagonal[j])) / W1.batch;
  }
  [dMean, dDiagonal, dOff].forEach((d, n) => netBackward(w, W1.nets[n], W1.slope, acts[n], d, gradient));
  return loss;
}

/** W4's Gaussian posterior of one datum: mean (2), factor (d1, o, d2), draws (S, 2). */
function gaussianPosterior(noise: Float32Array): { mean: Float64Array; factor: number[]; draws: Float64Array } {
  const [mean, diagonal, off] = W1.nets.map((net) => netForward(W1.weights(), net, W1.slope, W4.gaussDatum())[3]);
  const factor = [softplus(diagonal[0]), off[0], softplus(diagonal[1])];
  const draws = Float64Array.from(noise, (e, k) =>
    k % 2 === 0 ? mean[0] + factor[0] * e : mean[1] + factor[1] * noise[k - 1] + factor[2] * e);
  return { mean, factor, draws };
}

/** Inputs of a coupling's nets: the kept half of x (n, 4) beside y (n, 2). */
function kept(x: Float64Array, y: ArrayLike<number>, keep: number): Float64Array {
  return x.map((_, k) => (k % 4 < 2 ? x[k - k % 4 + keep + k % 4] : y[(k >> 2) * 2 + k % 4 - 2]));
}

/** W2's loss; adds its gradient. In chunks of rows, which stay in the cache. */
function flowLoss(w: Float64Array, gradient: Float64Array): number {
  let loss = 0;
  for (let from = 0; from < W2.batch; from += 64) loss += flowChunk(w, gradient, from, from + 64);
  return loss;
}

function flowChunk(w: Float64Array, gradient: Float64Array, from: number, to: number): number {
  const y = W2.y().subarray(from * 2, to * 2);
  let x = Float64Array.from(W2.theta().subarray(from * 4, to * 4));
  let loss = 0;
  const tape = Array.from({ length: 2 * W2.blocks }, (_, c) => {
    const keep = c % 2 === 0 ? 0 : 2;
    if (c > 0 && keep === 0) x = x.map((_, k) => x[k - k % 4 + W2.permutations[c / 2 - 1][k % 4]]);
    const acts = [0, 1].map((kind) => netForward(w, W2.nets[2 * c + kind], W2.slope, kept(x, y, keep)));
    const scale = acts[0][3].map(Math.tanh);
    for (let k = 0; k < scale.length; k++) {
      const at = (k >> 1) * 4 + 2 - keep + k % 2;
      x[at] = (x[at] - acts[1][3][k]) * Math.exp(-scale[k]);
      loss += scale[k] / W2.batch;
    }
    return { keep, acts, scale, x: x.slice() };
  });
  for (const z of x) loss += 0.5 * z * z / W2.batch;
  let dx = x.map((z) => z / W2.batch);
  for (let c = tape.length - 1; c >= 0; c--) {
    const { keep, acts, scale, x: z } = tape[c];
    const [dScale, dShift] = [new Float64Array(scale.length), new Float64Array(scale.length)];
    for (let k = 0; k < scale.length; k++) {
      const at = (k >> 1) * 4 + 2 - keep + k % 2;
      dScale[k] = (1 / W2.batch - dx[at] * z[at]) * (1 - scale[k] ** 2);
      dx[at] *= Math.exp(-scale[k]);
      dShift[k] = -dx[at];
    }
    [dScale, dShift].forEach((d, kind) => {
      const dIn = netBackward(w, W2.nets[2 * c + kind], W2.slope, acts[kind], d, gradient);
      for (let k = 0; k < d.length; k++) dx[(k >> 1) * 4 + keep + k % 2] += dIn[(k >> 1) * 4 + k % 2];
    });
    if (c > 0 && keep === 0) {
      const back = new Float64Array(dx.length);
      for (let k = 0; k < dx.length; k++) back[k - k % 4 + W2.permutations[c / 2 - 1][k % 4]] = dx[k];
      dx = back;
    }
  }
  return loss;
}

/** Draws (S, 4) of W2's flow for W4's datum, from base noise (S, 4): the couplings backwards. */
function flowSample(noise: Float32Array): Float64Array {
  let x = Float64Array.from(noise);
  const y = Float64Array.from({ length: noise.length / 2 }, (_, k) => W4.flowDatum()[k % 2]);
  for (let c = 2 * W2.blocks - 1; c >= 0; c--) {
    const keep = c % 2 === 0 ? 0 : 2;
    const [s, t] = [0, 1].map((kind) => netForward(W2.weights(), W2.nets[2 * c + kind], W2.slope, kept(x, y, keep))[3]);
    for (let k = 0; k < s.length; k++) {
      const at = (k >> 1) * 4 + 2 - keep + k % 2;
      x[at] = x[at] * Math.exp(Math.tanh(s[k])) + t[k];
    }
    if (c > 0 && keep === 0) {
      const back = new Float64Array(x.length);
      for (let k = 0; k < x.length; k++) back[k - k % 4 + W2.permutations[c / 2 - 1][k % 4]] = x[k];
      x = back;
    }
  }
  return x;
}

/** Losses before each of the first steps and the weights after the last of them, in f64. */
function trained(w: typeof W1 | typeof W2, loss: (weights: Float64Array, gradient: Float64Array) => number): Outputs {
  const weights = Float64Array.from(w.weights());
  const m = new Float64Array(weights.length);
  const v = new Float64Array(weights.length);
  const losses = Array.from({ length: w.checkSteps }, (_, step) => {
    const gradient = new Float64Array(weights.length);
    const value = loss(weights, gradient);
    const { beta1, beta2, epsilon } = ADAM;
    for (let i = 0; i < weights.length; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * gradient[i];
      v[i] = beta2 * v[i] + (1 - beta2) * gradient[i] ** 2;
      const vHat = v[i] / (1 - beta2 ** (step + 1));
      weights[i] -= w.learningRate * m[i] / (1 - beta1 ** (step + 1)) / (Math.sqrt(vHat) + epsilon);
    }
    return value;
  });
  return { losses, weights };
}

// Forward error of f32 sums of n terms grows like √n·6e-8 to n·6e-8: 1e-5 allows for the longest here (1024).
const PRODUCT = 1e-5;
// A flow is 30 couplings deep, each with factors exp(±tanh s); f32 engines differ by a few 1e-6, an error by > 1e-2.
const DEEP = 1e-4;
// Adam's first steps are ±lr for any gradient, so rounding may turn the sign of a near-zero one: judged by the norm.
const UPDATE = 2e-2;

function training(title: string, flops: number, w: typeof W1 | typeof W2, reference: () => Outputs): Work {
  return {
    title, flops,
    verify: (got) => Math.max(relative("losses", got.losses, reference().losses, DEEP),
      relative("weights", got.weights, reference().weights, UPDATE, w.weights())),
  };
}

const product = (id: string): Work => ({
  title: `product ${W3[id].m} × ${W3[id].n} × ${W3[id].k} (M × N × K)`,
  flops: 2 * W3[id].m * W3[id].n * W3[id].k,
  verify(got) {
    const { m, n, k } = W3[id];
    const { a, b } = operands(W3[id]);
    const c = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      const row = c.subarray(i * n, i * n + n);
      for (let l = 0; l < k; l++) {
        const ail = a[i * k + l];
        for (let j = 0; j < n; j++) row[j] += ail * b[l * n + j];
      }
    }
    return relative("product", got.product, c, PRODUCT);
  },
});

const w1Flops = 2 * 36745;
const w2Flops = 2 * 648120;
const reference = {
  w1: once(() => trained(W1, gaussianLoss)),
  w2: once(() => trained(W2, flowLoss)),
  flow: once(() => flowSample(W4.flowNoise())),
  flowMany: once(() => flowSample(normals(4000 * 4, 51))),
  gauss: once(() => gaussianPosterior(W4.gaussNoise())),
  gaussMany: once(() => gaussianPosterior(normals(20000 * 2, 52)).draws),
};

/** What each item is and must give. Output names: losses, weights; product; draws; mean, factor (d1, o, d2); raw nets. */
export const WORKS: { readonly [K in WorkId]: Work } = {
  W1Step: training("W1 Gaussian guide 3 × 600-20-10-{2,2,1}, batch 32: one training step",
    3 * w1Flops * W1.batch, W1, reference.w1),
  W2Step: training("W2 flow, 60 nets 4-100-100-2, batch 2048: one training step",
    3 * w2Flops * W2.batch, W2, reference.w2),
  W3_512: product("W3_512"),
  W3_1024: product("W3_1024"),
  W3_160x60x60: product("W3_160x60x60"),
  W3_32x20x600: product("W3_32x20x600"),
  W3_2048x100x100: product("W3_2048x100x100"),
  W4Flow: {
    title: "W4 flow, 1 datum → 1000 draws, noise given", flops: w2Flops * W4.draws,
    verify: (got) => relative("draws", got.draws, reference.flow(), DEEP),
  },
  W4FlowOwnNoise: {
    title: "W4 flow, 1 datum → 1000 draws, the library's own noise", flops: w2Flops * W4.draws,
    verify: (got) => moments("draws", got.draws, reference.flowMany(), W2.dim, W4.draws),
  },
  W4Gauss: {
    title: "W4 Gaussian guide, 1 datum → mean, L, 1000 draws, noise given", flops: w1Flops,
    verify: (got) => Math.max(...(["mean", "factor", "draws"] as const)
      .map((name) => relative(name, got[name], reference.gauss()[name], DEEP))),
  },
  W4GaussOwnNoise: {
    title: "W4 Gaussian guide, 1 datum → mean, L, 1000 draws, the library's own noise", flops: w1Flops,
    verify: (got) => Math.max(relative("mean", got.mean, reference.gauss().mean, DEEP),
      moments("draws", got.draws, reference.gaussMany(), W1.dim, W4.draws)),
  },
  W4Batch: {
    title: "W4 10,000 data through the three nets of W1", flops: w1Flops * W4.batchRows,
    verify: (got) => Math.max(...(["mean", "diagonal", "offDiagonal"] as const).map((name, i) => relative(name, got[name],
      netForward(W1.weights(), W1.nets[i], 0, W4.batchData())[3], DEEP))),
  },
};
