/** src/numbers/random.ts against the published answers, and the kernels of assembly/random.ts and shaders/random.wgsl.ts against src/numbers/random.ts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileKernels, hostRunsRelaxed, instantiateKernels } from "../../src/backends/wasm/kernels.ts";
import type { KernelBuild } from "../../src/backends/wasm/kernels-url.ts";
import { bankRows, random } from "../../src/graph/build.ts";
import {
  normalAt,
  randomWord,
  STREAMS,
  shuffle,
  threefry4x32,
  uniformAt,
  uniforms,
  type Words,
} from "../../src/numbers/random.ts";
import { wasmBuilds } from "../helpers/backends.ts";
import { noGpu, webgpu } from "../helpers/gpu.ts";
import { runGraph } from "../helpers/run.ts";

const hex = (words: Words): string => words.map((w) => w.toString(16).padStart(8, "0")).join(" ");
const ONES = 0xffffffff;

// Random123 (Salmon et al. 2011), known-answer tests of threefry4x32 with 20 rounds
test("threefry4x32 gives the published answers", () => {
  assert.is(hex(threefry4x32([0, 0, 0, 0], [0, 0, 0, 0])), "9c6ca96a e17eae66 fc10ecd4 5256a7d8");
  assert.is(
    hex(threefry4x32([ONES, ONES, ONES, ONES], [ONES, ONES, ONES, ONES])),
    "2a881696 57012287 f6c7446e a16a6732",
  );
});

test("uniforms are the first row of uniformAt, inside (0, 1)", () => {
  const u = uniforms(7, 3, 1001);
  u.forEach((v, i) => {
    assert.is(v, uniformAt(7, 3, 0, 0, i));
    assert.ok(v > 0 && v < 1);
  });
});

test("normals have the moments of the standard normal distribution", () => {
  const n = 40000;
  const moments = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const z = normalAt(1, 2, 3, i >> 2, i & 3);
    moments.forEach((_, k) => {
      moments[k] += z ** (k + 1) / n;
    });
  }
  // Var z^k = E z^2k - (E z^k)^2: 1, 2, 15, 96; five standard errors
  [0, 1, 0, 3].forEach((expected, k) => {
    const bound = 5 * Math.sqrt([1, 2, 15, 96][k] / n);
    assert.ok(Math.abs(moments[k] - expected) < bound, `moment ${k + 1}: expected ${expected}, got ${moments[k]}`);
  });
});

test("no two purposes share a stream", () => {
  // How many each takes from its first on, where it is not one.
  const spans: Partial<Record<keyof typeof STREAMS, number>> = { prior: 100, weights: 0x4000, folds: 2 };
  const taken = Object.entries(STREAMS)
    .map(([name, first]) => ({ name, first, end: first + (spans[name as keyof typeof STREAMS] ?? 1) }))
    .sort((a, b) => a.first - b.first);
  for (const [i, { name, first }] of taken.entries())
    if (i > 0) assert.ok(taken[i - 1].end <= first, `${name} and ${taken[i - 1].name} share stream ${first}`);
});

test("a shuffle by uniform numbers gives each order as often", () => {
  const counts = new Map<string, number>();
  const n = 6000;
  for (let s = 0; s < n; s++) {
    const order = shuffle([0, 1, 2], (i) => Math.floor(uniformAt(1, 2, 3, s, i) * (i + 1))).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.is(counts.size, 6);
  const sd = Math.sqrt((n * 5) / 36);
  for (const [order, count] of counts) assert.ok(Math.abs(count - n / 6) < 5 * sd, `${order}: ${count} of ${n}`);
});

type Fill = (out: number, nb: number, F: number, seed: number, stream: number, step: number, rowStart: number) => void;

/** What a fill kernel writes for nb blocks of F features, and the guard words behind it. */
async function filled(build: KernelBuild, name: string, nb: number, F: number): Promise<Float32Array> {
  const kernels = instantiateKernels(await compileKernels(build));
  const at = (kernels.heapBase() + 15) & ~15;
  const size = nb * F * 8;
  kernels.memory.grow(1 + ((at + 4 * (size + 16)) >> 16));
  const out = new Float32Array(kernels.memory.buffer, at, size + 16).fill(77);
  (kernels[name] as Fill)(at, nb, F, -5, 2, 9, -3); // a seed and a row with the top bit set
  return out;
}

