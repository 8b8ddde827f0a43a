/**
 * The classifier two-sample test (Lopez-Paz & Oquab, ICLR 2017, arXiv 1610.06545): a network learns to distinguish two samples.
 * Its accuracy on held-out rows is ½ where the distributions are equal, and 1 where they do not overlap. Unlike tests of each
 * parameter alone, it detects a wrong dependence between parameters.
 *
 *   logit = MLP((x − μ)/s),   loss = mean w softplus(−label · logit) + decay |W|²,   label ±1,
 *
 * two hidden layers of 10 D units as in the simulation-based inference benchmark (Lueckmann et al., AISTATS 2021, arXiv
 * 2101.04653), k folds. The accuracy is the mean over both classes, so that samples may differ in size. The network is trained
 * on the plain kernels, so one seed gives the same number on every host.
 */
import type { Executor } from "../backends/backend.ts";
import { createExecutor } from "../backends/select.ts";
import { type OptionsOf, option, readOptions, seed, whole } from "../checks/options.ts";
import { flatRows, type Rows } from "../checks/rows.ts";
import {
  add,
  bankRows,
  batchSum,
  cast,
  dense,
  input,
  mul,
  neg,
  relu,
  slice,
  softplus,
  square,
  sumFeatures,
  weight,
} from "../graph/build.ts";
import { gradientsOf } from "../graph/grad.ts";
import { compile, type Program } from "../graph/program.ts";
import type { Tensor } from "../graph/tensor.ts";
import { atOnce } from "../host/yielding.ts";
import { initialWeights } from "../nn/initial.ts";
import { columnMoments } from "../numbers/moments.ts";
import { STREAMS, shuffle, uniformAt } from "../numbers/random.ts";
import { rates } from "../train/schedules.ts";
import { normalTail } from "./special.ts";

export const c2stTable = {
  /** Folds of the rows; each is left out of training in turn and classified afterwards. */
  folds: option(whole(2), 5),
  /** Seed of the folds, the initial weights and the batches. */
  seed: option(seed, 0),
  /** Units of each of the two hidden layers; by default 10 D, but at most 64. */
  hidden: option(whole(1)),
  /** Training steps of each fold. */
  steps: option(whole(1), 300),
};
/** Options of `c2st`. */
export type C2stOptions = OptionsOf<typeof c2stTable>;

/** The result of a classifier two-sample test. */
export interface C2st {
  /** Share of held-out rows classified correctly, the mean over both samples: ½ where the distributions are equal. */
  readonly accuracy: number;
  /** Standard error of the accuracy where the distributions are equal: √(1/n + 1/m)/4. */
  readonly standardError: number;
  /** Probability of an accuracy at least as high where the distributions are equal, by the normal approximation. */
  readonly pValue: number;
  /** Accuracy of each fold. */
  readonly folds: Float64Array;
}

const LARGEST_HIDDEN = 64;
const BATCH = 256;
const RATE = 1e-2;
const DECAY = 1e-3;
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false, clip: 0 };

/** One sample, standardised. */
interface Side {
  /** Numbers of the rows (n) in the order in which they are dealt to the folds. */
  readonly order: Uint32Array;
  readonly rows: Float64Array;
  readonly label: 1 | -1;
}

/** The numbers below `count`, shuffled. */
const shuffled = (count: number, seed: number, stream: number): Uint32Array =>
  shuffle(
    Uint32Array.from({ length: count }, (_, i) => i),
    (i) => Math.floor(uniformAt(seed, stream, 0, i, 0) * (i + 1)),
  );

/**
 * Trains a network to distinguish samples `a` (n, D) and `b` (m, D), and answers its accuracy on rows that it was not trained on.
 * With 1000 rows each, accuracies from 0.53 upwards are significant.
 * @throws when a length is no multiple of D, a number is not finite, or a sample has fewer rows than folds.
 */
export async function c2st(a: Rows, b: Rows, parameters: number, options: C2stOptions = {}): Promise<C2st> {
  const D = parameters;
  const { hidden = Math.min(10 * D, LARGEST_HIDDEN), ...settings } = readOptions("c2st", c2stTable, options);
  const samples = [flatRows("c2st", "a", a, D), flatRows("c2st", "b", b, D)];
  const [n, m] = samples.map((x) => x.length / D);
  if (Math.min(n, m) < settings.folds)
    throw new Error(`c2st: expected at least ${settings.folds} rows in each sample, one a fold, got ${Math.min(n, m)}`);
  const { mean, sd } = columnMoments(Float64Array.from([...samples[0], ...samples[1]]), D);
  const sides = samples.map(
    (x, k): Side => ({
      rows: x.map((v, i) => (v - mean[i % D]) / sd[i % D]),
      order: shuffled([n, m][k], settings.seed, STREAMS.folds + k),
      label: k === 0 ? 1 : -1,
    }),
  );
  const correct = await crossValidate(sides, D, hidden, settings); // by fold, then by side
  const share = (fold: readonly Told[]): number => fold.reduce((sum, { right, count }) => sum + right / count / 2, 0);
  const total = (k: number): number => correct.reduce((sum, fold) => sum + fold[k].right, 0);
  const accuracy = (total(0) / n + total(1) / m) / 2;
  const standardError = Math.sqrt(1 / n + 1 / m) / 4;
  const pValue = normalTail((accuracy - 0.5) / standardError);
  return { accuracy, standardError, pValue, folds: Float64Array.from(correct, share) };
}

