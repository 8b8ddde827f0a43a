#!/usr/bin/env bash
# numeric: the sparse LU solver answers wrong numbers, without an error, for invertible matrices as small as 2 × 2.
#
# Versions   numeric 1.2.6 (Numeric Javascript) from npm.
# Behaviour  Where ccsLUP exchanges rows, ccsLUPSolve leaves out divisions by pivots. For
#            A = [[0, 2], [3, 0]] and b = [1, 2] it answers x = [2, 0.5]; A·x is [1, 6]. The dense numeric.solve of the same package
#            answers [0.667, 0.5]. Of random sparse matrices with entries 0 to 3 about a quarter (2 × 2) to two thirds (4 × 4) go wrong.
#            Matrices whose pivots stay on the diagonal, such as diagonally dominant ones, come out right.
# Seen       sparse 2,0.5  dense 0.6666666666666666,0.5
#            wrong of 1000 invertible matrices: 2 × 2 227, 3 × 3 447, 4 × 4 644
#            wrong of 1000 diagonally dominant ones: 0
# A guess    The package is the classic of numerical JavaScript, the function is documented with an example, and the example works:
#            matrices of ones and zeros, or with dominant diagonals, hide it. No pivot is zero or small, so no warning is due either.
#            Check the residual, or use the dense solver.
#
# Ends with 0 as long as this holds. Needs npm and Node.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' >package.json
npm install --no-audit --no-fund --silent numeric@1.2.6

cat >solve.cjs <<'JS'
const numeric = require("numeric");
const sparse = (A, b) => numeric.ccsLUPSolve(numeric.ccsLUP(numeric.ccsSparse(A)), b);
const A = [[0, 2], [3, 0]];
const [x, wanted] = [sparse(A, [1, 2]), numeric.solve(A, [1, 2])];
console.log(`sparse ${x}  dense ${wanted}`);

let state = 7; // of Lehmer's generator
const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
const counts = [2, 3, 4].map((n) => {
  let wrong = 0;
  for (let tried = 0; tried < 1000; ) {
    const M = Array.from({ length: n }, () => Array.from({ length: n }, () => (uniform() < 0.5 ? 0 : 1 + Math.floor(uniform() * 3))));
    if (Math.abs(numeric.det(M)) < 0.5) continue; // determinants are whole numbers: singular
    tried++;
    const b = M.map((_, i) => i + 1);
    const residual = numeric.sub(numeric.dot(M, sparse(M, b)), b);
    if (!(numeric.norminf(residual) < 1e-9)) wrong++;
  }
  return wrong;
});
console.log(`wrong of 1000 invertible matrices: 2 × 2 ${counts[0]}, 3 × 3 ${counts[1]}, 4 × 4 ${counts[2]}`);

let dominant = 0;
for (let t = 0; t < 1000; t++) {
  const M = Array.from({ length: 4 }, (_, i) => Array.from({ length: 4 }, (_, j) => (i === j ? 9 : uniform() < 0.5 ? 0 : 2 * uniform())));
  if (!(numeric.norminf(numeric.sub(numeric.dot(M, sparse(M, [1, 2, 3, 4])), [1, 2, 3, 4])) < 1e-9)) dominant++;
}
console.log(`wrong of 1000 diagonally dominant ones: ${dominant}`);
const holds = [x[0] === 2, Math.abs(wanted[0] - 2 / 3) < 1e-12, counts.every((c) => c > 100), dominant === 0];
if (!holds.every(Boolean)) throw new Error(`changed: ${holds}`);
JS
node solve.cjs