/** Calls `check` with every element that a fill kernel wrote and its logical row and column. */
function forEachElement(
  out: Float32Array,
  nb: number,
  F: number,
  check: (v: number, r: number, c: number) => void,
): void {
  for (let r = 0; r < nb * 8; r++) {
    for (let c = 0; c < F; c++) check(out[((r >> 3) * F + c) * 8 + (r & 7)], r - 3, c);
  }
  for (const guard of out.subarray(nb * F * 8)) assert.is(guard, 77, "written past the end");
}

const builds: readonly KernelBuild[] = hostRunsRelaxed() ? ["plain", "relaxed"] : ["plain"];
const features = [1, 2, 3, 4, 5, 7, 30];

for (const build of builds) {
  test(`fillUniform (${build}) gives the numbers of uniformAt`, async () => {
    for (const F of features) {
      forEachElement(await filled(build, "fillUniform", 3, F), 3, F, (v, r, c) => {
        assert.is(v, uniformAt(-5, 2, 9, r, c));
      });
    }
  });

  // |z| < 6: rounding of the radius and of sine or cosine (3 or 4 roundings of 2^-24 each way) is below 12 * 2^-24 * 6
  test(`fillNormal (${build}) gives the numbers of normalAt`, async () => {
    for (const F of features) {
      forEachElement(await filled(build, "fillNormal", 3, F), 3, F, (v, r, c) => {
        const expected = normalAt(-5, 2, 9, r, c);
        assert.ok(Math.abs(v - expected) < 2e-6, `row ${r}, column ${c}: expected ${expected}, got ${v}`);
      });
    }
  });

  test(`randomWord (${build}) gives the words of threefry4x32`, async () => {
    const kernels = instantiateKernels(await compileKernels(build));
    const randomWord = kernels.randomWord as (...at: number[]) => number;
    for (let i = 0; i < 200; i++) {
      const [seed, stream, step, row, column] = [i * 7919 - 9, i % 5, i * 31, i * 977 - 1000, i % 13];
      const words = threefry4x32([seed, stream, 0x52657472, 0x6f646963], [step, row, column >> 2, 0]);
      assert.is(randomWord(seed, stream, step, row, column) >>> 0, words[column & 3]);
    }
  });
}

if (noGpu) test("draws on WebGPU", () => console.log(`SKIP ${noGpu}`));

for (const [backend, create] of Object.entries({ ...wasmBuilds, ...webgpu })) {
  const rows = 21;
  const run = { create, rows, seed: 0xfffffffb, step: 0x80000009 };

  test(`draws of every width and tile on ${backend} are those of uniformAt and normalAt`, async () => {
    for (const F of features) {
      const graph = { uniform: random("uniform", F, 2, 3), normal: random("normal", F, 5, 2) };
      const { uniform, normal } = await runGraph(graph, run);
      for (const [i, v] of uniform.entries()) {
        assert.is(v, uniformAt(run.seed, 2, run.step, Math.floor(i / F), i % F), `row ${Math.floor(i / F)}`);
      }
      for (const [i, v] of normal.entries()) {
        const expected = normalAt(run.seed, 5, run.step, Math.floor(i / F), i % F);
        assert.ok(Math.abs(v - expected) < 2e-6, `entry ${i} of ${F} columns: expected ${expected}, got ${v}`);
      }
    }
  });

  test(`rows drawn from banks on ${backend} are those of randomWord, in all its bits`, async () => {
    // Remainders by numbers without a common factor, whose product exceeds 2^32, tell the whole word.
    const counts = [997, 1024, 65521];
    const graph = Object.fromEntries(counts.map((n) => [`${n}`, bankRows(`${n}`, 1, 4)]));
    const banks = Object.fromEntries(counts.map((n) => [`${n}`, Float32Array.from({ length: n }, (_, i) => i)]));
    const drawn = await runGraph(graph, { ...run, banks });
    const wide = await runGraph(
      { rows: bankRows("wide", 37, 4) },
      { ...run, banks: { wide: new Float32Array(37 * 5).map((_, i) => i) } },
    );
    for (let r = 0; r < rows; r++) {
      const word = randomWord(run.seed, 4, run.step, r, 0);
      for (const n of counts) assert.is(drawn[n][r], word % n, `row ${r} of ${n}`);
      for (let c = 0; c < 37; c++) assert.is(wide.rows[37 * r + c], (word % 5) * 37 + c, `row ${r}, column ${c}`);
    }
  });
}

test.run();
