// Text tables as spreadsheets, pandas and R write them: nothing in them is taken for what it is not, in silence.
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { numbered } from "../src/problem/columns.ts";
import { defineProblem } from "../src/problem/define.ts";
import { splitPairs } from "../src/simulate/pairs.ts";
import { parseCsv } from "../src/store/csv.ts";
import { parseObservations } from "../src/store/observations.ts";
import { loadPairs } from "../src/store/pairs-file.ts";
import { messageOf, rejection, utf8 } from "./helpers/store.ts";

const folder = fs.mkdtempSync(join(tmpdir(), "retrodict-csv-"));
test.after(() => fs.rmSync(folder, { recursive: true }));
const write = (name: string, text: string): string => {
  fs.writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const rowsOf = (text: string): number[][] => parseCsv(text).rows.map((row) => [...row]);
const refused = (text: string, columns?: number): string => messageOf(() => parseCsv(text, columns));
const AB = [
  [1, 2],
  [3, 4],
];

test("a comment begins a line or follows white space, and is never within quotes", () => {
  for (const text of [
    "# a, b\n1,2\n3,4\n",
    "1,2 # first\n  # between\n3,4\t#last",
    '"u # 1","v, # 2"\n1,2 #N\n3,4\n',
    "#1,2\n1 2\n3 4",
  ])
    assert.equal(rowsOf(text), AB, text);
  assert.equal(parseCsv('"u # 1","v, # 2"\n1,2').names, ["u # 1", "v, # 2"]);
});

for (const cell of [
  "#N/A",
  "#DIV/0!",
  "#REF!",
  "#NAME?",
  "#NV",
  "#¡REF!",
  "#VALEUR!",
  "####",
  "1.#INF",
  "-1.#IND",
  "1.#QNAN",
]) {
  test(`the error cell ${cell} is refused by row and column, wherever it stands`, () => {
    const advice = "; an error of another program; mend it there, or leave the row out";
    const error = (row: number, column: number) =>
      `row ${row}, column ${column}: expected a number, got "${cell}"${advice}`;
    assert.is(refused(`a,b\n1,2\n${cell},4\n`), error(3, 1));
    assert.is(
      refused(`1,2\n3,4\n5, ${cell}\n`),
      cell === "####"
        ? 'row 3, column 2: expected a number, got ""; leave no cell empty, and no separator at the end of a line'
        : error(3, 2),
    );
    assert.is(refused(`1,2\n3,"${cell}"\n`), error(2, 2));
    assert.is(refused(`${cell},${cell}\n3,4\n`), error(1, 1));
  });
}

test("text directly after a number is not a comment", () => {
  for (const cell of ["2.5#x", "2#", "1e5#1"])
    assert.match(refused(`1,2\n${cell},4\n`), `row 2, column 1: expected a number, got "${cell}"`);
});

const missing = [
  "NA",
  "n/a",
  "N.A.",
  "<NA>",
  "NaN",
  "-nan",
  "null",
  "None",
  "nil",
  "NaT",
  "missing",
  "n.d.",
  "-",
  "--",
  ".",
  "?",
  "",
];
for (const cell of missing) {
  test(`the missing number ${JSON.stringify(cell)} is refused by row and column, in the first row too`, () => {
    assert.match(refused(`1,2\n3,${cell}\n`), `row 2, column 2: expected`);
    assert.match(refused(`1,${cell}\n3,4\n`), `row 1, column 2: expected`);
    if (cell !== "") assert.match(refused(`${cell},${cell}\n3,4\n`), `row 1, column 1: expected`);
  });
}

test("a first line that spells numbers, truth or money is not taken for names", () => {
  for (const [line, advice] of [
    ["−0.5,−1", 'got "−0.5"; write the minus sign as "-"'],
    ["−1e5,2", 'got "−1e5"; write the minus sign as "-"'],
    ["TRUE,FALSE", 'got "TRUE"; write 1 and 0'],
    ["$1,$2", 'got "$1"; write decimal numbers alone'],
    ["(1),(2)", 'got "(1)"; write decimal numbers alone'],
    ["1.5mm,2mm", 'got "1.5mm"; write decimal numbers alone'],
    ["bad,bad", 'got "bad"'],
  ])
    assert.match(refused(`${line}\n1,2\n`), `row 1, column 1: expected a number, ${advice}`);
});

test("a line of names has a letter in every cell", () => {
  for (const names of [
    ["x", "y"],
    ["u(0.15)", "θ²"],
    ["second", "°C"],
    ["[mm] x", "_y1"],
  ])
    assert.equal(parseCsv(`${names.join(",")}\n1,2\n3,4\n`), {
      names,
      rows: AB.map((r) => Float64Array.from(r)),
      warnings: [],
    });
  assert.match(refused("x,\n1,2\n"), 'row 1, column 1: expected a number, got "x"');
});

test("a header of pandas that counts is left out with a warning; whole numbers below it are data", () => {
  const above = (header: string, rows: string) => parseCsv(`${header}\n${rows}`);
  const two = above("0,1", "0.5,2.0\n1.0,3.0\n");
  assert.equal([two.names, two.rows.length], [null, 2]);
  assert.match(two.warnings[0], "row 1 holds 0, 1, as pandas writes above columns without names: it was left out");
  const indexed = above(",0,1,2", "0,0.5,1.5,2.5\n1,3.5,4.5,5.5\n");
  assert.equal(
    indexed.rows.map((row) => [...row]),
    [
      [0.5, 1.5, 2.5],
      [3.5, 4.5, 5.5],
    ],
  );
  assert.is(indexed.warnings.length, 1);
  assert.is(above("0,1", "2,3\n4,5\n").rows.length, 3);
  assert.is(above("0.0,1.0", "0.5,2.0\n").rows.length, 2);
  const one = above("0", "0.5\n1.5\n");
  assert.equal([one.rows.length, one.warnings.length], [3, 1]);
});

test("names of rows, as R and pandas write them, are left out with a warning", () => {
  for (const text of [
    '"","u","v"\n"1",1,2\n"2",3,4\n', // write.csv
    '"u" "v"\n"row 1" 1 2\n"row 2" 3 4\n', // write.table
    ",u,v\n2020-01-01,1,2\n2020-01-02,3,4\n", // DataFrame.to_csv
  ]) {
    const { names, rows, warnings } = parseCsv(text);
    assert.equal([names, rows.map((row) => [...row])], [["u", "v"], AB], text);
    assert.equal(warnings, ["the first column was taken for names of rows, and left out"]);
  }
  assert.match(
    refused("1,1,2\n2,3,4\n", 2),
    "row 1: expected 2 numbers, got 3; if its first column contains names of rows",
  );
});

test("semicolons, decimal commas and lines for Excel: the error says what to do", () => {
  assert.equal(rowsOf("1;2\n3;4\n"), AB);
  assert.equal(rowsOf("u;v\n1.0;2\n3;4\n"), AB);
  const points = "write numbers with decimal points, and nothing between thousands";
  assert.match(refused("0,5;1,5\n"), `row 1, column 1: expected a number, got "0,5"; ${points}`);
  assert.match(refused("u\tv\n0,5\t1,5\n"), `row 2, column 1: expected a number, got "0,5"; ${points}`);
  assert.match(refused('"1,234.5",2\n'), `row 1, column 1: expected a number, got "1,234.5"; ${points}`);
  assert.match(refused("0,5 1,5\n"), 'got "5 1"; separate all numbers alike, and write decimal points, not commas');
  assert.match(
    refused("0,5\n1,5\n", 1),
    "row 1: expected 1 numbers, got 2; if its commas are decimal ones, write points",
  );
  for (const line of ["sep=;", "SEP=,", '"sep=\t"'])
    assert.match(refused(`${line}\n1;2\n`), "row 1: expected numbers, got ", line);
  assert.match(refused("sep=;\n1;2\n"), '"sep=;"; delete this line, which only Excel reads');
  assert.match(refused('1,2\n3,"4\n'), "row 2: expected quotation marks in pairs");
});

const problem = defineProblem({
  name: "named",
  prior: normal([0, 0], 1),
  parameters: ["depth", "slope"],
  data: ["u", "v", "w"],
  noise: gaussianNoise(0.1),
  simulate: (theta) => theta.map(([a, b]) => [a, b, a]),
});

test("columns of observations are put in the order of the data, and other names are refused", () => {
  const read = (text: string) => parseObservations(utf8(text), "y.csv", problem.data).rows.map((row) => [...row]);
  for (const text of ["u,v,w\n1,2,3\n", "w,u,v\n3,1,2\n", "v;w;u\n2;3;1\n", "1,2,3\n"])
    assert.equal(read(text), [[1, 2, 3]], text);
  assert.match(
    messageOf(() => read("u,v,x\n1,2,3\n")),
    'y.csv: expected columns u, v, w in any order, got "x"; rename it, or delete the line of names',
  );
  assert.match(
    messageOf(() => read("u,v,w,z\n1,2,3,4\n")),
    "row 2: expected 3 numbers, got 4",
  );
});

test("data that no one has named take any names, and their numbers in any order", () => {
  const read = (text: string) => parseObservations(utf8(text), "y.csv", numbered(2)).rows.map((row) => [...row]);
  assert.equal(read("left,right\n1,2\n"), [[1, 2]]);
  assert.equal(read("y2,y1\n2,1\n"), [[1, 2]]);
  assert.match(
    messageOf(() => read("y2,y3\n2,1\n")),
    'expected columns y1, y2 in any order, got "y3"',
  );
});

test("columns of pairs are put in the order of parameters and data, and other names are refused", async () => {
  const rows = Array.from({ length: 30 }, (_, i) => [i / 30, -i / 30]);
  const theta = (names: string, order: readonly number[]) =>
    write("theta.csv", `${names}\n${rows.map((row) => order.map((j) => row[j])).join("\n")}\n`);
  const y = (names: string, order: readonly number[]) =>
    write("y.csv", `${names}\n${rows.map(([a, b]) => order.map((j) => [a, b, a * b][j])).join("\n")}\n`);
  const want = splitPairs(problem, await loadPairs(theta("depth,slope", [0, 1]), y("u,v,w", [0, 1, 2])), 10);
  const got = splitPairs(problem, await loadPairs(theta("slope,depth", [1, 0]), y("w,v,u", [2, 1, 0])), 10);
  assert.equal(got, want);
  const odd = loadPairs(theta("slope,angle", [1, 0]), y("w,v,u", [2, 1, 0])).then((pairs) =>
    splitPairs(problem, pairs, 10),
  );
  assert.match(await rejection(odd), /theta\.csv: expected columns depth, slope in any order, got "angle"/);
});

test("what a reader of pairs has guessed comes with them", async () => {
  const lines = Array.from({ length: 30 }, (_, i) => `${i + 0.5},${i}`);
  const theta = write("counted.csv", `0,1\n${lines.join("\n")}\n`);
  const y = write("named.csv", `"","u"\n${lines.join("\n")}\n`);
  const { warnings = [], theta: rows, columns } = await loadPairs(theta, y);
  assert.is(rows.length, 30);
  assert.equal(columns, { theta: null, y: ["u"] });
  assert.match(warnings[0], /counted\.csv: row 1 holds 0, 1/);
  assert.match(warnings[1], /named\.csv: the first column was taken for names of rows/);
  assert.match(
    await rejection(loadPairs(theta, write("errors.csv", "1\n#N/A\n"))),
    /errors\.csv: row 2, column 1: .*#N\/A/,
  );
});

test.run();
