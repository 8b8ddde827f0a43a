/** A loop written out step by step, and loops of several kinds: what `scan` is compared with. */
import * as g from "../../src/graph/build.ts";
import { type ScanOptions, scan } from "../../src/graph/scan.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { batchOf, type Leaf, offZero, paramOf, positive, tiled } from "./leaves.ts";

/** What `scan` returns, by as many copies of the body as there are steps. */
export function unrolled({ state, steps, step, constants = [], series, emit }: ScanOptions): Tensor {
  const one = g.ones(state.dtype, state.rows);
  const row = (list: readonly ArrayLike<number>[], i: number): Tensor =>
    g.mul(one, list[i] === undefined ? 0 : Float64Array.from(list[i]));
  const states = [state];
  const width = series === undefined ? 0 : series.cols / steps;
  for (let k = 0; k < steps; k++) {
    const x = series === undefined ? state : g.slice(series, k * width, (k + 1) * width);
    states.push(step(states[k], { constants: row(constants, k), series: x, index: g.mul(one, k) }));
  }
  const value = emit.value ?? ((s: Tensor): Tensor => s);
  return g.concat(...emit.at.map((k, j) => value(states[k], { constants: row(emit.constants ?? [], j) })));
}

export interface LoopCase {
  readonly leaves: readonly Leaf[];
  readonly options: (...x: Tensor[]) => ScanOptions;
}

const rowsOf = (count: number, width: number): number[][] =>
  Array.from({ length: count }, (_, r) => Array.from({ length: width }, (_x, c) => ((3 * r + 5 * c) % 7) / 4 - 0.75));

/** One step of a gated recurrent unit (Cho et al. 2014) of a state s and what it sees, x. */
function gated(s: Tensor, x: Tensor, wz: Tensor, wr: Tensor, wh: Tensor): Tensor {
  const both = g.concat(s, x);
  const z = g.dense(both, wz, { activation: "sigmoid" });
  const r = g.dense(both, wr, { activation: "sigmoid" });
  const h = g.dense(g.concat(g.mul(r, s), x), wh, { activation: "tanh" });
  return g.add(s, g.mul(z, g.sub(h, s)));
}

export const loopCases: Readonly<Record<string, LoopCase>> = {
  "the state alone": {
    leaves: [batchOf(3)],
    options: (s) => ({ state: s, steps: 4, step: (x) => g.sin(g.add(x, 0.5)), emit: { at: [4] } }),
  },
  "states of every kind, some twice": {
    leaves: [batchOf(2)],
    options: (s) => ({ state: s, steps: 3, step: (x) => g.tanh(g.mul(x, [1.5, -0.5])), emit: { at: [0, 0, 1, 3, 3] } }),
  },
  "a state of one column, and batches and params from outside": {
    leaves: [batchOf(1), batchOf(2), paramOf(1, 2), paramOf(1, 1)],
    options: (s, theta, row, scalar) => ({
      state: s,
      steps: 5,
      step: (x) => g.add(g.mul(x, scalar), g.sumFeatures(g.mul(g.tanh(theta), row))),
      emit: { at: [1, 5], value: (x) => g.mul(theta, g.add(x, row)) },
    }),
  },
  "constants, and the number of the step": {
    leaves: [batchOf(2), batchOf(1)],
    options: (s, a) => ({
      state: s,
      steps: 4,
      constants: rowsOf(4, 3),
      step: (x, { constants, index }) => {
        const [h, shift] = [g.slice(constants, 0, 1), g.slice(constants, 1, 3)];
        return g.add(g.add(x, g.mul(h, g.sin(g.mul(x, a)))), g.mul(shift, g.exp(g.mul(index, -0.5))));
      },
      emit: {
        at: [0, 2, 4],
        constants: rowsOf(3, 2),
        value: (x, { constants }) => g.mul(constants, g.add(x, a)),
      },
    }),
  },
  "a series": {
    leaves: [batchOf(2), batchOf(12)],
    options: (s, series) => ({
      state: s,
      steps: 4,
      series,
      step: (x, at) => g.add(g.mul(x, 0.75), g.mul(g.slice(at.series, 0, 2), g.slice(at.series, 2, 3))),
      emit: { at: [3, 4] },
    }),
  },
  "a gated recurrent unit": {
    leaves: [batchOf(3), batchOf(8), paramOf(6, 3), paramOf(6, 3), paramOf(6, 3)],
    options: (s, series, wz, wr, wh) => ({
      state: s,
      steps: 4,
      series,
      step: (x, at) => gated(x, at.series, wz, wr, wh),
      emit: { at: [2, 4] },
    }),
  },
  "one weight twice in a step, and in what is emitted": {
    leaves: [batchOf(2), paramOf(3, 2)],
    options: (s, w) => ({
      state: s,
      steps: 3,
      step: (x) => g.dense(g.dense(x, w, { activation: "tanh" }), w, { activation: "tanh" }),
      emit: { at: [0, 3], value: (x) => g.dense(x, w) },
    }),
  },
  tiles: {
    leaves: [tiled(3, 2), tiled(3, 1), paramOf(1, 2)],
    options: (s, a, row) => ({
      state: s,
      steps: 4,
      step: (x) => g.add(g.mul(g.tanh(x), row), a),
      emit: { at: [2, 4], value: (x) => g.sumFeatures(x) },
    }),
  },
  "columns that swap": {
    leaves: [batchOf(2, offZero), batchOf(4, positive)],
    options: (s, p) => ({
      state: s,
      steps: 5,
      step: (x) => {
        const [prey, hunters] = g.split(x);
        const [a, b, c, d] = g.split(p);
        const rate = (gain: Tensor, loss: Tensor, of: Tensor, other: Tensor): Tensor =>
          g.mul(g.sub(gain, g.mul(loss, other)), of);
        return g.add(x, g.mul(g.concat(rate(a, b, prey, hunters), rate(c, d, hunters, prey)), 0.125));
      },
      emit: { at: [1, 2, 5] },
    }),
  },
  "a loop in a loop": {
    leaves: [batchOf(2), batchOf(1), paramOf(3, 2)],
    options: (s, a, w) => ({
      state: s,
      steps: 3,
      constants: rowsOf(3, 1),
      step: (x, { constants }) =>
        scan({
          state: g.add(x, constants),
          steps: 2,
          step: (y) => g.tanh(g.add(g.dense(y, w), g.mul(x, a))),
          emit: { at: [2] },
        }),
      emit: { at: [1, 3] },
    }),
  },
};
