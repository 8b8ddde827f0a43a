import { test } from "uvu";
import * as assert from "uvu/assert";
import { numbered } from "../src/problem/columns.ts";
import { formatCsv, parseCsv } from "../src/store/csv.ts";
import { decodeNpy, encodeNpy } from "../src/store/npy.ts";
import { parseObservations } from "../src/store/observations.ts";
import { generator, messageOf, utf8 } from "./helpers/store.ts";

test("float32 arrays of any shape come back from NumPy's format", () => {
  for (const shape of [[6], [2, 3], [0, 5]]) {
    const data = Float32Array.from({ length: shape.reduce((size, n) => size * n, 1) }, (_, i) => i / 3);
    const bytes = encodeNpy(data, shape);
    assert.is((bytes.length - data.byteLength) % 64, 0);
    assert.equal(decodeNpy(bytes), { shape, data });
    assert.equal(decodeNpy(Buffer.from(bytes)), { shape, data }, "from a Buffer, whose own slice would not copy");
  }
  const header = new TextDecoder("latin1").decode(encodeNpy(new Float32Array(24), [2, 3, 4]).subarray(0, 80));
  assert.match(header, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4), }");
  assert.match(
    messageOf(() => encodeNpy(new Float32Array(5), [2, 3])),
    "shape (2, 3) to fit the data, got 5 numbers",
  );
});

/** A NumPy file with a header as numpy writes it. */
function npyOf(dict: string, data: ArrayBufferView | number, version = 1): Uint8Array {
  const text = utf8(`${dict}\n`);
  const size = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  const body = typeof data === "number" ? new Uint8Array(data) : new Uint8Array(data.buffer);
  return Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...size, ...text, ...body);
}
const dictOf = (descr: string, shape: string, order = "False") =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;

test("NumPy files of versions 1 to 3, float32 and float64 are read", () => {
  for (const version of [1, 2, 3]) {
    const data = Float64Array.of(0.1, 2, 3, 4, 5, 6);
    assert.equal(decodeNpy(npyOf(dictOf("'<f8'", "(3, 2)"), data, version)), { shape: [3, 2], data });
  }
  const single = Float32Array.of(1, 2);
  assert.equal(decodeNpy(npyOf(dictOf("'<f4'", "(2,)"), single)), { shape: [2], data: single });
});

test("NumPy files in Fortran order give the rows that they would in C order", () => {
  const fortran = (shape: number[]): Uint8Array => {
    // The number at (i, j, k) is its place in C order.
    const size = shape.reduce((a, b) => a * b, 1);
    const data = new Float64Array(size);
    for (let c = 0; c < size; c++) {
      let [rest, place] = [c, 0];
      const at = shape.toReversed().map((n) => [rest % n, (rest = Math.floor(rest / n))][0]);
      for (const [k, i] of at.entries()) place = place * shape[shape.length - 1 - k] + i;
      data[place] = c;
    }
    const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
    return npyOf(dictOf("'<f8'", tuple, "True"), data);
  };
  for (const shape of [[5], [1, 5], [5, 1], [2, 3], [3, 2], [2, 3, 4], [1, 2, 1, 3], [0, 3]]) {
    const size = shape.reduce((a, b) => a * b, 1);
    assert.equal(
      decodeNpy(fortran(shape)),
      { shape, data: Float64Array.from({ length: size }, (_, i) => i) },
      `${shape}`,
    );
  }
  // numpy.asfortranarray([[1, 2, 3], [4, 5, 6]])
  const data = Float64Array.of(1, 4, 2, 5, 3, 6);
  assert.equal(decodeNpy(npyOf(dictOf("'<f8'", "(2, 3)", "True"), data)).data, Float64Array.of(1, 2, 3, 4, 5, 6));
});

