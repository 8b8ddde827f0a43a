// Simulators that are functions: batches, concurrent calls, retries, time limits, failures that stop or are dropped.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normal } from "../src/distributions/normal.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Simulator, SimulatorSpec } from "../src/problem/simulator.ts";
import { type SimulationProgress, SimulationStopped } from "../src/simulate/options.ts";
import { type SimulateOptions, simulate } from "../src/simulate/simulate.ts";
import { train } from "../src/train/train.ts";
import { outside, rejection } from "./helpers/maps.ts";

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const model = (theta: Float64Array[]): number[][] => theta.map(([a, b]) => [a, a + b, a * b]);
const plain: SimulateOptions = { kernels: "plain", seed: 5 };
const quiet = { backoff: 0.001 };

test("many calls at a time leave no warning of listeners", async () => {
  const warnings: string[] = [];
  const note = (warning: Error): void => void warnings.push(warning.name);
  process.on("warning", note);
  const run: Simulator = (theta) => wait(1).then(() => model(theta));
  const signal = new AbortController().signal;
  await simulate(outside({ run, batch: 1, concurrency: 40, timeout: 600 }), 80, { ...plain, signal });
  await wait(1);
  process.off("warning", note);
  assert.equal(warnings, []);
});

test("neither batches nor the number of calls at a time change what is simulated", async () => {
  const sizes: number[] = [];
  let [running, most] = [0, 0];
  const slow: Simulator = async (theta) => {
    sizes.push(theta.length);
    most = Math.max(most, ++running);
    await wait((13 * sizes.length) % 7); // answers come in another order than they are asked for
    running--;
    return model(theta);
  };
  const whole = await simulate(outside(model), 100, plain);
  for (const [batch, concurrency] of [
    [7, 4],
    [1, 16],
    [1000, 3],
  ]) {
    sizes.length = most = 0;
    assert.equal(await simulate(outside({ run: slow, batch, concurrency }), 100, plain), whole);
    assert.is(sizes.length, Math.ceil(100 / batch));
    assert.ok(Math.max(...sizes) <= batch);
    assert.is(most, Math.min(concurrency, sizes.length), "as many calls at a time as were asked for, and no more");
  }
});

test("a row has its own seed whatever the batches, and other draws have others", async () => {
  const seen: Record<string, Set<string>> = {};
  const collect =
    (key: string): Simulator =>
    (theta, { seeds }) => {
      for (const [i, row] of theta.entries()) (seen[key] ??= new Set()).add(`${row} ${seeds[i]}`);
      return model(theta);
    };
  await simulate(outside({ run: collect("a"), batch: 3 }), 50, plain);
  await simulate(outside({ run: collect("b"), batch: 16, concurrency: 2 }), 50, plain);
  await simulate(outside({ run: collect("c") }), 50, { ...plain, seed: 6 });
  assert.equal([...seen.a].sort(), [...seen.b].sort());
  const seeds = (key: string): string[] => [...seen[key]].map((text) => text.split(" ")[1]);
  assert.is(new Set([...seeds("a"), ...seeds("c")]).size, 100);
});

test("a call that fails is made again after growing waits, and the result is the same", async () => {
  const times: number[] = [];
  const flaky: Simulator = async (theta) => {
    times.push(performance.now());
    if (times.length < 4) throw new Error("busy");
    return model(theta);
  };
  const got = await simulate(outside({ run: flaky, retries: 3, backoff: 0.02 }), 20, plain);
  assert.equal(got, await simulate(outside(model), 20, plain));
  const gaps = times.slice(1).map((t, i) => t - times[i]);
  for (const [i, least] of [20, 40, 80].entries()) assert.ok(gaps[i] >= least - 2, `${gaps}`);
});

test("a row that always fails is reported with its parameters, its number and the cause, and other rows are not", async () => {
  const { theta } = await simulate(outside(model), 64, plain);
  const bad = theta[2 * 37];
  const calls: number[] = [];
  const run: Simulator = (rows) => {
    calls.push(rows.length);
    if (rows.some(([a]) => Math.fround(a) === bad)) throw new Error("the mesh is tangled");
    return model(rows);
  };
  const error = await rejection(simulate(outside({ run, retries: 1, ...quiet }), 64, plain));
  const shown = Number(bad.toPrecision(4));
  assert.match(error.message, new RegExp(`^simulate: expected data for θ = \\(${shown}`));
  assert.match(error.message, /, row 38 of 64, in up to 2 tries, got the mesh is tangled$/);
  assert.is((error.cause as Error).message, "the mesh is tangled");
  assert.equal(calls.slice(0, 3), [64, 64, 32], "twice as a whole, then in halves");
  assert.ok(calls.length < 2 + 2 * 6 + 4, `${calls}`);
});

