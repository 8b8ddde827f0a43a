// A model that ops cannot express: the course of an epidemic, stepped by a program of its own (here a function that answers
// later), or run by a server that speaks UM-Bridge. What is simulated is kept, and an interrupted run carries on.
//   S′ = −β S I,   I′ = β S I − γ I        retrodict train examples/external.js --out epidemic.safetensors --bank-file epidemic.bank
import { defineProblem, gaussianNoise, logNormal, umbridge } from "retrodict";

const DAYS = 14;
const STEPS = 20; // a day

/** The share of people who are ill at the end of each day, by the midpoint rule. */
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

const server = globalThis.process?.env.UMBRIDGE_URL; // of a model that takes (β, γ) and gives 14 numbers
const local = { run: (thetas) => Promise.all(thetas.map(epidemic)), batch: 100, concurrency: 2 };

export default defineProblem({
  name: "epidemic",
  description: "how fast people infect each other and recover, from the share who are ill on fourteen days",
  parameters: ["contact rate", "recovery rate"].map((name) => ({ name, unit: "1/d" })),
  prior: logNormal([-0.2, -1.6], [0.4, 0.4]), // medians 0.8 and 0.2 a day
  data: DAYS,
  simulate: server ? (await umbridge({ url: server })).simulate : local,
  noise: gaussianNoise(0.01),
});
