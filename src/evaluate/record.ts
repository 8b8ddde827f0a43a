/** The record of an evaluation in a model file: its results, without the curves and draws that only pictures need. */
import { expectFields } from "../checks/arguments.ts";
import type { CalibrationRecord, CurveRecord, PooledKs } from "../model/calibration-record.ts";
import { expectMap } from "../model/expect.ts";
import { type InverseMap, mapOf } from "../model/model.ts";
import type { Evaluation } from "./evaluation.ts";

const curve = ({ name, pValue, passed, reading }: CurveRecord): CurveRecord => ({ name, pValue, passed, reading });
const pooled = ({ mean, median, p90, max }: PooledKs): PooledKs => ({ mean, median, p90, max });

/** Reduces an evaluation to the record that a model file keeps. */
export function recordOf(evaluation: Evaluation): CalibrationRecord {
  expectFields("recordOf", "an evaluation, as evaluate() returns it", evaluation, "verdict", "calibration");
  const { verdict, against, cases, draws, seed, ks, weights, resimulation, warned, calibration } = evaluation;
  const { sbc, coverage, tarp } = calibration;
  return {
    verdict,
    against,
    cases,
    draws,
    seed,
    ks: ks && {
      floor: ks.guide.floor,
      guide: pooled(ks.guide),
      corrected: ks.corrected && pooled(ks.corrected),
    },
    kHatAbove: weights ? weights.above : null,
    resimulation: resimulation && {
      guide: resimulation.guide,
      truth: Number.isNaN(resimulation.truth) ? null : resimulation.truth,
    },
    warned,
    calibration: {
      cases: calibration.cases,
      draws: calibration.draws,
      alpha: calibration.alpha,
      sbc: { passed: sbc.passed, curves: sbc.curves.map(curve), ranks: sbc.ranks.map((bins) => ({ ...bins })) },
      coverage: { passed: coverage.passed, curves: coverage.curves.map(curve) },
      tarp: { passed: tarp.passed, curve: curve(tarp.curve) },
      foreign: { ...calibration.foreign },
    },
  };
}

/** The map with the record of its evaluation, which `save` writes with it. */
export function withCalibration(map: InverseMap, evaluation: Evaluation): InverseMap {
  expectMap("withCalibration", map);
  return mapOf({ ...map, spec: { ...map.spec, calibration: recordOf(evaluation) } });
}
