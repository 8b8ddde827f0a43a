import * as fs from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ModelSpec, NamedTensor } from "../src/model/model.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../src/store/checkpoint-file.ts";
import { decodeModel, encodeModel, FORMAT } from "../src/store/model-file.ts";
import { encodeSafetensors } from "../src/store/safetensors.ts";
import type { Checkpoint } from "../src/train/checkpoint.ts";
import { VERSION } from "../src/version.ts";
import { rejection } from "./helpers/store.ts";

const spec: ModelSpec = {
  problem: "toy",
  D: 2,
  M: 3,
  parameters: [{ name: "depth", unit: "m" }, { name: "slope" }],
  prior: { name: "normal", mean: [0, 0], sd: [1, 2] },
  guide: { name: "gaussian", options: { hidden: [4, 4], activation: "silu" } },
  embedding: { kind: "standardise", size: 3 },
  distances: [0.1, 1, 2.5],
  fingerprint: { theta: [[0, 1]], forward: [[1, 2, 3]], logPrior: [-2.5] },
  training: {
    objective: "npe",
    steps: 10,
    seed: 1,
    batch: 32,
    particles: 1,
    simulations: 320,
    heldOut: { final: 1.5, best: 1.25, bestStep: 8 },
    seconds: 0.5,
    device: "plain",
  },
};
const tensors: Record<string, NamedTensor> = {
  "layer.0": { shape: [4, 4], data: Float32Array.from({ length: 16 }, (_, i) => i / 7) },
  "embedding.mean": { shape: [1, 3], data: Float32Array.of(1, 2, 3) },
};

/** A model file whose spec is changed at one place. */
function changed(change: (spec: Record<string, never>) => unknown, format = FORMAT): Uint8Array {
  const copy = structuredClone(spec);
  change(copy as unknown as Record<string, never>);
  const stored = Object.entries(tensors).map(([name, t]) => [name, { dtype: "F32", ...t }] as const);
  const text = JSON.stringify({ format, version: VERSION, spec: copy });
  return encodeSafetensors(Object.fromEntries(stored), { retrodict: text });
}

test("a model file gives back the spec, the tensors and the version that wrote it", async () => {
  assert.equal(await decodeModel(encodeModel({ spec, tensors }, VERSION)), { version: VERSION, spec, tensors });
});

const share = { mean: 0.05, median: 0.04, p90: 0.06, max: 0.2 };
const found = { name: "depth", pValue: 0.3, passed: true, reading: "uniform within its bands" };
const calibration: ModelSpec["calibration"] = {
  verdict: { level: "sound", headline: "Believe it.", findings: [{ good: true, text: "All is well." }] },
  against: { name: "nuts", text: "chains" },
  cases: 100,
  draws: 1000,
  seed: 3,
  ks: { floor: 0.039, guide: share, corrected: null },
  kHatAbove: 0.02,
  resimulation: { guide: 1.1, truth: null },
  warned: 0,
  calibration: {
    cases: 1000,
    draws: 199,
    alpha: 0.01,
    sbc: {
      passed: true,
      curves: [found],
      ranks: [{ name: "depth", edges: [0, 100, 200], counts: [490, 510], low: [440, 440], high: [560, 560] }],
    },
    coverage: { passed: true, curves: [found] },
    tarp: { passed: true, curve: found },
    foreign: { beyondMost: 0.005, beyondAll: 0 },
  },
};

test("a model file keeps the record of an evaluation, also one without a likelihood", async () => {
  const without = { ...calibration, ks: null, kHatAbove: null, resimulation: null };
  for (const record of [calibration, without]) {
    const own = { ...spec, calibration: record };
    assert.equal((await decodeModel(encodeModel({ spec: own, tensors }, VERSION))).spec, own);
  }
});

