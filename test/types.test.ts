// slow (7 s): the compiler runs once for each setting
// The package's declarations in projects of other people: strict, without skipLibCheck, and without the types of any host.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { installPackage, root } from "./helpers/package.ts";

const { folder, remove } = installPackage();
test.after(remove);

/** Compiles with what a project on ES modules has; `more` is on top of it. @returns what the compiler says. */
function compile(file: string, text: string, ...more: readonly string[]): string {
  writeFileSync(join(folder, file), text);
  const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false"];
  const args = [join(root, "node_modules/typescript/bin/tsc"), ...strict, "--target", "ES2022", ...more, file];
  const { stdout, error } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  if (error) throw error;
  return stdout;
}

const modules: Readonly<Record<string, readonly string[]>> = {
  bundler: ["--module", "ESNext", "--moduleResolution", "bundler"],
  nodenext: ["--module", "NodeNext", "--moduleResolution", "NodeNext"],
};
/** Nothing of the DOM, nor of any package @types/…. */
const bare = ["--types", ""];

const PROGRAM = `
import { arm } from "retrodict/problems";
import { c2st, evaluate } from "retrodict/diagnostics";
import { poisson, rectangle } from "retrodict/fem";
import { add, cos, mul, type Tensor } from "retrodict/ops";
import * as retrodict from "retrodict";
import { defineProblem, gaussianNoise, infer, load, normal, setFolders, simulate, toBytes, train } from "retrodict";

export const own = defineProblem({
  name: "own",
  prior: normal([0], [1]),
  forward: (theta: Tensor) => add(mul(cos(theta), 2), theta),
  noise: gaussianNoise(0.1),
});
export const external = defineProblem({
  name: "external",
  prior: normal([0], [1]),
  simulate: (thetas, { signal }) => {
    if (signal.aborted) throw signal.reason;
    return thetas.map((theta) => [theta[0]!]);
  },
  noise: gaussianNoise(0.1),
});
setFolders({ kernels: "kernels", models: { href: "https://host.example/models/" } });
const signal = { aborted: false, reason: undefined, throwIfAborted() {}, addEventListener() {}, removeEventListener() {} };
export const map = await train(own, { guide: "spline", steps: 10, signal, onProgress: ({ loss }) => void loss.toFixed(2) });
const posterior = await infer(map, [0.5]);
export const draws: Float32Array | Float64Array = await posterior.sample(10, { seed: 1 });
export const bytes: Uint8Array = toBytes(map);
export const corrected = await posterior.correct({ method: "psis" });
export const again = [await load(bytes), await load("arm", { problem: arm }), await simulate(own, 10, { signal })];
export const model = poisson({ mesh: rectangle({ cells: 4 }), dirichlet: [{ on: "left", value: 0 }], sensors: [[0.5, 0.5]] });
export const kHat: number | null = corrected.kHat;
export const judged = [await evaluate(map, { cases: 2 }), await c2st([1, 2], [3, 4], 1), retrodict.VERSION];
`;

for (const [name, options] of Object.entries(modules))
  for (const lib of ["ES2022", "ES2023"])
    test(`a program compiles with module resolution ${name} and no library but ${lib}`, () => {
      assert.is(compile("program.ts", PROGRAM, ...options, ...bare, "--lib", lib), "");
    });

test("a wrong program does not compile, because the declarations are found", () => {
  const wrong = `import { train } from "retrodict"; import { arm } from "retrodict/problems"; await train(arm, { steps: "ten" });`;
  assert.match(compile("wrong.ts", wrong, ...modules.nodenext, ...bare, "--lib", "ES2022"), "TS2322");
});

const ON_HOST = `
import { defineProblem, gaussianNoise, load, normal, train } from "retrodict";
import { arm } from "retrodict/problems";
export const map = await train(arm, { signal: new AbortController().signal });
export const loaded = await load(new URL("https://host.example/arm.safetensors"));
export const external = defineProblem({
  name: "external",
  prior: normal([0], [1]),
  simulate: async (thetas, { signal }) => (await fetch("https://host.example", { signal, method: "POST" })).json(),
  noise: gaussianNoise(0.1),
});
`;

test("where there are types of the DOM, signals and URLs are its own", () => {
  const dom = ["--types", "", "--lib", "ES2022,DOM"];
  for (const options of Object.values(modules)) assert.is(compile("host.ts", ON_HOST, ...options, ...dom), "");
});

test.run();
