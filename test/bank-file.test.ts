// A bank of simulations on disk: it resumes to the same bits, refuses another problem's file, and survives damage.
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normal } from "../src/distributions/normal.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import type { Simulator, SimulatorSpec } from "../src/problem/simulator.ts";
import { decodeBankFile } from "../src/simulate/bank-file.ts";
import type { SimulationProgress } from "../src/simulate/options.ts";
import { simulate } from "../src/simulate/simulate.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { processorSeconds } from "./helpers/clock.ts";
import { bitsOf, outside, rejection, small } from "./helpers/maps.ts";

const folder = fs.mkdtempSync(join(tmpdir(), "retrodict-bank-"));
test.after(() => fs.rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

let asked = 0;
const model: Simulator = (theta) => {
  asked += theta.length;
  return theta.map(([a, b]) => [a, a + b, a * b]);
};
const options: TrainOptions = {
  guide: gaussian({ hidden: [4] }),
  steps: 30,
  batch: 16,
  bank: 90,
  heldOut: 20,
  seed: 5,
  kernels: "plain",
};
const batches: SimulatorSpec = { run: model, batch: 8 };

/** Weights without a file: what all others must equal. */
const expected = bitsOf(await train(outside(batches), options));

test("a training with a bank file gives the same bits, and a second one simulates nothing", async () => {
  const bankFile = at("whole.bank");
  asked = 0;
  assert.is(bitsOf(await train(outside(batches), { ...options, bankFile })), expected);
  assert.is(asked, 110);
  const { mtimeMs } = fs.statSync(bankFile);
  let last: SimulationProgress | undefined;
  const again = await train(outside(batches), { ...options, bankFile, onSimulate: (p) => (last = p) });
  assert.is(bitsOf(again), expected);
  assert.is(asked, 110);
  assert.equal([last?.done, last?.count, last?.kept], [110, 110, 110]);
  assert.is(fs.statSync(bankFile).mtimeMs, mtimeMs, "the file was not touched");
});

test("an interrupted bank is carried on, with other batches and calls at a time, to the same bits", async () => {
  const bankFile = at("cut.bank");
  const controller = new AbortController();
  asked = 0;
  const stopping: Simulator = async (theta, call) => {
    if (asked >= 40) controller.abort();
    return model(theta, call);
  };
  const error = await rejection(
    train(outside({ ...batches, run: stopping }), { ...options, bankFile, signal: controller.signal }),
  );
  assert.match(
    error.message,
    /^simulate: stopped at 48 of 110 simulations; they are kept in ".*cut.bank", from which the same call continues$/,
  );
  assert.is(asked, 48);
  const rest = await train(outside({ run: async (t, c) => model(t, c), batch: 5, concurrency: 3 }), {
    ...options,
    bankFile,
  });
  assert.is(asked, 110, "only what was missing");
  assert.is(bitsOf(rest), expected);
});

test("what was simulated before an error is kept", async () => {
  const bankFile = at("error.bank");
  asked = 0;
  const failing: Simulator = (theta, call) => {
    if (asked >= 24) throw new Error("the licence has run out");
    return model(theta, call);
  };
  const problem = outside({ ...batches, run: failing });
  assert.match(
    (await rejection(train(problem, { ...options, bankFile }))).message,
    /row 25 of 90.*licence has run out$/,
  );
  assert.is(bitsOf(await train(outside(batches), { ...options, bankFile })), expected);
  assert.is(asked, 110);
});

test("a larger bank takes up a smaller one", async () => {
  const bankFile = at("grown.bank");
  asked = 0;
  await train(outside(batches), { ...options, bank: 50, heldOut: 10, bankFile });
  assert.is(asked, 60);
  assert.is(bitsOf(await train(outside(batches), { ...options, bankFile })), expected);
  assert.is(asked, 110);
});

test("dropped simulations are remembered, so that a resumed training is the uninterrupted one", async () => {
  const bankFile = at("dropped.bank");
  const run: Simulator = (theta, call) => {
    const rows = model(theta, call) as number[][];
    return rows.map((row, i) => (theta[i][0] > 1 ? [Number.NaN, 0, 0] : row));
  };
  const problem = outside({ run, batch: 8, failures: "drop" });
  const warnings: string[] = [];
  const all = { ...options, bankFile, onWarning: (text: string) => warnings.push(text) };
  const first = await train(problem, all);
  asked = 0;
  const second = await train(problem, all);
  assert.is(asked, 0);
  assert.is(bitsOf(second), bitsOf(first));
  assert.is(first.spec.training.simulations, second.spec.training.simulations);
  assert.ok(first.spec.training.simulations < 90);
  assert.is(warnings.filter((text) => text.includes("were dropped")).length, 4, "it is said again");
});

test("torn and damaged records are simulated again, all others are kept", async () => {
  const bankFile = at("torn.bank");
  await train(outside(batches), { ...options, bankFile });
  const bytes = fs.readFileSync(bankFile);
  const marks: number[] = [];
  for (let i = bytes.indexOf("RTDD"); i >= 0; i = bytes.indexOf("RTDD", i + 1)) marks.push(i);
  assert.is(marks.length, Math.ceil(90 / 8) + Math.ceil(20 / 8));
  const identity = {
    problem: "outside",
    D: 2,
    M: 3,
    prior: normal([0, 0], 1).spec,
    proposal: null,
    seed: 5,
  };
  assert.is(decodeBankFile(bytes, bankFile, identity).damaged, 0);
  // The write of the second record was cut off, and others went on behind it; a bit of the fifth has flipped; the last is cut.
  const torn = Buffer.concat([bytes.subarray(0, marks[2] - 9), bytes.subarray(marks[2], bytes.length - 30)]);
  torn[marks[4] + 40] ^= 4;
  fs.writeFileSync(bankFile, torn);
  const { records, damaged } = decodeBankFile(torn, bankFile, identity);
  assert.is(records.length, marks.length - 3);
  assert.ok(damaged > 0);
  asked = 0;
  assert.is(bitsOf(await train(outside(batches), { ...options, bankFile })), expected);
  assert.is(asked, 8 + 8 + 4);
});

test("damage of any kind is passed over in time of the file's length", async () => {
  const bankFile = at("marks.bank");
  await train(outside(batches), { ...options, bankFile });
  const whole = fs.readFileSync(bankFile);
  const identity = { problem: "outside", D: 2, M: 3, prior: normal([0, 0], 1).spec, proposal: null, seed: 5 };
  const { records } = decodeBankFile(whole, bankFile, identity);
  // Each 16 bytes begin a record that would fill the rest of the file: 36 bytes a row.
  const marks = Buffer.alloc(16 * 25_000);
  for (let i = 0; i < marks.length; i += 16) {
    const rows = Math.floor((marks.length - i - 20) / 36);
    marks.write("RTDC", i);
    marks.writeUInt32LE(8 + 36 * Math.max(rows, 0), i + 4);
    marks.writeUInt32LE(Math.max(rows, 0), i + 12);
  }
  const noise = Buffer.alloc(400_000, "RTD");
  const lengths = Buffer.alloc(400_000, Buffer.from("RTDC\u0000\u0000\u0001\u0000", "latin1"));
  for (const damage of [noise, lengths, marks]) {
    const seconds = processorSeconds(() => {
      const read = decodeBankFile(Buffer.concat([whole, damage]), bankFile, identity);
      assert.equal([read.records.length, read.damaged], [records.length, damage.length]);
    });
    assert.ok(seconds < 1.5, `${seconds} s, where it is a hundredth`);
  }
});

const others: readonly [string, () => Promise<unknown>, RegExp][] = [
  [
    "another seed",
    () => train(outside(batches), { ...options, seed: 6, bankFile: at("own.bank") }),
    /seed 6, got .* seed 5/,
  ],
  [
    "another prior",
    () => train(outside(batches, { prior: normal([0, 1], 1) }), { ...options, bankFile: at("own.bank") }),
    /with prior \{.*\[0,1\].*\}, got a bank with prior /,
  ],
  [
    "a proposal",
    () => train(outside(batches, { proposal: normal([0, 0], 2) }), { ...options, bankFile: at("own.bank") }),
    /with proposal \{.*\}, got a bank with proposal null/,
  ],
  [
    "another number of data",
    () => train(outside(batches, { data: 2 }), { ...options, bankFile: at("own.bank") }),
    /with M 2, got a bank with M 3; name another file, or delete it$/,
  ],
  [
    "another problem",
    () => train(outside(batches, { name: "inside" }), { ...options, bankFile: at("own.bank") }),
    /with problem "inside", got a bank with problem "outside"/,
  ],
  [
    "a file of another kind",
    () => train(outside(batches), { ...options, bankFile: at("other.txt") }),
    /expected a bank of simulations, got a file of another kind; name another file$/,
  ],
  ["a folder", () => train(outside(batches), { ...options, bankFile: folder }), /^cannot read ".*": it is a folder$/],
  [
    "a folder that is not there",
    () => train(outside(batches), { ...options, bankFile: at("no/x.bank") }),
    /^cannot write ".*no\/x.bank": no such file or folder$/,
  ],
  [
    "a problem that needs none",
    () => train(small, { ...options, bankFile: at("own.bank") }),
    /^train: expected bankFile only with a problem that has simulate\(\), .*; "small" has none$/,
  ],
  [
    "no path",
    () => train(outside(batches), { ...options, bankFile: 3 as never }),
    /^train: expected bankFile to be a path, as a string, got 3$/,
  ],
  [
    "more than a file holds",
    () => simulate(outside(batches, { data: 3000 }), 89_460, { bankFile: at("huge.bank") }),
    /expected a bank of at most 2147483647 bytes, got 89460 simulations of 2149/,
  ],
];
test("the bank of another training is refused with the difference, and stays unchanged", async () => {
  await train(outside(batches), { ...options, bankFile: at("own.bank") });
  fs.writeFileSync(at("other.txt"), "these are my notes");
  const before = fs.readFileSync(at("own.bank"));
  asked = 0;
  for (const [what, run, message] of others) assert.match((await rejection(run())).message, message, what);
  assert.is(asked, 0);
  assert.equal(fs.readFileSync(at("own.bank")), before);
  assert.is(fs.readFileSync(at("other.txt"), "utf8"), "these are my notes");
  assert.not(fs.existsSync(at("huge.bank")));
});

test.run();
