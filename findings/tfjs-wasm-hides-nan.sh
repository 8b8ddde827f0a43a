#!/usr/bin/env bash
# TensorFlow.js on its WebAssembly backend: a network whose weights are NaN answers numbers. A product fused with a ReLU turns NaN into 0;
# the ReLU alone does not, nor does the CPU backend. And maximum(a, b) depends on the order of its arguments.
#
# Versions   @tensorflow/tfjs-core, -layers, -backend-cpu and -backend-wasm 4.22.0 from npm.
# Behaviour  On "wasm", tf.relu(NaN) is NaN; tf.fused.matMul with activation "relu" answers 0 for it, so do relu6 and clipByValue
#            (its lower bound). Dense layers use the fused product in predict(), so a model that has diverged predicts the biases of the
#            layer after its last ReLU, the same for every input. tf.maximum(1, NaN) is 1 and tf.maximum(NaN, 1) is NaN.
# Seen       cpu   relu NaN  fused relu NaN  clip NaN  maximum NaN,NaN  model NaN
#            wasm  relu NaN  fused relu 0  clip 0  maximum 1,NaN  model 7
# A guess    NaN goes through arithmetic, which is why one looks at the outputs to see whether training has diverged; backends of one
#            library agree up to rounding; and fusing is an optimisation, not another function.
#
# Ends with 0 as long as this holds. Needs npm and Node.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true,"type":"module"}' >package.json
packages=()
for name in core layers backend-cpu backend-wasm; do packages+=("@tensorflow/tfjs-$name@4.22.0"); done
npm install --no-audit --no-fund --silent "${packages[@]}"

cat >nan.js <<'JS'
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { layers, sequential } from "@tensorflow/tfjs-layers";
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
setWasmPaths(`${dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"))}/`);

async function look(backend) {
  await tf.setBackend(backend);
  await tf.ready();
  const nan = tf.tensor2d([[NaN]]);
  const model = sequential();
  model.add(layers.dense({ units: 3, inputShape: [2], activation: "relu" }));
  model.add(layers.dense({ units: 1 }));
  model.setWeights([tf.fill([2, 3], NaN), tf.zeros([3]), tf.ones([3, 1]), tf.tensor1d([7])]);
  const read = (x) => x.dataSync().join();
  const seen = [
    `relu ${read(tf.relu(nan))}`,
    `fused relu ${read(tf.fused.matMul({ a: nan, b: tf.tensor2d([[1]]), activation: "relu" }))}`,
    `clip ${read(tf.clipByValue(nan, 0, 1))}`,
    `maximum ${read(tf.maximum(tf.tensor1d([1, NaN]), tf.tensor1d([NaN, 1])))}`,
    `model ${read(model.predict(tf.tensor2d([[1, 2]])))}`,
  ].join("  ");
  console.log(backend.padEnd(4), seen);
  return seen;
}
const wanted = {
  cpu: "relu NaN  fused relu NaN  clip NaN  maximum NaN,NaN  model NaN",
  wasm: "relu NaN  fused relu 0  clip 0  maximum 1,NaN  model 7",
};
for (const [backend, line] of Object.entries(wanted)) {
  if ((await look(backend)) !== line) throw new Error(`changed: expected ${line}`);
}
JS
node nan.js 2>&1 | grep -vE '^ *$|^=+|Hi, looks like'
