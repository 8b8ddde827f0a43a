// Guides refuse options that make no sense; each error says what was expected and what came.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { guideFrom } from "../src/guides/index.ts";
import { mixture } from "../src/guides/mixture.ts";
import { spline } from "../src/guides/spline.ts";

const E = 3; // features
const refusals: readonly [string, () => unknown, RegExp][] = [
  ["an unknown guide", () => guideFrom("flow"), /^guide: expected name to be one of "coupling", .*, got "flow"$/],
  ["a name of every object", () => guideFrom("toString"), /^guide: expected name to be one of .*, got "toString"$/],
  [
    "a width of 0",
    () => gaussian({ hidden: [8, 0] }),
    /^gaussian: expected hidden to be a list of at most 100 positive whole numbers, got \[8, 0\]$/,
  ],
  [
    "widths that are no list",
    () => spline({ hidden: 32 as never }),
    /^spline: expected hidden to be a list .*, got 32$/,
  ],
  [
    "a width that is not whole",
    () => coupling({ hidden: [2.5] }),
    /^coupling: expected hidden to be a list .*, got \[2.5\]$/,
  ],
  [
    "an unknown activation",
    () => gaussian({ activation: "gelu" as never }),
    /^gaussian: expected activation to be one of "relu", .*, got "gelu"$/,
  ],
  [
    "an activation of every object",
    () => spline({ activation: "toString" as never }),
    /^spline: expected activation to be one of "relu", .*, got "toString"$/,
  ],
  [
    "an unknown activation of couplings",
    () => coupling({ activation: "x" as never }),
    /^coupling: expected activation to be one of "relu", .*, got "x"$/,
  ],
  [
    "a misspelt option",
    () => gaussian({ hiden: [3] } as never),
    /^gaussian: expected options hidden, activation, separate, base; got "hiden"$/,
  ],
  [
    "a switch that is a word",
    () => gaussian({ separate: "yes" as never }),
    /^gaussian: expected separate to be true or false, got "yes"$/,
  ],
  [
    "an unknown base",
    () => gaussian({ base: "newton" as never }),
    /^gaussian: expected base to be one of "prior", "linear", "bounded", "laplace", got "newton"$/,
  ],
  [
    "no base",
    () => spline({ base: null as never }),
    /^spline: expected base to be one of "prior", "linear", "bounded", "laplace", got null$/,
  ],
  [
    "couplings on an unknown base",
    () => coupling({ base: "newton" as never }),
    /^coupling: expected base to be one of "prior", "linear", "bounded", "laplace", got "newton"$/,
  ],
  [
    "couplings with a number for separate",
    () => coupling({ separate: 1 as never }),
    /^coupling: expected separate to be true or false, got 1$/,
  ],
  [
    "a mixture of none",
    () => mixture({ components: 0 }),
    /^mixture: expected components to be a whole number from 1 to 64, got 0$/,
  ],
  [
    "a mixture of a hundred",
    () => mixture({ components: 100 }),
    /^mixture: expected components to be a whole number from 1 to 64, got 100$/,
  ],
  [
    "a mixture of full rank, by an option that it has not",
    () => mixture({ fullRank: true } as never),
    /^mixture: expected options components, hidden, activation, base; got "fullRank"$/,
  ],
  [
    "a mixture of an unknown activation",
    () => mixture({ activation: "gelu" as never }),
    /^mixture: expected activation to be one of "relu", .*, got "gelu"$/,
  ],
  [
    "a mixture on an unknown base",
    () => mixture({ base: "newton" as never }),
    /^mixture: expected base to be one of "prior", "linear", "bounded", "laplace", got "newton"$/,
  ],
  [
    "no blocks",
    () => coupling({ blocks: 0 }),
    /^coupling: expected blocks to be a whole number from 1 to 1000, got 0$/,
  ],
  ["one bin", () => spline({ bins: 1 }), /^spline: expected bins to be a whole number from 2 to 128, got 1$/],
  ["too many bins", () => spline({ bins: 129 }), /^spline: expected bins to be a whole number from 2 to 128, got 129$/],
  ["a bound of 0", () => spline({ bound: 0 }), /^spline: expected bound to be a finite number above 0, got 0$/],
  [
    "an infinite bound",
    () => spline({ bound: Number.POSITIVE_INFINITY }),
    /^spline: expected bound to be a finite number above 0, got Infinity$/,
  ],
  [
    "couplings of one parameter",
    () => coupling().build({ D: 1, E, seed: 0 }),
    /^coupling: expected at least 2 parameters, got 1; use the gaussian or spline guide$/,
  ],
  [
    "permutations that repeat an entry",
    () => coupling({ blocks: 2, permutations: [[0, 0, 1]] }).build({ D: 3, E, seed: 0 }),
    /^coupling.permutations: expected 1 permutations of 0..2, got \[\[0,0,1\]\]$/,
  ],
  [
    "permutations of another length",
    () => coupling({ blocks: 3, permutations: [[1, 0]] }).build({ D: 2, E, seed: 0 }),
    /^coupling.permutations: expected 2 permutations of 0..1, got \[\[1,0\]\]$/,
  ],
];
for (const [what, action, message] of refusals) {
  test(`guides refuse ${what}`, () => {
    assert.throws(action, (error: Error) => message.test(error.message) || assert.unreachable(error.message));
  });
}

test.run();
