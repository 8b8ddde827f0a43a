// slow (5 s): bands, by many simulated rank statistics
// Tail areas against known values; bands of whole curves against simulation; false alarms at the stated rate.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  boundsAt,
  chainPValue,
  makeChain,
  probabilityWithin,
  simultaneousBounds,
} from "../../src/diagnostics/bands.ts";
import { centralLaw, curvesOf, uniformLaw } from "../../src/diagnostics/curves.ts";
import { rankHistogram } from "../../src/diagnostics/sbc.ts";
import {
  binomialPmf,
  binomialTails,
  chiSquareTail,
  gammaQ,
  kolmogorovTail,
  logFactorials,
  normalCdf,
} from "../../src/diagnostics/special.ts";
import { generator } from "../helpers/random.ts";

const close = (got: number, want: number, relative: number, what = ""): void =>
  assert.ok(Math.abs(got - want) <= relative * Math.abs(want), `${what} ${got}, expected ${want}`);

test("tail areas are those of tables", () => {
  close(normalCdf(-1.6448536269514722), 0.05, 1e-13);
  // χ² quantiles, R's qchisq to 16 digits.
  close(chiSquareTail(3.841458820694124, 1), 0.05, 1e-12);
  close(chiSquareTail(18.307038053275146, 10), 0.05, 1e-12);
  close(chiSquareTail(0.00015708785790970184, 1), 0.99, 1e-12);
  // Q(n, x) = e^−x Σ_(k<n) x^k/k! for whole n.
  for (const x of [0.1, 3, 4.5, 30]) {
    let [term, sum] = [Math.exp(-x), 0];
    for (let k = 0; k < 4; k++) {
      sum += term;
      term *= x / (k + 1);
    }
    close(gammaQ(4, x), sum, 1e-12);
  }
  assert.is(gammaQ(2, 0), 1);
  assert.is(gammaQ(2, Number.POSITIVE_INFINITY), 0);
  assert.ok(Number.isNaN(gammaQ(-1, 1)));
  // Kolmogorov's distribution: quantiles of tables, and one function on both sides of the change of series.
  close(kolmogorovTail(1.3580986), 0.05, 1e-6);
  close(kolmogorovTail(1.6276236), 0.01, 1e-6);
  close(kolmogorovTail(1 - 1e-12), kolmogorovTail(1 + 1e-12), 1e-10);
  assert.is(kolmogorovTail(0), 1);
});

test("binomial probabilities are those of Pascal's triangle, and do not underflow on the way", () => {
  const logs = logFactorials(100_000);
  const exact = [1, 5, 10, 10, 5, 1].map((c, k) => c * 0.3 ** k * 0.7 ** (5 - k));
  for (const [k, p] of binomialPmf(5, 0.3, 0, 5, logs).entries()) close(p, exact[k], 1e-12);
  for (const [k, p] of binomialPmf(5, 0.3, 2, 3, logs).entries()) close(p, exact[k + 2], 1e-12);
  const { below, above } = binomialTails(5, 0.3, logs);
  for (let c = 0; c <= 5; c++) close(below[c] + above[c] - exact[c], 1, 1e-12);
  close(
    binomialPmf(100_000, 0.5, 0, 100_000, logs).reduce((a, b) => a + b, 0),
    1,
    1e-9, // of log-factorials of 10⁶, rounded
  );
  assert.equal([...binomialPmf(4, 0, 0, 4, logs)], [1, 0, 0, 0, 0]);
  assert.equal([...binomialPmf(4, 1, 0, 4, logs)], [0, 0, 0, 0, 1]);
  assert.is(binomialPmf(4, 0.5, 3, 2, logs).length, 0);
});

/** Counts at or below each point of N uniform numbers. */
function countsOf(next: () => number, N: number, law: readonly number[]): Int32Array {
  const u = Array.from({ length: N }, next);
  return Int32Array.from(law, (f) => u.filter((x) => x <= f).length);
}

test("the probability of staying within bounds is that of all ways to get there, counted one by one", () => {
  // Three numbers, two points: sum over the multinomial probabilities of all cells.
  const [a, b, c] = [0.2, 0.5, 0.3];
  const chain = makeChain(3, [a, a + b]);
  const bounds = { low: Int32Array.of(0, 2), high: Int32Array.of(1, 3) };
  const factorial = [1, 1, 2, 6];
  let sum = 0;
  for (let i = 0; i <= 3; i++)
    for (let j = 0; i + j <= 3; j++) {
      if (i > 1 || i + j < 2) continue;
      const k = 3 - i - j;
      sum += (6 / (factorial[i] * factorial[j] * factorial[k])) * a ** i * b ** j * c ** k;
    }
  close(probabilityWithin(chain, bounds), sum, 1e-13);
  close(probabilityWithin(chain, boundsAt(chain, 1e-9)), 1, 1e-13);
});

