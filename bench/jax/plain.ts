// The work items in jax-js as its guides write them: parameters as a tree of { w, b }, a loss, and one jitted step of
// valueAndGrad and Adam by tree.map. index.ts is the same with weights packed and joined by hand.

import { jit, nn, numpy as np, random, type Array as Tensor, tree, valueAndGrad } from "@jax-js/jax";
import type { Peer, Prepared } from "../driver.ts";
import { ADAM, layersOf, type Net, W1, W2, W4 } from "../workloads.ts";
import { tensor } from "./flow.ts";
import { inference, products, read, start, training, version } from "./index.ts";

/** A dense layer: w (I, O) and b (O). */
type Layer = { w: Tensor; b: Tensor };
/** The layers of each net. */
type Params = Layer[][];
type Activation = (x: Tensor) => Tensor;

/** The tree of a slab of weights. */
function paramsFrom(nets: readonly Net[], slab: Float32Array): Params {
  return nets.map((net) =>
    layersOf(net).map(({ inputs, outputs, at }) => {
      const last = at + inputs * outputs;
      return { w: tensor(slab.slice(at, last), [inputs, outputs]), b: tensor(slab.slice(last, last + outputs), [outputs]) };
    }),
  );
}

/** The slab again; the parameters stay. */
async function slabFrom(params: Params): Promise<Float32Array> {
  const parts = params.flat().flatMap(({ w, b }) => [w.ref.data(), b.ref.data()]);
  return Float32Array.from((await Promise.all(parts)).flatMap((part) => [...part]));
}

/** A net's outputs (B, O) from its inputs (B, I); the last layer is linear. */
function apply(net: Layer[], x: Tensor, activation: Activation): Tensor {
  return net.reduce((h, { w, b }, l) => {
    const z = np.matmul(h, w).add(b);
    return l + 1 < net.length ? activation(z) : z;
  }, x);
}

/** Training: `step` answers the loss and moves the state. */
function trainer(w: typeof W1 | typeof W2, loss: (params: Params, theta: Tensor, y: Tensor) => Tensor) {
  const { beta1, beta2, epsilon } = ADAM;
  const update = jit((params: Params, m: Params, v: Params, rate1: Tensor, rate2: Tensor, theta: Tensor, y: Tensor) => {
    const [value, gradient] = valueAndGrad(loss)(tree.ref(params), theta, y);
    const newM: Params = tree.map((m: Tensor, g: Tensor) => m.mul(beta1).add(g.mul(1 - beta1)), m, tree.ref(gradient));
    const newV: Params = tree.map((v: Tensor, g: Tensor) => v.mul(beta2).add(np.square(g).mul(1 - beta2)), v, gradient);
    const newParams: Params = tree.map(
      (p: Tensor, m: Tensor, v: Tensor) =>
        p.sub(m.mul(rate1.ref).div(np.sqrt(v.mul(rate2.ref)).add(epsilon))),
      params,
      tree.ref(newM),
      tree.ref(newV),
    );
    tree.dispose([rate1, rate2]);
    return [value, newParams, newM, newV] as [Tensor, Params, Params, Params];
  });
  const theta = tensor(w.theta(), [w.batch, w.dim]);
  const y = tensor(w.y(), [w.batch, w.data]);
  let params = paramsFrom(w.nets, w.weights());
  let m: Params = tree.map((p: Tensor) => np.zeros(p.shape), params);
  let v: Params = tree.map((p: Tensor) => np.zeros(p.shape), params);
  let t = 0;
  return {
    async step(): Promise<number> {
      t += 1;
      let value: Tensor;
      const [rate1, rate2] = [w.learningRate / (1 - beta1 ** t), 1 / (1 - beta2 ** t)];
      [value, params, m, v] = update(params, m, v, rate1, rate2, theta.ref, y.ref);
      return (await read(value))[0];
    },
    slab: () => slabFrom(params),
    dispose: () => tree.dispose([params, m, v, theta, y]),
  };
}
