// slow (13 s): corrections and evaluations by processes of the command line
/** The command line corrects posteriors, evaluates models, and finds the problem of a model. */
import * as fs from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { retrodict, temporary, tinyModel } from "./helpers/cli.ts";

const { at, write, remove } = temporary("retrodict-trust-");
test.after(remove);
const { model, trainTiny } = tinyModel(at);

test("infer --correct returns the exact posterior of a built-in problem, and says how", async () => {
  await trainTiny();
  const data = write("correct.csv", "-0.5\n0.3\n");
  const infer = ["infer", model, "--data", data];
  const { status, out, err } = await retrodict([...infer, "--correct", "nuts", "--json", "--out", at("exact.npy")]);
  assert.is(status, 0, err);
  const { observations, shape } = JSON.parse(out);
  assert.equal([observations.length, shape], [2, [2, 1000, 2]]);
  for (const { mean, correction } of observations) {
    assert.is(correction.method, "nuts");
    assert.ok(
      Number.isFinite(mean[0]) && correction.rHat < 1.1 && correction.essBulk > 100 && correction.kHat === null,
    );
  }
  assert.match(
    err,
    /^observation 2: NUTS: 8 chains of 500 draws, started at (draws of the posterior|the modes, because the posterior is far off), R̂ 1\.\d+/m,
  );
  const weighed = await retrodict([...infer, "--correct", "psis", "--json", "--quiet"]);
  const [first] = JSON.parse(weighed.out).observations;
  assert.is(first.correction.method, "psis");
  assert.ok(first.correction.evaluations === 2048 && typeof first.correction.note === "string");
  const odd = await retrodict([...infer, "--correct", "mcmc"]);
  assert.is(odd.status, 2);
  assert.match(odd.err, /--correct <NAME>' argument 'mcmc' is invalid. Allowed choices are auto, psis, nuts/);
  const other = await retrodict([...infer, "--correct", "psis", "--problem", "arm"]);
  assert.is(other.status, 1);
  assert.match(other.err, /the model was trained on another problem "banana": the number of parameters/);
});

test("a model whose guide needs the problem finds the built-in one by its name, and says so where there is none", async () => {
  const made = at("darcy.safetensors");
  const few = ["--preset", "fast", "--simulations", "64", "--held-out", "16", "--steps", "2", "--batch", "16"];
  const taught = await retrodict(["train", "darcy", ...few, "--out", made]);
  assert.is(taught.status, 0, taught.err);
  const y = write("potentials.csv", `${Array.from({ length: 36 }, () => 0.05).join()}\n`);
  const { status, out, err } = await retrodict(["infer", made, "--data", y]);
  assert.is(status, 0, err);
  assert.match(out, /cos 1πx · cos 0πy/);
  const other = await retrodict(["infer", made, "--data", y, "--problem", "arm"]);
  assert.is(other.status, 1);
  assert.match(other.err, /darcy\.safetensors": .*another problem "darcy": the number of parameters .* "arm"/);
});

test("evaluate says whether to believe a model, as text, as JSON and as a report", async () => {
  await trainTiny();
  const few = ["evaluate", model, "--cases", "4", "--calibration", "100"];
  const report = at("report.html");
  const { status, out, err } = await retrodict([...few, "--report", report]);
  assert.is(status, 0, err);
  assert.match(out, /^[✓!✗] .+\n {2}[+−] /);
  assert.match(out, /KS, guide +\d\.\d{3} \/ /);
  assert.match(err, /compared 4 evaluation cases with exact draws/);
  assert.match(fs.readFileSync(report, "utf8"), /^<!doctype html>/);
  const json = await retrodict([...few, "--against", "quadrature", "--json", "--quiet"]);
  assert.is(json.status, 0, json.err);
  assert.is(json.err, "");
  const told = JSON.parse(json.out);
  assert.is(told.against.name, "quadrature");
  assert.is(told.ks.guide.statistics.length, 4);
  assert.is(told.examples[0].guide, undefined);
  for (const [args, message] of [
    [["--report", at("report.pdf")], /--report: expected a name that ends in \.html/],
    [["--against", "mcmc"], /--against <NAME>' argument 'mcmc' is invalid/],
    [["--cases", "0"], /Expected a whole number of at least 1/],
  ] as const) {
    const wrong = await retrodict([...few, ...args]);
    assert.is(wrong.status, 2, wrong.err);
    assert.match(wrong.err, message);
  }
});

test.run();