test("an error that is marked as permanent is not tried again", async () => {
  let calls = 0;
  const run: Simulator = () => {
    calls++;
    throw Object.assign(new Error("no such model"), { permanent: true });
  };
  assert.match((await rejection(simulate(outside({ run, retries: 5, batch: 1 }), 3, plain))).message, "no such model");
  assert.is(calls, 1);
});

test("a call that takes too long is abandoned, gets an abort signal and is repeated", async () => {
  let calls = 0;
  let answer = (): void => {};
  const told: string[] = [];
  const run: Simulator = async (theta, { signal }) => {
    if (++calls === 1) {
      signal.addEventListener("abort", () => told.push(String(signal.reason)));
      await new Promise<void>((resolve) => (answer = resolve));
      return theta.map(() => [7, 7, 7]); // too late: nobody must take it
    }
    return model(theta);
  };
  // Whoever waited for the first call would wait for ever: it answers when all is done.
  const got = await simulate(outside({ run, timeout: 0.05, retries: 1, ...quiet }), 10, plain);
  answer();
  await wait(1);
  assert.is(calls, 2);
  assert.equal(got, await simulate(outside(model), 10, plain));
  assert.equal(told, ["Error: expected an answer within 0.05 s, got none"]);
  const never: Simulator = () => new Promise(() => {});
  const { message } = await rejection(simulate(outside({ run: never, timeout: 0.02, batch: 1 }), 2, plain));
  assert.match(message, /row 1 of 2, got expected an answer within 0.02 s, got none$/);
});

test("rows that fail are dropped where that is asked for, and how many is said", async () => {
  const run: Simulator = (theta) => {
    if (theta.some(([a]) => a > 1.5)) throw new Error("overflow");
    return theta.map(([a, b]) => (a < -1.5 ? [Number.NaN, 0, 0] : [a, a + b, a * b]));
  };
  const warnings: string[] = [];
  const options = { ...plain, onWarning: (text: string) => warnings.push(text) };
  const all = await simulate(outside(model), 200, plain);
  const good = Array.from({ length: 200 }, (_, i) => i).filter((i) => Math.abs(all.theta[2 * i]) <= 1.5);
  for (const concurrency of [1, 4]) {
    const got = await simulate(outside({ run, failures: "drop", batch: 16, concurrency }), 200, options);
    assert.is(got.count, good.length);
    assert.equal(got.theta, Float32Array.from(good.flatMap((i) => [...all.theta.subarray(2 * i, 2 * i + 2)])));
    assert.equal(got.clean, Float32Array.from(good.flatMap((i) => [...all.clean.subarray(3 * i, 3 * i + 3)])));
    assert.is(got.noisy.length, got.clean.length);
  }
  assert.is(warnings.length, 2);
  assert.match(warnings[0], `${200 - good.length} of 200 simulations`);
  assert.match(
    warnings[0],
    /posteriors belong to the prior restricted to parameters at which "outside" can be simulated; one of them: /,
  );
});

