// slow (10 s): a small map is trained and evaluated with chains
// What surrounds maps for missing data: tables with missing numbers, predictive checks, evaluations.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { predictiveCheck } from "../src/diagnostics/predictive.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { evaluate } from "../src/evaluate/evaluate.ts";
import { concat, exp } from "../src/graph/build.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { defineProblem } from "../src/problem/define.ts";
import { encodeNpy } from "../src/store/npy.ts";
import { parseObservations } from "../src/store/observations.ts";
import { train } from "../src/train/train.ts";
import { messageOf, utf8 } from "./helpers/store.ts";

const problem = defineProblem({
  name: "twice",
  prior: normal([0, 0], 1),
  forward: (theta) => concat(theta, exp(theta)),
  noise: gaussianNoise([0.2, 0.2, 0.3, 0.3]),
});
const missing = { missing: { rate: [0, 0.8] as const }, noise: { scale: [0.5, 2] as const } };
const quick = {
  guide: gaussian({ hidden: [32], base: "linear" }),
  steps: 800,
  batch: 128,
  onWarning: () => {},
  ...missing,
};

test("empty cells, NaN, NA, n/a, none and null are missing data in tables of all kinds, where data may be missing", () => {
  const data = ["a", "b", "c", "d"].map((name) => ({ name }));
  const read = (text: string | Uint8Array, name: string) =>
    parseObservations(typeof text === "string" ? utf8(text) : text, name, data, true).rows.map((row) => [...row]);
  const gap = Number.NaN;
  assert.equal(read("1,,3,4\nNaN,2,NA,null\n", "y.csv"), [
    [1, gap, 3, 4],
    [gap, 2, gap, gap],
  ]);
  assert.equal(read("d;c;b;a\n1;n/a;3;None\n", "y.csv"), [[gap, 3, gap, 1]]);
  assert.equal(read("[[1, null, 3, 4]]", "y.json"), [[1, gap, 3, 4]]);
  assert.equal(read(encodeNpy(Float64Array.of(1, gap, 3, 4), [1, 4]), "y.npy"), [[1, gap, 3, 4]]);
  assert.match(
    messageOf(() => read("1,inf,3,4\n", "y.csv")),
    /row 1, column 2: expected a finite number, got "inf"/,
  );
  assert.match(
    messageOf(() => read("1,x,3,4\n", "y.csv")),
    /row 1, column 2: expected a number, got "x"/,
  );
  const complete = (): unknown => parseObservations(utf8("1,,3,4\n"), "y.csv", data);
  assert.match(messageOf(complete), /row 1, column 2: expected a number, got ""; leave no cell empty/);
});

test("a predictive check looks at the observed data, at their noise scale", async () => {
  const map = await train(problem, quick);
  // The second parameter is known by its first datum; the other one is 20 sd off.
  const posterior = await infer(map, [0.1, 0.3, Number.NaN, Math.exp(0.3) + 6]);
  const check = await predictiveCheck(problem, posterior, { draws: 400 });
  assert.ok(Number.isNaN(check.tails[2]));
  assert.is(check.worst.datum, 3);
  const usual = await infer(map, [0.1, 0.3, Number.NaN, Math.exp(0.3) + 0.9], { noise: { scale: 2 } });
  const [wide, narrow] = [usual, { ...usual, y: usual.y, sample: usual.sample, scale: [0.5] }].map((p) =>
    predictiveCheck(problem, p, { draws: 400 }),
  );
  assert.ok((await wide).misfit < 2, "a residual of 1.5 sd");
  assert.ok((await narrow).misfit > 4 * (await wide).misfit, "squares of residuals in sd of another scale");
  const none = await infer(map, [Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  const refused = await predictiveCheck(problem, none).catch((error) => error);
  assert.match(refused.message, /expected an observation of at least one datum, got none/);
});

test("an evaluation draws subsets and noise scales, and counts cases by the share that is missing", async () => {
  const map = await train(problem, quick);
  const found = await evaluate(map, { cases: 24, calibration: 200, draws: 300, against: "nuts" });
  const parts = found.byMissing ?? [];
  assert.is(
    parts.reduce((sum, { cases }) => sum + cases, 0),
    24,
  );
  assert.ok(parts.length >= 3 && parts.every(({ ks, corrected }) => ks !== null && corrected !== null && ks < 0.4));
  // 300 draws against 300: the mean statistic of exact draws is .069.
  assert.ok((found.ks?.corrected?.mean ?? 1) < 0.11, `${found.ks?.corrected?.mean}`);
  const { beyondMost } = found.calibration.foreign;
  assert.ok(beyondMost < 0.05, `${beyondMost}`);
  const refused = await evaluate(map, { cases: 4, calibration: 20, draws: 100, against: "quadrature" }).catch((e) => e);
  assert.match(refused.message, /expected complete data with the noise of the problem for against "quadrature"/);
});

test.run();
