#!/usr/bin/env bash
# ml-levenberg-marquardt: one weight for all data, which cannot move a least-squares fit, stops it: with 2 the answer is the initial guess.
#
# Versions   ml-levenberg-marquardt 5.1.0 from npm, with its ml-matrix 6.15.1.
# Behaviour  The error that is reported and the gradient hold w² r²; the approximation of the Hessian holds JᵀJ / w². A step is
#            therefore w⁴ times too long. From w = 2 on every step overshoots, is counted as a failure and the damping, which is added
#            to the small Hessian, never makes up for it; with w = 0.1 steps are so short that a thousand do not arrive. Neither throws
#            or warns, and `iterations` is the limit in good fits too, because only an error of 1e-7 ends them.
# Seen       weights 1     slope 2.0606  intercept 0.7273  iterations 1000
#            weights 0.5   slope 2.0606  intercept 0.7273  iterations 1000
#            weights 0.1   slope 1.1009  intercept 0.0692  iterations 1000
#            weights 2     slope 1.0000  intercept 0.0000  iterations 1000
#            weights 10    slope 1.0000  intercept 0.0000  iterations 1000
# A guess    The model is a straight line, so Gauss-Newton arrives in one step, whatever the guess; a common factor of all weights
#            cancels. Weights are often reciprocal standard deviations, hence 10 or 100 for good data: the fit then returns its
#            initial values without a word. Scale the weights so that their mean is 1, and compare the answer with the guess.
#
# Ends with 0 as long as this holds. Needs npm and Node.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true,"type":"module"}' >package.json
npm install --no-audit --no-fund --silent ml-levenberg-marquardt@5.1.0 ml-matrix@6.15.1

cat >line.js <<'JS'
import { levenbergMarquardt } from "ml-levenberg-marquardt";
const x = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const y = x.map((v, i) => 2 * v + 1 + (i % 2 ? 1 : -1));
for (const weights of [1, 0.5, 0.1, 2, 10]) {
  const line = ([slope, intercept]) => (v) => slope * v + intercept;
  const { parameterValues: [slope, intercept], iterations } = levenbergMarquardt({ x, y }, line, {
    initialValues: [1, 0],
    maxIterations: 1000,
    weights,
  });
  console.log(
    `weights ${weights}`.padEnd(13),
    `slope ${slope.toFixed(4)}  intercept ${intercept.toFixed(4)}  iterations ${iterations}`,
  );
}
JS
node line.js | tee seen
cat >wanted <<'TXT'
weights 1     slope 2.0606  intercept 0.7273  iterations 1000
weights 0.5   slope 2.0606  intercept 0.7273  iterations 1000
weights 0.1   slope 1.1009  intercept 0.0692  iterations 1000
weights 2     slope 1.0000  intercept 0.0000  iterations 1000
weights 10    slope 1.0000  intercept 0.0000  iterations 1000
TXT
diff wanted seen