test("bands hold whole curves with the probability that is asked for, p-values are uniform, and both say the same", () => {
  const law = Array.from({ length: 19 }, (_, k) => (k + 1) / 20);
  const [N, rounds, alpha] = [60, 1500, 0.05];
  const chain = makeChain(N, law);
  const bounds = simultaneousBounds(chain, alpha);
  const inside = probabilityWithin(chain, bounds);
  assert.ok(inside >= 1 - alpha && inside < 1 - 0.8 * alpha, `${inside}`);
  const next = generator(3);
  let [left, small] = [0, 0];
  for (let i = 0; i < rounds; i++) {
    const counts = countsOf(next, N, law);
    const isOut = counts.some((c, k) => c < bounds.low[k] || c > bounds.high[k]);
    const p = chainPValue(chain, counts);
    left += Number(isOut);
    small += Number(p <= alpha);
    assert.is(isOut, p <= 1 - inside + 1e-9, `p ${p}`);
  }
  const error = Math.sqrt((alpha * (1 - alpha)) / rounds);
  assert.ok(Math.abs(left / rounds - (1 - inside)) < 4.5 * error, `${left} of ${rounds}`);
  assert.ok(small / rounds < alpha + 4.5 * error);
});

test("right ranks are rejected as often as stated, whatever the law, wrong ones nearly always", () => {
  const next = generator(11);
  for (const L of [9, 10, 199]) {
    const [N, rounds, alpha] = [100, 100, 0.1];
    const lists = (draw: () => number) =>
      Array.from({ length: rounds }, (_, i) => ({ name: `${i}`, values: Int32Array.from({ length: N }, draw) }));
    const uniform = () => Math.floor(next() * (L + 1));
    const central = () => Math.abs(2 * uniform() - L);
    const middling = () => Math.floor(((next() + next()) / 2) * (L + 1));
    // curvesOf divides alpha by the number of lists.
    const failures = (draw: () => number, law: ReturnType<typeof uniformLaw>): number =>
      curvesOf(lists(draw), law, alpha * rounds).filter((c) => !c.passed).length;
    for (const [name, draw, law] of [
      ["uniform", uniform, uniformLaw(L)],
      ["central", central, centralLaw(L)],
    ] as const) {
      const failed = failures(draw, law);
      assert.ok(failed <= alpha * rounds + 4.5 * Math.sqrt(alpha * rounds), `${name}, L ${L}: ${failed} of ${rounds}`);
      assert.ok(failed > 0);
    }
    assert.ok(failures(middling, uniformLaw(L)) > 0.95 * rounds);
    assert.ok(failures(() => central() >> 1, centralLaw(L)) > 0.95 * rounds);
  }
});

test("a curve is the share at or below each level", () => {
  const [curve] = curvesOf([{ name: "few", values: [0, 1, 1, 3] }], uniformLaw(3), 0.01);
  assert.equal([...curve.expected], [0.25, 0.5, 0.75]);
  assert.equal([...curve.observed], [0.25, 0.75, 0.75]);
  assert.ok(curve.passed && curve.alpha === 0.01);
  const law = centralLaw(4); // ranks 0 … 4 leave sizes 4, 2, 0, 2, 4
  assert.equal(
    [[...law.at], [...law.expected].map((p) => p.toFixed(3))],
    [
      [0, 2],
      ["0.200", "0.600"],
    ],
  );
  assert.throws(() => makeChain(3, [0.5, 0.5]), /internal: chain: expected probabilities that ascend/);
});

test("a histogram of ranks counts every rank once, in bins as even as can be, within its bands", () => {
  const next = generator(5);
  const ranks = Int32Array.from({ length: 1000 }, () => Math.floor(next() * 100));
  const { edges, counts, low, high } = rankHistogram(ranks, 99);
  assert.is(
    counts.reduce((a, b) => a + b),
    1000,
  );
  assert.is(counts.length, 20);
  assert.is(counts[3], ranks.filter((r) => r >= edges[3] && r < edges[4]).length);
  assert.ok(counts.every((c, b) => c >= low[b] && c <= high[b]));
  const piled = rankHistogram(
    ranks.map((r) => r >> 1),
    99,
  );
  assert.ok(piled.counts.some((c, b) => c > piled.high[b]));
  assert.throws(() => rankHistogram(ranks, 9, { bins: 11 }), /expected at most 10 bins, one a rank, got 11/);
});

test.run();
