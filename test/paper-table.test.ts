// slow (8 s): a table of the benches, in processes of its own
// The table of `bench paper`: the paper's figures beside ours; without published observations it makes its own.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { referenceFolder } from "../bench/reference.ts";
import { type Ended, runScript } from "./helpers/processes.ts";

const bench = (...args: string[]): Ended => runScript("bench/main.ts", ["paper", ...args]);

/** Cells by method of the rows of a problem. */
function rowsOf(out: string, problem: string): Map<string, string[]> {
  const cells = out.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  return new Map(cells.filter((row) => row[1] === problem).map((row) => [row[2], row.slice(3, -1)]));
}

const pooled = (cell: string): number[] => cell.split(" / ").map(Number);

test("without a reference folder the table is of observations that are made, and says so", () => {
  const { status, out, err } = bench("--only", "arm,rod-paper", "--cases", "3", "--methods", "exact,guide,corrected");
  assert.is(status, 0, err);
  assert.match(out, /^arm: 3 observations, simulated here; truth: exact draws$/m);
  assert.match(out, /^rod-paper: not run: its networks are in the reference folder$/m);
  const arm = rowsOf(out, "arm");
  assert.equal(arm.get("the paper: flow")?.slice(0, 3), [".081 / .059 / .162 / .430", ".0179", ".257 (.146)"]);
  // Twelve statistics of exact draws: 0.039 on average, standard deviation 0.0116, correlated within a datum.
  const [mean, median, p90, max] = pooled(arm.get("exact draws")?.[0] ?? "");
  assert.ok(mean > 0.02 && mean < 0.06 && median <= p90 && p90 <= max, out);
  const [ks, resimulation, kl, , cost] = arm.get("guide (spline, default preset)") ?? [];
  assert.ok(pooled(ks)[0] < 0.08 && Number(resimulation) < 0.05, out);
  assert.ok(Number.parseFloat(kl) > -0.05 && Number.parseFloat(kl) < 0.3, kl);
  assert.match(cost, /^[\d.]+ ms$/);
  assert.match(arm.get("guide, then correct()")?.[5] ?? "", /^weights for \d, chains for \d.*; k̂ > 0\.7 for \d$/);
  assert.is(rowsOf(out, "rod-paper").size, 2);
});

test("with the reference folder the paper's own observations are judged", () => {
  const folder = referenceFolder();
  if (folder === null) return console.log("SKIP the reference folder is not there");
  const { status, out, err } = bench("--reference", folder, "--only", "arm", "--cases", "2", "--methods", "exact");
  assert.is(status, 0, err);
  assert.match(out, /^arm: 2 observations, reference\/arm$/m);
  assert.ok(pooled(rowsOf(out, "arm").get("exact draws")?.[0] ?? "")[3] < 0.15);
});

for (const [args, message] of [
  [["--only", "leg"], '--only: expected arm, rod-paper, eit-paper, rod, eit, got "leg"'],
  [["--methods", "guess"], '--methods: expected exact, guide, corrected, nuts, laplace, got "guess"'],
  [["--cases", "0"], '--cases: expected a whole number of at least 1, got "0"'],
  [["--reference", "nowhere"], '--reference: expected a folder, got "nowhere"'],
] as const) {
  test(`${args.join(" ")} is refused`, () => {
    const { status, err } = bench(...args);
    assert.is.not(status, 0);
    assert.match(err, message);
  });
}

test.run();
