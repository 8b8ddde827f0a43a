// Answers of simulators: each row is an array of its own, and a list answers a list.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Simulator, SimulatorSpec } from "../src/problem/simulator.ts";
import { splitPairs } from "../src/simulate/pairs.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { outside, rejection, small } from "./helpers/maps.ts";

const model = (theta: ArrayLike<number>): number[] => [theta[0], theta[0] + theta[1], theta[0] * theta[1]];
const run = (simulator: Simulator | SimulatorSpec) => simulate(outside(simulator), 50, { kernels: "plain" });
const refusal = async (simulator: Simulator | SimulatorSpec): Promise<string> =>
  (await rejection(run(simulator))).message;

/** Fills an array with the data of θ, and returns it. */
const fill = <T extends number[] | Float64Array>(row: T, theta: ArrayLike<number>): T => {
  model(theta).forEach((x, j) => {
    row[j] = x;
  });
  return row;
};

test("rows that are one array are refused: an array, views of one buffer, and memory that many arrays share", async () => {
  const shared = /^simulate: expected an array of its own for each row, got one array for rows 1 and 2, .* copy it/;
  const row: number[] = [];
  const { buffer } = new Float64Array(8);
  assert.match(await refusal((thetas) => thetas.map((t) => fill(row, t))), shared);
  assert.match(await refusal((thetas) => thetas.map((t) => fill(new Float64Array(buffer, 16, 3), t))), shared);
  const last = async (thetas: Float64Array[]) => thetas.map((t, i) => (i < 48 ? model(t) : fill(row, t)));
  assert.match(await refusal(last), /got one array for rows 49 and 50/);
  const table = new Float64Array(150);
  const right = (await run((thetas) => thetas.map(model))).clean;
  const apart = (thetas: Float64Array[]) => thetas.map((t, i) => fill(table.subarray(3 * i, 3 * i + 3), t));
  assert.equal((await run(apart)).clean, right, "views of different places are rows of their own");
});

test("a list that a simulator fills again is copied before its next call, or refused", async () => {
  const right = (await run((thetas) => thetas.map(model))).clean;
  const list: number[][] = Array.from({ length: 10 }, () => []);
  const again = (thetas: Float64Array[]): number[][] => thetas.map((t, i) => fill(list[i], t));
  for (const concurrency of [1, 4]) assert.equal((await run({ run: again, batch: 10, concurrency })).clean, right);
  const later: Simulator = async (thetas) => again(thetas);
  assert.equal((await run({ run: later, batch: 10 })).clean, right, "one call at a time");
  const outer: number[][] = [];
  const lists: Simulator = async (thetas) => {
    thetas.forEach((t, i) => {
      outer[i] = model(t);
    });
    return outer;
  };
  for (const simulator of [later, lists])
    assert.match(
      await refusal({ run: simulator, batch: 10, concurrency: 2 }),
      /one array from two calls that run at the/,
    );
});

test("a function of one parameter vector gets the error that simulate takes a list", async () => {
  const hint = /^simulate: expected 50 rows of data .*simulate takes a list: write thetas => thetas\.map\(f\)$/;
  const alone = (f: (theta: Float64Array) => unknown): Promise<string> => refusal(f as unknown as Simulator);
  assert.match(await alone(model), hint);
  assert.match(await alone(async (theta) => Float64Array.from(model(theta))), hint);
  assert.match(await alone(([a, b]) => a + b), hint);
  assert.match(await alone(([a, b]) => Number(a) * b), hint);
});

test("rows that failed may share one array", async () => {
  const failed = [Number.NaN, 0, 0];
  const drop = { run: (thetas: Float64Array[]) => thetas.map((t) => (t[0] > 1.3 ? failed : model(t))) };
  const { count } = await simulate(outside({ ...drop, failures: "drop" }), 50, { onWarning: () => {} });
  assert.ok(count < 49 && count > 25, `${count}`);
});

test("pairs from elsewhere whose rows are one array are refused", () => {
  const [theta, y] = [2, 3].map((width) => Array.from({ length: 30 }, () => Array<number>(width).fill(0.5)));
  const one = <T>(rows: T[]): T[] => rows.map(() => rows[0]);
  const message = (bank: object): string => {
    try {
      splitPairs(small, bank as never, 5);
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  assert.match(
    message({ theta: one(theta), y }),
    /^bank\.theta: expected an array of its own for each row, got one array 30/,
  );
  assert.match(message({ theta, y: one(y) }), /^bank\.y: expected an array of its own/);
  const views = y.map(() => new Float32Array(y[0].length).subarray(0));
  assert.is(message({ theta, y: views }), "");
});

test.run();
