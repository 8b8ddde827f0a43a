// The flow W2 in TensorFlow.js without a single column slice or concatenation: coordinates stay in their places and the
// permutations move into the weights. In training a net reads all of (x, y) (B, 6), with zero weights from what its
// coupling moves, and writes six columns, zero for what it keeps; those zeros stay zero by a mask on the gradient.
// In sampling it reads x (S, 4) and y comes in as the bias. (60 nets as they stand, with splits: 1.4 times slower.)

import * as tf from "@tensorflow/tfjs";
import { W2 } from "../workloads.ts";
import { backward, cut, forward, trainer, transpose } from "./dense.ts";
import { FLOW_NET, FLOW_SIZES, flowPadding, frames, padded, unpadded } from "./padding.ts";

/** The training step of W2. */
export function flowTrainer() {
  const { batch, slope } = W2;
  const [theta, y] = [W2.theta(), W2.y()];
  const input = tf.tensor2d(
    Float32Array.from({ length: batch * 6 }, (_, k) =>
      k % 6 < 4 ? theta[Math.floor(k / 6) * 4 + (k % 6)] : y[Math.floor(k / 6) * 2 + (k % 6) - 4],
    ),
    [batch, 6],
  );
  const ones = tf.ones<tf.Rank.R2>([1, batch]);
  const slopes = tf.fill<tf.Rank.R1>([W2.hidden], slope);
  const ySquares = y.reduce((sum, v) => sum + v * v, 0);
  const step = trainer(
    padded(W2.weights(), flowPadding),
    padded(new Float32Array(flowPadding.index.length).fill(1), flowPadding),
    W2.nets.length,
    W2.learningRate,
    (weights) => {
      const nets = weights.map((flat) => cut(flat, FLOW_SIZES));
      let u: tf.Tensor2D = input;
      const tape = Array.from({ length: 2 * W2.blocks }, (_, c) => {
        const s = forward(nets[2 * c], u, slopes);
        const t = forward(nets[2 * c + 1], u, slopes);
        const scale = tf.tanh(s[3]);
        const shrink = tf.exp(tf.neg(scale));
        const before = u;
        u = tf.mul(tf.sub(u, t[3]), shrink);
        return { before, s, t, scale, shrink, after: u };
      });
      const scales = tf.sum(tf.addN(tape.map(({ scale }) => scale)));
      const loss = tf.mul(tf.add(tf.mul(tf.sub(tf.sum(tf.square(u)), ySquares), 0.5), scales), 1 / batch);
      const parts: tf.Tensor1D[][] = [];
      let du = tf.mul(u, 1 / batch);
      for (let c = tape.length - 1; c >= 0; c--) {
        const { before, s, t, scale, shrink, after } = tape[c];
        const dScale = tf.sub(1 / batch, tf.mul(du, after));
        const ds: tf.Tensor2D = tf.mul(dScale, tf.sub(1, tf.square(scale)));
        const inputT: tf.Tensor2D = tf.concat([transpose(before), ones], 0);
        du = tf.mul(du, shrink);
        const dt = tf.mul<tf.Tensor2D>(du, -1);
        const toScale = backward(nets[2 * c], s, inputT, ones, ds, slope, c > 0);
        const toShift = backward(nets[2 * c + 1], t, inputT, ones, dt, slope, c > 0);
        if (c > 0) du = tf.addN([du, toScale.dIn as tf.Tensor2D, toShift.dIn as tf.Tensor2D]);
        parts.unshift(toScale.gradients, toShift.gradients);
      }
      return { loss, parts };
    },
  );
  return {
    step: step.step,
    weights: () => unpadded(step.weights(), flowPadding),
    dispose() {
      step.dispose();
      tf.dispose([input, ones, slopes]);
    },
  };
}

/** A function from one observation (2) and base noise (S, 4), or their number, to draws (S, 4). */
export function flowSampler(slab: Float32Array) {
  const flat = padded(slab, flowPadding);
  const { nets, firstY, firstBias } = tf.tidy(() => {
    const all = W2.nets.map((_, n) => cut(tf.tensor1d(flat.slice(n * FLOW_NET, (n + 1) * FLOW_NET)), FLOW_SIZES));
    return {
      nets: all.map(([w1, , w2, b2, w3, b3]) => [
        tf.slice(w1, [0, 0], [4, W2.hidden]),
        w2.clone(),
        b2.clone(),
        tf.slice(w3, [0, 0], [W2.hidden, 4]),
        tf.slice(b3, [0], [4]),
      ]),
      firstY: tf.concat(
        all.map(([w1]) => tf.slice(w1, [4, 0], [2, W2.hidden])),
        1,
      ) as tf.Tensor2D,
      firstBias: tf.concat(all.map(([, b1]) => b1)),
    };
  });
  const slopes = tf.fill<tf.Rank.R1>([W2.hidden], W2.slope);
  // Noise is in the coordinates of the last block; a product with this matrix puts it into place.
  const toPlace = tf.tensor2d(
    Float32Array.from({ length: 16 }, (_, k) => (frames[W2.blocks - 1][k >> 2] === k % 4 ? 1 : 0)),
    [4, 4],
  );
  return {
    draw(observation: Float32Array, noise: Float32Array | number): Float32Array {
      const draws = tf.tidy(() => {
        let x: tf.Tensor2D = tf.matMul(
          typeof noise === "number"
            ? tf.randomNormal<tf.Rank.R2>([noise, 4])
            : tf.tensor2d(noise, [noise.length / 4, 4]),
          toPlace,
        );
        const first = tf.fused
          .matMul({ a: tf.tensor2d(observation, [1, 2]), b: firstY, bias: firstBias })
          .reshape([W2.nets.length * W2.hidden]);
        const biases = tf.split(first, W2.nets.length);
        const net = (n: number): tf.Tensor2D => {
          const [w1, ...rest] = nets[n];
          return forward([w1, biases[n], ...rest], x, slopes)[3];
        };
        for (let c = 2 * W2.blocks - 1; c >= 0; c--) {
          const stretched: tf.Tensor2D = tf.mul(x, tf.exp(tf.tanh(net(2 * c))));
          x = tf.add(stretched, net(2 * c + 1));
        }
        return x;
      });
      const values = draws.dataSync<"float32">();
      draws.dispose();
      return values;
    },
    dispose: () => tf.dispose([nets.flat(), firstY, firstBias, slopes, toPlace]),
  };
}
