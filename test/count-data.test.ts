// slow (60 s): trains guides on counts and on yes and no, and compares everything with quadrature
// Regressions with Poisson and Bernoulli noise from end to end: training, inference, correction, Laplace, chains, predictive checks,
// evaluation, surrogate, reports, CSV, and what is refused.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { predictiveCheck } from "../src/diagnostics/predictive.ts";
import { bernoulliNoise } from "../src/distributions/noise/bernoulli.ts";
import { betaNoise } from "../src/distributions/noise/beta.ts";
import { logNormalNoise } from "../src/distributions/noise/log-normal.ts";
import type { Noise } from "../src/distributions/noise/noise.ts";
import { poissonNoise } from "../src/distributions/noise/poisson.ts";
import { normal } from "../src/distributions/normal.ts";
import { evaluate } from "../src/evaluate/evaluate.ts";
import { constant, exp, matmul } from "../src/graph/build.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import type { Posterior } from "../src/posterior/posterior.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { reportHtml } from "../src/report/report.ts";
import { nuts } from "../src/sampling/nuts.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { formatCsv, parseCsv } from "../src/store/csv.ts";
import { load, toBytes } from "../src/store/store.ts";
import { surrogate } from "../src/surrogate/surrogate.ts";
import { train } from "../src/train/train.ts";
import { rejection } from "./helpers/maps.ts";

const M = 20;
const D = 3;
/** Columns 1, x and x² − 1/3 for x from −1 to 1. */
const design = Array.from({ length: M }, (_, m) => (2 * m) / (M - 1) - 1).map((x) => [1, x, x * x - 1 / 3]);
const X = (dtype: Tensor["dtype"]): Tensor =>
  constant(
    [0, 1, 2].flatMap((d) => design.map((row) => row[d])),
    dtype,
    D,
  );
const predictor = (theta: Tensor): Tensor => matmul(theta, X(theta.dtype));
const PRIOR = { mean: [1.2, 0, 0], sd: 0.7 };
const define = (name: string, forward: (theta: Tensor) => Tensor, noise: Noise): Problem =>
  defineProblem({ name, prior: normal(PRIOR.mean, PRIOR.sd), forward, noise });

interface Regression {
  readonly problem: Problem;
  /** log p(y | η) of one datum, up to a constant. */
  readonly logLikelihood: (y: number, eta: number) => number;
  readonly truth: readonly number[];
}
const regressions: Readonly<Record<string, Regression>> = {
  Poisson: {
    problem: define("poisson-regression", (theta) => exp(predictor(theta)), poissonNoise()),
    logLikelihood: (y, eta) => y * eta - Math.exp(eta),
    truth: [1.4, 0.6, -0.5],
  },
  Bernoulli: {
    problem: define("bernoulli-regression", predictor, bernoulliNoise({ logits: true })),
    logLikelihood: (y, eta) => y * eta - Math.max(eta, 0) - Math.log1p(Math.exp(-Math.abs(eta))),
    truth: [0.8, 0.9, -0.4],
  },
};

/** Posterior mean and sd by the midpoint rule over ±6 sd of the prior: spectrally accurate for a density that vanishes there. */
function quadrature({ logLikelihood }: Regression, y: ArrayLike<number>): { mean: number[]; sd: number[] } {
  const n = 72;
  const step = (12 * PRIOR.sd) / n;
  const at = (d: number, i: number): number => PRIOR.mean[d] - 6 * PRIOR.sd + (i + 0.5) * step;
  const cells: { theta: number[]; log: number }[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) {
        const theta = [at(0, i), at(1, j), at(2, k)];
        let log = theta.reduce((sum, t, d) => sum - 0.5 * ((t - PRIOR.mean[d]) / PRIOR.sd) ** 2, 0);
        if (log < -18) continue;
        design.forEach((row, m) => {
          log += logLikelihood(y[m], row[0] * theta[0] + row[1] * theta[1] + row[2] * theta[2]);
        });
        cells.push({ theta, log });
      }
    }
  }
  const top = cells.reduce((a, c) => Math.max(a, c.log), Number.NEGATIVE_INFINITY);
  const moment = (f: (theta: number[]) => number): number =>
    cells.reduce((sum, c) => sum + Math.exp(c.log - top) * f(c.theta), 0);
  const total = moment(() => 1);
  const mean = [0, 1, 2].map((d) => moment((t) => t[d]) / total);
  const sd = mean.map((m, d) => Math.sqrt(moment((t) => (t[d] - m) ** 2) / total));
  return { mean, sd };
}

/** Differences in units of the exact sd: at most `most`. */
function close(
  got: Pick<Posterior, "mean" | "sd">,
  want: { mean: number[]; sd: number[] },
  most: number,
  what: string,
): void {
  for (let d = 0; d < D; d++) {
    const shift = Math.abs(got.mean[d] - want.mean[d]) / want.sd[d];
    const ratio = Math.abs(got.sd[d] / want.sd[d] - 1);
    assert.ok(shift < most && ratio < most, `${what}, parameter ${d + 1}: ${shift} sd off, sd by ${ratio}`);
  }
}

const settings = { guide: gaussian({ hidden: [32, 32] }), steps: 1500, batch: 256, heldOut: 500, seed: 1 } as const;
// Four or five standard errors: of 700 effective draws (psis) and of 4000 draws of chains, of which 1000 are taken as effective.
const PSIS = 5 / Math.sqrt(700);
const CHAINS = 5 / Math.sqrt(1000);

