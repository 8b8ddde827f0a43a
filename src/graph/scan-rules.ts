/** Shape rules of the loop. Its parts were checked when it was traced (scan.ts). */
import type { Loop, LoopGrad } from "./loop-data.ts";
import type { ScanName } from "./names.ts";
import type { Rule } from "./rule.ts";
import { batch, shapeOf, type Tensor } from "./tensor.ts";

/** Widths of the cotangents that `scanGrad` holds side by side: of the state, of each wanted fixed batch and of each wanted series. */
export const gradWidths = ({ loop, wanted }: LoopGrad): number[] => [
  loop.state.cols,
  ...wanted.fixed.map((i) => loop.fixed[i].cols),
  ...wanted.series.map((i) => loop.steps * loop.series[i].cols),
];

/** Number of inputs of `scan`. */
const inputsOf = ({ fixed, series, params }: Loop): number => 1 + fixed.length + series.length + params.length;

function expectInputs(name: string, want: number, inputs: readonly Tensor[]): void {
  if (inputs.length !== want) throw new Error(`internal: ${name}: expected ${want} inputs, got ${inputs.length}`);
}

/** Shapes, by op. */
export const scanShapes: Readonly<Record<ScanName, Rule["shape"]>> = {
  /** Emissions of a loop one after another, {loop}: state, fixed, series, params → (T·B, m·Y). */
  scan: (inputs, attrs, name) => {
    const loop = attrs.loop as Loop;
    expectInputs(name, inputsOf(loop), inputs);
    const { rows, cols, dtype } = loop.emit.result;
    return batch(loop.at.length * cols, dtype, rows);
  },
  /** Cotangents of the state, fixed batches and series, {grad}: the cotangent of the emissions, then the inputs of `scan`. */
  scanGrad: (inputs, attrs, name) => {
    const gradient = attrs.grad as LoopGrad;
    const { loop } = gradient;
    expectInputs(name, 1 + inputsOf(loop), inputs);
    const cols = gradWidths(gradient).reduce((a, b) => a + b);
    return batch(cols, loop.state.dtype, loop.state.rows);
  },
  /** The gradient of one param, which `scanGrad` adds to, {index}: the `scanGrad` node, then its inputs. */
  scanSum: ([node], { index }) => {
    const { loop, wanted } = node.attrs.grad as LoopGrad;
    return shapeOf(loop.params[wanted.params[index as number]]);
  },
};
