// Watches a structure: a posterior a second of a tiltmeter at 100 Hz with drop-outs (problem.js, sensor.js).
//   node examples/watch/watch.js [--seconds 10] [--model watch.safetensors] [--steps 1500] [--at-once]
// It trains a map if there is no model file yet. index.html does the same with that file in a page.
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { load, save, spline, stream, train } from "retrodict";
import problem from "./problem.js";
import { RATE, seconds } from "./sensor.js";

const LIMIT = 0.5; // mrad
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    model: { type: "string", default: "watch.safetensors" },
    steps: { type: "string", default: "1500" },
    "at-once": { type: "boolean", default: false }, // without waiting for the seconds to pass
  },
});

if (!existsSync(values.model)) {
  console.log(`training ${values.steps} steps; the map is kept in ${values.model}`);
  const map = await train(problem, {
    guide: spline({ bins: 8, embedding: [32], hidden: [32] }),
    embedding: { set: { hidden: [32], features: 16 } },
    optimiser: "soap",
    batch: 64,
    steps: Number(values.steps),
  });
  await save(map, values.model);
}
const map = await load(values.model, { problem });
const watched = stream(map, { window: RATE });
let second = 0;
for (const readings of seconds(Number(values.seconds))) {
  if (!values["at-once"]) await setTimeout(1000);
  const began = performance.now();
  let posterior = null;
  for (const reading of readings) posterior = await watched.push(reading);
  const taken = (performance.now() - began) / RATE;
  second++;
  if (posterior === null) continue; // fewer readings than the map takes
  const draws = await posterior.sample(1000);
  const over = draws.filter((tilt, i) => i % 2 === 0 && tilt > LIMIT).length / 1000;
  const [tilt, sd] = [posterior.mean[0].toFixed(2), posterior.sd[0].toFixed(2)];
  const lost = readings.filter((reading) => reading === null).length;
  console.log(
    `second ${second}: tilt ${tilt} ± ${sd} mrad, ${lost} readings lost, above ${LIMIT} mrad with probability ${over.toFixed(3)}${over > 0.99 ? ": ALARM" : ""}${posterior.warning ? `; ${posterior.warning}` : ""} (${taken.toFixed(2)} ms a reading)`,
  );
}
