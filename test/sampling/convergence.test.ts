// Diagnostics of chains on known processes and on cases that can be worked out by hand.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normalAt } from "../../src/numbers/random.ts";
import { bfmi, essBulk, essMean, essTail, rHat } from "../../src/sampling/convergence.ts";

const normals = (seed: number, chains: number, length: number): Float64Array[] =>
  Array.from({ length: chains }, (_, c) => Float64Array.from({ length }, (_x, i) => normalAt(seed, 9, 0, c, i)));

/** x_i = φ x_{i−1} + √(1 − φ²) ε_i: stationary N(0, 1), autocorrelation φ^t, so that ESS = S (1 − φ)/(1 + φ). */
function autoregressive(phi: number, seed: number, chains: number, length: number): Float64Array[] {
  return normals(seed, chains, length + 100).map((noise) => {
    let x = noise[0];
    const all = noise.map((e) => (x = phi * x + Math.sqrt(1 - phi * phi) * e));
    return all.slice(100);
  });
}

test("ESS of an autoregressive process is that of its formula", () => {
  for (const phi of [0.9, 0.5, 0, -0.4]) {
    const [chains, length] = [8, 4000];
    const x = autoregressive(phi, 3, chains, length);
    const expected = (chains * length * (1 - phi)) / (1 + phi);
    for (const ess of [essBulk(x), essMean(x)])
      assert.ok(Math.abs(ess / expected - 1) < 0.12, `φ ${phi}: ${ess}, not ${expected}`); // a tenth, by its own scatter
    assert.ok(Math.abs(rHat(x) - 1) < (2 * chains) / expected); // R̂² − 1 is about the half-chains over the ESS
    assert.ok(essTail(x) > 0.5 * Math.min(expected, chains * length));
  }
});

test("independent draws have an R̂ near 1, and an ESS near their number", () => {
  const x = normals(4, 4, 1000);
  assert.ok(rHat(x) < 1.005 && rHat(x) > 0.999);
  assert.ok(Math.abs(essBulk(x) / 4000 - 1) < 0.12 && Math.abs(essTail(x) / 4000 - 1) < 0.2);
});

test("R̂ flags chains that differ in centre, in width, or that drift", () => {
  const moved = normals(5, 4, 500).map((x, c) => x.map((v) => v + (c === 0 ? 0.5 : 0)));
  assert.ok(rHat(moved) > 1.02, `${rHat(moved)}`);
  const wide = normals(6, 4, 500).map((x, c) => x.map((v) => v * (c === 0 ? 2.5 : 1)));
  assert.ok(rHat(wide) > 1.02, `${rHat(wide)}`);
  const drifting = normals(7, 4, 500).map((x) => x.map((v, i) => v + i / 250));
  assert.ok(rHat(drifting) > 1.1, `${rHat(drifting)}`); // all alike: only halves tell
  const apart = normals(8, 2, 500).map((x, c) => x.map((v) => v + 20 * c));
  assert.ok(rHat(apart) > 1.5 && essBulk(apart) < 10);
});

test("R̂ and bulk ESS depend on ranks alone: Cauchy draws give the values of normal ones", () => {
  const x = normals(9, 4, 500);
  const stretched = x.map((chain) => chain.map((v) => Math.sign(v) * Math.exp(v * v)));
  const squeezed = x.map((chain) => chain.map((v) => Math.sign(v) * (1 - Math.exp(-v * v))));
  assert.ok(Math.abs(essBulk(stretched) - essBulk(squeezed)) < 1e-9);
  // Of distances from the median nearly so: the median of an even number lies between two draws.
  assert.ok(Math.abs(rHat(stretched) - rHat(squeezed)) < 1e-3);
});

test("chains that do not move are not known, and one that does not among others is flagged", () => {
  const still = [new Float64Array(100).fill(2), new Float64Array(100).fill(2)];
  assert.ok([rHat(still), essBulk(still), essTail(still), essMean(still)].every(Number.isNaN));
  const [a, b] = normals(10, 2, 100);
  assert.ok(rHat([a, b, new Float64Array(100).fill(3)]) > 1.05);
});

test("chains that are stuck at different values have an R̂ of infinity, whatever the values", () => {
  const stuck = (...at: number[]): Float64Array[] => at.map((x) => new Float64Array(100).fill(x));
  for (const at of [
    [0.1, 0.3],
    [-1 / 3, 1 / 3, 0.7, 1e9],
    [1e-9, 2e-9, 2e-9],
  ] as const) {
    assert.is(rHat(stuck(...at)), Number.POSITIVE_INFINITY);
    // Every lag has the autocorrelation 1: of half-chains of N = 50 draws τ = 2 N − 1, so a chain is about one draw.
    for (const ess of [essBulk, essMean]) assert.ok(Math.abs(ess(stuck(...at)) / at.length - 100 / 99) < 1e-9);
  }
});

test("of equal draws nothing is known, whatever their value", () => {
  for (const x of [0.1, -1 / 3, 1e9 + 0.7]) {
    const still = Array.from({ length: 3 }, () => new Float64Array(101).fill(x));
    const known = [rHat(still), essBulk(still), essTail(still), essMean(still), bfmi(still[0])];
    assert.ok(known.every(Number.isNaN), `${x}: ${known}`);
  }
});

test("one stuck chain among others is flagged, wherever it is stuck", () => {
  const others = normals(13, 3, 100);
  for (const x of [0.1, 0.7, 40]) {
    const r = rHat([...others, new Float64Array(100).fill(x)]);
    assert.ok(r > 1.05 && r < 10, `${x}: ${r}`);
  }
});

test("BFMI is about 2 for independent energies, and small where they wander", () => {
  const [e] = normals(11, 1, 4000);
  assert.ok(Math.abs(bfmi(e) - 2) < 0.15);
  const [slow] = autoregressive(0.95, 12, 1, 4000);
  assert.ok(Math.abs(bfmi(slow) - 0.1) < 0.04); // 2 (1 − φ)
});

test("inputs that are not chains are refused", () => {
  for (const [given, message] of [
    [[], /rHat: expected a list of chains of at least 4 draws, got none/],
    [[[1, 2, 3]], /at least 4 draws, got 3/],
    [
      [
        [1, 2, 3, 4],
        [1, 2, 3, 4, 5],
      ],
      /one length, 4, got 5 in chain 2/,
    ],
    [[[1, 2, Number.NaN, 4]], /finite numbers, got NaN in chain 1/],
  ] as const)
    assert.throws(() => rHat(given as unknown as number[][]), message);
});

test.run();
