/** Small problems for calibration, one a noise model. An unknown parameter of the noise is the exponential of the last parameter, unless a row says otherwise. */
import type { NoiseFunction } from "../../src/distributions/noise/model.ts";
import {
  ar1Noise,
  bernoulliNoise,
  betaNoise,
  binomialNoise,
  categoricalNoise,
  type Distribution,
  defineProblem,
  gaussianNoise,
  likelihood,
  logNormalNoise,
  mixtureNoise,
  type Noise,
  negativeBinomialNoise,
  normal,
  type Problem,
  poissonNoise,
  squaredExponentialNoise,
  studentNoise,
} from "../../src/index.ts";
import { abs, add, concat, exp, log, mul, neg, sigmoid, slice, split, sub, type Tensor, tanh } from "../../src/ops.ts";

const M = 8;
const places = Array.from({ length: M }, (_, m) => (2 * m) / (M - 1) - 1);
/** a + b x at the places, from the first two parameters. */
const line = (theta: Tensor): Tensor => add(slice(theta, 0, 1), mul(slice(theta, 1, 2), places));
const last = (theta: Tensor): Tensor => slice(theta, theta.cols - 1, theta.cols);

const two: Distribution = normal([0.5, 0], [1, 1]);
const three: Distribution = normal([0.5, 0, 0], [1, 1, 0.5]);
const on = (
  noise: Noise | NoiseFunction,
  forward: (theta: Tensor) => Tensor = line,
  prior: Distribution = typeof noise === "function" ? three : two,
): (() => Problem) => {
  return () => defineProblem({ name: "noise", prior, forward, noise });
};

const covariance = places.map((x) => places.map((z) => 0.25 * 0.6 ** (2 * Math.abs(x - z)) + (x === z ? 0.05 : 0)));

/** Problems by the name of their noise. */
export const noises: Readonly<Record<string, () => Problem>> = {
  gaussian: on(gaussianNoise(0.5)),
  "gaussian, sd unknown": on((theta) => gaussianNoise(exp(last(theta)))),
  student: on((theta) => studentNoise({ scale: exp(last(theta)), degrees: 4 })),
  "student, degrees unknown": on((theta) =>
    studentNoise({ scale: 0.5, degrees: add(exp(add(mul(last(theta), 2), 1)), 1) }),
  ),
  "log-normal": on(
    (theta) => logNormalNoise(exp(last(theta))),
    (theta) => exp(line(theta)),
  ),
  poisson: on(poissonNoise({ exposure: 3 }), (theta) => exp(line(theta))),
  "negative binomial": on(
    (theta) => negativeBinomialNoise({ dispersion: exp(add(mul(last(theta), 2), 1)) }),
    (theta) => exp(add(line(theta), 1)),
  ),
  binomial: on(binomialNoise({ trials: 12 }), (theta) => sigmoid(line(theta))),
  bernoulli: on(bernoulliNoise(), (theta) => sigmoid(line(theta))),
  "bernoulli, logits": on(bernoulliNoise({ logits: true })),
  categorical: on(categoricalNoise({ classes: 3 }), (theta) => exp(classes(theta)), three),
  "categorical, logits": on(categoricalNoise({ classes: 3, logits: true }), (theta) => classes(theta), three),
  beta: on(
    (theta) => betaNoise({ concentration: exp(add(last(theta), 1.5)) }),
    (theta) => sigmoid(line(theta)),
  ),
  correlated: on(gaussianNoise({ covariance })),
  "ar1, correlation unknown": on((theta) => ar1Noise({ sd: 0.5, correlation: tanh(last(theta)) })),
  "squared exponential, sd unknown": on((theta) =>
    squaredExponentialNoise({ sd: exp(last(theta)), length: 0.5, nugget: 0.2, at: places }),
  ),
  "mixture, sd unknown": on((theta) =>
    mixtureNoise([{ noise: gaussianNoise(exp(last(theta))) }, { weight: 0.2, noise: gaussianNoise(5) }]),
  ),
  "a likelihood of one's own": on(
    // Laplace's distribution of scale ½.
    likelihood({
      name: "laplace",
      draw: (clean, random) => {
        const [u, v] = [random.uniform(), random.uniform()];
        return add(clean, mul(sub(log(u), log(v)), 0.5));
      },
      logDensity: (y, clean) => mul(abs(sub(y, clean)), -2),
    }),
  ),
};

/** Three logits for each place: 0, a + b x, and the third parameter less x. */
function classes(theta: Tensor): Tensor {
  const [, , c] = split(theta);
  const second = split(line(theta));
  return concat(...places.flatMap((x, m) => [mul(c, 0), second[m], add(neg(c), x)]));
}
