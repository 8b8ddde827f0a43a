// Packages on npm for sparse or banded symmetric positive-definite systems, each at its best: work that depends only on the pattern is
// not timed, as far as the interface allows, and our order of elimination is used if the package accepts one.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compileFunction } from "node:vm";
import { bandwidth, byHand, type Solver } from "./band.ts";
import { SIDES, type Systems } from "./systems.ts";

const require = createRequire(import.meta.url);

/** The module as `emlapack/wasm.js` sets it up in a browser. */
interface Emscripten {
  readonly HEAPF64: Float64Array;
  _malloc(bytes: number): number;
  setValue(at: number, value: number, type: "i8" | "i32"): void;
  getValue(at: number, type: "i32"): number;
  _dpbsv_(...pointers: number[]): number;
}

/** Node's `fetch` does not read files, so this reads the binary for it, and keeps it from listening for errors of the process. */
function loadEmlapack(): Promise<Emscripten> {
  const file = require.resolve("emlapack/wasm.js");
  const folder = dirname(file);
  return new Promise((resolve, reject) => {
    const module: Record<string, unknown> = {
      wasmBinary: readFileSync(join(folder, "emlapack.wasm")),
      print: () => {},
      printErr: () => {},
      onRuntimeInitialized: () => resolve(module as unknown as Emscripten),
      onAbort: reject,
    };
    const names = ["Module", "require", "module", "__dirname", "process"];
    const quiet = Object.create(process, { on: { value: () => {} } });
    const run = compileFunction(readFileSync(file, "utf8"), names, { filename: file });
    run(module, require, { exports: {} }, folder, quiet);
  });
}

/** LAPACK's banded solver (reference LAPACK and BLAS in WebAssembly). */
async function emlapack(systems: Systems): Promise<Solver> {
  const lapack = await loadEmlapack();
  const { n, sparser, load } = systems;
  const { rows, cols } = sparser;
  const width = bandwidth(systems);
  const pitch = width + 1;
  const place = Int32Array.from(rows, (i, e) => cols[e] * pitch + i - cols[e]);
  const word = (value: number, type: "i8" | "i32" = "i32"): number => {
    const at = lapack._malloc(8);
    lapack.setValue(at, value, type);
    return at;
  };
  const [band, x] = [lapack._malloc(8 * pitch * n), lapack._malloc(8 * n * SIDES)];
  const info = word(0);
  const uplo = word("L".charCodeAt(0), "i8");
  const operands = [uplo, word(n), word(width), word(SIDES), band, word(pitch), x, word(n), info];
  const columns = Float64Array.from({ length: n * SIDES }, (_, i) => load[(i % n) * SIDES + Math.floor(i / n)]);
  const answer = new Float64Array(n * SIDES);
  return {
    name: "emlapack 0.0.3 (dpbsv)",
    isSlow: false,
    solve: (entries) => {
      const heap = lapack.HEAPF64;
      heap.fill(0, band / 8, band / 8 + pitch * n);
      for (let e = 0; e < place.length; e++) heap[band / 8 + place[e]] = entries[e];
      heap.set(columns, x / 8);
      lapack._dpbsv_(...operands);
      if (lapack.getValue(info, "i32") !== 0) throw new Error("emlapack: expected a positive definite matrix");
      for (let k = 0; k < SIDES; k++) for (let i = 0; i < n; i++) answer[i * SIDES + k] = heap[x / 8 + k * n + i];
      return answer;
    },
  };
}

type Triplets = [row: number, column: number, value: number][];
interface CholeskySolve {
  prepare(matrix: Triplets, n: number, order?: number[]): ((b: number[]) => number[]) | null;
}

/** Upper triangle of the matrix in our order: row and column of each entry, row ≤ column. */
function permuted({ sparser: { rows, cols }, place }: Systems): { upper: Int32Array; lower: Int32Array } {
  return {
    upper: Int32Array.from(rows, (i, e) => Math.min(place[i], place[cols[e]])),
    lower: Int32Array.from(rows, (i, e) => Math.max(place[i], place[cols[e]])),
  };
}

/** Right-hand sides in our order, as lists; and a function that reorders their solutions. */
function permutedSides({ n, place, load }: Systems): {
  sides: number[][];
  take: (x: ArrayLike<number>, k: number, answer: Float64Array) => void;
} {
  const sides = Array.from({ length: SIDES }, (_, k) => {
    const b = new Array<number>(n);
    for (let i = 0; i < n; i++) b[place[i]] = load[i * SIDES + k];
    return b;
  });
  const take = (x: ArrayLike<number>, k: number, answer: Float64Array): void => {
    for (let i = 0; i < n; i++) answer[i * SIDES + k] = x[place[i]];
  };
  return { sides, take };
}

