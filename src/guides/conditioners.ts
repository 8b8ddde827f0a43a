/**
 * The networks of an autoregressive guide: shift m_d, log-scale s_d and bend b_d of each conditional q(z_d | z_<d, y), from the context
 * of the data and the parameters before.
 *
 *   separate   (m, s, b)_d = net_d(h, z_<d), D networks
 *   shared     (m, s, b)_d = g(act(U_d h + V_d z_<d + u_d)) + (A_d h + B_d z_<d + a_d, 0): a first layer and linear terms for each
 *              parameter, and all later layers in common (one network for all conditionals: Uria et al., Neural autoregressive
 *              distribution estimation, JMLR 17 (2016)). The later layers see the D conditionals of a sample as D rows.
 */
import { add, concat, dense, fromTiles, weight as makeWeight, slice, split, toTiles } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { activations, type MlpOptions, mlp } from "../nn/mlp.ts";

/** Sizes of the networks. */
export interface ConditionerSizes {
  readonly D: number;
  /** Width C of the embedded data. */
  readonly C: number;
  /** Widths of the hidden layers. */
  readonly hidden: readonly number[];
  /** Numbers P of a bend. */
  readonly bend: number;
}

/** Shift, log-scale and bend of one conditional, (B, 1), (B, 1) and (B, P), or of all, (B, D), (B, D) and (B, D·P). */
export interface Conditional {
  readonly shift: Tensor;
  readonly logScale: Tensor;
  readonly bend: Tensor;
}

/** The networks, traced. */
export interface Conditioners {
  /** The context (B, K) of embedded data (B, C). */
  readonly encode: (embedded: Tensor) => Tensor;
  readonly contextSize: number;
  /** All conditionals of z (B, D). */
  readonly all: (z: Tensor, context: Tensor) => Conditional;
  /** Conditional d, for z_0 … z_{d−1}, (B, 1) each. */
  readonly one: (d: number, before: readonly Tensor[], context: Tensor) => Conditional;
}

type Trace = (sizes: ConditionerSizes, options: MlpOptions) => Conditioners;

const separate: Trace = ({ D, C, hidden, bend }, options) => {
  const nets = Array.from({ length: D }, (_, d) => mlp(`conditioner${d}`, [C + d, ...hidden, 2 + bend], options));
  const one: Conditioners["one"] = (d, before, context) => {
    const raw = nets[d](concat(context, ...before));
    return { shift: slice(raw, 0, 1), logScale: slice(raw, 1, 2), bend: slice(raw, 2, 2 + bend) };
  };
  return {
    encode: (embedded) => embedded,
    contextSize: C,
    all: (z, context) => {
      const parts = split(z);
      const each = parts.map((_, d) => one(d, parts.slice(0, d), context));
      const join = (name: keyof Conditional): Tensor => concat(...each.map((c) => c[name]));
      return { shift: join("shift"), logScale: join("logScale"), bend: join("bend") };
    },
    one,
  };
};

const shared: Trace = ({ D, C, hidden: [first, ...later], bend }, options) => {
  const { activation, weight = makeWeight } = options;
  const width = first + 2; // what enters the later layers, and the linear terms
  const ofData = weight("conditioners.data", C + 1, D * width, { init: 1 / Math.sqrt(C) });
  const ofEarlier = Array.from({ length: D - 1 }, (_, i) =>
    weight(`conditioners.earlier${i + 1}`, i + 1, width, { init: 1 / Math.sqrt(C + i + 1) }),
  );
  const net = mlp("conditioners", [first, ...later, 2 + bend], options);
  const earlier = (d: number, before: readonly Tensor[]): Tensor =>
    dense(concat(...before), ofEarlier[d - 1], { bias: false });
  const finish = (block: Tensor): Conditional => {
    const raw = net(activations[activation].apply(slice(block, 0, first)));
    const part = (i: number): Tensor => add(slice(raw, i, i + 1), slice(block, first + i, first + i + 1));
    return { shift: part(0), logScale: part(1), bend: slice(raw, 2, 2 + bend) };
  };
  return {
    encode: (embedded) => dense(embedded, ofData),
    contextSize: D * width,
    all: (z, context) => {
      const parts = split(z);
      const own = parts.slice(1).map((_, i) => earlier(i + 1, parts.slice(0, i + 1)));
      const rest = D > 1 ? [add(slice(context, width, D * width), concat(...own))] : [];
      const tiles = finish(toTiles(concat(slice(context, 0, width), ...rest), D));
      const join = (name: keyof Conditional): Tensor => fromTiles(tiles[name], D);
      return { shift: join("shift"), logScale: join("logScale"), bend: join("bend") };
    },
    one: (d, before, context) => {
      const block = slice(context, d * width, (d + 1) * width);
      return finish(d === 0 ? block : add(block, earlier(d, before)));
    },
  };
};

/** How the networks of the conditionals hang together. */
export const conditioners = { separate, shared } as const;
