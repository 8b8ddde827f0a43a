// slow (23 s): the modes of 1300 posteriors of darcy
// Simulating with a slow forward model: progress is reported, and the simulation can be stopped.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { darcy } from "../src/problems.ts";
import { SimulationStopped } from "../src/simulate/options.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { train } from "../src/train/train.ts";
import { rejection } from "./helpers/maps.ts";

test("a training tells how far its simulations have come, once over bank and held-out ones", async () => {
  const seen: number[] = [];
  const modes: number[] = [];
  const options = {
    guide: "gaussian",
    objective: "npe",
    bank: 1200,
    steps: 1,
    batch: 8,
    heldOut: 100,
    rate: 1e-6,
  } as const;
  await train(darcy, {
    ...options,
    onSimulate: ({ done, count, stage }) => {
      assert.is(count, 1300);
      (stage === "modes" ? modes : seen).push(done);
    },
  });
  // The default guide then looks for the mode of each.
  for (const list of [seen, modes]) {
    assert.ok(
      list.every((done, i) => i === 0 || done >= list[i - 1]),
      `${list}`,
    );
  }
  assert.is(modes[modes.length - 1], 1300);
  assert.ok(seen.includes(1200), `${seen}`);
  assert.is(seen[seen.length - 1], 1300);
});

test("simulating stops when it is aborted, between the parts of a long run", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 1);
  const error = await rejection(simulate(darcy, 100_000, { signal: controller.signal }));
  assert.instance(error, SimulationStopped);
  assert.match(error.message, /^simulate: stopped at \d+ of 100000 simulations; nothing of them is kept$/);
});

test.run();
