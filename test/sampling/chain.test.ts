// The parts of chains: random numbers, windows, metrics and step sizes; chains on the reference and on wasm are the same.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ksOneSample } from "../../src/diagnostics/ks.ts";
import { erf } from "../../src/numbers/math.ts";
import { normalAt, uniformAt } from "../../src/numbers/random.ts";
import { arm } from "../../src/problems.ts";
import { Chain } from "../../src/sampling/chain.ts";
import { essBulk } from "../../src/sampling/convergence.ts";
import { Jump } from "../../src/sampling/jump.ts";
import { lockstep } from "../../src/sampling/lockstep.ts";
import { CovarianceWindow, drift, factorOf, kick, unitMetric } from "../../src/sampling/metric.ts";
import { normalOf } from "../../src/sampling/mixture.ts";
import { pickEvenly } from "../../src/sampling/picks.ts";
import { samplerProgram } from "../../src/sampling/potential.ts";
import { Stream } from "../../src/sampling/stream.ts";
import { DualAveraging, windowsOf } from "../../src/sampling/warmup.ts";
import { backends } from "../helpers/backends.ts";

test("a stream gives the numbers of its place, from the start of every step", () => {
  const stream = new Stream(7, 3, 11);
  const normals = new Float64Array(6);
  for (const step of [0, 5, 0]) {
    stream.goTo(step);
    stream.normals(normals);
    for (const [i, v] of normals.entries()) assert.is(v, normalAt(7, 3, step, 11, i));
    assert.is(stream.uniform(), uniformAt(7, 3, step, 11, 6));
  }
});

test("windows double, fill the warm-up between its ends, and leave the step time to settle", () => {
  assert.equal(windowsOf(1000, false), { first: 75, ends: [100, 150, 250, 450, 950] });
  assert.equal(windowsOf(500, false), { first: 75, ends: [100, 150, 250, 450] });
  assert.equal(windowsOf(10, true), { first: 10, ends: [] });
  for (const warmup of [20, 60, 149, 150, 151, 333, 5000]) {
    for (const within of [true, false]) {
      const { first, ends } = windowsOf(warmup, within);
      assert.ok(first >= 3 && ends.length > 0 && ends.every((e, i) => e > (i === 0 ? first : ends[i - 1])));
      const left = warmup - ends[ends.length - 1];
      assert.ok(left >= Math.min(50, warmup / 4) && left <= 50, `${warmup}: ${left}`);
    }
  }
});

test("the metric of a window is the covariance of its positions, drawn towards its target", () => {
  const D = 3;
  const N = 4000;
  const mixing = [1, 0, 0, 0.5, 2, 0, -1, 0.3, 0.7];
  const window = new CovarianceWindow("dense", D);
  const rows: number[][] = [];
  for (let s = 0; s < N; s++) {
    const e = [0, 1, 2].map((d) => normalAt(1, 2, 0, s, d));
    const z = [0, 1, 2].map((i) => 5 + e.reduce((sum, v, j) => sum + mixing[3 * i + j] * v, 0));
    rows.push(z);
    window.add(Float64Array.from(z));
  }
  const metric = window.take(null);
  const mean = [0, 1, 2].map((d) => rows.reduce((sum, r) => sum + r[d], 0) / N);
  const at = (i: number, j: number): number =>
    rows.reduce((sum, r) => sum + (r[i] - mean[i]) * (r[j] - mean[j]), 0) / (N - 1);
  const share = N / (N + D + 5);
  for (const [k, [i, j]] of [
    [0, 0],
    [1, 0],
    [1, 1],
    [2, 0],
    [2, 1],
    [2, 2],
  ].entries()) {
    const expected = at(i, j) * (i === j ? 1 : share); // off the diagonal the target is 0
    assert.ok(Math.abs((metric?.covariance[k] as number) - expected) < 1e-9 * Math.abs(at(i, i)), `${i}, ${j}`);
  }
  // L of that: drift is L p, and kick Lᵀ g.
  const l = factorOf(metric as NonNullable<typeof metric>) as Float64Array;
  const [p, g] = [Float64Array.of(1, -2, 0.5), Float64Array.of(0.3, 0.1, -1)];
  const [z, q] = [new Float64Array(D), new Float64Array(D)];
  drift("dense", l, p, 2, z);
  kick("dense", l, g, 2, q);
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i], 0);
  assert.ok(Math.abs(dot(g, z) - dot(q, p)) < 1e-12); // g · (L p) = (Lᵀ g) · p
  window.add(Float64Array.of(1, 1, 1));
  assert.is(window.take(null), null); // one position says nothing
  for (let s = 0; s < 9; s++) window.add(Float64Array.of(1, s, s));
  assert.is(window.take(null), null); // the first entry does not move
  assert.is(factorOf({ kind: "dense", covariance: Float64Array.of(1, 2, 1) }), null);
});