/** Sparse L D Lᵀ, row by row, in our order; its symbolic part cannot be kept. */
function choleskySolve(systems: Systems): Solver {
  const { prepare } = require("cholesky-solve") as CholeskySolve;
  const { n } = systems;
  const { upper, lower } = permuted(systems);
  const triplets: Triplets = Array.from(upper, (i, e) => [i, lower[e], 0]);
  const { sides, take } = permutedSides(systems);
  const answer = new Float64Array(n * SIDES);
  return {
    name: "cholesky-solve 0.2.1",
    isSlow: false,
    solve: (entries) => {
      for (let e = 0; e < triplets.length; e++) triplets[e][2] = entries[e];
      const substitute = prepare(triplets, n);
      if (substitute === null) throw new Error("cholesky-solve: expected a matrix with pivots other than 0");
      for (let k = 0; k < SIDES; k++) take(substitute(sides[k]), k, answer);
      return answer;
    },
  };
}

/** The whole matrix in compressed columns, in our order; `from` finds the entry of the lower triangle. */
function compressedColumns(systems: Systems): { start: number[]; index: number[]; from: Int32Array } {
  const { n } = systems;
  const { upper, lower } = permuted(systems);
  const columns: [row: number, entry: number][][] = Array.from({ length: n }, () => []);
  for (let e = 0; e < upper.length; e++) {
    columns[lower[e]].push([upper[e], e]);
    if (upper[e] !== lower[e]) columns[upper[e]].push([lower[e], e]);
  }
  for (const column of columns) column.sort((a, b) => a[0] - b[0]);
  const start = [0];
  for (const column of columns) start.push(start[start.length - 1] + column.length);
  const flat = columns.flat();
  return { start, index: flat.map(([row]) => row), from: Int32Array.from(flat, ([, entry]) => entry) };
}

interface MathJs {
  readonly SparseMatrix: new (data: object) => object;
  slu(matrix: object, order: number, threshold: number): object;
  lusolve(lup: object, b: object): { valueOf(): number[][] };
}

/** CSparse's left-looking L U in JavaScript, in our order, pivots kept on the diagonal. */
function mathjs(systems: Systems): Solver {
  const math = require("mathjs") as MathJs;
  const { n } = systems;
  const { start, index, from } = compressedColumns(systems);
  const { sides, take } = permutedSides(systems);
  const values = new Array<number>(from.length);
  const answer = new Float64Array(n * SIDES);
  return {
    name: "mathjs 15.2.0 (slu)",
    isSlow: true,
    solve: (entries) => {
      for (let p = 0; p < from.length; p++) values[p] = entries[from[p]];
      const matrix = new math.SparseMatrix({ values, index, ptr: start, size: [n, n], datatype: "number" });
      const lup = math.slu(matrix, 0, 1e-3);
      for (let k = 0; k < SIDES; k++) {
        const x = math.lusolve(lup, sides[k]).valueOf();
        take(
          x.map(([v]) => v),
          k,
          answer,
        );
      }
      return answer;
    },
  };
}

type Columns = [start: number[], index: number[], values: number[]];
interface Numeric {
  ccsLUP(matrix: Columns, threshold: number): object;
  ccsLUPSolve(lup: object, b: number[]): number[];
}

/** Sparse L U of Numeric Javascript, in our order. */
function numeric(systems: Systems): Solver {
  const library = require("numeric") as Numeric;
  const { n } = systems;
  const { start, index, from } = compressedColumns(systems);
  const { sides, take } = permutedSides(systems);
  const values = new Array<number>(from.length);
  const answer = new Float64Array(n * SIDES);
  return {
    name: "numeric 1.2.6 (ccsLUP)",
    isSlow: true,
    solve: (entries) => {
      for (let p = 0; p < from.length; p++) values[p] = entries[from[p]];
      const lup = library.ccsLUP([start, index, values], 1e-3);
      for (let k = 0; k < SIDES; k++) take(library.ccsLUPSolve(lup, sides[k]), k, answer);
      return answer;
    },
  };
}

/** All packages. @throws with the command that installs them if they are missing. */
export async function peers(systems: Systems): Promise<Solver[]> {
  try {
    return [await emlapack(systems), choleskySolve(systems), mathjs(systems), numeric(systems), byHand(systems)];
  } catch (error) {
    if ((error as { code?: string }).code !== "MODULE_NOT_FOUND") throw error;
    throw new Error("bench fem: expected the peers in bench/node_modules; install them by `npm ci --prefix bench`");
  }
}
