#!/usr/bin/env bash
# jax-js: an array whose entries are all equal is computed in double precision, any other array in float32; so softplus of [89, 89] is
# [89, 89] and softplus of [89, 90] is [Infinity, Infinity].
#
# Versions   @jax-js/jax 0.1.25 from npm, device "wasm".
# Behaviour  np.array and np.full keep equal entries as one constant, and chains of elementwise functions of constants are folded by
#            JavaScript's double arithmetic before anything runs. With entries that differ the kernel computes in float32, and the same
#            function, nn.softplus, overflows: it is log(1 + e^x) as written, where jax.nn.softplus is logaddexp(x, 0). Beneath jit,
#            where arguments are no constants, equal entries overflow too.
# Seen       softplus [89, 89]           89,89
#            softplus [89, 90]           Infinity,Infinity
#            jit(softplus) [89, 89]      Infinity,Infinity
#            gradient at [89, 89]        1,1
#            gradient at [89, 90]        NaN,NaN
#            logSigmoid [-100, -100]     -100,-100
#            logSigmoid [-100, -99]      -Infinity,-Infinity
# A guess    A library with one float type gives an entry the same result whatever stands beside it, and eager and jitted code agree up
#            to rounding. Who tries an edge case, "does softplus overflow?", does it with one number or np.full and sees that it does
#            not; with data, one unit beyond 88 makes the loss infinite and, by the gradient, all weights NaN.
#
# Ends with 0 as long as this holds. Needs npm and Node.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true,"type":"module"}' >package.json
npm install --no-audit --no-fund --silent @jax-js/jax@0.1.25

cat >equal.js <<'JS'
import { defaultDevice, grad, init, jit, nn, numpy as np } from "@jax-js/jax";
await init("wasm");
defaultDevice("wasm");
const softplus = (x) => nn.softplus(x);
const slope = grad((x) => nn.softplus(x).sum());
const rows = [
  ["softplus [89, 89]", softplus, [89, 89], "89,89"],
  ["softplus [89, 90]", softplus, [89, 90], "Infinity,Infinity"],
  ["jit(softplus) [89, 89]", jit(softplus), [89, 89], "Infinity,Infinity"],
  ["gradient at [89, 89]", slope, [89, 89], "1,1"],
  ["gradient at [89, 90]", slope, [89, 90], "NaN,NaN"],
  ["logSigmoid [-100, -100]", nn.logSigmoid, [-100, -100], "-100,-100"],
  ["logSigmoid [-100, -99]", nn.logSigmoid, [-100, -99], "-Infinity,-Infinity"],
];
for (const [name, f, x, wanted] of rows) {
  const got = [...(await f(np.array(x)).data())].join();
  console.log(name.padEnd(26), got);
  if (got !== wanted) throw new Error(`changed: expected ${wanted}`);
}
JS
node equal.js
