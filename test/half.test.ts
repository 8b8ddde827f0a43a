// slow (5 s): trainings whose weights are stored in half precision
// Half precision: exact numbers, rounding to nearest, ties to even, and files with such weights.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { infer, load, toBytes, train } from "../src/index.ts";
import { arm } from "../src/problems.ts";
import { fitsHalf, fromHalf, toHalf } from "../src/store/half.ts";
import { decodeSafetensors, encodeSafetensors } from "../src/store/safetensors.ts";
import { retrodict } from "./helpers/cli.ts";
import { bitsOf, rejection, small } from "./helpers/maps.ts";
import { generator, messageOf } from "./helpers/store.ts";

const folder = mkdtempSync(join(tmpdir(), "half-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const round = (x: number): number => fromHalf(toHalf(Float32Array.of(x)))[0];
const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const isNumber = (bits: number): boolean => (bits & 0x7c00) !== 0x7c00;

/** The definition: (−1)^s 2^(e − 15) (1 + f/1024), and 2^-14 f/1024 for e = 0. */
function defined(bits: number): number {
  const [sign, e, f] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return e === 0 ? sign * 2 ** -14 * (f / 1024) : sign * 2 ** (e - 15) * (1 + f / 1024);
}

test("every number of half precision is read by its definition, and written back as it was", () => {
  const values = fromHalf(all);
  for (const bits of all) {
    if (isNumber(bits)) assert.ok(Object.is(values[bits], defined(bits)), `${bits}: ${values[bits]}`);
    else assert.ok(Object.is(Math.abs(values[bits]), bits & 0x3ff ? Number.NaN : Number.POSITIVE_INFINITY));
  }
  const again = toHalf(values);
  for (const bits of all) if (isNumber(bits) || (bits & 0x3ff) === 0) assert.is(again[bits], bits);
});

test("a value between two numbers is rounded to the nearer, and a tie to the even one", () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [defined(bits), defined(bits + 1)];
    const middle = (low + high) / 2; // exact in single precision
    const step = middle * 2 ** -23;
    assert.is(round(middle), bits % 2 === 0 ? low : high, `${middle}`);
    assert.is(round(-middle), bits % 2 === 0 ? -low : -high);
    assert.is(round(middle - step), low, `below ${middle}`);
    assert.is(round(middle + step), high, `above ${middle}`);
  }
});

test("numbers from half a unit above the largest become infinite", () => {
  assert.is(round(65_504), 65_504);
  assert.is(round(65_519.99), 65_504);
  assert.is(round(65_520), Number.POSITIVE_INFINITY);
  assert.is(round(-3e38), Number.NEGATIVE_INFINITY);
  assert.ok(Number.isNaN(round(Number.NaN)));
  assert.ok(Object.is(round(-1e-9), -0));
});

test("rounding errs by at most 2^-11 of the largest entry, where it is said to fit", () => {
  const next = generator(5);
  for (const scale of [6.2e-5, 1e-2, 1, 300, 6e4]) {
    const values = Float32Array.from({ length: 4000 }, (_, i) => (i === 0 ? 1 : next() / 2 ** 31 - 1) * scale);
    assert.ok(fitsHalf(values));
    const worst = fromHalf(toHalf(values)).reduce((most, x, i) => Math.max(most, Math.abs(x - values[i])), 0);
    assert.ok(worst <= scale * 2 ** -11 && worst > scale * 2 ** -14, `${scale}: ${worst}`);
  }
  for (const values of [[1e-6, 2e-5], [7e4], [Number.NaN]])
    assert.not(fitsHalf(Float32Array.from(values)), `${values}`);
  assert.ok(fitsHalf(new Float32Array(3)));
});

test("safetensors keep half precision as bits, and refuse numbers that are not finite", () => {
  const tensor = (data: number[]) =>
    ({ w: { dtype: "F16", shape: [data.length], data: Uint16Array.from(data) } }) as const;
  const odd = tensor([0x3c00, 0xc000, 1]);
  const bytes = encodeSafetensors(odd, {});
  assert.equal(decodeSafetensors(bytes).tensors, odd);
  const text = new TextDecoder().decode(bytes.subarray(8, bytes.length - 6));
  assert.match(text, '"dtype":"F16"');
  assert.match(
    messageOf(() => encodeSafetensors(tensor([0, 0x7c00]), {})),
    'expected tensor "w" to be finite, got NaN or infinity at 1',
  );
  new DataView(bytes.buffer).setUint16(bytes.length - 2, 0xfe01, true);
  assert.match(
    messageOf(() => decodeSafetensors(bytes)),
    'expected tensor "w" to be finite, got NaN or infinity at number 2',
  );
});

test("a map saved in half precision comes back rounded, its scalers to the bit, and so again when saved again", async () => {
  const map = await train(small, { steps: 30, batch: 32, heldOut: 64, seed: 1, kernels: "plain" });
  const [whole, half] = [toBytes(map), toBytes(map, { precision: "f16" })];
  assert.equal(toBytes(map, { precision: "f32" }), whole);
  assert.ok(half.length < 0.7 * whole.length, `${half.length} of ${whole.length}`);
  const back = await load(half, { kernels: "plain" });
  for (const [name, { data }] of Object.entries(map.tensors)) {
    const rounded = map.trained.includes(name);
    assert.is(rounded, !/^(embedding|distance|base)\./.test(name), name);
    assert.equal(back.tensors[name].data, rounded ? fromHalf(toHalf(data)) : data);
  }
  assert.not.equal(bitsOf(back), bitsOf(map));
  assert.equal(toBytes(back, { precision: "f16" }), half);
  assert.equal(bitsOf(await load(toBytes(back))), bitsOf(back));
  const [one, other] = [await infer(map, [0.4, -1, 0.1]), await infer(back, [0.4, -1, 0.1])];
  for (let d = 0; d < 2; d++) assert.ok(Math.abs(one.mean[d] - other.mean[d]) < 0.01 * one.sd[d]);
});

test("a tensor that half precision does not hold stays in single precision", async () => {
  const map = await train(small, { steps: 2, batch: 8, heldOut: 8, seed: 1, kernels: "plain" });
  const [name] = map.trained;
  map.tensors[name].data[0] = 1e6;
  const { tensors } = decodeSafetensors(toBytes(map, { precision: "f16" }));
  for (const other of map.trained) assert.is(tensors[other].dtype, other === name ? "F32" : "F16");
  assert.is((await load(toBytes(map, { precision: "f16" }))).tensors[name].data[0], 1e6);
});

test("a precision that there is not is refused", async () => {
  const map = await load("arm", { problem: arm });
  // biome-ignore lint/suspicious/noExplicitAny: what no type allows
  const odd = await rejection((async () => toBytes(map, { precision: "f8" } as any))());
  assert.match(odd.message, 'save: expected precision to be one of "f32", "f16", got "f8"');
});

test("the command line trains to a file of half the weights' bytes", async () => {
  const size = async (...more: string[]): Promise<number> => {
    const file = join(folder, "map.safetensors");
    const settings = ["--preset", "fast", "--steps", "2", "--batch", "8", "--held-out", "8", "--quiet"];
    const { status, err } = await retrodict(["train", "arm", "--out", file, ...settings, ...more]);
    assert.is(status, 0, err);
    return statSync(file).size;
  };
  assert.ok((await size("--precision", "f16")) < 0.6 * (await size()));
});

test.run();
