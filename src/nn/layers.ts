/**
 * Layers of networks that are trained with the guide: what embeddings are written in. A series is a batch (B, L·C), position after
 * position with C channels each; a set is one too, member after member. Each layer makes weights of its own, in the order of the calls.
 *
 *   dense  activation(x W + b)
 *   conv   a convolution along the series (LeCun et al. 1989), zeros beyond its ends
 *   gru    a gated recurrent unit (Cho et al. 2014, with the reset gate after the product, as in cuDNN and PyTorch)
 *   each   one network for each position, with weights that they share
 */
import { flag, type OptionsOf, oneOf, option, readOptions, required, whole } from "../checks/options.ts";
import {
  add,
  columns,
  concat,
  dense,
  fromTiles,
  mul,
  ones,
  sigmoid,
  slice,
  sub,
  tanh,
  toTiles,
  weight,
} from "../graph/build.ts";
import { scan } from "../graph/scan.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import { type ActivationName, activations, type MakeWeight } from "./mlp.ts";

const activation = oneOf("linear", ...(Object.keys(activations) as ActivationName[]));

export const denseTable = {
  /** Columns of the result. */
  width: required(whole(1, 65_536)),
  /** Activation; "linear" for none. */
  activation: option(activation, "silu"),
};
/** Options of `nn.dense`. */
export type DenseOptions = OptionsOf<typeof denseTable>;

export const convTable = {
  /** Channels C of the series. */
  inputs: option(whole(1), 1),
  /** Channels of the result. */
  channels: required(whole(1, 65_536)),
  /** Positions that each result sees. */
  kernel: option(whole(1), 5),
  /** Positions from one result to the next. */
  stride: option(whole(1), 1),
  /** Activation; "linear" for none. */
  activation: option(activation, "silu"),
};
/** Options of `nn.conv`. */
export type ConvOptions = OptionsOf<typeof convTable>;

export const gruTable = {
  /** Channels C of the series. */
  inputs: option(whole(1), 1),
  /** Length of the state. */
  hidden: required(whole(1, 4096)),
  /** From the last position to the first. */
  reverse: option(flag, false),
};
/** Options of `nn.gru`. */
export type GruOptions = OptionsOf<typeof gruTable>;

/** The layers that an embedding is written with. */
export interface Layers {
  /** (B, I) → (B, width). */
  readonly dense: (x: Tensor, options: DenseOptions) => Tensor;
  /** (B, L·inputs) → (B, ⌈L/stride⌉·channels). @throws unless the channels divide the columns. */
  readonly conv: (x: Tensor, options: ConvOptions) => Tensor;
  /**
   * The last state of a gated recurrent unit, (B, L·inputs) → (B, hidden). Where `mask` (B, L) is 0, a position is passed over.
   * It is a loop, which WebGPU refuses. @throws unless the channels divide the columns.
   */
  readonly gru: (x: Tensor, options: GruOptions, mask?: Tensor) => Tensor;
  /**
   * The same network for each of `count` parts of the columns, (B, count·F) → (B, count·G), where `network` takes (count·B, F) and
   * answers (count·B, G). @throws unless the parts are equal.
   */
  readonly each: (x: Tensor, count: number, network: (part: Tensor) => Tensor) => Tensor;
}

/** The number L of positions of a series. @throws unless it is a batch of such a series. */
function lengthOf(owner: string, x: Tensor, channels: number): number {
  if (!isTensor(x) || x.kind !== "batch" || x.cols % channels !== 0)
    throw new Error(
      `${owner}: expected a series (B, L·${channels}), got ${isTensor(x) ? show(x) : typeof x}; state its channels as inputs`,
    );
  return x.cols / channels;
}

const activated = (x: Tensor, w: Tensor, name: ActivationName | "linear"): Tensor => {
  if (name === "linear") return dense(x, w);
  const { apply, fused } = activations[name];
  return fused ? dense(x, w, { activation: name as "relu" }) : apply(dense(x, w));
};

/** Layers whose weights are named after `name`; a network that is traced again has the same ones. */
export function layersOf(name: string, make: MakeWeight = weight): Layers {
  let count = 0;
  const next = (rows: number, cols: number, ins = rows - 1): Tensor =>
    make(`${name}.${count++}`, rows, cols, { init: 1 / Math.sqrt(ins) });
  return {
    dense: (x, options) => {
      const { width, activation } = readOptions("nn.dense", denseTable, options);
      return activated(x, next(x.cols + 1, width), activation);
    },
    conv: (x, options) => {
      const { inputs, channels, kernel, stride, activation } = readOptions("nn.conv", convTable, options);
      const length = lengthOf("nn.conv", x, inputs);
      const outs = Math.ceil(length / stride);
      const w = next(kernel * inputs + 1, channels); // first, because a file may ask for any kernel
      const before = Math.floor(Math.max(0, (outs - 1) * stride + kernel - length) / 2);
      const seen = Array.from({ length: outs * kernel * inputs }, (_, i) => {
        const [at, c] = [Math.floor(i / inputs), i % inputs];
        const position = Math.floor(at / kernel) * stride + (at % kernel) - before;
        return position >= 0 && position < length ? position * inputs + c : -1;
      });
      return fromTiles(activated(toTiles(columns(x, seen), outs), w, activation));
    },
    gru: (x, options, mask) => {
      const { inputs, hidden, reverse } = readOptions("nn.gru", gruTable, options);
      const length = lengthOf("nn.gru", x, inputs);
      if (mask !== undefined && lengthOf("nn.gru: mask", mask, 1) !== length)
        throw new Error(`nn.gru: expected a mask (B, ${length}) for a series of ${length}, got ${show(mask)}`);
      // The part of the gates that the state does not enter is one product for all positions.
      const fromInput = toTiles(x, length);
      const gates = fromTiles(dense(fromInput, next(inputs + 1, 3 * hidden, hidden)));
      const own = next(hidden + 1, 3 * hidden, hidden);
      const width = 3 * hidden + (mask === undefined ? 0 : 1);
      const order = Array.from({ length: length * width }, (_, i) => {
        const [k, c] = [Math.floor(i / width), i % width];
        const at = reverse ? length - 1 - k : k;
        return c < 3 * hidden ? at * 3 * hidden + c : 3 * hidden * length + at;
      });
      const series = columns(mask === undefined ? gates : concat(gates, mask), order);
      const third = (t: Tensor, i: number): Tensor => slice(t, i * hidden, (i + 1) * hidden);
      return scan({
        state: mul(ones(x.dtype, x.rows), new Float64Array(hidden)),
        steps: length,
        series,
        step: (h, { series: at }) => {
          const ofState = dense(h, own);
          const [reset, update] = [0, 1].map((i) => sigmoid(add(third(at, i), third(ofState, i))));
          const fresh = tanh(add(third(at, 2), mul(reset, third(ofState, 2))));
          const step = mul(sub(1, update), sub(fresh, h)); // (1 − u) n + u h − h
          return add(h, mask === undefined ? step : mul(step, slice(at, width - 1, width)));
        },
        emit: { at: [length] },
      });
    },
    each: (x, parts, network) => fromTiles(network(toTiles(x, parts))),
  };
}