for (const [name, regression] of Object.entries(regressions)) {
  const { problem, truth } = regression;
  const data = async (): Promise<Float64Array> => {
    const { noisy } = await simulate({ ...problem, prior: normal([...truth], 1e-6) }, 1, { seed: 4 });
    return Float64Array.from(noisy);
  };

  test(`${name} regression: chains and Laplace's approximation, corrected, agree with quadrature`, async () => {
    const y = await data();
    assert.ok(y.every((v) => Number.isInteger(v) && v >= 0));
    const want = quadrature(regression, y);
    const chains = await nuts(problem, y, { seed: 2 });
    close(chains, want, CHAINS, "nuts");
    const fitted = await laplace(problem, y);
    // The approximation itself is off by the skewness, about 1/√(information in 20 data).
    close(fitted, want, 0.35, "laplace");
    close(await fitted.correct({ method: "psis", seed: 3 }), want, PSIS, "laplace, corrected");
  });

  test(`${name} regression: a trained guide, corrected, agrees with quadrature; predictive check, evaluation, report and file`, async () => {
    const y = await data();
    const want = quadrature(regression, y);
    const map = await train(problem, settings);
    assert.is(map.spec.dataKind, "counts");
    assert.is(map.spec.embedding.kind, "root");
    const posterior = await infer(map, y);
    assert.is(posterior.warning, undefined);
    // An amortised Gaussian guide of a posterior that is nearly normal: half a sd.
    close(posterior, want, 0.5, "infer");
    close(await posterior.correct({ method: "psis" }), want, PSIS, "psis");
    close(await posterior.correct({ method: "nuts" }), want, CHAINS, "nuts from the guide");

    const check = await predictiveCheck(problem, posterior, { draws: 2000, seed: 1 });
    assert.ok(check.pValues["chi-square"] > 0.001, `p ${check.pValues["chi-square"]}`);
    assert.ok(check.misfit > 0.4 && check.misfit < 2.5, `misfit ${check.misfit}`);
    const odd = y.slice();
    if (name === "Poisson") {
      odd[3] = 100;
      const found = await predictiveCheck(
        problem,
        { ...posterior, sample: posterior.sample, y: odd },
        { draws: 2000, seed: 1 },
      );
      assert.is(found.worst.datum, 3);
      assert.ok(found.worst.pValue < 0.05, `p ${found.worst.pValue}`);
      assert.match((await infer(map, odd)).warning ?? "", /observation/);
    }

    const evaluation = await evaluate(map, { cases: 6, calibration: 300, against: "nuts", draws: 500, seed: 5 });
    assert.ok(evaluation.weights !== null && evaluation.weights.above <= 0.5, `k̂ ${evaluation.weights?.kHat}`);
    assert.ok((evaluation.resimulation?.guide ?? Infinity) < 1.5 * (evaluation.resimulation?.truth ?? 0));
    assert.ok(reportHtml(evaluation).includes(problem.name));

    const again = await load(toBytes(map), { problem });
    assert.equal([...(await infer(again, y)).mean], [...posterior.mean]);
    const alone = await load(toBytes(map));
    const error = await rejection(infer(alone, [2.5, ...y.slice(1)]));
    assert.is(error.message, "y: expected counts, whole numbers from 0, got 2.5 in column 1");
  });
}

test("a surrogate of a Poisson regression keeps rates positive, and its posterior is that of the problem", async () => {
  const { problem } = regressions.Poisson;
  const fast = await surrogate(problem, { bank: 3000, heldOut: 300, steps: 1500, hidden: 48, seed: 1 });
  const { noisy } = await simulate({ ...problem, prior: normal([1.4, 0.6, -0.5], 1e-6) }, 1, { seed: 4 });
  const fitted = await laplace(fast, noisy);
  const want = quadrature(regressions.Poisson, noisy);
  close(await fitted.correct({ method: "psis", problem, seed: 3 }), want, PSIS, "laplace of a surrogate, corrected");
});

test("counts keep their digits through CSV", async () => {
  const { noisy } = await simulate(regressions.Poisson.problem, 5, { seed: 4 });
  const rows = Array.from({ length: 5 }, (_, r) => Array.from(noisy.subarray(r * M, (r + 1) * M)));
  const names = Array.from({ length: M }, (_, m) => `y${m + 1}`);
  const text = formatCsv(names, rows);
  assert.not.match(text, /\./);
  assert.equal(
    parseCsv(text).rows.map((row) => [...row]),
    rows,
  );
});

test("data that are not of the kind of the noise are refused by name", async () => {
  const poisson = regressions.Poisson.problem;
  const twenty = (first: number): number[] => [first, ...new Array<number>(M - 1).fill(1)];
  const counts = (got: string): RegExp =>
    new RegExp(`^y: expected counts, whole numbers from 0, got ${got} in column 1$`);
  assert.match((await rejection(laplace(poisson, twenty(0.5)))).message, counts("0.5"));
  assert.match((await rejection(nuts(poisson, twenty(-1)))).message, counts("-1"));
  const positive = define("shares", (theta) => exp(predictor(theta)), logNormalNoise(0.1));
  assert.match(
    (await rejection(laplace(positive, twenty(0)))).message,
    /^y: expected positive numbers, got 0 in column 1$/,
  );
  const unit = define("unit", (theta) => exp(predictor(theta)), betaNoise({ concentration: 5 }));
  assert.match(
    (await rejection(laplace(unit, twenty(1.5)))).message,
    /^y: expected numbers between 0 and 1, got 1.5 in column 1$/,
  );
  const rows = [twenty(1), twenty(2.5)];
  assert.match((await rejection(laplace(poisson, rows))).message, /^y, row 2: expected counts/);
});

test.run();
