// slow (10 s): ten processes of the command line
/** Checkpoints while a training runs: what a killed process loses, what is left behind, and results that cannot be written. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussian } from "../src/guides/gaussian.ts";
import { decodeModel } from "../src/store/model-file.ts";
import { loadCheckpoint, save, saveCheckpoint } from "../src/store/store.ts";
import type { Checkpoint } from "../src/train/checkpoint.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { libraryUrl, retrodict, temporary } from "./helpers/cli.ts";
import { bitsOf, rejection, small } from "./helpers/maps.ts";
import { root } from "./helpers/processes.ts";

const { at, write, remove } = temporary("retrodict-checkpoints-");
test.after(remove);

const base: TrainOptions = {
  guide: gaussian({ hidden: [8] }),
  ...{ steps: 120, batch: 32, heldOut: 64, evaluateEvery: 50, seed: 3, kernels: "plain" },
};

/** All of a map but its time. */
const resultOf = (map: Awaited<ReturnType<typeof train>>): unknown => {
  const { seconds: _seconds, ...record } = map.spec.training;
  return [bitsOf(map), record];
};

for (const [what, more] of Object.entries<TrainOptions>({
  Adam: {},
  "AMSGrad and a bank": { optimiser: "amsgrad", bank: 200 },
  SOAP: { optimiser: "soap" },
  "the ELBO": { objective: "elbo", particles: 2 },
})) {
  test(`every checkpoint handed over while training resumes to the same bits, curve of losses included: ${what}`, async () => {
    const kept: Checkpoint[] = [];
    const onCheckpoint = (checkpoint: Checkpoint): void => void kept.push(checkpoint);
    const whole = await train(small, { ...base, ...more, onCheckpoint, checkpointEvery: 1e-6 });
    assert.ok(kept.length >= 3, `${kept.length} checkpoints`);
    assert.ok(
      kept.some(({ step }) => step % 50 !== 0),
      "between two held-out losses too",
    );
    for (const checkpoint of kept.filter((_, i) => i % 3 === 0)) {
      await saveCheckpoint(checkpoint, at("c"));
      const resumed = await train(small, { ...base, ...more, resume: await loadCheckpoint(at("c")) });
      assert.equal(resultOf(resumed), resultOf(whole));
    }
  });
}

test("no checkpoint is handed over before its time, and one that fails is a warning", async () => {
  const never = (): never => {
    throw new Error("no checkpoint was due");
  };
  await train(small, { ...base, onCheckpoint: never }); // 60 s by default
  for (const failing of [never, () => Promise.reject(new Error("disk full")), () => Promise.reject(undefined)]) {
    const told: string[] = [];
    const options = { ...base, onWarning: (text: string) => void told.push(text), checkpointEvery: 1e-6 };
    const map = await train(small, { ...options, onCheckpoint: failing });
    assert.is(map.spec.training.steps, 120);
    assert.match(
      told[0],
      /^training: the checkpoint of step \d+ is not kept, and training continues: (no|disk|undefined)/,
    );
  }
});

const weightsOf = async (path: string): Promise<string> =>
  JSON.stringify(
    Object.entries((await decodeModel(fs.readFileSync(path))).tensors).map(([name, { data }]) => [name, ...data]),
  );

const slowModule = write(
  "slow.mjs",
  `import { defineProblem, gaussianNoise, normal } from "${libraryUrl("index.js")}";
import { square } from "${libraryUrl("ops.js")}";
const wait = setTimeout;
globalThis.setTimeout = (f, ms, ...rest) => wait(f, ms === 0 ? 20 : ms, ...rest);
export default defineProblem({ name: "slow", prior: normal([0, 0], 1), forward: square, noise: gaussianNoise(0.1) });`,
);
const slow = ["train", slowModule, "--guide", "gaussian", "--steps", "400", "--batch", "32", "--kernels", "plain"];

test("a process that is killed is resumed from its last checkpoint to the same bits, and nothing is left behind", async () => {
  const whole = await retrodict([...slow, "--out", at("whole")]);
  assert.is(whole.status, 0, whole.err);
  fs.mkdirSync(at("cut"));
  const args = [...slow, "--out", at("cut/model"), "--checkpoint-every", "0.01"];
  let resume: string[] = [];
  for (let kills = 0; kills < 3; kills++) {
    const child = spawn(process.execPath, [join(root, "dist/cli.js"), ...args, ...resume], {
      env: { ...process.env, DEBUG: "" },
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (text.includes("keeps a checkpoint")) child.kill("SIGKILL");
    });
    await new Promise((ended) => child.on("close", ended));
    resume = ["--resume", at("cut/model.checkpoint.safetensors")];
  }
  const files = fs.readdirSync(at("cut")).filter((name) => !name.endsWith(".tmp"));
  assert.equal(files, ["model.checkpoint.safetensors"], "one checkpoint, however many were written");
  const rest = await retrodict([...args, ...resume]);
  assert.is(rest.status, 0, rest.err);
  assert.match(rest.err, /from step [1-9]/);
  assert.ok((await weightsOf(at("cut/model"))) === (await weightsOf(at("whole"))), "other weights");
  assert.equal(fs.readdirSync(at("cut")), ["model"], "no checkpoint of a training that has ended, no temporary file");
});

