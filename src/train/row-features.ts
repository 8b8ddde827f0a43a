/** The features of rows with circumstances in a training (nn/observed.ts): fitted on complete simulations, before the program is traced. */
import { type BackendOptions, once } from "../backends/select.ts";
import { frameOf } from "../distributions/frame.ts";
import { exp, input, sub } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { standsOnEstimate } from "../guides/base.ts";
import { atOnce } from "../host/yielding.ts";
import { constantChannels } from "../nn/constant.ts";
import { type Embedding, observedSize } from "../nn/embedding.ts";
import { chooseEmbedding } from "../nn/fit-embedding.ts";
import { fitObserved, MOST_PARAMETERS } from "../nn/fit-observed.ts";
import { isNetworkOption } from "../nn/networks.ts";
import { traceObserved } from "../nn/observed.ts";
import type { SetNetworkOptions } from "../nn/sets.ts";
import type { Work } from "../problem/work.ts";
import { constantSd, meanRows, typicalNoiseSd } from "../simulate/noise-sd.ts";
import { addNoise, type WorkSimulations } from "../simulate/simulate.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import { type FullSettings, isSetNetwork } from "./options.ts";
import type { FittedFeatures, RowFeatures } from "./program.ts";
import { featuresOfSets, fitSets } from "./set-features.ts";
import { FIT_SIMULATIONS } from "./simulations.ts";

/** The kind of the embedding of rows, which is a fixed one. */
function kindOf({ M, noise }: Work, { embedding }: FullSettings): Embedding["kind"] {
  if (isNetworkOption(embedding) || isSetNetwork(embedding))
    throw new Error("internal: a network as the embedding of rows with circumstances");
  return chooseEmbedding(embedding, M, noise.data).kind;
}

/** The options of the embedding of sets. */
const setNetworkOf = ({ embedding }: FullSettings): SetNetworkOptions => (isSetNetwork(embedding) ? embedding.set : {});

function featuresOf(work: Work, settings: FullSettings, directions: number): RowFeatures {
  const { layout } = work;
  const kind = kindOf(work, settings);
  const chosen: Embedding = { kind, size: observedSize(kind, layout, directions), directions };
  return { embedding: chosen, estimate: true, trace: traceObserved };
}

/** Features with one direction: what is wrong with a training is said before anything is simulated. @throws for too many parameters. */
export function unfitted(work: Work, settings: FullSettings): RowFeatures {
  if (work.set) return featuresOfSets(work, work.set, setNetworkOf(settings));
  if (work.D > MOST_PARAMETERS && standsOnEstimate(settings.guide))
    throw new Error(
      `train: expected at most ${MOST_PARAMETERS} parameters for a base of the guide where data may be missing or of another noise scale, got ${work.D}; use base "prior"`,
    );
  return featuresOf(work, settings, 1);
}

interface FitRequest {
  readonly settings: FullSettings;
  readonly seed: number;
  readonly backend: BackendOptions;
}

/** Fits the features of a problem of rows, `work`, on complete simulations of the `plain` problem. */
export async function fitFeatures(
  plain: Work,
  work: Work,
  bank: WorkSimulations,
  { settings, seed, backend }: FitRequest,
): Promise<FittedFeatures> {
  if (work.set) return fitSets(work, work.set, bank, setNetworkOf(settings));
  const { D, M, prior, proposal, noise } = plain;
  const count = Math.min(bank.count, FIT_SIMULATIONS);
  const rows = { theta: bank.theta.subarray(0, count * D), clean: bank.clean.subarray(0, count * M) };
  const noisy = await addNoise(plain, rows, seed, SIMULATION_STEPS.complete, backend);
  const theta = input("theta", D);
  const ratio = proposal === null ? null : exp(sub(prior.logDensity(theta), proposal.logDensity(theta)));
  const outputs = { z: frameOf(prior).toGuide(theta), ...(ratio && { weights: ratio }) };
  const program = atOnce(compile({ frame: { outputs } }));
  const { z, weights = null } = await once(program, backend, (executor) =>
    executor.run("frame", { rows: count, inputs: { theta: rows.theta } }),
  );
  const kind = kindOf(plain, settings);
  const constant = constantChannels(noisy, M);
  const { directions, entries } = await fitObserved({
    ...{ kind, M, D, noisy, constant, z, weights, dataKind: noise.data },
    mean: Float32Array.from(await meanRows(plain, rows, backend)),
    noiseSd: constantSd(plain) ?? (await typicalNoiseSd(plain, rows, backend)),
    leastScale: settings.circumstances?.noise?.scale[0] ?? 1,
  });
  return { ...featuresOf(work, settings, directions), entries, constant };
}
