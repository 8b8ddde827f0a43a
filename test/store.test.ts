import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readBytes, writeBytes } from "../src/host/files.ts";
import { encodeNpy } from "../src/store/npy.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "../src/store/safetensors.ts";
import { generator, messageOf, rejection, utf8 } from "./helpers/store.ts";

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

test("a model file is read from a Node Buffer, whose own slice would not copy", () => {
  const bytes = encodeSafetensors(sample, metadata);
  const { tensors } = decodeSafetensors(Buffer.from(bytes));
  for (const [name, tensor] of Object.entries(sample)) assert.equal(tensors[name], tensor, name);
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
  ["is empty", new Uint8Array(0), /a safetensors file, as save\(\) writes it, got an empty file$/],
  ["ends in the header's length", new Uint8Array(7), /got a file of 7 bytes$/],
  ["claims a header longer than the file", fileOf("{}".padEnd(9)).subarray(0, 10), /header of 9 bytes, got 2 \(trunc/],
  ["claims a header of 17 MiB", Uint8Array.of(0, 0, 16, 1, 0, 0, 0, 0, 123), /at most 16777216 bytes, got 17825792/],
  ["claims a header of 2^63 bytes", Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128, 123), /at most 16777216 bytes/],
  [
    "is an archive",
    utf8("PK\u0003\u0004 this is a zip file"),
    /got a ZIP archive, as PyTorch and numpy\.savez write it$/,
  ],
  ["is a table", utf8("y1,y2\n0.5,0.25\n"), /^safetensors: expected a safetensors file, .*, got text$/],
  ["is a page", utf8("<!DOCTYPE html><title>Not found</title>"), /got a page of HTML or XML$/],
  ["is a NumPy array", encodeNpy(Float32Array.of(1), [1]), /got a NumPy array$/],
  ["is of another format", new Uint8Array(99).fill(200), /got a file of another kind$/],
  ["has a header that is no JSON", fileOf("{]"), /a header of JSON/],
  ["has a header that is no UTF-8", fileOf("{}").map((b, i) => (i === 9 ? 0xff : b)), /a header of JSON/],
  ["has a list for a header", fileOf([]), /a safetensors file, .* got a file of another kind/],
  ["has no header", fileOf(""), /got a file of 8 bytes/],
  ["has a number for a tensor", fileOf({ a: 1 }), /"a" to be an object, got 1/],
  ["has an unknown dtype", fileOf({ a: { ...one, dtype: "BF16" } }, 4), /one of F16, F32, F64, I32, got "BF16"/],
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
  ["has a name twice", fileOf(`{"a":${JSON.stringify(one)},"a":${JSON.stringify(one)}}`, 4), /a name occurs twice/],
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
