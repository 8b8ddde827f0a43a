// Every reader takes time linear in its input, whatever the input: twice or four times as much takes no more than that, with room.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { numbered } from "../src/problem/columns.ts";
import { parseCsv } from "../src/store/csv.ts";
import { decodeNpy } from "../src/store/npy.ts";
import { parseObservations } from "../src/store/observations.ts";
import { decodeSafetensors } from "../src/store/safetensors.ts";
import { processorSeconds } from "./helpers/clock.ts";
import { messageOf, utf8 } from "./helpers/store.ts";

/** A safetensors file of a header alone. */
function headed(json: string): Uint8Array {
  const text = utf8(json);
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 8);
  return bytes;
}
const npyHead = (text: string): Uint8Array =>
  Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 0, 240, 0, 0, ...utf8(text.padEnd(61_440).slice(0, 61_440)));

const csv = (text: string) => () => parseCsv(text);
const json = (text: string) => () => parseObservations(utf8(text), "y.json", numbered(2));
/** Inputs of about n bytes that patterns, strings or searches may read again and again. */
const inputs: Readonly<Record<string, (n: number) => () => unknown>> = {
  "a very long number": (n) => csv(`${"1".repeat(n)}x,2`),
  "a very long fraction": (n) => csv(`1.${"1".repeat(n)}e,2`),
  "a line of quotation marks": (n) => csv('"'.repeat(n | 1)),
  "a line of quoted marks of comments": (n) => csv(`"${" #".repeat(n / 2)}"`),
  "a line of error cells": (n) => csv(" #N/A".repeat(n / 5)),
  "a line of very many marks": (n) => csv(`1 ${"#A".repeat(n / 2)}`),
  "a line of blanks": (n) => csv(`1${" ".repeat(n)}2`),
  "a line of very many cells": (n) => csv("1,".repeat(n / 2)),
  "very many empty lines": (n) => csv("\n".repeat(n)),
  "very many rows": (n) => csv("1,2\n".repeat(n / 4)),
  "a name that is very long": (n) => csv(`${"a".repeat(n)},b\n1,2`),
  "JSON in very many brackets": (n) => json("[".repeat(n)),
  "JSON of very many quotation marks": (n) => json(`["${'\\"'.repeat(n / 2)}`),
  "JSON of very many rows": (n) => json(`[${"[1,2],".repeat(n / 6)}[1,2]]`),
  "blanks before JSON": (n) => json(" ".repeat(n)),
  "a header of very many names": (n) => () =>
    decodeSafetensors(
      headed(
        `{${Array.from({ length: n / 70 }, (_, i) => `"${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`)}}`,
      ),
    ),
  "a header of very many quotation marks": (n) => () => decodeSafetensors(headed(`{"${'\\"'.repeat(n / 2)}`)),
  "a header in very many brackets": (n) => () => decodeSafetensors(headed(`{"a":${"[".repeat(n)}`)),
};
for (const [what, make] of Object.entries(inputs)) {
  test(`${what}: read or refused in time of its length`, () => {
    const [small, large] = [make(50_000), make(800_000)];
    messageOf(small); // compiled before it is measured
    let message = "";
    const [short, long] = [small, large].map((run) => processorSeconds(() => (message = messageOf(run))));
    // Sixteen times the length: linear time is sixteen times as long; its square would be 256 times, at least seconds.
    assert.ok(long < 0.5 || long < 60 * short, `${short} s and ${long} s`);
    assert.not.match(message.slice(0, 1000), /stack|internal/);
    assert.ok(message.length < 400, "and the message is short");
  });
}

test("headers of npy in which patterns begin again and again are refused at once", () => {
  for (const text of ["'descr'   ".repeat(7000), "'descr': '".repeat(7000), `'shape': (${"1,".repeat(40_000)}`])
    assert.ok(
      processorSeconds(() =>
        assert.match(
          messageOf(() => decodeNpy(npyHead(text))),
          /^npy: expected/,
        ),
      ) < 1,
    );
});

test.run();