test("dual averaging finds the step of the acceptance that is aimed at", () => {
  const acceptance = (step: number): number => Math.exp(-step * step); // 0.8 at √−log 0.8
  const averaging = new DualAveraging(0.8);
  averaging.restart(20);
  for (let t = 0; t < 400; t++) averaging.update(acceptance(averaging.step));
  averaging.finish();
  assert.ok(Math.abs(averaging.step / Math.sqrt(-Math.log(0.8)) - 1) < 0.05, `${averaging.step}`);
});

test("chains on the reference backend are those on wasm, as long as rounding allows", async () => {
  const program = samplerProgram(arm);
  const draws = 6;
  const results: Float64Array[] = [];
  for (const create of Object.values(backends)) {
    const executor = await create(program);
    const settings = {
      warmup: 4,
      draws,
      maxDepth: 5,
      targetAccept: 0.8,
      seed: 3,
      windows: windowsOf(4, false),
      given: false,
      jump: null,
    };
    const chains = Array.from({ length: 3 }, (_, c) => {
      const z = Float64Array.from({ length: 4 }, (_x, d) => normalAt(2, 2, 0, c, d));
      return new Chain(z, unitMetric("dense", 4), c, settings);
    });
    assert.ok(
      await lockstep([{ executor, given: { y: Float64Array.of(1.2, 0.3) }, chains, where: "", again: null }], {}),
    );
    results.push(Float64Array.from(chains.flatMap((c) => Array.from(c.positions))));
    executor.dispose();
  }
  // About 200 steps, each of which may double an error of 1e-16 a little.
  for (const other of results.slice(1))
    for (const [i, v] of other.entries()) assert.ok(Math.abs(v - results[0][i]) < 1e-6, `${v}, ${results[0][i]}`);
});

test("jumps alone leave a distribution as it is that is not theirs", () => {
  // N((0.5, −0.4), diag(0.8, 0.6)²) by jumps of a correlated normal density.
  const [centre, sd] = [
    [0.5, -0.4],
    [0.8, 0.6],
  ];
  const potential = (z: Float64Array): number =>
    -0.5 * z.reduce((sum, x, d) => sum + ((x - centre[d]) / sd[d]) ** 2, 0);
  const jump = new Jump(normalOf(Float64Array.of(0.2, 0), Float64Array.of(1.1, 0.3, 0.9)), 5, 0);
  const [z, proposal] = [new Float64Array(2), new Float64Array(2)];
  const N = 40_000;
  const draws = new Float64Array(2 * N);
  for (let t = 0; t < N; t++) {
    jump.propose(t, proposal);
    if (jump.accept(z, potential(z), potential(proposal))) z.set(proposal);
    draws.set(z, 2 * t);
  }
  for (const d of [0, 1]) {
    const column = draws.filter((_, k) => k % 2 === d);
    const cdf = (x: number): number => 0.5 * (1 + erf((x - centre[d]) / (sd[d] * Math.SQRT2)));
    const ess = essBulk([column]);
    assert.ok(
      ess > 5000 && ksOneSample(column, cdf) < 1.95 / Math.sqrt(ess),
      `${d}: ${ksOneSample(column, cdf)}, ${ess}`,
    );
  }
  assert.ok(jump.tried === N && jump.taken > 0.4 * N && jump.taken < 0.9 * N);
  const taken = jump.taken;
  assert.not(jump.accept(z, potential(z), Number.NaN));
  assert.is(jump.taken, taken);
});

test("draws are picked evenly, none twice before all are", () => {
  for (const [S, count] of [
    [10, 10],
    [4000, 1000],
    [7, 3],
    [5, 12],
  ]) {
    const times = new Uint32Array(S);
    for (const i of pickEvenly(S, count, 9)) times[i]++;
    const [least, most] = [Math.min(...times), Math.max(...times)];
    assert.ok(most - least <= 1 && times.reduce((a, b) => a + b) === count, `${S}, ${count}: ${times}`);
  }
});

test.run();
