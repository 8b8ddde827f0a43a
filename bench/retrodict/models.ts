// The work items as our own graphs, over the workloads' weights.

import { add, batchSum, cast, columns, input, mul, neg, random } from "../../src/graph/build.ts";
import { gradientsOf } from "../../src/graph/grad.ts";
import type { Slab } from "../../src/graph/plan.ts";
import { compile, type PlanRequest, type Program } from "../../src/graph/program.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { coupling } from "../../src/guides/coupling.ts";
import { gaussian } from "../../src/guides/gaussian.ts";
import { normalConstant, type TracedGuide } from "../../src/guides/guide.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { type InverseMap, type ModelSpec, makeInverseMap, unpackSlab } from "../../src/model/model.ts";
import { encodeModel } from "../../src/store/model-file.ts";
import { layersOf, type Net, W1, W2 } from "../workloads.ts";

/** W2 moves the leading half last and ours moves it first: coordinates are relabelled by this involution. */
export const SWAP = [2, 3, 0, 1];

/** Our permutation between blocks: the inverse of the workload's, because ours goes from noise to parameters. */
function relabelled(p: readonly number[]): number[] {
  const q = SWAP.map((s) => SWAP[p[s]]);
  return q.map((_, i) => q.indexOf(i));
}

export const flowGuide = (): TracedGuide => coupling(flowOptions()).build({ D: W2.dim, E: W2.data, seed: 0 });

export const gaussianGuide = (): TracedGuide => gaussian(GAUSSIAN_OPTIONS).build({ D: W1.dim, E: W1.data, seed: 0 });

/** Where each of a workload's nets is in our slab: the name of a layer without its number. */
export const flowNetName = (n: number): string => {
  const [block, coupled, kind] = [Math.floor(n / 4), Math.floor(n / 2) % 2, n % 2];
  return `block${W2.blocks - 1 - block}.${1 - coupled}.${kind === 0 ? "scale" : "shift"}`;
};
export const gaussianNetName = (n: number): string => ["mean", "diagonal", "offDiagonal"][n];

/** A workload's slab in ours, and back. */
export function toSlab(
  slab: Slab,
  nets: readonly Net[],
  name: (n: number) => string,
  weights: Float32Array,
): Float32Array {
  const out = new Float32Array(slab.bytes / 4);
  eachLayer(slab, nets, name, (at, offset, size) => out.set(weights.subarray(at, at + size), offset));
  return out;
}
export function fromSlab(
  slab: Slab,
  nets: readonly Net[],
  name: (n: number) => string,
  values: Float32Array,
): Float32Array {
  const last = nets[nets.length - 1];
  const size = layersOf(last).reduce((n, l) => n + (l.inputs + 1) * l.outputs, last.offset);
  const out = new Float32Array(size);
  eachLayer(slab, nets, name, (at, offset, count) => out.set(values.subarray(offset, offset + count), at));
  return out;
}
function eachLayer(
  slab: Slab,
  nets: readonly Net[],
  name: (n: number) => string,
  use: (at: number, offset: number, size: number) => void,
): void {
  nets.forEach((net, n) => {
    layersOf(net).forEach(({ inputs, outputs, at }, l) => {
      const entry = slab.entries.find((e) => e.name === `${name(n)}.${l}`);
      if (!entry) throw new Error(`internal: no layer ${name(n)}.${l}`);
      use(at, entry.offset / 4, (inputs + 1) * outputs);
    });
  });
}

/** Mean of −log q, without its constant, over the rows that are given. */
function trainPlan(
  guide: TracedGuide,
  dim: number,
  data: number,
  batch: number,
  relabel: readonly number[],
): PlanRequest {
  const theta = columns(input("theta", dim), relabel);
  const logQ = guide.logProb(theta, guide.encode(input("y", data)));
  const row = add(neg(logQ), normalConstant(dim));
  const loss = mul(batchSum(cast(row, "f64")), 1 / batch);
  return { outputs: { loss }, gradients: () => gradientsOf(loss), rows: batch };
}

