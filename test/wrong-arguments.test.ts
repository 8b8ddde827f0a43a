// Every public function, called with nothing, null, a word, an empty object or a number: it answers, or says what it expected and
// what came; never a TypeError from within, and never a NaN.
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as diagnostics from "../src/diagnostics.ts";
import * as dynamics from "../src/dynamics.ts";
import * as fem from "../src/fem.ts";
import * as core from "../src/index.ts";
import * as ops from "../src/ops.ts";
import * as priors from "../src/priors.ts";
import * as problems from "../src/problems.ts";
import { rejection } from "./helpers/store.ts";

const faces: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  core,
  ops,
  dynamics,
  fem,
  diagnostics,
  priors,
  problems,
};
const calls: readonly (readonly [what: string, args: readonly unknown[]])[] = [
  ["nothing", []],
  ["null", [null]],
  ["a word", ["x"]],
  ["an empty object", [{}]],
  ["a number", [3]],
  ["a list of objects", [[{}]]],
];
/** Calls that make sense. */
const answered = new Set([
  ...["coupling", "gaussian", "mixture", "spline", "setFolders", "tank", "bernoulliNoise", "poissonNoise"].flatMap(
    (f) => [`${f}(nothing)`, `${f}(an empty object)`],
  ),
  ...["gaussianNoise", "logNormalNoise", "constant", "exponential", "halfNormal", "halfCauchy"].map(
    (f) => `${f}(a number)`,
  ),
]);

for (const [face, names] of Object.entries(faces)) {
  test(`functions of ${face} refuse wrong first arguments in words`, async () => {
    for (const [name, f] of Object.entries(names)) {
      if (typeof f !== "function" || /^[A-Z]/.test(name)) continue;
      for (const [what, args] of calls) {
        const call = `${name}(${what})`;
        const message = await rejection((async () => f(...args))());
        if (answered.has(call)) assert.is(message, "nothing was thrown", call);
        else assert.match(message, /expected .*, got |^cannot read "/s, call);
        assert.not.match(message, /\[object|is not iterable|is not a function|of undefined|of null|internal:/, call);
      }
    }
  });
}

const one = core.defineProblem({
  name: "one",
  prior: core.normal([0, 0], 1),
  forward: (theta) => ops.mul(theta, 2),
  noise: core.gaussianNoise(0.1),
});
// biome-ignore lint/suspicious/noExplicitAny: wrong values come from JavaScript, where no type stops them
type Wrong = any;
const first: readonly [what: string, run: () => unknown, message: RegExp][] = [
  [
    "objects for triples",
    () => fem.sparseMatrix(2, 2, [{ row: 0 }] as Wrong),
    /entries \[output, input, value\], got an object with keys row at index 0$/,
  ],
  [
    "numbers for triples",
    () => fem.sparseMatrix(2, 2, [0, 1, 5] as Wrong),
    /entries \[output, input, value\], got 0 at index 0$/,
  ],
  ["pairs for triples", () => fem.sparseMatrix(2, 2, [[0, 1]] as Wrong), /got \[0, 1\] at index 0$/],
  [
    "entries in place of a size",
    () => fem.sparseMatrix([[0, 0, 1]] as Wrong, 2, [] as Wrong),
    /^sparseMatrix: expected inputs to be a whole number, got an array of 1$/,
  ],
  [
    "a misspelt preset",
    () => core.train(problems.arm, { preset: "fst" }),
    /^train: expected preset to be fast or default or paper, got "fst"$/,
  ],
  [
    "a preset of a problem without any",
    () => core.train(one, { preset: "fst" }),
    /^train: expected preset to be .*, got "fst"$/,
  ],
  [
    "a problem that is none, and an option that is none",
    () => core.train(undefined as Wrong, { step: 3 } as Wrong),
    /^train: expected a problem, .*, got undefined$/,
  ],
  [
    "a posterior that was not awaited",
    () => diagnostics.klDivergence(Promise.resolve() as Wrong, () => []),
    /got a promise \(is an await missing\?\)$/,
  ],
];
for (const [what, run, message] of first) {
  test(`${what}: the error is about the first thing wrong`, async () => {
    assert.match(await rejection((async () => run())()), message);
  });
}

test.run();
