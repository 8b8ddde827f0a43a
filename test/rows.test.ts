// Rows of numbers as arguments: flat, typed or as a list of rows, and what is refused, with its place.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flatRows } from "../src/checks/rows.ts";

test("rows are the same numbers flat, typed and as a list of rows", () => {
  for (const x of [[1, 2, 3, 4], Float32Array.of(1, 2, 3, 4), [[1, 2], Float64Array.of(3, 4)]])
    assert.equal([...flatRows("f", "draws", x, 2)], [1, 2, 3, 4]);
  assert.equal([...flatRows("f", "draws", [1, Infinity], 2, true)], [1, Infinity]);
});

const refused: readonly [x: unknown, message: string][] = [
  [3, "f: expected draws (S, 2), got 3"],
  [null, "f: expected draws (S, 2), got null"],
  [[], "f: expected draws (S, 2), got 0 numbers"],
  [[1, 2, 3], "f: expected draws (S, 2), got 3 numbers"],
  [[[1, 2], [3]], "f: expected draws (S, 2), got 1 numbers in row 2"],
  [[[1, 2], null], "f: expected draws (S, 2), got null in row 2"],
  [[[1, 2], "34"], 'f: expected draws (S, 2), got "34" in row 2'],
  [[1, 2, 3, "4"], 'f: expected finite numbers in draws, got "4" in row 2, column 2'],
  [
    [
      [1, 2],
      [null, 4],
    ],
    "f: expected finite numbers in draws, got null in row 2, column 1",
  ],
  [Float32Array.of(1, Number.NaN), "f: expected finite numbers in draws, got NaN in row 1, column 2"],
];
for (const [x, message] of refused) {
  test(`${JSON.stringify(x)} is refused: ${message}`, () =>
    assert.throws(
      () => flatRows("f", "draws", x as never, 2),
      (error: Error) => error.message === message,
    ));
}

test("infinite numbers are taken where they are allowed, NaN nowhere", () => {
  assert.throws(() => flatRows("f", "draws", [1, Infinity], 2), /finite numbers in draws, got Infinity in row 1/);
  assert.throws(() => flatRows("f", "draws", [1, Number.NaN], 2, true), /expected numbers in draws, got NaN in row 1/);
});

test.run();
