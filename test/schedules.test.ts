import { test } from "uvu";
import * as assert from "uvu/assert";
import { rates, type Schedule } from "../src/train/schedules.ts";

const STEPS = 400;
const all = (schedule: Schedule, steps = STEPS): Float32Array => rates(schedule, 0.01, steps);
/** Rates are f32. */
const close = (got: number, want: number): void =>
  assert.ok(Math.abs(got - want) <= 6e-8 * want + 1e-12, `${got}, ${want}`);

test("a constant schedule keeps the rate", () => {
  const r = all({ kind: "constant" });
  assert.is(r.length, STEPS);
  for (const x of r) close(x, 0.01);
});

test("a step schedule multiplies the rate once, at its step", () => {
  const r = all({ kind: "step", at: 150, factor: 0.1 });
  for (let t = 0; t < STEPS; t++) close(r[t], t < 150 ? 0.01 : 0.001);
});

test("a cosine schedule rises linearly, then falls as half a cosine to almost nothing", () => {
  const r = all({ kind: "cosine", warmup: 40 });
  for (let t = 0; t < 40; t++) close(r[t], (0.01 * (t + 1)) / 40);
  for (let t = 40; t < STEPS; t++) close(r[t], 0.005 * (1 + Math.cos((Math.PI * (t - 40)) / (STEPS - 40))));
  assert.ok(r[STEPS - 1] < 1e-6);
  assert.equal(all({ kind: "cosine" }), all({ kind: "cosine", warmup: 50 }));
});

test("a Robbins–Monro schedule falls as a power of the step", () => {
  const r = all({ kind: "robbinsMonro", delay: 20, power: 0.75 });
  for (let t = 0; t < STEPS; t++) close(r[t], 0.01 * (1 + t / 20) ** -0.75);
});

test("a warm-up takes at most a quarter of the steps, and no rate is ever above the largest", () => {
  for (let steps = 1; steps <= 40; steps++) {
    const r = all({ kind: "cosine" }, steps);
    for (const x of r) assert.ok(x > 0 && x <= Math.fround(0.01), `${steps} steps: ${r}`);
    assert.is(r.indexOf(Math.max(...r)), Math.max(0, Math.floor(steps / 4) - 1));
  }
  close(all({ kind: "cosine", warmup: 0 })[0], 0.01);
});

const refusals: readonly [string, unknown, RegExp][] = [
  [
    "an unknown schedule",
    { kind: "linear" },
    /^schedule: expected constant, step, cosine, robbinsMonro, got \{"kind":"linear"\}$/,
  ],
  ["a word", "cosine", /^schedule: expected constant, .*, got "cosine"$/],
  ["nothing", null, /^schedule: expected constant, .*, got null$/],
  ["a name of every object", { kind: "toString" }, /^schedule: expected constant, /],
  ["a step that is missing", { kind: "step", factor: 0.1 }, /^schedule.at: expected a step, got undefined$/],
  [
    "a factor that is missing",
    { kind: "step", at: 10 },
    /^schedule.factor: expected a positive number, got undefined$/,
  ],
  ["a factor of 0", { kind: "step", at: 10, factor: 0 }, /^schedule.factor: expected a positive number, got 0$/],
  ["a negative warm-up", { kind: "cosine", warmup: -1 }, /^schedule.warmup: expected a number of steps, got -1$/],
  [
    "a warm-up that is no number",
    { kind: "cosine", warmup: Number.NaN },
    /^schedule.warmup: expected a number of steps, got NaN$/,
  ],
  [
    "a power with a finite sum",
    { kind: "robbinsMonro", delay: 9, power: 1.1 },
    /^schedule.power: expected more than 0.5 and at most 1, got 1.1$/,
  ],
  ["a power whose squares do not sum", { kind: "robbinsMonro", delay: 9, power: 0.5 }, /^schedule.power: .*, got 0.5$/],
  [
    "no delay",
    { kind: "robbinsMonro", delay: 0, power: 1 },
    /^schedule.delay: expected a positive number of steps, got 0$/,
  ],
];
for (const [what, schedule, message] of refusals) {
  test(`schedules refuse ${what}`, () => {
    assert.throws(
      () => rates(schedule as Schedule, 0.01, 10),
      (error: Error) => message.test(error.message) || assert.unreachable(error.message),
    );
  });
}

test.run();
