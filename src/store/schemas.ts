/**
 * Schemas of the metadata in model files and checkpoints. They are loaded, with the library that checks them, when the first file is
 * read.
 */

import * as v from "valibot";
import { parseJson } from "../checks/json.ts";
import { dataKinds } from "../distributions/noise/noise.ts";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const size = v.pipe(count, v.minValue(1));
const finite = v.pipe(v.number(), v.finite());
/** JSON has no NaN and no infinity: null stands for such a number, and is read as `absent`. */
const finiteOr = (absent: number) =>
  v.pipe(
    v.nullable(finite),
    v.transform((x) => x ?? absent),
  );
const loss = finiteOr(Number.NaN);
const positive = v.pipe(finite, v.minValue(Number.MIN_VALUE));
const numbers = v.array(finite);
const options = v.record(v.string(), v.unknown());

const share = v.pipe(finite, v.minValue(0), v.maxValue(1));
const counts = v.array(count);
const pooled = v.object({ mean: share, median: share, p90: share, max: share });
const curve = v.object({ name: v.string(), pValue: share, passed: v.boolean(), reading: v.string() });
const curves = v.array(curve);
const calibrationSchema = v.object({
  verdict: v.object({
    level: v.picklist(["sound", "correct", "doubtful"]),
    headline: v.string(),
    findings: v.array(v.object({ good: v.boolean(), text: v.string() })),
  }),
  against: v.object({ name: v.picklist(["exact", "quadrature", "nuts", "none"]), text: v.string() }),
  cases: size,
  draws: size,
  seed: v.pipe(v.number(), v.safeInteger()),
  ks: v.nullable(v.object({ floor: share, guide: pooled, corrected: v.nullable(pooled) })),
  kHatAbove: v.nullable(share),
  resimulation: v.nullable(v.object({ guide: finite, truth: v.nullable(finite) })),
  warned: share,
  calibration: v.object({
    cases: size,
    draws: size,
    alpha: share,
    sbc: v.object({
      passed: v.boolean(),
      curves,
      ranks: v.array(v.object({ name: v.string(), edges: counts, counts, low: counts, high: counts })),
    }),
    coverage: v.object({ passed: v.boolean(), curves }),
    tarp: v.object({ passed: v.boolean(), curve }),
    foreign: v.object({ beyondMost: share, beyondAll: share }),
  }),
});

const named = v.array(v.object({ name: v.string(), unit: v.optional(v.string()) }));
const specSchema = v.object({
  problem: v.string(),
  D: size,
  M: size,
  parameters: named,
  data: v.optional(named),
  dataKind: v.optional(v.picklist(dataKinds)),
  prior: options,
  centres: v.optional(v.object({ parameters: v.nullable(numbers), data: v.nullable(numbers) })),
  guide: v.object({ name: v.string(), options }),
  embedding: v.object({
    kind: v.picklist(["none", "standardise", "log", "root", "principal"]),
    size,
    network: v.optional(
      v.object({ name: v.string(), options, size, probe: v.optional(v.object({ y: numbers, context: numbers })) }),
    ),
    directions: v.optional(size),
  }),
  rows: v.optional(
    v.object({
      missing: v.boolean(),
      scale: v.nullable(v.object({ low: positive, high: positive, each: v.boolean() })),
      set: v.optional(v.object({ each: size, least: size, most: size, names: v.optional(named) })),
    }),
  ),
  distance: v.optional(v.picklist(["whitened", "residual", "relations", "observed"])),
  distances: v.pipe(numbers, v.minLength(2)),
  constant: v.optional(v.array(v.object({ column: size, value: finite }))),
  refined: v.optional(
    v.object({
      y: numbers,
      rounds: v.array(
        v.object({
          simulations: count,
          used: count,
          accepted: share,
          by: v.picklist(["prior", "walkers"]),
          left: share,
          heldOut: loss,
        }),
      ),
      outside: share,
      coverage: v.nullable(v.object({ cases: count, passed: v.boolean(), reading: v.string(), pValue: share })),
    }),
  ),
  fingerprint: v.object({
    theta: v.array(numbers),
    forward: v.nullable(v.array(v.array(finiteOr(Number.NaN)))),
    logPrior: v.array(finiteOr(Number.NEGATIVE_INFINITY)),
    solvers: v.optional(
      v.array(
        v.object({
          method: v.string(),
          steps: size,
          error: v.optional(v.object({ rms: finite, max: finite, count: size, failed: count })),
        }),
      ),
    ),
    noise: v.optional(v.object({ y: v.array(numbers), logDensity: numbers })),
  }),
  training: v.object({
    objective: v.string(),
    steps: count,
    seed: v.pipe(v.number(), v.safeInteger()),
    batch: count,
    particles: count,
    simulations: count,
    heldOut: v.object({ final: loss, best: loss, bestStep: count }),
    curve: v.optional(v.object({ steps: v.array(count), train: v.array(loss), heldOut: v.array(loss) })),
    seconds: finite,
    device: v.string(),
    notice: v.optional(v.string()),
    warnings: v.optional(v.array(v.string())),
    weights: v.optional(
      v.object({ cases: size, kHat: finiteOr(Number.POSITIVE_INFINITY), kHatAbove: share, efficiency: share }),
    ),
  }),
  calibration: v.optional(calibrationSchema),
});
/** The metadata of a model file; and its format alone, which is read first. */
export const formatSchema = v.object({ format: count });
export const fileSchema = v.object({ format: count, version: v.string(), spec: specSchema });

/** The metadata of a checkpoint. */
export const checkpointSchema = v.object({
  format: v.literal(1),
  problem: v.string(),
  step: count,
  signature: v.string(),
  updates: count,
  // The best loss is infinite before the first held-out loss.
  best: v.object({ loss: finiteOr(Number.POSITIVE_INFINITY), step: count }),
  heldOut: v.array(v.tuple([count, finiteOr(Number.NaN)])),
  losses: v.optional(v.array(v.tuple([count, finiteOr(Number.NaN)])), []),
  pending: v.optional(v.tuple([finite, count]), [0, 0]),
  seconds: finite,
});

/** Checks metadata against a schema. @throws with the name of an entry that does not fit. */
export function checkMetadata<S extends v.GenericSchema>(schema: S, text: string, what: string): v.InferOutput<S> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    throw new Error(`${what}: expected metadata of JSON, got something else`);
  }
  const { success, output, issues } = v.safeParse(schema, value, { abortEarly: true });
  if (success) return output;
  const [issue] = issues;
  const path = v.getDotPath(issue) ?? "metadata";
  const absent = issue.received === "undefined";
  throw new Error(
    `${what}: expected ${path}${absent ? ", got none" : ` to be ${issue.expected}, got ${issue.received}`}`,
  );
}
