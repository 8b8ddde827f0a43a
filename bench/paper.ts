/**
 * The networks that the paper (arXiv 2305.20004) uses as forward models in place of its equations, read from the reference folder
 * and written with ops, so that its published observations are judged with the model that their posteriors belong to. All are
 * residual networks,
 *
 *   h ← act(W h + b),   h ← h + act(W₃ act(W₂ act(W₁ h))) in five blocks,   y = W h + b,   act(x) = x sigmoid(x):
 *
 *   rod   u(x) = (1 − x) + x (1 − x) net(x, θ) at the nine sensors
 *   eit   three networks of θ clamped to [0.2, 0.8]², one for each experiment of 200 potentials
 *
 * They were trained in single precision and are evaluated in it, whatever the type of θ, at a quarter of the cost.
 */
import { readFileSync } from "node:fs";
import { add, cast, clamp, concat, constant, dense, div, mul, silu, slice, sub } from "../src/graph/build.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { defineProblem, gaussianNoise, normal, type Preset, type Problem, softUniform, spline } from "../src/index.ts";
import { rod } from "../src/problems.ts";
import { decodeNpy } from "../src/store/npy.ts";
import type { TrainSettings } from "../src/train/options.ts";

interface Meta {
  readonly x_mean: number[];
  readonly x_std_plus_eps: number[];
  readonly y_mean: number[];
  readonly y_std_plus_eps: number[];
}

/** The network of one pair of files `path`.npy and `path`.json: its layers in the order of the file. */
function readNetwork(path: string): { readonly layers: readonly Tensor[]; readonly meta: Meta } {
  const { meta, tensors } = JSON.parse(readFileSync(`${path}.json`, "utf8")) as {
    meta: Meta;
    tensors: { name: string; shape: number[]; offset: number; size: number }[];
  };
  const { data } = decodeNpy(new Uint8Array(readFileSync(`${path}.npy`)));
  const layers: Tensor[] = [];
  for (let i = 0; i < tensors.length; i += 2) {
    const [w, b] = [tensors[i], tensors[i + 1]];
    const [outs, ins] = w.shape;
    if (w.name !== b.name.replace(/bias$/, "weight") || b.size !== outs || data.length < b.offset + outs)
      throw new Error(
        `${path}: expected a weight, then its bias, got ${w.name} (${w.shape}) and ${b.name} (${b.shape})`,
      );
    // (outs, ins) and a bias are one constant (ins + 1, outs) here.
    const values = Float32Array.from({ length: (ins + 1) * outs }, (_, k) => {
      const [r, c] = [Math.floor(k / outs), k % outs];
      return r < ins ? data[w.offset + c * ins + r] : data[b.offset + c];
    });
    layers.push(constant(values, "f32", ins + 1));
  }
  return { layers, meta };
}

const LAYERS_PER_BLOCK = 3;

/** (B, ins) → (B, outs), in f32. */
function network(layers: readonly Tensor[], x: Tensor): Tensor {
  const act = (h: Tensor, w: Tensor): Tensor => silu(dense(h, w));
  let h = act(x, layers[0]);
  for (let i = 1; i + 1 < layers.length; i += LAYERS_PER_BLOCK)
    h = add(h, layers.slice(i, i + LAYERS_PER_BLOCK).reduce(act, h));
  return dense(h, layers[layers.length - 1]);
}

/** The network is slower than the closed form, so it is called once for many parameters. */
const rodSettings = (rod.presets as Record<string, Preset>).default.spline;

/** The rod with the paper's network as forward model. `folder`: that of the reference data. */
export function paperRod(folder: string): Problem {
  const { layers } = readNetwork(`${folder}/rod-paper/pde_pinn`);
  const sensors = Array.from({ length: 9 }, (_, k) => 0.15 + 0.0875 * k);
  return defineProblem({
    name: "rod-paper",
    description: "the rod, its equation replaced by the paper's network",
    parameters: rod.parameters,
    data: rod.data,
    prior: rod.prior,
    noise: rod.noise,
    presets: { default: { spline: { ...rodSettings, bank: 200_000 } } },
    forward: (theta) => {
      const given = cast(theta, "f32");
      const at = (x: number): Tensor => {
        const place = add(mul(slice(given, 0, 1), 0), x); // (B, 1): x for every sample
        return add(mul(network(layers, concat(place, given)), x * (1 - x)), 1 - x);
      };
      return cast(concat(...sensors.map(at)), theta.dtype); // (B, 5) → (B, 9)
    },
  });
}

const eitSettings: TrainSettings = {
  guide: spline({ bins: 16, embedding: [96, 96], hidden: [32, 32] }),
  batch: 128,
  steps: 110_000,
  rate: 3e-3,
  bank: 150_000,
};

const LOW = 0.2;
const HIGH = 0.8;

/** The damaged plate with the paper's networks as forward model. `folder`: that of the reference data. */
export function paperEit(folder: string): Problem {
  const networks = [1, 2, 3].map((k) => readNetwork(`${folder}/eit-paper/eit_surrogate_expt${k}`));
  return defineProblem({
    name: "eit-paper",
    description: "where a plate is damaged, its equation replaced by the paper's networks",
    parameters: ["damage x", "damage y"],
    prior: normal([0.5, 0.5], 0.1),
    proposal: softUniform([LOW, LOW], [HIGH, HIGH], 0.03),
    noise: gaussianNoise(0.005),
    presets: { default: { spline: eitSettings } },
    forward: (theta) => {
      const inside = cast(clamp(theta, LOW, HIGH), "f32");
      const experiment = ({ layers, meta }: (typeof networks)[number]): Tensor => {
        const x = div(sub(inside, meta.x_mean), meta.x_std_plus_eps);
        return add(mul(network(layers, x), meta.y_std_plus_eps), meta.y_mean);
      };
      return cast(concat(...networks.map(experiment)), theta.dtype); // (B, 2) → (B, 600)
    },
  });
}
