// slow (10 s): pages of many plots, each read back as a browser would
/** The report of an evaluation made by hand: what it must contain, whatever the numbers are. */
import { parseHTML } from "linkedom";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Evaluation } from "../src/evaluate/evaluation.ts";
import { normalAt } from "../src/numbers/random.ts";
import { RADIUS } from "../src/problems/eit.ts";
import { profiles } from "../src/problems/rod-profiles.ts";
import { problems, rod } from "../src/problems.ts";
import { chart } from "../src/report/chart.ts";
import { pictureOf, pictures } from "../src/report/pictures/table.ts";
import { reportHtml } from "../src/report/report.ts";
import { regions } from "../src/report/sample.ts";
import { meanKs, selectParameters } from "../src/report/sections/section.ts";
import { markup } from "../src/report/svg.ts";
import { percent, short } from "../src/report/text.ts";
import { predict } from "../src/simulate/predict.ts";
import { VERSION } from "../src/version.ts";
import { DRAWS, evaluation, example, type Wanted } from "./helpers/evaluation.ts";

/** No coordinate is NaN, and no text is undefined. */
function expectWhole(html: string): void {
  assert.not.match(html, /NaN|undefined|Infinity|\[object /);
  const { document } = parseHTML(html);
  for (const part of document.querySelectorAll("svg *"))
    for (const { name, value } of part.attributes) {
      if (name === "aria-label" || name === "fill" || name === "stroke") continue;
      assert.not.match(value, /NaN|undefined|Infinity|null/, `${part.tagName} ${name}`);
    }
}

/** Each link leads to exactly one element. */
function expectLinked(document: Document): string[] {
  const links = [...document.querySelectorAll("nav a")].map((a) => a.getAttribute("href") as string);
  for (const link of links) assert.is(document.querySelectorAll(link).length, 1, link);
  return links.map((link) => link.slice(1));
}

const ALL = ["cases", "pairs", "ks", "ranks", "coverage", "weights", "training", "parameters", "limits", "made"];
const shapes: readonly Wanted[] = [
  { problem: "line", D: 1, M: 3 },
  { problem: "eit", D: 2, M: 600 },
  { problem: "arm", D: 4, M: 2 },
  { problem: "rod", D: 5, M: 9 },
  { problem: "many", D: 12, M: 20 },
  { problem: "crowd", D: 40, M: 20 },
];

for (const shape of shapes) {
  test(`a report of ${shape.D} parameters (${shape.problem}) has all sections, whole pictures and one file's size`, () => {
    const html = reportHtml(evaluation(shape));
    const { document } = parseHTML(html);
    assert.equal(expectLinked(document), ALL);
    expectWhole(html);
    assert.is(document.querySelectorAll("h1").length, 1);
    for (const section of document.querySelectorAll("section"))
      assert.ok(document.getElementById(section.getAttribute("aria-labelledby") as string), section.id);
    for (const svg of document.querySelectorAll("figure > svg, .pairs > svg"))
      assert.ok((svg.getAttribute("aria-label") ?? "").length > 10, "a picture is described");
    assert.not.match(
      html,
      /<script|<link|<img|https?:(?!\/\/www\.w3\.org\/)|url\((?!#)/,
      "nothing from elsewhere, no script",
    );
    assert.ok(html.length < 1.5e6, `${html.length} characters`);
    assert.is(document.querySelectorAll(".cards article").length, 2);
    assert.is(document.querySelectorAll("#parameters tbody tr").length, shape.D);
    const side = Math.min(6, shape.D);
    const panels = document.querySelector(".pairs > svg")?.querySelectorAll(":scope > svg").length;
    assert.is(panels, side * side + side + side - 1, "panels, and axes below and beside");
    assert.is(document.querySelectorAll("#ranks figure").length, Math.min(12, shape.D));
    assert.is(document.querySelectorAll("#ranks figure svg").length, 2 * Math.min(12, shape.D), "ranks and curve");
    assert.is(document.querySelectorAll("#coverage figure").length, 2 + Math.min(12, shape.D));
  });
}

test("the verdict comes before all else, in words, with a shape of its own for each level", () => {
  const icons = (["sound", "correct", "doubtful"] as const).map((level) => {
    const { document } = parseHTML(reportHtml(evaluation({ ...shapes[1], level })));
    const parts = [...(document.querySelector("main") as Element).children].map((part) => part.id || part.tagName);
    assert.equal(parts.slice(0, 4), ["HEADER", "verdict", "DL", "NAV"]);
    const verdict = document.getElementById("verdict") as Element;
    assert.match(verdict.textContent as string, "Believe it.");
    const marks = [...verdict.querySelectorAll("li .mark")].map((mark) => mark.getAttribute("aria-label"));
    assert.equal(marks, [level === "doubtful" ? "no fault found" : "good", "bad"]);
    assert.is(verdict.querySelectorAll(".mark.good").length, level === "doubtful" ? 0 : 1, "green ticks");
    return [verdict.querySelector("svg")?.innerHTML, verdict.querySelector("h2")?.textContent];
  });
  for (const i of [0, 1]) assert.is(new Set(icons.map((icon) => icon[i])).size, 3);
});

test("the key numbers are those of the evaluation", () => {
  const { document } = parseHTML(reportHtml(evaluation(shapes[3])));
  const tiles = [...document.querySelectorAll("dl div")].map((tile) => tile.textContent as string);
  for (const text of [
    /guide.*0\.039.*0\.070$/,
    /corrected.*0\.040$/,
    /k̂ > 0\.7.*20\s%$/,
    /of 90\s% regions contain the true parameters; if correct: 80\s% to 100\s%91\s%$/,
    /farther than all held-out ones; infer warns in 3\s% of the cases0\.1\s%$/,
    /of the reference: 1\.10.*1\.20$/,
    /170 ms.*2\.3 ms$/,
    /training, 4 000 steps42\.0 s$/,
  ])
    assert.ok(
      tiles.some((tile) => text.test(tile)),
      `${text} in ${tiles.join(" | ")}`,
    );
  const said = (document.getElementById("made") as Element).textContent as string;
  assert.match(said, "--cases 30 --calibration 400 --against exact --seed 7");
  assert.match(said, VERSION);
  assert.not.match(said, "dropped");
});

test("the report gives the number of dropped simulations, and its command requests them again", () => {
  const { document } = parseHTML(reportHtml(evaluation({ ...shapes[0], change: { dropped: 12 } })));
  const said = (document.getElementById("made") as Element).textContent as string;
  assert.match(said, "--cases 30 --calibration 412 --against exact --seed 7");
  assert.match(said, "12 cases, because their simulations failed");
});

test("a report without a reference posterior leaves out its sections, and does not mention it in others", () => {
  const wanted = shapes[2];
  const examples = [0, 3].map((index) => ({ ...example(wanted, index), truth: null, ks: null, kHat: null }));
  const change: Partial<Evaluation> = {
    ks: null,
    weights: null,
    losses: null,
    resimulation: null,
    against: { name: "none", text: "none" },
    milliseconds: { infer: 2, truth: 0 },
    examples,
  };
  const html = reportHtml(evaluation({ ...wanted, change }));
  const { document } = parseHTML(html);
  expectWhole(html);
  assert.equal(
    expectLinked(document),
    ALL.filter((id) => id !== "ks" && id !== "weights" && id !== "training"),
  );
  const told = (id: string): string => (document.getElementById(id) as Element).textContent as string;
  for (const id of ["cases", "pairs", "ranks", "coverage", "parameters"])
    assert.not.match(told(id), /reference|nothing/, id);
  assert.not.match((document.querySelector("dl") as Element).textContent as string, /reference/);
  assert.is(document.querySelectorAll(".drawn figure").length, 2, "a fan of the guide for each case, and no other");
  const panels = document.querySelector(".pairs > svg")?.querySelectorAll(":scope > svg").length;
  assert.is(panels, 10 + 4 + 3, "the diagonal and below");
  const bare = reportHtml(evaluation({ ...wanted, change: { ...change, examples: [] } }));
  assert.is(parseHTML(bare).document.querySelectorAll("#cases, #pairs").length, 0);
});

test("a report without a correction does not mention one", () => {
  const { ks } = evaluation(shapes[1]);
  const change = { ks: ks && { ...ks, corrected: null }, resimulation: { guide: 1.2, truth: Number.NaN } };
  const html = reportHtml(evaluation({ ...shapes[1], change }));
  expectWhole(html);
  const { document } = parseHTML(html);
  assert.is(document.querySelectorAll("#ks tbody tr").length, 1);
  assert.not.match((document.getElementById("ks") as Element).textContent as string, /corrected/);
});

test("weights whose k̂ is not finite stand at the top and are counted", () => {
  const kHat = [0.2, 0.6, Number.POSITIVE_INFINITY, Number.NaN, 0.9];
  const weights = { kHat, ess: [0.5, 0.4, 0, Number.NaN, 0.1], above: 0.6 };
  const examples = [{ ...example(shapes[1], 0), kHat: Number.POSITIVE_INFINITY, farther: 0 }];
  const html = reportHtml(evaluation({ ...shapes[1], change: { weights, examples } }));
  expectWhole(html);
  const { document } = parseHTML(html);
  const triangles = document.querySelectorAll('#weights g[aria-label="dot"][fill="var(--bad)"] path');
  assert.is(triangles.length, 3, "two of them at the top");
  const text = (document.getElementById("weights") as Element).textContent as string;
  assert.match(text, "not finite, shown at the top: 2");
  assert.match(text, "k̂ above 0.7: 60\u00a0%");
  assert.match(html, "k̂ ∞ · farther than all held-out data");
});

test("losses that are not numbers, one loss, and none at all leave whole pictures", () => {
  const none = { steps: [], train: [], heldOut: [] };
  const one = { steps: [10], train: [Number.NaN], heldOut: [2] };
  const constant = { steps: [0, 10], train: [2, 2], heldOut: [2, 2] };
  for (const losses of [none, one, constant]) {
    const html = reportHtml(evaluation({ ...shapes[0], change: { losses } }));
    expectWhole(html);
    assert.is(parseHTML(html).document.querySelectorAll("#training").length, losses === none ? 0 : 1);
  }
});

test("the text about the cases names those that are shown, and no others", () => {
  const titles = (html: string): string => parseHTML(html).document.querySelector("#cases p")?.textContent as string;
  for (const shown of [["only case"], ["worst k̂", "first case"], ["typical case", "worst KS", "first case"]]) {
    const examples = shown.map((title, i) => ({ ...example(shapes[1], i), title }));
    const text = titles(reportHtml(evaluation({ ...shapes[1], change: { examples } })));
    assert.match(text, `These fresh cases are shown: ${shown.join(", ")}.`);
    for (const other of ["worst KS", "worst k̂"]) assert.is(text.includes(other), shown.includes(other), text);
  }
});

test("a logarithmic axis has a labelled tick at each line of its grid, over one decade and over many", () => {
  for (const [low, high, labels] of [
    [0.7, 4.2, ["1", "2"]],
    [0.03, 30, ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]],
    [1e-3, 300, ["0.001", "0.01", "0.1", "1", "10", "100"]],
  ] as const) {
    const made = chart({
      size: "small",
      x: { label: "x", domain: [0, 1] },
      y: { label: "y", domain: [low, high], log: true },
      marks: [],
    });
    const texts = [...made.querySelectorAll('[aria-label="y-axis tick label"] text')].map((text) => text.textContent);
    assert.equal(texts, labels);
    assert.is(made.querySelectorAll('[aria-label="y-grid"] line').length, labels.length);
  }
});

test("constant draws are drawn", () => {
  const constant = { ...example(shapes[1], 0), guide: new Float32Array(2 * DRAWS).fill(0.3) };
  for (const truth of [new Float32Array(2 * DRAWS).fill(0.3), constant.truth])
    expectWhole(reportHtml(evaluation({ ...shapes[1], change: { examples: [{ ...constant, truth }] } })));
});

test("names and texts are escaped", () => {
  const evil = `<b a="x">&'</b>`;
  const names = [evil, `${evil}2`];
  const wanted: Wanted = { problem: evil, D: 2, M: 3, names };
  const examples = [{ ...example(wanted, 0), title: evil }];
  const verdict = { level: "sound" as const, headline: evil, findings: [{ good: true, text: evil }] };
  const against = { name: "exact" as const, text: evil };
  const html = reportHtml(
    evaluation({ ...wanted, change: { description: evil, device: evil, examples, verdict, against } }),
  );
  const { document } = parseHTML(html);
  assert.is(document.querySelectorAll("b[a]").length, 0, "no element came from a name");
  assert.match((document.querySelector("h1") as Element).textContent as string, evil);
  assert.match((document.getElementById("parameters") as Element).textContent as string, evil);
  for (const part of document.querySelectorAll("[aria-label]"))
    assert.not.match(part.getAttribute("aria-label") as string, /&(amp|lt);/, "escaped once, not twice");
});

test("a curve outside its bands is marked by colour, shape and word", () => {
  const html = reportHtml(evaluation({ ...shapes[2], failing: true }));
  const { document } = parseHTML(html);
  const figures = [...document.querySelectorAll("#ranks figure")];
  assert.ok(
    figures.every(
      (figure) => figure.querySelector(".mark.bad") && /too narrow; p\s<\s0.001/.test(figure.textContent as string),
    ),
  );
  assert.match((document.querySelector("#parameters tbody") as Element).textContent as string, "✗");
  const fine = parseHTML(reportHtml(evaluation(shapes[2]))).document;
  assert.is(fine.querySelectorAll("#ranks .mark.bad, #coverage .mark.bad").length, 0);
});

test("if there are many parameters, those with the largest KS are shown or, without a reference, the least uniform ranks", () => {
  const all = evaluation({ problem: "many", D: 9, M: 3 });
  assert.equal(selectParameters(all, 3).shown, [6, 7, 8]);
  assert.match(selectParameters(all, 3).note, "the 3 of 9 parameters with the largest KS");
  assert.equal(selectParameters(all, 9), { shown: [0, 1, 2, 3, 4, 5, 6, 7, 8], note: "" });
  const curves = all.calibration.sbc.curves.map((c, d) => ({ ...c, pValue: d === 4 ? 1e-3 : 0.5 }));
  const calibration = { ...all.calibration, sbc: { ...all.calibration.sbc, curves } };
  assert.equal(selectParameters({ ...all, ks: null, calibration }, 1).shown, [4]);
  const [first, last] = [0, 8].map((d) => meanKs((all.ks as NonNullable<Evaluation["ks"]>).guide)[d]);
  assert.ok(Math.abs(last - first - 0.016) < 1e-12);
});

for (const [name, picture] of Object.entries(pictures)) {
  test(`the picture of ${name} draws guide and truth, and is for its own problem alone`, () => {
    const problem = problems[name];
    const wanted: Wanted = { problem: name, D: problem.D, M: problem.M };
    const made = evaluation(wanted);
    assert.is(pictureOf(made), picture);
    assert.is(pictureOf({ ...made, problem: `${name}-surrogate` }), picture);
    assert.is(pictureOf({ ...made, problem: "other" }), undefined);
    assert.is(pictureOf({ ...made, problem: "toString" }), undefined);
    assert.is(pictureOf(evaluation({ ...wanted, D: 3, M: 7 })), undefined, "a problem of that name, but another");
    assert.ok(picture.fits(problem));
    for (const one of [made.examples[0], { ...made.examples[0], truth: null }]) {
      const figures = picture.draw(one, "exact posterior");
      assert.ok(figures.length > 0);
      for (const { plots, description } of figures)
        for (const plot of plots) {
          const text = markup(plot, description);
          expectWhole(text);
          assert.ok(text.length > 2000, `${text.length} characters`);
          if (one.truth === null) assert.not.match(text, "--exact");
        }
    }
  });
}

test("profiles of the rod read at its sensors are its data", async () => {
  const theta = Float32Array.from({ length: 4 * rod.D }, (_, k) => normalAt(9, 1, 0, Math.floor(k / rod.D), k % rod.D));
  const [data, { a, u }] = [await predict(rod, theta), profiles(theta, rod.D)];
  for (let s = 0; s < 4; s++) {
    assert.is(a[s][0], 1);
    assert.ok(Math.abs(u[s][0] - 1) < 1e-12 && Math.abs(u[s][60]) < 1e-12);
    // The first sensor, x = 0.15, is a point of the picture; trapezoids of 1/240 are off by h² max|(e^−g)″|/12 at most.
    assert.ok(Math.abs(u[s][9] - data[s * rod.M]) < 1e-3, `${u[s][9]} ${data[s * rod.M]}`);
  }
});

test("the disc of the plate's picture has the radius of the model's, on both axes", () => {
  const figures = pictures.eit.draw(example(shapes[1], 0), "exact posterior");
  const svg = figures[0].plots[0];
  const d = svg.querySelector('path[d*="a"]')?.getAttribute("d") as string;
  const [, x, y, r] = (/^M([\d.]+) ([\d.]+)a([\d.]+)/.exec(d) as RegExpExecArray).map(Number);
  const inner = Number(svg.getAttribute("width")) - 36 - 8;
  assert.ok(Math.abs(r - RADIUS * inner) < 0.1);
  assert.ok(Math.abs(x + r - (36 + 0.3 * inner)) < 0.15 && Math.abs(y - (20 + 0.7 * inner)) < 0.15, "at 0.3, 0.3");
});

test("regions of highest density hold their shares of draws", () => {
  const S = 600;
  const draws = Float64Array.from({ length: 2 * S }, (_, k) => normalAt(4, 1, 0, k >> 1, k & 1));
  const span = [-5, 5] as const;
  const { values, n, levels } = regions(draws, 2, [0, 1], [span, span], [0.5, 0.9], 101);
  const cell = (10 / (n - 1)) ** 2;
  const total = values.reduce((a, b) => a + b, 0) * cell;
  // Area of the region that holds the share p of a normal in the plane, with kernels of variance h² added to its draws.
  const variance = 1 + (0.8 * S ** (-1 / 6)) ** 2;
  for (const [i, p] of [0.5, 0.9].entries()) {
    const area = values.filter((v) => v >= levels[i]).length * cell;
    const radius2 = -2 * Math.log(1 - p);
    assert.ok(Math.abs(area / (Math.PI * radius2) - 1) < 0.25, `${p}: ${area}`);
    const inside = values.filter((v) => v >= levels[i]).reduce((a, b) => a + b, 0) * cell;
    const held = 1 - Math.exp(-radius2 / (2 * variance));
    assert.ok(Math.abs(inside / total - held) < 0.06, `${p}: ${inside / total}, not ${held}`);
  }
});

test("numbers are short, and say when there is none", () => {
  assert.equal([0, 0.1234, 1.234, 12.34, 123.4, -0.5, 1e-5, 1e6, Number.NaN, Number.POSITIVE_INFINITY].map(short), [
    "0.000",
    "0.123",
    "1.23",
    "12.3",
    "123",
    "−0.500",
    "1.0e−5",
    "1.0e6",
    "–",
    "∞",
  ]);
  assert.equal([0, 0.004, 0.5, 0.99, 0.997, 1].map(percent), ["0 %", "0.4 %", "50 %", "99 %", "99.7 %", "100 %"]);
});

test.run();
