// console.log(posterior) prints a summary, whatever kind of posterior it is.
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { linearGaussian } from "../src/problems.ts";
import { nuts } from "../src/sampling/nuts.ts";
import { load } from "../src/store/store.ts";
import { gaussianPosterior } from "./helpers/guides.ts";
import { small } from "./helpers/maps.ts";

const kernels = "plain";
const y = [0.5, -1, 0.1];

test("an inferred posterior prints its parameters with units, and its warning", async () => {
  const map = await load("arm");
  const [usual, far] = await infer(map, [
    [1.4, 0.6],
    [900, 900],
  ]);
  const lines = inspect(usual).split("\n");
  assert.is(lines[0], "Posterior of 4 parameters, of 2 data");
  assert.match(lines[1], /^ +mean +sd +5 % +95 %$/);
  assert.is(lines.length, 6);
  for (const [d, { name, unit }] of map.spec.parameters.entries()) {
    assert.ok(lines[2 + d].startsWith(`  ${name}${unit === undefined ? "" : ` [${unit}]`}`), lines[2 + d]);
    assert.ok(lines[2 + d].includes(String(Number(usual.mean[d].toPrecision(4)))), lines[2 + d]);
  }
  assert.match(inspect(far), /\nwarning: the observation is .* as far/);
  assert.is(inspect([usual, usual]).match(/Posterior of 4 parameters/g)?.length, 2);
});

test("posteriors by Laplace, by chains, and corrected ones print in the same form, with what was done", async () => {
  const fitted = await laplace(small, y, { kernels });
  const sampled = await nuts(small, y, { kernels, chains: 2, draws: 20, warmup: 50 });
  const corrected = await fitted.correct({ method: "psis", draws: 500 });
  for (const posterior of [fitted, sampled, corrected])
    assert.match(inspect(posterior), /^Posterior of 2 parameters, of 3 data\n +mean .*\n {2}θ1 +-?[\d.]+ .*\n {2}θ2 /);
  assert.match(inspect(corrected), /\nnote: PSIS: 500 draws/);
});

test("many parameters are cut short, Deno is answered too, and JSON and copies are as before", async () => {
  const D = 30;
  const identity = Float64Array.from({ length: D * D }, (_, k) => Number(k % (D + 1) === 0));
  const wide = gaussianPosterior(Float64Array.of(1), new Float64Array(D), identity);
  assert.match(inspect(wide), /\n {2}θ20 .*\n {2}… and 10 more$/);
  const p = await laplace(linearGaussian, new Float64Array(20), { kernels });
  const deno = (p as unknown as Record<symbol, () => string>)[Symbol.for("Deno.customInspect")];
  assert.is(deno.call(p), inspect(p));
  assert.is(inspect({ ...p }), inspect(p));
  assert.equal(Object.keys(p).slice(0, 4), ["y", "mean", "sd", "covariance"]);
});

test.run();