/** Trains the classifier once for each fold, on the rows of the others, and classifies the rows of the fold. */
async function crossValidate(
  sides: readonly Side[],
  D: number,
  hidden: number,
  { folds, seed, steps }: { readonly folds: number; readonly seed: number; readonly steps: number },
): Promise<Told[][]> {
  const program = classifier(D, hidden);
  const executor = await createExecutor(program, { kernels: "plain", optimiser: ADAM });
  try {
    const fresh = await executor.readOptimiser();
    const all = rates({ kind: "cosine" }, RATE, steps);
    const answers: Told[][] = [];
    for (let fold = 0; fold < folds; fold++) {
      await executor.writeWeights(atOnce(initialWeights(program.weights, seed + fold)));
      await executor.writeOptimiser(fresh);
      await writeRows(
        executor,
        sides.flatMap((side) => rowsOf(side, D, fold, folds, false)),
      );
      const step = { rows: BATCH, seed: seed + fold, firstStep: 0, rates: all, loss: "loss" };
      const { done } = await executor.train("train", step);
      if (done < steps)
        throw new Error(
          `c2st: expected a finite loss, got a non-finite one at step ${done} of ${steps}; are some values huge?`,
        );
      const told: Told[] = [];
      for (const side of sides) told.push(await tellRight(executor, rowsOf(side, D, fold, folds, true), side.label));
      answers.push(told);
    }
    return answers;
  } finally {
    executor.dispose();
  }
}

/** The program of the network: `train`, from a bank of rows with labels and class weights, and `tell`, the logits of rows. */
function classifier(D: number, hidden: number): Program {
  const layers = [
    [D, hidden],
    [hidden, hidden],
    [hidden, 1],
  ].map(([ins, outs], i) => weight(`layer${i}`, ins + 1, outs, { init: 1 / Math.sqrt(ins) }));
  const logit = (x: Tensor): Tensor => dense(relu(dense(relu(dense(x, layers[0])), layers[1])), layers[2]);
  const penalty = layers.map((w) => sumFeatures(square(w))).reduce((a, b) => add(a, b));
  const [x, label] = [bankRows("x", D, STREAMS.bank), bankRows("label", 2, STREAMS.bank)];
  const loss = batchSum(cast(rowLoss(logit(x), label), "f64"));
  const total = add(mul(loss, 1 / BATCH), mul(cast(penalty, "f64"), DECAY));
  return atOnce(
    compile({
      train: { outputs: { loss: total }, gradients: () => gradientsOf(total), rows: BATCH },
      tell: { outputs: { logit: logit(input("x", D)) } },
    }),
  );
}

/** Class weight times softplus(−label · logit), (B, 1); `label` (B, 2) holds the label and the class weight. */
function rowLoss(logit: Tensor, label: Tensor): Tensor {
  const [sign, own] = [slice(label, 0, 1), slice(label, 1, 2)];
  return mul(softplus(neg(mul(logit, sign))), own);
}

interface Row {
  readonly x: Float64Array;
  readonly label: 1 | -1;
}

/** The rows of a fold, or all the others. */
function rowsOf({ rows, order, label }: Side, D: number, fold: number, folds: number, within: boolean): Row[] {
  const picked = Array.from(order).filter((_, i) => (i % folds === fold) === within);
  return picked.map((r) => ({ x: rows.subarray(r * D, (r + 1) * D), label }));
}

/** Fills the bank: rows, labels, and weights by which both classes count the same. */
async function writeRows(executor: Executor, rows: readonly Row[]): Promise<void> {
  const count = (label: 1 | -1): number => rows.filter((row) => row.label === label).length;
  const counts = { 1: count(1), [-1]: count(-1) };
  await executor.writeBank("x", Float32Array.from(rows.flatMap((row) => Array.from(row.x))));
  const labels = rows.flatMap(({ label }) => [label, rows.length / (2 * counts[label])]);
  await executor.writeBank("label", Float32Array.from(labels));
}

/** How many rows were classified correctly, of how many; a logit of 0 counts half. */
interface Told {
  readonly right: number;
  readonly count: number;
}

async function tellRight(executor: Executor, rows: readonly Row[], label: 1 | -1): Promise<Told> {
  const x = Float32Array.from(rows.flatMap((row) => Array.from(row.x)));
  const { logit } = await executor.run("tell", { rows: rows.length, inputs: { x } });
  let right = 0;
  for (const v of logit) right += v === 0 ? 0.5 : Number(v * label > 0);
  return { right, count: rows.length };
}