export const flowTraining = (batch: number = W2.batch): Program =>
  atOnce(compile({ train: trainPlan(flowGuide(), W2.dim, W2.data, batch, SWAP) }));
export const gaussianTraining = (): Program =>
  atOnce(compile({ train: trainPlan(gaussianGuide(), W1.dim, W1.data, W1.batch, [0, 1]) }));

/** Draws of the flow for one observation: noise given, or our own. */
export function flowSampling(): Program {
  const guide = flowGuide();
  const context = () => input("context", W2.data, { repeat: true });
  const out = (noise: Tensor) => ({
    outputs: { draws: columns(guide.sample(columns(noise, SWAP), context()).z, SWAP) },
  });
  return atOnce(compile({ given: out(input("noise", W2.dim)), own: out(random("normal", W2.dim, 1)) }));
}

/** The Gaussian posterior: moments from data, draws from moments; the raw nets for many data. */
export function gaussianSampling(): Program {
  const guide = gaussianGuide();
  const encoded = guide.encode(input("y", W1.data));
  const context = () => input("context", guide.contextSize, { repeat: true });
  const draws = (noise: Tensor) => ({ outputs: { draws: guide.sample(noise, context()).z } });
  return atOnce(
    compile({
      encode: { outputs: { context: encoded } },
      given: draws(input("noise", W1.dim)),
      own: draws(random("normal", W1.dim, 1)),
      nets: { outputs: { context: encoded } },
    }),
  );
}

const GAUSSIAN_OPTIONS = { hidden: [20, 10], activation: "relu", separate: true } as const;
const flowOptions = () => ({
  blocks: W2.blocks,
  hidden: [W2.hidden, W2.hidden],
  activation: "leakyRelu" as const,
  permutations: W2.permutations.map(relabelled).reverse(),
});

/** A spec with nothing learned: standard normal prior, data as they are. */
function untrained(problem: string, names: readonly string[], M: number, guide: ModelSpec["guide"]): ModelSpec {
  const heldOut = { final: 0, best: 0, bestStep: 0 };
  const counts = { steps: 0, seed: 0, batch: 1, particles: 1, simulations: 0, seconds: 0 };
  return {
    problem,
    D: names.length,
    M,
    parameters: names.map((name) => ({ name })),
    prior: { name: "normal", mean: names.map(() => 0), sd: names.map(() => 1) },
    guide,
    embedding: { kind: "none", size: M },
    distances: [0, 1e30],
    fingerprint: { theta: [names.map(() => 0)], forward: null, logPrior: [0] },
    training: { objective: "npe", heldOut, device: "", ...counts },
  };
}

/** W2's flow as a model file of ours. Draws come with coordinates relabelled. */
export function flowModelFile(): Uint8Array {
  const { weights } = flowTraining();
  const tensors = unpackSlab(weights, toSlab(weights, W2.nets, flowNetName, W2.weights()));
  const whitening = { shape: [W2.data + 1, W2.data] as const, data: Float32Array.of(1, 0, 0, 1, 0, 0) };
  const guide = { name: "coupling", options: flowOptions() };
  const spec = untrained("W2", ["x3", "x4", "x1", "x2"], W2.data, guide);
  return encodeModel({ spec, tensors: { ...tensors, "distance.whitening": whitening } }, "0");
}

/** W1's nets as an inverse map. */
export function gaussianMap(): Promise<InverseMap> {
  const { weights } = gaussianTraining();
  const slab = toSlab(weights, W1.nets, gaussianNetName, W1.weights());
  const whitening = { shape: [W1.data + 1, 32] as const, data: new Float32Array((W1.data + 1) * 32).fill(0.01) };
  const spec = untrained("W1", ["x", "y"], W1.data, { name: "gaussian", options: GAUSSIAN_OPTIONS });
  return makeInverseMap(spec, { ...unpackSlab(weights, slab), "distance.whitening": whitening }, null);
}