test("if more than half would be dropped nothing is returned, and hopeless work ends early", async () => {
  const half: Simulator = (theta) => theta.map(([a, b]) => (a > -0.3 ? [Number.NaN, 0, 0] : [a, b, 0]));
  const { message } = await rejection(simulate(outside({ run: half, failures: "drop" }), 400, plain));
  assert.match(
    message,
    /^simulate: expected at most half of the simulations to fail, got 2\d\d failures among \d+ of 400/,
  );
  assert.match(message, /; the first: .* θ = \(/);
  let calls = 0;
  const dead: Simulator = () => {
    calls++;
    throw new Error("connection refused");
  };
  const hopeless = await rejection(simulate(outside({ run: dead, failures: "drop", batch: 1 }), 5000, plain));
  assert.match(hopeless.message, /got 100 failures among 100 of 5000; the first: .*connection refused/);
  assert.is(calls, 100);
});

test("progress counts every simulation, over the bank and what is held out, with rate and time left", async () => {
  const seen: SimulationProgress[] = [];
  const run: Simulator = (theta) => wait(2).then(() => model(theta));
  const guide = gaussian({ hidden: [] });
  const options = { guide, steps: 5, batch: 8, bank: 40, heldOut: 10, kernels: "plain" } as const;
  await train(outside({ run, batch: 8, concurrency: 2 }), { ...options, onSimulate: (p) => seen.push(p) });
  assert.ok(seen.length >= 7);
  assert.ok(seen.every((p, i) => p.count === 50 && (i === 0 || p.done >= seen[i - 1].done)));
  const last = seen[seen.length - 1];
  assert.equal([last.done, last.kept, last.failed, last.secondsLeft], [50, 0, 0, 0]);
  assert.ok(last.perSecond > 0 && seen[3].secondsLeft > 0 && seen[3].secondsLeft < 10);
});

test("an abort stops between calls, and calls under way receive the signal", async () => {
  const controller = new AbortController();
  let [begun, told] = [0, 0];
  const run: Simulator = async (theta, { signal }) => {
    const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(void told++)));
    if (++begun === 4) controller.abort();
    if (begun > 2) await stopped; // two are done, two are under way
    return model(theta);
  };
  const options = { bank: 100, heldOut: 10, signal: controller.signal };
  const error = await rejection(train(outside({ run, batch: 5, concurrency: 2 }), options));
  assert.instance(error, SimulationStopped);
  assert.match(
    error.message,
    /^simulate: stopped at 20 of 110 simulations; nothing of them is kept; a bank file would$/,
  );
  assert.equal([begun, told], [4, 2]);
});

test("a simulator with noise of its own is learned with noise: null", async () => {
  // y = θ + N(0, 0.5²), the noise made by the simulator from the seeds of its rows, by a sum of twelve uniforms.
  const run: Simulator = (theta, { seeds }) =>
    theta.map(([x], i) => {
      let [state, sum] = [seeds[i], -6];
      for (let k = 0; k < 12; k++) {
        state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
        sum += ((state ^ (state >>> 13)) >>> 0) / 4294967296;
      }
      return [x + 0.5 * sum];
    });
  const problem = defineProblem({ name: "noisy", prior: normal(0, 1), data: 1, noise: null, simulate: run });
  const bank = await simulate(problem, 50, plain);
  assert.equal(bank.noisy, bank.clean);
  const options = { guide: gaussian({ hidden: [] }), steps: 1000, rate: 1e-2, kernels: "plain" } as const;
  const { mean, sd } = await infer(await train(problem, options), [0.5]);
  assert.ok(Math.abs(mean[0] - 0.4) < 0.03 && Math.abs(sd[0] - Math.sqrt(0.2)) < 0.03, `${mean}, ${sd}`);
  const refused = await rejection(train(problem, { ...options, objective: "elbo" }));
  assert.match(refused.message, /^objective "elbo": .* only simulate\(\); use objective "npe"$/);
});

const wrong: readonly [string, object, RegExp][] = [
  ["no function", { run: 3 }, /^outside: simulate: expected run to be a function, got 3$/],
  ["an unknown setting", { run: model, retry: 1 }, /^outside: simulate: expected options run, .*; got "retry"$/],
  [
    "no batch",
    { run: model, batch: 0 },
    /^outside: simulate: expected batch to be a whole number of at least 1, got 0$/,
  ],
  ["no calls", { run: model, concurrency: 0 }, /expected concurrency to be a whole number from 1 to 1024, got 0$/],
  ["retries in words", { run: model, retries: "2" }, /expected retries to be a whole number from 0 to 100, got "2"$/],
  ["a negative timeout", { run: model, timeout: -1 }, /expected timeout to be seconds from 0 .*, got -1$/],
  ["an unknown fate", { run: model, failures: "skip" }, /expected failures to be one of "stop", "drop", got "skip"$/],
  [
    "other parameters",
    { run: model, D: 3 },
    /^outside: expected a prior of 3 parameters, as simulate takes, got one of 2$/,
  ],
  ["other data", { run: model, M: 4 }, /^outside: expected data 4, as simulate gives, got 3$/],
];
for (const [what, spec, message] of wrong) {
  test(`a simulator with ${what} is refused when the problem is defined`, () => {
    assert.throws(
      () => outside(spec as SimulatorSpec),
      (e: Error) => message.test(e.message) || assert.unreachable(e.message),
    );
  });
}

test("the number of data can be left out for a simulator that states it", () => {
  assert.is(outside({ run: model, M: 3 }, { data: undefined }).M, 3);
});

test.run();