const badNpy: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
  ["is big-endian", npyOf(dictOf("'>f8'", "(1,)"), 8), /'<f8', got >f8 \(big-endian\); save a\.astype\('<f8'\)$/],
  ["holds integers", npyOf(dictOf("'<i8'", "(1,)"), 8), /got <i8; save a\.astype\('<f8'\)/],
  ["holds objects", npyOf(dictOf("'|O'", "(1,)"), 8), /got Python objects; they are never read; save numpy\.array\(/],
  [
    "is structured",
    npyOf(dictOf("[('a', '<f4')]", "(1,)"), 4),
    /got a structured array; .*structured_to_unstructured\(a\)/,
  ],
  ["is of void", npyOf(dictOf("'|V12'", "(1,)"), 12), /got \|V12; save each field as an array/],
  ["is complex", npyOf(dictOf("'<c16'", "(1,)"), 16), /got <c16; save real and imaginary parts/],
  ["has no type", npyOf("{'fortran_order': False, 'shape': (1,)}", 4), /'<f8', got none$/],
  ["has no order", npyOf("{'descr': '<f4', 'shape': (1,)}", 4), /expected fortran_order, got none$/],
  ["has nine axes", npyOf(dictOf("'<f4'", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4), /1 to 8 axes, got shape/],
  ["has no axis", npyOf(dictOf("'<f4'", "()"), 4), /1 to 8 axes/],
  ["has no shape", npyOf("{'descr': '<f4', 'fortran_order': False}", 4), /a shape, got none/],
  ["has a huge shape", npyOf(dictOf("'<f4'", "(4000000000, 4000000000)"), 4), /bytes for shape/],
  ["is truncated", npyOf(dictOf("'<f4'", "(3,)"), 8), /12 bytes for shape \(3\), got 8 \(truncated file\)/],
  ["is too long", npyOf(dictOf("'<f4'", "(3,)"), 16), /12 bytes for shape \(3\), got 16/],
  ["ends in its header", npyOf(dictOf("'<f4'", "(3,)"), 8).subarray(0, 30), /truncated file/],
  ["ends after its version", npyOf(dictOf("'<f4'", "(3,)"), 8).subarray(0, 8), /truncated file/],
  ["is of version 9", npyOf(dictOf("'<f4'", "(3,)"), 8, 9), /version 1, 2 or 3, got 9/],
  ["is another file", utf8("1,2,3"), /a NumPy file/],
];
for (const [what, bytes, message] of badNpy) {
  test(`a NumPy file that ${what} is refused`, () => {
    assert.match(
      messageOf(() => decodeNpy(bytes)),
      message,
    );
  });
}

test("a damaged NumPy file is refused in words or read, and never crashes the reader", () => {
  const next = generator(2);
  const whole = npyOf(dictOf("'<f4'", "(2, 3)"), Float32Array.of(1, 2, 3, 4, 5, 6));
  for (let round = 0; round < 3000; round++) {
    const bytes = next() % 3 === 0 ? whole.slice(0, next() % (whole.length + 1)) : whole.slice();
    for (let hits = 1 + (next() % 3); hits > 0; hits--) bytes[next() % bytes.length] = next() >>> 24;
    const message = messageOf(() => decodeNpy(bytes));
    assert.match(message, /^npy: expected |^nothing was thrown$/);
  }
});

const tables: readonly [what: string, text: string][] = [
  ["commas", "1,2.5,-3e2\n4,5,6\n"],
  ["semicolons", "1;2.5;-3e2\n4;5;6"],
  ["tabs", "1\t2.5\t-3e2\r\n4\t5\t6\r\n"],
  ["spaces", "  1  2.5 -3e2\n4 5   6"],
  ["a line of names", "y1,y2,y3\n1,2.5,-3e2\n4,5,6\n"],
  ["quoted names with commas in them", '"flux, left","b ""x""",c\n1,2.5,-3e2\n4,5,6\n'],
  ["a byte order mark, comments and blank lines", "\uFEFF# made by hand\n\n1,2.5,-3e2 # first\n\n4,5,+6.\n#end"],
];
for (const [what, text] of tables) {
  test(`rows of numbers are read with ${what}`, () => {
    assert.equal(parseCsv(text).rows, [Float64Array.of(1, 2.5, -300), Float64Array.of(4, 5, 6)]);
  });
}

const badTables: readonly [what: string, text: string, message: string][] = [
  ["what is no number", "1,2\n3,4\n5,x\n", 'row 3, column 2: expected a number, got "x"'],
  ["a number that comes after a name", "a,b\n1,2\n\n# c\n1,b\n", 'row 5, column 2: expected a number, got "b"'],
  [
    "an empty cell",
    "1,,2\n",
    'row 1, column 2: expected a number, got ""; leave no cell empty, and no separator at the end of a line',
  ],
  ["a first line that mixes names and numbers", "1,b\n1,2\n", 'row 1, column 2: expected a number, got "b"'],
  [
    "a hexadecimal number",
    "0x10,1\n",
    'row 1, column 1: expected a number, got "0x10"; write decimal numbers alone, without units and other signs',
  ],
  [
    "a NaN, which is no name",
    "nan,nan\n1,2\n",
    'row 1, column 1: expected a finite number, got "nan"; fill it in, or leave the row out',
  ],
  ["a number too large", "1,1e999\n", 'row 1, column 2: expected a finite number, got "1e999"'],
  ["a second line of names", "a,b\nc,d\n", 'row 2, column 1: expected a number, got "c"'],
  ["a row that is short", "1,2\n3\n", "row 2: expected 2 numbers, got 1"],
];
for (const [what, text, message] of badTables) {
  test(`an error in rows of numbers names the place of ${what}`, () => {
    assert.is(
      messageOf(() => parseCsv(text)),
      message,
    );
  });
}

test("numbers written as text read back as they were", () => {
  const rows = [Float64Array.of(0.1, -1 / 3, 1e300), Float64Array.of(5e-324, 0, -7)];
  assert.equal(parseCsv(formatCsv(["a", "b, c", 'd"e'], rows)), {
    names: ["a", "b, c", 'd"e'],
    rows,
    warnings: [],
  });
  const next = generator(3);
  const single = Float32Array.from({ length: 3000 }, () => (next() / 2 ** 32 - 0.5) * 10 ** ((next() % 60) - 30));
  const text = formatCsv(["x"], [Float32Array.of(0.1)]);
  assert.is(text, "x\n0.1\n");
  const lines = Array.from(single, (x) => Float32Array.of(x));
  assert.equal(
    Float32Array.from(parseCsv(formatCsv(["x"], lines)).rows, ([x]) => x),
    single,
  );
});

const rowsOf = (bytes: Uint8Array, name: string, M = 2) =>
  parseObservations(bytes, name, numbered(M)).rows.map((row) => [...row]);

test("observations are read from text, NumPy and JSON, one or several", () => {
  const rows = [
    [1, 2],
    [3, 4],
  ];
  const npy = encodeNpy(Float32Array.of(1, 2, 3, 4), [2, 2]);
  assert.equal(rowsOf(utf8("1,2\n3,4\n"), "y.csv"), rows);
  assert.equal(rowsOf(npy, "y.npy"), rows);
  assert.equal(rowsOf(npy, "-"), rows);
  assert.equal(rowsOf(utf8("[[1, 2], [3, 4]]"), "y.json"), rows);
  assert.equal(rowsOf(utf8(" [[1, 2], [3, 4]]"), "-"), rows);
  assert.equal(rowsOf(utf8("[1, 2]"), "y.json"), rows.slice(0, 1));
  assert.equal(rowsOf(encodeNpy(Float32Array.of(1, 2), [2]), "y.npy"), rows.slice(0, 1));
});

test("a flat list of data that are one number each is one observation a number", () => {
  assert.equal(rowsOf(utf8("[1, 2]"), "y.json", 1), [[1], [2]]);
  assert.equal(rowsOf(encodeNpy(Float32Array.of(1, 2), [2]), "y.npy", 1), [[1], [2]]);
  assert.equal(rowsOf(utf8("1\n2\n"), "y.csv", 1), [[1], [2]]);
});

const badObservations: readonly [name: string, bytes: Uint8Array, message: string][] = [
  [
    "y.csv",
    utf8("a,b\n1,2\n1,2,3\n"),
    "y.csv: row 3: expected 2 numbers, got 3; if its first column contains names of rows, delete that column",
  ],
  ["y.csv", utf8("# nothing\n"), "y.csv: expected rows of numbers, got none"],
  ["y.csv", Uint8Array.of(0xff, 0xfe, 49, 0), "y.csv: expected text in UTF-8, NumPy or JSON data, got other bytes"],
  ["y.npy", utf8("1,2"), "y.npy: npy: expected a NumPy file, got other first bytes"],
  ["y.npy", encodeNpy(Float32Array.of(1, 2, 3), [3]), "y.npy: row 1: expected 2 numbers, got 3"],
  ["y.npy", encodeNpy(new Float32Array(0), [0, 2]), "y.npy: expected rows of numbers, got none: shape (0, 2)"],
  [
    "y.npy",
    encodeNpy(Float32Array.of(1, 2, 3, Number.NaN), [2, 2]),
    "y.npy: row 2, column 2: expected a finite number, got NaN",
  ],
  ["y.json", utf8("[[1, 2], [1, null]]"), "y.json: row 2, column 2: expected a number, got null"],
  ["y.json", utf8("[[1, 2], 3]"), "y.json: row 2: expected an array of numbers, got 3"],
  ["y.json", utf8('[1, "2"]'), 'y.json: row 1, column 2: expected a number, got "2"'],
  ["y.json", utf8("[1, 1e999]"), "y.json: row 1, column 2: expected a finite number, got Infinity"],
  ["y.json", utf8('{"y": 1}'), 'y.json: expected an array, or an array of arrays, got {"y":1}'],
  ["y.json", utf8("[]"), "y.json: expected rows of numbers, got none"],
];
for (const [i, [name, bytes, message]] of badObservations.entries()) {
  test(`observations that cannot be used are refused by file and place (${name}, case ${i + 1})`, () => {
    assert.is(
      messageOf(() => rowsOf(bytes, name)),
      message,
    );
  });
}

test("JSON that is none is refused with what the parser found", () => {
  assert.match(
    messageOf(() => rowsOf(utf8("[1, 2"), "y.json")),
    /^y\.json: expected JSON, got an error: /,
  );
});

test.run();
