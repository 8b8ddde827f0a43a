// The evaluation record of a model file equals what the evaluation found.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evaluate } from "../src/evaluate/evaluate.ts";
import { recordOf, withCalibration } from "../src/evaluate/record.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { load, toBytes } from "../src/store/store.ts";
import { train } from "../src/train/train.ts";
import { bitsOf, outside, small } from "./helpers/maps.ts";

const quick = { steps: 30, batch: 32, heldOut: 64, seed: 5, kernels: "plain" } as const;
const few = { cases: 3, calibration: 40, draws: 200, kernels: "plain" } as const;

test("the record of an evaluation survives saving and loading, with all numbers that the verdict is made of", async () => {
  const map = await train(small, { ...quick, guide: gaussian({ hidden: [6] }) });
  const evaluation = await evaluate(map, few);
  const kept = await load(toBytes(withCalibration(map, evaluation)));
  const { calibration } = kept.spec;
  assert.equal(calibration, recordOf(evaluation));
  assert.is(bitsOf(kept), bitsOf(map));
  assert.is(map.spec.calibration, undefined);
  const { ks, weights, calibration: ranks } = evaluation;
  assert.is(calibration?.ks?.guide.mean, ks?.guide.mean);
  assert.is(calibration?.ks?.corrected?.max, ks?.corrected?.max);
  assert.is(calibration?.kHatAbove, weights?.above);
  assert.equal(calibration?.verdict, evaluation.verdict);
  assert.equal(
    calibration?.calibration.sbc.curves.map(({ pValue }) => pValue),
    ranks.sbc.curves.map(({ pValue }) => pValue),
  );
});

test("without a likelihood the record leaves out what needs one", async () => {
  const problem = outside((theta) => theta.map(([a, b]) => [a, b, a + b]));
  const map = await train(problem, { ...quick, bank: 200, guide: gaussian({ hidden: [6] }) });
  const kept = await load(toBytes(withCalibration(map, await evaluate(map, few))));
  const { ks, kHatAbove, resimulation, against, calibration } = kept.spec.calibration ?? {};
  assert.equal([ks, kHatAbove, resimulation, against?.name], [null, null, null, "none"]);
  assert.is(calibration?.sbc.curves.length, 2);
});

test.run();
