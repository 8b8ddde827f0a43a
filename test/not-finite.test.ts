// slow (8 s): every way to ask for an answer, with data of each kind that overflow
// Answers that are not finite: extreme observations and damaged weights are refused, and files carry a checksum.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { infer } from "../src/infer/infer.ts";
import { type InverseMap, makeInverseMap, type NamedTensor } from "../src/model/model.ts";
import { correct } from "../src/sampling/correct.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../src/store/checkpoint-file.ts";
import { decodeModel } from "../src/store/model-file.ts";
import { load, toBytes } from "../src/store/store.ts";
import type { TrainingStopped } from "../src/train/checkpoint.ts";
import { train } from "../src/train/train.ts";
import { retrodict } from "./helpers/cli.ts";
import { gaussianPosterior } from "./helpers/guides.ts";
import { rejection, small } from "./helpers/maps.ts";

/** The means of observations, by the first answer that needs draws. */
const means = async (map: InverseMap, y: readonly ArrayLike<number>[], where = {}): Promise<Float64Array[]> =>
  (await infer(map, y, where)).map(({ mean }) => mean);

const quick = { steps: 2, batch: 64, heldOut: 64, kernels: "plain", onWarning: () => {} } as const;

test("observations whose posterior overflows single precision are refused, with the row, on every executor", async () => {
  for (const [name, M, x] of [
    ["arm", 2, 3e38],
    ["rod", 9, 3e38],
    ["eit", 600, 1e19],
  ] as const) {
    const map = await load(name);
    for (const where of [{ kernels: "plain" }, {}, { worker: true }] as const) {
      const extreme = new Float64Array(M).fill(x);
      const usual = new Float64Array(M).fill(0.1);
      const refused =
        /^infer: expected finite (context|mean), got \S+ at index \d+; the observation is too extreme for single precision/;
      assert.match((await rejection(means(map, [extreme], where))).message, refused);
      const { message } = await rejection(means(map, [usual, extreme], where));
      assert.match(message, /^infer: y, row 2: expected finite (context|mean)/);
      assert.ok((await infer(map, usual, where)).mean.every(Number.isFinite), "and the next answer is as ever");
    }
  }
  const { status, out } = await retrodict(["infer", "arm", "--data", "-", "--json"], "3e38,3e38\n");
  assert.is(status, 1);
  assert.match(JSON.parse(out).error, /^infer: expected finite (context|mean), got NaN/);
});

/** The same map with one tensor that holds `x` alone. */
async function damaged(bytes: Uint8Array, name: RegExp, x: number) {
  const { spec, tensors } = await decodeModel(bytes);
  const entries = Object.entries(tensors).map(([key, t]): [string, NamedTensor] => [
    key,
    name.test(key) ? { ...t, data: t.data.map(() => x) } : t,
  ]);
  return makeInverseMap(spec, Object.fromEntries(entries), small, { kernels: "plain" });
}

test("weights that are damaged in memory give no answer: not by moments, not by draws, not by densities", async () => {
  const y = [0.5, -1, 0.1];
  for (const guide of ["gaussian", "coupling", "spline", "mixture"] as const) {
    const bytes = toBytes(await train(small, { ...quick, guide }));
    const map = await damaged(bytes, /./, 1e38);
    assert.match(
      (await rejection(means(map, [y]))).message,
      /^infer: expected finite (context|mean|sd|covariance|draws), got /,
    );
    const sound = await infer(await load(bytes, { kernels: "plain" }), y);
    for (const answer of [sound.mean, sound.sd, sound.covariance, sound.quantile(0.9), await sound.sample(50)])
      assert.ok(answer.every(Number.isFinite));
    assert.equal([...(await sound.logProb([0.5, -1, 1e38, 0]))].map(Number.isNaN), [false, false]);
  }
});

test("a distance that is not a number is no usual one", async () => {
  const bytes = toBytes(await train(small, { ...quick, guide: "gaussian" }));
  for (const x of [Number.NaN, Number.POSITIVE_INFINITY, 3e38]) {
    const p = await infer(await damaged(bytes, /^distance\./, x), [0.5, -1, 0.1]);
    assert.is(p.distance, Number.POSITIVE_INFINITY);
    assert.is(p.farther, 0);
    assert.match(p.warning ?? "", /immeasurably many times as far/);
  }
});

test("weights that all fall on one draw are no posterior", async () => {
  const y = Float64Array.of(0.5, -1, 0.1);
  const far = gaussianPosterior(y, Float64Array.of(9, 9), Float64Array.of(1, 0, 0, 1));
  const source = { owner: "small", problem: small, D: small.D, posterior: far, backend: { kernels: "plain" } as const };
  const { message } = await rejection(correct(source, { method: "psis", draws: 1 }));
  assert.match(
    message,
    /^correct: expected weights of more than one draw, got all of it on one of 1; use method "nuts"/,
  );
  const chains = await correct(source, { draws: 1, drawsPerChain: 50 });
  assert.is(chains.method, "nuts");
  assert.ok(chains.sd.every((s) => s > 0 && s < 3));
});

/** Bytes with one bit changed. */
const flipped = (bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> => {
  const copy = Uint8Array.from(bytes);
  copy[at] ^= 1;
  return copy;
};
const indexOf = (bytes: Uint8Array, text: string): number => Buffer.from(bytes).indexOf(text);

test("a file whose numbers or words changed is refused by its checksum, and one without a checksum is read", async () => {
  const map = await train(small, { ...quick, guide: "gaussian" });
  const refused =
    /^safetensors: expected the checksum "[0-9a-f]{8}" that the file states, got [0-9a-f]{8}: the file is damaged$/;
  for (const precision of ["f32", "f16"] as const) {
    const bytes = toBytes(map, { precision });
    const digit =
      indexOf(bytes, '\\"prior\\"') + Buffer.from(bytes.subarray(indexOf(bytes, '\\"prior\\"'))).indexOf("0.5");
    for (const at of [bytes.length - 2, bytes.length >> 1, digit + 2])
      assert.match((await rejection(load(flipped(bytes, at)))).message, refused, `${precision}, byte ${at}`);
    const old = Buffer.from(bytes);
    old.write("retrodict-other", indexOf(bytes, "retrodict-crc32")); // as a file of an earlier version, which has none
    assert.is((await load(Uint8Array.from(old))).spec.problem, "small");
  }
  const stopped = (await rejection(
    train(small, { ...quick, guide: "gaussian", rate: 1e30, steps: 50, schedule: { kind: "constant" } }),
  )) as TrainingStopped;
  const checkpoint = encodeCheckpoint(stopped.checkpoint);
  assert.is((await decodeCheckpoint(checkpoint)).problem, "small");
  assert.match((await rejection(decodeCheckpoint(flipped(checkpoint, checkpoint.length - 9)))).message, refused);
});

test.run();
