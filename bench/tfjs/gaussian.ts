// The Gaussian guide W1 in TensorFlow.js: the three nets are one net 600-60-30-5 with block-diagonal weights, whose zeros
// stay zero by a mask on the gradient: nine products a step instead of twenty-seven.

import * as tf from "@tensorflow/tfjs";
import type { Outputs } from "../driver.ts";
import { W1 } from "../workloads.ts";
import { backward, cut, forward, type Pieces, trainer } from "./dense.ts";
import { GAUSSIAN_SIZES, gaussianPadding, padded, unpadded } from "./padding.ts";

/** The training step of W1. */
export function gaussianTrainer() {
  const { batch } = W1;
  const y = tf.tensor2d(W1.y(), [batch, 600]);
  const thetaT = tf.tidy(() => tf.transpose(tf.tensor2d(W1.theta(), [batch, 2])));
  const ones = tf.ones<tf.Rank.R2>([1, batch]);
  const step = trainer(
    padded(W1.weights(), gaussianPadding),
    padded(new Float32Array(gaussianPadding.index.length).fill(1), gaussianPadding),
    1,
    W1.learningRate,
    ([weights]) => {
      const net = cut(weights, GAUSSIAN_SIZES);
      const acts = forward(net, y);
      // Rows of the transposed output: mean (2, B), diagonal (2, B), off-diagonal (1, B).
      const [mean, raw, off] = tf.split(tf.transpose(acts[3]), [2, 2, 1]);
      const d = tf.softplus(raw);
      const [d1, d2] = tf.split(d, 2);
      const [e1, e2] = tf.split(tf.sub(thetaT, mean), 2);
      const z1 = tf.div(e1, d1);
      const z2 = tf.div(tf.sub(e2, tf.mul(off, z1)), d2);
      const g2 = tf.div(z2, d2);
      const g1 = tf.div(tf.sub(z1, tf.mul(off, g2)), d1);
      const z = tf.concat([z1, z2], 0);
      const g = tf.concat([g1, g2], 0);
      const loss = tf.mul(tf.sum(tf.add(tf.mul(tf.square(z), 0.5), tf.log(d))), 1 / batch);
      const dRaw = tf.mul(tf.sub(tf.reciprocal(d), tf.mul(g, z)), tf.sigmoid(raw));
      const dOut = tf.transpose(tf.concat([tf.neg(g), dRaw, tf.neg(tf.mul(g2, z1))], 0));
      const inputT: tf.Tensor2D = tf.concat([tf.transpose(y), ones], 0);
      const { gradients } = backward(net, acts, inputT, ones, tf.mul(dOut, 1 / batch), 0, false);
      return { loss, parts: [gradients] };
    },
  );
  return {
    step: step.step,
    weights: () => unpadded(step.weights(), gaussianPadding),
    dispose() {
      step.dispose();
      tf.dispose([y, thetaT, ones]);
    },
  };
}

/** The nets with fixed weights; the pieces are the caller's to dispose of. */
export function gaussianNets(): Pieces {
  return tf.tidy(() => cut(tf.tensor1d(padded(W1.weights(), gaussianPadding)), GAUSSIAN_SIZES));
}

/**
 * Mean (2), factor (d1, o, d2) and draws (S, 2) for one observation (600) and noise (S, 2); runs inside a tidy. The five
 * outputs of the nets become the factor in JavaScript: as tensors they take twice as long as all the rest.
 */
export function gaussianPosterior(net: Pieces, y: tf.Tensor2D, noise: tf.Tensor2D): Outputs {
  const [m1, m2, r1, r2, off] = forward(net, y)[3].dataSync();
  const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const [d1, d2] = [softplus(r1), softplus(r2)];
  // draws = noise · Lᵀ + mean, Lᵀ = [[d1, o], [0, d2]]
  const lT = tf.tensor2d([d1, off, 0, d2], [2, 2]);
  const draws = tf.fused.matMul({ a: noise, b: lT, bias: tf.tensor1d([m1, m2]) });
  return { mean: [m1, m2], factor: [d1, off, d2], draws: draws.dataSync() };
}
