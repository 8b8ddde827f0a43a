// slow (12 s): chains of an arm, and processes of the command line
// InferenceData for ArviZ, held to a validator written from its schema; and the report of a measurement.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { toArviz } from "../src/diagnostics.ts";
import { defineProblem, gaussianNoise, infer, load, normal, nuts } from "../src/index.ts";
import { add, mul, slice } from "../src/ops.ts";
import { arm } from "../src/problems.ts";
import { retrodict, temporary } from "./helpers/cli.ts";

const { at, write, remove } = temporary("retrodict-arviz-");
test.after(remove);

type Json = null | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Groups of samples, with the name of the dimension that their variables have beside chain and draw, and groups of data. */
const SAMPLES = ["posterior", "prior", "posterior_predictive", "log_likelihood", "sample_stats"];
const DATA = ["observed_data"];
const KEYS = [...SAMPLES, ...DATA, "coords", "dims", "attrs", ...[...SAMPLES, ...DATA].map((name) => `${name}_attrs`)];

function shapeOf(value: Json): number[] {
  if (!Array.isArray(value)) return [];
  const shapes = value.map(shapeOf);
  for (const shape of shapes) assert.equal(shape, shapes[0], "lists of equal lengths");
  return [value.length, ...(shapes[0] ?? [])];
}

/** Checks what the schema demands of a file that arviz.from_json reads. */
function validate(text: string): Record<string, Record<string, Json>> {
  const data = JSON.parse(text) as Record<string, Record<string, Json>>;
  for (const key of Object.keys(data)) assert.ok(KEYS.includes(key), `${key} is an argument of arviz.from_dict`);
  const draws = shapeOf(Object.values(data.posterior)[0]).slice(0, 2);
  for (const group of [...SAMPLES, ...DATA].filter((name) => name in data)) {
    for (const attribute of ["created_at", "inference_library", "inference_library_version"])
      assert.type(data[`${group}_attrs`][attribute], "string", `${group} has ${attribute}`);
    for (const [name, value] of Object.entries(data[group])) {
      assert.not.ok(["chain", "draw", ...Object.keys(data.coords)].includes(name), `${name} is no dimension`);
      const shape = shapeOf(value);
      if (SAMPLES.includes(group) && group !== "prior") assert.equal(shape.slice(0, 2), draws, `${group}: ${name}`);
      const own = SAMPLES.includes(group) ? shape.slice(2) : shape;
      const named = own.length === 0 ? [] : (data.dims[name] as string[]);
      assert.equal(
        own,
        named.map((dim) => (data.coords[dim] as Json[]).length),
        `${group}: ${name} has named dimensions`,
      );
    }
  }
  return data;
}

test("a posterior of a guide has all groups, and its log-likelihood is that of its draws", async () => {
  const map = await load("arm", { problem: arm });
  const y = [1.6, 0.3];
  const data = validate(JSON.stringify(await toArviz(await infer(map, y), { draws: 50, seed: 3 })));
  assert.equal(
    Object.keys(data)
      .filter((key) => SAMPLES.includes(key))
      .sort(),
    [...SAMPLES].sort(),
  );
  assert.equal(data.observed_data.y as Json, y);
  assert.equal(data.coords.datum as Json, ["reach", "height"]);
  const column = (name: string): number[] => (data.posterior[name] as number[][])[0];
  const [base, ...angles] = ["base height", "angle 1", "angle 2", "angle 3"].map(column);
  const links = [0.5, 0.5, 1];
  for (let s = 0; s < 50; s++) {
    let [reach, height, angle] = [0, base[s], 0];
    links.forEach((length, k) => {
      angle += angles[k][s];
      reach += length * Math.cos(angle);
      height += length * Math.sin(angle);
    });
    [reach, height].forEach((clean, m) => {
      const z = (y[m] - clean) / 0.01;
      const expected = -0.5 * z * z - Math.log(0.01 * Math.sqrt(2 * Math.PI));
      const got = (data.log_likelihood.y as number[][][])[0][s][m];
      // θ is stored with all its digits; f64 throughout, and z amplifies rounding of the data (1e-15) by 100 |z|
      assert.ok(Math.abs(got - expected) < 1e-9 * (1 + z * z), `draw ${s}, datum ${m}: ${got}, ${expected}`);
    });
  }
});

test("chains stay apart, and a posterior without a problem has the groups that need none", async () => {
  const line = defineProblem({
    name: "line",
    prior: normal([0, 0], 1),
    forward: (theta) => add(slice(theta, 0, 1), mul(slice(theta, 1, 2), [0, 1, 2])),
    noise: gaussianNoise(0.5),
  });
  const [sampled] = [await nuts(line, [0.1, 0.6, 0.8], { chains: 3, draws: 60, seed: 1 })].flat();
  const data = validate(JSON.stringify(await toArviz(sampled)));
  assert.equal(shapeOf(Object.values(data.posterior)[0]), [3, 60]);
  const bare = validate(
    JSON.stringify(await toArviz(await infer(await load("rod"), new Float64Array(9).fill(0.5)), { draws: 5 })),
  );
  assert.equal(
    Object.keys(bare).filter((key) => [...SAMPLES, ...DATA].includes(key)),
    ["posterior", "observed_data", "sample_stats"],
  );
});

test("infer --report and --out FILE.arviz.json write a report and InferenceData of a corrected posterior", async () => {
  const data = write("rod.csv", "0.93,0.88,0.81,0.71,0.58,0.46,0.36,0.27,0.18\n");
  const [report, out] = [at("rod.html"), at("rod.arviz.json")];
  const asked = [
    "infer",
    "rod",
    "--data",
    data,
    "--correct",
    "psis",
    "--report",
    report,
    "--out",
    out,
    "--samples",
    "40",
  ];
  const { status, out: text, err } = await retrodict([...asked, "--json"]);
  assert.is(status, 0, err);
  const told = JSON.parse(text);
  assert.equal([told.report, told.out], [report, out]);
  const { posterior } = validate(readFileSync(out, "utf8"));
  assert.equal(
    Object.keys(posterior),
    told.parameters.map(({ name }: { name: string }) => name),
  );
  const html = readFileSync(report, "utf8");
  assert.not.match(html, /<script|https?:\/\/(?!www\.w3\.org)/);
  for (const words of [
    "Before and after",
    "The fit in the space of the data",
    "Residuals",
    "k̂",
    "noise sd",
    "held-out",
  ])
    assert.ok(html.includes(words), words);
  const [, table] = /<pre>([\s\S]*?)<\/pre>/.exec(html) as unknown as [string, string];
  const rows = table
    .split("\n")
    .slice(1)
    .map((row) => row.split(","));
  rows.forEach(([name, , mean, sd], d) => {
    assert.is(name, told.parameters[d].name);
    const { mean: means, sd: sds } = told.observations[0];
    // five digits are told beside the spread
    assert.ok(Math.abs(Number(mean) - means[d]) < 1e-4 * sds[d] && Math.abs(Number(sd) - sds[d]) < 1e-4 * sds[d], name);
  });
  const bad = await retrodict(["infer", "rod", "--data", data, "--report", at("rod.pdf")]);
  assert.is(bad.status, 2);
  assert.match(bad.err, /--report: expected a name that ends in \.html/);
  const two = write("two.csv", "1,.9,.8,.7,.6,.5,.4,.3,.2\n1,.9,.8,.7,.6,.5,.4,.3,.1\n");
  const both = await retrodict(["infer", "rod", "--data", two, "--out", out]);
  assert.is(both.status, 1);
  assert.match(both.err, /expected one observation, got 2/);
});

test.run();