test("a save removes the temporary files of killed processes of this machine, and no other file", async () => {
  const map = await train(small, { ...base, steps: 2 });
  fs.mkdirSync(at("swept"));
  const dead = spawn(process.execPath, ["--version"]);
  await new Promise((ended) => dead.on("close", ended));
  const here = hostname()
    .replace(/[^A-Za-z0-9]/g, "_")
    .slice(0, 60);
  const name = (machine: string, pid: number | undefined): string =>
    `swept/.m.retrodict-${machine}-${pid}-0123abcd.tmp`;
  const gone = [name(here, dead.pid), name(here, dead.pid).replace("/.m", "/.another")];
  const stay = [name(here, process.pid), name("elsewhere", dead.pid), `swept/.m.${dead.pid}.tmp`];
  for (const file of [...gone, ...stay]) write(file, "x");
  await save(map, at("swept/model"));
  assert.equal(fs.readdirSync(at("swept")).sort(), [...stay.map((file) => file.slice(6)), "model"].sort());
});

const DROPS = (folder: string): string => `import { rmSync } from "node:fs";
import { defineProblem, gaussianNoise, normal } from "${libraryUrl("index.js")}";
export default defineProblem({ name: "drops", prior: normal(0, 1), data: 1, noise: gaussianNoise(0.1), simulate: (rows) => {
  rmSync(${JSON.stringify(folder)}, { recursive: true, force: true });
  if (process.env.INTERRUPT && rows.length > 16) setTimeout(() => process.kill(process.pid, "SIGTERM"), 300);
  return rows.map(([a]) => [a]);
} });`;

for (const [what, env, kept] of [
  ["A trained model", {}, /the trained model is in "([^"]*model)"/],
  [
    "The checkpoint of a training that was stopped",
    { INTERRUPT: "yes" },
    /saved step \d+ to "([^"]*model.checkpoint.safetensors)"/,
  ],
] as const) {
  test(`${what} whose folder is gone is kept elsewhere, and the error says where`, async () => {
    const folder = at("gone");
    fs.mkdirSync(folder);
    const steps = "INTERRUPT" in env ? "100000000" : "10";
    const args = [
      "train",
      write("drops.mjs", DROPS(folder)),
      "--simulations",
      "64",
      "--held-out",
      "16",
      "--steps",
      steps,
    ];
    const { status, out, err } = await retrodict([...args, "--out", join(folder, "model"), "--json"], "", { env });
    assert.is(status, 1, err);
    assert.match(err, /cannot write ".*gone\/model.*": no such file or folder; /);
    const path = kept.exec(JSON.parse(out).error)?.[1] ?? "";
    assert.ok(fs.statSync(path).size > 1000, path);
    fs.rmSync(dirname(path), { recursive: true });
  });
}

test("a checkpoint that is damaged in any part is refused in words", async () => {
  let checkpoint: Checkpoint | undefined;
  await train(small, { ...base, onCheckpoint: (c) => void (checkpoint ??= c), checkpointEvery: 1e-6 });
  const good = checkpoint as Checkpoint;
  const damaged: [Partial<Record<keyof Checkpoint, unknown>>, RegExp][] = [
    [{ step: 121 }, /^resume: expected a checkpoint with a step within the training \(120 steps in all\), got 121;/],
    [{ step: 120, heldOut: [] }, /with held-out losses up to its step/],
    [{ signature: "{" }, /^resume: expected a signature of options as JSON, got "\{"; the checkpoint is damaged$/],
    [{ signature: "null" }, /expected a signature of options as JSON, got "null"/],
    [{ signature: `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}` }, /expected a signature of options as JSON, got "\{/],
    [{ signature: "7" }, /expected a signature of options as JSON, got "7"/],
    [{ best: { ...good.best, step: 99 } }, /with its best step before its last/],
    [{ heldOut: [[119, 1]] }, /with held-out losses up to its step/],
    [{ weights: good.weights.slice(1) }, /with weights, the best weights and moments of one length/],
    [{ optimiser: undefined }, /with weights, the best weights and moments of one length/],
    [{ optimiser: { ...good.optimiser, updates: 2 ** 53 } }, /with as many updates as steps .*, got 9007199254740992;/],
    [{ optimiser: { ...good.optimiser, largest: new Float32Array(3) } }, /moments of one length/],
    [{ pending: undefined }, /with training losses/],
  ];
  for (const [change, message] of damaged)
    assert.match(
      (await rejection(train(small, { ...base, resume: { ...good, ...change } as Checkpoint }))).message,
      message,
    );
});

test.run();