test("a held-out loss that was never finite survives the model file", async () => {
  const training = { ...spec.training, heldOut: { final: Number.NaN, best: Number.POSITIVE_INFINITY, bestStep: 0 } };
  const { heldOut } = (await decodeModel(encodeModel({ spec: { ...spec, training }, tensors }, VERSION))).spec.training;
  assert.equal(heldOut, { final: Number.NaN, best: Number.NaN, bestStep: 0 });
});

// biome-ignore lint/suspicious/noExplicitAny: the tests write what no type allows
type Any = any;
const refused: readonly [what: string, change: (spec: Any) => unknown, message: RegExp][] = [
  ["without a guide", (s) => delete s.guide, /^model file: expected spec\.guide, got none$/],
  ["with a text for D", (s) => (s.D = "2"), /expected spec\.D to be number, got "2"/],
  ["with no parameters", (s) => (s.D = 0), /expected spec\.D to be >=1, got 0/],
  ["with names for other parameters", (s) => s.parameters.pop(), /expected 2 parameters, got 1/],
  ["with data of a length that no tensor has", (s) => (s.M = 1e9), /expected M of at most 19, .*, got 1000000000/],
  ["with wider layers than numbers", (s) => (s.guide.options.hidden = [1e6]), /guide options of at most 19, .*1000000/],
  ["with an unknown embedding", (s) => (s.embedding.kind = "code"), /spec\.embedding\.kind to be .*, got "code"/],
  ["with a fingerprint of other data", (s) => (s.fingerprint.forward = [[1]]), /fingerprint\.forward of rows of 3/],
  [
    "with a record of an evaluation that lacks its verdict",
    (s) => (s.calibration = {}),
    /spec\.calibration\.verdict, got none/,
  ],
  [
    "with a share above 1 in it",
    (s) => (s.calibration = { ...calibration, warned: 2 }),
    /spec\.calibration\.warned to be <=1, got 2/,
  ],
  ["with a loss that is a list", (s) => (s.training.heldOut.best = []), /spec\.training\.heldOut\.best/],
];
for (const [what, change, message] of refused) {
  test(`a model file ${what} is refused`, async () => {
    assert.match(await rejection(decodeModel(changed(change))), message);
  });
}

test("a model file of a later format is refused before its spec is read", async () => {
  const bytes = changed((s: Any) => delete s.guide, FORMAT + 1);
  assert.match(await rejection(decodeModel(bytes)), /expected format 1, got 2, written by another version/);
});

test("a safetensors file of another program is refused as such", async () => {
  const bytes = encodeSafetensors({}, { format: "pt" });
  assert.match(
    await rejection(decodeModel(bytes)),
    'expected metadata "retrodict", got a safetensors file of another program',
  );
  assert.match(
    await rejection(decodeCheckpoint(bytes)),
    "checkpoint: expected a checkpoint, got another safetensors file",
  );
});

test("a checkpoint comes back from its file as it was, a first one with no best loss too", async () => {
  const slab = (x: number): Float32Array => Float32Array.of(x, x / 3, 0, -x);
  const checkpoint: Checkpoint = {
    problem: "toy",
    step: 7,
    signature: '{"steps":10}',
    weights: slab(1),
    optimiser: { updates: 7, m: slab(2), v: slab(3), largest: new Float32Array(0), factors: slab(5) },
    best: { weights: slab(4), loss: 0.5, step: 5 },
    pending: [0.75, 2],
    heldOut: [
      [5, 0.5],
      [6, Number.NaN],
    ],
    losses: [[5, 0.75]],
    seconds: 1.5,
  };
  assert.equal(await decodeCheckpoint(encodeCheckpoint(checkpoint)), checkpoint);
  const first = { ...checkpoint, best: { ...checkpoint.best, loss: Number.POSITIVE_INFINITY, step: 0 }, heldOut: [] };
  assert.equal(await decodeCheckpoint(encodeCheckpoint(first)), first);
});

test("the version that model files record is that of the package", () => {
  const { version } = JSON.parse(fs.readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  assert.is(VERSION, version);
});

test.run();
