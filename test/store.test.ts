import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatCsv, parseCsv } from "../src/store/csv.ts";
import { readBytes, writeBytes } from "../src/store/files.ts";
import { decodeNpy, encodeNpy } from "../src/store/npy.ts";
import { parseObservations } from "../src/store/observations.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "../src/store/safetensors.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Whole 32-bit numbers, the same in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.instance(error, Error);
    return (error as Error).message;
  }
  return "nothing was thrown";
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing was thrown",
    (error: Error) => error.message,
  );
}

/** A file of a header, given as text or as a value, and so many bytes of data. */
function fileOf(header: unknown, data = 0): Uint8Array {
  const json = utf8(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const sample: Record<string, StoredTensor> = {
  "net.bias": { dtype: "F32", shape: [1, 3], data: Float32Array.of(1.5, -2, 3e-40) },
  scale: { dtype: "F64", shape: [2], data: Float64Array.of(0.1, -1e300) },
  order: { dtype: "I32", shape: [2, 2], data: Int32Array.of(1, -1, 2147483647, 0) },
  empty: { dtype: "F32", shape: [0, 7], data: new Float32Array(0) },
  scalar: { dtype: "F64", shape: [], data: Float64Array.of(7) },
};
const metadata = { retrodict: '{"format":1,"name":"a:b \\"c\\""}', "θ µ": "größe" };

test("tensors and metadata come back from the bytes of a model file as they were", () => {
  const read = decodeSafetensors(encodeSafetensors(sample, metadata));
  assert.equal(Object.keys(read.tensors).sort(), Object.keys(sample).sort());
  for (const [name, tensor] of Object.entries(sample)) assert.equal(read.tensors[name], tensor, name);
  assert.equal(read.metadata, metadata);
  assert.equal(decodeSafetensors(encodeSafetensors({}, {})), { tensors: {}, metadata: {} });
});

test("the bytes of a model file do not depend on the order in which its content is given", () => {
  const reversed = <T>(record: Record<string, T>) => Object.fromEntries(Object.entries(record).reverse());
  const bytes = encodeSafetensors(sample, metadata);
  assert.equal(encodeSafetensors(reversed(sample), reversed(metadata)), bytes);
});

test("every tensor of a model file is aligned to its element", () => {
  const bytes = encodeSafetensors(sample, metadata);
  const length = new DataView(bytes.buffer).getUint32(0, true);
  assert.is(length % 8, 0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  for (const [name, { data }] of Object.entries(sample)) {
    assert.is(header[name].data_offsets[0] % data.BYTES_PER_ELEMENT, 0, name);
  }
});

test("a model file is read from bytes at any offset", () => {
  const bytes = encodeSafetensors(sample, metadata);
  const shifted = new Uint8Array(bytes.length + 5);
  shifted.set(bytes, 3);
  assert.equal(decodeSafetensors(shifted.subarray(3, 3 + bytes.length)), decodeSafetensors(bytes));
});

test("a model file with nothing to read is not written", () => {
  const f32 = (shape: number[], ...data: number[]): StoredTensor => ({
    dtype: "F32",
    shape,
    data: Float32Array.from(data),
  });
  const write = (tensors: Record<string, StoredTensor>) => messageOf(() => encodeSafetensors(tensors, {}));
  assert.match(write({ a: f32([2], 1) }), 'tensor "a" to have 2 numbers (2), got 1');
  assert.match(write({ a: f32([2], 1, Number.NaN) }), 'tensor "a" to be finite, got NaN at 1');
  assert.match(write({ a: { ...f32([1], 1), dtype: "F64" } }), 'tensor "a" to be a F64 array, got Float32Array');
  assert.match(write({ constructor: f32([1], 1) }), 'a plain tensor name, got "constructor"');
  assert.match(write({ __metadata__: f32([1], 1) }), "not reserved");
  assert.match(
    messageOf(() => encodeSafetensors({}, { a: 1 as unknown as string })),
    'metadata "a" to be a string, got 1',
  );
});

const one = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
const malformed: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
  ["is empty", new Uint8Array(0), /8 bytes of header length, got a file of 0 bytes/],
  ["ends in the header's length", new Uint8Array(7), /8 bytes of header length/],
  ["claims a header longer than the file", Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0), /header of 9 bytes, got 0 \(trunc/],
  ["claims a header of 17 MiB", Uint8Array.of(0, 0, 16, 1, 0, 0, 0, 0), /at most 16777216 bytes, got 17825792/],
  ["claims a header of 2^63 bytes", Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128), /at most 16777216 bytes/],
  ["is of another format", utf8("PK\u0003\u0004 this is a zip file"), /is this a model file\?/],
  ["has a header that is no JSON", fileOf("{]"), /a header of JSON/],
  ["has a header that is no UTF-8", fileOf("{}").map((b, i) => (i === 8 ? 0xff : b)), /a header of JSON/],
  ["has a list for a header", fileOf([]), /to be a JSON object, got \[\]/],
  ["has no header", fileOf(""), /a header of JSON/],
  ["has a number for a tensor", fileOf({ a: 1 }), /"a" to be an object, got 1/],
  ["has an unknown dtype", fileOf({ a: { ...one, dtype: "F16" } }, 4), /one of F32, F64, I32, got "F16"/],
  ["has a prototype's name for a dtype", fileOf({ a: { ...one, dtype: "toString" } }, 4), /got "toString"/],
  ["has a negative shape", fileOf({ a: { ...one, shape: [-1] } }, 4), /to have a shape, got \[-1\]/],
  ["has a fractional shape", fileOf({ a: { ...one, shape: [0.5, 2] } }, 4), /to have a shape/],
  ["has a shape past counting", fileOf({ a: { ...one, shape: [2 ** 40, 2 ** 40] } }, 4), /to have a shape/],
  ["has a shape that is no list", fileOf({ a: { ...one, shape: 1 } }, 4), /to have a shape, got 1/],
  ["has a shape larger than its bytes", fileOf({ a: { ...one, shape: [2 ** 50] } }, 4), /to take \d+ bytes, got 4/],
  ["has no offsets", fileOf({ a: { ...one, data_offsets: undefined } }, 4), /data_offsets \[begin, end\], got undef/],
  ["has offsets out of order", fileOf({ a: { ...one, data_offsets: [4, 0] } }, 4), /to take 4 bytes, got -4/],
  ["has negative offsets", fileOf({ a: { ...one, data_offsets: [-4, 0] } }, 4), /data_offsets \[begin, end\]/],
  ["has an unknown field", fileOf({ a: { ...one, code: "x" } }, 4), /dtype, shape and data_offsets, got \["code"\]/],
  ["has a hole", fileOf({ a: one, b: { ...one, data_offsets: [8, 12] } }, 12), /"b" to begin at byte 4 .* got 8/],
  ["has overlapping tensors", fileOf({ a: one, b: { ...one, data_offsets: [2, 6] } }, 6), /"b" to begin at byte 4/],
  ["has a tensor in the same place twice", fileOf({ a: one, b: one }, 4), /"b" to begin at byte 4 .* got 0/],
  ["is truncated", fileOf({ a: one }, 3), /4 bytes of data, got 3 \(truncated file\)/],
  ["goes on after its data", fileOf({ a: one }, 5), /4 bytes of data, got 5/],
  ["has a name twice", fileOf(`{"a":${JSON.stringify(one)},"a":${JSON.stringify(one)}}`, 4), /a name comes twice/],
  ["has a field twice", fileOf('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4), /twice/],
  ["has a tensor named __proto__", fileOf(`{"__proto__":${JSON.stringify(one)}}`, 4), /a plain tensor name/],
  ["has a tensor named toString", fileOf({ toString: one }, 4), /a plain tensor name/],
  ["has metadata named __proto__", fileOf('{"__metadata__":{"__proto__":"x"}}'), /a plain metadata name/],
  ["has metadata that is no text", fileOf({ __metadata__: { a: 1 } }), /metadata "a" to be a string, got 1/],
];
for (const [what, bytes, message] of malformed) {
  test(`a model file that ${what} is refused`, () => {
    assert.match(
      messageOf(() => decodeSafetensors(bytes)),
      message,
    );
  });
}

test("a model file with NaN or infinity in a tensor is refused, whatever the dtype", () => {
  for (const dtype of ["F32", "F64"] as const) {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const data = dtype === "F32" ? Float32Array.of(1, 2, 3) : Float64Array.of(1, 2, 3);
      const bytes = encodeSafetensors({ a: { dtype, shape: [3], data } }, {});
      data[2] = bad;
      bytes.set(new Uint8Array(data.buffer), bytes.length - data.byteLength);
      assert.match(
        messageOf(() => decodeSafetensors(bytes)),
        'tensor "a" to be finite, got NaN or infinity at number 2',
      );
    }
  }
});

test("a damaged model file is refused in words or read, and never crashes the reader", () => {
  const next = generator(1);
  const whole = encodeSafetensors(sample, metadata);
  let refused = 0;
  for (let round = 0; round < 4000; round++) {
    const bytes = next() % 3 === 0 ? whole.slice(0, next() % (whole.length + 1)) : whole.slice();
    // Mostly in the header: damage to the data is seldom seen.
    for (let hits = 1 + (next() % 4); hits > 0; hits--) bytes[next() % Math.min(bytes.length, 420)] = next() >>> 24;
    try {
      for (const { shape, data } of Object.values(decodeSafetensors(bytes).tensors)) {
        assert.is(
          shape.reduce((size, n) => size * n, 1),
          data.length,
        );
      }
    } catch (error) {
      assert.match((error as Error).message, /^safetensors: expected /);
      refused++;
    }
  }
  assert.ok(refused > 3000, `${refused} of 4000 refused`);
});

test("float32 arrays of any shape come back from NumPy's format", () => {
  for (const shape of [[6], [2, 3], [0, 5]]) {
    const data = Float32Array.from({ length: shape.reduce((size, n) => size * n, 1) }, (_, i) => i / 3);
    const bytes = encodeNpy(data, shape);
    assert.is((bytes.length - data.byteLength) % 64, 0);
    assert.equal(decodeNpy(bytes), { shape, data });
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

const badNpy: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
  ["is big-endian", npyOf(dictOf("'>f8'", "(1,)"), 8), /'<f8', got >f8 \(big-endian\)/],
  ["holds integers", npyOf(dictOf("'<i8'", "(1,)"), 8), /got <i8; save a\.astype\('<f8'\)/],
  ["holds objects", npyOf(dictOf("'|O'", "(1,)"), 8), /Python objects, never read/],
  ["holds records", npyOf(dictOf("[('a', '<f4')]", "(1,)"), 4), /got a record/],
  ["is in Fortran order", npyOf(dictOf("'<f4'", "(1, 1)", "True"), 4), /got Fortran order/],
  ["has three axes", npyOf(dictOf("'<f4'", "(1, 1, 1)"), 4), /1 or 2 axes, got shape \(1, 1, 1\)/],
  ["has no axis", npyOf(dictOf("'<f4'", "()"), 4), /1 or 2 axes/],
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
  ["an empty cell", "1,,2\n", 'row 1, column 2: expected a number, got ""'],
  ["a first line that mixes names and numbers", "1,b\n1,2\n", 'row 1, column 2: expected a number, got "b"'],
  ["a hexadecimal number", "0x10,1\n", 'row 1, column 1: expected a number, got "0x10"'],
  ["a NaN, which is no name", "nan,nan\n1,2\n", 'row 1, column 1: expected a finite number, got "nan"'],
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
  assert.equal(parseCsv(formatCsv(["a", "b, c", 'd"e'], rows)), { names: ["a", "b, c", 'd"e'], rows });
  const next = generator(3);
  const single = Float32Array.from({ length: 3000 }, () => (next() / 2 ** 32 - 0.5) * 10 ** ((next() % 60) - 30));
  const text = formatCsv(["x"], [Float32Array.of(0.1)]);
  assert.is(text, "x\n0.1\n");
  assert.equal(Float32Array.from(parseCsv(formatCsv(["x"], [single])).rows[0]), single);
});

test("observations are read from text, NumPy and JSON, one or several", () => {
  const rows = [Float64Array.of(1, 2), Float64Array.of(3, 4)];
  const npy = encodeNpy(Float32Array.of(1, 2, 3, 4), [2, 2]);
  assert.equal(parseObservations(utf8("1,2\n3,4\n"), "y.csv"), rows);
  assert.equal(parseObservations(npy, "y.npy"), rows);
  assert.equal(parseObservations(npy, "-"), rows);
  assert.equal(parseObservations(utf8("[[1, 2], [3, 4]]"), "y.json"), rows);
  assert.equal(parseObservations(utf8(" [[1, 2], [3, 4]]"), "-"), rows);
  assert.equal(parseObservations(utf8("[1, 2]"), "y.json", 2), rows.slice(0, 1));
  assert.equal(parseObservations(encodeNpy(Float32Array.of(1, 2), [2]), "y.npy", 2), rows.slice(0, 1));
});

test("a flat list of data that are one number each is one observation a number", () => {
  const rows = [Float64Array.of(1), Float64Array.of(2)];
  assert.equal(parseObservations(utf8("[1, 2]"), "y.json", 1), rows);
  assert.equal(parseObservations(encodeNpy(Float32Array.of(1, 2), [2]), "y.npy", 1), rows);
  assert.equal(parseObservations(utf8("1\n2\n"), "y.csv", 1), rows);
});

const badObservations: readonly [name: string, bytes: Uint8Array, message: string][] = [
  ["y.csv", utf8("a,b\n1,2\n1,2,3\n"), "y.csv: row 3: expected 2 numbers, got 3"],
  ["y.csv", utf8("# nothing\n"), "y.csv: expected an observation, got no numbers"],
  ["y.csv", Uint8Array.of(0xff, 0xfe, 49, 0), "y.csv: expected text in UTF-8, NumPy or JSON data, got other bytes"],
  ["y.npy", utf8("1,2"), "y.npy: npy: expected a NumPy file, got other first bytes"],
  ["y.npy", encodeNpy(Float32Array.of(1, 2, 3), [3]), "y.npy: row 1: expected 2 numbers, got 3"],
  ["y.npy", encodeNpy(new Float32Array(0), [0, 2]), "y.npy: expected an observation, got no numbers"],
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
  ["y.json", utf8("[]"), "y.json: expected an observation, got no numbers"],
];
for (const [i, [name, bytes, message]] of badObservations.entries()) {
  test(`observations that cannot be used are refused by file and place (${name}, case ${i + 1})`, () => {
    assert.is(
      messageOf(() => parseObservations(bytes, name, 2)),
      message,
    );
  });
}

test("JSON that is none is refused with what the parser found", () => {
  assert.match(
    messageOf(() => parseObservations(utf8("[1, 2"), "y.json")),
    /^y\.json: expected JSON, got an error: /,
  );
});

const folder = fs.mkdtempSync(join(tmpdir(), "retrodict-store-"));
test.after(() => fs.rmSync(folder, { recursive: true }));

test("a file is replaced whole, keeps its mode and leaves nothing beside it", async () => {
  const path = join(folder, "whole.bin");
  await writeBytes(path, "old");
  fs.chmodSync(path, 0o600);
  await writeBytes(path, Uint8Array.of(1, 2, 3));
  assert.equal(await readBytes(path), Uint8Array.of(1, 2, 3));
  assert.is(fs.statSync(path).mode & 0o777, 0o600);
  assert.equal(
    fs.readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("a link is written through, not replaced", async () => {
  const [target, link] = [join(folder, "target"), join(folder, "link")];
  await writeBytes(target, "old");
  fs.symlinkSync(target, link);
  await writeBytes(link, "new");
  assert.ok(fs.lstatSync(link).isSymbolicLink());
  assert.is(fs.readFileSync(target, "utf8"), "new");
});

test("a device is written to, not replaced", async () => {
  await writeBytes("/dev/null", "nothing");
  assert.ok(fs.statSync("/dev/null").isCharacterDevice());
});

test("an error of the file system names the path and the reason in words", async () => {
  const missing = join(folder, "no", "such");
  assert.is(await rejection(readBytes(missing)), `cannot read "${missing}": no such file or folder`);
  assert.is(await rejection(writeBytes(missing, "x")), `cannot write "${missing}": no such file or folder`);
  assert.is(await rejection(readBytes(folder)), `cannot read "${folder}": it is a folder`);
  assert.is(await rejection(writeBytes(folder, "x")), `cannot write "${folder}": it is a folder`);
  const large = join(folder, "large");
  await writeBytes(large, "12345");
  assert.is(await rejection(readBytes(large, 4)), `cannot read "${large}": expected at most 4 bytes, got 5`);
});

test("a file that was there survives when the write to it fails", async () => {
  const path = join(folder, "kept");
  await writeBytes(path, "kept");
  // Not bytes: it fails after the temporary file has been opened.
  assert.match(await rejection(writeBytes(path, {} as Uint8Array)), "cannot write");
  assert.is(fs.readFileSync(path, "utf8"), "kept");
  assert.equal(
    fs.readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test.run();
