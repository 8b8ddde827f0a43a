#!/usr/bin/env bash
# onnxruntime-web: Sigmoid(x) is exactly 0 from x = -18 downwards, and noise before that; its Softplus and Exp are right there.
#
# Versions   onnxruntime-web 1.30.0 from npm, execution provider "wasm", one thread, opset 17, float32.
# Behaviour  The error of Sigmoid is absolute, up to 1.1e-7, not relative. At -10 it is 4.6e-4 of the value; between -15 and -18 the
#            answers are 0, 3e-8 or 9e-8 in no order; from -18 downwards they are 0, where float32 has room down to 1e-38. So
#            log(Sigmoid(x)) is -Infinity at -20 and -Softplus(-x), the same function, is -20.
# Seen       x = -10  Sigmoid 0.000045418739318847656  wanted 0.000045397868702434395  Softplus 0.000045398901420412585
#            x = -20  Sigmoid 0  wanted 2.0611536181902037e-9  Softplus 2.06115369216775e-9
# A guess    One expects 1 on the right, where it is the nearest float32, and full relative accuracy on the left, where floats are
#            densest and where 1 / (1 + e^-x) has it. The kernel is an approximation around 1/2 of a clamped x. Bernoulli
#            likelihoods, gates and mixture weights of a model that was trained elsewhere meet this only at inference.
#
# Ends with 0 as long as this holds. Needs npm and Node.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true,"type":"module"}' >package.json
npm install --no-audit --no-fund --silent onnxruntime-web@1.30.0

cat >sigmoid.js <<'JS'
import * as ort from "onnxruntime-web";
ort.env.wasm.numThreads = 1;

// A model of one node, y = op(x), as ONNX writes it: protocol buffers, by hand.
const name = (s) => [...Buffer.from(s)];
const number = (field, n) => [field << 3, n];
const part = (field, bytes) => [(field << 3) | 2, bytes.length, ...bytes];
const vector = (s) => [
  ...part(1, name(s)),
  ...part(2, part(1, [...number(1, 1), ...part(2, part(1, part(2, name("N"))))])), // float32, one dimension N
];
const model = (op) => [
  ...number(1, 8), // version of the format
  ...part(7, [
    ...part(1, [...part(1, name("x")), ...part(2, name("y")), ...part(4, name(op))]),
    ...part(2, name("g")),
    ...part(11, vector("x")),
    ...part(12, vector("y")),
  ]),
  ...part(8, number(2, 17)), // opset
];
async function run(op, x) {
  const session = await ort.InferenceSession.create(Uint8Array.from(model(op)), { executionProviders: ["wasm"] });
  return (await session.run({ x: new ort.Tensor("float32", x, [x.length]) })).y.data;
}

const x = Float32Array.of(-10, -20, -30, -5, 5);
const [sigmoid, softplus] = [await run("Sigmoid", x), await run("Softplus", x)];
const wanted = Array.from(x, (v) => 1 / (1 + Math.exp(-v)));
x.forEach((v, i) => console.log(`x = ${v}  Sigmoid ${sigmoid[i]}  wanted ${wanted[i]}  Softplus ${softplus[i]}`));
const off = (value, i) => Math.abs(value - wanted[i]) / wanted[i];
const holds = [
  sigmoid[1] === 0 && sigmoid[2] === 0,
  off(sigmoid[0], 0) > 1e-4,
  off(sigmoid[4], 4) < 1e-6,
  Math.abs(softplus[1] / Math.log1p(Math.exp(-20)) - 1) < 1e-6,
];
if (!holds.every(Boolean)) throw new Error(`changed: ${holds}`);
JS
node sigmoid.js
