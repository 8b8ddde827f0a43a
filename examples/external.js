// A model that ops cannot express: the course of an epidemic. It is stepped by code of its own (here an asynchronous
// function), or run by a UM-Bridge server. Simulations are kept in a file, so an interrupted run continues where it stopped.
//   S′ = −β S I,   I′ = β S I − γ I
//   retrodict train examples/external.js --out epidemic.safetensors --bank-file epidemic.bank
import { defineProblem, gaussianNoise, logNormal, umbridge } from "retrodict";

const DAYS = 14;
const STEPS = 20; // per day

/** The share of people who are ill at the end of each day, computed with the midpoint rule. */
async function epidemic([beta, gamma]) {
  const slope = ([s, i]) => [-beta * s * i, beta * s * i - gamma * i];
  const move = ([s, i], [ds, di], h) => [s + h * ds, i + h * di];
  let state = [0.99, 0.01];
  const ill = [];
  for (let k = 1; k <= DAYS * STEPS; k++) {
    const middle = move(state, slope(state), 0.5 / STEPS);
    state = move(state, slope(middle), 1 / STEPS);
    if (k % STEPS === 0) ill.push(state[1]);
  }
  return ill;
}

const server = globalThis.process?.env.UMBRIDGE_URL; // a model that maps (β, γ) to 14 numbers
const local = { run: (thetas) => Promise.all(thetas.map(epidemic)), batch: 100, concurrency: 2 };

export default defineProblem({
  name: "epidemic",
  description: "how fast people infect each other and recover, from the share who are ill on each of fourteen days",
  parameters: ["contact rate", "recovery rate"].map((name) => ({ name, unit: "1/d" })),
  prior: logNormal([-0.2, -1.6], [0.4, 0.4]), // medians 0.8 and 0.2 per day
  data: DAYS,
  simulate: server ? (await umbridge({ url: server })).simulate : local,
  noise: gaussianNoise(0.01),
});
